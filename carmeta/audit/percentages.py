"""Percentages against counts and denominators: which whole numbers of patients fit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice

from carmeta.audit.context import Context, counted, nobody, of_cell, what
from carmeta.cells import Cell
from carmeta.domain.evidence import Finding
from carmeta.domain.record import TimeResult, Toxicity
from carmeta.rounding import (
    fitting_counts,
    fitting_denominators,
    how_printed,
    joint_denominators,
)

# How far beyond a given denominator to look for one that fits a whole column.
_LOOK_BEYOND = 3

# A cohort without denominator needs this many different percentages, neither 0 nor 100, for
# the denominators that fit all of them to say anything.
_ENOUGH = 3
_LARGEST = 400


def check(context: Context) -> Iterator[Finding]:
    """GRM001 to GRM007, and POP004 and POP006 for percentages of nobody knows how many."""
    for cells in context.fractions.values():
        alone: dict[tuple[object, ...], list[Cell]] = defaultdict(list)
        for cell in cells:
            if cell.percent is None:
                continue
            if cell.count is None:
                alone[cell.subject, cell.population, cell.percent, cell.ns].append(cell)
            elif cell.ns:
                yield from _with_count(cell, cell.count, cell.ns)
        yield from _alone(cells, list(alone.values()))
        yield from _without_denominator(context, cells)
    for cells in context.cells.by_cohort.values():
        sizes = sorted({c.count for c in cells if c.kind == "size" and c.count}, reverse=True)
        for cell in cells:
            if isinstance(cell.item, TimeResult):
                yield from _rate(cell, cell.item, sizes)


def _alone(cells: Sequence[Cell], groups: list[list[Cell]]) -> Iterator[Finding]:
    """Percentages without a count, each with all places that print it."""
    known = {(cell.subject, cell.population) for cell in cells if cell.count is not None}
    impossible: dict[tuple[str, int], list[Cell]] = defaultdict(list)
    for group in groups:
        cell = group[0]
        ns, why = _possible_ns(cell)
        if not ns:
            continue
        settled = (cell.subject, cell.population) in known
        yield from _percentage(group, ns, why, settled)
        if len(ns) == 1 and not fitting_counts(cell.percent or "", ns[0]).counts:
            impossible[cell.population, ns[0]].append(cell)
    for (population, n), wrong in impossible.items():
        yield from _column(wrong, [c for c in cells if c.population == population], n)


def _possible_ns(cell: Cell) -> tuple[tuple[int, ...], str]:
    """Denominators to hold a percentage against, and how they follow if they are not printed.

    What a total leaves is no denominator; but what cannot be of it is worth knowing.
    """
    if cell.ns:
        implied = cell.denominator.origin == "parts"
        return cell.ns, cell.denominator.words if implied else ""
    rest = cell.denominator.rest
    if rest is None or fitting_counts(cell.percent or "", rest).counts:
        return (), ""
    return (rest,), cell.denominator.words


def _with_count(cell: Cell, count: int, ns: tuple[int, ...]) -> Iterator[Finding]:
    assert cell.percent is not None
    ways = {how_printed(count, cell.percent, n): n for n in ns}
    if "direct" in ways:
        return
    if "double-rounding" in ways:
        n = ways["double-rounding"]
        message = (
            f"{count} of {n} is {_exact(count, n)}%; it is printed as {cell.percent}% only if "
            "rounded to one more decimal first"
        )
        yield of_cell("GRM003", cell, message)
    elif "truncated" in ways:
        n = ways["truncated"]
        message = (
            f"{count} of {n} is {_exact(count, n)}%; {cell.percent}% has its decimals cut off, "
            "not rounded"
        )
        yield of_cell("GRM004", cell, message)
    else:
        n = ns[0]
        fitting = fitting_counts(cell.percent, n).counts
        instead = f"; {cell.percent}% of {n} would be {counted(fitting)}" if fitting else ""
        others = fitting_denominators(count, cell.percent, 2 * n - 1)
        of = f"; {count} is {cell.percent}% of {counted(others)}" if others else ""
        exact = f"{_exact(count, n)}%" if n else "not defined"
        message = f"{count} of {n} is {exact}, printed as {cell.percent}%{instead}{of}"
        yield of_cell("GRM001", cell, message)


def _percentage(
    group: list[Cell], ns: tuple[int, ...], why: str, settled: bool
) -> Iterator[Finding]:
    """One percentage without a count; `settled` if another place gives the count."""
    cell, others = group[0], group[1:]
    assert cell.percent is not None
    fits = [fitting_counts(cell.percent, n) for n in ns]
    ways = {fit.how for fit in fits}
    fit = next((fit for fit in fits if fit.counts), fits[0])
    among = f"{fit.n} patients" + (f" ({why})" if why else "")
    if ways == {"none"}:
        if fit.truncated:
            x = fit.truncated[0]
            message = (
                f"{cell.percent}% of {among} fits {counted(fit.truncated)} only if decimals were "
                f"cut off ({x} of {fit.n} is {_exact(x, fit.n)}%)"
            )
            yield of_cell("GRM004", cell, message, *others)
        else:
            message = f"no number of {among} is {cell.percent}%{_around(cell.percent, fit.n)}"
            yield of_cell("GRM002", cell, message, *others)
    elif "direct" not in ways:
        x = fit.counts[0]
        message = (
            f"{cell.percent}% of {among} fits {counted(fit.counts)} only by rounding twice "
            f"({x} of {fit.n} is {_exact(x, fit.n)}%)"
        )
        yield of_cell("GRM003", cell, message, *others)
    elif len(ns) == 1 and len(fit.counts) > 1 and cell.kind != "characteristic" and not settled:
        message = f"{cell.percent}% of {among} fits {counted(fit.counts)}"
        yield of_cell("GRM006", cell, message, *others)


def _around(percent: str, n: int) -> str:
    """The exact percentages of the two counts around a printed one."""
    if n == 0 or "<" in percent:
        return ""
    low = min(int(float(percent) * n / 100), n - 1)
    return f": {low} is {_exact(low, n)}%, {low + 1} is {_exact(low + 1, n)}%"


def _column(wrong: list[Cell], cells: list[Cell], n: int) -> Iterator[Finding]:
    """Several percentages of the same patients of which at least one is impossible."""
    column = [c for c in cells if c.percent is not None and c.of is None and c.count is None]
    percents = list(dict.fromkeys(c.percent for c in column if c.percent is not None))
    if len(percents) < 2:
        return
    fitting = list(islice(joint_denominators(percents, _LOOK_BEYOND * n, double_rounding=True), 4))
    listed = ", ".join(f"{percent}%" for percent in percents)
    could = (
        f"they fit {counted(fitting)} patients"
        if fitting
        else f"they fit no number of patients up to {_LOOK_BEYOND * n}"
    )
    yield of_cell(
        "GRM005",
        wrong[0],
        f"{listed} cannot all be of {n} patients; {could}",
        subject=wrong[0].population,
        printed=[cell.text() for cell in column],
    )


def _without_denominator(context: Context, cells: Sequence[Cell]) -> Iterator[Finding]:
    """POP004 and POP006: what cannot become a count of patients, each with all its places."""
    lost: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for cell in cells:
        nobody = cell.count == 0 and cell.n == 0
        if nobody or (cell.percent is not None and cell.count is None and not cell.ns):
            lost[cell.subject, cell.population].append(cell)
    for (_, population), group in lost.items():
        cell = group[0]
        beside = [each for same in lost.values() for each in same if each.population == population]
        code, so = ("POP004", ", so not pooled") if _of_outcome(cell) else ("POP006", "")
        if so:
            so = next(_unions(context, cell), so)
        if cell.n == 0:
            message = f"0 of 0: no patients to divide by{so}"
        else:
            whose = f" (population {population})" if population else ""
            could = _could_be(cell, beside) if population else ""
            message = f"{cell.percent}% of an unknown number of patients{whose}{so}{could}"
        yield of_cell(code, cell, message, *group[1:])


def _unions(context: Context, cell: Cell) -> Iterator[str]:
    """The wholes that take a part of which it is nobody for what it is, in words."""
    for key in sorted(context.lineage.wholes(cell.key)):
        n = context.cells.patients(key, cell.population).n
        if n is None or not nobody(cell, n) or _numbers(context, key, cell, n):
            continue
        for cover in context.lineage.covers(key):
            others = [_numbers(context, part, cell, n) for part in cover.parts if part != cell.key]
            some = [other for other in others if other != [0]]
            if cell.key in cover.parts and all(others) and len(some) <= 1:
                yield f": nobody of at most {n}, counted in {key}"


def _numbers(context: Context, key: str, like: Cell, most: int) -> list[int]:
    """What a cohort prints for the same as a cell, at most ``most``; the first of its numbers."""
    for cell in context.fractions[key]:
        if what(cell) == what(like):
            possible = [0] if nobody(cell, most) else sorted(cell.possible() or ())
            if possible:
                return possible
    return []


def _of_outcome(cell: Cell) -> bool:
    """Whether the cell could enter a pool: no characteristic, and no other adverse event."""
    if isinstance(cell.item, Toxicity):
        return cell.event in cell.words.usual_events
    return cell.kind != "characteristic"


def _could_be(cell: Cell, beside: Sequence[Cell]) -> str:
    """What the record says about the size of the population all the same."""
    if cell.denominator.rest is not None:
        return f"; {cell.denominator.words} would leave {cell.denominator.rest}"
    percents = list(dict.fromkeys(c.percent for c in beside if c.percent is not None))
    telling = [p for p in percents if p.strip("0.") not in ("", "1")]
    fitting = list(islice(joint_denominators(telling, _LARGEST), 4))
    if len(telling) < _ENOUGH or not fitting:
        return ""
    return f"; the smallest that fit all percentages of that population: {counted(fitting)}"


def _rate(cell: Cell, time: TimeResult, sizes: Sequence[int]) -> Iterator[Finding]:
    """GRM007: a rate with decimals that begins like a fraction of the cohort, cut off."""
    if time.statistic != "rate" or time.unit != "percent" or "." not in time.value:
        return
    fits = [fitting_counts(time.value, n) for n in sizes]
    fit = next((fit for fit in fits if fit.truncated), None)
    if fit is None or any(fit.counts for fit in fits):
        return
    x, n = fit.truncated[0], fit.n
    message = f"{time.value}% is {x} of {n} ({_exact(x, n)}%) with its decimals cut off"
    yield of_cell("GRM007", cell, message)


def _exact(x: int, n: int) -> str:
    """100 x / n with two decimals, more where a tie would be hidden."""
    if n == 0:
        return "-"
    value = 100 * x / n
    return f"{value:.3f}" if abs(value * 100 - round(value * 100)) > 1e-6 else f"{value:.2f}"
