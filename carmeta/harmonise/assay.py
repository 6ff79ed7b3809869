"""Assayed outcomes: never one number, so each reading says among whom and how deep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from carmeta.cells import Cell
from carmeta.domain.evidence import Count
from carmeta.domain.record import Assayed
from carmeta.domain.words import OutcomeTerm
from carmeta.harmonise.counts import Reading, derive, read


def assayed(outcome: str, cells: Sequence[Cell]) -> Iterator[Reading]:
    """Readings of an assayed outcome, each within its own group."""
    for cell in cells:
        item = cell.item
        if isinstance(item, Assayed) and cell.name == outcome:
            yield read(
                outcome,
                [cell],
                derive(cell),
                grading=f"{item.assay}, {item.depth}",
                definition=f"among {item.among}",
                group=item.among,
            )


def by_assay(counts: Sequence[Count], term: OutcomeTerm) -> tuple[Count, ...]:
    """Counts of one outcome; flagged where they are by different assays or depths."""
    used = dict.fromkeys(count.grading for count in counts if term.assayed)
    if len(used) < 2:
        return tuple(counts)
    flag = (
        f"{term.short} by different assays or depths ({'; '.join(sorted(used, key=str.casefold))})"
    )
    return tuple(replace(count, flags=(*count.flags, flag)) for count in counts)
