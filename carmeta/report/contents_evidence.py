"""Tables of the evidence: studies, counts with their sources, findings, decisions, bias."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from carmeta.report import numbers, words
from carmeta.report.csvfiles import used_counts
from carmeta.report.marks import Marks
from carmeta.report.tables import Cell, Column, Table, filled, row
from carmeta.vocabulary import EXCLUSION_WORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carmeta.domain.analysis import Analysis
    from carmeta.domain.evidence import Excluded, Finding

_PERCENT: Final = numbers.PERCENT


def studies(analysis: Analysis) -> Table:
    """Characteristics as printed, one line a cohort that is pooled."""
    every = dict.fromkeys(key for item in analysis.studies for key in item.values)
    keys = [key for key in every if any(item.values.get(key) for item in analysis.studies)]
    columns = (Column("Cohort"), *(Column(key) for key in keys), Column("Reference", wide=True))
    rows = [
        row(
            item.slab, *(item.values.get(key, "") or numbers.ABSENT for key in keys), item.reference
        )
        for item in analysis.studies
    ]
    notes = tuple(
        f"{item.slab}. {'. '.join(item.blanks)}." for item in analysis.studies if item.blanks
    )
    return Table("studies", "Study characteristics", columns, tuple(rows), notes)


def outcome_data(analysis: Analysis) -> Table:
    """Every count with its source and derivation; what no count has has no column."""
    intervals = {
        (item.count.key, item.count.outcome): item
        for outcome in analysis.outcomes
        for item in outcome.rows
    }
    columns = (
        Column("Outcome"),
        Column("Cohort"),
        Column("Product"),
        Column("Events", "right"),
        Column("Total", "right"),
        Column("% (exact 95% CI)", "right"),
        Column("Population"),
        Column("Grading"),
        Column("Derivation", wide=True),
        Column("Source", wide=True),
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
                analysis.words.outcome(count.outcome).short,
                label,
                count.product,
                Cell(
                    f"{count.xi} ({count.xi_lo} to {count.xi_hi})" if several else str(count.xi),
                    None if several else count.xi,
                ),
                count.ni,
                shown,
                count.population_label,
                count.grading,
                words.DERIVATION_WORDS.get(count.derivation, count.derivation),
                count.source,
            )
        )
    notes = tuple(marks.notes())
    return filled(Table("counts", "Outcome data with source", columns, tuple(rows), notes))


def findings(analysis: Analysis) -> Table:
    """What the audit saw, the gravest first."""
    return findings_table(analysis.findings, "findings", "Findings of the audit")


def findings_table(found: Sequence[Finding], key: str, caption: str) -> Table:
    """Some findings as a table."""
    columns = (
        Column("Severity"),
        Column("Code"),
        Column("Where"),
        Column("Finding", wide=True),
        Column("Printed", wide=True),
        Column("Taken as", wide=True),
    )
    order = {"error": 0, "warning": 1, "info": 2}
    rows = [
        row(
            item.severity,
            item.code,
            item.where,
            item.message,
            "; ".join(item.printed),
            item.acknowledged or item.hint,
        )
        for item in sorted(found, key=lambda item: order[item.severity])
    ]
    return Table(key, caption, columns, tuple(rows))


def excluded(analysis: Analysis) -> Table:
    """Cohorts that report an outcome but are not in its pool, with the reason."""
    return excluded_table(analysis, analysis.excluded, "excluded", "Cohorts not pooled")


def excluded_table(analysis: Analysis, found: Sequence[Excluded], key: str, caption: str) -> Table:
    """Exclusions, one line a cohort and reason; the outcomes that share it stand together."""
    merged: dict[tuple[str, str, str], list[str]] = {}
    for item in found:
        why = EXCLUSION_WORDS[item.kind]
        names = merged.setdefault((item.slab, why, item.reason), [])
        outcome = analysis.words.outcome(item.outcome)
        short = words.short_of(outcome.short, analysis.part_labels.get(item.part, ""))
        if short not in names:
            names.append(short)
    columns = (
        Column("Cohort"),
        Column("Outcomes"),
        Column("Why"),
        Column("Reason", wide=True),
    )
    rows = [
        row(slab, ", ".join(names), why, words.sentence(reason))
        for (slab, why, reason), names in merged.items()
    ]
    return Table(key, caption, columns, tuple(rows))


def decisions(analysis: Analysis) -> Table:
    """Everything derived, chosen or dropped."""
    columns = (
        Column("Cohort"),
        Column("Outcome"),
        Column("What"),
        Column("Rule"),
        Column("From", wide=True),
        Column("Result"),
        Column("Reason", wide=True),
    )
    rows = [
        row(
            "/".join(part for part in (item.study, item.cohort) if part),
            analysis.words.outcome(item.outcome).short if item.outcome else "",
            item.action,
            item.rule,
            "; ".join(item.inputs),
            item.result,
            item.reason,
        )
        for item in analysis.decisions
    ]
    return Table("decisions", "Decisions on the evidence", columns, tuple(rows))


def bias(analysis: Analysis) -> Table:
    """Every judgement on the risk of bias, with its support; no rows where nobody was judged."""
    columns = (
        Column("Study"),
        Column("Tool"),
        Column("Item", wide=True),
        Column("Judgement"),
        Column("Support", wide=True),
        Column("Where", wide=True),
    )
    rows = []
    judged = any(study.items for study in analysis.bias)
    for study in analysis.bias if judged else ():
        if not study.items:
            rows.append(row(study.slab, "", "", "not assessed", "", ""))
        rows += [
            row(
                study.slab,
                study.tool_label or study.tool,
                item.label,
                item.answer,
                item.support,
                item.place,
            )
            for item in study.items
        ]
    return Table("bias", "Risk of bias", columns, tuple(rows))
