"""The largest set of cohorts in which nobody counts twice, and the other such sets."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations

from carmeta.errors import DataError
from carmeta.lineage.graph import Lineage, connected


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
    return sorted({tuple(sorted(group)) for group in connected(overlaps, pairs).values()})


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
