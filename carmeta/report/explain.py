"""From a pooled number back to every printed cell it rests on, as a tree of steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from carmeta.domain.analysis import (
    Analysis,
    ArmPair,
    ContrastAnalysis,
    OutcomeAnalysis,
    StudyRow,
    key_of,
)
from carmeta.domain.evidence import Count, DataPath, Decision, Excluded
from carmeta.domain.measures import MEASURES
from carmeta.domain.result import Back, Pooled
from carmeta.report import contents, numbers, words


@dataclass(frozen=True, slots=True)
class Step:
    """One step back towards the paper. ``kind`` says what it is:

    pooled, row, count, decision, excluded, or cell; ``at`` is file:line:column of a cell.
    """

    kind: str
    text: str
    steps: tuple[Step, ...] = ()
    at: str = ""


Where = Callable[[str, DataPath], str]


def _nowhere(study: str, path: DataPath) -> str:
    return ""


def explain(
    analysis: Analysis,
    outcome: OutcomeAnalysis | ContrastAnalysis,
    cohort: str = "",
    where: Where = _nowhere,
) -> Step:
    """The steps behind a pooled estimate or a comparison, or behind one cohort's part in it.

    A cohort that is not pooled is explained by the reason. Beside a pooled one stand those
    that were left out for it.

    Args:
        analysis: the run.
        outcome: one of its outcomes or comparisons.
        cohort: ``study`` or ``study/cohort``; empty for all.
        where: gives file:line:column of a path in a study's record.

    Raises:
        KeyError: no row and no exclusion of the outcome belongs to that cohort.
    """
    walk = _Walk(analysis, where)
    out = outcome.excluded
    told: list[Excluded] = []
    steps = []
    for counts, step in walk.rows(outcome):
        if not any(_is(count, cohort) for count in counts):
            continue
        beside = [e for e in out if cohort and e.by in {count.key for count in counts}]
        steps.append(step(beside))
        told += beside
    rest = [walk.excluded(e) for e in out if e not in told and (not cohort or e.of(cohort))]
    if not steps and not rest:
        raise KeyError(cohort)
    if cohort and len(steps) + len(rest) == 1:
        return (*steps, *rest)[0]
    head = _compared(outcome) if isinstance(outcome, ContrastAnalysis) else _headline(outcome)
    return Step("pooled", head, (*steps, *rest))


def explain_absence(
    analysis: Analysis, key: str, cohort: str = "", where: Where = _nowhere
) -> Step:
    """Why an outcome that the configuration asks for has no pool, or a cohort no part in it.

    Args:
        analysis: the run.
        key: of the outcome, with the set of cohorts where there are several.
        cohort: ``study`` or ``study/cohort``; empty for all.
        where: gives file:line:column of a path in a study's record.

    Raises:
        KeyError: no cohort was left out for it.
    """
    asked = {
        key_of(outcome, part): (outcome, part, label)
        for outcome in analysis.config["outcomes"]
        for part, label in analysis.part_labels.items()
    }
    outcome, part, label = asked[key]
    out = [
        item
        for item in analysis.not_pooled
        if item.outcome == outcome and item.part in ("", part) and (not cohort or item.of(cohort))
    ]
    if not out:
        raise KeyError(cohort or key)
    walk = _Walk(analysis, where)
    name = contents.name_of(analysis.words.outcome(outcome), label)
    return Step("pooled", f"{name}: not pooled", tuple(walk.excluded(item) for item in out))


def as_json(step: Step) -> dict[str, Any]:
    """The tree as plain values."""
    plain: dict[str, Any] = {"kind": step.kind, "text": step.text}
    if step.at:
        plain["at"] = step.at
    if step.steps:
        plain["steps"] = [as_json(one) for one in step.steps]
    return plain


def leaves(step: Step) -> Iterator[Step]:
    """The last steps of every path."""
    if not step.steps:
        yield step
    for one in step.steps:
        yield from leaves(one)


def _is(count: Count, cohort: str) -> bool:
    return not cohort or cohort in (count.study, count.key)


def _headline(outcome: OutcomeAnalysis) -> str:
    pooled = outcome.headline
    label = outcome.term.label
    return f"{label}: {_estimate(pooled)} by {pooled.label} over {len(outcome.rows)} cohorts"


def _compared(contrast: ContrastAnalysis) -> str:
    label = contrast.term.label
    found = "; ".join(
        f"{words.measure(fit.measure)} {_effect(fit.back, fit)} by {fit.label} "
        f"over {len(contrast.used(fit))} of {len(contrast.pairs)} pairs"
        for fit in contrast.results
    )
    return f"{label}, two arms: {found}"


def _effect(back: Back, fit: Pooled) -> str:
    """An effect of two arms with its limits."""
    scale = contents.measure_scale(fit.measure)
    if math.isnan(back.estimate):
        return numbers.NOT_ESTIMABLE
    limits = numbers.bare_interval(back.ci_lb, back.ci_ub, scale)
    return f"{numbers.show(back.estimate, scale)} ({numbers.level(fit.level)}% CI {limits})"


def _estimate(pooled: Pooled) -> str:
    back = pooled.back
    level = numbers.level(pooled.level)
    text = f"{numbers.percent(back.estimate)} ({level}% CI {_limits(back.ci_lb, back.ci_ub)}"
    if not math.isnan(back.pi_lb):
        text += f"; prediction {_limits(back.pi_lb, back.pi_ub)}"
    return text + ")"


def _limits(low: float, high: float) -> str:
    return f"{numbers.percent(low)} to {numbers.percent(high)}"


class _Walk:
    """Makes the steps of one run."""

    def __init__(self, analysis: Analysis, where: Where):
        self.analysis, self.where = analysis, where

    def rows(
        self, outcome: OutcomeAnalysis | ContrastAnalysis
    ) -> Iterator[tuple[Sequence[Count], Callable[[Sequence[Excluded]], Step]]]:
        """The counts of every row, and what makes its step of the counts left out for it."""
        if isinstance(outcome, ContrastAnalysis):
            for pair in outcome.pairs:
                yield pair.arms, partial(self._pair, outcome, pair)
        else:
            for row in outcome.rows:
                yield (row.count,), partial(self._row, outcome, row)

    def _row(self, outcome: OutcomeAnalysis, row: StudyRow, instead: Sequence[Excluded]) -> Step:
        count = row.count
        text = f"{count.slab}: {numbers.percent(row.proportion)} "
        text += f"(exact {_limits(row.ci_lb, row.ci_ub)})"
        weight = words.weight(outcome.headline)
        if weight and not math.isnan(row.weight):
            text += f", {weight} {numbers.weight(row.weight)}%"
        scale = MEASURES[outcome.headline.measure].short
        size = f"{scale} {numbers.fixed(row.yi, 4)}, variance {numbers.fixed(row.vi, 4)}"
        return Step("row", text, (self._count(count, size, instead),))

    def _pair(self, contrast: ContrastAnalysis, pair: ArmPair, instead: Sequence[Excluded]) -> Step:
        own = [
            f"{words.measure(fit.measure)} {_effect(pair.effects[fit.measure], fit)}"
            for fit in {fit.measure: fit for fit in reversed(contrast.results)}.values()
            if fit.measure in pair.effects
        ]
        arms = (
            self._count(count, count.slab, [e for e in instead if e.by == count.key])
            for count in pair.arms
        )
        return Step(
            "row", f"{pair.slab}: {'; '.join(reversed(own)) or 'no estimable effect'}", tuple(arms)
        )

    def _count(self, count: Count, said: str, instead: Sequence[Excluded]) -> Step:
        what = f"{count.xi} of {count.ni} {count.population} [{count.derivation}]"
        if count.xi_lo < count.xi_hi:
            what += f", may be {count.xi_lo} to {count.xi_hi}"
        steps = (
            *self._decisions(count.study, count.cohort, count.outcome),
            *(self._left_out(item, self._source(item)) for item in instead),
        )
        return Step("count", f"{what}: {said}", steps)

    def excluded(self, item: Excluded) -> Step:
        """What is not pooled, why, and what is printed of it."""
        if item.cohorts:  # of several at once, the cell of the first is not theirs
            return self._left_out(item, ())
        steps = self._decisions(item.study, item.cohort, item.outcome)
        return self._left_out(item, steps or self._source(item))

    def _left_out(self, item: Excluded, steps: tuple[Step, ...]) -> Step:
        pooled = item.by == f"{item.study}/{item.cohort}"  # by another of its numbers
        said = f"not {'used' if pooled else 'pooled'}: {item.slab}: {item.reason}"
        return Step("excluded", said, steps)

    def _source(self, item: Excluded) -> tuple[Step, ...]:
        return (Step("cell", item.source, at=self.where(item.study, item.path)),)

    def _decisions(self, study: str, cohort: str, outcome: str) -> tuple[Step, ...]:
        return tuple(
            self._decision(d)
            for d in self.analysis.decisions
            if (d.study, d.cohort, d.outcome) == (study, cohort, outcome)
        )

    def _decision(self, decision: Decision) -> Step:
        text = f"{decision.action} by {decision.rule}: {decision.reason}"
        paths = decision.paths or ((),) * len(decision.inputs)
        cells = tuple(
            Step("cell", cell, at=self.where(decision.study, path) if path else "")
            for cell, path in zip(decision.inputs, paths, strict=True)
        )
        return Step("decision", text, cells)
