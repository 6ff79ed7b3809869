"""RevMan data packages: the zip of CSV files that RevMan exports and Cochrane publishes.

Documented at https://documentation.cochrane.org/revman-kb/data-package-specification-249561249.html;
names and columns as in the package `Fleiss1993.zip` of the R package meta. Read are
`*-data-rows.csv` (a line a study and analysis), `*-overall-estimates-and-settings.csv` (which
analyses are dichotomous, and the names of the arms) and `*-included.ris`, wherever in the zip
they lie, also in a `*-data.zip` inside it.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final

from carmeta.errors import DataError
from carmeta.importing.revman import (
    CONTROL,
    DICHOTOMOUS,
    OTHER_DATA,
    TREATMENT,
    Row,
    analysis_name,
    without_parts,
)
from carmeta.importing.ris import read_ris
from carmeta.importing.sheet import MAX_UNPACKED, Line, Sheet, decoded, sheets_of
from carmeta.importing.table import IGNORED, LeftOut, Reference, Source, Table, Use

_MAX_MEMBERS: Final = 10_000
_ROWS: Final = "-data-rows.csv"
_SETTINGS: Final = "-overall-estimates-and-settings.csv"
_INCLUDED: Final = "-included.ris"
_DIAGNOSTIC: Final = "-parameters.csv"  # of reviews of diagnostic accuracy
_INNER: Final = "-data.zip"
_READ: Final = (_ROWS, _SETTINGS, _INCLUDED)
_NAME: Final = "Analysis name"
_USES: Final = {
    _NAME: Use("outcome"),
    "Study": Use("study"),
    "Study year": Use("year"),
    "Experimental cases": Use("events", arm=TREATMENT),
    "Experimental N": Use("n", arm=TREATMENT),
    "Control cases": Use("events", arm=CONTROL),
    "Control N": Use("n", arm=CONTROL),
}
# Columns that are put beside those of the file.
_ADDED: Final = {
    "group 1": Use("arm", arm=TREATMENT),
    "group 2": Use("arm", arm=CONTROL),
}
_KEY: Final = ("Analysis group", "Analysis number")

Known = Callable[[Sequence[str]], int]


def read_package(raw: bytes, name: str, known: Known) -> Source:
    """The dichotomous analyses of a package, its references, and what is left over.

    Nothing is unpacked onto the disk. Raises DataError where a file that is needed is missing
    or cannot be read.
    """
    members = _members(raw, name)
    if any(member.endswith(_DIAGNOSTIC) for member in members):
        raise DataError(f"{name}: of a review of diagnostic accuracy, which has no arms")
    found = {suffix: _one(members, suffix, name) for suffix in _READ}
    for suffix, why in ((_ROWS, "the data"), (_SETTINGS, "which analyses are dichotomous")):
        if not found[suffix]:
            raise DataError(f"{name}: holds no *{suffix}, which says {why}", hint=_hint(members))
    sheet, settings = (
        sheets_of(members[found[suffix]], _called(name, found[suffix]), known)[0]
        for suffix in (_ROWS, _SETTINGS)
    )
    table, left = _table(sheet, _analyses(settings))
    left += [
        LeftOut("files of the package", f"{PurePosixPath(member).name} is not read", name)
        for member in members
        if member.endswith(".csv") and not member.endswith(_READ)
    ]
    references, more = _references(members, found[_INCLUDED], name)
    return Source([table], references, [*left, *more])


def _hint(members: dict[str, bytes]) -> str:
    return "a data package of RevMan is wanted" if not members else ""


def _called(name: str, member: str) -> str:
    return f"{name}/{PurePosixPath(member).name}"


def _members(raw: bytes, name: str, *, inner: bool = False) -> dict[str, bytes]:
    """The CSV and RIS files of a zip, and of the package's own zip in it."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            wanted = [i for i in infos if i.filename.endswith((".csv", ".ris", _INNER))]
            size = sum(info.file_size for info in wanted)
            if len(infos) > _MAX_MEMBERS or size > MAX_UNPACKED:
                raise DataError(f"{name}: unpacks to more than {MAX_UNPACKED // 1_000_000} MB")
            found = {info.filename: archive.read(info) for info in wanted}
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError) as error:
        raise DataError(f"{name}: not a zip that can be read: {error}") from error
    nested = [member for member in found if member.endswith(_INNER)]
    for member in nested:
        held = found.pop(member)
        if not inner:
            found |= _members(held, _called(name, member), inner=True)
    return found


def _one(members: dict[str, bytes], suffix: str, name: str) -> str:
    names = [member for member in members if member.endswith(suffix)]
    if len(names) > 1:
        raise DataError(f"{name}: holds {len(names)} files *{suffix}; one review is wanted")
    return names[0] if names else ""


def _columns(sheet: Sheet, wanted: Sequence[str]) -> dict[str, int]:
    missing = [heading for heading in wanted if heading not in sheet.headings]
    if missing:
        raise DataError(f"{sheet.name}: no column '{missing[0]}'", hint="is it a data package?")
    return {heading: sheet.headings.index(heading) for heading in wanted}


def _padded(line: Line, width: int) -> tuple[str, ...]:
    return (*line.values, *[""] * (width - len(line.values)))


def _analyses(sheet: Sheet) -> dict[tuple[str, str], tuple[str, str, str]]:
    """Type and names of the two arms of each analysis, by its numbers."""
    at = _columns(sheet, (*_KEY, "Data type"))
    labels = [f"{arm} group label" for arm in ("Experimental", "Control")]
    out = {}
    for line in sheet.lines:
        values = _padded(line, len(sheet.headings))
        named = [
            values[sheet.headings.index(label)] if label in sheet.headings else ""
            for label in labels
        ]
        key = (values[at[_KEY[0]]], values[at[_KEY[1]]])
        out[key] = (values[at["Data type"]], named[0], named[1])
    return out


def _table(
    sheet: Sheet, analyses: dict[tuple[str, str], tuple[str, str, str]]
) -> tuple[Table, list[LeftOut]]:
    width = len(sheet.headings)
    at = _columns(sheet, (*_KEY, "Subgroup", *_USES))
    headings = (*sheet.headings, *_ADDED)
    uses = {i: _USES.get(heading, IGNORED) for i, heading in enumerate(sheet.headings)}
    uses |= {width + i: use for i, use in enumerate(_ADDED.values())}
    table = Table(replace(sheet, heading=replace(sheet.heading, values=headings)), uses)
    rows: list[Row] = []
    lines: list[Line] = []
    others: dict[str, tuple[str, str, int]] = {}
    for line in sheet.lines:
        values = _padded(line, width)
        key = (values[at[_KEY[0]]], values[at[_KEY[1]]])
        kind, *arms = analyses.get(key, ("not said", "", ""))
        analysis = analysis_name(*key, values[at[_NAME]])
        if kind.casefold() != DICHOTOMOUS:
            _, where, seen = others.get(analysis, (kind, table.where(line), 0))
            others[analysis] = (kind, where, seen + 1)
            continue
        study, subgroup = values[at["Study"]], values[at["Subgroup"]]
        rows.append(Row(len(lines), analysis, study, subgroup, table.where(line)))
        named = (analysis if i == at[_NAME] else value for i, value in enumerate(values))
        lines.append(replace(line, values=(*named, *arms)))
    kept, left = without_parts(rows)
    if not kept:
        raise DataError(f"{sheet.name}: no dichotomous data that can be carried over")
    left = [*_of_other_types(others), *left]
    return replace(table, sheet=replace(table.sheet, lines=[lines[i] for i in kept])), left


def _of_other_types(others: dict[str, tuple[str, str, int]]) -> Iterator[LeftOut]:
    for analysis, (kind, where, seen) in others.items():
        noun = "line" if seen == 1 else "lines"
        yield LeftOut(OTHER_DATA, f"{analysis}: {kind}, {seen} {noun}", where)


def _references(
    members: dict[str, bytes], included: str, name: str
) -> tuple[list[Reference], list[LeftOut]]:
    if not included:
        return [], []
    import importlib.util

    called = _called(name, included)
    if importlib.util.find_spec("rispy") is None:
        what = "the references: reading them needs rispy (pip install 'carmeta[import]')"
        return [], [LeftOut("files of the package", what, called)]
    text = decoded(members[included], called)
    return (read_ris(text, called) if text.strip() else []), []
