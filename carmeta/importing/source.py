"""A file of any kind that is known, told by its content and not by its name."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from carmeta.errors import DataError
from carmeta.importing import covidence
from carmeta.importing.sheet import ZIP, Line, Sheet, decoded, file_name, read_bytes, sheets_of
from carmeta.importing.table import Source, Table
from carmeta.report.text import clean

_BOM: Final = b"\xef\xbb\xbf"
_FROM_EXCEL: Final = b"[Content_Types].xml"


def read_source(path: Path, known: Callable[[Sequence[str]], int]) -> Source:
    """The tables and references of a file; ``known`` counts the headings with a known name.

    Raises DataError where it cannot be read, holds nothing, or needs a package that is not
    installed.
    """
    source = _read(path, known)
    name = file_name(path)
    folder = name.removesuffix(path.name) if name.endswith(path.name) else ""
    tables = [replace(t, folder=folder, sheet=_cleaned(t.sheet)) for t in source.tables]
    return replace(source, tables=tables)


def _cleaned(sheet: Sheet) -> Sheet:
    """With texts as YAML can hold them, so that a mapping that was written names them."""

    def cleaned(line: Line) -> Line:
        if all(map(str.isprintable, line.values)):
            return line
        return replace(line, values=tuple(clean(value).strip() for value in line.values))

    return replace(sheet, heading=cleaned(sheet.heading), lines=[*map(cleaned, sheet.lines)])


def _read(path: Path, known: Callable[[Sequence[str]], int]) -> Source:
    raw, name = read_bytes(path), file_name(path)
    begin = raw[:4096].removeprefix(_BOM).lstrip()
    if begin.startswith(b"<"):
        _require("defusedxml", name, "RevMan 5 files")
        from carmeta.importing.rm5 import read_rm5

        return read_rm5(raw, name)
    if begin.startswith(b"TY  - "):
        require_ris(name)
        from carmeta.importing.ris import read_ris

        return Source(references=read_ris(decoded(raw, name), name))
    if raw.startswith((ZIP, b"PK\x05\x06")) and _FROM_EXCEL not in raw:
        from carmeta.importing.package import read_package

        return read_package(raw, name, known)
    sheets = sheets_of(raw, name, known)
    if covidence.is_export(sheets[0]):
        return covidence.read_export(sheets[0])
    return Source(tables=[Table(sheet) for sheet in sheets])


def require_ris(name: str) -> None:
    """Raise DataError where references cannot be read."""
    _require("rispy", name, "references (RIS)")


def _require(package: str, name: str, what: str) -> None:
    if importlib.util.find_spec(package) is None:
        text = f"{name}: reading {what} needs the package {package}"
        raise DataError(text, hint="pip install 'carmeta[import]'")
