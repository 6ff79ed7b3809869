"""Who shares patients with whom.

A cohort is read as a set of patients. The records declare

========================  =========================================================
``part_of: B``            A is a subset of B
``updates: B``            B, an earlier report, is a subset of A
``partitions: [[P, Q]]``  P and Q are subsets of A, disjoint, and complete
``covered_by: [[P, Q]]``  P and Q are subsets of A and complete, but may overlap
``shares_patients_with``  A and B may have patients in common
``disjoint_from``         A and B have none in common
========================  =========================================================

and what they leave open is closed on the safe side. Subsets are followed transitively, and
parts of disjoint cohorts are disjoint. Where nothing says that they are disjoint,

* two cohorts of one study are taken to overlap;
* two cohorts of different studies overlap if one holds the other, if both hold a third or
  are parts of a third, if they are declared to share patients, or if either *touches* a
  cohort for which that is so. A cohort touches those it holds, those it is part of, and the
  cohorts of its own study that it is not disjoint from;
* otherwise cohorts of different studies are disjoint.

So if X may share patients with Y, then a part of X may too, and so may whatever holds that
part; but if only the part Q of X is
declared to share patients with Y, the part P, disjoint from Q, does not. Sharing is not
passed on: Y and Z are disjoint where each is only declared to share patients with X.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, product
from typing import Literal

from carmeta.domain.record import Cohort, StudyRecord

EdgeKind = Literal[
    "part_of", "updates", "partition", "cover", "shares_patients_with", "disjoint_from"
]


@dataclass(frozen=True, slots=True)
class Edge:
    """One declared relation: `a` is the cohort that declares it."""

    a: str
    b: str
    kind: EdgeKind


@dataclass(frozen=True, slots=True)
class Cover:
    """Parts that together hold every patient of a cohort."""

    parts: tuple[str, ...]
    disjoint: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """A declaration that cannot be right. ``cohort`` is the key that declares it."""

    kind: Literal["unknown", "self", "cycle", "contradiction", "duplicate"]
    cohort: str
    message: str


class Lineage:
    """The declared relations of all cohorts, closed as the module's text says.

    Keys are ``study/cohort``. Build it of all studies, also of those that an analysis
    leaves out, so that what they say about others is known.
    """

    def __init__(
        self,
        keys: Sequence[str],
        edges: Sequence[Edge],
        problems: Sequence[Problem],
        covers: Mapping[str, tuple[Cover, ...]],
    ):
        self.keys = tuple(keys)
        self.edges = tuple(edges)
        self._covers = covers
        self._reasons: dict[tuple[str, str], str | None] = {}
        self._step: dict[str, dict[str, EdgeKind]] = {key: {} for key in keys}  # to supersets
        self._shares: dict[str, set[str]] = defaultdict(set)
        self._apart: dict[str, set[str]] = defaultdict(set)
        for edge in edges:
            self._add(edge)
        self._above = {key: self._reach(key) for key in keys}
        self._below: dict[str, set[str]] = defaultdict(set)
        for key, wholes in self._above.items():
            for whole in wholes:
                self._below[whole].add(key)
        self._component = connected(keys, ((edge.a, edge.b) for edge in edges))
        self._touches = {key: self._touched_by(key) for key in keys}
        self.problems = (*problems, *self._cycles(), *self._contradictions())

    @classmethod
    def build(cls, studies: Sequence[StudyRecord]) -> Lineage:
        """Read the declarations of all cohorts of the studies."""
        keys = [f"{study.id}/{cohort.id}" for study in studies for cohort in study.cohorts]
        problems = [
            Problem("duplicate", key, f"two cohorts have the key {key}")
            for key in sorted({key for key in keys if keys.count(key) > 1})
        ]
        keys = list(dict.fromkeys(keys))
        known = set(keys)
        edges: list[Edge] = []
        covers: dict[str, tuple[Cover, ...]] = {}
        for study in studies:
            for cohort in study.cohorts:
                covers[f"{study.id}/{cohort.id}"] = tuple(_covers(study.id, cohort))
                for edge in _declared(study.id, cohort):
                    if edge.a not in known or edge.b not in known:
                        problems.append(_unknown(f"{study.id}/{cohort.id}", edge, known))
                    elif edge.a == edge.b:
                        text = f"{edge.a} is declared {_WORDS[edge.kind]} itself"
                        problems.append(Problem("self", edge.a, text))
                    else:
                        edges.append(edge)
        return cls(keys, edges, problems, covers)

    def overlap(self, a: str, b: str) -> str | None:
        """Why a and b may have patients in common, in words; None if they are disjoint.

        Raises:
            KeyError: a or b is no cohort of the studies.
        """
        if (a, b) not in self._reasons:
            for key in (a, b):
                if key not in self:
                    raise KeyError(key)
            self._reasons[a, b] = self._overlap(a, b)
        return self._reasons[a, b]

    def _overlap(self, a: str, b: str) -> str | None:
        if a == b:
            return "the same cohort"
        if b in self._above[a]:
            return self._containment(a, b)
        if a in self._above[b]:
            return self._containment(b, a)
        if self.disjoint(a, b):
            return None
        if b in self._shares[a]:
            return f"{a} is declared to share patients with {b}"
        if _study(a) == _study(b):
            return f"both are cohorts of {_study(a)} and nothing declares them disjoint"
        return self._across(a, b)

    def disjoint(self, a: str, b: str) -> bool:
        """Whether the records declare that a and b have no patient in common."""
        return any(
            other in self._above[b] for whole in self._above[a] for other in self._apart[whole]
        )

    def wholes(self, key: str) -> frozenset[str]:
        """The cohorts that hold this one, without itself."""
        return frozenset(self._above[key]) - {key}

    def parts(self, key: str) -> frozenset[str]:
        """The cohorts that this one holds, without itself."""
        return frozenset(self._below[key]) - {key}

    def grown(self, part: str, whole: str) -> bool:
        """Whether `whole` holds `part` as a later report of it, so that outcomes may differ."""
        way = self._way(part, whole)
        return any(self._step[a][b] == "updates" for a, b in pairwise(way))

    def updaters(self, key: str) -> frozenset[str]:
        """The later reports of a cohort, and the later reports of those."""
        found: set[str] = set()
        queue = [key]
        for at in queue:
            new = {b for b, kind in self._step[at].items() if kind == "updates"} - found
            found |= new
            queue += sorted(new)
        return frozenset(found)

    def updated(self, key: str) -> frozenset[str]:
        """The earlier reports of a cohort, and the earlier reports of those."""
        return frozenset(other for other in self._below[key] if key in self.updaters(other))

    def circle(self, a: str, b: str) -> str:
        """How each of two cohorts is declared to hold the other; empty if they are not."""
        if a == b or b not in self._above[a] or a not in self._above[b]:
            return ""
        return f"{self._containment(a, b)}, and {self._containment(b, a)}"

    def covers(self, key: str) -> tuple[Cover, ...]:
        """The ways in which parts that are known hold every patient of a cohort."""
        return tuple(c for c in self._covers[key] if all(part in self for part in c.parts))

    def related(self, a: str, b: str) -> bool:
        """Whether anything declared connects the two: a chain of relations of any kind."""
        return b in self._component[a]

    def __contains__(self, key: object) -> bool:
        return key in self._above

    def _add(self, edge: Edge) -> None:
        if edge.kind == "part_of":
            self._step[edge.a].setdefault(edge.b, "part_of")
        elif edge.kind in ("updates", "partition", "cover"):
            kind: EdgeKind = "updates" if edge.kind == "updates" else "part_of"
            self._step[edge.b].setdefault(edge.a, kind)
        elif edge.kind == "shares_patients_with":
            self._shares[edge.a].add(edge.b)
            self._shares[edge.b].add(edge.a)
        else:
            self._apart[edge.a].add(edge.b)
            self._apart[edge.b].add(edge.a)

    def _reach(self, key: str) -> dict[str, str]:
        """Every cohort that holds `key`, itself included -> the one before it on the way."""
        before = {key: key}
        queue = [key]
        for at in queue:
            for whole in sorted(self._step[at]):
                if whole not in before:
                    before[whole] = at
                    queue.append(whole)
        return before

    def _touched_by(self, key: str) -> set[str]:
        touched = set(self._above[key]) | self._below[key]
        mates = (other for other in self.keys if _study(other) == _study(key))
        return touched | {mate for mate in mates if not self.disjoint(key, mate)}

    def _linked(self, key: str) -> set[str]:
        return set(self._above[key]) | self._below[key] | self._shares[key]

    def _across(self, a: str, b: str) -> str | None:
        """The reason for cohorts of different studies of which neither holds the other."""
        common = sorted(self._below[a] & self._below[b])
        if common:
            return f"both hold the patients of {common[0]}"
        common = sorted(set(self._above[a]) & set(self._above[b]))
        if common:
            return f"both are part of {common[0]} and nothing declares them disjoint"
        # Whoever may share patients with a part may share them with the whole.
        for one, two in product(_first(a, self._below[a]), _first(b, self._below[b])):
            if self.disjoint(one, two):
                continue
            for near in _first(one, self._touches[one]):
                far = _first(two, self._linked(near) & self._touches[two])
                if far:
                    return self._through(a, b, near, far[0])
        return None

    def _through(self, a: str, b: str, near: str, far: str) -> str:
        if far in self._shares[near]:
            link = f"{near} is declared to share patients with {far}"
        elif near == far:
            link = f"both touch {near}"
        else:
            link = self.overlap(near, far) or ""
        return f"{a} may share patients with {b}: {link}"

    def _containment(self, part: str, whole: str) -> str:
        """`part` is part of m, which is part of `whole` ..., with the words declared."""
        steps = []
        for lower, upper in pairwise(self._way(part, whole)):
            if self._step[lower][upper] == "updates":
                steps.append(f"is an earlier report of {upper}")
            else:
                steps.append(f"is part of {upper}")
        return f"{part} " + ", which ".join(steps)

    def _way(self, part: str, whole: str) -> list[str]:
        """From `part` to `whole`, each held by the next."""
        way = [whole]
        while way[-1] != part:
            way.append(self._above[part][way[-1]])
        return way[::-1]

    def _cycles(self) -> Iterator[Problem]:
        for a, b in combinations(self.keys, 2):
            if text := self.circle(a, b):
                yield Problem("cycle", a, text)

    def _contradictions(self) -> Iterator[Problem]:
        for key in self.keys:
            for wholes in combinations(sorted(self._above[key]), 2):
                if wholes[1] in self._apart[wholes[0]]:
                    text = f"{key} lies in {wholes[0]} and in {wholes[1]}, declared disjoint"
                    yield Problem("contradiction", key, text)
        for a in self.keys:
            for b in sorted(self._shares[a]):
                if a < b and self.disjoint(a, b):
                    text = f"{a} and {b} are declared both to share patients and to be disjoint"
                    yield Problem("contradiction", a, text)


_WORDS: dict[EdgeKind, str] = {
    "part_of": "part of",
    "updates": "an update of",
    "partition": "to consist of",
    "cover": "to be covered by",
    "shares_patients_with": "to share patients with",
    "disjoint_from": "disjoint from",
}


def _first(key: str, keys: Iterable[str]) -> list[str]:
    """The keys in order, this one first if it is among them."""
    return sorted(keys, key=lambda other: (other != key, other))


def _study(key: str) -> str:
    return key.partition("/")[0]


def full_key(study: str, reference: str) -> str:
    """``study/cohort`` of a reference made in a study's record."""
    return reference if "/" in reference else f"{study}/{reference}"


def _declared(study: str, cohort: Cohort) -> Iterator[Edge]:
    """The relations that a cohort declares, partitions taken apart into pairs."""
    key, lineage = f"{study}/{cohort.id}", cohort.lineage
    for whole in lineage.part_of:
        yield Edge(key, full_key(study, whole), "part_of")
    for earlier in lineage.updates:
        yield Edge(key, full_key(study, earlier), "updates")
    for other in lineage.shares_patients_with:
        yield Edge(key, full_key(study, other), "shares_patients_with")
    for other in lineage.disjoint_from:
        yield Edge(key, full_key(study, other), "disjoint_from")
    for partition in lineage.partitions:
        parts = [full_key(study, part) for part in partition]
        for part in parts:
            yield Edge(key, part, "partition")
        for a, b in combinations(parts, 2):
            yield Edge(a, b, "disjoint_from")
    for cover in lineage.covered_by:
        for part in cover:
            yield Edge(key, full_key(study, part), "cover")


def _covers(study: str, cohort: Cohort) -> Iterator[Cover]:
    lineage = cohort.lineage
    for groups, disjoint in ((lineage.partitions, True), (lineage.covered_by, False)):
        for group in groups:
            yield Cover(tuple(full_key(study, part) for part in group), disjoint)


def _unknown(declaring: str, edge: Edge, known: set[str]) -> Problem:
    missing = edge.a if edge.a not in known else edge.b
    return Problem("unknown", declaring, f"{declaring} refers to {missing}, which no record has")


def connected(keys: Iterable[str], pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Every key -> all keys that a chain of pairs connects it with, itself included."""
    near: dict[str, set[str]] = {key: set() for key in keys}
    for a, b in pairs:
        near[a].add(b)
        near[b].add(a)
    component: dict[str, frozenset[str]] = {}
    for key in near:
        if key in component:
            continue
        seen, queue = {key}, [key]
        for at in queue:
            queue += near[at] - seen
            seen |= near[at]
        component |= dict.fromkeys(seen, frozenset(seen))
    return component
