"""reproduce.R: the pooled estimates once more, by the R package metafor.

The script is our own text. It inlines the counts, refits each model and compares estimate,
limits and tau2 with the numbers of the run; it ends with status 1 where they differ.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from carmeta.digits import significant
from carmeta.report import words
from carmeta.report.text import r_string

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carmeta.domain.analysis import Analysis, ContrastAnalysis, OutcomeAnalysis
    from carmeta.domain.evidence import Count
    from carmeta.domain.moderators import MetaRegression
    from carmeta.domain.result import Pooled

# Absolute on the analysis scale plus relative. glmer stops near 1e-5 in the log odds, and its
# tau2 is the square of a parameter it knows less well; closed forms leave only rounding.
_TOLERANCE: Final = {"GLMM": 2e-5, "IV": 1e-6, "MH": 1e-6, "PETO": 1e-6, "exact": 1e-8}

_HEAD: Final = """\
# Recomputes every pooled estimate of the run {name} with metafor and compares.
# Usage: Rscript reproduce.R     (needs the packages metafor and lme4)
# Status 0: all agree; 1: at least one does not; 2: a package is missing.

if (!requireNamespace("metafor", quietly = TRUE) || !requireNamespace("lme4", quietly = TRUE)) {{
  message("this script needs the R packages metafor and lme4")
  quit(status = 2)
}}
suppressPackageStartupMessages(library(metafor))
failed <- 0L
compared <- 0L
iterate <- list(threshold = 1e-12, tol = 1e-12, maxiter = 10000)

agree <- function(what, ours, theirs, tolerance) {{
  for (name in names(ours)) {{
    a <- ours[[name]]
    b <- unname(theirs[[name]])
    if (is.na(a)) next
    compared <<- compared + 1L
    same <- isTRUE(a == b) || isTRUE(abs(a - b) <= tolerance * (1 + abs(a)))
    if (!same) {{
      failed <<- failed + 1L
      cat(sprintf("DIFFERS  %s, %s: ours %.10g, here %.10g\\n", what, name, a, b))
    }}
  }}
  cat(sprintf("compared %s\\n", what))
}}

of_fit <- function(fit) {{
  list(estimate = as.numeric(fit$beta), ci_lb = fit$ci.lb, ci_ub = fit$ci.ub, tau2 = fit$tau2)
}}

exact <- function(x, n, level) {{
  limits <- binom.test(x, n, conf.level = level)$conf.int
  list(estimate = x / n, ci_lb = limits[1], ci_ub = limits[2])
}}
"""

_MODERATORS: Final = """\
of_coefficient <- function(fit, i) {
  list(estimate = fit$beta[i], ci_lb = fit$ci.lb[i], ci_ub = fit$ci.ub[i], tau2 = fit$tau2)
}
"""

_TAIL: Final = """\

cat(sprintf("%d numbers compared, %d differ\\n", compared, failed))
quit(status = if (failed > 0L) 1 else 0)
"""


def script(analysis: Analysis) -> bytes:
    """The R script as bytes (ASCII)."""
    blocks = [_HEAD.format(name=_comment(analysis.name))]
    if any(outcome.regressions for outcome in analysis.outcomes):
        blocks.append(_MODERATORS)
    blocks += [_outcome(outcome) for outcome in analysis.outcomes]
    blocks += [_contrast(contrast) for contrast in analysis.contrasts]
    blocks.append(_TAIL)
    return "\n".join(blocks).encode("ascii")


def _comment(text: str) -> str:
    """Text for a comment line: ASCII on one line."""
    return r_string(text)[1:-1]


def _outcome(outcome: OutcomeAnalysis) -> str:
    counts = outcome.counts
    label = outcome.term.label
    if outcome.part_label:
        label += f", {outcome.part_label}"
    lines = [
        f"# {_comment(label)}",
        f"slab <- {_strings([count.slab for count in counts])}",
        f"xi <- {_integers([count.xi for count in counts])}",
        f"ni <- {_integers([count.ni for count in counts])}",
    ]
    counted = (outcome.events, outcome.patients)
    lines += _fits(label, (outcome.headline, *outcome.beside), counted)
    for regression in outcome.regressions:
        if regression.effects:
            lines += _regression(label, outcome, regression)
    for group in outcome.subgroups:
        if group.pooled is None:
            continue
        # With a common tau2 a level's pool is no fit of its own; only separate ones are.
        shared = any(
            test.moderator == group.moderator and test.tau2 == "common"
            for test in outcome.subgroup_tests
        )
        if shared:
            continue
        rows = [row.count for row in group.rows]
        lines += [
            f"xi <- {_integers([count.xi for count in rows])}",
            f"ni <- {_integers([count.ni for count in rows])}",
            *_fits(f"{label}, {group.label}", (group.pooled,), _sums(rows)),
        ]
    return "\n".join(lines) + "\n"


def _regression(label: str, outcome: OutcomeAnalysis, fit: MetaRegression) -> list[str]:
    """One moderator; a number is standardised for R, whose optimiser minds its scale."""
    known = {point.slab for point in fit.points}
    used = [i for i, row in enumerate(outcome.rows, start=1) if row.count.slab in known]
    level, scale = _r(100 * fit.level), ""
    lines = [f"used <- {_integers(used)}"]
    if fit.unit:
        values = ", ".join(_r(point.value) for point in fit.points)
        lines += [f"x <- c({values})", "z <- (x - mean(x)) / sd(x)"]
        scale = " * sd(x)"
    else:
        levels = _strings([fit.reference, *(effect.category for effect in fit.effects)])
        values = _strings([point.category for point in fit.points])
        lines.append(f"z <- factor({values}, levels = {levels})")
    data = f'measure = "PLO", xi = xi[used], ni = ni[used], mods = ~ z, test = "{fit.test}"'
    if fit.model == "GLMM":
        lines.append(f"fit <- rma.glmm({data}, nAGQ = 25, level = {level})")
    else:
        how = f'method = "{fit.method}", level = {level}, control = iterate'
        lines.append(f"fit <- rma({data}, {how})")
    for index, effect in enumerate(fit.effects, start=2):
        what = r_string(f"{label} by {fit.label} {effect.category}".rstrip())
        numbers = {"estimate": effect.estimate, "ci_lb": effect.ci_lb, "ci_ub": effect.ci_ub}
        ours = ", ".join(f"{name} = {_r(value)}{scale}" for name, value in numbers.items())
        ours = f"list({ours}, tau2 = {_r(fit.tau2)})"
        lines.append(
            f"agree({what}, {ours}, of_coefficient(fit, {index}), {_TOLERANCE[fit.model]!r})"
        )
    return lines


def _sums(counts: Sequence[Count]) -> tuple[int, int]:
    return sum(count.xi for count in counts), sum(count.ni for count in counts)


def _fits(label: str, fits: Sequence[Pooled], counted: tuple[int, int]) -> list[str]:
    """The lines that refit and compare; ``counted`` are the events and patients in all."""
    lines = []
    for fit in fits:
        what = r_string(f"{label}: {fit.measure} by {words.model_short(fit)}")
        if words.is_exact(fit):
            numbers = {
                "estimate": fit.back.estimate,
                "ci_lb": fit.back.ci_lb,
                "ci_ub": fit.back.ci_ub,
            }
            call = f"exact({counted[0]}, {counted[1]}, {_r(fit.level)})"
            lines.append(f"agree({what}, {_list(numbers)}, {call}, {_TOLERANCE['exact']!r})")
            continue
        call = _call(fit)
        if not call:
            lines.append(f'cat(sprintf("not recomputed: %s\\n", {what}))')
            continue
        lines += [
            f"fit <- {call}",
            f"agree({what}, {_list(_numbers(fit))}, of_fit(fit), {_TOLERANCE[fit.model]!r})",
        ]
    return lines


def _numbers(fit: Pooled) -> dict[str, float]:
    numbers = {"estimate": fit.estimate, "ci_lb": fit.ci_lb, "ci_ub": fit.ci_ub}
    if fit.model in ("GLMM", "IV"):
        numbers["tau2"] = fit.tau2
    if fit.test == "profile":  # metafor has no profile interval of the mean
        del numbers["ci_lb"], numbers["ci_ub"]
    return numbers


def _call(fit: Pooled) -> str:
    """The metafor call for a single-arm fit; empty where metafor has no such model."""
    level = _r(100 * fit.level)
    if fit.model == "GLMM" and fit.measure == "PLO":
        test = "t" if fit.test == "t" else "z"
        return (
            f'rma.glmm(measure = "PLO", xi = xi, ni = ni, test = "{test}", nAGQ = 25, '
            f"level = {level})"
        )
    if fit.model == "IV" and fit.test in ("z", "t", "knha", "adhoc"):
        method = fit.method
        control = "" if method in ("EE", "DL", "HE", "HS", "SJ") else ", control = iterate"
        return (
            f'rma(measure = "{fit.measure}", xi = xi, ni = ni, method = "{method}", '
            f'test = "{fit.test}", level = {level}{control})'
        )
    return ""


def _contrast(contrast: ContrastAnalysis) -> str:
    label = contrast.term.label
    pairs = contrast.pairs
    lines = [
        f"# {_comment(label)}, two arms",
        f"slab <- {_strings([pair.slab for pair in pairs])}",
        f"ai <- {_integers([pair.treatment.xi for pair in pairs])}",
        f"n1i <- {_integers([pair.treatment.ni for pair in pairs])}",
        f"ci <- {_integers([pair.control.xi for pair in pairs])}",
        f"n2i <- {_integers([pair.control.ni for pair in pairs])}",
    ]
    for fit in contrast.results:
        what = r_string(f"{label}, two arms: {fit.measure} by {words.model_short(fit)}")
        call = _two_arm_call(fit)
        if not call:
            lines.append(f'cat(sprintf("not recomputed: %s\\n", {what}))')
            continue
        used = [i + 1 for i in range(len(pairs)) if i not in fit.dropped]
        lines += [
            f"used <- {_integers(used)}",
            f"fit <- {call}",
            f"agree({what}, {_list(_numbers(fit))}, of_fit(fit), {_TOLERANCE[fit.model]!r})",
        ]
    return "\n".join(lines) + "\n"


def _two_arm_call(fit: Pooled) -> str:
    data = "ai = ai[used], n1i = n1i[used], ci = ci[used], n2i = n2i[used]"
    level = _r(100 * fit.level)
    if not fit.estimable:
        return ""
    if fit.k == 1 and fit.model == "IV":
        return f'rma(measure = "{fit.measure}", {data}, method = "EE", level = {level})'
    if fit.model == "IV" and fit.test in ("z", "t", "knha", "adhoc"):
        return (
            f'rma(measure = "{fit.measure}", {data}, method = "{fit.method}", '
            f'test = "{fit.test}", level = {level}, control = iterate)'
        )
    if fit.model == "MH":
        return f'rma.mh(measure = "{fit.measure}", {data}, level = {level})'
    if fit.model == "PETO":
        return f"rma.peto({data}, level = {level})"
    return ""


def _list(numbers: dict[str, float]) -> str:
    return "list(" + ", ".join(f"{key} = {_r(value)}" for key, value in numbers.items()) + ")"


def _r(value: float) -> str:
    if math.isnan(value):
        return "NA"
    if math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return repr(significant(value))


def _strings(values: Sequence[str]) -> str:
    return "c(" + ", ".join(r_string(value) for value in values) + ")"


def _integers(values: Sequence[int]) -> str:
    return "c(" + ", ".join(str(value) for value in values) + ")"
