"""A file that was read, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from carmeta.domain.evidence import DataPath, Mark, Severity, Step


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """Something that is wrong in a file, where, and what helps.

    ``code`` is stable: ``YML0xx`` the text, ``SCH0xx`` the schema, ``REC0xx`` a record against
    the others, ``CFG0xx`` a configuration. ``source_line`` is the line at ``mark``, as written.
    """

    code: str
    severity: Severity
    mark: Mark
    message: str
    hint: str = ""
    source_line: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.mark}: {self.code} {self.message}{hint}"


@dataclass(frozen=True, slots=True)
class Marks:
    """Where a value stands, where its key stands (itself for a list item), and its raw text."""

    key: Mark
    value: Mark
    raw: str | None = None  # the scalar as written; None for a mapping or a list


@dataclass(frozen=True, slots=True)
class SourceFile:
    """Plain data (dict, list, str, int, float, bool, None) with the place of every value."""

    path: Path
    text: str
    data: Any
    marks: Mapping[DataPath, Marks]
    lines: tuple[str, ...] = field(repr=False)

    def mark(self, path: Sequence[Step] = ()) -> Mark:
        """The place of the value at ``path``; of its nearest existing parent if it is absent."""
        return self._nearest(path).value

    def key_mark(self, path: Sequence[Step]) -> Mark:
        """The place of the key at ``path``; of the nearest existing parent's if it is absent."""
        return self._nearest(path).key

    def raw(self, path: Sequence[Step]) -> str | None:
        """The scalar at ``path`` as it was written; None where there is no scalar."""
        marks = self.marks.get(tuple(path))
        return None if marks is None else marks.raw

    def line(self, number: int) -> str:
        """The text of a line (from 1); empty outside the file."""
        return self.lines[number - 1] if 1 <= number <= len(self.lines) else ""

    def diagnostic(
        self,
        code: str,
        path: Sequence[Step],
        message: str,
        *,
        hint: str = "",
        severity: Severity = "error",
        at_key: bool = False,
    ) -> Diagnostic:
        """A diagnostic at the value (or the key) of ``path``, with its source line."""
        mark = self.key_mark(path) if at_key else self.mark(path)
        return Diagnostic(code, severity, mark, message, hint, self.line(mark.line))

    def _nearest(self, path: Sequence[Step]) -> Marks:
        steps = tuple(path)
        while steps not in self.marks and steps:
            steps = steps[:-1]
        return self.marks[steps]
