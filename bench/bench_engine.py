"""How fast single-arm pools are, one and many, beside R, PyMARE and statsmodels.

    python bench/bench_engine.py [--quick]

Each case is a call in a warm process, timed until a second has passed; the median is told. R's
packages do the same work in one warm R session, where Rscript is there. The tables are
printed, and written between their marks into docs/benchmarks.md. Nothing fails here.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

from carmeta.api import pool
from carmeta.api.batch import pool_many
from carmeta.measures import effect_sizes
from carmeta.pooling.batch import many_effects
from carmeta.pooling.glmm import fit_glmm
from carmeta.sensitivity.influence import influence
from carmeta.sensitivity.leave_one_out import leave_one_out

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- engine: begin -->", "<!-- engine: end -->"

# Ten studies of single-arm trials' sizes, with a zero and a full one.
XI = [28, 52, 3, 40, 0, 9, 97, 5, 31, 12]
NI = [33, 62, 11, 57, 8, 9, 128, 5, 33, 40]

R_SCRIPT = """
suppressMessages({library(metafor); library(lme4)})
xi <- c(%s); ni <- c(%s); d <- data.frame(xi, mi = ni - xi, s = factor(seq_along(xi)))
es <- escalc(measure = "PLO", xi = xi, ni = ni); yi <- as.numeric(es$yi); vi <- as.numeric(es$vi)
r <- rma(yi, vi, test = "adhoc")
clock <- function(f, n) { f(); median(sapply(1:n, function(i) {
  s <- Sys.time(); f(); as.numeric(difftime(Sys.time(), s, units = "secs")) })) }
one <- function() { e <- escalc(measure = "PLO", xi = xi, ni = ni)
  m <- rma(yi, vi, data = e, test = "adhoc"); predict(m); confint(m) }
fit <- function() { m <- rma(yi, vi, test = "adhoc"); predict(m) }
out <- c(one = clock(one, 60), loop = 10000 * clock(function() for (i in 1:50) fit(), 5) / 50,
  loo = clock(function() leave1out(r), 8), influence = clock(function() influence(r), 8),
  glmm = clock(function() suppressWarnings(rma.glmm(measure = "PLO", xi = xi, ni = ni,
    nAGQ = 25, test = "t")), 8),
  glmer = clock(function() suppressWarnings(glmer(cbind(xi, mi) ~ 1 + (1 | s), data = d,
    family = binomial, nAGQ = 25)), 8))
cat(sprintf('{"versions": "R %%s, metafor %%s, lme4 %%s"', getRversion(),
    packageVersion("metafor"), packageVersion("lme4")),
    sprintf(', "%%s": %%.9f', names(out), out), "}")
"""


def clock(call: Callable[[], object], least: float = 1.0) -> float:
    """Median seconds of a call, repeated for about a second after one that warms up."""
    call()
    times: list[float] = []
    while len(times) < 3 or (sum(times) < least and len(times) < 400):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def shown(seconds: float) -> str:
    """Seconds in the unit that reads best."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"


def many_counts(batch: int, k: int = 10, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Counts of ``batch`` data sets of ``k`` studies, heterogeneous on the logit."""
    rng = np.random.default_rng(seed)
    n = rng.integers(8, 120, (batch, k))
    theta = rng.normal(0.8, rng.uniform(0.1, 1.2, (batch, 1)), (batch, k))
    return rng.binomial(n, 1.0 / (1.0 + np.exp(-theta))), n


def from_r() -> dict[str, float]:
    """Seconds of the same cases in R; empty without Rscript."""
    if shutil.which("Rscript") is None:
        print("R was left out: there is no Rscript", file=sys.stderr)
        return {}
    script = R_SCRIPT % (", ".join(map(str, XI)), ", ".join(map(str, NI)))
    ran = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        print(f"R was left out: {ran.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return {}
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def against_r() -> list[str]:
    """Each case beside R's."""
    x, n = many_counts(10_000)
    glmm_x, glmm_n = x[:1000], n[:1000]
    cases: list[tuple[str, Callable[[], object], str, float]] = [
        ("one REML fit: adhoc CI, PI, Q-profile, Q, I²", lambda: pool(XI, NI), "one", 1),
        ("10,000 REML fits with adhoc CI and PI", lambda: pool_many(x, n), "loop", 1),
        ("leave-one-out, REML, with Q-profile each", lambda: leave_one_out(XI, NI), "loo", 1),
        ("influence, REML", lambda: influence(XI, NI), "influence", 1),
        ("one GLMM with CI, PI and Q",
         lambda: pool_many([XI], [NI], model="GLMM"), "glmm", 1),
        ("the same with the profile CI of τ², which metafor has not",
         lambda: pool(XI, NI, model="GLMM"), "glmm", 1),
        ("one GLMM beside lme4's glmer, which stops at the estimate",
         lambda: fit_glmm(XI, NI), "glmer", 1),
        ("1,000 GLMMs with CI and PI",
         lambda: pool_many(glmm_x, glmm_n, model="GLMM"), "glmm", 1000),
        ("leave-one-out of the GLMM (metafor refuses: ten of its fits)",
         lambda: leave_one_out(XI, NI, model="GLMM"), "glmm", 10),
    ]  # fmt: skip
    theirs = from_r()
    lines = [f"Against {theirs.get('versions', 'R (not there)')}, k = 10:", ""]
    lines += ["| case | carmeta | R | ratio |", "| --- | --: | --: | --: |"]
    for name, call, key, times in cases:
        ours = clock(call)
        if key in theirs:
            other = theirs[key] * times
            row = f"| {name} | {shown(ours)} | {shown(other)} | {other / ours:,.0f} |"
        else:
            row = f"| {name} | {shown(ours)} | | |"
        lines.append(row)
        print(row, flush=True)
    return lines


def against_python() -> list[str]:
    """The two Python libraries on what they have of it."""
    from pymare import Dataset
    from pymare.estimators import DerSimonianLaird, VarianceBasedLikelihoodEstimator
    from statsmodels.stats.meta_analysis import combine_effects

    warnings.simplefilter("ignore")  # after the import, which sets filters of its own

    x, n = many_counts(1000)
    yi, vi = effect_sizes(x, n)
    one = effect_sizes(XI, NI)

    def reml() -> object:
        data = Dataset(y=yi[:100].T, v=vi[:100].T, X=np.ones((10, 1)), add_intercept=False)
        return VarianceBasedLikelihoodEstimator(method="REML").fit_dataset(data)

    def moments() -> object:
        data = Dataset(y=yi.T, v=vi.T, X=np.ones((10, 1)), add_intercept=False)
        return DerSimonianLaird().fit_dataset(data)

    cases = [
        ("1,000 DL fits with PI, p and I² (PyMARE: the mean alone)", "PyMARE",
         lambda: many_effects(yi, vi, method="DL", test="knha"), moments),
        ("100 REML fits (PyMARE's stop near 1e-6)", "PyMARE",
         lambda: many_effects(yi[:100], vi[:100], test="knha"), reml),
        ("one Paule-Mandel fit with HK limits", "statsmodels",
         lambda: many_effects(*one, method="PM", test="knha"),
         lambda: combine_effects(*one, method_re="iterated", use_t=True).summary_frame()),
    ]  # fmt: skip
    lines = ["| case | carmeta | other | ratio |", "| --- | --: | --: | --: |"]
    for name, library, ours_call, other_call in cases:
        ours, other = clock(ours_call), clock(other_call)
        row = f"| {name} | {shown(ours)} | {library} {shown(other)} | {other / ours:,.1f} |"
        lines.append(row)
        print(row, flush=True)
    return lines


def growth(quick: bool) -> list[str]:
    """Time of one pool as k grows, and time and memory of batches as they grow."""
    lines = ["| studies in one pool | IV, REML | GLMM |", "| --: | --: | --: |"]
    for k in (5, 50, 500, 5000):
        x, n = (v[0] for v in many_counts(1, k))
        iv = clock(lambda: pool(x, n))  # noqa: B023  (called at once)
        mixed = clock(lambda: pool(x, n, model="GLMM"))  # noqa: B023  (called at once)
        lines.append(f"| {k:,} | {shown(iv)} | {shown(mixed)} |")
        print(lines[-1], flush=True)
    lines += ["", "| data sets of k = 10 in one call | IV, REML | each | memory above the counts |"]
    lines += ["| --: | --: | --: | --: |"]
    for batch in (1, 100, 10_000, 100_000) if quick else (1, 100, 10_000, 100_000, 1_000_000):
        seconds, megabytes = in_a_process(batch)
        each = shown(seconds / batch)
        lines.append(f"| {batch:,} | {shown(seconds)} | {each} | {megabytes:,.0f} MB |")
        print(lines[-1], flush=True)
    return lines


def in_a_process(batch: int) -> tuple[float, float]:
    """Seconds and peak megabytes of one batch, in a fresh process."""
    ran = subprocess.run(
        [sys.executable, str(Path(__file__)), "--one", str(batch)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    seconds, megabytes = ran.stdout.split()
    return float(seconds), float(megabytes)


def one(batch: int) -> None:
    """What :func:`in_a_process` runs: print seconds and how far the peak rose."""
    pool_many(*many_counts(10))
    x, n = many_counts(batch)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.perf_counter()
    pool_many(x, n)
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(seconds, (peak - before) / 1024)


def main() -> None:
    """Measure everything; write the tables into the report."""
    quick = "--quick" in sys.argv
    packages = ", ".join(f"{p} {version(p)}" for p in ("numpy", "scipy", "pymare", "statsmodels"))
    lines = [
        "Measured by `python bench/bench_engine.py` (part of `make bench`), medians, warm, on",
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()},",
        f"{packages}.",
        "",
        *against_r(),
        "",
        "Against the Python libraries, k = 10:",
        "",
        *against_python(),
        "",
        "Growth:",
        "",
        *growth(quick),
    ]
    if not quick:
        write("\n".join(lines))


def write(section: str) -> None:
    """Put the section between its marks, making the file if it is not there."""
    text = REPORT.read_text(encoding="utf-8") if REPORT.exists() else "# Benchmarks\n"
    block = f"{BEGIN}\n## Single-arm engine\n\n{section}\n{END}"
    if BEGIN in text and END in text:
        before, rest = text.split(BEGIN, 1)
        text = before + block + rest.split(END, 1)[1]
    else:
        text = f"{text.rstrip()}\n\n{block}\n"
    REPORT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if "--one" in sys.argv:
        one(int(sys.argv[sys.argv.index("--one") + 1]))
    else:
        main()
