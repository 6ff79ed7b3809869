# Reference values for the meta-regressions of a run: metafor (IV) and lme4 (GLMM).
#
#   Rscript tests/reference/generate_regression.R tests/reference/regression.json
#
# One data set: tuberculosis among the vaccinated of the 13 BCG trials (dat.bcg of metadat;
# Colditz et al. 1994, JAMA 271:698-702), by latitude, year and allocation, one at a time.
# Fitted with the tightened functions of generate_models.R, which are taken from that file
# without running it. Year is centred for R; the slope is the same.
suppressMessages({
  library(metafor); library(metadat); library(lme4); library(numDeriv); library(jsonlite)
})
out <- commandArgs(trailingOnly = TRUE)[1]

for (line in parse("tests/reference/generate_models.R")) {
  if (!is.call(line) || !identical(line[[1]], as.name("<-"))) next
  made_here <- is.call(line[[3]]) && identical(line[[3]][[1]], as.name("function"))
  if (made_here || as.character(line[[2]])[1] == "controls") eval(line)
}

d <- data.frame(xi = dat.bcg$tpos, ni = dat.bcg$tpos + dat.bcg$tneg, latitude = dat.bcg$ablat,
                year = dat.bcg$year - 1950, allocation = dat.bcg$alloc)
e <- escalc("PLO", xi = xi, ni = ni, data = d)
yi <- as.numeric(e$yi); vi <- as.numeric(e$vi)
none <- glmm(d, "xi", "ni", ~1)$tau2

one <- function(name, at) {
  formula <- reformulate(name)
  x <- model.matrix(formula, d); p <- ncol(x)
  t2 <- tau2_fit(yi, vi, x, "REML")$tau2
  null <- tau2_fit(yi, vi, matrix(1, length(yi), 1), "REML")$tau2
  iv <- quiet(rma(yi, vi, mods = x, intercept = FALSE, tau2 = t2, method = "REML", test = "adhoc",
                  btt = 2:p))
  qp <- confint(quiet(rma(yi, vi, mods = x, intercept = FALSE, method = "DL")),
                control = list(tol = 1e-14, tau2.max = 1e6, maxiter = 1e4))
  g <- glmm(d, "xi", "ni", formula)
  line <- NULL
  if (length(at)) {
    pr <- predict(iv, newmods = cbind(at))
    line <- unname(cbind(at, plogis(cbind(pr$pred, pr$ci.lb, pr$ci.ub))))
  }
  list(iv = list(tau2 = t2, tau2_qp = as.numeric(qp$random["tau^2", c("ci.lb", "ci.ub")]),
                 r2 = 100 * max(0, (null - t2) / null), qm = iv$QM, qm_pval = iv$QMp,
                 coef = unname(cbind(iv$beta, iv$se, iv$zval, iv$pval, iv$ci.lb, iv$ci.ub)),
                 weights = as.numeric((1 / (vi + t2)) / sum(1 / (vi + t2))), line = line),
       glmm = list(tau2 = g$tau2, beta = g$beta, cov = g$cov,
                   r2 = 100 * max(0, (none - g$tau2) / none)))
}
versions <- c(R = paste(R.version$major, R.version$minor, sep = "."),
  sapply(c("metafor", "metadat", "lme4", "numDeriv"), function(p) as.character(packageVersion(p))))
write_json(list(versions = as.list(versions), slab = dat.bcg$author, xi = d$xi, ni = d$ni,
                data = list(latitude = d$latitude, year = dat.bcg$year, allocation = d$allocation),
                fits = list(latitude = one("latitude", c(13, 34, 55)), year = one("year", numeric(0)),
                            allocation = one("allocation", numeric(0)))),
           out, digits = NA, auto_unbox = TRUE, na = "null", null = "null")
