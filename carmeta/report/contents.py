"""Which tables a run has, and what stands in them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from carmeta.report import numbers, words
from carmeta.report.tables import Cell, Column, Table, row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carmeta.domain.analysis import Analysis, OutcomeAnalysis
    from carmeta.domain.result import Pooled
    from carmeta.domain.words import OutcomeTerm

_PERCENT = numbers.PERCENT


def estimate(pooled: Pooled, scale: numbers.Scale = _PERCENT) -> Cell:
    """Estimate and interval, ``72.7 (55.4 to 86.2)``."""
    back = pooled.back
    if math.isnan(back.estimate):
        return Cell(numbers.NOT_ESTIMABLE)
    return Cell(numbers.estimate(back.estimate, back.ci_lb, back.ci_ub, scale))


def prediction(pooled: Pooled, scale: numbers.Scale = _PERCENT) -> Cell:
    """The prediction interval without brackets."""
    return Cell(numbers.bare_interval(pooled.back.pi_lb, pooled.back.pi_ub, scale))


def tau2(pooled: Pooled) -> Cell:
    """tau2 and its interval."""
    if math.isnan(pooled.tau2):
        return Cell(numbers.ABSENT)
    shown = numbers.variance(pooled.tau2)
    if not (math.isnan(pooled.tau2_ci_lb) and math.isnan(pooled.tau2_ci_ub)):
        shown += f" ({numbers.variance_interval(pooled.tau2_ci_lb, pooled.tau2_ci_ub)})"
    return Cell(shown)


def measure_scale(measure: str) -> numbers.Scale:
    """How results on a measure are shown."""
    if measure == "RD":
        return numbers.DIFFERENCE
    return numbers.RATIO if measure in ("OR", "RR") else _PERCENT


def headline(analysis: Analysis) -> Table:
    """The answer: one line an outcome."""
    rows = []
    fallbacks: dict[str, str] = {}
    for outcome in analysis.outcomes:
        head = outcome.headline
        events, patients = totals(outcome)
        beside = outcome.beside[0] if outcome.beside else None
        for item in head.fallbacks:
            label = outcome_name(outcome)
            fallbacks[f"{label}: {words.sentence(item.message)}"] = ""
        rows.append(
            row(
                outcome_name(outcome),
                Cell(estimate(head).text, bold=True),
                prediction(head),
                len(outcome.rows),
                Cell(f"{numbers.count(events)}/{numbers.count(patients)}"),
                tau2(head),
                Cell(numbers.i_squared(head.i2)),
                estimate(beside) if beside else Cell(numbers.ABSENT),
            )
        )
    first = analysis.outcomes[0].headline if analysis.outcomes else None
    level = numbers.level(first.level) if first else "95"
    besides = [item for outcome in analysis.outcomes for item in outcome.beside[:1]]
    other = words.model_short(besides[0]) if besides else "other model"
    primary = _primary_name(analysis)
    columns = (
        Column("Outcome"),
        Column(f"{primary}, % ({level}% CI)", "right"),
        Column(f"{level}% prediction interval, %", "right"),
        Column("Cohorts", "right"),
        Column("Events/patients", "right"),
        Column("\u03c4\u00b2 (CI)", "right"),
        Column("I\u00b2", "right"),
        Column(f"{other}, % ({level}% CI)", "right"),
    )
    return Table("headline", "Pooled estimates", columns, tuple(rows), tuple(fallbacks))


def _primary_name(analysis: Analysis) -> str:
    names = [
        words.model_short(outcome.headline)
        for outcome in analysis.outcomes
        if not words.is_exact(outcome.headline)
    ]
    return names[0] if names else "Estimate"


def outcome_name(outcome: OutcomeAnalysis) -> str:
    """The outcome, with the set of cohorts where a run has several."""
    return name_of(outcome.term, outcome.part_label)


def name_of(term: OutcomeTerm, part_label: str) -> str:
    """An outcome, with the label of the set of cohorts if there is one."""
    return f"{term.label} ({part_label})" if part_label else term.label


def totals(outcome: OutcomeAnalysis) -> tuple[int, int]:
    """Events and patients of an outcome's rows."""
    return outcome.events, outcome.patients


def models(analysis: Analysis) -> Table:
    """All models side by side."""
    columns = (
        Column("Outcome"),
        Column("Model", wide=True),
        Column("Cohorts", "right"),
        Column("Estimate, % (CI)", "right"),
        Column("Prediction interval, %", "right"),
        Column("\u03c4\u00b2 (CI)", "right"),
        Column("I\u00b2", "right"),
        Column("Q", "right"),
        Column("LRT", "right"),
        Column("df", "right"),
        Column("P", "right"),
    )
    rows = []
    for outcome in analysis.outcomes:
        for index, item in enumerate((outcome.headline, *outcome.beside)):
            df, p = (item.q_df, item.q_pval)
            if math.isnan(item.q):
                df, p = (item.lrt_df, item.lrt_pval)
            rows.append(
                row(
                    outcome_name(outcome) if index == 0 else "",
                    f"{words.model_long(item)}; CI by {words.test_long(item)}",
                    item.k,
                    estimate(item),
                    prediction(item),
                    tau2(item),
                    numbers.i_squared(item.i2),
                    numbers.statistic(item.q),
                    numbers.statistic(item.lrt),
                    numbers.degrees(df),
                    numbers.ABSENT if math.isnan(p) else numbers.p_value(p).removeprefix("= "),
                )
            )
    note = "Q: Cochran's; LRT: likelihood-ratio statistic of one proportion for all."
    return Table("models", "All models side by side", columns, tuple(rows), (note,))


def subgroups(analysis: Analysis) -> Table:
    """Every level of every moderator."""
    columns = (
        Column("Outcome"),
        Column("Moderator"),
        Column("Level"),
        Column("Cohorts", "right"),
        Column("Events/patients", "right"),
        Column("Estimate, % (CI)", "right"),
        Column("\u03c4\u00b2", "right"),
    )
    rows = []
    notes = []
    for outcome in analysis.outcomes:
        label = outcome_name(outcome)
        for group in outcome.subgroups:
            events = sum(item.count.xi for item in group.rows)
            patients = sum(item.count.ni for item in group.rows)
            fit = group.pooled
            rows.append(
                row(
                    label,
                    words.moderator_name(group.moderator),
                    group.label,
                    len(group.rows),
                    f"{numbers.count(events)}/{numbers.count(patients)}",
                    estimate(fit) if fit else "single study, not pooled",
                    numbers.variance(fit.tau2) if fit else numbers.ABSENT,
                )
            )
        notes += [f"{label}. {text}" for text in words.subgroup_tests(outcome)]
    return Table("subgroups", "Subgroups", columns, tuple(rows), tuple(notes))


def subgroup_sentences(analysis: Analysis) -> list[str]:
    """One an outcome: the levels that are pooled, those of one cohort, and the test."""
    return [
        f"{outcome_name(outcome)}: {' '.join(said)}"
        for outcome in analysis.outcomes
        if (said := [*_levels(outcome), *words.subgroup_tests(outcome)])
    ]


def _levels(outcome: OutcomeAnalysis) -> Iterator[str]:
    pooled = [
        f"{group.label} {estimate(group.pooled).text}% in {len(group.rows)} cohorts"
        for group in outcome.subgroups
        if group.pooled
    ]
    single = [group.label for group in outcome.subgroups if not group.pooled]
    alone = [f"one cohort each, not pooled: {', '.join(single)}"] if single else []
    if pooled or alone:
        yield f"{'; '.join((*pooled, *alone))}."


def contrasts(analysis: Analysis) -> Table:
    """Comparisons of two arms beside what the papers published."""
    pooled = any(len(contrast.pairs) > 1 for contrast in analysis.contrasts)
    columns = (
        Column("Outcome"),
        Column("Study", wide=True),
        Column("Treatment", "right"),
        Column("Control", "right"),
        Column("Measure"),
        *((Column("Model"),) if pooled else ()),
        Column("Estimate (CI)", "right"),
        Column("Published", wide=True),
    )
    rows = []
    for contrast in analysis.contrasts:
        said = ""
        for index, item in enumerate(contrast.results):
            scale = measure_scale(item.measure)
            used = contrast.shown(item)
            treated, control = [p.treatment for p in used], [p.control for p in used]
            names = "; ".join(pair.slab for pair in used)
            rows.append(
                row(
                    contrast.term.label if index == 0 else "",
                    names if names != said else "",
                    f"{sum(c.xi for c in treated)}/{sum(c.ni for c in treated)}",
                    f"{sum(c.xi for c in control)}/{sum(c.ni for c in control)}",
                    words.measure(item.measure)
                    + (", percentage points" if item.measure == "RD" else ""),
                    *((words.model_short(item),) if pooled else ()),
                    estimate(item, scale),
                    "; ".join(contrast.published) if index == 0 else "",
                )
            )
            said = names
    return Table("contrasts", "Comparisons of two arms", columns, tuple(rows))


def sensitivity(analysis: Analysis) -> Table:
    """The primary model with something varied."""
    columns = (
        Column("Outcome"),
        Column("Varied"),
        Column("How", wide=True),
        Column("Cohorts", "right"),
        Column("Estimate, % (CI)", "right"),
        Column("\u03c4\u00b2", "right"),
    )
    rows = [
        row(
            outcome_name(outcome),
            words.variation(item.kind),
            item.label,
            item.pooled.k,
            estimate(item.pooled),
            numbers.variance(item.pooled.tau2),
        )
        for outcome in analysis.outcomes
        for item in outcome.sensitivity
    ]
    return Table("sensitivity", "Sensitivity analyses", columns, tuple(rows))
