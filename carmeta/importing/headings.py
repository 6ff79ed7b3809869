"""Which column of a table holds what: the names that people give to counts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from carmeta.errors import ConfigError, DataError
from carmeta.sourcefile.suggestion import meant, suggest

STUDY: Final = ("study", "slab", "studlab", "studyname", "trial", "author", "authors")
EVENTS: Final = ("events", "event", "events1", "r", "xi", "x", "cases", "responders")
N: Final = ("n", "total", "n1", "ni", "patients", "size", "samplesize")
# The names of two arms in metafor and in meta; only all four together are taken for them.
FAMILIES: Final = (("ai", "n1i", "ci", "n2i"), ("event.e", "n.e", "event.c", "n.c"))
ARM2: Final = ("events2", "n2")
_COUNTS: Final = ("events", "n", "events2", "n2")
GROUP: Final = "group"
WANTED: Final = "study, events, n; for two arms also events2, n2"
_SPACE: Final = re.compile(r"[\s_-]+")


@dataclass(frozen=True, slots=True)
class Columns:
    """The places, counted from 0, of what is needed, and of all further columns by heading."""

    study: int
    counts: Mapping[str, int]  # events, n and, of a second arm, events2, n2
    further: Mapping[str, int]
    group: int | None

    @property
    def two_arm(self) -> bool:
        return "n2" in self.counts


def recognised(headings: Sequence[str]) -> int:
    """How many of the headings have a name that is known."""
    known = {*STUDY, *EVENTS, *N, *ARM2, GROUP, *FAMILIES[0], *FAMILIES[1]}
    return sum(folded(heading) in known for heading in headings)


def find_columns(headings: Sequence[str], where: str, group: str | None) -> Columns:
    """What stands in which column.

    ``where`` begins the messages; ``group`` is the heading of the column to group by; without it
    that is the column 'group', if there is one. Raises DataError if a column is missing, stands
    twice, or could be one of two things, ConfigError if there is no column ``group``.
    """
    places = _places(headings, where)
    counts = {role: places[name] for role, name in _counts(places, where).items()}
    study = next((places[name] for name in STUDY if name in places), None)
    if study is None:
        raise _missing("study", STUDY, where)
    used = {study, *counts.values()}
    further = {heading: i for i, heading in enumerate(headings) if heading and i not in used}
    if "n2" not in counts:
        _no_second_arm(further, where)
    by = _group_column(further, group, where)
    return Columns(study, counts, {h: i for h, i in further.items() if folded(h) != GROUP}, by)


def folded(heading: str) -> str:
    """A heading without case, blanks, hyphens and underscores, as headings are compared."""
    return _SPACE.sub("", heading.casefold())


def _places(headings: Sequence[str], where: str) -> dict[str, int]:
    places: dict[str, int] = {}
    for i, heading in enumerate(headings):
        name = folded(heading)
        if name in places:
            other = headings[places[name]]
            also = f", first as '{other}'" if other != heading else ""
            text = f"{where}: the column '{heading}' stands twice{also}"
            raise DataError(text, hint="rename or remove one of the two")
        if name:
            places[name] = i
    return places


def _counts(places: Mapping[str, int], where: str) -> dict[str, str]:
    """The folded heading of each count."""
    accepted = dict(zip(_COUNTS, (EVENTS, N, ARM2[:1], ARM2[1:]), strict=True))
    family = next((f for f in FAMILIES if f[0] in places and f[2] in places), None)
    if family is not None:
        if {"events", "n"} <= places.keys():
            text = f"both '{family[0]}' and 'events' could be the events"
            raise DataError(f"{where}: {text}", hint="rename the columns that are not to be pooled")
        accepted = {role: (name,) for role, name in zip(_COUNTS, family, strict=True)}
    elif not any(name in places for name in ARM2):
        accepted = {role: accepted[role] for role in ("events", "n")}
    chosen = {}
    for role, names in accepted.items():
        found = [name for name in names if name in places]
        if not found:
            raise _missing(role, names, where)
        if len(found) > 1 and found[0] != role:  # the very word is meant before any other
            text = f"'{found[0]}' and '{found[1]}' could both be the column '{role}'"
            raise DataError(f"{where}: {text}", hint=f"call the one that is meant '{role}'")
        chosen[role] = found[0]
    return chosen


def _missing(role: str, names: Sequence[str], where: str) -> DataError:
    also = f"; '{role}' may be called {', '.join(names[1:])}" if len(names) > 1 else ""
    text = f"{where}: no column '{names[0]}'"
    return DataError(text, hint=f"wanted: {WANTED}{also}")


def _no_second_arm(further: Mapping[str, int], where: str) -> None:
    """Refuse a column that was to be of a second arm, which would be left out unseen."""
    for heading in further:
        name = meant(heading, [*ARM2, *FAMILIES[0], *FAMILIES[1]])
        if name and name != folded(heading):
            hint = f"did you mean '{name}'? rename it if it is something else"
            raise DataError(f"{where}: unknown column '{heading}'", hint=hint)


def _group_column(further: Mapping[str, int], group: str | None, where: str) -> int | None:
    by_name = {folded(heading): i for heading, i in further.items()}
    if group is None:
        return by_name.get(GROUP)
    if folded(group) not in by_name:
        hint = suggest(group, [*further], lead="columns") or "there are no further columns"
        raise ConfigError(f"--group {group}: {where} has no such column", hint=hint)
    return by_name[folded(group)]
