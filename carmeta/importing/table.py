"""What a source is made of: tables with the place of every value, references, left-overs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from carmeta.domain.evidence import Mark
from carmeta.importing.sheet import Line, Sheet, letters
from carmeta.sourcefile import Diagnostic

Holds = Literal[
    "study", "outcome", "arm", "role", "population", "events", "n", "percent", "year", "doi",
    "nct", "authors", "title", "journal", "ignored",
]  # fmt: skip
FACTS: Final = ("year", "doi", "nct", "authors", "title", "journal")  # of the study as a whole
HOLDS: Final[tuple[str, ...]] = get_args(Holds)


@dataclass(frozen=True, slots=True)
class Use:
    """What a column holds.

    ``outcome`` and ``arm`` say of which, where every line of the column is of the same; a
    column that holds ``arm`` and has one gives the name of that arm.
    """

    holds: Holds
    outcome: str = ""
    arm: str = ""


IGNORED: Final = Use("ignored")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something of a source that is not in the drafts: what kind of thing, what, and where."""

    kind: str
    what: str
    where: str


@dataclass(frozen=True, slots=True)
class Table:
    """A sheet of a source; ``uses`` are its columns where the format says what they hold.

    ``folder`` is what stands before the file's own name where it was named: no part of a place.
    Of an XML file the lines are elements, numbered by the line they begin in, and the columns
    attributes.
    """

    sheet: Sheet
    uses: Mapping[int, Use] | None = None
    xml: bool = False
    folder: str = ""

    @property
    def file(self) -> str:
        """The file's own name; of a file in a zip, the zip's before it."""
        return self.sheet.name.removeprefix(self.folder)

    @property
    def name(self) -> str:
        """The file and, of a workbook, the sheet."""
        title = f", sheet '{self.sheet.title}'" if self.sheet.title else ""
        return self.file + title

    def column(self, index: int) -> str:
        """A column in words."""
        heading = self.sheet.headings[index]
        return heading if self.xml else f"{letters(index)} '{heading}'"

    def row(self, line: Line) -> str:
        return f"XML line {line.number}" if self.xml else str(line.number)

    def where(self, line: Line) -> str:
        """A line in words."""
        return f"{self.name}, {'' if self.xml else 'row '}{self.row(line)}"

    def place(self, line: Line, columns: Sequence[int]) -> dict[str, str]:
        """The `at` of a number that was read in these columns."""
        return {
            "section": f"{self.name}, as imported",
            "row": self.row(line),
            "column": ", ".join(self.column(index) for index in columns),
        }

    def diagnostic(
        self, code: str, line: Line, column: int, message: str, hint: str = ""
    ) -> Diagnostic:
        """What is wrong with a value; ``column`` counts from 0."""
        if self.xml:
            text = f"{self.sheet.headings[column]}: {message}"
            return Diagnostic(code, "error", Mark(self.sheet.name, line.number, 1), text, hint)
        return self.sheet.diagnostic(code, line, column, message, hint)


@dataclass(frozen=True, slots=True)
class Reference:
    """A document: the names its study may have, and the fields of a report that are known."""

    names: tuple[str, ...]
    fields: Mapping[str, str]
    where: str
    registry: str = ""

    @property
    def label(self) -> str:
        return self.names[0]


@dataclass(frozen=True, slots=True)
class Source:
    """What a file holds."""

    tables: Sequence[Table] = ()
    references: Sequence[Reference] = ()
    left_out: Sequence[LeftOut] = field(default=())
