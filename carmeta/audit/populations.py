"""Denominators: counts within them, populations within each other, parts within wholes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from carmeta.audit.cells import Cell, Context, finding, of_cell
from carmeta.domain.evidence import Finding
from carmeta.domain.record import Cohort
from carmeta.vocabulary import POPULATION_LABELS

# Smaller within larger.
_NESTED = (
    ("infused", "treated"),
    ("infused", "itt"),
    ("infused", "enrolled"),
    ("treated", "itt"),
    ("treated", "enrolled"),
    ("safety", "itt"),
    ("safety", "enrolled"),
    ("itt", "enrolled"),
)

# A number of patients in a heading: Ide-cel (N = 254).
_HEADING: Final = re.compile(r"\(\s*[Nn]\s*=\s*(\d+)\s*\)")


def check(context: Context) -> Iterator[Finding]:
    """POP001 to POP003, POP005 and LIN003."""
    for key, cohort in context.cohorts.items():
        cells = context.by_cohort.get(key, ())
        for cell in cells:
            yield from _count(cell)
            yield from _denominator(context, key, cell, cohort)
            yield from _heading(cell)
        yield from _nested(context, key, cohort)
        for whole in sorted(context.lineage.wholes(key)):
            yield from _part(context, key, whole)


def _count(cell: Cell) -> Iterator[Finding]:
    n = max(cell.ns, default=None)
    if cell.count is not None and n is not None and cell.count > n:
        yield of_cell("POP001", cell, f"{cell.count} of {n} patients")


def _denominator(context: Context, key: str, cell: Cell, cohort: Cohort) -> Iterator[Finding]:
    """POP002: the denominator printed with a number against the population it is filed under.

    Who is evaluable differs from outcome to outcome, so there only a denominator beyond all
    populations is wrong. A characteristic may also be a share of the cohort that holds this.
    """
    sizes = {name: size.n for name, size in cohort.populations.items()}
    if cell.of is None or not sizes:
        return
    if cell.family == "characteristic" or cell.population in ("evaluable", ""):
        of_whole = any(
            size.n == cell.of
            for whole in context.lineage.wholes(key)
            for size in context.cohorts[whole].populations.values()
        )
        if cell.of > max(sizes.values()) and not (of_whole and cell.family == "characteristic"):
            message = f"a denominator of {cell.of} in a cohort of {max(sizes.values())} patients"
            yield of_cell("POP002", cell, message)
        return
    expected = next((n for name, n in sizes.items() if name == cell.population), None)
    if expected is None or cell.of == expected:
        return
    fitting = [POPULATION_LABELS[name] for name, n in sizes.items() if n == cell.of]
    whose = f"; {cell.of} is the population {' or '.join(fitting)}" if fitting else ""
    message = f"divided by {cell.of}, but the population {cell.population} has {expected}{whose}"
    yield of_cell("POP002", cell, message)


def _heading(cell: Cell) -> Iterator[Finding]:
    """POP005: the number of patients in the heading of the cell's column or row."""
    if cell.missing is not None or not cell.ns or cell.population == "evaluable":
        return
    for heading in (cell.at.column, cell.at.row):
        found = _HEADING.search(heading or "")
        if found and int(found[1]) not in cell.ns:
            filed = f"the population {cell.population}" if cell.of is None else "the denominator"
            message = f"the heading gives {found[1]} patients, {filed} has {cell.ns[0]}"
            yield of_cell("POP005", cell, message)
            return


def _nested(context: Context, key: str, cohort: Cohort) -> Iterator[Finding]:
    """POP003: a population within the one that includes it."""
    study, _, name = key.partition("/")
    doc = context.studies[study].default_doc
    sizes = {str(label): size for label, size in cohort.populations.items()}
    pairs = [(a, b) for a, b in _NESTED if a in sizes and b in sizes]
    if "evaluable" in sizes and len(sizes) > 1:
        largest = max((label for label in sizes if label != "evaluable"), key=lambda s: sizes[s].n)
        pairs.append(("evaluable", largest))
    for small, large in pairs:
        if sizes[small].n > sizes[large].n:
            yield finding(
                "POP003",
                f"{sizes[small].n} {POPULATION_LABELS[small]}, but {sizes[large].n} "
                f"{POPULATION_LABELS[large]}",
                study=study,
                cohort=name,
                subject=small,
                printed=[
                    f"{sizes[label].at.label(doc)}: {label} {sizes[label].n}"
                    for label in (small, large)
                ],
            )


def _part(context: Context, key: str, whole: str) -> Iterator[Finding]:
    """LIN003: a part against the cohort that holds it, in patients and in events."""
    part, total = context.cohorts[key], context.cohorts[whole]
    study, _, name = key.partition("/")
    doc = context.studies[study].default_doc
    docs = context.studies[whole.partition("/")[0]].default_doc
    for population, size in part.populations.items():
        other = next((s for p, s in total.populations.items() if p == population), None)
        if other is not None and size.n > other.n:
            yield finding(
                "LIN003",
                f"{size.n} patients ({population}), part of {whole} with {other.n}",
                study=study,
                cohort=name,
                subject=f"{population} n",
                printed=(f"{size.at.label(doc)}: {size.n}", f"{other.at.label(docs)}: {other.n}"),
            )
    grown = context.lineage.grown(key, whole)
    added = any(
        key == piece or piece in context.lineage.wholes(key)
        for partition in total.lineage.partitions
        for piece in (context.resolve(whole, part) for part in partition)
    )
    for cell in context.by_cohort.get(key, ()):
        for other_cell in context.by_cohort.get(whole, ()):
            if (cell.family, cell.subject, cell.population, cell.scope, cell.unit) == (
                other_cell.family,
                other_cell.subject,
                other_cell.population,
                other_cell.scope,
                other_cell.unit,
            ):
                yield from _events(cell, other_cell, whole, grown, added)


def _events(cell: Cell, whole: Cell, key: str, grown: bool, added: bool) -> Iterator[Finding]:
    """Events of a part within those of the whole; and, at one time, so the rest.

    The rest is left to SUM002 where the part is `added` up with others.

    An earlier report of a growing cohort is only held to its events: responses can still
    deepen and late events be added, but none is lost. Categories of best response move, so
    they are not compared with a later report.
    """
    a, b = cell.possible(), whole.possible()
    if not a or not b or (grown and cell.family in ("response", "mrd", "characteristic")):
        return
    if min(a) > max(b):
        message = f"{cell.shown()}, part of {key} with {whole.shown()}"
        yield of_cell("LIN003", cell, message, whole)
    elif not (grown or added or cell.family == "characteristic") and cell.n and whole.n:
        rest, most = cell.n - max(a), whole.n - min(b)
        if rest > most:
            message = (
                f"{rest} of {cell.n} without it, part of {key} in which {most} of {whole.n} are "
                "without it"
            )
            yield of_cell("LIN003", cell, message, whole)
