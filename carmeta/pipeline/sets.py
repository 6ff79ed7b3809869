"""Named sets of cohorts: compared and added up, which only cohorts of one trial can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from carmeta.config import AnalysisConfig, CohortSet
from carmeta.domain.analysis import OutcomeAnalysis
from carmeta.domain.evidence import Harmonised
from carmeta.domain.naming import names
from carmeta.domain.record import Review
from carmeta.domain.result import Fallback
from carmeta.domain.witness import about
from carmeta.domain.words import OutcomeTerm
from carmeta.harmonise import harmonise
from carmeta.lineage import full_key
from carmeta.pipeline.dependence import Trials
from carmeta.pipeline.fitting import pooled
from carmeta.pipeline.outcome import study_rows
from carmeta.pipeline.subgroups import equal_proportions


def named(config: AnalysisConfig, cohorts: Sequence[str]) -> AnalysisConfig:
    """The configuration asked for these cohorts only."""
    include = config.include.model_copy(update={"cohorts": tuple(cohorts)})
    return config.model_copy(update={"include": include})


def harmonised_set(config: AnalysisConfig, review: Review, part: CohortSet) -> Harmonised:
    """The counts of a set. What leaves it has its id; what no set names leaves the run."""
    found = harmonise(review, named(config, part.cohorts))
    wanted = set(part.cohorts)
    excluded = (
        replace(item, part=part.id) if wanted.intersection(item.keys) else item
        for item in found.excluded
    )
    return replace(found, excluded=tuple(excluded))


def kinship(trials: Trials, cohorts: Sequence[str]) -> str:
    """What cohorts (``study/cohort``) have in common, in words; empty: nothing is declared."""
    if frozenset.intersection(*(trials.lineage.wholes(key) for key in cohorts)):
        return "parts of one cohort"
    studies = (key.partition("/")[0] for key in cohorts)
    return "cohorts of one trial" if len({trials.of[study] for study in studies}) == 1 else ""


def compared_sets(
    config: AnalysisConfig,
    review: Review,
    harmonised: Sequence[Harmonised],
    tell: Callable[[str, int, int], None],
) -> Iterator[OutcomeAnalysis]:
    """Each outcome of each named set; ``harmonised`` has the counts of every set."""
    total = len(config.sets)
    trials, called = Trials.build(review), names(review.studies)
    for done, (part, one) in enumerate(zip(config.sets, harmonised, strict=True)):
        tell(part.label, done, total)
        kin = kinship(trials, part.cohorts)
        parent = _whole_of(review, part)
        whole = harmonise(review, named(config, (parent,))) if parent else Harmonised((), (), ())
        for outcome in config.outcomes:
            with about(outcome):
                lacking = dict(_lacking(one, outcome, part, called))
                term = review.words.outcome(outcome)
                analysed = _compared(config, one, whole, term, part, kin, lacking)
            if analysed is not None:
                yield analysed
    tell("compared", total, total)


def _compared(
    config: AnalysisConfig,
    harmonised: Harmonised,
    whole: Harmonised,
    term: OutcomeTerm,
    part: CohortSet,
    kin: str,
    lacking: Mapping[str, str],
) -> OutcomeAnalysis | None:
    """One outcome of a set: an exact test between its cohorts, and their sum.

    They are not a sample of studies, so no random-effects model is fitted over them. The
    total is the one that the record gives for all (``whole``), or else the sum of the parts;
    where cohorts are ``lacking``, always the sum of those that are there.
    """
    outcome = term.code
    counts = [c for c in harmonised.counts if c.outcome == outcome]
    if not counts:
        return None
    events, patients = sum(c.xi for c in counts), sum(c.ni for c in counts)
    all_of = () if lacking else whole.counts
    total = next((c for c in all_of if c.outcome == outcome and c.ni == patients), None)
    if total is None:
        total = replace(counts[0], xi=events, ni=patients, candidates=(events,))
    headline = pooled([replace(total, slab=f"{part.label}, all")], config.requests[0])
    text = _interval(kin, [count.slab for count in counts], complete=not lacking)
    headline = replace(headline, k=len(counts), fallbacks=(Fallback("single-study", text),))
    notes = [f"Without {name}, which the set names: {why}." for name, why in lacking.items()]
    if len(counts) > 1:
        notes.append(f"The rows are {kin}: they are compared and added up, not pooled.")
    if total.xi != events:
        notes.append(
            f"The parts' counts add to {events}, the printed total is {total.xi}: "
            "which patients make up the difference is not in the text."
        )
    return OutcomeAnalysis(
        term=term,
        rows=study_rows(config, counts, headline.but(weights=())),
        headline=headline,
        beside=(),
        excluded=tuple(e for e in harmonised.excluded if e.outcome == outcome),
        subgroup_tests=equal_proportions(counts, part.id),
        notes=tuple(notes),
        part=part.id,
        total=(total.xi, total.ni),
        part_label=part.label,
    )


def _lacking(
    harmonised: Harmonised, outcome: str, part: CohortSet, called: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Cohorts that the set names and that have no count of an outcome, each with the reason."""
    counted = {count.key for count in harmonised.counts if count.outcome == outcome}
    for key in part.cohorts:
        if key not in counted:
            out = [e for e in harmonised.excluded if e.outcome == outcome and key in e.keys]
            why = "; ".join(dict.fromkeys(item.reason for item in out))
            yield called[key], why or "it does not report the outcome"


def _interval(kin: str, slabs: Sequence[str], *, complete: bool) -> str:
    """Whose interval stands for the set, in words."""
    if len(slabs) == 1:
        return f"{slabs[0]} alone: its exact Clopper-Pearson interval, nothing is pooled"
    who = "all patients" if complete else f"the patients of {' and '.join(slabs)}"
    return f"{kin}: the exact Clopper-Pearson interval of {who}, nothing is pooled"


def _whole_of(review: Review, part: CohortSet) -> str:
    """The cohort that the set's cohorts partition, or nothing."""
    wanted = set(part.cohorts)
    for study in review.studies:
        for cohort in study.cohorts:
            for partition in cohort.lineage.partitions:
                if {full_key(study.id, ref) for ref in partition} == wanted:
                    return f"{study.id}/{cohort.id}"
    return ""
