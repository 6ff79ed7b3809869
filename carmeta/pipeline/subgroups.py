"""Subgroups of the cohorts, and whether they differ."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

from scipy.special import chdtrc

from carmeta.api.subgroups import fit_groups
from carmeta.config import AnalysisConfig
from carmeta.domain.analysis import StudyRow, Subgroup
from carmeta.domain.evidence import Count
from carmeta.domain.result import Pooled, SubgroupTest
from carmeta.pipeline.fitting import as_counts, pooled
from carmeta.pooling.freeman_halton import fisher_freeman_halton
from carmeta.pooling.glmm import homogeneity_tests

NOT_REPORTED = "not reported"


def subgroup_analysis(
    config: AnalysisConfig, counts: Sequence[Count], rows: Sequence[StudyRow]
) -> tuple[tuple[Subgroup, ...], tuple[SubgroupTest, ...]]:
    """Levels of the configured moderator, each with its own pool, and the test between them.

    A level with one study is shown and not pooled.
    """
    if config.subgroup is None:
        return (), ()
    levels: dict[str, list[int]] = defaultdict(list)
    for i, count in enumerate(counts):
        levels[count.moderators.get(config.subgroup, NOT_REPORTED)].append(i)
    pools, tests = _pooled(config, counts, levels)

    def place(level: str) -> tuple[float, str]:
        """Levels of a number ascend, and who has none comes last; others are by name."""
        members = [counts[i].numbers for i in levels[level]]
        return min(numbers.get(config.subgroup or "", math.inf) for numbers in members), level

    subgroups = tuple(
        Subgroup(
            config.subgroup,
            level,
            level,
            tuple(rows[i] for i in levels[level]),
            pools.get(level) if len(levels[level]) > 1 else None,
        )
        for level in sorted(levels, key=place)
    )
    return subgroups, tests


def unvalued(counts: Sequence[Count], moderator: str) -> Iterator[str]:
    """Cohorts without a value of a moderator, each with the reason."""
    for count in counts:
        if moderator not in count.moderators:
            yield f"{count.slab} ({count.unvalued.get(moderator, NOT_REPORTED)})"


def subgroup_notes(config: AnalysisConfig, counts: Sequence[Count]) -> Iterator[str]:
    """Who has no level though one is declared, and where the levels leave nothing to do."""
    if config.subgroup is None:
        return
    moderator = config.subgroup.replace("-", " ")
    levels = {count.moderators.get(config.subgroup, NOT_REPORTED) for count in counts}
    if any(config.subgroup in count.unvalued for count in counts):
        yield f"without a value of {moderator}: {', '.join(unvalued(counts, config.subgroup))}"
    if len(levels) == 1:
        yield f"every cohort has the same {moderator} ({levels.pop()}): nothing is compared"
    elif len(levels) == len(counts) and config.subgroup_tau2 is not None:
        yield f"every cohort has its own {moderator}: subgroup_tau2 has no effect"


def _pooled(
    config: AnalysisConfig, counts: Sequence[Count], levels: dict[str, list[int]]
) -> tuple[dict[str, Pooled], tuple[SubgroupTest, ...]]:
    """The pool of each level and the test between levels."""
    assert config.subgroup is not None
    ask = config.requests[0]
    if len(levels) == 1:
        (level,) = levels
        return {level: pooled(counts, ask)}, ()
    if len(levels) == len(counts):  # no level repeats a study, so no tau² can be told apart
        return {}, equal_proportions(counts, config.subgroup)
    group = [count.moderators.get(config.subgroup, NOT_REPORTED) for count in counts]
    found, test = fit_groups(as_counts(counts), group, config.subgroup_request, config.subgroup)
    return found, (test,)


def equal_proportions(counts: Sequence[Count], moderator: str) -> tuple[SubgroupTest, ...]:
    """Whether a few cohorts share one proportion: exact, or by likelihood ratio if large."""
    if len(counts) < 2:
        return ()
    events, patients, df = [c.xi for c in counts], [c.ni for c in counts], len(counts) - 1
    p = fisher_freeman_halton(events, patients)
    if p is not None:
        return (
            SubgroupTest(
                "Fisher-Freeman-Halton", moderator, "common", math.nan, df, math.inf, p, "exact"
            ),
        )
    _, ratio = homogeneity_tests(events, patients)
    stat = float(ratio)
    name = f"chi2({df})"
    tail = float(chdtrc(df, stat))
    return (SubgroupTest(name, moderator, "common", stat, df, math.inf, tail, "likelihood ratio"),)
