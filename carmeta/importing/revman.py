"""What RevMan 5 files and data packages share: their analyses and their subgroups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from carmeta.importing.table import LeftOut

TREATMENT: Final = "treatment"
CONTROL: Final = "control"
DICHOTOMOUS: Final = "dichotomous"
OTHER_DATA: Final = "analyses without counts of events"
_SUBGROUPS: Final = "subgroups"


@dataclass(frozen=True, slots=True)
class Row:
    """Where a line of data belongs; ``index`` is its own number among the lines."""

    index: int
    analysis: str
    study: str
    subgroup: str
    where: str


def analysis_name(group: str, number: str, name: str) -> str:
    """What an analysis is called; its number tells it from others of the same name."""
    return f"{group}.{number} {name}".strip()


def without_parts(rows: Sequence[Row]) -> tuple[list[int], list[LeftOut]]:
    """The lines that hold all of a study, and what is left over.

    A study that stands in several subgroups of an analysis stands there with parts of its
    patients or with the same ones again, and the file does not say which.
    """
    subgroups: dict[tuple[str, str], dict[str, None]] = {}
    for row in rows:
        subgroups.setdefault((row.analysis, row.study), {})[row.subgroup] = None
    kept = [row for row in rows if len(subgroups[row.analysis, row.study]) == 1]
    return [row.index for row in kept], [*_left(rows, subgroups)]


def _left(
    rows: Iterable[Row], subgroups: dict[tuple[str, str], dict[str, None]]
) -> Iterator[LeftOut]:
    for row in rows:
        several = subgroups[row.analysis, row.study]
        if len(several) > 1:
            what = (
                f"{row.study} in {row.analysis}, subgroup '{row.subgroup}': it stands in several "
                f"({', '.join(several)}), as parts or with the same patients again"
            )
            yield LeftOut(_SUBGROUPS, what, row.where)
        elif row.subgroup:
            what = f"{row.study} in {row.analysis}: that it is in the subgroup '{row.subgroup}'"
            yield LeftOut(_SUBGROUPS, what, row.where)
