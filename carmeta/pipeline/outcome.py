"""One outcome: its rows, the headline model, what stands beside it, and what would change it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from carmeta.api import probability_beyond, study_intervals
from carmeta.config import AnalysisConfig
from carmeta.domain.analysis import (
    LEAST_TO_LEAVE_ONE_OUT,
    Beyond,
    CandidateRange,
    OutcomeAnalysis,
    SensitivityRow,
    StudyRow,
)
from carmeta.domain.evidence import Count, Harmonised
from carmeta.domain.request import Request, request
from carmeta.domain.result import Pooled
from carmeta.domain.words import Vocabulary
from carmeta.measures import effect_sizes
from carmeta.pipeline.dependence import Trials, dependence_notes, dependence_rows
from carmeta.pipeline.diagnostics import diagnose
from carmeta.pipeline.fitting import as_counts, pooled
from carmeta.pipeline.regression import meta_regressions
from carmeta.pipeline.subgroups import subgroup_analysis, subgroup_notes
from carmeta.sensitivity.candidates import candidate_range
from carmeta.sensitivity.leave_one_out import without_each

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
    words: Vocabulary,
) -> OutcomeAnalysis | None:
    """Everything about one outcome, or None where no cohort reports it."""
    counts = _ordered([c for c in harmonised.counts if c.outcome == outcome])
    if not counts:
        return None
    asks = config.requests
    headline = pooled(counts, asks[0])
    beside = tuple(pooled(counts, ask) for ask in _beside(config, asks, headline))
    rows = study_rows(config, counts, headline)
    subgroups, tests = subgroup_analysis(config, counts, rows)
    sensitivity = _leave_one_out(counts, asks[0]) if config.sensitivity.leave_one_out else ()
    return OutcomeAnalysis(
        term=words.outcome(outcome),
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
        notes=(*dependence_notes(trials, counts), *subgroup_notes(config, counts)),
        diagnostics=diagnose(rows, asks) if config.sensitivity.influence else None,
        regressions=tuple(meta_regressions(config, rows, words)),
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


def study_rows(
    config: AnalysisConfig, counts: Sequence[Count], headline: Pooled
) -> tuple[StudyRow, ...]:
    """One row a count with its exact interval, its effect and its weight in the headline."""
    events, patients = [c.xi for c in counts], [c.ni for c in counts]
    share, lows, highs = study_intervals(events, patients, level=config.level)
    yi, vi = effect_sizes(events, patients, measure=headline.measure)
    weights = headline.weights or (math.nan,) * len(counts)
    return tuple(
        StudyRow(
            count, float(share[i]), float(lows[i]), float(highs[i]), weights[i],
            float(yi[i]), float(vi[i]),
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
    if len(counts) < LEAST_TO_LEAVE_ONE_OUT:
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
    threshold = config.thresholds.get(outcome)
    if threshold is None:
        return ()
    probability = probability_beyond(headline, threshold.value, direction=threshold.direction)
    return (Beyond(threshold.value, threshold.direction, probability),)
