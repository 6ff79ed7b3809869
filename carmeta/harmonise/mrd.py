"""MRD negativity: never one number, so each reading says among whom and how deep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from carmeta.domain.evidence import Reading
from carmeta.domain.record import Cohort
from carmeta.harmonise.counts import Denominator, derive, describe, reading

Denominators = Callable[[str, int | None], Denominator]


def negative(
    cohort: Cohort,
    outcome: str,
    denominators: Denominators,
    default_doc: str,
    among: Sequence[str],
) -> Iterator[Reading]:
    """Readings of MRD negativity among the patients that ``among`` prefers, in its order."""
    if outcome != "mrd_neg":
        return
    for group in among:
        for item in cohort.mrd:
            if item.among != group:
                continue
            denominator = denominators(item.population, item.of)
            derived = derive(item, denominator)
            if derived is None:
                continue
            cited = f" [citing {item.cites}]" if item.cites else ""
            yield reading(
                outcome=outcome,
                population=item.population,
                denominator=denominator,
                derived=derived,
                cells=(f"{item.at.label(default_doc)}: {describe(item)}{cited}",),
                attribution=item.attribution,
                grading=f"{item.assay}, {item.depth}",
                definition=f"among {group}",
                flags=(f"among {group}",),
            )
