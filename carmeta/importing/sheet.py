"""A table that somebody keeps in a CSV or Excel file: its lines, and where each value stands."""

from __future__ import annotations

import csv
import importlib.util
import io
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from carmeta.domain.evidence import Mark
from carmeta.errors import DataError
from carmeta.sourcefile import Diagnostic, NotAFile, read_file

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BYTES: Final = 100_000_000
MAX_UNPACKED: Final = 200_000_000  # of a zip, as which Excel writes as well
SEPARATORS: Final = {",": "comma", ";": "semicolon", "\t": "tab"}
ZIP: Final = b"PK\x03\x04"
_XLS: Final = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True, slots=True)
class Line:
    """The values of a line, blanks around them removed; ``number`` counts from 1.

    ``raw`` is the line as it stands in a CSV file, with further lines where a quoted value goes
    over several; empty for a sheet of Excel.
    """

    number: int
    values: tuple[str, ...]
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A heading and the lines below it that are not empty.

    ``separator`` is empty for a sheet of Excel, which has a ``title``; ``note`` says which sheet
    of several was read.
    """

    name: str
    heading: Line
    lines: Sequence[Line] = field(repr=False)
    separator: str = ""
    note: str = ""
    title: str = ""

    @property
    def headings(self) -> tuple[str, ...]:
        """The heading without the empty columns at its end, which spreadsheets leave."""
        values = self.heading.values
        return values[: max(i + 1 for i, value in enumerate(values) if value)]

    def diagnostic(
        self, code: str, line: Line, column: int, message: str, hint: str = ""
    ) -> Diagnostic:
        """What is wrong with the value in a column, counted from 0."""
        if not self.separator:
            message = f"cell {letters(column)}{line.number}: {message}"
            return Diagnostic(
                code, "error", Mark(self.name, line.number, column + 1), message, hint
            )
        starts = [*_starts(line.raw, self.separator), len(line.raw)]
        start = starts[min(column, len(starts) - 1)]
        if column < len(line.values) and line.values[column]:
            start += len(line.raw) - start - len(line.raw[start:].lstrip())  # blanks before it
        before = line.raw[:start]
        row = before.count("\n")
        mark = Mark(self.name, line.number + row, start - before.rfind("\n"))
        shown = line.raw.split("\n")[row].rstrip("\r")
        return Diagnostic(code, "error", mark, message, hint, shown)


def read_sheet(path: Path, known: Callable[[Sequence[str]], int]) -> Sheet:
    """The table in a file; ``-`` is standard input.

    The separator of a CSV file is the one of comma, semicolon and tab that gives the heading
    most fields that are ``known``, then most fields. Raises DataError if the file cannot be read
    as a table.
    """
    name = file_name(path)
    return sheets_of(read_bytes(path), name, known)[0]


def sheets_of(raw: bytes, name: str, known: Callable[[Sequence[str]], int]) -> list[Sheet]:
    """Every table in the bytes of a file, which is called ``name``: one, or the sheets of Excel
    that are not empty. Otherwise as `read_sheet`."""
    if raw.startswith(_XLS):
        raise DataError(f"{name}: an old Excel file (.xls)", hint="save it as .xlsx or CSV")
    if raw.startswith(ZIP):
        return list(_excel(raw, name))
    return [_text(decoded(raw, name), name, known)]


def file_name(path: Path) -> str:
    """What messages call the file."""
    return "<stdin>" if str(path) == "-" else path.as_posix()


def read_bytes(path: Path) -> bytes:
    """The content of a file or of standard input.

    Raises DataError if it cannot be read, or is larger than ``MAX_BYTES``.
    """
    name = file_name(path)
    try:
        if str(path) == "-":
            raw = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            raw = read_file(path, MAX_BYTES + 1)
    except NotAFile as error:
        raise DataError(f"{name}: {error}", hint="for standard input write '-'") from error
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror or error}") from error
    if len(raw) > MAX_BYTES:
        raise DataError(f"{name}: larger than {MAX_BYTES // 1_000_000} MB")
    return raw


def decoded(raw: bytes, name: str) -> str:
    """The text of a file, which is UTF-8; DataError with the line if it is not."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        hint = "save the file as UTF-8 (in Excel: 'CSV UTF-8')"
        raise DataError(f"{name}:{line}: not UTF-8", hint=hint) from error


# -- CSV ----------------------------------------------------------------------------------


def _text(text: str, name: str, known: Callable[[Sequence[str]], int]) -> Sheet:
    lines = io.StringIO(text, newline="").readlines()
    first = 0
    separator = ""
    if lines and lines[0].strip().lower() in {f"sep={mark}" for mark in SEPARATORS}:
        first, separator = 1, lines[0].strip()[4:] or "\t"  # as Excel writes it for itself
    while first < len(lines) and not lines[first].strip(" \r\n\t,;"):
        first += 1
    if first == len(lines):
        raise DataError(f"{name}: the file is empty", hint="its first line names the columns")
    separator = separator or _separator(lines[first], known)
    found = list(_lines(lines[first:], first, separator, name))
    return Sheet(name, found[0], found[1:], separator)


def _separator(heading: str, known: Callable[[Sequence[str]], int]) -> str:
    def fields(mark: str) -> tuple[int, int]:
        values = next(csv.reader([heading], delimiter=mark), [])
        return known([value.strip() for value in values]), len(values)

    return max(SEPARATORS, key=fields)


def _lines(lines: Sequence[str], skipped: int, separator: str, name: str) -> Iterator[Line]:
    reader = csv.reader(lines, delimiter=separator, strict=True)
    begin = 0
    try:
        for values in reader:
            stripped = tuple(value.strip() for value in values)
            if any(stripped):
                raw = "".join(lines[begin : reader.line_num]).rstrip("\r\n")
                yield Line(skipped + begin + 1, stripped, raw)
            begin = reader.line_num
    except csv.Error as error:
        raise DataError(f"{name}:{skipped + begin + 1}: not CSV: {error}") from error


def _starts(raw: str, separator: str) -> list[int]:
    """Where each field of a line begins; a separator in quotes is none."""
    starts, quoted = [0], False
    for i, sign in enumerate(raw):
        if sign == '"' and (quoted or i == starts[-1]):
            quoted = not quoted
        elif sign == '"' and raw[i - 1] == '"':  # a doubled quote goes on
            quoted = True
        elif sign == separator and not quoted:
            starts.append(i + 1)
    return starts


# -- Excel --------------------------------------------------------------------------------


def _excel(raw: bytes, name: str) -> Iterator[Sheet]:
    """The sheets that are not empty."""
    if importlib.util.find_spec("openpyxl") is None:
        raise DataError(
            f"{name}: reading Excel needs the package openpyxl",
            hint="pip install 'carmeta[excel]', or save the sheet as CSV",
        )
    sheets = _sheets(raw, name)
    empty = True
    for title, rows in sheets.items():
        texts = ((number, tuple(map(_shown, row))) for number, row in enumerate(rows, start=1))
        lines = [Line(number, values) for number, values in texts if any(values)]
        if lines:
            empty = False
            note = f"sheet '{title}' of {len(sheets)}" if len(sheets) > 1 else ""
            yield Sheet(name, lines[0], lines[1:], note=note, title=title)
    if empty:
        raise DataError(f"{name}: the file is empty", hint="its first line names the columns")


def _sheets(raw: bytes, name: str) -> Mapping[str, list[list[Any]]]:
    import warnings
    import zipfile

    import pandas as pd

    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > MAX_UNPACKED:
            raise ValueError(f"unpacks to more than {MAX_UNPACKED // 1_000_000} MB")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions, which are not read
            frames = pd.read_excel(
                io.BytesIO(raw), sheet_name=None, header=None, dtype=object, na_filter=False,
                engine="openpyxl",
            )  # fmt: skip
    except Exception as error:  # whatever a broken archive makes of a parser
        raise DataError(
            f"{name}: not an Excel file that can be read: {error}", hint="save it as CSV"
        ) from error
    return {str(title): frame.to_numpy().tolist() for title, frame in frames.items()}


def _shown(value: Any) -> str:
    """The text of a cell; a whole number is without decimals, whatever its kind."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.15g}"
    return str(value).strip()


def letters(column: int) -> str:
    """The letters of a column of a spreadsheet, counted from 0.

    >>> letters(0), letters(25), letters(26)
    ('A', 'Z', 'AA')
    """
    return (letters(column // 26 - 1) if column >= 26 else "") + chr(ord("A") + column % 26)
