"""Nesting: deeper responses within shallower, grades within ranges, assays within groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

from carmeta.audit.context import Context, counted, of_cell, toxicity_tables
from carmeta.audit.sums import add, of_same_patients, tiling
from carmeta.cells import Cell
from carmeta.domain.evidence import Finding
from carmeta.domain.record import Assayed, Toxicity, grade_bounds


def check(context: Context) -> Iterator[Finding]:
    """NST001 to NST004."""
    for cells in context.fractions.values():
        yield from _responses(cells)
        for record, table in toxicity_tables(cells):
            yield from _grades(record, table)
        yield from _assays(cells)


def _responses(cells: Sequence[Cell]) -> Iterator[Finding]:
    """NST001, by the counts that are possible and of the same patients."""
    tiers = {c.subject: c.words.outcome(c.subject).categories for c in cells}
    found = [c for c in cells if c.kind == "proportion" and tiers[c.subject]]
    for a, b in combinations(found, 2):
        inner, outer = (a, b) if tiers[a.subject] < tiers[b.subject] else (b, a)
        if not tiers[inner.subject] < tiers[outer.subject] or a.population != b.population:
            continue
        if _exceeds(inner, outer):
            message = (
                f"{inner.subject} {inner.shown()} is more than {outer.subject} {outer.shown()}"
            )
            yield of_cell("NST001", inner, message, outer)


def _exceeds(inner: Cell, outer: Cell) -> bool:
    """Whether the inner number is certainly greater, as count or, failing that, percentage."""
    one, two = inner.possible(), outer.possible()
    if one and two and inner.n == outer.n:
        return min(one) > max(two)
    if inner.percent and outer.percent and "<" not in inner.percent + outer.percent:
        return float(inner.percent) > float(outer.percent) + 1.0
    return False


def _grades(record: Toxicity, table: dict[str, Cell]) -> Iterator[Finding]:
    for inner, outer in ((a, b) for a in table for b in table if a != b):
        low, high = grade_bounds(inner)
        bottom, top = grade_bounds(outer)
        inside = bottom <= low and high <= top and (low, high) != (bottom, top)
        if inside and _exceeds(table[inner], table[outer]):
            message = (
                f"grade {inner} {table[inner].shown()} is more than grade {outer} "
                f"{table[outer].shown()}"
            )
            yield of_cell("NST002", table[inner], message, table[outer])
    if record.counting == "maximum-grade":
        for outer in table:
            yield from _maximum_grades(outer, table)
        yield from _everybody(table)


def _maximum_grades(outer: str, table: dict[str, Cell]) -> Iterator[Finding]:
    """NST003: columns that a patient can stand in only once, against the one that holds them."""
    total = table[outer].possible()
    if not total:
        return
    tiles = tiling(outer, list(table))
    parts = tiles or _heaviest({k: cell for k, cell in table.items() if k != outer}, outer)
    if len(parts) < 2:
        return
    known = [possible for key in parts if (possible := table[key].possible())]
    sums = add(known)
    if sums is None or len(known) < len(parts):
        return
    if not of_same_patients([table[outer], *(table[key] for key in parts)]):
        return
    if (tiles and not sums & total) or min(sums) > max(total):
        added = " + ".join(f"grade {key} {table[key].shown()}" for key in parts)
        verb = "add to" if tiles else "already make"
        message = f"{added} {verb} {counted(sums)}, grade {outer} is {table[outer].shown()}"
        yield of_cell("NST003", table[outer], message, *(table[key] for key in parts))


def _everybody(table: dict[str, Cell]) -> Iterator[Finding]:
    """NST003 where no column for any grade is printed: against all patients."""
    for n in dict.fromkeys(cell.n for cell in table.values()):
        rows = {key: cell for key, cell in table.items() if cell.n == n}
        parts = _heaviest(rows, "any")
        least = sum(min(rows[key].possible() or {0}) for key in parts)
        if n is not None and len(parts) > 1 and least > n and "any" not in rows:
            added = " + ".join(f"grade {key} {rows[key].shown()}" for key in parts)
            others = [rows[key] for key in parts[1:]]
            message = f"{added} already make {least}, of {n} patients"
            yield of_cell("NST003", rows[parts[0]], message, *others)


def _heaviest(table: dict[str, Cell], outer: str) -> tuple[str, ...]:
    """Columns within `outer` that share no grade and surely hold the most patients."""
    bottom, top = grade_bounds(outer)
    best: dict[int, tuple[int, tuple[str, ...]]] = {top + 1: (0, ())}  # by the lowest grade
    for start in range(top, bottom - 1, -1):
        best[start] = best[start + 1]
        for key, cell in table.items():
            low, high = grade_bounds(key)
            possible = cell.possible()
            if low == start and high <= top and possible:
                events = min(possible) + best[high + 1][0]
                if events > best[start][0]:
                    best[start] = events, (key, *best[high + 1][1])
    return best[bottom][1]


def _assays(cells: Sequence[Cell]) -> Iterator[Finding]:
    """NST004: deeper levels within shallower, and the assessed within their group."""
    groups: dict[tuple[str, str, str], list[tuple[float, Cell]]] = defaultdict(list)
    for cell in cells:
        if not isinstance(cell.item, Assayed):
            continue
        tier = cell.words.groups[cell.item.among].outcome
        for other in cells:
            if (
                tier
                and other.kind == "proportion"
                and (other.name, other.cites) == (tier, cell.cites)
            ):
                yield from _assessed(cell, other)
        depth = _depth(cell.item.depth)
        if depth is not None:
            groups[cell.item.assay, cell.item.among, cell.population].append((depth, cell))
    for same in groups.values():
        for (one, a), (two, b) in combinations(same, 2):
            if one == two:
                continue
            deep, shallow = (a, b) if one < two else (b, a)
            if deep.of == shallow.of and _exceeds(deep, shallow):
                message = f"{deep.shown()} at a deeper level than {shallow.shown()}"
                yield of_cell("NST004", deep, message, shallow)


def _assessed(cell: Cell, group: Cell) -> Iterator[Finding]:
    """More patients assessed among responders than there are responders."""
    size = group.possible()
    if cell.of is not None and size and cell.of > max(size):
        short = cell.words.outcome(cell.name).short
        message = (
            f"{short} was assessed in {cell.of} patients among {group.subject}, which is "
            f"printed as {group.shown()}, at most {max(size)} patients"
        )
        yield of_cell("NST004", cell, message, group)


def _depth(text: str) -> float | None:
    """A limit of detection as a fraction: ``1e-5`` or ``0.0007%``."""
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        return None
