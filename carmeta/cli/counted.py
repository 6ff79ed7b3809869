"""Counts of a CSV file, read, and what is made of them: what the commands on them share."""

from __future__ import annotations

import csv
import dataclasses
import io
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from carmeta.domain.counts import MOST_PATIENTS, TOO_MANY
from carmeta.domain.evidence import Mark
from carmeta.errors import DataError
from carmeta.sourcefile import Diagnostic, NotAFile, nearest, read_file

if TYPE_CHECKING:
    from carmeta.domain.result import Back, Pooled, SubgroupTest

_NEEDED: Final = ("study", "events", "n")
_ARMS: Final = ("events2", "n2")
_KNOWN: Final = (*_NEEDED, *_ARMS, "group")
_MAX_BYTES: Final = 100_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """One study of a file; ``line`` counts from 1."""

    line: int
    study: str
    events: int
    n: int
    events2: int = 0
    n2: int = 0
    group: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What was asked for, its parts where the file has groups, and the effects of the studies.

    ``singles`` has the effect of each study of two arms (None where it is dropped), and is
    empty for one arm. ``empty_cells`` is whether a study that says something of the measure has
    an empty cell.
    """

    pooled: Pooled
    groups: Mapping[str, Pooled] = dataclasses.field(default_factory=dict)
    test: SubgroupTest | None = None
    singles: tuple[Back | None, ...] = ()
    empty_cells: bool = False


def read_counts(path: Path) -> tuple[list[Row], bool]:
    """The rows of a file, and whether it has two arms.

    The separator is the comma, or a semicolon or tab if the heading has these instead.
    Raises DataError with a diagnostic for every line that is wrong.
    """
    name = file_name(path)
    text = _text(path, name)
    heading = text.split("\n", 1)[0]
    delimiter = next((d for d in ",;\t" if d in heading), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    problems: list[Diagnostic] = []
    rows: list[Row] = []
    try:
        fields = [field.strip() for field in next(reader, [])]
        two_arm = _check_heading(fields, name)
        for values in reader:
            if any(value.strip() for value in values):
                row = _row(fields, values, reader.line_num, name, problems)
                if row is not None:
                    rows.append(row)
    except csv.Error as error:
        raise DataError(f"{name}:{reader.line_num}: not CSV: {error}") from error
    if problems:
        noun = "problem" if len(problems) == 1 else "problems"
        raise DataError(f"{name}: {len(problems)} {noun} in the counts", diagnostics=problems)
    if not rows:
        raise DataError(f"{name}: no studies below the heading")
    return rows, two_arm


def file_name(path: Path) -> str:
    """What messages call the file."""
    return "<stdin>" if str(path) == "-" else path.as_posix()


def _text(path: Path, name: str) -> str:
    try:
        if str(path) == "-":
            raw = sys.stdin.buffer.read(_MAX_BYTES + 1)
        else:
            raw = read_file(path, _MAX_BYTES + 1)
    except NotAFile as error:
        raise DataError(f"{name}: {error}", hint="for standard input write '--csv -'") from error
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror or error}") from error
    if len(raw) > _MAX_BYTES:
        raise DataError(f"{name}: larger than {_MAX_BYTES // 1_000_000} MB")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(f"{name}:{line}: not UTF-8", hint="save the file as UTF-8") from error


def _check_heading(fields: list[str], name: str) -> bool:
    if not any(fields):
        raise DataError(f"{name}: the file is empty", hint=f"it begins with {','.join(_NEEDED)}")
    for field in fields:
        if field not in _KNOWN:
            similar = nearest(field, [known for known in _KNOWN if known not in fields])
            hint = f"did you mean '{similar}'?" if similar else f"known: {', '.join(_KNOWN)}"
            raise DataError(f"{name}:1: unknown column '{field}'", hint=hint)
        if fields.count(field) > 1:
            raise DataError(f"{name}:1: the column '{field}' stands twice")
    wanted = _NEEDED + (_ARMS if any(arm in fields for arm in _ARMS) else ())
    missing = [field for field in wanted if field not in fields]
    if missing:
        raise DataError(f"{name}:1: no column '{missing[0]}'", hint=f"wanted: {', '.join(wanted)}")
    return len(wanted) > len(_NEEDED)


def _row(
    fields: list[str], values: list[str], line: int, name: str, problems: list[Diagnostic]
) -> Row | None:
    def wrong(code: str, message: str) -> None:
        source = ",".join(values)
        problems.append(Diagnostic(code, "error", Mark(name, line, 1), message, "", source))

    before = len(problems)
    if len(values) != len(fields):
        wrong("CSV001", f"{len(values)} values under {len(fields)} headings")
        return None
    cells = dict(zip(fields, (value.strip() for value in values), strict=True))
    study = cells["study"] or f"line {line}"
    if not cells["study"]:
        wrong("CSV006", "no study name")
    numbers: dict[str, int] = {}
    for key in ("events", "n", "events2", "n2"):
        if key in cells:
            shown = cells[key][:40]
            if not (cells[key].isascii() and cells[key].isdecimal()):
                wrong("CSV002", f"{study}: {key} is no whole number: '{shown}'")
            elif len(cells[key]) > len(shown) or int(cells[key]) > MOST_PATIENTS:
                wrong("CSV007", f"{study}: {key} {shown} is {TOO_MANY}")
            else:
                numbers[key] = int(cells[key])
    for events, n in (("events", "n"), ("events2", "n2")):
        if numbers.get(n) == 0:
            wrong("CSV003", f"{study}: {n} is 0")
        elif events in numbers and n in numbers and numbers[events] > numbers[n]:
            wrong("CSV004", f"{study}: {events} {numbers[events]} exceeds {n} {numbers[n]}")
    if "group" in cells and not cells["group"]:
        wrong("CSV005", f"{study}: no group")
    if len(problems) > before:
        return None
    return Row(line, study, group=cells.get("group", ""), **numbers)
