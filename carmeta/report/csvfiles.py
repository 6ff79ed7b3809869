"""The machine-readable tables of a run: plain CSV, with the digits of `carmeta.digits`."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carmeta.digits import difference, number_text
from carmeta.report.text import csv_cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from carmeta.domain.analysis import Analysis
    from carmeta.domain.evidence import Count
    from carmeta.domain.result import Pooled
    from carmeta.report.forest_spec import ForestSpec

Value = str | int | float

COUNTS = (
    "study",
    "cohort",
    "product",
    "outcome",
    "xi",
    "xi_lo",
    "xi_hi",
    "ni",
    "population",
    "grading",
    "derivation",
    "source",
    "label",
    "role",
    "unit",
    "flags",
)
POOLED = (
    "outcome",
    "model",
    "measure",
    "method",
    "test",
    "k",
    "events",
    "patients",
    "estimate",
    "ci_lb",
    "ci_ub",
    "pi_lb",
    "pi_ub",
    "analysis_estimate",
    "analysis_se",
    "analysis_stat",
    "analysis_df",
    "analysis_p",
    "analysis_ci_lb",
    "analysis_ci_ub",
    "analysis_pi_lb",
    "analysis_pi_ub",
    "pi_method",
    "level",
    "tau2",
    "tau2_ci_lb",
    "tau2_ci_ub",
    "tau2_ci_method",
    "i2",
    "i2_method",
    "h2",
    "q",
    "q_df",
    "q_pval",
    "lrt",
    "lrt_df",
    "lrt_pval",
    "fallbacks",
    "role",
    "moderator",
    "subgroup",
    "part",
)


@dataclass(frozen=True, slots=True)
class Raw:
    """A machine-readable table: plain values below column names."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]


def write(columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> bytes:
    """UTF-8 CSV with LF line ends; text that looks like a formula is marked as text."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(value, name) for value, name in zip(row, columns, strict=True)])
    return buffer.getvalue().encode("utf-8", "backslashreplace")


def _cell(value: Value, column: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return number_text(value, column)
    # The csv module leaves a lone carriage return unquoted, and readers break the line there.
    text = csv_cell(value.replace("\x00", "\ufffd"))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def all_csv(analysis: Analysis) -> dict[str, bytes]:
    """File name to bytes for counts, decisions, findings, excluded, pooled, sensitivity."""
    return {f"{raw.name}.csv": write(raw.columns, raw.rows) for raw in all_raw(analysis)}


def all_raw(analysis: Analysis) -> list[Raw]:
    """The tables behind those files."""
    makers = (counts, decisions, findings, excluded, pooled, sensitivity)
    return [make(analysis) for make in makers]


def used_counts(analysis: Analysis) -> list[Count]:
    """Every count that entered a pool or a comparison, each once, in the order of the run."""
    found: dict[tuple[str, str, str, int, int], Count] = {}
    for item in (c for one in analysis.pools for c in one.counts):
        found.setdefault((item.study, item.cohort, item.outcome, item.xi, item.ni), item)
    return list(found.values())


def counts(analysis: Analysis) -> Raw:
    """One line a count, with everything that says where it comes from."""
    rows = (
        (
            item.study,
            item.cohort,
            item.product,
            item.outcome,
            item.xi,
            item.xi_lo,
            item.xi_hi,
            item.ni,
            item.population,
            item.grading,
            item.derivation,
            item.source,
            item.slab,
            item.role,
            item.unit,
            "; ".join(item.flags),
        )
        for item in used_counts(analysis)
    )
    return Raw("counts", COUNTS, tuple(rows))


def decisions(analysis: Analysis) -> Raw:
    """Everything derived, chosen or dropped."""
    columns = ("study", "cohort", "outcome", "action", "rule", "inputs", "result", "reason")
    rows = (
        (
            item.study,
            item.cohort,
            item.outcome,
            item.action,
            item.rule,
            " | ".join(item.inputs),
            item.result,
            item.reason,
        )
        for item in analysis.decisions
    )
    return Raw("decisions", columns, tuple(rows))


def findings(analysis: Analysis) -> Raw:
    """What the audit saw."""
    columns = (
        "code",
        "severity",
        "study",
        "cohort",
        "subject",
        "message",
        "hint",
        "printed",
        "file",
        "line",
        "column",
        "acknowledged",
    )
    rows = (
        (
            item.code,
            item.severity,
            item.study,
            item.cohort,
            item.subject,
            item.message,
            item.hint,
            " | ".join(item.printed),
            item.mark.file if item.mark else "",
            item.mark.line if item.mark else "",
            item.mark.column if item.mark else "",
            item.acknowledged,
        )
        for item in analysis.findings
    )
    return Raw("findings", columns, tuple(rows))


def excluded(analysis: Analysis) -> Raw:
    """Cohorts that report an outcome but are not in its pool."""
    columns = ("outcome", "study", "cohort", "label", "kind", "reason", "source", "part")
    rows = (
        (
            item.outcome,
            item.study,
            item.cohort or "; ".join(item.cohorts),
            item.slab,
            item.kind,
            item.reason,
            item.source,
            item.part,
        )
        for item in analysis.excluded
    )
    return Raw("excluded", columns, tuple(rows))


def pooled(analysis: Analysis) -> Raw:
    """Every pooled estimate: primary model, models beside it, subgroups, comparisons."""
    rows: list[tuple[Value, ...]] = []
    for outcome in analysis.outcomes:
        events = outcome.events
        patients = outcome.patients
        for item in (outcome.headline, *outcome.beside):
            role = "primary" if item is outcome.headline else "beside"
            what = (role, "", "", outcome.part)
            rows.append(_pooled_row(outcome.outcome, item, events, patients, what))
        for group in outcome.subgroups:
            if group.pooled is not None:
                rows.append(
                    _pooled_row(
                        outcome.outcome,
                        group.pooled,
                        sum(row.count.xi for row in group.rows),
                        sum(row.count.ni for row in group.rows),
                        ("subgroup", group.moderator, group.level, outcome.part),
                    )
                )
    for contrast in analysis.contrasts:
        for item in contrast.results:
            arms = [arm for pair in contrast.used(item) for arm in (pair.treatment, pair.control)]
            events, patients = sum(arm.xi for arm in arms), sum(arm.ni for arm in arms)
            what = ("contrast", "", "", "")
            rows.append(_pooled_row(contrast.outcome, item, events, patients, what))
    return Raw("pooled", POOLED, tuple(rows))


def _pooled_row(
    outcome: str, item: Pooled, events: int, patients: int, what: tuple[str, str, str, str]
) -> tuple[Value, ...]:
    back = item.back
    return (
        outcome,
        item.model,
        item.measure,
        item.method,
        item.test,
        item.k,
        events,
        patients,
        back.estimate,
        back.ci_lb,
        back.ci_ub,
        back.pi_lb,
        back.pi_ub,
        item.estimate,
        item.se,
        item.stat,
        item.df,
        item.p,
        item.ci_lb,
        item.ci_ub,
        item.pi_lb,
        item.pi_ub,
        item.pi_method,
        item.level,
        item.tau2,
        item.tau2_ci_lb,
        item.tau2_ci_ub,
        item.tau2_ci_method,
        item.i2,
        item.i2_method,
        item.h2,
        item.q,
        item.q_df,
        item.q_pval,
        item.lrt,
        item.lrt_df,
        item.lrt_pval,
        "; ".join(f"{fallback.code}: {fallback.message}" for fallback in item.fallbacks),
        *what,
    )


def sensitivity(analysis: Analysis) -> Raw:
    """The primary model with something varied."""
    columns = (
        "outcome",
        "kind",
        "label",
        "model",
        "k",
        "estimate",
        "ci_lb",
        "ci_ub",
        "pi_lb",
        "pi_ub",
        "tau2",
        "i2",
        "fallbacks",
        "part",
        "shift",  # of the estimate from the primary one, on the same scale
    )
    rows = (
        (
            outcome.outcome,
            row.kind,
            row.label,
            row.pooled.label,
            row.pooled.k,
            row.pooled.back.estimate,
            row.pooled.back.ci_lb,
            row.pooled.back.ci_ub,
            row.pooled.back.pi_lb,
            row.pooled.back.pi_ub,
            row.pooled.tau2,
            row.pooled.i2,
            "; ".join(fallback.code for fallback in row.pooled.fallbacks),
            outcome.part,
            difference(row.pooled.back.estimate, outcome.headline.back.estimate),
        )
        for outcome in analysis.outcomes
        for row in outcome.sensitivity
    )
    return Raw("sensitivity", columns, tuple(rows))


def forest_sidecar(spec: ForestSpec) -> bytes:
    """Every number a forest plot draws, and the text that stands beside it."""
    keys = [column.key for column in spec.columns if column.key not in ("study", "plot")]
    columns = (
        "row",
        "key",
        "label",
        "mark",
        "estimate",
        "lb",
        "ub",
        "weight",
        *(f"shown_{key.removeprefix('extra:')}" for key in keys),
    )
    rows: list[tuple[Value, ...]] = []
    for row in spec.rows:
        mark = row.mark
        drawn: tuple[Value, ...] = (
            (mark.glyph, mark.estimate, mark.lb, mark.ub, mark.weight)
            if mark
            else ("", "", "", "", "")
        )
        texts = tuple(_shown(row.cells[key].parts) if key in row.cells else "" for key in keys)
        rows.append((row.kind, row.key, row.label, *drawn, *texts))
    return write(columns, rows)


def _shown(parts: tuple[str, ...]) -> str:
    return " ".join(part for part in parts if part).replace(" / ", "/")
