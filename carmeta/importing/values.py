"""What the text of a cell is: a count, or why none; a line of sums."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from carmeta.domain.counts import MOST_PATIENTS, TOO_MANY

SHOWN: Final = 40  # characters of a value in a message
_WHOLE: Final = re.compile(r"\d+", re.ASCII)
_ZEROS: Final = re.compile(r"(\d+)[.,](0{1,2}|0{4,})", re.ASCII)  # 1.000 may be a thousand
_THOUSANDS: Final = re.compile(r"\d{1,3}(?:[.,' ]\d{3})+", re.ASCII)
_DECIMAL: Final = re.compile(r"(\d+)[.,](\d+)", re.ASCII)
# A line of sums below the studies.
_SUM: Final = re.compile(
    r"(sub|grand )?total|sum|summe|gesamt|overall|pooled|summary|combined|all|all studies|"
    r"(total|sum|overall|pooled|combined|summary)\b[ (:].*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class NoCount:
    """Why a text is no count: a code, what is said behind the column's name, and what helps."""

    code: str
    message: str
    hint: str = ""


def is_sum(name: str) -> bool:
    """Whether a line of that name may be the sum of others."""
    return _SUM.fullmatch(name) is not None


def count_of(text: str, separator: str) -> int | NoCount:
    """The number of patients in a cell, or why there is none.

    ``12.0`` is 12, and so is ``12,0`` where the comma is not the ``separator`` of the file.
    """
    digits = _ZEROS.fullmatch(text)
    if digits and ("," not in text or separator != ","):
        text = digits[1]
    if _WHOLE.fullmatch(text):
        if len(text) <= SHOWN and int(text) <= MOST_PATIENTS:
            return int(text)
        return NoCount("CSV007", f"{text[:SHOWN]} is {TOO_MANY}")
    code, message, hint = _no_count(text)
    shown = f": '{text[:SHOWN]}'" if text else ""
    return NoCount(code, message + shown, hint)


def _no_count(text: str) -> tuple[str, str, str]:
    wanted = "write the number of patients"
    if not text:
        return "CSV002", "is empty", f"{wanted} (0 is one), or leave the line out"
    number = _DECIMAL.fullmatch(text)
    share = number is not None and float(f"{number[1]}.{number[2]}") <= 100
    if text.endswith("%"):
        return "CSV008", "looks like a percentage", wanted
    if _THOUSANDS.fullmatch(text):
        return "CSV002", "is no whole number, or has thousands set apart", "write plain digits"
    if share:
        return "CSV008", "is no whole number and looks like a percentage", wanted
    return "CSV002", "is no whole number", ""
