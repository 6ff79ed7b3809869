"""The units of work that can run in another process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from carmeta.report.canvas import Format
    from carmeta.report.forest_spec import ForestSpec


class Work(Protocol):
    """What a helper process does: it is pickled, its imports are its own."""

    @property
    def name(self) -> str:
        """What the progress says of it."""

    def run(self) -> dict[str, bytes]:
        """File name to bytes."""


@dataclass(frozen=True, slots=True)
class Job:
    """One forest plot to be saved in some formats; ``stem`` is the file name without ending."""

    stem: str
    spec: ForestSpec
    formats: tuple[Format, ...]

    @property
    def name(self) -> str:
        """The first of its files."""
        return f"{self.stem}.{self.formats[0]}"

    def run(self) -> dict[str, bytes]:
        """File name to bytes; further pages carry ``_2``, ``_3``, ... behind the stem."""
        from carmeta.report.canvas import save
        from carmeta.report.forest_draw import draw

        pages = draw(self.spec)
        return {
            page_name(self.stem, number, fmt): save(page, fmt)
            for number, page in enumerate(pages)
            for fmt in self.formats
        }


def unused(stem: str, taken: set[str]) -> str:
    """The stem, or else with the first number behind it that is free; it is then taken."""
    number, unique = 2, stem
    while unique in taken:
        unique, number = f"{stem}-{number}", number + 1
    taken.add(unique)
    return unique


def page_name(stem: str, number: int, ending: str) -> str:
    """The file name of a page, counted from 0."""
    return f"{stem}_{number + 1}.{ending}" if number else f"{stem}.{ending}"
