"""Who shares patients with whom, and the largest set of cohorts in which nobody counts twice.

A cohort is read as a set of patients. The records declare

========================  =========================================================
``part_of: B``            A is a subset of B
``updates: B``            B, an earlier report, is a subset of A
``partitions: [[P, Q]]``  P and Q are subsets of A, disjoint, and complete
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

So if X may share patients with Y, then a part of X may too; but if only the part Q of X is
declared to share patients with Y, the part P, disjoint from Q, does not. Sharing is not
passed on: Y and Z are disjoint where each is only declared to share patients with X.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, pairwise
from typing import Literal

from carmeta.domain.record import Cohort, StudyRecord
from carmeta.errors import DataError

EdgeKind = Literal["part_of", "updates", "partition", "shares_patients_with", "disjoint_from"]


@dataclass(frozen=True, slots=True)
class Edge:
    """One declared relation: `a` is the cohort that declares it."""

    a: str
    b: str
    kind: EdgeKind


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

    def __init__(self, keys: Sequence[str], edges: Sequence[Edge], problems: Sequence[Problem]):
        self.keys = tuple(keys)
        self.edges = tuple(edges)
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
        self._component = _connected(keys, ((edge.a, edge.b) for edge in edges))
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
        for study in studies:
            for cohort in study.cohorts:
                for edge in _declared(study.id, cohort):
                    if edge.a not in known or edge.b not in known:
                        problems.append(_unknown(f"{study.id}/{cohort.id}", edge, known))
                    elif edge.a == edge.b:
                        text = f"{edge.a} is declared {_WORDS[edge.kind]} itself"
                        problems.append(Problem("self", edge.a, text))
                    else:
                        edges.append(edge)
        return cls(keys, edges, problems)

    def overlap(self, a: str, b: str) -> str | None:
        """Why a and b may have patients in common, in words; None if they are disjoint.

        Raises:
            KeyError: a or b is no cohort of the studies.
        """
        for key in (a, b):
            if key not in self:
                raise KeyError(key)
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

    def related(self, a: str, b: str) -> bool:
        """Whether anything declared connects the two: a chain of relations of any kind."""
        return b in self._component[a]

    def __contains__(self, key: object) -> bool:
        return key in self._above

    def _add(self, edge: Edge) -> None:
        if edge.kind == "part_of":
            self._step[edge.a].setdefault(edge.b, "part_of")
        elif edge.kind in ("updates", "partition"):
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
        for near in sorted(self._touches[a], key=lambda key: (key != a, key)):
            far = sorted(self._linked(near) & self._touches[b], key=lambda key: (key != b, key))
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
            if b in self._above[a] and a in self._above[b]:
                text = f"{a} and {b} are each declared to be a part of the other"
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


@dataclass(frozen=True, slots=True)
class Drop:
    """Why a cohort is not in the set: the kept cohort that holds its patients."""

    blocker: str
    reason: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Cohorts of which no two share patients, and what was left out for it."""

    kept: tuple[str, ...]
    dropped: Mapping[str, Drop]
    weight: float


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another choice within one group of overlapping cohorts, the rest unchanged."""

    group: tuple[str, ...]  # the overlapping cohorts among which the choice is
    kept: tuple[str, ...]  # those of the group that are kept instead
    selection: Selection


@dataclass(frozen=True, slots=True)
class Alternatives:
    """Other sets without shared patients, heaviest first; `complete` unless cut at a limit."""

    sets: tuple[Alternative, ...]
    complete: bool


def select_disjoint(
    weights: Mapping[str, float],
    lineage: Lineage,
    prefer: Callable[[str], float] | None = None,
    patients: Mapping[str, float] | None = None,
) -> Selection:
    """The set of cohorts without shared patients that has the greatest total weight.

    An exact maximum-weight independent set of the graph whose edges are overlaps. Of sets
    with equal weight, the one with more `patients` (if given), then the smaller sum of ranks
    by `prefer` (lower is better), then fewer cohorts, then the alphabetically first keys.

    Args:
        weights: weight above 0 of every candidate; patients, for the usual policy.
        lineage: built of all studies.
        prefer: rank of a cohort for ties.
        patients: number of patients of every candidate, where the weights are something else.

    Raises:
        DataError: a weight is not a finite number above zero.
        KeyError: a candidate is no cohort of the lineage.
    """
    overlaps = _overlaps(weights, lineage)
    rank = {key: prefer(key) if prefer else 0.0 for key in weights}
    kept: list[str] = []
    for group in _groups(overlaps):
        kept += _heaviest(group, overlaps, weights, rank, patients or weights)
    return _selection(kept, weights, lineage)


def alternatives(
    weights: Mapping[str, float],
    lineage: Lineage,
    chosen: Selection,
    limit: int = 200,
) -> Alternatives:
    """Every other maximal set without shared patients, one group of overlaps at a time.

    Args:
        weights, lineage: as given to `select_disjoint`.
        chosen: the selection that the alternatives differ from.
        limit: at most so many a group; the heaviest of those found come first.
    """
    overlaps = _overlaps(weights, lineage)
    found: list[Alternative] = []
    complete = True
    for group in _groups(overlaps):
        if len(group) == 1:
            continue
        used = tuple(key for key in chosen.kept if key in group)
        rest = [key for key in chosen.kept if key not in group]
        count = 0
        for kept in _maximal_sets(group, overlaps):
            if kept == used:
                continue
            if count == limit:
                complete = False
                break
            count += 1
            found.append(Alternative(group, kept, _selection([*rest, *kept], weights, lineage)))
    found.sort(key=lambda other: (-other.selection.weight, other.kept))
    return Alternatives(tuple(found), complete)


_WORDS: dict[EdgeKind, str] = {
    "part_of": "part of",
    "updates": "an update of",
    "partition": "to consist of",
    "shares_patients_with": "to share patients with",
    "disjoint_from": "disjoint from",
}


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


def _unknown(declaring: str, edge: Edge, known: set[str]) -> Problem:
    missing = edge.a if edge.a not in known else edge.b
    return Problem("unknown", declaring, f"{declaring} refers to {missing}, which no record has")


def _connected(keys: Iterable[str], pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
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


def _overlaps(weights: Mapping[str, float], lineage: Lineage) -> dict[str, set[str]]:
    for key, weight in weights.items():
        if not (math.isfinite(weight) and weight > 0):
            raise DataError(f"{key}: a weight must be a number above zero, not {weight}")
        if key not in lineage:
            raise KeyError(key)
    near: dict[str, set[str]] = {key: set() for key in sorted(weights)}
    for a, b in combinations(near, 2):
        if lineage.overlap(a, b) is not None:
            near[a].add(b)
            near[b].add(a)
    return near


def _groups(overlaps: Mapping[str, set[str]]) -> list[tuple[str, ...]]:
    pairs = ((a, b) for a, near in overlaps.items() for b in near)
    return sorted({tuple(sorted(group)) for group in _connected(overlaps, pairs).values()})


def _selection(kept: Iterable[str], weights: Mapping[str, float], lineage: Lineage) -> Selection:
    chosen = tuple(sorted(kept))
    heaviest_first = sorted(chosen, key=lambda key: (-weights[key], key))
    dropped: dict[str, Drop] = {}
    for key in sorted(set(weights) - set(chosen)):
        for blocker in heaviest_first:
            reason = lineage.overlap(key, blocker)
            if reason is not None:
                dropped[key] = Drop(blocker, reason)
                break
    return Selection(chosen, dropped, math.fsum(weights[key] for key in chosen))


# Weight, patients, minus ranks, minus number of cohorts; then the keys themselves.
_Score = tuple[tuple[float, float, float, int], tuple[str, ...]]


def _heaviest(
    group: tuple[str, ...],
    overlaps: Mapping[str, set[str]],
    weights: Mapping[str, float],
    rank: Mapping[str, float],
    patients: Mapping[str, float],
) -> tuple[str, ...]:
    """Maximum-weight independent set of one connected group, by branching with memory.

    Sets of vertices are bit masks. Each branch decides the vertex with most overlaps left,
    so that the rest falls apart quickly; equal rests are solved once.
    """
    bit = {key: 1 << i for i, key in enumerate(group)}
    near = [sum(bit[other] for other in overlaps[key]) for key in group]

    def score(keys: tuple[str, ...]) -> tuple[float, float, float, int]:
        return (
            math.fsum(weights[key] for key in keys),
            math.fsum(patients[key] for key in keys),
            -math.fsum(rank[key] for key in keys),
            -len(keys),
        )

    def better(one: tuple[str, ...], two: tuple[str, ...]) -> tuple[str, ...]:
        first, second = score(one), score(two)
        if first == second:
            return min(one, two)
        return one if first > second else two

    @cache
    def solve(left: int) -> tuple[str, ...]:
        if not left:
            return ()
        vertices = [i for i in range(len(group)) if left >> i & 1]
        i = max(vertices, key=lambda v: ((near[v] & left).bit_count(), -v))
        with_it = tuple(sorted((group[i], *solve(left & ~near[i] & ~(1 << i)))))
        if not near[i] & left:
            return with_it
        return better(with_it, solve(left & ~(1 << i)))

    return solve((1 << len(group)) - 1)


def _maximal_sets(
    group: tuple[str, ...], overlaps: Mapping[str, set[str]]
) -> Iterator[tuple[str, ...]]:
    """Maximal independent sets (Bron & Kerbosch 1973, with pivot, on the complement)."""
    free = {key: set(group) - overlaps[key] - {key} for key in group}

    def extend(chosen: list[str], left: set[str], done: set[str]) -> Iterator[tuple[str, ...]]:
        if not left and not done:
            yield tuple(sorted(chosen))
            return
        pivot = max(sorted(left | done), key=lambda key: len(free[key] & left))
        for key in sorted(left - free[pivot]):
            yield from extend([*chosen, key], left & free[key], done & free[key])
            left = left - {key}
            done = done | {key}

    return extend([], set(group), set())
