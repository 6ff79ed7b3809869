"""What is said of a word that is not known: a slip of the hand, and what there is instead.

A suggestion that is followed without a look must not change what is meant: `Ax` is not
`A`, `ge2` not `ge3`. So only one slip (a letter too many, too few, another
one, or two swapped) in one word of a name is taken for one, and never in a short word, its
first letter, a number or an abbreviation.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import zip_longest
from typing import Final

_LONGEST: Final = 80  # characters of a word that are looked at
_LISTED: Final = 40  # names that are listed; of more, only where they stand
_SHORT: Final = 3  # another letter makes a word of three another word
_WORDS: Final = re.compile(r"[^\W\d_]+|\d+")
_SEPARATORS: Final = re.compile(r"[\s_./-]+")


def suggest(
    word: str,
    known: Collection[str],
    *,
    lead: str = "known",
    otherwise: str = "",
    taken: Collection[str] = (),
) -> str:
    """What may have been meant by ``word``, and what there is.

    ``otherwise`` stands for the names where they are many; none of ``taken`` was meant.

    >>> suggest("coutry", ["country", "hase"], lead="allowed")
    "did you mean 'country'? allowed: country, hase"
    >>> suggest("phase", ["country", "hase"])
    'known: country, hase'
    """
    slip = meant(word, [name for name in known if name not in taken])
    listed = f"{lead}: {', '.join(known)}" if 0 < len(known) <= _LISTED else otherwise
    return " ".join(part for part in (f"did you mean '{slip}'?" if slip else "", listed) if part)


def meant(word: str, known: Collection[str]) -> str:
    """The one known word that ``word`` is a slip of; empty if there is none, or several."""
    word = word[:_LONGEST]
    same = [name for name in known if _plain(name) == _plain(word)] if _plain(word)[0] else []
    found = same or [name for name in known if _is_slip(word, name)]
    return found[0] if len(found) == 1 else ""


def _plain(name: str) -> tuple[str, list[str]]:
    """A name without case and separators, and its numbers: 1-2 is not 12."""
    folded = name.casefold()
    return _SEPARATORS.sub("", folded), re.findall(r"\d+", folded)


def _is_slip(written: str, name: str) -> bool:
    ours, theirs = written.casefold(), name.casefold()
    if _signs(ours) != _signs(theirs) or sum(map(str.isupper, name)) > 1:
        return False
    pairs = list(zip_longest(_WORDS.findall(ours), _WORDS.findall(theirs), fillvalue=""))
    other = [pair for pair in pairs if pair[0] != pair[1]]
    return len(other) == 1 and _one_slip(*other[0])


def _signs(name: str) -> str:
    return _SEPARATORS.sub("", _WORDS.sub("", name))


def _one_slip(a: str, b: str) -> bool:
    """Whether one slip of the hand leads from one word to the other."""
    a, b = sorted((a, b), key=len)
    if len(b) <= _SHORT or a[:1] != b[:1] or a.isdecimal() or b.isdecimal():
        return False
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
    left, right = a[start:], b[start:]
    if len(left) < len(right):
        return left == right[1:]
    return left[1:] == right[1:] or left == right[1::-1] + right[2:]
