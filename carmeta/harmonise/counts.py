"""Counts from printed cells: the count itself, or every whole number that a percentage allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from carmeta.cells import Cell
from carmeta.domain.evidence import DataPath, Derivation
from carmeta.rounding import fitting_counts
from carmeta.vocabulary import ExclusionKind

Source = tuple[str, DataPath]  # a printed cell in words, and where it is in the record


@dataclass(frozen=True, slots=True)
class Derived:
    """What cells say about a count, before it is known what the count is of.

    ``candidates`` ascend; they are empty where ``kind`` says why the cells give no count.
    """

    candidates: Sequence[int]
    xi: int  # the count used where several fit
    derivation: Derivation
    rule: str  # stable short name of the rule that gave it
    reason: str
    kind: ExclusionKind | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One way in which the record gives, or fails to give, events of a cohort for an outcome."""

    outcome: str
    population: str
    ni: int | None  # None where no denominator is known
    derived: Derived
    sources: tuple[Source, ...]  # the printed cells, then where the denominator stands
    cells: tuple[Cell, ...] = ()  # none for a count over individual patients
    attribution: str = "stated"
    grading: str = ""
    scale: str = "not-reported"
    definition: str = ""
    group: str = ""  # among whom, where the outcome is conditional on that
    flags: tuple[str, ...] = ()
    doc: str = ""  # where it was read; empty if it is only cited there

    @property
    def usable(self) -> bool:
        return self.derived.kind is None

    @property
    def paths(self) -> tuple[DataPath, ...]:
        """Of the printed cells, or of the table of patients."""
        return tuple(cell.path for cell in self.cells) or (self.sources[0][1],)

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(text for text, _ in self.sources)

    def shown(self) -> str:
        """The count, or why there is none."""
        if not self.usable:
            return self.derived.reason
        return f"{spread(self.derived.candidates)} of {self.ni}"


def none(kind: ExclusionKind, rule: str, reason: str) -> Derived:
    """No count, and why."""
    return Derived((), 0, "printed", rule, reason, kind)


def spread(candidates: Sequence[int]) -> str:
    """One count, or the first to the last of several."""
    low, high = candidates[0], candidates[-1]
    return str(low) if low == high else f"{low} to {high}"


def derive(cell: Cell) -> Derived:
    """The counts that a cell allows, by its own denominator.

    A printed count stands for itself; a percentage is turned back into every integer that is
    printed that way (`carmeta.rounding`), and of several the nearest is used for the estimate.
    """
    if cell.missing is not None:
        kind: ExclusionKind = "lost" if cell.missing == "lost" else "not-reported"
        words = "lost in the text that was read" if kind == "lost" else cell.shown()
        return none(kind, "no-number", f"{cell.label} is {words}" if cell.label else words)
    n = cell.n
    if not n:
        what = "only a percentage" if cell.count is None else "only a count"
        why = "no denominator" if n is None else "it is of 0 patients"
        return none("no-denominator", "no-denominator", f"{what} is printed, and {why}")
    if cell.count is not None:
        if cell.count > n:
            reason = f"{cell.count} of {n} patients are more than all"
            return none("impossible", "impossible-count", reason)
        return Derived((cell.count,), cell.count, "printed", "printed-count", "count printed")
    return _from_percent(cell.percent or "", n)


def _from_percent(percent: str, n: int) -> Derived:
    fit = fitting_counts(percent, n)
    counts = fit.counts
    if not counts:
        reason = f"no whole number of {n} patients is {percent}%"
        return none("impossible", "impossible-percentage", reason)
    how = " (only by rounding twice)" if fit.how == "double-rounding" else ""
    if len(counts) == 1:
        reason = f"{counts[0]} of {n} is the only count printed as {percent}%{how}"
        return Derived(counts, counts[0], "percent", "count-from-percentage", reason)
    both = len(counts) == 2
    listed = f"{counts[0]} and {counts[1]}" if both else spread(counts)
    reason = f"{listed} of {n} are {'both' if both else 'all'} printed as {percent}%{how}"
    reason += f"; {fit.nearest} is nearest to it"
    return Derived(counts, fit.nearest, "percent-several", "nearest-of-several-counts", reason)


def summed(parts: Sequence[Derived], n: int, rule: str, reason: str) -> Derived:
    """The sum of counts of disjoint patients of ``n``; as uncertain as its parts."""
    low = sum(part.candidates[0] for part in parts)
    high = min(sum(part.candidates[-1] for part in parts), n)
    if low > n:
        return none("impossible", "impossible-sum", f"{reason}: {low} of {n} are more than all")
    if all(part.derivation in ("printed", "summed") for part in parts):
        return Derived((low,), low, "summed", rule, reason)
    kind: Derivation = "percent" if low == high else "percent-several"
    xi = min(sum(part.xi for part in parts), n)
    return Derived(range(low, high + 1), xi, kind, rule, reason)


def one_denominator(cells: Sequence[Cell]) -> Derived | None:
    """Why counts of these cells must not be put together, if their denominators differ."""
    if len({cell.n for cell in cells}) < 2:
        return None
    listed = ", ".join(f"{cell.label} of {cell.n or 'unknown'}" for cell in cells)
    reason = f"counts of different denominators are not put together ({listed})"
    return none("denominators", "different-denominators", reason)


def read(
    outcome: str,
    cells: Sequence[Cell],
    derived: Derived,
    *,
    grading: str = "",
    definition: str = "",
    group: str = "",
) -> Reading:
    """A derived count together with what it is a count of. The cells are of one entry."""
    first = cells[0]
    return Reading(
        outcome=outcome,
        population=first.population,
        ni=first.n,
        derived=derived,
        sources=tuple(dict.fromkeys(_sources(cells))),
        cells=tuple(cells),
        attribution=first.attribution,
        grading=grading or first.grading,
        scale=getattr(first.item, "scale", "not-reported"),
        definition=definition,
        group=group,
        flags=(f"among {group}",) if group else (),
        doc="" if first.cites else first.doc,
    )


def _sources(cells: Sequence[Cell]) -> Iterator[Source]:
    for cell in cells:
        yield cell.text(), cell.path
    for cell in cells:
        if cell.denominator.words and cell.denominator.n is not None:
            yield cell.denominator.words, cell.denominator.path
