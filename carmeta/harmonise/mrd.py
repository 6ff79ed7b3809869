"""MRD negativity: never one number, so each reading says among whom and how deep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from carmeta.cells import Cell
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
