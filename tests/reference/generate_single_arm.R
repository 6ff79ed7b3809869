# Reference values for models of one arm: metafor (inverse variance) and lme4 (GLMM).
#
#   Rscript tests/reference/generate_single_arm.R tests/reference/single_arm.json
#
# Debian packages: r-base-core r-cran-metafor r-cran-metadat r-cran-lme4 r-cran-jsonlite
# r-cran-numderiv. Iterations are tightened: metafor's defaults stop at 1e-5 and lme4's
# at 1e-7.
suppressMessages({
  library(metafor); library(metadat); library(lme4); library(numDeriv); library(jsonlite)
})
out <- commandArgs(trailingOnly = TRUE)[1]

arms <- function(xi, ni) {
  keep <- !is.na(xi) & !is.na(ni) & ni > 0
  list(xi = as.integer(round(xi[keep])), ni = as.integer(round(ni[keep])))
}
sub <- function(d, rows) d[rows, , drop = FALSE]
datasets <- list(
  pritz1997 = with(dat.pritz1997, arms(xi, ni)),
  debruin2009 = with(dat.debruin2009, arms(xi, ni)),
  hannum2020 = with(dat.hannum2020, arms(xi, ni)),
  hasselblad1998 = with(sub(dat.hasselblad1998, dat.hasselblad1998$trt == "no_contact"), arms(xi, ni)),
  pagliaro1992 = with(sub(dat.pagliaro1992, dat.pagliaro1992$trt == "control"), arms(xi, ni)),
  bcg_vaccinated = with(dat.bcg, arms(tpos, tpos + tneg)),
  nielweise2007 = with(dat.nielweise2007, arms(ai, n1i)),
  egger2001 = with(dat.egger2001, arms(ai, n1i)),
  anand1999 = with(dat.anand1999, arms(ai, n1i)),
  baker2009 = with(sub(dat.baker2009, dat.baker2009$treatment == "Placebo"), arms(exac, total)),
  gurusamy2011 = with(sub(dat.gurusamy2011, dat.gurusamy2011$treatment == "Tranexamic acid"), arms(death, n)),
  graves2010 = with(dat.graves2010, arms(ai, n1i)),
  lee2004 = with(dat.lee2004, arms(ai, n1i)),
  woods2010 = with(sub(dat.woods2010, dat.woods2010$treatment == "Salmeterol"), arms(r, N))
)
for (name in names(datasets)) {
  d <- datasets[[name]]
  cat(name, length(d$xi), "studies,", sum(d$xi == 0), "zero,", sum(d$xi == d$ni), "full\n")
}

measures <- c("PLO", "PFT", "PAS", "PR", "PLN")
methods <- c("EE", "DL", "PM", "REML", "ML", "HE", "HS", "SJ", "EB")
tests <- c("z", "t", "knha", "adhoc")
# metafor's thresholds are absolute, so tau2 is found with effects in units of a typical
# standard error. EB's fixed-point steps shrink by a factor a time and need many of them.
tight <- list(threshold = 1e-14, tol = 1e-14, maxiter = 1e5, tau2.max = 1e6)
loose <- list(threshold = 1e-12, tol = 1e-14, maxiter = 1e5, tau2.max = 1e6)

find_tau2 <- function(yi, vi, method) {
  unit <- median(vi)
  for (control in list(tight, loose)) for (adj in c(1, 0.5, 0.1)) {
    control$stepadj <- adj
    fit <- tryCatch(suppressWarnings(rma(yi / sqrt(unit), vi / unit, method = method,
                                         control = control)), error = function(e) NULL)
    if (!is.null(fit)) return(list(tau2 = fit$tau2 * unit, threshold = control$threshold))
  }
  NULL
}

inverse <- function(transf, x, ni) switch(transf,
  PLO = transf.ilogit(x), PLN = exp(x), PR = x, PAS = transf.iarcsin(x),
  PFT = transf.ipft.hm(x, list(ni = ni)))

inverse_variance <- function(d, measure) {
  es <- escalc(measure = measure, xi = d$xi, ni = d$ni)
  yi <- as.numeric(es$yi); vi <- as.numeric(es$vi); k <- length(yi)
  result <- list(yi = yi, vi = vi, methods = list())
  unit <- median(vi)
  qp <- confint(rma(yi / sqrt(unit), vi / unit, method = "DL"),
                control = list(tol = 1e-14, tau2.max = 1e6, maxiter = 1e4))
  result$tau2_qp <- as.numeric(qp$random["tau^2", c("ci.lb", "ci.ub")]) * unit
  for (method in methods) {
    got <- find_tau2(yi, vi, method)
    if (is.null(got)) { result$methods[[method]] <- list(failed = TRUE); next }
    tau2 <- got$tau2
    at <- function(test) suppressWarnings(
      if (method == "EE" && test == "z") rma(yi, vi, method = "EE")
      else rma(yi, vi, tau2 = tau2, method = if (method == "EE") "DL" else method, test = test))
    fit <- at("z")
    entry <- list(threshold = got$threshold, tau2 = tau2, i2 = fit$I2, h2 = fit$H2,
                  q = fit$QE, q_pval = fit$QEp, loglik = as.numeric(logLik(fit)),
                  estimate = as.numeric(fit$beta), tests = list())
    for (test in tests) {
      f <- at(test)
      spread <- sqrt(f$se^2 + tau2)
      est <- as.numeric(f$beta)
      v <- if (test == "z") est + c(-1, 1) * qt(0.975, k - 1) * spread else {
        pr <- predict(f); as.numeric(c(pr$pi.lb, pr$pi.ub)) }
      # In the order of `columns` below.
      entry$tests[[test]] <- c(f$se, f$zval, f$pval, f$ci.lb, f$ci.ub, v,
        est + c(-1, 1) * qt(0.975, k - 2) * spread,
        inverse(measure, c(est, f$ci.lb, f$ci.ub), d$ni))
    }
    if (method == "REML") entry$weights <- as.numeric(weights(fit)) / 100
    result$methods[[method]] <- entry
  }
  result
}

profile_restricted <- function(yi, vi, reml) {
  # Limits of tau2 where the (restricted) profile is qchisq(.95, 1) / 2 below its maximum.
  unit <- median(vi); yi <- yi / sqrt(unit); vi <- vi / unit
  t2 <- find_tau2(yi, vi, if (reml) "REML" else "ML")$tau2
  ll <- function(t) as.numeric(logLik(suppressWarnings(
    rma(yi, vi, tau2 = t, method = if (reml) "REML" else "ML")), REML = reml))
  target <- ll(t2) - qchisq(0.95, 1) / 2
  top <- max(2 * t2, max(vi)); while (ll(top) > target) top <- 2 * top
  up <- uniroot(function(t) ll(t) - target, c(t2, top), tol = 1e-15, maxiter = 1e4)$root
  low <- if (ll(0) >= target) 0 else
    uniroot(function(t) ll(t) - target, c(0, t2), tol = 1e-15, maxiter = 1e4)$root
  c(low, up) * unit
}

glmm <- function(d) {
  k <- length(d$xi)
  data <- data.frame(xi = d$xi, mi = d$ni - d$xi, study = factor(seq_len(k)))
  # The inner iteration's tolerance: the tightest at which it reaches its end.
  for (tol in 10^-(13:7)) {
    control <- glmerControl(optimizer = "bobyqa", tolPwrss = tol, calc.derivs = FALSE,
                            check.conv.singular = "ignore",
                            optCtrl = list(rhobeg = 0.1, rhoend = 1e-10, maxfun = 1e6))
    fit <- tryCatch(suppressWarnings(glmer(
      cbind(xi, mi) ~ 1 + (1 | study), data = data, family = binomial, nAGQ = 25,
      control = control)), error = function(e) NULL)
    if (!is.null(fit)) break
  }
  raw <- suppressWarnings(update(fit, devFunOnly = TRUE))
  # The inner iteration starts where the last call ended and can fail far from there; it is
  # then taken back to the maximum first. A point it never reaches is no optimum.
  home <- c(as.numeric(getME(fit, "theta")), as.numeric(fixef(fit)))
  dev <- function(p) tryCatch(raw(p), error = function(e) tryCatch({
    for (share in seq(0, 1, 0.1)) value <- raw(home + share * (p - home)); value
  }, error = function(e) 1e6))
  theta <- as.numeric(getME(fit, "theta")); mu <- as.numeric(fixef(fit))
  # The optimiser's last digits: a few Newton steps on Richardson derivatives.
  if (theta > 1e-4) for (i in 1:3) {
    step <- solve(hessian(dev, c(theta, mu)), grad(dev, c(theta, mu)))
    theta <- theta - step[1]; mu <- mu - step[2]
  } else { theta <- 0; mu <- qlogis(sum(d$xi) / sum(d$ni)) }
  se <- if (theta > 0) sqrt((2 * solve(hessian(dev, c(theta, mu))))[2, 2]) else
    sqrt(2 / as.numeric(hessian(function(b) dev(c(0, b)), mu)))
  at <- dev(c(theta, mu)); drop <- qchisq(0.95, 1)
  best_mu <- function(t) optimize(function(b) dev(c(t, b)), mu + c(-1, 1) * 12, tol = 1e-9)$objective
  best_t <- function(b) { # two humps are possible: look on both sides of 1
    one <- optimize(function(t) dev(c(t, b)), c(0, 1), tol = 1e-9)$objective
    two <- optimize(function(t) dev(c(t, b)), c(1, 2 + 2 * theta), tol = 1e-9)$objective
    min(one, two, dev(c(0, b))) }
  f_t <- function(t) best_mu(t) - at - drop
  top <- theta + 0.5; while (f_t(top) < 0) top <- 1.5 * top
  t_up <- uniroot(f_t, c(theta, top), tol = 1e-11)$root
  t_low <- if (f_t(0) <= 0) 0 else uniroot(f_t, c(0, theta), tol = 1e-11)$root
  f_m <- function(b) best_t(b) - at - drop
  far <- 3 * se; while (f_m(mu + far) < 0 || f_m(mu - far) < 0) far <- 1.5 * far
  m_up <- uniroot(f_m, c(mu, mu + far), tol = 1e-11)$root
  m_low <- uniroot(f_m, c(mu - far, mu), tol = 1e-11)$root
  # With nAGQ > 1 lme4's likelihood is relative to the saturated model.
  saturated <- sum(dbinom(d$xi, d$ni, d$xi / d$ni, log = TRUE))
  list(tolerance = tol, estimate = mu, se = se, tau2 = theta^2, loglik = saturated + as.numeric(logLik(fit)),
       tau2_ci = c(t_low, t_up)^2, mu_ci = c(m_low, m_up))
}

homogeneity <- function(d) {
  p <- sum(d$xi) / sum(d$ni)
  fit <- glm(cbind(d$xi, d$ni - d$xi) ~ 1, family = binomial,
             control = list(epsilon = 1e-15, maxit = 100))
  deviance(fit)
}

results <- lapply(datasets, function(d) {
  one <- list(xi = d$xi, ni = d$ni,
              measures = setNames(lapply(measures, function(m) inverse_variance(d, m)), measures),
              glmm = glmm(d), lrt = homogeneity(d))
  plo <- one$measures$PLO
  one$tau2_pl <- list(REML = profile_restricted(plo$yi, plo$vi, TRUE),
                      ML = profile_restricted(plo$yi, plo$vi, FALSE))
  one
})
versions <- c(R = paste(R.version$major, R.version$minor, sep = "."),
  sapply(c("metafor", "metadat", "lme4", "numDeriv"), function(p) as.character(packageVersion(p))))
columns <- c("se", "stat", "p", "ci_lb", "ci_ub", "pi_v_lb", "pi_v_ub", "pi_hts_lb", "pi_hts_ub",
             "back_estimate", "back_ci_lb", "back_ci_ub")
write_json(list(versions = as.list(versions), level = 0.95, columns = columns, datasets = results), out,
           digits = NA, auto_unbox = TRUE, na = "null")
