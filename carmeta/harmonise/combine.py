"""The rules in order: choose one reading a cohort, drop overlaps, list what else could be."""

from __future__ import annotations

from collections.abc import Iterator

from carmeta.domain.evidence import Count, Decision, EvidenceChoice, Excluded, Harmonised
from carmeta.domain.record import Cohort, Review, StudyRecord
from carmeta.harmonise.choose import choose
from carmeta.harmonise.overlap import non_overlapping, other_choices, parts_of_pooled
from carmeta.harmonise.rules import Rules
from carmeta.harmonise.whatif import what_if
from carmeta.lineage import Lineage


def harmonise(review: Review, rules: Rules) -> Harmonised:
    """Counts for every outcome that the rules ask for.

    Each count, exclusion and choice comes with a `Decision` that names the printed cells.
    """
    lineage = Lineage.build(review.studies)
    counts: list[Count] = []
    decisions: list[Decision] = []
    excluded: list[Excluded] = []
    choices: list[EvidenceChoice] = []
    for outcome in rules.outcomes:
        one = _one_outcome(review, rules, lineage, outcome)
        counts += one.counts
        decisions += one.decisions
        excluded += one.excluded
        choices += one.choices
    return Harmonised(tuple(counts), tuple(decisions), tuple(excluded), tuple(choices))


def _one_outcome(review: Review, rules: Rules, lineage: Lineage, outcome: str) -> Harmonised:
    found: list[Count] = []
    decisions: list[Decision] = []
    excluded: list[Excluded] = []
    others: dict[str, tuple[Count, ...]] = {}
    cohorts: dict[str, Cohort] = {}
    for study, cohort in _eligible(review, rules):
        choice = choose(review, study, cohort, outcome, rules)
        if choice is None:
            continue
        decisions += choice.decisions
        if choice.excluded:
            excluded.append(choice.excluded)
        if choice.count:
            found.append(choice.count)
            others[choice.count.key] = choice.others
            cohorts[choice.count.key] = cohort
    kept, dropped, out = non_overlapping(found, lineage, rules.overlap)
    choices = [
        *other_choices(found, lineage, rules.overlap),
        *what_if(kept, others, cohorts),
    ]
    return Harmonised(
        tuple(kept),
        (*decisions, *dropped),
        tuple(parts_of_pooled([*excluded, *out], kept, lineage)),
        tuple(choices),
    )


def _eligible(review: Review, rules: Rules) -> Iterator[tuple[StudyRecord, Cohort]]:
    for study in sorted(review.studies, key=lambda s: s.id):
        if study.secondary and not rules.secondary:
            continue
        if rules.studies and study.id not in rules.studies:
            continue
        for cohort in study.cohorts:
            key = f"{study.id}/{cohort.id}"
            wanted = (
                cohort.role in rules.roles
                and cohort.unit in rules.units
                and (not rules.line or cohort.line == rules.line)
                and (not rules.products or cohort.product in rules.products)
                and (not rules.cohorts or key in rules.cohorts)
            )
            if wanted:
                yield study, cohort
