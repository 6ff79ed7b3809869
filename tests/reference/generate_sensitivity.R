# Reference values for leave-one-out, cumulative, influence, Baujat, regression tests and
# trim-and-fill: metafor.
#
#   Rscript tests/reference/generate_sensitivity.R tests/reference/sensitivity.json
suppressMessages({ library(metafor); library(metadat); library(jsonlite) })
out <- commandArgs(trailingOnly = TRUE)[1]

arms <- function(xi, ni) list(xi = as.integer(round(xi)), ni = as.integer(round(ni)))
sub <- function(d, rows) d[rows, , drop = FALSE]
datasets <- list(
  pritz1997 = with(dat.pritz1997, arms(xi, ni)),
  debruin2009 = with(dat.debruin2009, arms(xi, ni)),
  hasselblad1998 = with(sub(dat.hasselblad1998, dat.hasselblad1998$trt == "no_contact"), arms(xi, ni)),
  bcg_vaccinated = with(dat.bcg, arms(tpos, tpos + tneg)),
  nielweise2007 = with(dat.nielweise2007, arms(ai, n1i)),
  lee2004 = with(dat.lee2004, arms(ai, n1i)))
control <- list(threshold = 1e-14, tol = 1e-14, maxiter = 1e5)
fit <- function(yi, vi, ni, method, test)
  suppressWarnings(rma(yi, vi, ni = ni, method = method, test = test, control = control))

one <- function(d, measure) {
  es <- escalc(measure = measure, xi = d$xi, ni = d$ni)
  yi <- as.numeric(es$yi); vi <- as.numeric(es$vi); ni <- d$ni
  cases <- list()
  for (method in c("REML", "DL", "EE")) for (test in c("z", "knha", "adhoc")) {
    if (method == "EE" && test != "z") next
    if (measure == "PAS" && (method != "REML" || test == "knha")) next
    f <- fit(yi, vi, ni, method, test)
    inf <- influence(f)
    loo <- leave1out(f)
    cum <- cumul(f)
    pdf(NULL); bau <- baujat(f); dev.off()
    cases[[paste(method, test)]] <- list(
      influence = unclass(inf$inf)[c("rstudent", "dffits", "cook.d", "cov.r", "tau2.del", "QE.del",
                                     "hat", "weight")],
      dfbs = as.numeric(inf$dfbs$intrcpt), is_infl = as.logical(inf$is.infl),
      loo = unclass(loo)[c("estimate", "se", "ci.lb", "ci.ub", "Q", "tau2", "I2")],
      cumul = unclass(cum)[c("estimate", "se", "ci.lb", "ci.ub", "tau2", "I2")],
      baujat = list(x = bau$x, y = bau$y))
  }
  f <- fit(yi, vi, ni, "REML", "z"); fk <- fit(yi, vi, ni, "REML", "knha")
  reg <- list()
  for (predictor in c("sei", "ninv", "vi", "sqrtninv")) {
    lm <- regtest(f, model = "lm", predictor = predictor)
    z <- regtest(f, model = "rma", predictor = predictor)
    t <- regtest(fk, model = "rma", predictor = predictor)
    reg[[predictor]] <- list(
      lm = c(lm$zval, lm$dfs, lm$pval), z = c(z$zval, z$pval), knha = c(t$zval, t$dfs, t$pval),
      limit = c(z$est, z$ci.lb, z$ci.ub), lm_limit = c(lm$est, lm$ci.lb, lm$ci.ub))
  }
  # trimfill refits without the control of its model, so its REML is loose: closed forms.
  fill <- list()
  for (estimator in c("L0", "R0")) for (side in c("left", "right")) for (method in c("DL", "EE")) {
    t <- trimfill(fit(yi, vi, ni, method, "z"), estimator = estimator, side = side)
    fill[[paste(estimator, side, method)]] <- list(k0 = t$k0, se_k0 = t$se.k0,
      estimate = as.numeric(t$beta), se = t$se, ci_lb = t$ci.lb, ci_ub = t$ci.ub, tau2 = t$tau2,
      yi = as.numeric(t$yi))
  }
  auto <- trimfill(f)
  list(xi = d$xi, ni = d$ni, yi = yi, vi = vi, cases = cases, regtest = reg, trimfill = fill,
       auto = list(side = auto$side, k0 = auto$k0))
}
results <- lapply(datasets, function(d) list(PLO = one(d, "PLO"), PAS = one(d, "PAS")))
versions <- c(R = paste(R.version$major, R.version$minor, sep = "."),
              metafor = as.character(packageVersion("metafor")))
write_json(list(versions = as.list(versions), datasets = results), out, digits = NA,
           auto_unbox = TRUE, na = "null")
