"""Diagnostics as text with the line and a caret, as JSON, or as GitHub annotations."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from carmeta.cli import terminal
from carmeta.cli.tables import write_json

if TYPE_CHECKING:
    from carmeta.sourcefile import Diagnostic

OutputFormat = Literal["text", "json", "github"]

_WIDEST: Final = 100  # characters of a source line that are shown
_CONTEXT: Final = 40  # of these before the caret, where the line is longer
_COLOURS: Final = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "info": "\x1b[1;36m"}
_LEVELS: Final = {"error": "error", "warning": "warning", "info": "notice"}
_BLUE: Final = "\x1b[1;34m"
_PLAIN: Final = "\x1b[0m"


def print_diagnostics(
    diagnostics: Sequence[Diagnostic], *, fmt: OutputFormat = "text", aside: bool = False
) -> None:
    """Print diagnostics to stdout, or ``aside``, as text to stderr."""
    if fmt == "json":
        write_json([_plain(item) for item in diagnostics])
        return
    colour = terminal.use_colour(sys.stderr if aside else sys.stdout)
    for item in diagnostics:
        text = _annotation(item) if fmt == "github" else render(item, colour=colour)
        if aside:
            terminal.tell(text)
        else:
            print(text)


def render(item: Diagnostic, *, colour: bool = False) -> str:
    """One diagnostic over a few lines, ending with an empty one.

    >>> from carmeta.domain.evidence import Mark
    >>> from carmeta.sourcefile import Diagnostic
    >>> print(render(Diagnostic("REC031", "error", Mark("a.yaml", 4, 3), "no", "try", "  x: 1")))
    a.yaml:4:3: error[REC031] no
      |
    4 |   x: 1
      |   ^
      = help: try
    <BLANKLINE>
    """
    paint = _COLOURS[item.severity] if colour else ""
    blue, plain = (_BLUE, _PLAIN) if colour else ("", "")
    safe = terminal.safe
    lines = [f"{item.mark}: {paint}{item.severity}[{item.code}]{plain} {safe(item.message)}"]
    number = str(item.mark.line) if item.mark.line else ""
    gutter = " " * len(number)
    if item.source_line.strip():
        shown, caret = _window(safe(item.source_line.replace("\t", " ")), item.mark.column)
        lines += [
            f"{gutter} {blue}|{plain}",
            f"{blue}{number} |{plain} {shown}",
            f"{gutter} {blue}|{plain} {' ' * caret}{paint}^{plain}",
        ]
    if item.hint:
        lines.append(f"{gutter} {blue}={plain} help: {safe(item.hint)}")
    return "\n".join([*lines, ""])


def _window(line: str, column: int) -> tuple[str, int]:
    """What is shown of a line, and how many cells stand before the caret."""
    from rich.cells import cell_len

    start = max(0, column - 1 - _CONTEXT) if len(line) > _WIDEST else 0
    shown = line[start : start + _WIDEST]
    lead = "..." if start else ""
    tail = "..." if start + _WIDEST < len(line) else ""
    return f"{lead}{shown}{tail}", len(lead) + cell_len(line[start : column - 1])


def _plain(item: Diagnostic) -> dict[str, Any]:
    return {
        "code": item.code,
        "severity": item.severity,
        "file": item.mark.file,
        "line": item.mark.line,
        "column": item.mark.column,
        "message": item.message,
        "hint": item.hint,
    }


def _annotation(item: Diagnostic) -> str:
    place = f"file={_property(item.mark.file)}"
    if item.mark.line:
        place += f",line={item.mark.line},col={item.mark.column}"
    text = item.message + (f" ({item.hint})" if item.hint else "")
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::{_LEVELS[item.severity]} {place},title={item.code}::{escaped}"


def _property(text: str) -> str:
    for sign, code in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"), (":", "%3A"), (",", "%2C")):
        text = text.replace(sign, code)
    return text
