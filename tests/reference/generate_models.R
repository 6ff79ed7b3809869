# Reference values for regression, subgroups, three-level models, CR2 and permutation tests.
#
#   Rscript tests/reference/generate_models.R tests/reference/models.json
#
# Debian packages: r-base-core r-cran-metafor r-cran-metadat r-cran-lme4 r-cran-clubsandwich
# r-cran-jsonlite r-cran-numderiv. Iterations are tightened: metafor's defaults stop at 1e-5.
suppressMessages({
  library(metafor); library(metadat); library(lme4); library(numDeriv); library(clubSandwich)
  library(jsonlite)
})
out <- commandArgs(trailingOnly = TRUE)[1]
quiet <- function(x) suppressWarnings(x)
methods <- c("EE", "DL", "PM", "REML", "ML", "HE", "HS", "SJ", "EB")
tests <- c("z", "t", "knha", "adhoc")
controls <- lapply(c(1e-14, 1e-13, 1e-12), function(eps)
  list(threshold = eps, tol = 1e-15, maxiter = 1e5, tau2.max = 1e4))

# -- inverse-variance regression ------------------------------------------------------------
bcg <- escalc("RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg)
linde <- escalc("OR", ai = ai, n1i = n1i, ci = ci, n2i = n2i,
                data = dat.linde2005[!is.na(dat.linde2005$ai), ])
linde$group <- paste0("g", linde$group)
anand <- escalc("OR", ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = dat.anand1999)
# Centred: a moderator far from 0 costs R, which solves normal equations, its last digits.
anand$decade <- (anand$year - 1975) / 10
bangert <- dat.bangertdrowns2004
bangert <- bangert[complete.cases(bangert[, c("length", "wic", "feedback", "info")]), ]
cases <- list(
  bcg_ablat = list(bcg, ~ablat, list(ablat = c(10, 33.5, 60))),
  bcg_alloc = list(bcg, ~alloc, list(alloc = c("alternate", "random", "systematic"))),
  bcg_alloc_year = list(bcg, ~ alloc + year, list(alloc = c("random", "alternate"),
                                                  year = c(1950, 1970))),
  bcg_interaction = list(bcg, ~ alloc * ablat, list(alloc = c("random", "systematic"),
                                                    ablat = c(20, 50))),
  raudenbush_weeks = list(dat.raudenbush1985, ~ weeks + setting,
                          list(weeks = c(0, 24), setting = c("group", "indiv"))),
  bangert_several = list(bangert, ~ log(length) + wic + feedback + info,
                         list(length = c(1, 15), wic = c(0, 1), feedback = c(1, 0),
                              info = c(0, 1))),
  linde_group = list(linde, ~group, list(group = c("g1", "g2", "g3"))),
  anand_intensity = list(anand, ~ intensity + decade,
                         list(intensity = c("high", "low"), decade = c(-1, 0.5))),
  konstantopoulos_year = list(dat.konstantopoulos2011, ~year, list(year = c(1980, 2000)))
)

tau2_fit <- function(yi, vi, x, method) {
  for (control in controls) for (adj in c(1, 0.5, 0.1)) {
    control$stepadj <- adj
    fit <- tryCatch(quiet(rma(yi, vi, mods = x, intercept = FALSE, method = method,
                              control = control)), error = function(e) NULL)
    if (!is.null(fit)) return(fit)
  }
  stop("no fit by ", method)
}

regression <- function(case) {
  d <- case[[1]]; formula <- case[[2]]; at <- as.data.frame(case[[3]])
  terms <- all.vars(formula)
  for (name in terms) if (is.character(d[[name]])) d[[name]] <- factor(d[[name]])
  for (name in names(at)) if (is.factor(d[[name]])) at[[name]] <- factor(at[[name]], levels(d[[name]]))
  x <- model.matrix(formula, d); new <- model.matrix(formula, at)
  yi <- as.numeric(d$yi); vi <- as.numeric(d$vi); k <- length(yi); p <- ncol(x)
  qp <- confint(quiet(rma(yi, vi, mods = x, intercept = FALSE, method = "DL")),
                control = list(tol = 1e-14, tau2.max = 1e6, maxiter = 1e4))
  result <- list(
    yi = yi, vi = vi, formula = paste(deparse(formula), collapse = ""),
    data = lapply(setNames(terms, terms), function(n) if (is.factor(d[[n]])) as.character(d[[n]]) else d[[n]]),
    at = lapply(case[[3]], identity), columns = colnames(x),
    tau2_qp = as.numeric(qp$random["tau^2", c("ci.lb", "ci.ub")]), methods = list())
  for (method in methods) {
    fit <- tau2_fit(yi, vi, x, method)
    t2 <- fit$tau2
    null <- if (method == "EE") NULL else tau2_fit(yi, vi, matrix(1, k, 1), method)$tau2
    entry <- list(tau2 = t2, i2 = fit$I2, h2 = fit$H2, q = fit$QE, q_pval = fit$QEp,
                  r2 = if (is.null(null) || null == 0) NULL else 100 * max(0, (null - t2) / null),
                  loglik = as.numeric(logLik(fit)), tests = list())
    if (method == "EE") { entry$i2 <- max(0, 100 * (fit$QE - (k - p)) / fit$QE)
                          entry$h2 <- fit$QE / (k - p) }
    for (test in tests) {
      by <- if (method == "EE") "DL" else method
      f <- quiet(rma(yi, vi, mods = x, intercept = FALSE, tau2 = t2, method = by, test = test,
                     btt = 2:p))
      pr <- predict(f, newmods = unname(new[, -1, drop = FALSE]))
      wide <- qt(0.975, k - p) * sqrt(pr$se^2 + t2)
      entry$tests[[test]] <- list(
        coef = unname(cbind(f$beta, f$se, f$zval, f$pval, f$ci.lb, f$ci.ub)),
        qm = f$QM, qm_pval = f$QMp,
        predict = unname(cbind(pr$pred, pr$se, pr$ci.lb, pr$ci.ub, pr$pred - wide, pr$pred + wide)))
    }
    if (method == "REML") entry$cov <- unname(vcov(quiet(rma(yi, vi, mods = x, intercept = FALSE, tau2 = t2))))
    result$methods[[method]] <- entry
  }
  result
}

regressions <- lapply(cases, regression)

# -- subgroups ------------------------------------------------------------------------------
subgroups <- function(d, group, method, test) {
  yi <- as.numeric(d$yi); vi <- as.numeric(d$vi); g <- factor(d[[group]])
  x <- model.matrix(~ 0 + g)
  t2 <- tau2_fit(yi, vi, x, method)$tau2
  means <- quiet(rma(yi, vi, mods = x, intercept = FALSE, tau2 = t2, method = method, test = test))
  between <- quiet(rma(yi, vi, mods = model.matrix(~g), intercept = FALSE, tau2 = t2,
                       method = method, test = test, btt = 2:nlevels(g)))
  own <- lapply(levels(g), function(l) {
    at <- g == l
    if (sum(at) == 1) return(c(yi[at], sqrt(vi[at]), 0))
    t <- tau2_fit(yi[at], vi[at], matrix(1, sum(at), 1), method)$tau2
    f <- quiet(rma(yi[at], vi[at], tau2 = t, method = method, test = test))
    c(as.numeric(f$beta), f$se, t)
  })
  own <- do.call(rbind, own)
  apart <- quiet(rma(own[, 1], own[, 2]^2, method = "FE"))
  list(yi = yi, vi = vi, group = as.character(g), levels = levels(g), method = method, test = test,
       common = list(tau2 = t2, means = unname(cbind(means$beta, means$se, means$ci.lb, means$ci.ub)),
                     stat = between$QM, p = between$QMp),
       separate = list(means = unname(own), stat = apart$QE, p = apart$QEp))
}
groups <- list()
for (method in c("DL", "REML", "PM")) for (test in tests) {
  groups[[length(groups) + 1]] <- subgroups(bcg, "alloc", method, test)
  groups[[length(groups) + 1]] <- subgroups(linde, "group", method, test)
}

# -- binomial-normal regression ---------------------------------------------------------------
glmm <- function(d, xi, ni, formula) {
  d <- d[complete.cases(d[, c(xi, ni, all.vars(formula))]), ]
  d$y <- as.integer(d[[xi]]); d$n <- as.integer(d[[ni]]); d$study <- factor(seq_len(nrow(d)))
  full <- update(formula, cbind(y, n - y) ~ . + (1 | study))
  for (tol in 10^-(13:7)) {
    fit <- tryCatch(quiet(glmer(full, data = d, family = binomial, nAGQ = 25,
      control = glmerControl(optimizer = "bobyqa", tolPwrss = tol, calc.derivs = FALSE,
        check.conv.singular = "ignore", optCtrl = list(rhoend = 1e-10, maxfun = 1e6)))),
      error = function(e) NULL)
    if (!is.null(fit)) break
  }
  dev <- quiet(update(fit, devFunOnly = TRUE))
  at <- c(as.numeric(getME(fit, "theta")), as.numeric(fixef(fit)))
  for (i in 1:3) { h <- hessian(dev, at); at <- at - solve(h, grad(dev, at)) }
  cov <- 2 * solve(h)[-1, -1, drop = FALSE]
  q <- deviance(glm(update(formula, cbind(y, n - y) ~ .), data = d, family = binomial,
                    control = list(epsilon = 1e-13, maxit = 100)))
  terms <- all.vars(formula)
  list(xi = d$y, ni = d$n, formula = paste(deparse(formula), collapse = ""),
       data = lapply(setNames(terms, terms), function(n) if (is.numeric(d[[n]])) d[[n]] else as.character(d[[n]])),
       tau2 = at[1]^2, beta = at[-1], cov = unname(cov), deviance = dev(at), q = q)
}
debruin <- dat.debruin2009
woods <- data.frame(xi = dat.bcg$tpos, ni = dat.bcg$tpos + dat.bcg$tneg, ablat = dat.bcg$ablat,
                    alloc = dat.bcg$alloc)
likelihoods <- list(
  debruin_scq = glmm(debruin, "xi", "ni", ~scq),
  debruin_ethnicity = glmm(debruin, "xi", "ni", ~ethnicity),
  debruin_both = glmm(debruin, "xi", "ni", ~ ethnicity + patients),
  obrien_bmi = glmm(dat.obrien2003, "cases", "total", ~bmi),
  linde_major = glmm(dat.linde2005, "ai", "n1i", ~ factor(group)),
  bcg_ablat = glmm(woods, "xi", "ni", ~ablat),
  bcg_alloc = glmm(woods, "xi", "ni", ~alloc)
)
likelihoods$linde_major$formula <- "~C(group)"
# Likelihood ratio of the group means against one mean: deviances of the same quadrature.
ratio <- function(full, null) null$deviance - full$deviance
likelihood_ratios <- list(
  debruin_ethnicity = ratio(likelihoods$debruin_ethnicity, glmm(debruin, "xi", "ni", ~1)),
  linde_major = ratio(likelihoods$linde_major,
                      glmm(dat.linde2005[!is.na(dat.linde2005$group), ], "ai", "n1i", ~1)),
  bcg_alloc = ratio(likelihoods$bcg_alloc, glmm(woods, "xi", "ni", ~1)))

# -- permutation tests: exact ones ------------------------------------------------------------
hine <- escalc("OR", ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = dat.hine1989)
permuted <- function(d, mods, method, test) {
  fit <- if (is.null(mods)) quiet(rma(d$yi, d$vi, method = method, test = test)) else
    quiet(rma(d$yi, d$vi, mods = as.matrix(d[all.vars(mods)]), method = method, test = test))
  perm <- quiet(permutest(fit, exact = TRUE, progbar = FALSE))
  list(yi = as.numeric(d$yi), vi = as.numeric(d$vi), method = method, test = test,
       formula = if (is.null(mods)) "~1" else paste(deparse(mods), collapse = ""),
       data = if (is.null(mods)) list() else as.list(d[all.vars(mods)]),
       p = perm$pval, p_omnibus = perm$QMp)
}
permutations <- list()
for (test in c("z", "knha")) for (method in c("DL", "EE")) {
  add <- function(x) permutations[[length(permutations) + 1]] <<- x
  add(permuted(hine, NULL, method, test))
  add(permuted(bcg, NULL, method, test))
  add(permuted(bcg[1:7, ], ~ablat, method, test))
  add(permuted(bcg[c(1, 2, 4, 5, 7, 9), ], ~ ablat + year, method, test))
}

# -- three levels and clusters ----------------------------------------------------------------
bornmann <- escalc("OR", ai = waward, n1i = wtotal, ci = maward, n2i = mtotal, data = dat.bornmann2007)
bornmann$type <- as.character(bornmann$type)
nested <- list(
  konstantopoulos = list(dat.konstantopoulos2011, "district", ~1),
  konstantopoulos_year = list(dat.konstantopoulos2011, "district", ~year),
  assink = list(dat.assink2016, "study", ~1),
  assink_deltype = list(dat.assink2016, "study", ~ deltype + year),
  bornmann = list(bornmann, "study", ~1),
  bornmann_type = list(bornmann, "study", ~type)
)
three_level <- function(case, method) {
  d <- case[[1]]; d$trial_id <- as.character(d[[case[[2]]]]); d$cohort_id <- seq_len(nrow(d))
  x <- model.matrix(case[[3]], d); yi <- as.numeric(d$yi); vi <- as.numeric(d$vi)
  at <- function(s, control = list()) quiet(rma.mv(yi, vi, mods = x, intercept = FALSE,
    random = ~ 1 | trial_id/cohort_id, data = d, sigma2 = s, method = method, control = control))
  fit <- at(c(NA, NA))
  # The optimiser's last digits: Newton steps on Richardson derivatives of the likelihood.
  s <- fit$sigma2
  ll <- function(s) as.numeric(logLik(at(s)))
  for (i in 1:3) s <- s - solve(hessian(ll, s), grad(ll, s))
  fit <- at(s)
  top <- ll(s); drop <- qchisq(0.95, 1) / 2
  limits <- t(sapply(1:2, function(j) {
    f <- function(v) {
      g <- function(o) ll(if (j == 1) c(v, o) else c(o, v))
      best <- optimize(g, c(0, 4 * sum(s)), maximum = TRUE, tol = 1e-10)$objective
      max(best, g(0)) - top + drop
    }
    high <- 2 * s[j]; while (f(high) > 0) high <- 1.5 * high
    c(if (f(0) >= 0) 0 else uniroot(f, c(0, s[j]), tol = 1e-11)$root,
      uniroot(f, c(s[j], high), tol = 1e-11)$root)
  }))
  terms <- all.vars(case[[3]])
  c(list(yi = yi, vi = vi, trial = d$trial_id, formula = paste(deparse(case[[3]]), collapse = ""),
         data = lapply(setNames(terms, terms), function(n) d[[n]]), method = method, sigma2 = s,
         limits = unname(limits), beta = as.numeric(fit$beta), se = fit$se, loglik = top,
         q = fit$QE), list(cr2 = robust(fit, d$trial_id)))
}
robust <- function(fit, cluster) {
  test <- as.data.frame(coef_test(fit, vcov = "CR2", cluster = cluster))
  lim <- as.data.frame(conf_int(fit, vcov = "CR2", cluster = cluster))
  p <- length(fit$beta)
  one <- list(se = test$SE, df = test$df_Satt, p = test$p_Satt, ci_lb = lim$CI_L, ci_ub = lim$CI_U)
  if (p > 1) {
    w <- Wald_test(fit, constraints = constrain_zero(2:p), vcov = "CR2", cluster = cluster, test = "HTZ")
    one$htz <- c(w$Fstat, w$df_num, w$df_denom, w$p_val)
  }
  one
}
one_level <- function(case) {
  d <- case[[1]]; x <- model.matrix(case[[3]], d)
  t2 <- tau2_fit(as.numeric(d$yi), as.numeric(d$vi), x, "REML")$tau2
  fit <- quiet(rma(as.numeric(d$yi), as.numeric(d$vi), mods = x, intercept = FALSE, tau2 = t2))
  c(list(tau2 = t2, beta = as.numeric(fit$beta)), robust(fit, as.character(d[[case[[2]]]])))
}
multilevel <- list()
for (name in names(nested)) {
  cat(name, "\n")
  multilevel[[name]] <- list(REML = three_level(nested[[name]], "REML"),
                             ML = three_level(nested[[name]], "ML"), cr2 = one_level(nested[[name]]))
}

versions <- c(R = paste(R.version$major, R.version$minor, sep = "."),
  sapply(c("metafor", "metadat", "lme4", "numDeriv", "clubSandwich"),
         function(p) as.character(packageVersion(p))))
write_json(list(versions = as.list(versions), level = 0.95,
                regressions = regressions, subgroups = groups,
                glmm = likelihoods, likelihood_ratios = likelihood_ratios,
                multilevel = multilevel, permutations = permutations),
           out, digits = NA, auto_unbox = TRUE, na = "null", null = "null")
