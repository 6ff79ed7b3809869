"""Two arms against each other, beside what the paper published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from carmeta.api.assemble import not_estimable
from carmeta.api.two_arm import Arms, check_arms, effects_of, fit_arms
from carmeta.config import AnalysisConfig
from carmeta.domain.analysis import ArmPair, ContrastAnalysis
from carmeta.domain.evidence import Excluded, Harmonised
from carmeta.domain.record import Contrast, Review
from carmeta.domain.request import Request
from carmeta.domain.result import Pooled
from carmeta.domain.witness import about
from carmeta.errors import EstimationError


def compare(
    config: AnalysisConfig, review: Review, harmonised: Harmonised
) -> tuple[ContrastAnalysis, ...]:
    """Every outcome for which both arms of at least one pair have counts.

    Args:
        config: the configuration, with a comparison.
        review: the records.
        harmonised: of the arms, without the counts that have no partner.
    """
    out = []
    asks = config.contrasts()
    for outcome in config.outcomes:
        pairs = tuple(pairs_of(config, harmonised, outcome))
        if pairs:
            with about(outcome):
                pairs, results = _fitted(pairs, asks)
            published = tuple(_published(review, pairs, outcome))
            excluded = [e for e in harmonised.excluded if e.outcome == outcome]
            excluded += _uninformative(pairs, results)
            term = review.words.outcome(outcome)
            out.append(ContrastAnalysis(term, pairs, results, published, tuple(excluded)))
    _require_one(out)
    return tuple(out)


def _require_one(found: Sequence[ContrastAnalysis]) -> None:
    """Raises EstimationError where no outcome has a result on any measure."""
    results = [result for contrast in found for result in contrast.results]
    if results and not any(result.estimable for result in results):
        told = dict.fromkeys(
            f"{contrast.term.label}: {item.message}"
            for contrast in found
            for result in contrast.results
            for item in result.fallbacks
        )
        raise EstimationError("; ".join(told), hint="the risk difference (RD) can be pooled")


def _uninformative(pairs: Sequence[ArmPair], results: Sequence[Pooled]) -> Iterator[Excluded]:
    """Arms of pairs that are dropped from a measure."""
    for i, pair in enumerate(pairs):
        measures = [*dict.fromkeys(fit.measure for fit in results if i in fit.dropped)]
        arms = (pair.treatment, pair.control)
        if all(count.xi == 0 for count in arms):
            why = "no event in either arm"
        elif all(count.xi == count.ni for count in arms):
            why = "every patient has the event in both arms"
        else:
            why = "the effect does not exist"
        for count in arms if measures else ():
            reason = f"{why}: not in the {' and '.join(measures)}"
            yield Excluded.of_count(count, "no-information", reason)


def pairs_of(config: AnalysisConfig, harmonised: Harmonised, outcome: str) -> Iterator[ArmPair]:
    """The pairs of a comparison of which both arms have a count, without any effects."""
    assert config.comparison is not None
    counts = {count.key: count for count in harmonised.counts if count.outcome == outcome}
    for spec in config.comparison.pairs:
        treatment, control = counts.get(spec.treatment), counts.get(spec.control)
        if treatment is not None and control is not None:
            slab = f"{treatment.slab} v {control.slab}"
            yield ArmPair(treatment.study, slab, treatment, control)


def _fitted(
    pairs: Sequence[ArmPair], asks: Sequence[Request]
) -> tuple[tuple[ArmPair, ...], tuple[Pooled, ...]]:
    """The pairs with their own effects and weights by measure, and the pools.

    The weights are those of a measure's first model.
    """
    given = check_arms(
        [p.treatment.xi for p in pairs],
        [p.treatment.ni for p in pairs],
        [p.control.xi for p in pairs],
        [p.control.ni for p in pairs],
        [p.slab for p in pairs],
    )
    results = tuple(_fit(given, ask) for ask in asks)
    first: dict[str, tuple[Request, Pooled]] = {
        ask.measure: (ask, fit) for ask, fit in reversed([*zip(asks, results, strict=True)])
    }
    own = {measure: effects_of(given, ask) for measure, (ask, _) in first.items()}
    filled = []
    for i, pair in enumerate(pairs):
        effects = {code: back for code in own if (back := own[code][i]) is not None}
        weights = {
            code: fit.weights[i]
            for code, (_, fit) in first.items()
            if code in effects and fit.weights
        }
        filled.append(replace(pair, effects=effects, weights=weights))
    return tuple(filled), results


def _fit(given: Arms, ask: Request) -> Pooled:
    """One measure by one model; what cannot be estimated leaves the others standing."""
    try:
        return fit_arms(given, ask)
    except EstimationError as error:
        return not_estimable(ask, given.k, error)


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
