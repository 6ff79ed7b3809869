"""Counts of a CSV or Excel file, read, and what is made of them: what the commands share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from carmeta.errors import DataError
from carmeta.importing.headings import Columns, find_columns, recognised
from carmeta.importing.sheet import SEPARATORS, Line, Sheet, read_sheet
from carmeta.importing.values import count_of, is_sum
from carmeta.sourcefile import Diagnostic

if TYPE_CHECKING:
    from carmeta.domain.result import Back, Pooled, SubgroupTest

_ARMS: Final = (("events", "n"), ("events2", "n2"))


@dataclass(frozen=True, slots=True)
class Row:
    """One study of a file; ``line`` counts from 1, ``further`` holds the columns beside counts."""

    line: int
    study: str
    events: int
    n: int
    events2: int = 0
    n2: int = 0
    group: str = ""
    further: Mapping[str, str] = field(default_factory=dict)

    @property
    def counts(self) -> tuple[int, int, int, int]:
        return self.events, self.n, self.events2, self.n2


@dataclass(frozen=True, slots=True)
class Counts:
    """The rows of a file; ``guessed`` says how it was read, where that was not plain."""

    rows: Sequence[Row]
    two_arm: bool
    guessed: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What was asked for, its parts where the file has groups, and the effects of the studies.

    ``beside`` is the pool of the model that accompanies the headline, if none was named;
    ``singles`` has the effect of each study of two arms (None where it is dropped), and is
    empty for one arm. ``empty_cells`` is whether a study that says something of the measure has
    an empty cell.
    """

    pooled: Pooled
    groups: Mapping[str, Pooled] = field(default_factory=dict)
    test: SubgroupTest | None = None
    singles: tuple[Back | None, ...] = ()
    beside: tuple[Pooled, ...] = ()
    empty_cells: bool = False


def read_counts(path: Path, group: str | None = None) -> Counts:
    """The rows of a CSV or Excel file.

    ``group`` names the column to group by. Raises DataError with a diagnostic for every value
    that is wrong, and as `read_sheet` and `find_columns`.
    """
    sheet = read_sheet(path, recognised)
    columns = find_columns(sheet.headings, f"{sheet.name}:{sheet.heading.number}", group)
    problems: list[Diagnostic] = []
    found = [_Reader(sheet, columns, line, problems).row() for line in sheet.lines]
    if problems:
        noun = "problem" if len(problems) == 1 else "problems"
        raise DataError(f"{sheet.name}: {len(problems)} {noun} in the counts", diagnostics=problems)
    if not found:
        raise DataError(f"{sheet.name}: no studies below the heading")
    rows = [row for row in found if row is not None]
    return Counts(rows, columns.two_arm, _guessed(sheet, columns))


def doubts(rows: Sequence[Row]) -> Iterator[str]:
    """Lines that may not be studies of their own, in words: sums, and names that stand twice."""
    for row in rows:
        if is_sum(row.study):
            others = [other.counts for other in rows if other is not row]
            added = row.counts == tuple(map(sum, zip(*others, strict=True)))
            why = "its counts are the sum of the others'" if added else "it may be a sum"
            yield (
                f"line {row.line}, '{row.study}', is pooled as a study: {why}; take the line out "
                "if it is no study"
            )
    stand: dict[str, list[str]] = {}
    for row in rows:
        stand.setdefault(row.study, []).append(str(row.line))
    for study, lines in stand.items():
        if len(lines) > 1:
            yield f"{study} stands in lines {', '.join(lines)}: pooled as {len(lines)} studies"


def _guessed(sheet: Sheet, columns: Columns) -> str:
    told = [sheet.note] if sheet.note else []
    if sheet.separator and sheet.separator != ",":
        told.append(f"separator {SEPARATORS[sheet.separator]}")
    roles = {"study": columns.study, **columns.counts}
    named = [(role, sheet.headings[i]) for role, i in roles.items()]
    if any(role != heading for role, heading in named):
        told.append(", ".join(f"{role} = {heading}" for role, heading in named))
    if columns.further:
        told.append(f"further columns (for --group): {', '.join(columns.further)}")
    if "" in sheet.headings:
        told.append("a column without a heading is not read")
    return "; ".join(told)


@dataclass(frozen=True, slots=True)
class _Reader:
    """One line on its way to a row; what is wrong with it goes to ``problems``."""

    sheet: Sheet
    columns: Columns
    line: Line
    problems: list[Diagnostic]

    def row(self) -> Row | None:
        """The row, or None where something is wrong."""
        before, columns, values = len(self.problems), self.columns, self.line.values
        width = len(self.sheet.headings)
        if len(values) < width or any(values[width:]):
            there = len(values) if len(values) < width else _filled(values)
            self._wrong("CSV001", min(there, width), f"{there} values under {width} headings")
            return None
        study = values[columns.study]
        if not study:
            self._wrong("CSV006", columns.study, "no study name")
        numbers = {role: self._count(role, study) for role in columns.counts}
        for events, n in _ARMS[: 1 + columns.two_arm]:
            self._check_arm(events, n, numbers, study)
        group = "" if columns.group is None else values[columns.group]
        if columns.group is not None and not group:
            named = self.sheet.headings[columns.group]
            what = "no group" if named == "group" else f"no group: '{named}' is empty"
            self._wrong("CSV005", columns.group, f"{study}: {what}")
        if len(self.problems) > before:
            return None
        read = {role: number for role, number in numbers.items() if number is not None}
        further = {heading: values[i] for heading, i in columns.further.items()}
        return Row(self.line.number, study, group=group, further=further, **read)

    def _wrong(self, code: str, column: int, message: str, hint: str = "") -> None:
        self.problems.append(self.sheet.diagnostic(code, self.line, column, message, hint))

    def _count(self, role: str, study: str) -> int | None:
        """The number in a column of counts; None, and a problem, where there is none."""
        column = self.columns.counts[role]
        found = count_of(self.line.values[column], self.sheet.separator)
        if isinstance(found, int):
            return found
        message = f"{study}: {self.sheet.headings[column]} {found.message}"
        self._wrong(found.code, column, message, found.hint)
        return None

    def _check_arm(
        self, events: str, n: str, numbers: Mapping[str, int | None], study: str
    ) -> None:
        xi, ni = numbers[events], numbers[n]
        if ni is None:
            return
        heading = {role: self.sheet.headings[self.columns.counts[role]] for role in (events, n)}
        if ni == 0:
            self._wrong("CSV003", self.columns.counts[n], f"{study}: {heading[n]} is 0")
        elif xi is not None and xi > ni:
            hint = f"'{heading[events]}' holds numbers of patients, not percentages"
            self._wrong(
                "CSV004",
                self.columns.counts[events],
                f"{study}: {heading[events]} {xi} exceeds {heading[n]} {ni}",
                hint if xi <= 100 else "",
            )


def _filled(values: Sequence[str]) -> int:
    return max(i + 1 for i, value in enumerate(values) if value)
