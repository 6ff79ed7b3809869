"""Denominators: counts within them, populations within each other, parts within wholes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from carmeta.audit.context import Context, of_cell, what
from carmeta.cells import Cell
from carmeta.domain.evidence import Finding
from carmeta.domain.record import Assayed
from carmeta.domain.words import Vocabulary

# A number of patients in a heading: Ide-cel (N = 254).
_HEADING: Final = re.compile(r"\(\s*[Nn]\s*=\s*(\d+)\s*\)")


def check(context: Context) -> Iterator[Finding]:
    """POP001 to POP003, POP005 and LIN003."""
    for key, cells in context.fractions.items():
        for cell in cells:
            yield from _count(cell)
            yield from _denominator(context, key, cell)
            yield from _heading(cell)
        yield from _nested(context.sizes(key), context.words)
        for whole in sorted(context.lineage.wholes(key)):
            yield from _part(context, key, whole)


def _count(cell: Cell) -> Iterator[Finding]:
    n = max(cell.ns, default=None)
    if cell.count is not None and n is not None and cell.count > n:
        yield of_cell("POP001", cell, f"{cell.count} of {n} patients")


def _denominator(context: Context, key: str, cell: Cell) -> Iterator[Finding]:
    """POP002: the denominator printed with a number against the population it is filed under.

    Who is in some differs from outcome to outcome, so there only a denominator beyond all
    populations is wrong. A characteristic may also be a share of the cohort that holds this.
    """
    sizes = {name: size.count or 0 for name, size in context.sizes(key).items()}
    if cell.of is None or not sizes:
        return
    of_group = isinstance(cell.item, Assayed) and cell.words.is_part(cell.item.among)
    if cell.kind == "characteristic" or not cell.population or of_group or _varies(cell):
        of_whole = any(
            size.count == cell.of
            for whole in context.lineage.wholes(key)
            for size in context.sizes(whole).values()
        )
        if cell.of > max(sizes.values()) and not (of_whole and cell.kind == "characteristic"):
            message = f"a denominator of {cell.of} in a cohort of {max(sizes.values())} patients"
            yield of_cell("POP002", cell, message)
        return
    expected = sizes.get(cell.population)
    if expected is None or cell.of == expected:
        return
    fitting = [cell.words.population(name) for name, n in sizes.items() if n == cell.of]
    whose = f"; {cell.of} is the population {' or '.join(fitting)}" if fitting else ""
    message = f"divided by {cell.of}, but the population {cell.population} has {expected}{whose}"
    yield of_cell("POP002", cell, message)


def _heading(cell: Cell) -> Iterator[Finding]:
    """POP005: the number of patients in the heading of the cell's column or row."""
    if cell.missing is not None or not cell.ns or _varies(cell):
        return
    for heading in (cell.at.column, cell.at.row):
        found = _HEADING.search(heading or "")
        if found and int(found[1]) not in cell.ns:
            filed = f"the population {cell.population}" if cell.of is None else "the denominator"
            message = f"the heading gives {found[1]} patients, {filed} has {cell.ns[0]}"
            yield of_cell("POP005", cell, message)
            return


def _varies(cell: Cell) -> bool:
    """Whether who is in the cell's population differs from outcome to outcome."""
    known = cell.words.populations.get(cell.population)
    return known is not None and known.varies


def _nested(sizes: Mapping[str, Cell], words: Vocabulary) -> Iterator[Finding]:
    """POP003: a population within the one that includes it."""
    known = words.populations
    pairs = [(a, b) for a in sizes for b in known[a].within if b in sizes]
    others = [name for name in sizes if not known[name].varies]
    if others:
        largest = max(others, key=lambda name: sizes[name].count or 0)
        pairs += [(name, largest) for name in sizes if known[name].varies]
    for small, large in pairs:
        inner, outer = sizes[small], sizes[large]
        if (inner.count or 0) > (outer.count or 0):
            message = (
                f"{inner.count} {words.population(small)}, but {outer.count} "
                f"{words.population(large)}"
            )
            yield of_cell("POP003", inner, message, outer)


def _part(context: Context, key: str, whole: str) -> Iterator[Finding]:
    """LIN003: a part against the cohort that holds it, in patients and in events."""
    sizes, grown = context.sizes(whole), context.lineage.grown(key, whole)
    relation = f"in the later report {whole}" if grown else f"part of {whole} with"
    for population, size in context.sizes(key).items():
        other = sizes.get(population)
        if grown and context.words.populations[population].varies:
            continue  # who is in it is another matter at each report
        if other is not None and (size.count or 0) > (other.count or 0):
            message = f"{size.count} patients ({population}), {relation} {other.count}"
            yield of_cell("LIN003", size, message, other, subject=f"{population} n")
    added = any(
        key == piece or piece in context.lineage.wholes(key)
        for partition in context.cells.cohorts[whole].lineage.partitions
        for piece in (context.cells.resolve(whole, part) for part in partition)
    )
    same: dict[object, list[Cell]] = defaultdict(list)
    for cell in context.fractions[whole]:
        same[what(cell)].append(cell)
    for cell in context.fractions[key]:
        for other in same[what(cell)]:
            yield from _events(cell, other, whole, grown, added)


def _events(cell: Cell, whole: Cell, key: str, grown: bool, added: bool) -> Iterator[Finding]:
    """Events of a part within those of the whole; and, at one time, so the rest.

    The rest is left to SUM002 where the part is `added` up with others.

    An earlier report of a growing cohort is only held to its events: responses can still
    deepen and late events be added, but none is lost. Categories of best response move, so
    they are not compared with a later report.
    """
    a, b = cell.possible(), whole.possible()
    if not a or not b or (grown and cell.kind in ("response", "assayed", "characteristic")):
        return
    if min(a) > max(b):
        relation = f"in the later report {key}" if grown else f"part of {key} with"
        message = f"{cell.shown()}, {relation} {whole.shown()}"
        yield of_cell("LIN003", cell, message, whole)
    elif not (grown or added or cell.kind == "characteristic") and cell.n and whole.n:
        rest, most = cell.n - max(a), whole.n - min(b)
        if rest > most:
            message = (
                f"{rest} of {cell.n} without it, part of {key} in which {most} of {whole.n} are "
                "without it"
            )
            yield of_cell("LIN003", cell, message, whole)
