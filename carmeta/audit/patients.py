"""Individual patients against the numbers that the paper prints over them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Final

from carmeta.audit.context import Context, counted, finding, toxicity_tables
from carmeta.cells import Cell
from carmeta.domain.evidence import DataPath, Finding
from carmeta.domain.record import (
    Characteristic,
    Patient,
    PatientFilter,
    PatientTable,
    StudyRecord,
    grade_bounds,
)
from carmeta.domain.words import NOT_REPORTED

Value = str | int | bool | None
_COMPARISON: Final = re.compile(r"(>=|<=|>|<)\s*(-?\d+(?:\.\d+)?)")
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?")


def check(context: Context) -> Iterator[Finding]:
    """PAT001 to PAT003."""
    for study in context.review.studies:
        if study.patients is None:
            continue
        yield from _alike(study, study.patients)
        rows: dict[str, tuple[Patient, ...]] = {}
        for cohort in study.cohorts:
            if cohort.patients is not None:
                rows[cohort.id] = select(study.patients.rows, cohort.patients)
                checker = _Checker(context, f"{study.id}/{cohort.id}", study.patients)
                yield from checker.all(rows[cohort.id])
        yield from _partitions(context, study, rows)


def select(rows: Sequence[Patient], conditions: PatientFilter) -> tuple[Patient, ...]:
    """The patients who meet every condition."""
    return tuple(
        row
        for row in rows
        if all(_meets(_value(row, key), wanted) for key, wanted in conditions.where.items())
    )


def _value(row: Patient, key: str) -> Value:
    if key in ("id", "site"):
        return row.id if key == "id" else row.site
    if key in row.grades:
        return row.grades[key]
    return row.attributes.get(key)


def _meets(value: Value, wanted: str | int | bool) -> bool:
    comparison = _COMPARISON.fullmatch(wanted) if isinstance(wanted, str) else None
    if comparison is None:
        return type(value) is type(wanted) and value == wanted
    number = _as_number(value)
    if number is None:
        return False
    sign, limit = comparison[1], Fraction(comparison[2])
    return {
        ">=": number >= limit,
        "<=": number <= limit,
        ">": number > limit,
        "<": number < limit,
    }[sign]


def _as_number(value: Value) -> Fraction | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return Fraction(value)
    return Fraction(value) if _NUMBER.fullmatch(value) else None


class _Checker:
    """Compares what a cohort prints with the rows of its patients."""

    def __init__(self, context: Context, key: str, table: PatientTable):
        self.study = context.cells.study(key)
        self.cohort = key.partition("/")[2]
        self.table = table
        self.path = (*context.cells.path(key), "patients")
        self.cells = context.cells.by_cohort[key]
        self.at = ", ".join(place.label(self.study.default_doc) for place in table.at)

    def all(self, rows: Sequence[Patient]) -> Iterator[Finding]:
        yield from self._size(rows)
        if rows and all(row.response for row in rows):
            yield from self._responses(rows)
        for event in rows[0].grades if rows else ():
            if all(event in row.grades for row in rows):
                yield from self._graded(event, rows)
        for cell in self.cells:
            if isinstance(cell.item, Characteristic):
                yield from self._characteristic(cell, cell.item, rows)
        for record, table in toxicity_tables(self.cells):
            if record.patients is not None and "any" in table:
                yield from self._marked(table["any"], select(rows, record.patients))

    def _size(self, rows: Sequence[Patient]) -> Iterator[Finding]:
        sizes = {cell.count or 0: cell for cell in self.cells if cell.kind == "size"}
        if sizes and len(rows) not in sizes:
            message = f"{len(rows)} patients are listed, {counted(sizes)} printed"
            printed = [cell.text() for cell in self.cells if cell.kind == "size"]
            yield self._finding("n", message, printed, self.path)

    def _responses(self, rows: Sequence[Patient]) -> Iterator[Finding]:
        for cell in self.cells:
            if cell.kind == "response":
                wanted = {cell.name}
            elif cell.kind == "proportion" and cell.words.outcome(cell.name).categories:
                wanted = set(cell.words.outcome(cell.name).categories)
            else:
                continue
            sure = [row for row in rows if set(row.response or ()) <= wanted]
            perhaps = [row for row in rows if set(row.response or ()) & wanted]
            yield from self._compare(cell, frozenset(range(len(sure), len(perhaps) + 1)), sure)

    def _graded(self, event: str, rows: Sequence[Patient]) -> Iterator[Finding]:
        for record, table in toxicity_tables(self.cells):
            if record.event != event or record.counting == "any-event":
                continue
            if self.table.grading(event).scale not in (record.scale, NOT_REPORTED):
                continue
            for key, cell in table.items():
                low, high = grade_bounds(key)
                graded = [row for row in rows if low <= row.grades[event] <= high]
                yield from self._marked(cell, graded)

    def _characteristic(
        self, cell: Cell, item: Characteristic, rows: Sequence[Patient]
    ) -> Iterator[Finding]:
        if item.patients is not None:
            yield from self._marked(cell, select(rows, item.patients))
            return
        values = [row.attributes.get(item.name) for row in rows]
        if values and all(isinstance(value, bool) for value in values):
            yield from self._marked(cell, [row for row in rows if row.attributes[item.name]])
        numbers = [number for value in values if (number := _as_number(value)) is not None]
        if numbers and len(numbers) == len(values):
            yield from self._numbers(cell, item, numbers)

    def _numbers(
        self, cell: Cell, item: Characteristic, numbers: Sequence[Fraction]
    ) -> Iterator[Finding]:
        """A printed median and range against the patients' values."""
        if item.value is not None and "median" in (item.label or "").lower():
            middle = _median(numbers)
            if _NUMBER.fullmatch(item.value) and not _rounds(middle, item.value):
                message = f"the patients' median is {float(middle):g}, printed {item.value}"
                yield self._finding(item.name, message, [cell.text()], cell.path)
        span = re.fullmatch(r"(-?\d+(?:\.\d+)?)\s*[-–]\s*(-?\d+(?:\.\d+)?)", item.range or "")
        if span:
            ends = ((min(numbers), span[1]), (max(numbers), span[2]))
            if not all(_rounds(value, text) for value, text in ends):
                message = (
                    f"the patients range from {float(ends[0][0]):g} to {float(ends[1][0]):g}, "
                    f"printed {item.range}"
                )
                yield self._finding(item.name, message, [cell.text()], cell.path)

    def _marked(self, cell: Cell, rows: Sequence[Patient]) -> Iterator[Finding]:
        yield from self._compare(cell, frozenset((len(rows),)), rows)

    def _compare(
        self, cell: Cell, counts: frozenset[int], who: Sequence[Patient]
    ) -> Iterator[Finding]:
        printed = cell.possible()
        if not printed or printed & counts:
            return
        names = ", ".join(row.id for row in who[:20]) or "none"
        message = f"{counted(counts)} of the patients listed ({names}), printed {cell.shown()}"
        yield self._finding(cell.subject, message, [cell.text()], cell.path)

    def _finding(
        self, subject: str, message: str, printed: Sequence[str], path: DataPath
    ) -> Finding:
        return finding(
            "PAT001",
            message,
            study=self.study.id,
            path=path,
            cohort=self.cohort,
            subject=subject,
            printed=[*printed, f"{self.at}: individual patients"],
        )


def _median(numbers: Sequence[Fraction]) -> Fraction:
    ordered = sorted(numbers)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _rounds(value: Fraction, text: str) -> bool:
    return abs(value - Fraction(text)) <= Fraction(1, 2 * 10 ** len(text.partition(".")[2]))


def _alike(study: StudyRecord, table: PatientTable) -> Iterator[Finding]:
    """PAT002: rows that agree in everything but the id, where that is more than chance."""
    seen: dict[object, str] = {}
    for index, row in enumerate(table.rows):
        if len(row.attributes) < 3:
            continue
        key = (row.site, tuple(row.response or ()), _frozen(row.grades), _frozen(row.attributes))
        if key in seen:
            yield finding(
                "PAT002",
                f"patients {seen[key]} and {row.id} agree in everything",
                study=study.id,
                path=("patients", "rows", index),
                subject="patients",
                printed=[place.label(study.default_doc) for place in table.at],
            )
        seen.setdefault(key, row.id)


def _frozen(attributes: Mapping[str, Value]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((key, repr(value)) for key, value in attributes.items()))


def _partitions(
    context: Context, study: StudyRecord, rows: Mapping[str, tuple[Patient, ...]]
) -> Iterator[Finding]:
    """PAT003: parts of a partition that are filters of patients must split the patients."""
    for cohort in study.cohorts:
        if cohort.id not in rows:
            continue
        path = (*context.cells.path(f"{study.id}/{cohort.id}"), "lineage", "partitions")
        for partition in cohort.lineage.partitions:
            parts = [part.rpartition("/")[2] for part in partition]
            if not all(part in rows for part in parts):
                continue
            homes: dict[str, list[str]] = defaultdict(list)
            for part in parts:
                for row in rows[part]:
                    homes[row.id].append(part)
            for row in rows[cohort.id]:
                found = homes[row.id]
                if len(found) != 1:
                    where = " and ".join(found) if found else f"none of {', '.join(parts)}"
                    yield finding(
                        "PAT003",
                        f"patient {row.id} is in {where}, which split {cohort.id}",
                        study=study.id,
                        path=path,
                        cohort=cohort.id,
                        subject=row.id,
                        printed=(cohort.label,),
                    )
