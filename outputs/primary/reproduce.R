# Recomputes every pooled estimate of the run primary with metafor and compares.
# Usage: Rscript reproduce.R     (needs the packages metafor and lme4)
# Status 0: all agree; 1: at least one does not; 2: a package is missing.

if (!requireNamespace("metafor", quietly = TRUE) || !requireNamespace("lme4", quietly = TRUE)) {
  message("this script needs the R packages metafor and lme4")
  quit(status = 2)
}
suppressPackageStartupMessages(library(metafor))
failed <- 0L
compared <- 0L
iterate <- list(threshold = 1e-12, tol = 1e-12, maxiter = 10000)

agree <- function(what, ours, theirs, tolerance) {
  for (name in names(ours)) {
    a <- ours[[name]]
    b <- unname(theirs[[name]])
    if (is.na(a)) next
    compared <<- compared + 1L
    same <- isTRUE(a == b) || isTRUE(abs(a - b) <= tolerance * (1 + abs(a)))
    if (!same) {
      failed <<- failed + 1L
      cat(sprintf("DIFFERS  %s, %s: ours %.10g, here %.10g\n", what, name, a, b))
    }
  }
  cat(sprintf("compared %s\n", what))
}

of_fit <- function(fit) {
  list(estimate = as.numeric(fit$beta), ci_lb = fit$ci.lb, ci_ub = fit$ci.ub, tau2 = fit$tau2)
}

exact <- function(x, n, level) {
  limits <- binom.test(x, n, conf.level = level)$conf.int
  list(estimate = x / n, ci_lb = limits[1], ci_ub = limits[2])
}

# Overall response
slab <- c("NCI CAR-BCMA (all doses)", "LEGEND-2 (RJ, JS, CZ)", "LEGEND-2 (Xi'an)", "UPenn CAR-BCMA", "CARTITUDE-1", "CRB-401 (62 patients)", "EVOLVE", "KarMMa", "KarMMa-3, ide-cel")
xi <- c(14, 15, 50, 12, 94, 47, 57, 93, 181)
ni <- c(24, 17, 57, 25, 97, 62, 62, 128, 254)
fit <- rma.glmm(measure = "PLO", xi = xi, ni = ni, test = "t", nAGQ = 25, level = 95.0)
agree("Overall response: PLO by GLMM", list(estimate = 1.4376286989018432, ci_lb = 0.6503597494204879, ci_ub = 2.2248976483831986, tau2 = 0.8789328982132457), of_fit(fit), 2e-05)
fit <- rma(measure = "PLO", xi = xi, ni = ni, method = "REML", test = "adhoc", level = 95.0, control = iterate)
agree("Overall response: PLO by REML, HK", list(estimate = 1.387068557803589, ci_lb = 0.5639535118766554, ci_ub = 2.2101836037305227, tau2 = 0.9120532939953193), of_fit(fit), 1e-06)

# Complete response or better
slab <- c("NCI CAR-BCMA (9\U{d7}10\U{2076}/kg)", "LEGEND-2 (RJ, JS, CZ)", "LEGEND-2 (Xi'an)", "UPenn CAR-BCMA", "CARTITUDE-1", "CRB-401 (62 patients)", "EVOLVE", "KarMMa", "KarMMa-3, ide-cel")
xi <- c(2, 13, 39, 2, 65, 24, 22, 42, 98)
ni <- c(16, 17, 57, 25, 97, 62, 62, 128, 254)
fit <- rma.glmm(measure = "PLO", xi = xi, ni = ni, test = "t", nAGQ = 25, level = 95.0)
agree("Complete response or better: PLO by GLMM", list(estimate = -0.3754339514289869, ci_lb = -1.1711534150389429, ci_ub = 0.42028551218096916, tau2 = 0.9276402233501224), of_fit(fit), 2e-05)
fit <- rma(measure = "PLO", xi = xi, ni = ni, method = "REML", test = "adhoc", level = 95.0, control = iterate)
agree("Complete response or better: PLO by REML, HK", list(estimate = -0.34091807725079687, ci_lb = -1.1989625140122382, ci_ub = 0.5171263595106446, tau2 = 0.9201334119526633), of_fit(fit), 1e-06)

# Cytokine release syndrome, any grade
slab <- c("NCI CAR-BCMA (9\U{d7}10\U{2076}/kg)", "LEGEND-2 (RJ, JS, CZ)", "UPenn CAR-BCMA", "CARTITUDE-1", "CRB-401 (62 patients)", "EVOLVE", "KarMMa", "KarMMa-3, ide-cel")
xi <- c(15, 17, 22, 92, 47, 55, 108, 197)
ni <- c(16, 17, 25, 97, 62, 62, 128, 225)
fit <- rma.glmm(measure = "PLO", xi = xi, ni = ni, test = "t", nAGQ = 25, level = 95.0)
agree("Cytokine release syndrome, any grade: PLO by GLMM", list(estimate = 2.0437489944012643, ci_lb = 1.5068714485148953, ci_ub = 2.5806265402876334, tau2 = 0.17691520418643603), of_fit(fit), 2e-05)
fit <- rma(measure = "PLO", xi = xi, ni = ni, method = "REML", test = "adhoc", level = 95.0, control = iterate)
agree("Cytokine release syndrome, any grade: PLO by REML, HK", list(estimate = 1.9525019031990962, ci_lb = 1.4389504308876029, ci_ub = 2.4660533755105893, tau2 = 0.17679319819645145), of_fit(fit), 1e-06)

# Cytokine release syndrome, grade \U{2265}3
slab <- c("NCI CAR-BCMA (9\U{d7}10\U{2076}/kg)", "LEGEND-2 (RJ, JS, CZ)", "UPenn CAR-BCMA", "CARTITUDE-1", "CRB-401 (62 patients)", "EVOLVE", "KarMMa", "KarMMa-3, ide-cel")
xi <- c(6, 7, 8, 4, 4, 2, 6, 11)
ni <- c(16, 17, 25, 97, 62, 62, 128, 225)
fit <- rma.glmm(measure = "PLO", xi = xi, ni = ni, test = "t", nAGQ = 25, level = 95.0)
agree("Cytokine release syndrome, grade \U{2265}3: PLO by GLMM", list(estimate = -2.1664296101588962, ci_lb = -3.205719016556859, ci_ub = -1.1271402037609333, tau2 = 1.3033673828937071), of_fit(fit), 2e-05)
fit <- rma(measure = "PLO", xi = xi, ni = ni, method = "REML", test = "adhoc", level = 95.0, control = iterate)
agree("Cytokine release syndrome, grade \U{2265}3: PLO by REML, HK", list(estimate = -2.08969992941688, ci_lb = -3.1830267559422722, ci_ub = -0.9963731028914873, tau2 = 1.4580671067633084), of_fit(fit), 1e-06)

# Neurotoxicity, any grade
slab <- c("UPenn CAR-BCMA", "CARTITUDE-1", "CRB-401 (62 patients)", "EVOLVE", "KarMMa", "KarMMa-3, ide-cel")
xi <- c(8, 20, 22, 8, 23, 34)
ni <- c(25, 97, 62, 62, 128, 225)
fit <- rma.glmm(measure = "PLO", xi = xi, ni = ni, test = "t", nAGQ = 25, level = 95.0)
agree("Neurotoxicity, any grade: PLO by GLMM", list(estimate = -1.3587497966870343, ci_lb = -1.8368354435600178, ci_ub = -0.8806641498140508, tau2 = 0.12470193731210351), of_fit(fit), 2e-05)
fit <- rma(measure = "PLO", xi = xi, ni = ni, method = "REML", test = "adhoc", level = 95.0, control = iterate)
agree("Neurotoxicity, any grade: PLO by REML, HK", list(estimate = -1.3312812271101473, ci_lb = -1.8664995692645276, ci_ub = -0.796062884955767, tau2 = 0.17086943132647586), of_fit(fit), 1e-06)

# Neurotoxicity, grade \U{2265}3
slab <- c("UPenn CAR-BCMA", "CARTITUDE-1", "CRB-401 (62 patients)", "EVOLVE", "KarMMa", "KarMMa-3, ide-cel")
xi <- c(3, 10, 1, 2, 4, 7)
ni <- c(25, 97, 62, 62, 128, 225)
fit <- rma.glmm(measure = "PLO", xi = xi, ni = ni, test = "t", nAGQ = 25, level = 95.0)
agree("Neurotoxicity, grade \U{2265}3: PLO by GLMM", list(estimate = -3.0694415363782284, ci_lb = -3.830388376181072, ci_ub = -2.3084946965753845, tau2 = 0.23328246339465603), of_fit(fit), 2e-05)
fit <- rma(measure = "PLO", xi = xi, ni = ni, method = "REML", test = "adhoc", level = 95.0, control = iterate)
agree("Neurotoxicity, grade \U{2265}3: PLO by REML, HK", list(estimate = -2.9627670583555794, ci_lb = -3.8077423915999127, ci_ub = -2.117791725111246, tau2 = 0.33868740291523053), of_fit(fit), 1e-06)
cat(sprintf("not recomputed: %s\n", "Neurotoxicity, grade \U{2265}3: PLO by beta-binomial"))


cat(sprintf("%d numbers compared, %d differ\n", compared, failed))
quit(status = if (failed > 0L) 1 else 0)
