"""The stages in order: load, audit, harmonise, pool, vary, put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from carmeta.audit import audit
from carmeta.config import AnalysisConfig, Sensitivity, resolved
from carmeta.domain.analysis import Analysis, OutcomeAnalysis
from carmeta.domain.evidence import Finding, Harmonised
from carmeta.domain.record import Review
from carmeta.domain.witness import about, witnessing
from carmeta.pipeline.bias import risk_of_bias
from carmeta.pipeline.choices import check_choices
from carmeta.pipeline.comparison import compare
from carmeta.pipeline.counted import harmonised_for, nothing, parts_of, usable
from carmeta.pipeline.dependence import Trials
from carmeta.pipeline.outcome import analyse_outcome
from carmeta.pipeline.picture import picture
from carmeta.pipeline.provenance import provenance
from carmeta.pipeline.sets import compared_sets
from carmeta.pipeline.studies import references, summaries
from carmeta.records import Loaded, load_review

Progress = Callable[[str, int, int], None]


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
    config, review = usable(loaded, config_path)
    if not varied:
        none = dict.fromkeys(Sensitivity.model_fields, False)
        config = config.model_copy(update={"sensitivity": Sensitivity(**none)})
    check_choices(config, review, config_path)
    tell("audit", 0, 1)
    findings = tuple(_placed(finding) for finding in audit(review, loaded.sources))
    harmonised = harmonised_for(config, review)
    with witnessing() as pools:
        contrasts = compare(config, review, harmonised[0]) if config.comparison else ()
        outcomes = tuple(_pooled(config, review, harmonised, tell))
    if not outcomes and not contrasts:
        raise nothing(config, config_path, harmonised)
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
                for part, one in zip(parts_of(config), harmonised, strict=True)
                for item in one.excluded
                if (item.outcome, part) not in pooled
            )
        ),
    )


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
            analysed = analyse_outcome(config, harmonised, trials, outcome, review.words)
        if analysed is not None:
            yield analysed
    tell("pooled", total, total)


def _placed(finding: Finding) -> Finding:
    """With its file named as in the provenance, wherever the folder of records lies."""
    assert finding.mark is not None
    name = Path(finding.mark.file).name
    return replace(finding, mark=replace(finding.mark, file=f"studies/{name}"))
