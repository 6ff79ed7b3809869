"""The picture of lineage: cohorts of the analysis and the relations their records declare."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from carmeta.domain.analysis import LineageEdge, LineageNode
from carmeta.domain.evidence import Harmonised
from carmeta.domain.naming import names
from carmeta.domain.record import Cohort, Review
from carmeta.domain.words import Vocabulary
from carmeta.lineage import Lineage
from carmeta.vocabulary import OUTSIDE


def picture(
    review: Review, harmonised: Sequence[Harmonised]
) -> tuple[tuple[LineageNode, ...], tuple[LineageEdge, ...]]:
    """Every cohort that was a candidate, and the declared relations among them."""
    pooled: dict[str, set[str]] = defaultdict(set)
    keys: set[str] = set()
    for one in harmonised:
        for count in one.counts:
            pooled[count.key].add(count.outcome)
        keys |= {count.key for count in one.counts}
        keys |= {key for e in one.excluded if e.kind not in OUTSIDE for key in e.keys}
    called = names(review.studies)
    nodes = tuple(
        LineageNode(
            f"{study.id}/{cohort.id}",
            study.id,
            called[f"{study.id}/{cohort.id}"],
            _size(cohort, review.words),
            tuple(
                review.words.outcome(code).short
                for code in sorted(pooled[f"{study.id}/{cohort.id}"])
            ),
        )
        for study in review.studies
        for cohort in study.cohorts
        if f"{study.id}/{cohort.id}" in keys
    )
    edges = dict.fromkeys(
        LineageEdge(edge.a, edge.b, edge.kind)
        for edge in Lineage.build(review.studies).edges
        if edge.a in keys and edge.b in keys
    )
    return nodes, tuple(edges)


def _size(cohort: Cohort, words: Vocabulary) -> int | None:
    """Patients of the usual population, or else of the largest."""
    for name in words.whole_populations:
        if name in cohort.populations:
            return cohort.populations[name].n
    return max((size.n for size in cohort.populations.values()), default=None)
