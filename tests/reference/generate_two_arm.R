# Reference values for two-arm counts: metafor (IV, MH, Peto) and lme4 (GLMM).
#
#   Rscript tests/reference/generate_two_arm.R tests/reference/two_arm.json
#
# Debian packages: r-base-core r-cran-metafor r-cran-metadat r-cran-lme4 r-cran-jsonlite
# r-cran-numderiv. Iterations are tightened: metafor's defaults stop at 1e-5.
suppressMessages({
  library(metafor); library(metadat); library(lme4); library(numDeriv); library(jsonlite)
})
out <- commandArgs(trailingOnly = TRUE)[1]

arms <- function(ai, n1i, ci, n2i) {
  keep <- complete.cases(ai, n1i, ci, n2i)
  lapply(list(ai = ai[keep], n1i = n1i[keep], ci = ci[keep], n2i = n2i[keep]), as.integer)
}
datasets <- list(
  bcg = with(dat.bcg, arms(tpos, tpos + tneg, cpos, cpos + cneg)),
  collins1985a = with(dat.collins1985a, arms(b.xti, nti, b.xci, nci)),
  collins1985b = with(dat.collins1985b, arms(pre.xti, pre.nti, pre.xci, pre.nci)),
  hine1989 = with(dat.hine1989, arms(ai, n1i, ci, n2i)),
  linde2005 = with(dat.linde2005, arms(ai, n1i, ci, n2i)),
  yusuf1985 = with(dat.yusuf1985[dat.yusuf1985$table == 6, ], arms(ai, n1i, ci, n2i)),
  li2007 = with(dat.li2007, arms(ai, n1i, ci, n2i)),
  nielweise2007 = with(dat.nielweise2007, arms(ai, n1i, ci, n2i)),
  egger2001 = with(dat.egger2001, arms(ai, n1i, ci, n2i)),
  axfors2021 = with(dat.axfors2021, arms(hcq_arm_event, hcq_arm_total, control_arm_event,
                                         control_arm_total)),
  anand1999 = with(dat.anand1999, arms(ai, n1i, ci, n2i)),
  lee2004 = with(dat.lee2004, arms(ai, n1i, ci, n2i)),
  # Made for this file: a study in which nobody, and one in which everybody, has the event.
  both_silent = arms(c(12, 5, 20, 0, 9, 31, 10), c(40, 33, 51, 18, 22, 60, 10),
                     c(8, 9, 11, 0, 9, 22, 12), c(41, 30, 49, 20, 9, 58, 12))
)
for (name in names(datasets)) {
  d <- datasets[[name]]
  cat(name, length(d$ai), "studies,", sum(d$ai + d$ci == 0), "without events,",
      sum(d$ai == 0 | d$ci == 0 | d$ai == d$n1i | d$ci == d$n2i), "with a zero cell\n")
}
measures <- c("OR", "RR", "RD")
methods <- c("EE", "DL", "PM", "REML", "ML", "HE", "HS", "SJ", "EB")
tests <- c("z", "t", "knha", "adhoc")
rules <- c("only0", "all", "if0all", "none")
controls <- lapply(c(1e-14, 1e-13, 1e-12), function(eps)
  list(threshold = eps, tol = 1e-15, maxiter = 1e5, tau2.max = 1e4))
quiet <- function(x) suppressWarnings(x)

tau2_fit <- function(yi, vi, method) {
  for (control in controls) for (adj in c(1, 0.5, 0.1)) {
    control$stepadj <- adj
    fit <- tryCatch(quiet(rma(yi, vi, method = method, control = control)),
                    error = function(e) NULL)
    if (!is.null(fit)) return(fit)
  }
  stop("no fit by ", method)
}

inverse_variance <- function(d, measure) {
  es <- quiet(with(d, escalc(measure, ai = ai, n1i = n1i, ci = ci, n2i = n2i)))
  yi <- as.numeric(es$yi); vi <- as.numeric(es$vi); k <- length(yi)
  qp <- confint(rma(yi, vi, method = "DL"),
                control = list(tol = 1e-14, tau2.max = 1e6, maxiter = 1e4))
  result <- list(tau2_qp = as.numeric(qp$random["tau^2", c("ci.lb", "ci.ub")]), methods = list())
  for (method in methods) {
    fit <- tau2_fit(yi, vi, method)
    entry <- list(tau2 = fit$tau2, i2 = fit$I2, h2 = fit$H2, q = fit$QE, q_pval = fit$QEp,
                  estimate = as.numeric(fit$beta), tests = list())
    for (test in tests) {
      # "EE" refuses Knapp-Hartung's factor; at tau2 = 0 every method is the same fit.
      by <- if (method == "EE") "DL" else method
      f <- quiet(rma(yi, vi, tau2 = fit$tau2, method = by, test = test))
      wide <- sqrt(f$se^2 + fit$tau2)
      entry$tests[[test]] <- c(f$se, f$zval, f$pval, f$ci.lb, f$ci.ub,
        as.numeric(f$beta) + c(-1, 1) * qt(0.975, k - 1) * wide,
        as.numeric(f$beta) + c(-1, 1) * qt(0.975, k - 2) * wide)
    }
    if (method == "REML") entry$weights <- as.numeric(weights(fit)) / 100
    result$methods[[method]] <- entry
  }
  result
}

effect_sizes <- function(d, measure) setNames(lapply(rules, function(rule) {
  es <- quiet(with(d, escalc(measure, ai = ai, n1i = n1i, ci = ci, n2i = n2i, to = rule)))
  yi <- as.numeric(es$yi); vi <- as.numeric(es$vi)
  bad <- is.na(yi) | !is.finite(vi) | vi <= 0
  list(yi = ifelse(bad, NA, yi), vi = ifelse(bad, NA, vi))
}), rules)

fixed <- function(fit) c(list(
  estimate = as.numeric(fit$beta), se = fit$se, stat = fit$zval, p = fit$pval,
  ci_lb = fit$ci.lb, ci_ub = fit$ci.ub, q = fit$QE, q_df = fit$k.yi - 1, q_pval = fit$QEp,
  i2 = fit$I2, h2 = fit$H2))
one_mh <- function(d, measure, ...)
  quiet(with(d, rma.mh(measure = measure, ai = ai, n1i = n1i, ci = ci, n2i = n2i, ...)))
# The studies that carmeta drops by default: without events (OR, RR), with only events (OR).
silent <- function(d, measure) {
  none <- d$ai + d$ci == 0; all <- d$ai + d$ci == d$n1i + d$n2i
  if (measure == "OR") none | all else if (measure == "RR") none else none & FALSE
}
# drop00 of metafor is of the studies' own effects, and so of Q, unless given twice.
mantel_haenszel <- function(d, measure) {
  heard <- lapply(d, function(column) column[!silent(d, measure)])
  fit <- one_mh(d, measure, drop00 = FALSE)
  full <- c(fixed(fit), list(weights = as.numeric(weights(fit)) / 100))
  if (measure == "OR")
    full <- c(full, list(cmh = fit$MH, cmh_p = fit$MHp, tarone = fit$TA, tarone_p = fit$TAp))
  c(full, list(
    default = fixed(one_mh(heard, measure, drop00 = FALSE)),
    dropped = fixed(one_mh(d, measure, drop00 = c(TRUE, TRUE))),
    rules = setNames(lapply(rules, function(rule)
      fixed(one_mh(d, measure, to = rule, drop00 = FALSE))), rules)))
}
peto <- function(d) {
  fit <- quiet(with(d, rma.peto(ai = ai, n1i = n1i, ci = ci, n2i = n2i)))
  # weights() is NA for studies without events in both arms
  w <- as.numeric(weights(fit)) / 100
  c(fixed(fit), list(weights = ifelse(is.na(w), 0, w)))
}

long <- function(d) {
  keep <- d$ai + d$ci > 0 & d$ai + d$ci < d$n1i + d$n2i
  k <- sum(keep)
  data.frame(y = c(d$ai[keep], d$ci[keep]), n = c(d$n1i[keep], d$n2i[keep]),
             arm = rep(c(1, 0), each = k), half = rep(c(0.5, -0.5), each = k),
             study = factor(rep(seq_len(k), 2)))
}
control <- function(tol) glmerControl(
  optimizer = "bobyqa", tolPwrss = tol, calc.derivs = FALSE, check.conv.singular = "ignore",
  optCtrl = list(rhoend = 1e-10, maxfun = 1e6))

# One fixed intercept a study: one random effect, so 25 nodes are possible.
fixed_intercepts <- function(d) {
  data <- long(d)
  if (nlevels(data$study) > 18) return(NULL)  # derivatives in so many dimensions take hours
  for (tol in 10^-(13:7)) {
    fit <- tryCatch(quiet(glmer(cbind(y, n - y) ~ 0 + study + arm + (0 + half | study),
      data = data, family = binomial, nAGQ = 25, control = control(tol))),
      error = function(e) NULL)
    if (!is.null(fit)) break
  }
  dev <- quiet(update(fit, devFunOnly = TRUE))
  at <- c(as.numeric(getME(fit, "theta")), as.numeric(fixef(fit)))
  if (at[1] < 1e-4) {
    g <- glm(cbind(y, n - y) ~ 0 + study + arm, data = data, family = binomial,
             control = list(epsilon = 1e-13, maxit = 200))
    b <- coef(g)
    return(list(estimate = unname(b["arm"]), se = sqrt(vcov(g)["arm", "arm"]), tau2 = 0))
  }
  for (i in 1:2) {
    h <- hessian(dev, at)
    at <- at - solve(h, grad(dev, at))
  }
  p <- length(at)
  list(estimate = at[p], se = sqrt(2 * solve(h)[p, p]), tau2 = at[1]^2)
}

# Random intercepts: lme4 has Laplace's approximation only. Its value at given parameters.
laplace <- function(d) {
  data <- long(d)
  fit <- quiet(glmer(cbind(y, n - y) ~ arm + (1 | study) + (0 + half | study), data = data,
                     family = binomial, control = control(1e-10)))
  dev <- quiet(update(fit, devFunOnly = TRUE))
  points <- list(c(0.6, 0.4, -1.5, -0.3), c(1.1, 0.8, -2, 0.2))
  list(points = points, deviance = sapply(points, dev),
       fit = list(estimate = unname(fixef(fit)[2]), sd = as.data.frame(VarCorr(fit))$sdcor))
}
common_lrt <- function(d) {
  data <- long(d)
  deviance(glm(cbind(y, n - y) ~ 0 + study + arm, data = data, family = binomial,
               control = list(epsilon = 1e-13, maxit = 200)))
}

results <- lapply(names(datasets), function(name) {
  d <- datasets[[name]]
  cat(name, "\n")
  c(d, list(
    effects = setNames(lapply(measures, function(m) effect_sizes(d, m)), measures),
    iv = setNames(lapply(measures, function(m) inverse_variance(d, m)), measures),
    mh = setNames(lapply(measures, function(m) mantel_haenszel(d, m)), measures),
    peto = peto(d), lrt = common_lrt(d), um_fs = fixed_intercepts(d), laplace = laplace(d)))
})
names(results) <- names(datasets)
versions <- c(R = paste(R.version$major, R.version$minor, sep = "."),
  sapply(c("metafor", "metadat", "lme4", "numDeriv"), function(p) as.character(packageVersion(p))))
columns <- c("se", "stat", "p", "ci_lb", "ci_ub", "pi_v_lb", "pi_v_ub", "pi_hts_lb", "pi_hts_ub")
write_json(list(versions = as.list(versions), level = 0.95, columns = columns,
                datasets = results), out, digits = NA, auto_unbox = TRUE, na = "null", null = "null")
