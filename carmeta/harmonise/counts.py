"""Counts from printed cells: the count itself, or every whole number that a percentage allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from carmeta.domain.evidence import Derivation, Reading
from carmeta.domain.record import MrdResult, Printed, Proportion
from carmeta.rounding import fitting_counts


@dataclass(frozen=True, slots=True)
class Denominator:
    """Patients that a cell is divided by (None: unknown) and where that number stands."""

    n: int | None
    source: str


@dataclass(frozen=True, slots=True)
class Derived:
    """What a cell says about a count, before it is known what the count is of."""

    candidates: tuple[int, ...]
    xi: int | None
    derivation: Derivation
    rule: str
    reason: str


def describe(printed: Printed) -> str:
    """The cell in the paper's own figures, e.g. ``181 of 254 (71%)``.

    >>> describe(Printed(count=181, of=254, percent="71"))
    '181 of 254 (71%)'
    >>> describe(Printed(percent="7"))
    '7%'
    """
    if printed.missing is not None:
        return printed.missing.replace("-", " ")
    parts = []
    if printed.count is not None:
        parts.append(f"{printed.count} of {printed.of}" if printed.of else str(printed.count))
    if printed.percent is not None:
        percent = f"{printed.percent}%"
        parts.append(f"({percent})" if parts else percent)
        if printed.count is None and printed.of is not None:
            parts.append(f"of {printed.of}")
    return " ".join(parts)


def derive(printed: Printed, denominator: Denominator) -> Derived | None:
    """The counts that a cell allows, or None for a cell without a number.

    A printed count stands for itself; a percentage is turned back into every integer that is
    printed that way (`carmeta.rounding`), and of several the nearest is used for the estimate.
    """
    if printed.missing is not None:
        return None
    if printed.count is not None:
        return Derived((printed.count,), printed.count, "printed", "printed-count", "count printed")
    if denominator.n is None or printed.percent is None:
        return Derived((), None, "percent", "no-denominator", "no denominator is printed")
    fit = fitting_counts(printed.percent, denominator.n)
    if not fit.counts:
        reason = f"no whole number of {denominator.n} patients is {printed.percent}%"
        return Derived((), None, "percent", "impossible-percentage", reason)
    how = " (only by rounding twice)" if fit.how == "double-rounding" else ""
    if len(fit.counts) == 1:
        reason = f"{fit.counts[0]} of {denominator.n} is the only count printed as "
        reason += f"{printed.percent}%{how}"
        return Derived(tuple(fit.counts), fit.counts[0], "percent", "count-from-percentage", reason)
    few = len(fit.counts) <= 4
    listed = " and ".join(map(str, fit.counts)) if few else f"{fit.counts[0]} to {fit.counts[-1]}"
    reason = (
        f"{listed} of {denominator.n} are both printed as {printed.percent}%{how}; "
        f"{fit.nearest} is nearest to it"
    )
    return Derived(
        tuple(fit.counts), fit.nearest, "percent-several", "nearest-of-several-counts", reason
    )


def summed(parts: Sequence[Derived]) -> tuple[tuple[int, ...], int | None, Derivation]:
    """Candidates, point value and derivation of a sum of cells."""
    lows = sum(min(part.candidates) for part in parts)
    highs = sum(max(part.candidates) for part in parts)
    if all(part.derivation == "printed" for part in parts):
        return (lows,), lows, "summed"
    point = sum(part.xi or 0 for part in parts)
    kind: Derivation = "percent" if lows == highs else "percent-several"
    return tuple(range(lows, highs + 1)), point, kind


def printed_cell(
    item: Proportion | MrdResult,
    outcome: str,
    denominator: Denominator,
    default_doc: str,
    *,
    grading: str = "",
    definition: str = "",
    flags: Sequence[str] = (),
) -> Reading | None:
    """What one printed cell gives for an outcome; None where it holds no number."""
    derived = derive(item, denominator)
    if derived is None:
        return None
    cited = f" [citing {item.cites}]" if item.cites else ""
    return reading(
        outcome=outcome,
        population=item.population,
        denominator=denominator,
        derived=derived,
        cells=(f"{item.at.label(default_doc)}: {describe(item)}{cited}",),
        attribution=item.attribution,
        grading=grading,
        definition=definition,
        flags=flags,
    )


def reading(
    *,
    outcome: str,
    population: str,
    denominator: Denominator,
    derived: Derived,
    cells: Sequence[str],
    attribution: str = "stated",
    grading: str = "",
    definition: str = "",
    flags: Sequence[str] = (),
) -> Reading:
    """Put a derived count together with what it is a count of."""
    sources = tuple(cells)
    if denominator.source and derived.derivation not in ("patients",):
        sources += (denominator.source,)
    return Reading(
        outcome=outcome,
        population=population,
        ni=denominator.n,
        candidates=derived.candidates,
        xi=derived.xi,
        derivation=derived.derivation,
        rule=derived.rule,
        cells=sources,
        reason=derived.reason,
        attribution=attribution,
        grading=grading,
        definition=definition,
        flags=tuple(flags),
    )
