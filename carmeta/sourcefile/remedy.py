"""What helps where a number stands as a paper prints it: `83/101`, `NR`, `82 (81%)`, `95%`."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Final

_NOTHING: Final = re.compile(
    r"|[-–—]+|\.|\?|#?n[./]?[ards]\.?|not[ -](reported|available|stated|given)|unknown|missing",
    re.IGNORECASE,
)
_OF: Final = re.compile(r"(\d+)\s*(?:/|of)\s*(\d+)")
_WITH_PERCENT: Final = re.compile(r"(\d+)\s*\(\s*(\d+(?:\.\d+)?)\s*%?\s*\)")
_COMMA: Final = re.compile(r"(\d+),(\d+)")


def says_nothing(text: str) -> bool:
    """Whether a text is what papers and sheets write where there is no number.

    >>> says_nothing("NR"), says_nothing("–"), says_nothing(""), says_nothing("0")
    (True, True, True, False)
    """
    return _NOTHING.fullmatch(text.strip()) is not None


def remedy(key: str, value: Any, fields: Collection[str]) -> str:
    """How to write what ``value`` says in the ``fields`` there are; empty if that is not clear.

    >>> remedy("count", "83/101", {"count", "of", "missing"})
    "write 'count: 83, of: 101'"
    >>> remedy("percent", "NR", {"percent", "missing"})
    "write 'missing: not-reported' instead of it"
    """
    if key == "level" and isinstance(value, float) and 0 < value < 1:
        return f"in percent: {100 * value:g}"
    if not isinstance(value, str):
        return ""
    text = value.strip()
    if "missing" in fields and says_nothing(text):
        return "write 'missing: not-reported' instead of it"
    if {"count", "of"} <= {*fields} and (found := _OF.fullmatch(text)):
        return f"write 'count: {found[1]}, of: {found[2]}'"
    if {"count", "percent"} <= {*fields} and (found := _WITH_PERCENT.fullmatch(text)):
        return f"write 'count: {found[1]}, percent: \"{found[2]}\"'"
    if found := _COMMA.fullmatch(text):
        return f'decimals with a point: "{found[1]}.{found[2]}"'
    return ""


def share_hint(value: Any) -> str:
    """For a percentage where a share is wanted: the share.

    >>> share_hint(95)
    'for 95% write 0.95'
    """
    if isinstance(value, int | float) and 1 < value <= 100:
        return f"for {value:g}% write {value / 100:g}"
    return ""
