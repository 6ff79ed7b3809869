"""Nesting: deeper responses within shallower, grades within ranges, MRD within responders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

from carmeta.audit.cells import Cell, Context, counted, of_cell, toxicity_tables
from carmeta.audit.sums import add, tiling
from carmeta.domain.evidence import Finding
from carmeta.domain.record import Cohort, Toxicity, grade_bounds
from carmeta.vocabulary import RESPONSE_TIERS

_TIERS = tuple(RESPONSE_TIERS)  # each within the next
_GROUP_TIER = {"responders": "orr", "vgpr-or-better": "vgpr", "cr-or-better": "cr"}


def check(context: Context) -> Iterator[Finding]:
    """NST001 to NST004."""
    for key, cohort in context.cohorts.items():
        cells = context.by_cohort.get(key, ())
        yield from _responses(cells)
        for record, table in toxicity_tables(cohort, cells):
            yield from _grades(record, table)
        yield from _mrd(cohort, cells)


def _responses(cells: Sequence[Cell]) -> Iterator[Finding]:
    """NST001, by the counts that are possible and of the same patients."""
    found = [c for c in cells if c.subject in _TIERS and c.family == "proportion"]
    for a, b in combinations(found, 2):
        inner, outer = sorted((a, b), key=lambda cell: _TIERS.index(cell.subject))
        if inner.subject == outer.subject or inner.population != outer.population:
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


def _maximum_grades(outer: str, table: dict[str, Cell]) -> Iterator[Finding]:
    """NST003: columns that a patient can stand in only once, against the one that holds them."""
    total = table[outer].possible()
    if not total:
        return
    tiles = tiling(outer, list(table))
    parts = tiles or _disjoint(outer, table)
    if len(parts) < 2:
        return
    known = [possible for key in parts if (possible := table[key].possible())]
    sums = add(known)
    if sums is None or len(known) < len(parts):
        return
    if (tiles and not sums & total) or min(sums) > max(total):
        added = " + ".join(f"grade {key} {table[key].shown()}" for key in parts)
        verb = "add to" if tiles else "already make"
        message = f"{added} {verb} {counted(sums)}, grade {outer} is {table[outer].shown()}"
        yield of_cell("NST003", table[outer], message, *(table[key] for key in parts))


def _disjoint(outer: str, table: dict[str, Cell]) -> tuple[str, ...]:
    """Columns within `outer` that share no grade, the narrowest first."""
    bottom, top = grade_bounds(outer)
    chosen: list[str] = []
    used: set[int] = set()
    for key in sorted(table, key=lambda k: (grade_bounds(k)[1] - grade_bounds(k)[0], k)):
        low, high = grade_bounds(key)
        grades = set(range(low, high + 1))
        if key != outer and bottom <= low and high <= top and not grades & used:
            chosen.append(key)
            used |= grades
    return tuple(chosen)


def _mrd(cohort: Cohort, cells: Sequence[Cell]) -> Iterator[Finding]:
    """NST004: deeper levels within shallower, and the assessed within their group."""
    before = len(cohort.proportions) + len(cohort.response)
    found = [cell for cell in cells if cell.family == "mrd"]
    groups: dict[tuple[str, str, str], list[tuple[float, Cell]]] = defaultdict(list)
    for cell in found:
        record = cohort.mrd[cell.entry - before - 1]
        tier = _GROUP_TIER.get(record.among)
        for other in cells:
            own = other.family == "proportion" and other.cites == cell.cites
            if tier and other.subject == tier and own:
                yield from _assessed(cell, other)
        depth = _depth(record.depth)
        if depth is not None:
            groups[record.assay, record.among, record.population].append((depth, cell))
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
        message = (
            f"MRD was assessed in {cell.of} patients among {group.subject}, which is printed as "
            f"{group.shown()}, at most {max(size)} patients"
        )
        yield of_cell("NST004", cell, message, group)


def _depth(text: str) -> float | None:
    """A limit of detection as a fraction: ``1e-5`` or ``0.0007%``."""
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        return None
