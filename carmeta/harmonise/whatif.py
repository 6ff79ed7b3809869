"""Other defensible counts for the same outcome: what a sensitivity run would pool instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, get_args

from carmeta.domain.evidence import Count, Decision, EvidenceChoice
from carmeta.domain.record import Cohort
from carmeta.domain.rules import EvidenceRules
from carmeta.domain.words import Vocabulary
from carmeta.harmonise.readings import Evidence
from carmeta.harmonise.samecohort import same_cohorts
from carmeta.harmonise.solve import Solution, solve
from carmeta.lineage import Selection, alternatives
from carmeta.vocabulary import (
    OVERLAP_WORDS,
    ChoiceKind,
    OverlapPolicy,
)

# Heaviest other choices shown for each group of overlapping cohorts.
_SHOWN_A_GROUP: Final = 2
# Of more counts that fit a percentage, the lowest and the highest are tried.
_TRIED: Final = 10

Change = tuple[ChoiceKind, str, tuple[Count, ...]]


def what_if(
    evidence: Evidence, solutions: Mapping[str, Solution]
) -> tuple[tuple[EvidenceChoice, ...], tuple[Decision, ...]]:
    """Every other set of counts, no two alike and none as pooled; and what is to be flagged.

    Args:
        evidence: of the review.
        solutions: what is pooled, by outcome.
    """
    alike, flagged = same_cohorts(evidence, solutions)
    found: list[EvidenceChoice] = []
    for outcome, solution in solutions.items():
        seen = {_identity(solution.counts)}
        for kind, label, counts in (
            *alike.get(outcome, ()),  # first: the refit that stands beside the headline
            *_other_sets(evidence, solution),
            *_one_count(evidence, solution),
            *_other_rules(evidence, solution),
        ):
            if counts and _identity(counts) not in seen:
                seen.add(_identity(counts))
                found.append(EvidenceChoice(outcome, kind, label, counts))
    return tuple(found), flagged


def _identity(counts: Sequence[Count]) -> frozenset[tuple[str, int, int]]:
    return frozenset((count.key, count.xi, count.ni) for count in counts)


def _other_sets(evidence: Evidence, solution: Solution) -> Iterator[Change]:
    """The heaviest other sets without shared patients, one group of overlaps at a time.

    Parts of a cohort that has a count of its own are no other evidence, other reports are.
    """
    lineage, candidates = evidence.lineage, solution.pool.candidates
    weights = {
        key: float(candidate.count.ni)
        for key, candidate in candidates.items()
        if key in solution.kept
        or all(lineage.grown(key, w) for w in lineage.wholes(key) & candidates.keys())
    }
    chosen = Selection(solution.kept, {}, sum(weights[key] for key in solution.kept))
    shown: dict[tuple[str, ...], int] = {}
    for other in alternatives(weights, lineage, chosen).sets:
        shown[other.group] = shown.get(other.group, 0) + 1
        if shown[other.group] > _SHOWN_A_GROUP:
            continue
        used = [key for key in solution.kept if key in other.group]
        updated = solution.pool.updated
        report = any(updated(a, b) or updated(b, a) for a in used for b in other.kept)
        label = f"{_names(solution, other.kept)} instead of {_names(solution, used)}"
        kept = [key for key in candidates if key in other.selection.kept]
        yield "report" if report else "overlap", label, solution.counts_of(kept)


def _names(solution: Solution, keys: Sequence[str]) -> str:
    slabs = [count.slab for count in solution.counts_of(keys)]
    return " + ".join(slabs) if len(slabs) <= 3 else f"{len(slabs)} cohorts, among them {slabs[0]}"


def _one_count(evidence: Evidence, solution: Solution) -> Iterator[Change]:
    """One count changed at a time."""
    for key, count in zip(solution.kept, solution.counts, strict=True):
        for kind, label, changed in (
            *_candidates(count),
            *_readings(count, solution.choices[key].others),
            *_missing(count, evidence.cohort(key), evidence.words),
        ):
            yield kind, label, tuple(changed if c is count else c for c in solution.counts)


def _candidates(count: Count) -> Iterator[tuple[ChoiceKind, str, Count]]:
    every = count.candidates
    for value in every if len(every) <= _TRIED else (every[0], every[-1]):
        if value != count.xi:
            label = f"{count.slab}: {value} events instead of {count.xi}"
            yield "count", label, replace(count, xi=value)


def _readings(count: Count, others: Sequence[Count]) -> Iterator[tuple[ChoiceKind, str, Count]]:
    for other in others:
        same = other.population == count.population
        label = f"{count.slab}: {other.xi} of {other.ni} ({other.population}) "
        label += f"instead of {count.xi} of {count.ni} ({count.population})"
        yield "reading" if same else "population", label, other


def _missing(
    count: Count, cohort: Cohort, words: Vocabulary
) -> Iterator[tuple[ChoiceKind, str, Count]]:
    """Patients treated but not assessable, all without or all with an event."""
    if not words.populations[count.population].varies:
        return
    sizes = [
        size.n
        for name, size in cohort.populations.items()
        if name in words.whole_populations and size.n > count.ni
    ]
    if not sizes:
        return
    whole = min(sizes)
    without = whole - count.ni
    for xi, said in ((count.xi, "without an event"), (count.xi + without, "with an event")):
        changed = replace(count, xi=xi, ni=whole, candidates=(xi,))
        yield "missing", f"{count.slab}: {without} not assessable counted {said}", changed


def _other_rules(evidence: Evidence, solution: Solution) -> Iterator[Change]:
    """What is pooled under changed rules, with the overlap solved again."""
    for kind, label, rules in _changed(solution.rules, solution.outcome, evidence.words):
        counts = solve(evidence, rules, solution.outcome).counts
        noun = "cohort" if len(counts) == 1 else "cohorts"
        yield kind, f"{label}: {len(counts)} {noun}", counts


def _changed(
    rules: EvidenceRules, outcome: str, words: Vocabulary
) -> Iterator[tuple[ChoiceKind, str, EvidenceRules]]:
    """The what-ifs: one rule changed at a time. A new one is one more line here."""
    for several in ("lowest", "highest"):
        label = f"the {several} count wherever several fit"
        yield "count", label, _with(rules, "counts", several=several)
    label = "without numbers whose column was inferred"
    yield "inferred", label, _with(rules, "counts", inferred=False)
    by_count = tuple(a for a in rules.counts.accept if not a.startswith("percent"))
    label = "only counts that stand in the papers"
    yield "printed", label, _with(rules, "counts", accept=by_count, inferred=False)
    order = rules.order(outcome)
    for first in dict.fromkeys((*words.usual("populations"), *words.populations)):
        label = f"{words.population(first)} preferred wherever it is reported"
        preferred = {outcome: tuple(dict.fromkeys((first, *order)))}
        by_outcome = rules.populations.by_outcome | preferred
        yield "population", label, _with(rules, "populations", by_outcome=by_outcome)
    policy: OverlapPolicy
    for policy in get_args(OverlapPolicy):
        label = f"of cohorts that share patients, {OVERLAP_WORDS[policy]}"
        yield "overlap", label, _with(rules, "overlap", policy=policy)


def _with(rules: EvidenceRules, section: str, **values: object) -> EvidenceRules:
    changed = getattr(rules, section).model_copy(update=values)
    return rules.model_copy(update={section: changed})
