"""How toxicity was graded: scale, window and counting; and cells that are empty."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

from carmeta.audit.cells import Cell, Context, finding, grade_subject, of_cell
from carmeta.audit.sources import comparable
from carmeta.domain.evidence import Finding
from carmeta.domain.record import StudyRecord, Toxicity, grade_bounds
from carmeta.vocabulary import OUTCOMES, SCALE_LABELS

_NAMES = {"crs": "CRS", "neurotoxicity": "neurotoxicity"}
# A table gives percentages beside its counts if so many counts above zero are in the record
# and all but this share of them have one.
_MANY, _FEW = 8, 0.1
# The outcome under which the review-level finding is filed.
_OUTCOME = {"crs": "crs_any", "neurotoxicity": "nt_any"}


def check(context: Context) -> Iterator[Finding]:
    """GRD001 to GRD005 and ZER001 to ZER003."""
    for study in context.review.studies:
        for cohort in study.cohorts:
            graded = [item for item in cohort.toxicity if item.event in _NAMES and _reported(item)]
            for event in _NAMES:
                items = [item for item in graded if item.event == event]
                if items:
                    yield from _missing(study, cohort.id, event, items)
                    yield from _differing(study, cohort.id, event, items)
        yield from _columns(study)
    yield from _mixed(context)
    yield from _bare(context)
    for cells in context.by_cohort.values():
        yield from _empty(cells)


def _reported(item: Toxicity) -> bool:
    return any(printed.missing is None for printed in item.grades.values())


def _places(study: StudyRecord, items: Sequence[Toxicity]) -> list[str]:
    return list(
        dict.fromkeys(
            f"{item.at.label(study.default_doc)}: {SCALE_LABELS[item.scale]}"
            f"{', modified' if item.scale_modified else ''}"
            for item in items
        )
    )


def _missing(
    study: StudyRecord, cohort: str, event: str, items: Sequence[Toxicity]
) -> Iterator[Finding]:
    """What no place of the cohort says about an event's grading."""
    subject, name = event if event == "crs" else "nt", _NAMES[event]
    found: list[tuple[str, str]] = []
    if all(item.scale == "not-reported" for item in items):
        found.append(("GRD001", f"{name} without the scale it was graded by"))
    if event == "neurotoxicity" and all(item.window is None for item in items):
        found.append(("GRD003", f"{name} without the period in which events were counted"))
    if not any(_severe_known(item) for item in items) and any(_split(item) for item in items):
        message = (
            f"severe {name} stands in several columns, and it is not said whether a patient is "
            "counted in one only"
        )
        found.append(("GRD002", message))
    for code, message in found:
        yield finding(
            code,
            message,
            study=study.id,
            cohort=cohort,
            subject=subject,
            printed=_places(study, items),
        )


def _severe_known(item: Toxicity) -> bool:
    return ">=3" in item.grades or item.counting != "not-reported"


def _split(item: Toxicity) -> bool:
    return sum(grade_bounds(key)[0] >= 3 for key in item.grades) > 1


def _differing(
    study: StudyRecord, cohort: str, event: str, items: Sequence[Toxicity]
) -> Iterator[Finding]:
    """GRD005: two descriptions of one cohort's grading."""
    described = {
        (item.scale, item.scale_modified): item for item in items if item.scale != "not-reported"
    }
    windows = {item.window: item for item in items if item.window is not None}
    subject = event if event == "crs" else "nt"
    if len(described) > 1:
        words = [
            SCALE_LABELS[scale] + (", modified" if modified else "")
            for scale, modified in described
        ]
        yield finding(
            "GRD005",
            f"{_NAMES[event]} is said to be graded by {' and by '.join(words)}",
            study=study.id,
            cohort=cohort,
            subject=subject,
            printed=_places(study, list(described.values())),
        )
    if len(windows) > 1:
        yield finding(
            "GRD005",
            f"{_NAMES[event]} is counted over {' and over '.join(windows)}",
            study=study.id,
            cohort=cohort,
            subject=subject,
            printed=[
                f"{item.at.label(study.default_doc)}: {window}" for window, item in windows.items()
            ],
        )


def _mixed(context: Context) -> Iterator[Finding]:
    """GRD004: one finding an event over the whole review, of CAR-T cohorts only."""
    for event, name in _NAMES.items():
        scales: dict[str, list[str]] = defaultdict(list)
        for key, cohort in context.cohorts.items():
            items = [i for i in cohort.toxicity if i.event == event and _reported(i)]
            if cohort.role != "car-t" or not items or context.lineage.wholes(key):
                continue
            known = {SCALE_LABELS[i.scale]: None for i in items if i.scale != "not-reported"}
            for scale in known or (SCALE_LABELS["not-reported"],):
                scales[scale].append(key)
        if len(scales) > 1:
            outcome = OUTCOMES[_OUTCOME[event]].label
            yield finding(
                "GRD004",
                f"{name} is graded by different scales: {', '.join(scales)}",
                study="",
                subject=_OUTCOME[event],
                printed=[f"{outcome}, {scale}: {', '.join(k)}" for scale, k in scales.items()],
            )


def _columns(study: StudyRecord) -> Iterator[Finding]:
    """ZER002: a row without a grade column that most rows of its table have."""
    tables: dict[tuple[str, str], list[tuple[str, Toxicity]]] = defaultdict(list)
    for cohort in study.cohorts:
        for item in cohort.toxicity:
            if item.at.table:
                tables[item.at.doc or study.default_doc, item.at.table].append((cohort.id, item))
    for (_, table), rows in tables.items():
        often: dict[str, int] = defaultdict(int)
        for _, item in rows:
            for key in item.grades:
                often[key] += 1
        usual = [key for key, times in often.items() if 2 * times > len(rows) and len(rows) > 2]
        for cohort_id, item in rows:
            for key in usual:
                if key not in item.grades:
                    yield finding(
                        "ZER002",
                        f"no column for grade {key}, which {often[key]} of {len(rows)} rows of "
                        f"Table {table} have",
                        study=study.id,
                        cohort=cohort_id,
                        subject=grade_subject(item.event, item.term, key),
                        printed=(f"{item.at.label(study.default_doc)}: {', '.join(item.grades)}",),
                    )


def _empty(cells: Sequence[Cell]) -> Iterator[Finding]:
    """ZER001: 'not reported' where another place gives a number."""
    for a, b in combinations(cells, 2):
        same = (a.family, a.subject, a.population) == (b.family, b.subject, b.population)
        if not same or (a.missing is None) == (b.missing is None) or not comparable(a, b):
            continue
        empty, full = (a, b) if a.missing is not None else (b, a)
        if empty.missing == "not-reported" and empty.doc == full.doc:
            message = f"recorded as not reported, but printed as {full.shown()}"
            yield of_cell("ZER001", empty, message, full)


def _bare(context: Context) -> Iterator[Finding]:
    """ZER003: counts above zero without percentage, in a table that gives them."""
    tables: dict[tuple[str, str, str, str], list[Cell]] = defaultdict(list)
    for cell in context.cells:
        if cell.at.table and cell.count and cell.family in ("toxicity", "response"):
            tables[cell.study, cell.doc, cell.at.table, cell.family].append(cell)
    for cells in tables.values():
        bare = [cell for cell in cells if cell.percent is None]
        if len(cells) >= _MANY and len(bare) <= _FEW * len(cells):
            for cell in bare:
                message = (
                    f"{cell.count} without a percentage, which {len(cells) - len(bare)} of "
                    f"{len(cells)} numbers of Table {cell.at.table} have"
                )
                yield of_cell("ZER003", cell, message)
