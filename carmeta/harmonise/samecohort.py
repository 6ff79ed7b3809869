"""A study whose cohorts differ between outcomes: said, and refitted on the same patients.

Each outcome takes the most patients it can, so of one study a union may stand for response
and one of its parts for toxicity.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from carmeta.domain.evidence import Count, Decision
from carmeta.domain.words import Vocabulary
from carmeta.harmonise.readings import Evidence
from carmeta.harmonise.solve import Solution
from carmeta.lineage import connected
from carmeta.vocabulary import ChoiceKind

Keys = tuple[str, ...]
Change = tuple[ChoiceKind, str, tuple[Count, ...]]


def same_cohorts(
    evidence: Evidence, solutions: Mapping[str, Solution]
) -> tuple[dict[str, list[Change]], tuple[Decision, ...]]:
    """By outcome, what is pooled if a study has one set of cohorts for all its outcomes."""
    changes: dict[str, list[Change]] = defaultdict(list)
    flagged = []
    for group in _differing(evidence, solutions):
        kept = {
            outcome: tuple(key for key in solution.kept if key in group)
            for outcome, solution in solutions.items()
        }
        kept = {outcome: keys for outcome, keys in kept.items() if keys}
        common = _common(kept, solutions)
        flagged.append(_decision(kept, common, solutions, evidence.words))
        same = [outcome for outcome, keys in kept.items() if keys == common]
        where = _shorts(same, evidence.words)
        for outcome, keys in kept.items():
            if common and keys != common:
                changes[outcome].append(_change(solutions[outcome], keys, common, where))
    return changes, tuple(flagged)


def _differing(evidence: Evidence, solutions: Mapping[str, Solution]) -> Iterator[frozenset[str]]:
    """Groups of different cohorts of the same patients that are pooled for some outcome."""
    pooled = list(dict.fromkeys(key for one in solutions.values() for key in one.kept))
    pairs = [(a, b) for a, b in combinations(pooled, 2) if evidence.lineage.overlap(a, b)]
    groups = dict.fromkeys(connected(pooled, pairs).values())
    yield from (group for group in groups if len(group) > 1)


def _common(kept: Mapping[str, Keys], solutions: Mapping[str, Solution]) -> Keys:
    """The set of cohorts, of those pooled, that has counts for every outcome; or none."""
    possible = [
        keys
        for keys in dict.fromkeys(kept.values())
        if all(set(keys) <= solutions[outcome].pool.candidates.keys() for outcome in kept)
    ]

    def patients(keys: Keys) -> int:
        return sum(count.ni for o in kept for count in solutions[o].counts_of(keys))

    return max(possible, key=patients, default=())


def _change(solution: Solution, keys: Keys, common: Keys, where: str) -> Change:
    instead = solution.pool.solve([*common, *(k for k in solution.kept if k not in keys)])
    label = f"{_listed(solution.counts_of(common))} instead of {_listed(solution.counts_of(keys))}"
    return "same-cohort", f"{label}, as for {where}", solution.counts_of(instead)


def _listed(counts: Sequence[Count]) -> str:
    return " + ".join(f"{count.slab}, {count.xi} of {count.ni}" for count in counts)


def _shorts(outcomes: Iterable[str], words: Vocabulary) -> str:
    return ", ".join(words.outcome(outcome).short for outcome in outcomes)


def _decision(
    kept: Mapping[str, Keys], common: Keys, solutions: Mapping[str, Solution], words: Vocabulary
) -> Decision:
    by_keys: dict[Keys, list[str]] = defaultdict(list)
    for outcome, keys in kept.items():
        by_keys[keys].append(outcome)
    said = []
    for keys, outcomes in by_keys.items():
        counts = solutions[outcomes[0]].counts_of(keys)
        names = " + ".join(f"{count.slab} ({count.ni} patients)" for count in counts)
        said.append(f"{names} for {_shorts(outcomes, words)}")
    study, _, cohort = next(iter(kept.values()))[0].partition("/")
    slabs = [count.slab for count in solutions[next(iter(kept))].counts_of(common)]
    return Decision(
        study=study,
        cohort=cohort,
        outcome="",
        action="flagged",
        rule="cohorts-differ",
        inputs=tuple(said),
        result=f"counts for all of them: {' + '.join(slabs) or 'no cohort'}",
        reason=f"each outcome takes the reports it can, and the cohorts differ: {'; '.join(said)}",
    )
