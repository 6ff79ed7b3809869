"""Dates as far as they are known: 2021, 2021-03 or 2021-03-25; an empty text is none."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field


def _existing(text: str) -> str:
    try:
        date.fromisoformat(text + "-01-01"[len(text) - 4 :])
    except ValueError:
        raise ValueError(f"there is no day {text}") from None
    return text


DateText = Annotated[
    str,
    Field(pattern=r"^(19|20)\d\d(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$"),
    AfterValidator(_existing),
]


def later(one: str, two: str) -> bool | None:
    """Whether the first date is later; None where, as far as they are known, it is open.

    >>> later("2021-03", "2020"), later("2021-03", "2021"), later("", "2021")
    (True, None, None)
    """
    known = min(len(one), len(two))
    if one[:known] == two[:known]:
        return None
    return one > two
