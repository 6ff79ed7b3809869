"""Alternative text of figures, generated from the result."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from carmeta.report import numbers, words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carmeta.domain.analysis import ContrastAnalysis, OutcomeAnalysis, StudyRow
    from carmeta.domain.result import Pooled

_MOST_NAMED = 5


def forest(outcome: OutcomeAnalysis) -> str:
    """What a forest plot shows: k, estimate, limits, prediction limits, outlying studies."""
    head = outcome.headline
    term = outcome.term
    rows = outcome.rows
    events = outcome.events
    patients = outcome.patients
    studies = "1 study" if len(rows) == 1 else f"{len(rows)} studies"
    text = [
        f"Forest plot of {term.label} in {studies}, {numbers.count(events)} of "
        + f"{numbers.count(patients)} patients.",
        pooled_sentence(head),
    ]
    if len(rows) > 1:
        low = min(rows, key=lambda row: row.proportion)
        high = max(rows, key=lambda row: row.proportion)
        text.append(f"Study estimates range from {_named(low)} to {_named(high)}.")
        text.append(_outliers(rows, head))
    if outcome.subgroups:
        levels = ", ".join(_subgroup(group.label, group.pooled) for group in outcome.subgroups)
        text.append(f"Subgroups: {levels}.")
    return " ".join(part for part in text if part)


def signs(judged: Mapping[str, object]) -> str:
    """That risk-of-bias signs stand beside some rows; what they say has a figure of its own."""
    studies = "1 study" if len(judged) == 1 else f"{len(judged)} studies"
    return f"Signs at the right give the risk of bias of {studies}."


def pooled_sentence(pooled: Pooled) -> str:
    """The pooled estimate with its limits in a sentence."""
    scale = numbers.PERCENT
    back = pooled.back
    limits = numbers.bare_interval(back.ci_lb, back.ci_ub, scale)
    text = (
        f"{words.pool_label(pooled)}: {numbers.show(back.estimate, scale)}% "
        f"({numbers.level(pooled.level)}% CI {limits})"
    )
    if math.isnan(back.pi_lb):
        return text + "; no prediction interval."
    prediction = numbers.bare_interval(back.pi_lb, back.pi_ub, scale)
    return text + f"; {numbers.level(pooled.level)}% prediction interval {prediction}."


def _named(row: StudyRow) -> str:
    return f"{numbers.percent(row.proportion)} ({row.count.slab})"


def _subgroup(label: str, pooled: Pooled | None) -> str:
    if pooled is None:
        return f"{label} (not pooled)"
    return f"{label} {numbers.percent(pooled.back.estimate)}"


def _outliers(rows: tuple[StudyRow, ...], pooled: Pooled) -> str:
    """Studies whose own interval does not hold the pooled estimate."""
    estimate = pooled.back.estimate
    if math.isnan(estimate):
        return ""
    outside = [row.count.slab for row in rows if not row.ci_lb <= estimate <= row.ci_ub]
    if not outside:
        return "Every study's interval includes the pooled estimate."
    named = ", ".join(outside[:_MOST_NAMED])
    if len(outside) > _MOST_NAMED:
        named += f" and {len(outside) - _MOST_NAMED} more"
    return f"Intervals that do not include the pooled estimate: {named}."


def contrast(analysis: ContrastAnalysis, pooled: Pooled | None) -> str:
    """What a two-arm forest plot shows."""
    term = analysis.term
    studies = "1 study" if len(analysis.pairs) == 1 else f"{len(analysis.pairs)} studies"
    text = [f"Forest plot of {term.label}, two arms compared in {studies}."]
    for pair in analysis.pairs[:_MOST_NAMED]:
        text.append(
            f"{pair.slab}: {numbers.count(pair.treatment.xi)} of "
            f"{numbers.count(pair.treatment.ni)} against {numbers.count(pair.control.xi)} of "
            f"{numbers.count(pair.control.ni)}."
        )
    if pooled is not None and pooled.estimable:
        scale = numbers.DIFFERENCE if pooled.measure == "RD" else numbers.RATIO
        limits = numbers.bare_interval(pooled.back.ci_lb, pooled.back.ci_ub, scale)
        text.append(
            f"{words.measure(pooled.measure).capitalize()} "
            f"{numbers.show(pooled.back.estimate, scale)} "
            f"({numbers.level(pooled.level)}% CI {limits})."
        )
    return " ".join(text)
