"""Which tables a run has, and what stands in them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from carmeta.report import numbers, words
from carmeta.report.csvfiles import used_counts
from carmeta.report.forest_rows import moderator_name, subgroup_name
from carmeta.report.marks import Marks
from carmeta.report.tables import Cell, Column, Table, row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carmeta.domain.analysis import Analysis, OutcomeAnalysis
    from carmeta.domain.evidence import Excluded, Finding
    from carmeta.domain.result import Pooled

_PERCENT = numbers.PERCENT


def all_tables(analysis: Analysis) -> list[Table]:
    """Every table of the run that has rows, in the order of the report."""
    tables = [
        headline(analysis),
        models(analysis),
        subgroups(analysis),
        contrasts(analysis),
        studies(analysis),
        outcome_data(analysis),
        sensitivity(analysis),
        findings(analysis),
        excluded(analysis),
        decisions(analysis),
    ]
    return [table for table in tables if table.rows]


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
    label = words.outcome(outcome.outcome).label
    return f"{label} ({outcome.part_label})" if outcome.part_label else label


def flags(analysis: Analysis) -> dict[str, list[str]]:
    """Every flag of a count that entered, and the cohorts that carry it."""
    found: dict[str, dict[str, None]] = {}
    for count in used_counts(analysis):
        for flag in count.flags:
            found.setdefault(flag, {})[count.slab] = None
    return {flag: list(where) for flag, where in found.items()}


def totals(outcome: OutcomeAnalysis) -> tuple[int, int]:
    """Events and patients of an outcome's rows."""
    return (
        sum(item.count.xi for item in outcome.rows),
        sum(item.count.ni for item in outcome.rows),
    )


def models(analysis: Analysis) -> Table:
    """All models side by side."""
    columns = (
        Column("Outcome"), Column("Model", wide=True), Column("Cohorts", "right"),
        Column("Estimate, % (CI)", "right"), Column("Prediction interval, %", "right"),
        Column("\u03c4\u00b2 (CI)", "right"), Column("I\u00b2", "right"), Column("Q", "right"),
        Column("df", "right"), Column("P", "right"),
    )
    rows = []
    for outcome in analysis.outcomes:
        for index, item in enumerate((outcome.headline, *outcome.beside)):
            has_q = not math.isnan(item.q)
            rows.append(
                row(
                    outcome_name(outcome) if index == 0 else "",
                    f"{words.model_long(item)}; CI by {words.test_long(item)}",
                    item.k,
                    estimate(item),
                    prediction(item),
                    tau2(item),
                    numbers.i_squared(item.i2),
                    numbers.statistic(item.q) if has_q else numbers.ABSENT,
                    str(item.q_df) if has_q else numbers.ABSENT,
                    numbers.p_value(item.q_pval).removeprefix("= ") if has_q else numbers.ABSENT,
                )
            )
    return Table("models", "All models side by side", columns, tuple(rows))


def subgroups(analysis: Analysis) -> Table:
    """Every level of every moderator."""
    columns = (
        Column("Outcome"), Column("Moderator"), Column("Level"), Column("Cohorts", "right"),
        Column("Events/patients", "right"), Column("Estimate, % (CI)", "right"),
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
                    label, moderator_name(group.moderator), group.label, len(group.rows),
                    f"{numbers.count(events)}/{numbers.count(patients)}",
                    estimate(fit) if fit else "single study, not pooled",
                    numbers.variance(fit.tau2) if fit else numbers.ABSENT,
                )
            )
        notes += [
            f"{label}. {words.sentence(words.subgroup_test(test, subgroup_name(outcome, test)))}"
            for test in outcome.subgroup_tests
        ]
    return Table("subgroups", "Subgroups", columns, tuple(rows), tuple(notes))


def contrasts(analysis: Analysis) -> Table:
    """Comparisons of two arms beside what the papers published."""
    columns = (
        Column("Outcome"), Column("Study", wide=True), Column("Treatment", "right"),
        Column("Control", "right"), Column("Measure"), Column("Estimate (CI)", "right"),
        Column("Published", wide=True),
    )
    rows = []
    for contrast in analysis.contrasts:
        names = "; ".join(pair.slab for pair in contrast.pairs)
        treated = [pair.treatment for pair in contrast.pairs]
        control = [pair.control for pair in contrast.pairs]
        for index, item in enumerate(contrast.results):
            scale = measure_scale(item.measure)
            rows.append(
                row(
                    words.outcome(contrast.outcome).label if index == 0 else "",
                    names if index == 0 else "",
                    f"{sum(c.xi for c in treated)}/{sum(c.ni for c in treated)}",
                    f"{sum(c.xi for c in control)}/{sum(c.ni for c in control)}",
                    words.MEASURE_WORDS.get(item.measure, item.measure)
                    + (", percentage points" if item.measure == "RD" else ""),
                    estimate(item, scale),
                    "; ".join(contrast.published) if index == 0 else "",
                )
            )
    return Table("contrasts", "Comparisons of two arms", columns, tuple(rows))


def studies(analysis: Analysis) -> Table:
    """Characteristics as printed, one line a study."""
    keys = list(dict.fromkeys(key for item in analysis.studies for key in item.values))
    columns = (Column("Study"), *(Column(key) for key in keys), Column("Reference", wide=True))
    rows = [
        row(item.slab, *(item.values.get(key, "") or numbers.ABSENT for key in keys),
            item.reference)
        for item in analysis.studies
    ]
    return Table("studies", "Study characteristics", columns, tuple(rows))


def outcome_data(analysis: Analysis) -> Table:
    """Every count with its source and derivation."""
    intervals = {
        (item.count.key, item.count.outcome): item
        for outcome in analysis.outcomes
        for item in outcome.rows
    }
    columns = (
        Column("Outcome"), Column("Cohort"), Column("Product"), Column("Events", "right"),
        Column("Total", "right"), Column("% (exact 95% CI)", "right"), Column("Population"),
        Column("Grading"), Column("Derivation", wide=True), Column("Source", wide=True),
    )
    rows = []
    marks = Marks()
    for count in used_counts(analysis):
        found = intervals.get((count.key, count.outcome))
        several = count.xi_lo != count.xi_hi
        shown = numbers.ABSENT
        if found:
            shown = numbers.estimate(found.proportion, found.ci_lb, found.ci_ub, _PERCENT)
        label = count.slab + "".join(marks.label(count))
        rows.append(
            row(
                words.outcome(count.outcome).short, label, count.product,
                Cell(f"{count.xi} ({count.xi_lo} to {count.xi_hi})" if several else str(count.xi),
                     None if several else count.xi),
                count.ni, shown, words.population(count.population), count.grading,
                words.DERIVATION_WORDS.get(count.derivation, count.derivation), count.source,
            )
        )
    return Table("counts", "Outcome data with source", columns, tuple(rows), tuple(marks.notes()))


def sensitivity(analysis: Analysis) -> Table:
    """The primary model with something varied."""
    columns = (
        Column("Outcome"), Column("Varied"), Column("How", wide=True), Column("Cohorts", "right"),
        Column("Estimate, % (CI)", "right"), Column("\u03c4\u00b2", "right"),
    )
    rows = [
        row(
            outcome_name(outcome), item.kind, item.label, item.pooled.k,
            estimate(item.pooled), numbers.variance(item.pooled.tau2),
        )
        for outcome in analysis.outcomes
        for item in outcome.sensitivity
    ]
    return Table("sensitivity", "Sensitivity analyses", columns, tuple(rows))


def findings(analysis: Analysis) -> Table:
    """What the audit saw, the gravest first."""
    return findings_table(analysis.findings, "findings", "Findings of the audit")


def findings_table(found: Sequence[Finding], key: str, caption: str) -> Table:
    """Some findings as a table."""
    columns = (
        Column("Severity"), Column("Code"), Column("Where"), Column("Finding", wide=True),
        Column("Printed", wide=True), Column("Taken as", wide=True),
    )
    order = {"error": 0, "warning": 1, "info": 2}
    rows = [
        row(
            item.severity, item.code, item.where, item.message, "; ".join(item.printed),
            item.acknowledged or item.hint,
        )
        for item in sorted(found, key=lambda item: order[item.severity])
    ]
    return Table(key, caption, columns, tuple(rows))


def excluded(analysis: Analysis) -> Table:
    """Cohorts that report an outcome but are not in its pool, with the reason."""
    every = [(outcome, item) for outcome in analysis.outcomes for item in outcome.excluded]
    return excluded_table(every, "excluded", "Cohorts not pooled")


def excluded_table(
    found: Sequence[tuple[OutcomeAnalysis, Excluded]], key: str, caption: str
) -> Table:
    """Some exclusions as a table."""
    columns = (
        Column("Outcome"), Column("Cohort"), Column("Why"), Column("Reason", wide=True),
        Column("Source", wide=True),
    )
    rows = [
        row(
            words.outcome(item.outcome or outcome.outcome).short, item.slab,
            words.EXCLUSION_WORDS.get(item.kind, item.kind), item.reason, item.source,
        )
        for outcome, item in found
    ]
    return Table(key, caption, columns, tuple(dict.fromkeys(rows)))


def decisions(analysis: Analysis) -> Table:
    """Everything derived, chosen or dropped."""
    columns = (
        Column("Cohort"), Column("Outcome"), Column("What"), Column("Rule"),
        Column("From", wide=True), Column("Result"), Column("Reason", wide=True),
    )
    rows = [
        row(
            "/".join(part for part in (item.study, item.cohort) if part),
            words.outcome(item.outcome).short if item.outcome else "", item.action, item.rule,
            "; ".join(item.inputs), item.result, item.reason,
        )
        for item in analysis.decisions
    ]
    return Table("decisions", "Decisions on the evidence", columns, tuple(rows))
