"""Parts that cover a cohort: none of its patients, and no event, is outside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from carmeta.audit.context import Context, counted, nobody, of_cell, what
from carmeta.audit.sums import allowed, by_what
from carmeta.cells import Cell
from carmeta.domain.evidence import Finding


def check(context: Context) -> Iterator[Finding]:
    """SUM006."""
    for key, cohort in context.cells.cohorts.items():
        for cover in cohort.lineage.covered_by:
            parts = [context.cells.resolve(key, part) for part in cover]
            if all(part in context.cells.cohorts for part in parts):
                yield from _sizes(context, key, parts)
                yield from _events(context, key, parts)


def _sizes(context: Context, key: str, parts: Sequence[str]) -> Iterator[Finding]:
    for population, whole in context.sizes(key).items():
        known = [s for part in parts if (s := context.sizes(part).get(population)) is not None]
        held, n = sum(size.count or 0 for size in known), whole.count or 0
        if len(known) == len(parts) and held < n:
            message = f"hold at most {held} patients ({population}), the whole is {n}"
            yield _finding(whole, known, message, f"{population} n")


def _events(context: Context, key: str, parts: Sequence[str]) -> Iterator[Finding]:
    for name, cells in by_what(context.fractions[key]).items():
        whole, total = cells[0], allowed(cells) or frozenset()
        found, most = [], 0
        for part in parts:
            same = [cell for cell in context.fractions[part] if what(cell) == name]
            own = [cell for cell in same if cell.possible()]
            found += (own or [c for c in same if whole.n is not None and nobody(c, whole.n)])[:1]
            most += max(allowed(own) or (0,))
        if len(found) == len(parts) and most < min(total):
            message = f"make at most {most}, the whole is printed as {counted(total)}"
            yield _finding(whole, found, message, whole.subject)


def _finding(whole: Cell, parts: Sequence[Cell], message: str, subject: str) -> Finding:
    names = ", ".join(part.cohort for part in parts)
    printed = [f"{cell.cohort}: {cell.text()}" for cell in (*parts, whole)]
    return of_cell("SUM006", whole, f"{names} {message}", subject=subject, printed=printed)
