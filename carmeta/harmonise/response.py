"""Responses: printed rates, and sums over the categories of best response."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from carmeta.cells import Cell, tables
from carmeta.domain.record import Proportion, ResponseTable
from carmeta.domain.words import OutcomeTerm
from carmeta.domain.words.terms import Ladder
from carmeta.errors import DataError
from carmeta.harmonise.counts import (
    Derived,
    Reading,
    derive,
    none,
    one_denominator,
    read,
    spread,
    summed,
)
from carmeta.rounding import joint_counts


def printed_rates(outcome: str, cells: Sequence[Cell]) -> Iterator[Reading]:
    """Readings of an outcome that the paper prints as such."""
    for cell in cells:
        if isinstance(cell.item, Proportion) and cell.name == outcome:
            definition = cell.item.definition or ""
            yield read(outcome, [cell], derive(cell), definition=definition)


def summed_categories(
    term: OutcomeTerm, cells: Sequence[Cell], without: Sequence[str] = ()
) -> Iterator[Reading]:
    """Readings summed over best-response categories, those ``without`` left out.

    Categories are disjoint by definition of best response. A category that the table does
    not list counts as none where the listed ones add to all patients; otherwise only those may
    be missing that many tables do not split from the next, which is then taken to hold them,
    and that is said.
    """
    for table in tables(cells, "response"):
        item, words = table[0].item, table[0].words
        assert isinstance(item, ResponseTable)
        ladder = words.ladder(item.criteria)
        tier = [name for name in term.tiers.get(ladder, ()) if name not in without]
        by_name = {cell.name: cell for cell in table}
        present = [by_name[name] for name in tier if name in by_name]
        if present:
            definition = " + ".join(cell.name for cell in present)
            summed_up = _sum(table, present, tier, words.ladders[ladder])
            yield read(term.code, present, summed_up, definition=definition)


def _sum(
    table: Sequence[Cell], present: Sequence[Cell], tier: Sequence[str], ladder: Ladder
) -> Derived:
    known = [cell for cell in present if cell.missing is None]
    parts = [derive(cell) for cell in present]
    failed = one_denominator(known) or next((part for part in parts if part.kind), None)
    if failed is not None:
        return failed
    joint = _joint(table, present)
    if joint is not None:
        return joint
    complete = _complete(table)
    names = [cell.name for cell in present]
    # Patients in no listed category could be in one that is not, but for those which many
    # tables do not split from the next.
    unlisted = [name for name in tier if name not in names]
    lacking = [name for name in unlisted if not ladder.categories[name].unsplit]
    if not complete and (tier[-1] not in names or lacking):
        listed = ", ".join(lacking) or tier[-1]
        reason = f"{listed} not listed, and the listed categories do not hold all patients"
        return none("incomplete", "incomplete-categories", reason)
    pairs = zip(names, parts, strict=True)
    reason = "sum of " + " + ".join(f"{name} {spread(part.candidates)}" for name, part in pairs)
    absent = [name for name in unlisted if not ladder.categories[name].former]
    if absent and complete:
        reason += f"; {', '.join(absent)} not listed, and the listed categories hold all patients"
    elif absent:
        reason += f"; {', '.join(absent)} not listed separately"
    return summed(parts, present[0].n or 0, "sum-of-categories", reason)


def _complete(table: Sequence[Cell]) -> bool:
    """Whether the listed categories hold every patient."""
    counts = [cell.count for cell in table]
    known = sum(count or 0 for count in counts)
    return None not in counts and {cell.n for cell in table} == {known}


def _joint(table: Sequence[Cell], present: Sequence[Cell]) -> Derived | None:
    """Counts of categories that are printed as percentages only, and that hold all patients.

    Together they must add to the patients, which leaves fewer counts than each on its own.
    """
    n = table[0].n
    percents = [c.percent for c in table if c.percent is not None and not c.percent.startswith("<")]
    counted = any(cell.count is not None or cell.n != n for cell in table)
    if n is None or counted or len(percents) < len(table) or len(percents) < 2:
        return None
    slack = sum(0.5 * 10.0**-cell.decimals for cell in table)
    if abs(sum(map(float, percents)) - 100.0) > slack:
        return None  # some patients are in no listed category
    try:
        ways = joint_counts(percents, n, total=n)
    except DataError:  # too many ways to list: each category on its own, then
        return None
    if not ways:
        return None
    wanted = [i for i, cell in enumerate(table) if cell in present]
    sums = sorted({sum(way[i] for i in wanted) for way in ways})
    shares = [float(percent) for percent in percents]
    nearest = min(
        ways,
        key=lambda way: sum(abs(100.0 * x / n - p) for x, p in zip(way, shares, strict=True)),
    )
    noun = "way" if len(ways) == 1 else "ways"
    reason = f"{len(ways)} {noun} in which the printed percentages of all categories add to {n}"
    return Derived(
        tuple(sums),
        sum(nearest[i] for i in wanted),
        "percent" if len(sums) == 1 else "percent-several",
        "joint-counts",
        reason,
    )
