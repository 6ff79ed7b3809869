"""The value that a cohort has of a declared moderator: one printed of itself, or none and why.

Nothing is guessed: a range, a value of other patients, or one of several that differ stands for
no value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from carmeta.domain.record import Characteristic, Cohort, StudyRecord
from carmeta.domain.words.terms import PERCENT, Moderator

_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True, slots=True)
class Valued:
    """A cohort's level or printed value with its number, or why it has none."""

    text: str = ""
    number: float | None = None
    why: str = ""


def valued(
    name: str, term: Moderator, study: StudyRecord, cohort: Cohort, attribute: str | None
) -> Valued:
    """What a cohort has of the moderator ``name``; ``attribute`` is what is declared of it.

    Of a moderator with a unit a number: the printed value, or a percentage where that is the
    unit. Of one without, the printed word.
    """
    key = term.of or name
    own = [item for item in cohort.characteristics if item.name == key]
    found = list(_found(own, study.default_doc, percent=term.unit == PERCENT))
    if attribute is not None:
        found.append(_Printed(attribute, "attribute"))
    if not found:
        return Valued(why=_none(key, own, study, cohort))
    bad = [one for one in found if term.unit is not None and one.number is None]
    bad += [one for one in found if term.unit is None and not one.worded]
    if bad:
        listed = "; ".join(dict.fromkeys(str(one) for one in bad))
        return Valued(why=f"no {'number' if term.unit is not None else 'word'}: {listed}")
    if len({one.meaning(term) for one in found}) > 1:
        listed = "; ".join(dict.fromkeys(str(one) for one in found))
        return Valued(why=f"several are printed: {listed}")
    first = found[0]
    if term.unit is None or first.number is None:
        return Valued(first.text.strip())
    level = term.level(name, float(first.number)) if term.cuts else ""
    return Valued(level or first.text.strip(), float(first.number))


@dataclass(frozen=True, slots=True)
class _Printed:
    """One printed value and its place; ``worded`` tells words from counts and percentages."""

    text: str
    place: str
    worded: bool = True
    share: Decimal | None = None

    @property
    def number(self) -> Decimal | None:
        if self.share is not None:
            return self.share
        plain = self.text.strip()
        return Decimal(plain) if self.worded and _NUMBER.fullmatch(plain) else None

    def meaning(self, term: Moderator) -> Decimal | str | None:
        """What two printed values must have in common to be one."""
        return self.text.strip() if term.unit is None else self.number

    def __str__(self) -> str:
        return f"'{self.text}' ({self.place})"


def _found(items: Sequence[Characteristic], doc: str, *, percent: bool) -> Iterator[_Printed]:
    """What is printed of a characteristic; no percentage is made where one is printed."""
    printed = any(item.percent is not None for item in items)
    for item in items:
        place = item.at.label(doc)
        if item.missing is not None:
            continue
        if item.value is not None:
            yield _Printed(item.value, place)
        elif percent and item.percent is not None and _NUMBER.fullmatch(item.percent):
            yield _Printed(item.percent, place, worded=False, share=Decimal(item.percent))
        elif percent and item.percent is None and item.count is not None and item.of:
            if not printed:
                share = Decimal(100 * item.count) / item.of
                text = f"{float(share):.4g}"
                yield _Printed(text, place, worded=False, share=share)
        else:
            yield _Printed(_counted(item), place, worded=False)


def _counted(item: Characteristic) -> str:
    count = "" if item.count is None else str(item.count)
    if item.of is not None:
        count += f"/{item.of}"
    share = f"{item.percent}%" if item.percent is not None else ""
    return " ".join(part for part in (count, share) if part) or item.range or ""


def _none(key: str, own: Sequence[Characteristic], study: StudyRecord, cohort: Cohort) -> str:
    """Why nothing is there."""
    missing = [item.missing for item in own if item.missing is not None]
    if missing:
        return missing[0].replace("-", " ")
    others = [
        other.label
        for other in study.cohorts
        if other is not cohort
        and any(item.name == key and item.missing is None for item in other.characteristics)
    ]
    return (
        f"printed for other patients only ({'; '.join(others)})" if others else "not in the record"
    )
