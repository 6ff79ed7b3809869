"""MRD negativity: never one number, so each reading says among whom and how deep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from carmeta.domain.evidence import Reading
from carmeta.domain.record import Cohort
from carmeta.harmonise.counts import Denominator, printed_cell

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
            found = printed_cell(
                item,
                outcome,
                denominators(item.population, item.of),
                default_doc,
                grading=f"{item.assay}, {item.depth}",
                definition=f"among {group}",
                flags=(f"among {group}",),
            )
            if found is not None:
                yield found
