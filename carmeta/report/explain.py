"""From a pooled number back to every printed cell it rests on, as a tree of steps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from carmeta.domain.analysis import Analysis, OutcomeAnalysis, StudyRow
from carmeta.domain.evidence import Decision
from carmeta.domain.result import Pooled
from carmeta.vocabulary import OUTCOMES


@dataclass(frozen=True, slots=True)
class Step:
    """One step back towards the paper. ``kind`` says what it is:

    pooled, row, count, decision, cell, or note.
    """

    kind: str
    text: str
    steps: tuple[Step, ...] = ()


def explain(analysis: Analysis, outcome: OutcomeAnalysis, cohort: str = "") -> Step:
    """The steps behind a pooled estimate, or behind one cohort's part in it.

    Args:
        analysis: the run.
        outcome: one of its outcomes.
        cohort: ``study`` or ``study/cohort``; empty for all.

    Raises:
        KeyError: no row of the outcome belongs to that cohort.
    """
    rows = [row for row in outcome.rows if _is(row, cohort)]
    if not rows:
        raise KeyError(cohort)
    steps = [_row(analysis, outcome, row) for row in rows]
    left_out = [Step("note", f"not pooled: {e.slab}: {e.reason}") for e in outcome.excluded]
    if cohort and len(steps) == 1:
        return steps[0]
    return Step("pooled", _headline(outcome), (*steps, *(() if cohort else left_out)))


def as_json(step: Step) -> dict[str, Any]:
    """The tree as plain values."""
    plain: dict[str, Any] = {"kind": step.kind, "text": step.text}
    if step.steps:
        plain["steps"] = [as_json(one) for one in step.steps]
    return plain


def leaves(step: Step) -> Iterator[Step]:
    """The last steps of every path."""
    if not step.steps:
        yield step
    for one in step.steps:
        yield from leaves(one)


def _is(row: StudyRow, cohort: str) -> bool:
    return not cohort or cohort in (row.count.study, row.count.key)


def _headline(outcome: OutcomeAnalysis) -> str:
    pooled = outcome.headline
    term = OUTCOMES[outcome.outcome].label
    return f"{term}: {_estimate(pooled)} by {pooled.label} over {len(outcome.rows)} cohorts"


def _estimate(pooled: Pooled) -> str:
    back = pooled.back
    text = f"{_percent(back.estimate)} ({round(100 * pooled.level)}% CI {_percent(back.ci_lb)}"
    text += f" to {_percent(back.ci_ub)}"
    if not math.isnan(back.pi_lb):
        text += f"; prediction {_percent(back.pi_lb)} to {_percent(back.pi_ub)}"
    return text + ")"


def _percent(value: float) -> str:
    return f"{100 * value:.1f}%"


def _row(analysis: Analysis, outcome: OutcomeAnalysis, row: StudyRow) -> Step:
    count = row.count
    weight = "" if math.isnan(row.weight) else f", weight {100 * row.weight:.1f}%"
    limits = f"{_percent(row.ci_lb)} to {_percent(row.ci_ub)}"
    text = f"{count.slab}: {_percent(row.proportion)} (exact {limits}){weight}"
    size = f"logit {row.yi:.4f}, variance {row.vi:.4f}"
    what = f"{count.xi} of {count.ni} {count.population} [{count.derivation}]"
    if count.xi_lo < count.xi_hi:
        what += f", may be {count.xi_lo} to {count.xi_hi}"
    decisions = [
        d
        for d in analysis.decisions
        if (d.study, d.cohort, d.outcome) == (count.study, count.cohort, outcome.outcome)
    ]
    steps = tuple(_decision(d) for d in decisions)
    return Step("row", text, (Step("count", f"{what}: {size}", steps),))


def _decision(decision: Decision) -> Step:
    text = f"{decision.action} by {decision.rule}: {decision.reason}"
    return Step("decision", text, tuple(Step("cell", cell) for cell in decision.inputs))
