"""Two arms against each other, beside what the paper published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from carmeta.api.two_arm import pool_two_arm
from carmeta.config import AnalysisConfig, ArmPairSpec
from carmeta.domain.analysis import ArmPair, ContrastAnalysis
from carmeta.domain.evidence import Count, Harmonised
from carmeta.domain.record import Contrast, Review
from carmeta.domain.result import Pooled
from carmeta.errors import ConfigError


def compare(
    config: AnalysisConfig, review: Review, harmonised: Harmonised
) -> tuple[ContrastAnalysis, ...]:
    """Every outcome for which both arms of at least one pair have counts."""
    out = []
    for outcome in config.outcomes:
        pairs = tuple(_pairs(config, harmonised, outcome))
        if pairs:
            results = tuple(_results(config, pairs))
            published = tuple(_published(review, pairs, outcome))
            out.append(ContrastAnalysis(outcome, pairs, results, published))
    return tuple(out)


def _pairs(config: AnalysisConfig, harmonised: Harmonised, outcome: str) -> Iterator[ArmPair]:
    assert config.comparison is not None
    counts = {count.key: count for count in harmonised.counts if count.outcome == outcome}
    for spec in config.comparison.pairs:
        _refuse_shared(harmonised, outcome, spec)
        treatment, control = counts.get(spec.treatment), counts.get(spec.control)
        if treatment is not None and control is not None:
            slab = f"{treatment.slab} v {control.slab}"
            yield ArmPair(treatment.study, slab, treatment, control)


def _refuse_shared(harmonised: Harmonised, outcome: str, spec: ArmPairSpec) -> None:
    """Two arms of a comparison may not share patients.

    Raises:
        ConfigError: if one of them was dropped because it may.
    """
    for item in harmonised.excluded:
        key = f"{item.study}/{item.cohort}"
        if item.outcome == outcome and item.kind == "overlap" and key in (
            spec.treatment, spec.control,
        ):  # fmt: skip
            raise ConfigError(
                f"{spec.treatment} and {spec.control} cannot be compared for {outcome}: {key} "
                f"{item.reason}",
                hint="declare the arms 'disjoint_from' each other in the record's lineage",
            )


def _results(config: AnalysisConfig, pairs: Sequence[ArmPair]) -> Iterator[Pooled]:
    assert config.comparison is not None
    treatment, control = [p.treatment for p in pairs], [p.control for p in pairs]
    for measure in config.comparison.measures:
        yield pool_two_arm(
            _events(treatment),
            _patients(treatment),
            _events(control),
            _patients(control),
            measure=measure,
            level=config.level,
            slab=[p.slab for p in pairs],
        )


def _events(counts: Sequence[Count]) -> list[int]:
    return [count.xi for count in counts]


def _patients(counts: Sequence[Count]) -> list[int]:
    return [count.ni for count in counts]


def _published(review: Review, pairs: Sequence[ArmPair], outcome: str) -> Iterator[str]:
    wanted = {(pair.treatment.key, pair.control.key) for pair in pairs}
    for study in review.studies:
        for contrast in study.contrasts:
            key = (_key(study.id, contrast.treatment), _key(study.id, contrast.control))
            if contrast.outcome == outcome and key in wanted:
                yield _in_words(contrast, study.default_doc)


def _key(study: str, ref: str) -> str:
    return ref if "/" in ref else f"{study}/{ref}"


def _in_words(contrast: Contrast, default_doc: str) -> str:
    text = f"{contrast.measure} {contrast.estimate}"
    if contrast.ci:
        text += f" ({contrast.ci.level}% CI {contrast.ci.lb} to {contrast.ci.ub})"
    if contrast.method:
        text += f", {contrast.method}"
    return f"{text} [{contrast.at.label(default_doc)}]"
