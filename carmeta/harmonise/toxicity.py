"""Graded toxicity: any grade, and the highest grades, from the columns as printed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from carmeta.cells import Cell, tables
from carmeta.domain.record import Toxicity, grade_bounds
from carmeta.domain.words import OutcomeTerm
from carmeta.harmonise.counts import (
    Derived,
    Reading,
    derive,
    none,
    one_denominator,
    read,
    summed,
)


def graded(term: OutcomeTerm, cells: Sequence[Cell]) -> Iterator[Reading]:
    """Readings of an outcome by grade: printed as such, or put together from grade columns.

    Grade columns are added (3-4 and 5, say) or subtracted (any grade less 1-2) only where
    the paper counts each patient at the maximum grade; elsewhere a patient may stand in
    several columns. Columns that reach the outcome's grades and do not make it up are a
    reading without a count.
    """
    for table in tables(cells, "toxicity"):
        item = table[0].item
        if not isinstance(item, Toxicity) or table[0].event != term.event:
            continue
        direct = [cell for cell in table if grade_bounds(cell.grade) == (term.lowest, 5)]
        readings = [([cell], derive(cell)) for cell in direct]
        if not any(derived.kind is None for _, derived in readings):
            readings += _put_together(table, direct, item, term.lowest)
        for used, derived in readings:
            yield read(term.code, used, derived, definition=item.definition or "")


_Made = tuple[list[Cell], Derived]


def _put_together(
    table: Sequence[Cell], direct: Sequence[Cell], item: Toxicity, lowest: int
) -> list[_Made]:
    """What the columns give together, or why they do not."""
    rest = [c for c in table if grade_bounds(c.grade)[0] >= lowest and c not in direct]
    if item.counting == "maximum-grade":
        whole = _subtracted(table, lowest)
        found = [made for made in (_added(table, lowest), whole) if made is not None]
        usable = [made for made in found if made[1].kind is None]
        if found:
            return usable[:1] or found
    if all(cell.missing for cell in rest):
        return [] if direct else [([cell], derive(cell)) for cell in rest]
    rest = [cell for cell in rest if not cell.missing]
    listed = ", ".join(cell.grade.replace(">=", "≥").replace("<=", "≤") for cell in rest)
    wanted = "any grade" if lowest == 1 else f"grade {lowest} or higher"
    if item.counting == "maximum-grade" or len(rest) == 1:
        reason = f"only grade {listed} is printed, which does not give {wanted}"
    else:
        reason = f"grade {listed} is printed, and a patient may stand in several columns"
    return [(rest, none("incomplete", "incomplete-grades", reason))]


def _added(table: Sequence[Cell], lowest: int) -> _Made | None:
    """Disjoint columns that together cover the wanted grades."""
    start = lowest
    used: list[Cell] = []
    while start <= 5:
        step = [c for c in table if grade_bounds(c.grade)[0] == start and derive(c).kind is None]
        if not step:
            return None
        used.append(max(step, key=lambda cell: grade_bounds(cell.grade)[1]))
        start = grade_bounds(used[-1].grade)[1] + 1
    parts = [derive(cell) for cell in used]
    reason = "maximum grades add up: " + " + ".join(
        f"grade {cell.grade} {part.xi}" for cell, part in zip(used, parts, strict=True)
    )
    return used, one_denominator(used) or summed(parts, used[0].n or 0, "sum-of-grades", reason)


def _subtracted(table: Sequence[Cell], lowest: int) -> _Made | None:
    """Any grade less the grades below: the rest had a higher maximum grade."""
    by_bounds = {grade_bounds(cell.grade): cell for cell in table}
    whole, below = by_bounds.get((1, 5)), by_bounds.get((1, lowest - 1))
    if whole is None or below is None:
        return None
    used = [whole, below]
    if differ := one_denominator(used):
        return used, differ
    every, lower = derive(whole), derive(below)
    if len(every.candidates) != 1 or len(lower.candidates) != 1:
        return None
    rest = every.xi - lower.xi
    words = f"any grade {every.xi} less grade {below.grade} {lower.xi}, by maximum grade"
    if rest < 0:
        reason = f"grade {below.grade} {lower.xi} is more than any grade {every.xi}"
        return used, none("impossible", "impossible-difference", reason)
    printed = (every.derivation, lower.derivation) == ("printed", "printed")
    difference = Derived(
        (rest,), rest, "summed" if printed else "percent", "any-less-lower-grades", words
    )
    return used, difference
