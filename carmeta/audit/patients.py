"""Individual patients against the numbers that the paper prints over them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Final

from carmeta.audit.cells import Cell, Context, counted, finding, toxicity_tables
from carmeta.domain.evidence import Finding
from carmeta.domain.record import (
    Characteristic,
    Cohort,
    Patient,
    PatientFilter,
    PatientTable,
    StudyRecord,
    grade_bounds,
)
from carmeta.vocabulary import RESPONSE_TIERS

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
                cells = context.by_cohort.get(f"{study.id}/{cohort.id}", ())
                yield from _Checker(study, cohort, rows[cohort.id], cells).all()
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
    if key == "crs_grade":
        return row.crs_grade
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

    def __init__(
        self,
        study: StudyRecord,
        cohort: Cohort,
        rows: tuple[Patient, ...],
        cells: Sequence[Cell],
    ):
        assert study.patients is not None
        self.study, self.cohort, self.rows, self.cells = study, cohort, rows, cells
        self.table = study.patients
        self.at = ", ".join(place.label(study.default_doc) for place in self.table.at)

    def all(self) -> Iterator[Finding]:
        yield from self._size()
        yield from self._responses()
        yield from self._crs()
        for item in self.cohort.characteristics:
            yield from self._characteristic(item)
        for record, table in toxicity_tables(self.cohort, self.cells):
            if record.patients is not None and "any" in table:
                marked = select(self.rows, record.patients)
                yield from self._compare(table["any"], frozenset((len(marked),)), marked)

    def _size(self) -> Iterator[Finding]:
        sizes = {size.n for size in self.cohort.populations.values()}
        if sizes and len(self.rows) not in sizes:
            yield self._finding(
                "n",
                f"{len(self.rows)} patients are listed, {counted(sizes)} printed",
                [
                    f"{size.at.label(self.study.default_doc)}: {name} {size.n}"
                    for name, size in self.cohort.populations.items()
                ],
            )

    def _responses(self) -> Iterator[Finding]:
        if not self.rows or any(not row.response for row in self.rows):
            return
        for cell in self.cells:
            if cell.family == "response":
                wanted = {cell.subject.removeprefix("response ")}
            elif cell.subject in RESPONSE_TIERS and cell.family == "proportion":
                wanted = set(RESPONSE_TIERS[cell.subject])
            else:
                continue
            sure = [row for row in self.rows if set(row.response or ()) <= wanted]
            perhaps = [row for row in self.rows if set(row.response or ()) & wanted]
            yield from self._compare(cell, frozenset(range(len(sure), len(perhaps) + 1)), sure)

    def _crs(self) -> Iterator[Finding]:
        if not self.rows or any(row.crs_grade is None for row in self.rows):
            return
        for record, table in toxicity_tables(self.cohort, self.cells):
            if record.event != "crs" or record.counting == "any-event":
                continue
            if self.table.scale not in (record.scale, "not-reported"):
                continue
            for key, cell in table.items():
                low, high = grade_bounds(key)
                graded = [row for row in self.rows if low <= (row.crs_grade or 0) <= high]
                yield from self._compare(cell, frozenset((len(graded),)), graded)

    def _characteristic(self, item: Characteristic) -> Iterator[Finding]:
        cell = next((c for c in self.cells if c.at is item.at and c.subject == item.name), None)
        if item.patients is not None:
            if cell is not None:
                marked = select(self.rows, item.patients)
                yield from self._compare(cell, frozenset((len(marked),)), marked)
            return
        values = [row.attributes.get(item.name) for row in self.rows]
        if cell is not None and values and all(isinstance(value, bool) for value in values):
            marked = tuple(row for row in self.rows if row.attributes[item.name] is True)
            yield from self._compare(cell, frozenset((len(marked),)), marked)
        numbers = [number for value in values if (number := _as_number(value)) is not None]
        if numbers and len(numbers) == len(values):
            yield from self._numbers(item, numbers)

    def _numbers(self, item: Characteristic, numbers: Sequence[Fraction]) -> Iterator[Finding]:
        """A printed median and range against the patients' values."""
        at = item.at.label(self.study.default_doc)
        if item.value is not None and "median" in (item.label or "").lower():
            middle = _median(numbers)
            if _NUMBER.fullmatch(item.value) and not _rounds(middle, item.value):
                message = f"the patients' median is {float(middle):g}, printed {item.value}"
                yield self._finding(item.name, message, [f"{at}: {item.value}"])
        span = re.fullmatch(r"(-?\d+(?:\.\d+)?)\s*[-–]\s*(-?\d+(?:\.\d+)?)", item.range or "")
        if span:
            ends = ((min(numbers), span[1]), (max(numbers), span[2]))
            if not all(_rounds(value, text) for value, text in ends):
                message = (
                    f"the patients range from {float(ends[0][0]):g} to {float(ends[1][0]):g}, "
                    f"printed {item.range}"
                )
                yield self._finding(item.name, message, [f"{at}: {item.range}"])

    def _compare(
        self, cell: Cell, counts: frozenset[int], who: Sequence[Patient]
    ) -> Iterator[Finding]:
        printed = cell.possible()
        if not printed or printed & counts:
            return
        names = ", ".join(row.id for row in who[:20]) or "none"
        message = f"{counted(counts)} of the patients listed ({names}), printed {cell.shown()}"
        yield self._finding(cell.subject, message, [cell.text()])

    def _finding(self, subject: str, message: str, printed: Sequence[str]) -> Finding:
        return finding(
            "PAT001",
            message,
            study=self.study.id,
            cohort=self.cohort.id,
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
    for row in table.rows:
        if len(row.attributes) < 3:
            continue
        key = (row.site, tuple(row.response or ()), row.crs_grade, _frozen(row.attributes))
        if key in seen:
            yield finding(
                "PAT002",
                f"patients {seen[key]} and {row.id} agree in everything",
                study=study.id,
                subject="patients",
                printed=[place.label(study.default_doc) for place in table.at],
            )
        seen.setdefault(key, row.id)


def _frozen(attributes: Mapping[str, str | int | bool]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((key, repr(value)) for key, value in attributes.items()))


def _partitions(
    context: Context, study: StudyRecord, rows: Mapping[str, tuple[Patient, ...]]
) -> Iterator[Finding]:
    """PAT003: parts of a partition that are filters of patients must split the patients."""
    for cohort in study.cohorts:
        if cohort.id not in rows:
            continue
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
                        cohort=cohort.id,
                        subject=row.id,
                        printed=(context.cohorts[f"{study.id}/{cohort.id}"].label,),
                    )
