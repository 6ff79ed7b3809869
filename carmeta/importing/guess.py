"""What the columns of a sheet hold, guessed from their headings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from carmeta.importing.headings import EVENTS, FAMILIES, STUDY, N, folded
from carmeta.importing.revman import CONTROL, TREATMENT
from carmeta.importing.table import IGNORED, Holds, Use
from carmeta.importing.words import Words

_PERCENT: Final = ("percent", "percentage", "pct", "%")
_NAMES: Final[Mapping[Holds, Sequence[str]]] = {
    "study": ("study", "studyid", *STUDY[1:]),
    "outcome": ("outcome", "outcomes", "outcomename", "endpoint"),
    "arm": ("arm", "cohort", "armname", "studyarm", "treatmentarm", "treatment", "intervention"),
    "role": ("role",),
    "population": ("population", "analysisset", "analysispopulation"),
    "events": EVENTS,
    "n": N,
    "percent": _PERCENT,
    "year": ("year", "studyyear", "publicationyear", "publishedyear", "yearofpublication"),
    "doi": ("doi",),
    "nct": ("nct", "nctid", "nctnumber", "registry", "registration", "trialregistration"),
    "authors": ("authors", "author"),
    "title": ("title",),
    "journal": ("journal",),
}
_TWO_ARMS: Final = (*FAMILIES, ("events", "n", "events2", "n2"), ("events1", "n1", "events2", "n2"))
_ARMS: Final = {
    TREATMENT: re.compile(r"e|exp(erimental)?|treatment|intervention|1"),
    CONTROL: re.compile(r"c|ctrl|control|placebo|2"),
}
_COUNTED: Final[tuple[tuple[Holds, Sequence[str]], ...]] = (
    ("events", EVENTS), ("n", N), ("percent", _PERCENT),
)  # fmt: skip
_PARTS: Final = re.compile(r"[\s_.\-/(),:]+")


def recognised(headings: Sequence[str]) -> int:
    """How many of the headings have a name that is known."""
    known = {name for names in (*_NAMES.values(), *_TWO_ARMS) for name in names}
    return sum(folded(heading) in known for heading in headings)


def guess(headings: Sequence[str], words: Words) -> list[Use]:
    """What each column holds, by its heading alone.

    Counts may be one column each (`events`, `n`), of two arms (`ai`, `n1i`, `ci`, `n2i` and
    others), of an outcome (`relapse events`, `relapse n`, or the outcome alone), or of both.
    """
    names = [folded(heading) for heading in headings]
    uses = dict(_two_arms(names))
    of_arms = bool(uses)
    for holds, known in _NAMES.items():
        free = (i for name in known for i, own in enumerate(names) if own == name and i not in uses)
        place = next(free, None)
        if place is not None and not (of_arms and holds in ("events", "n", "arm")):
            uses[place] = Use(holds)
    for i, heading in enumerate(headings):
        if i not in uses:
            uses[i] = _composed(heading, words)
    counted = {
        (use.outcome, use.arm) for use in uses.values() if use.holds in ("events", "percent")
    }

    def idle(use: Use) -> bool:
        """Patients of something that has no events here, such as `n screened`."""
        return use.holds == "n" and bool(use.outcome) and (use.outcome, use.arm) not in counted

    return [IGNORED if idle(uses[i]) else uses[i] for i in range(len(headings))]


def ambiguous(headings: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of columns that could both be the study or the count that is guessed to be one.

    The very word (`events`, `n`) is meant before any other name.
    """
    names = [folded(heading) for heading in headings]
    of_arms = _two_arms(names)
    found = []
    for holds, known in _NAMES.items():
        if holds not in ("study", "events", "n") or (of_arms and holds != "study"):
            continue
        places = [i for i, name in enumerate(names) if name in known]
        exact = [i for i in places if names[i] == known[0]]
        same = exact if exact or holds == "study" else places
        found += [(same[0], other) for other in same[1:]]
    return found


def _two_arms(names: Sequence[str]) -> dict[int, Use]:
    family = next((names_ for names_ in _TWO_ARMS if set(names_) <= set(names)), None)
    if family is None:
        return {}
    uses = (
        Use("events", arm=TREATMENT), Use("n", arm=TREATMENT),
        Use("events", arm=CONTROL), Use("n", arm=CONTROL),
    )  # fmt: skip
    return {names.index(name): use for name, use in zip(family, uses, strict=True)}


def _composed(heading: str, words: Words) -> Use:
    """`relapse events`, `Events (control)`, `relapse`: a count with its outcome or its arm."""
    parts = [part for part in _PARTS.split(heading) if part]
    own = [(part, arm) for part in parts for arm, of in _ARMS.items() if of.fullmatch(part.lower())]
    arm = own[0][1] if own else ""
    rest = [part for part in parts if (part, arm) not in own]
    kinds = [(i, holds) for i, part in enumerate(rest) for holds, of in _COUNTED
             if part.lower() in of]  # fmt: skip
    if len(kinds) == 1:
        place, holds = kinds[0]
        outcome = " ".join(rest[:place] + rest[place + 1 :])
        return Use(holds, outcome, arm) if outcome or arm else IGNORED
    whole = " ".join(rest)
    if not kinds and whole and words.find("outcome", whole):
        return Use("events", whole, arm)
    return IGNORED
