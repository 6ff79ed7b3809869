# Reference values for the counts of the run of record: metafor (IV, REML) and lme4 (GLMM).
#
#   Rscript tests/reference/generate_runs.R tests/reference/runs.json
#
# Reads outputs/primary/counts.csv and fits with the tightened functions of
# generate_single_arm.R, which are taken from that file without running it.
suppressMessages({
  library(metafor); library(lme4); library(numDeriv); library(jsonlite)
})
out <- commandArgs(trailingOnly = TRUE)[1]

for (line in parse("tests/reference/generate_single_arm.R")) {
  if (!is.call(line) || !identical(line[[1]], as.name("<-"))) next
  name <- as.character(line[[2]])[1]
  made_here <- is.call(line[[3]]) && identical(line[[3]][[1]], as.name("function"))
  if (made_here || name %in% c("methods", "tests", "tight", "loose", "columns")) eval(line)
}

counts <- read.csv("outputs/primary/counts.csv", encoding = "UTF-8")
results <- lapply(split(counts, factor(counts$outcome, unique(counts$outcome))), function(rows) {
  d <- list(xi = rows$xi, ni = rows$ni)
  iv <- inverse_variance(d, "PLO")
  list(cohorts = paste(rows$study, rows$cohort, sep = "/"), xi = d$xi, ni = d$ni,
       tau2_qp = iv$tau2_qp, reml = iv$methods$REML, glmm = glmm(d), lrt = homogeneity(d))
})
versions <- c(R = paste(R.version$major, R.version$minor, sep = "."),
  sapply(c("metafor", "lme4", "numDeriv"), function(p) as.character(packageVersion(p))))
write_json(list(versions = as.list(versions), columns = columns, outcomes = results), out,
           digits = NA, auto_unbox = TRUE, na = "null")
