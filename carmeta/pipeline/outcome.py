"""One outcome: its rows, the headline model, what stands beside it, and what would change it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from carmeta.api import effects, probability_beyond, study_intervals
from carmeta.config import AnalysisConfig, CohortSet
from carmeta.domain.analysis import (
    Beyond,
    CandidateRange,
    OutcomeAnalysis,
    SensitivityRow,
    StudyRow,
)
from carmeta.domain.evidence import Count, Harmonised
from carmeta.domain.request import Request, request
from carmeta.domain.result import Fallback, Pooled
from carmeta.pipeline.dependence import Trials, dependence_notes, dependence_rows
from carmeta.pipeline.diagnostics import diagnose
from carmeta.pipeline.fitting import as_counts, pooled
from carmeta.pipeline.subgroups import equal_proportions, subgroup_analysis
from carmeta.sensitivity.candidates import candidate_range
from carmeta.sensitivity.leave_one_out import without_each

_WHOLE = Fallback(
    "single-study",
    "parts of one cohort: the exact Clopper-Pearson interval of all patients, nothing is pooled",
)
_CANDIDATE_RULES = {
    "nearest": "the count nearest to the printed percentage",
    "lowest": "the lowest count that fits the printed percentage",
    "highest": "the highest count that fits the printed percentage",
}


def analyse_outcome(
    config: AnalysisConfig,
    harmonised: Harmonised,
    trials: Trials,
    outcome: str,
) -> OutcomeAnalysis | None:
    """Everything about one outcome, or None where no cohort reports it."""
    counts = _ordered([c for c in harmonised.counts if c.outcome == outcome])
    if not counts:
        return None
    asks = config.requests
    headline = pooled(counts, asks[0])
    beside = tuple(pooled(counts, ask) for ask in _beside(config, asks, headline))
    rows = _rows(config, counts, headline)
    subgroups, tests = subgroup_analysis(config, counts, rows)
    sensitivity = _leave_one_out(counts, asks[0]) if config.sensitivity.leave_one_out else ()
    return OutcomeAnalysis(
        outcome=outcome,
        rows=rows,
        headline=headline,
        beside=beside,
        excluded=tuple(e for e in harmonised.excluded if e.outcome == outcome),
        subgroups=subgroups,
        subgroup_tests=tests,
        candidates=_candidates(config, counts),
        sensitivity=(
            *dependence_rows(config, trials, counts),
            *sensitivity,
            *_evidence_choices(config, harmonised, outcome),
        ),
        beyond=_beyond(config, outcome, headline),
        notes=dependence_notes(trials, counts),
        diagnostics=diagnose(rows) if config.sensitivity.influence else None,
    )


def compare_subsets(
    config: AnalysisConfig, harmonised: Harmonised, whole: Harmonised, outcome: str, part: CohortSet
) -> OutcomeAnalysis | None:
    """A named set of cohorts, parts of one cohort: compared by an exact test and added up.

    They are not a sample of studies, so no random-effects model is fitted over them. The
    total is the one that the record gives for all (``whole``), or else the sum of the parts.
    """
    counts = [c for c in harmonised.counts if c.outcome == outcome]
    if not counts:
        return None
    events, patients = sum(c.xi for c in counts), sum(c.ni for c in counts)
    total = next((c for c in whole.counts if c.outcome == outcome and c.ni == patients), None)
    if total is None:
        total = replace(counts[0], xi=events, ni=patients, candidates=(events,))
    headline = pooled([replace(total, slab=f"{part.label}, all")], config.requests[0])
    headline = replace(headline, fallbacks=(_WHOLE,))
    notes = ["The rows are parts of one cohort: they are compared and added up, not pooled."]
    if total.xi != events:
        notes.append(
            f"The parts' counts add to {events}, the printed total is {total.xi}: "
            "which patients make up the difference is not in the text."
        )
    return OutcomeAnalysis(
        outcome=outcome,
        rows=_rows(config, counts, headline.but(weights=())),
        headline=headline,
        beside=(),
        excluded=tuple(e for e in harmonised.excluded if e.outcome == outcome),
        subgroup_tests=equal_proportions(counts, part.id),
        notes=tuple(notes),
        part=part.id,
        total=(total.xi, total.ni),
        part_label=part.label,
    )


def _ordered(counts: Sequence[Count]) -> list[Count]:
    """By year and label, as a reader looks for a study."""
    return sorted(counts, key=lambda c: (c.year, c.slab))


def _beside(config: AnalysisConfig, asks: Sequence[Request], headline: Pooled) -> Sequence[Request]:
    """The other models, and for rare events the beta-binomial with its own defaults as well."""
    rare = headline.back.estimate < config.rare_below
    if rare and headline.k > 2 and not any(ask.model == "BB" for ask in asks):
        return (*asks[1:], request("one arm", {"model": "BB", "level": config.level}))
    return asks[1:]


def _rows(
    config: AnalysisConfig, counts: Sequence[Count], headline: Pooled
) -> tuple[StudyRow, ...]:
    events, patients = [c.xi for c in counts], [c.ni for c in counts]
    share, lows, highs = study_intervals(events, patients, level=config.level)
    sizes = effects(events, patients, measure="PLO")
    weights = headline.weights or (math.nan,) * len(counts)
    return tuple(
        StudyRow(
            count, float(share[i]), float(lows[i]), float(highs[i]), weights[i],
            float(sizes.yi[i]), float(sizes.vi[i]),
        )
        for i, count in enumerate(counts)
    )  # fmt: skip


def _candidates(config: AnalysisConfig, counts: Sequence[Count]) -> CandidateRange | None:
    if not config.sensitivity.candidates:
        return None
    return candidate_range(
        counts,
        lambda xi: pooled(counts, config.requests[0], xi),
        _CANDIDATE_RULES[config.counts.several],
    )


def _leave_one_out(counts: Sequence[Count], ask: Request) -> tuple[SensitivityRow, ...]:
    """The headline model without each study in turn (three studies or more)."""
    if len(counts) < 3:
        return ()
    rows = without_each(as_counts(counts), ask)
    return tuple(replace(row, label=f"without {row.label}") for row in rows)


def _evidence_choices(
    config: AnalysisConfig, harmonised: Harmonised, outcome: str
) -> tuple[SensitivityRow, ...]:
    """The headline model on other defensible counts, one choice changed at a time."""
    if not config.sensitivity.evidence:
        return ()
    return tuple(
        SensitivityRow(
            choice.kind, choice.label, pooled(_ordered(choice.counts), config.requests[0])
        )
        for choice in harmonised.choices
        if choice.outcome == outcome
    )


def _beyond(config: AnalysisConfig, outcome: str, headline: Pooled) -> tuple[Beyond, ...]:
    threshold = config.thresholds.get(outcome)  # type: ignore[call-overload]  # any text may be asked
    if threshold is None:
        return ()
    probability = probability_beyond(headline, threshold.value, direction=threshold.direction)
    if math.isnan(probability):
        return ()
    return (Beyond(threshold.value, threshold.direction, probability),)
