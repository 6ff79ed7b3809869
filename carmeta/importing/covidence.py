"""The extraction CSV of Covidence: a line a study and reviewer, a column a question.

Its first columns are `Covidence #`, `Study ID`, `Title` and `Reviewer Name` (the reviewer, or
`Consensus`); all further ones are the questions of the team's own template.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from carmeta.importing.headings import folded
from carmeta.importing.sheet import Line, Sheet
from carmeta.importing.table import LeftOut, Source, Table

_NUMBER: Final = "covidence#"
_REVIEWER: Final = "reviewername"
_STUDY: Final = "studyid"
_CONSENSUS: Final = "consensus"


def is_export(sheet: Sheet) -> bool:
    """Whether a sheet is such a file."""
    return {_NUMBER, _REVIEWER, _STUDY} <= {folded(heading) for heading in sheet.headings}


def read_export(sheet: Sheet) -> Source:
    """The consensus of each study; without one the only extraction, or all, which then must agree.

    The other extractions are left over.
    """
    names = [folded(heading) for heading in sheet.headings]
    number, reviewer, study = (names.index(name) for name in (_NUMBER, _REVIEWER, _STUDY))
    table = Table(sheet)
    by_study: dict[str, list[Line]] = {}
    for line in sheet.lines:
        values = (*line.values, *[""] * len(names))
        by_study.setdefault(values[number] or values[study], []).append(line)
    kept: list[Line] = []
    left: list[LeftOut] = []
    for lines in by_study.values():
        agreed = [line for line in lines if _value(line, reviewer).casefold() == _CONSENSUS]
        kept += agreed or lines
        for line in lines if agreed else ():
            if line not in agreed:
                what = f"{_value(line, study)}: extraction by {_value(line, reviewer)}"
                left.append(LeftOut("extractions beside a consensus", what, table.where(line)))
        if not agreed:
            by = ", ".join(dict.fromkeys(_value(line, reviewer) for line in lines))
            what = f"{_value(lines[0], study)}: no consensus; taken from {by}"
            left.append(LeftOut("to be checked", what, table.where(lines[0])))
    kept.sort(key=lambda line: line.number)
    return Source(tables=[Table(replace(sheet, lines=kept))], left_out=left)


def _value(line: Line, column: int) -> str:
    return line.values[column] if column < len(line.values) else ""
