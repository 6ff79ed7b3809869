"""The stages in order: load, audit, harmonise, pool, vary, put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from carmeta.audit import audit
from carmeta.config import AnalysisConfig, Sensitivity, load_config, resolved
from carmeta.domain.analysis import Analysis, OutcomeAnalysis
from carmeta.domain.evidence import Finding, Harmonised
from carmeta.domain.record import Review
from carmeta.domain.witness import about, witnessing
from carmeta.errors import ConfigError, RecordError
from carmeta.harmonise import harmonise, paired
from carmeta.pipeline.bias import risk_of_bias
from carmeta.pipeline.choices import check_choices
from carmeta.pipeline.comparison import compare
from carmeta.pipeline.dependence import Trials
from carmeta.pipeline.outcome import analyse_outcome
from carmeta.pipeline.picture import picture
from carmeta.pipeline.provenance import provenance
from carmeta.pipeline.sets import compared_sets, harmonised_set, named
from carmeta.pipeline.studies import references, summaries
from carmeta.records import Loaded, load_review
from carmeta.vocabulary import OUTSIDE

Progress = Callable[[str, int, int], None]
_NAMED = 10  # cohorts that are named where nothing at all is pooled


def run(
    config_path: Path,
    *,
    studies: Path,
    progress: Progress | None = None,
    loaded: Loaded | None = None,
    varied: bool = True,
) -> Analysis:
    """Run the analysis that a configuration describes.

    Args:
        config_path: the configuration file.
        studies: the folder of records.
        loaded: what was read of that folder, by a caller who needs it as well.
        progress: called as ``progress(what, done, total)`` between the stages.
        varied: False leaves out the refits, for a caller who shows none.

    Raises:
        ConfigError: if the configuration is not valid or selects nothing.
        RecordError: if a record is not valid; carries every diagnostic.
        DataError: if counts cannot be pooled.
    """
    tell = progress or (lambda what, done, total: None)
    loaded = loaded or load_review(studies)
    if loaded.words.words is None:
        raise _unusable(loaded)
    config = load_config(config_path, loaded.words.words)
    if not varied:
        none = dict.fromkeys(Sensitivity.model_fields, False)
        config = config.model_copy(update={"sensitivity": Sensitivity(**none)})
    review = _usable(loaded)
    check_choices(config, review, config_path)
    tell("audit", 0, 1)
    findings = tuple(_placed(finding) for finding in audit(review, loaded.sources))
    harmonised = _harmonised(config, review)
    with witnessing() as pools:
        contrasts = compare(config, review, harmonised[0]) if config.comparison else ()
        outcomes = tuple(_pooled(config, review, harmonised, tell))
    if not outcomes and not contrasts:
        raise _nothing(config, config_path, harmonised)
    counts = [count for one in harmonised for count in one.counts]
    used = frozenset(count.study for count in counts)
    pooled = {(one.outcome, one.part) for one in outcomes}
    pooled |= {(one.outcome, "") for one in contrasts}
    nodes, edges = picture(review, harmonised)
    return Analysis(
        name=config.name,
        title=config.title,
        words=review.words,
        config=resolved(config),
        outcomes=outcomes,
        contrasts=contrasts,
        decisions=tuple(dict.fromkeys(d for one in harmonised for d in one.decisions)),
        findings=findings,
        studies=summaries(review, counts),
        references=references(review, used),
        provenance=provenance(config_path, studies, loaded.words.files),
        notes=(config.question,) if config.question else (),
        lineage_nodes=nodes,
        lineage_edges=edges,
        bias=risk_of_bias(review, used),
        iv_pools=tuple(pools),
        not_pooled=tuple(
            dict.fromkeys(
                item
                for part, one in zip(_parts(config), harmonised, strict=True)
                for item in one.excluded
                if (item.outcome, part) not in pooled
            )
        ),
    )


def _nothing(config: AnalysisConfig, path: Path, harmonised: Sequence[Harmonised]) -> ConfigError:
    """That nothing is pooled, with whatever was left out and why."""
    out = sorted((e for one in harmonised for e in one.excluded), key=lambda e: e.kind in OUTSIDE)
    said = dict.fromkeys(f"{'/'.join(filter(None, (e.study, e.cohort)))}: {e.reason}" for e in out)
    listed = [*said][:_NAMED]
    more = [f"and {len(said) - _NAMED} more"] if len(said) > _NAMED else []
    return ConfigError(
        f"{path}: no cohort reports any of the outcomes {', '.join(config.outcomes)} "
        "in the way that was asked for",
        hint="; ".join((*listed, *more)) or "see 'carmeta studies' for what the records hold",
    )


def _harmonised(config: AnalysisConfig, review: Review) -> list[Harmonised]:
    """The counts that the question is about: of each set, of the arms, or of all cohorts."""
    if config.comparison:
        pairs = [(pair.treatment, pair.control) for pair in config.comparison.pairs]
        arms = [arm for pair in pairs for arm in pair]
        return [paired(review, harmonise(review, named(config, arms)), pairs)]
    if config.sets:
        return [harmonised_set(config, review, part) for part in config.sets]
    return [harmonise(review, config)]


def _parts(config: AnalysisConfig) -> list[str]:
    """Ids of the sets of cohorts, in the order of what is harmonised."""
    return [part.id for part in config.sets] or [""]


def _pooled(
    config: AnalysisConfig, review: Review, harmonised: Sequence[Harmonised], tell: Progress
) -> Iterator[OutcomeAnalysis]:
    if config.sets:
        yield from compared_sets(config, review, harmonised, tell)
    elif not config.comparison:
        yield from _outcomes(config, review, harmonised[0], tell)


def _outcomes(
    config: AnalysisConfig, review: Review, harmonised: Harmonised, tell: Progress
) -> Iterator[OutcomeAnalysis]:
    """Each outcome that any cohort reports."""
    trials = Trials.build(review)
    total = len(config.outcomes)
    for done, outcome in enumerate(config.outcomes):
        tell(f"pooling {outcome}", done, total)
        with about(outcome):
            analysed = analyse_outcome(config, harmonised, trials, review.words.outcome(outcome))
        if analysed is not None:
            yield analysed
    tell("pooled", total, total)


def _placed(finding: Finding) -> Finding:
    """With its file named as in the provenance, wherever the folder of records lies."""
    assert finding.mark is not None
    name = Path(finding.mark.file).name
    return replace(finding, mark=replace(finding.mark, file=f"studies/{name}"))


def _usable(loaded: Loaded) -> Review:
    if loaded.review is None:
        raise _unusable(loaded)
    return loaded.review


def _unusable(loaded: Loaded) -> RecordError:
    errors = [d for d in loaded.diagnostics if d.severity == "error"]
    noun = "problem" if len(errors) == 1 else "problems"
    return RecordError(f"{len(errors)} {noun} in the records", diagnostics=errors)
