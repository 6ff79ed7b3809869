"""Which choice in the evidence moves which estimate, and by how much."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, get_args

from carmeta.digits import difference
from carmeta.report import contents, numbers, words
from carmeta.report.tables import Cell, Column, Table, row
from carmeta.vocabulary import ChoiceKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carmeta.domain.analysis import Analysis, OutcomeAnalysis, SensitivityRow

KINDS: Final = get_args(ChoiceKind)
SHOWN: Final = 5  # rows an outcome that the page shows without being asked
_COLUMNS: Final = (
    Column("Outcome"),
    Column("Kind of change"),
    Column("What is changed", wide=True),
    Column("Estimate, % (CI)", "right"),
    Column("Shift, percentage points", "right"),
)


def shift(outcome: OutcomeAnalysis, item: SensitivityRow) -> float:
    """The refit's estimate less the primary one, on the scale of the estimates (0..1)."""
    return difference(item.pooled.back.estimate, outcome.headline.back.estimate)


def ranked(outcome: OutcomeAnalysis) -> list[tuple[SensitivityRow, float]]:
    """Changes of the evidence with their shifts, the largest first; none without an estimate."""
    found = [(i, shift(outcome, i)) for i in outcome.sensitivity if i.kind in KINDS]
    return sorted(
        (pair for pair in found if not math.isnan(pair[1])),
        key=lambda pair: (-abs(pair[1]), pair[0].kind, pair[0].label),
    )


def signed(value: float) -> str:
    """A shift in percentage points with its sign: ``+0.3``, ``-1.2`` (a real minus), ``0.0``."""
    text = numbers.show(value, numbers.DIFFERENCE)
    nothing = numbers.show(0.0, numbers.DIFFERENCE)
    return f"+{text}" if value > 0 and text != nothing else text


def choices(analysis: Analysis) -> Table:
    """Every change of the evidence, by outcome and size of the shift."""
    return _table(analysis, "choices", 0, None)


def top_choices(analysis: Analysis) -> Table:
    """The few that move each estimate most."""
    return _table(analysis, "choices-top", 0, SHOWN)


def other_choices(analysis: Analysis) -> Table:
    """All but those."""
    return _table(analysis, "choices-rest", SHOWN, None)


def _table(analysis: Analysis, key: str, first: int, last: int | None) -> Table:
    rows = tuple(
        row(
            contents.outcome_name(outcome),
            words.variation(item.kind),
            item.label,
            contents.estimate(item.pooled),
            Cell(signed(moved), 100 * moved),
        )
        for outcome in analysis.outcomes
        for item, moved in ranked(outcome)[first:last]
    )
    return Table(key, "Influence of choices in the evidence", _COLUMNS, rows)


def sentences(analysis: Analysis) -> Iterator[str]:
    """One line an outcome: the change that moves its estimate most."""
    for outcome in analysis.outcomes:
        found = ranked(outcome)
        if not found:
            continue
        item, moved = found[0]
        of = f"the largest of {len(found)} shifts" if len(found) > 1 else "the only change tried"
        yield (
            f"{contents.outcome_name(outcome)}: {signed(moved)} percentage points, to "
            f"{numbers.percent(item.pooled.back.estimate)}: {item.label} "
            f"({of})."
        )


def small_studies(analysis: Analysis) -> list[str]:
    """What is said of small studies, outcomes with the same words together."""
    found: dict[str, list[str]] = {}
    for outcome in analysis.outcomes:
        if outcome.diagnostics is not None and outcome.diagnostics.small_study:
            name = contents.outcome_name(outcome)
            found.setdefault(outcome.diagnostics.small_study, []).append(name)
    return [f"{'; '.join(where)}: {said}." for said, where in found.items()]
