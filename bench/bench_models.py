"""How fast two-arm pools, regression and dependent effects are, beside R: part of `make bench`.

Every case is one call in a warm process; the median of the repetitions is told. R's packages
are timed in a warm R session on the same data, where Rscript is there. Nothing fails here.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from carmeta.api.dependence import permute, regress_three_level
from carmeta.api.regression import predict, regress, regress_counts
from carmeta.api.subgroups import subgroup_test
from carmeta.api.two_arm import pool_two_arm
from carmeta.pooling.multilevel import fit_three_level
from carmeta.pooling.two_arm import mantel_haenszel
from carmeta.pooling.two_arm_effects import two_arm_effects, validate_counts

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "tests" / "reference"

# The same work in R, one expression a case; `d`, `e`, `s` and `a` are made before the clock.
# R's GLMM has no interval for tau2; ours is timed with its profile-likelihood one.
R_SETUP = """
suppressMessages({library(metafor); library(clubSandwich); library(jsonlite)})
d <- with(dat.bcg, data.frame(ai = tpos, n1i = tpos + tneg, ci = cpos, n2i = cpos + cneg,
                              ablat = ablat, alloc = alloc))
e <- escalc("RR", ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = d)
s <- dat.konstantopoulos2011; a <- dat.assink2016
clock <- function(f, n) { f(); median(sapply(1:n, function(i) system.time(f())[["elapsed"]])) }
many <- function(f, m) function() for (i in 1:m) f()
"""
OR = "measure = 'OR', ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = d"
# The expression, how many calls it makes, and how often it is timed.
R_CASES = {
    "OR, REML, adhoc with CI, PI, Q-profile": (
        f"many(function() {{ r <- rma({OR}, test = 'adhoc'); predict(r); confint(r) }}, 20)", 20, 3
    ),
    "OR, Mantel-Haenszel": (f"many(function() rma.mh({OR}), 20)", 20, 3),
    "OR, Peto": (
        "many(function() rma.peto(ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = d), 20)", 20, 3
    ),
    "OR, GLMM, random intercepts": (
        f"function() suppressWarnings(rma.glmm({OR}, model = 'UM.RS'))", 1, 3
    ),
    "OR, GLMM, fixed intercepts": (
        f"function() suppressWarnings(rma.glmm({OR}, model = 'UM.FS'))", 1, 3
    ),
    "regression on two moderators with predictions": (
        """many(function() { r <- rma(yi, vi, mods = ~ ablat + alloc, data = e, test = 'adhoc')
             predict(r); confint(r) }, 20)""", 20, 3
    ),
    "subgroups, common tau2": (
        """many(function() { rma(yi, vi, mods = ~ 0 + alloc, data = e, test = 'adhoc')
             rma(yi, vi, mods = ~ alloc, data = e, test = 'adhoc') }, 20)""", 20, 3
    ),
    "regression on counts (GLMM)": (
        """function() suppressWarnings(rma.glmm(measure = 'PLO', xi = ai, ni = n1i,
             mods = ~ ablat, data = d, nAGQ = 25))""", 1, 3
    ),
    "three-level model": (
        "function() rma.mv(yi, vi, random = ~ 1 | district/school, data = s)", 1, 3
    ),
    "three-level model with both profile intervals": (
        """function() suppressWarnings(confint(rma.mv(yi, vi, random = ~ 1 | district/school,
             data = s)))""", 1, 2
    ),
    "regression with CR2, 100 effects in 17 clusters": (
        """many(function() { u <- rma(yi, vi, mods = ~ deltype + year, data = a)
             confint(u); coef_test(u, vcov = 'CR2', cluster = a$study) }, 5)""", 5, 3
    ),
    "permutation test of a mean, all 8,192 sign flips": (
        "function() permutest(rma(yi, vi, data = e), exact = TRUE, progbar = FALSE)", 1, 1
    ),
}  # fmt: skip


def median_seconds(work: Callable[[], object], budget: float = 1.0) -> float:
    """Median of repeated calls, as many as fit in ``budget`` seconds, at least three."""
    work()
    times: list[float] = []
    begin = time.perf_counter()
    while len(times) < 3 or (time.perf_counter() - begin < budget and len(times) < 200):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def cases() -> dict[str, Callable[[], object]]:
    """The work of each row, on the data sets that the reference tests pin."""
    two = json.loads((REFERENCE / "two_arm.json").read_text(encoding="utf-8"))["datasets"]
    models = json.loads((REFERENCE / "models.json").read_text(encoding="utf-8"))
    bcg = tuple(two["bcg"][key] for key in ("ai", "n1i", "ci", "n2i"))
    data = models["regressions"]["bcg_alloc"]["data"] | models["regressions"]["bcg_ablat"]["data"]
    effects = two_arm_effects(validate_counts(*bcg), measure="RR")
    schools = models["multilevel"]["konstantopoulos"]["REML"]
    nested = models["multilevel"]["assink_deltype"]["REML"]
    y, v = effects.yi, effects.vi
    new = {"ablat": [20, 50], "alloc": ["random", "alternate"]}
    return {
        "OR, REML, adhoc with CI, PI, Q-profile": lambda: pool_two_arm(*bcg),
        "OR, Mantel-Haenszel": lambda: pool_two_arm(*bcg, model="MH"),
        "OR, Peto": lambda: pool_two_arm(*bcg, model="PETO"),
        "OR, GLMM, random intercepts": lambda: pool_two_arm(*bcg, model="GLMM"),
        "OR, GLMM, fixed intercepts": lambda: pool_two_arm(*bcg, model="GLMM", form="UM.FS"),
        "regression on two moderators with predictions": lambda: predict(
            regress(y, v, data, "~ ablat + alloc"), new
        ),
        "subgroups, common tau2": lambda: subgroup_test(y, v, data["alloc"]),
        "regression on counts (GLMM)": lambda: regress_counts(bcg[0], bcg[1], data, "~ ablat"),
        "three-level model": lambda: fit_three_level(
            schools["yi"], schools["vi"], schools["trial"]
        ),
        "three-level model with both profile intervals": lambda: regress_three_level(
            schools["yi"], schools["vi"], schools["trial"]
        ),
        "regression with CR2, 100 effects in 17 clusters": lambda: regress(
            nested["yi"], nested["vi"], nested["data"], nested["formula"], cluster=nested["trial"]
        ),
        "permutation test of a mean, all 8,192 sign flips": lambda: permute(y, v, test="z"),
    }


def r_seconds() -> dict[str, float]:
    """Median seconds a call in R; empty without Rscript or a package."""
    if shutil.which("Rscript") is None:
        return {}
    rows = [
        f"{json.dumps(name)} = clock({code}, {n}) / {per}"
        for name, (code, per, n) in R_CASES.items()
    ]
    script = R_SETUP + "cat(toJSON(list(" + ",\n".join(rows) + "), auto_unbox = TRUE, digits = 9))"
    ran = subprocess.run(
        ["Rscript", "-"], input=script, capture_output=True, text=True, check=False
    )
    if ran.returncode != 0:
        print(f"R was left out: {ran.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return {}
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def shown(seconds: float) -> str:
    """Seconds in the unit that reads best."""
    return f"{seconds * 1e3:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"


def main() -> None:
    """Print two tables in Markdown."""
    print(f"Python {sys.version.split()[0]}, numpy {np.__version__}, {os.cpu_count()} cores\n")
    theirs = r_seconds()
    print("| one analysis | carmeta | R | ratio |")
    print("| --- | --: | --: | --: |")
    for name, work in cases().items():
        ours = median_seconds(work)
        if name in theirs:
            ratio = f"{theirs[name] / ours:.0f}"
            print(f"| {name} | {shown(ours)} | {shown(theirs[name])} | {ratio} |", flush=True)
        else:
            print(f"| {name} | {shown(ours)} | | |", flush=True)
    print("\n| Mantel-Haenszel of k = 10, batch | carmeta | a pool |")
    print("| --: | --: | --: |")
    rng = np.random.default_rng(1)
    for batch in (1, 100, 10_000, 100_000):
        n1, n2 = rng.integers(20, 200, (2, batch, 10))
        counts = validate_counts(rng.binomial(n1, 0.2), n1, rng.binomial(n2, 0.3), n2)
        ours = median_seconds(lambda c=counts: mantel_haenszel(c))  # type: ignore[misc]  # of a lambda
        print(f"| {batch:,} | {shown(ours)} | {ours / batch * 1e6:.2f} µs |", flush=True)


if __name__ == "__main__":
    main()
