"""What the YAML parser's complaints mean, in words for people who do not know YAML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

_QUOTE_HINT: Final = "text that holds ': ' or ' #', or begins with a sign, needs quotes"

# What libyaml (and PyYAML's own parser) says -> (message, hint).
_KNOWN: Final[tuple[tuple[str, str, str], ...]] = (
    ("mapping values are not allowed", "a ':' that is not expected here", _QUOTE_HINT),
    ("cannot start any token", "the character '{char}' cannot begin a value", "quote the text"),
    (
        "did not find expected key",
        "this line does not fit the lines around it",
        "keys of one block begin in the same column; lists begin with '- '",
    ),
    (
        "expected <block end>",
        "this line does not fit the lines around it",
        "keys of one block begin in the same column; lists begin with '- '",
    ),
    (
        "did not find expected '-' indicator",
        "a list item that does not begin with '- '",
        "items of one list begin in the same column",
    ),
    ("could not find expected ':'", "a line without 'key: value'", "is a ':' missing?"),
    (
        "expected ',' or '}'",
        "a '{' that is not closed before this",
        "separate with ',', end with '}'",
    ),
    (
        "expected ',' or ']'",
        "a '[' that is not closed before this",
        "separate with ',', end with ']'",
    ),
    (
        "block sequence entries are not allowed",
        "a '- ' that is not expected here",
        "begin it on a new line",
    ),
    (
        "sequence entries are not allowed",
        "a '- ' that is not expected here",
        "begin it on a new line",
    ),
    ("found unknown escape character", "a backslash in double quotes", "use single quotes"),
    (
        "did not find expected <document start>",
        "text after the end of the record",
        "the lines of a record begin in one column; is '...' or a '}' too many here?",
    ),
    ("alphabetic or numeric character", "a '&' or '*' that begins a value", "quote the text"),
    ("comment or line break", "text that is not expected here", "quote the whole text"),
    ("found unexpected ':'", "a ':' that is not expected here", _QUOTE_HINT),
    ("mapping keys are not allowed", "a '?' or ':' that is not expected here", _QUOTE_HINT),
    ("directive", "a '%' at the beginning of a line", "quote the text, or indent it"),
    ("did not find expected node content", "a value is missing here", ""),
    ("expected the node content", "a value is missing here", ""),
)


@dataclass(frozen=True, slots=True)
class Told:
    """A syntax error with its place (from 1; 0 where the parser gives none)."""

    line: int
    column: int
    message: str
    hint: str


def explain(error: Any, lines: Sequence[str]) -> Told:
    """Translate an error of PyYAML; ``lines`` is the text that was parsed."""
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    context = str(getattr(error, "context", None) or "")
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    context_mark = getattr(error, "context_mark", None)
    if "unexpected end of stream" in problem and "quoted scalar" in context and context_mark:
        return Told(
            context_mark.line + 1,
            context_mark.column + 1,
            "a quotation mark that is never closed",
            "an apostrophe inside '...' is written twice",
        )
    line = mark.line + 1 if mark else 0
    column = mark.column + 1 if mark else 0
    char = lines[line - 1][column - 1 : column] if 1 <= line <= len(lines) else ""
    for needle, message, hint in _KNOWN:
        if needle in problem:
            return Told(line, column, message.replace("{char}", char), hint)
    return Told(line, column, f"not valid YAML: {problem}", "")
