"""What a plain (unquoted) YAML scalar means: what it looks like, or a refusal.

================  ==================================================================
``12``, ``-3``    whole number
``0.5``           decimal number
``true false``    truth value
``null``          nothing
anything else     text (``NO``, ``off``, ``12:30``, ``2022-04-18``)
refused           ``010 +5 0x1F 1_000 1e6 .5 5. .inf True ~`` and an empty value
================  ==================================================================

This is YAML 1.2 (core schema, chapter 10.3) less the forms that two programs, or a program
and a reader, understand differently.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

Plain = str | int | float | bool | None

# Python refuses to convert more than 4300 digits; no printed number has more than these.
_MAX_DIGITS: Final = 18

_WORDS: Final[dict[str, Plain]] = {"true": True, "false": False, "null": None}
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)")
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")
# Starts like a number: worth looking at the table of refusals.
_NUMBERLIKE: Final = re.compile(r"[-+.0-9]")
_REFUSED: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"[-+]?0[0-9_]+(?:\.[0-9]*)?"), "a number with a leading zero"),
    (re.compile(r"\+[0-9]+(?:\.[0-9]*)?"), "a number with a plus sign"),
    (re.compile(r"[-+]?0[xX][0-9a-fA-F_]+|[-+]?0[oObB][0-9_]+"), "a hexadecimal or octal number"),
    (re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(?:\.[0-9_]*)?"), "a number with underscores"),
    (re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+"), "a number with an exponent"),
    (re.compile(r"[-+]?\.[0-9]+"), "a number without a digit before the point"),
    (re.compile(r"[-+]?[0-9]+\."), "a number without a digit after the point"),
    (re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"), "not a finite number"),
)
_REFUSED_WORDS: Final[dict[str, str]] = {
    "True": "true",
    "TRUE": "true",
    "False": "false",
    "FALSE": "false",
    "Null": "null",
    "NULL": "null",
    "~": "null",
}


@dataclass(frozen=True, slots=True)
class Refused:
    """A plain scalar that could be read in two ways."""

    reason: str
    hint: str


def resolve(text: str) -> Plain | Refused:
    """The value of a plain scalar, or why it is refused.

    >>> resolve("12"), resolve("3.0"), resolve("NO"), resolve("12:30"), resolve("true")
    (12, 3.0, 'NO', '12:30', True)
    >>> resolve("010").reason
    '010 is a number with a leading zero'
    """
    if text in _WORDS:
        return _WORDS[text]
    if text in _REFUSED_WORDS:
        meant = _REFUSED_WORDS[text]
        return Refused(
            f"{text} may be a word or {meant}", f'write {meant}, or "{text}" if it is a word'
        )
    if not _NUMBERLIKE.match(text):
        return text
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) <= _MAX_DIGITS else _too_long(text)
    if _DECIMAL.fullmatch(text):
        return float(text) if len(text) <= _MAX_DIGITS + 1 else _too_long(text)
    for pattern, reason in _REFUSED:
        if pattern.fullmatch(text):
            shown = text if len(text) <= 24 else f"{text[:24]}..."
            return Refused(
                f"{shown} is {reason}",
                f'quote it if it is text ("{shown}"), or write the number out in plain digits',
            )
    return text


def _too_long(text: str) -> Refused:
    return Refused(
        f"a number of {len(text)} characters",
        "quote it if it is text; no printed number is so long",
    )
