"""MRD negativity: never one number, so each reading says among whom and how deep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from carmeta.cells import Cell
from carmeta.domain.evidence import Count
from carmeta.domain.record import MrdResult
from carmeta.harmonise.counts import Reading, derive, read


def negative(outcome: str, cells: Sequence[Cell]) -> Iterator[Reading]:
    """Readings of MRD negativity, each within its own group."""
    for cell in cells:
        item = cell.item
        if isinstance(item, MrdResult) and cell.name == outcome:
            yield read(
                outcome,
                [cell],
                derive(cell),
                grading=f"{item.assay}, {item.depth}",
                definition=f"among {item.among}",
                group=item.among,
            )


def by_assay(counts: Sequence[Count]) -> tuple[Count, ...]:
    """Counts of one outcome; flagged where they are of MRD by different assays or depths."""
    used = dict.fromkeys(count.grading for count in counts if count.outcome == "mrd_neg")
    if len(used) < 2:
        return tuple(counts)
    flag = f"MRD by different assays or depths ({'; '.join(sorted(used, key=str.casefold))})"
    return tuple(replace(count, flags=(*count.flags, flag)) for count in counts)
