"""What a forest plot consists of, before anything is measured or drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal

from carmeta.report import canvas, numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carmeta.domain.words import Sign

Width = Literal["single", "1.5", "double"]
RowKind = Literal["heading", "study", "pool", "prediction", "note", "total"]
Glyph = Literal["square", "diamond", "open-diamond", "bar"]
PLOT: Final = "plot"  # the key of the column that holds the drawing

# Column widths of most medical journals: 89, 140 and 183 mm, in points.
WIDTHS: Final[dict[str, float]] = {"single": 252.3, "1.5": 396.9, "double": 518.7}


@dataclass(frozen=True, slots=True)
class Preset:
    """A journal's habits."""

    name: str
    columns: tuple[str, ...]
    study_header: str
    interval: numbers.IntervalStyle
    size: float = 8.0
    small: float = 7.0
    show_title: bool = True
    leading_zero: bool = True
    square: str = canvas.BLUE
    diamond: str = canvas.BLACK
    prediction: str = canvas.VERMILLION
    row: float = 1.62  # row height as a multiple of the text size
    gap: float = 10.0  # points between columns

    def narrow(self) -> Preset:
        """The same for a single column of a journal: what fits beside a plot there."""
        return replace(
            self,
            columns=("study", "fraction", PLOT, "estimate"),
            interval=numbers.COMMA if self.interval == numbers.COMMA else numbers.DASH,
            size=7.0,
            gap=6.5,
        )


PRESETS: Final[dict[str, Preset]] = {
    preset.name: preset
    for preset in (
        Preset(
            "default",
            ("study", "events", "total", PLOT, "weight", "estimate"),
            "Study",
            numbers.TO,
        ),
        Preset(
            "jama",
            ("study", "events", "total", "estimate", PLOT, "weight"),
            "Source",
            numbers.DASH,
            size=7.5,
            show_title=False,
            leading_zero=False,
            square="#2f5d7c",
            diamond="#2f5d7c",
        ),
        Preset(
            "bmj",
            ("study", "fraction", PLOT, "weight", "estimate"),
            "Study",
            numbers.TO,
            show_title=False,
            square="#2a6ebb",
            diamond="#2a6ebb",
        ),
        Preset(
            "revman",
            ("study", "events", "total", "weight", "estimate", PLOT),
            "Study or subgroup",
            numbers.COMMA,
            show_title=False,
            square="#1f4fd8",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Column:
    """A text column: header lines, and where its cells are aligned."""

    key: str
    header: tuple[str, ...]
    align: canvas.Align = "right"
    spanner: str = ""  # heading above neighbouring columns that share it
    gaps: tuple[float, ...] = ()  # between the parts of a cell, in widths of a space


@dataclass(frozen=True, slots=True)
class Cell:
    """Parts that are right-aligned each in its own sub-column, and a hanging mark."""

    parts: tuple[str, ...]
    mark: str = ""

    @property
    def text(self) -> str:
        return " ".join(self.parts)


@dataclass(frozen=True, slots=True)
class Mark:
    """What is drawn in a row, in the units of the result (proportions in 0..1, ratios)."""

    glyph: Glyph
    estimate: float
    lb: float
    ub: float
    weight: float = math.nan


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the figure."""

    kind: RowKind
    label: str
    label_mark: str = ""
    cells: Mapping[str, Cell] = field(default_factory=dict)
    mark: Mark | None = None
    bold: bool = False
    indent: float = 0.0  # points
    gap: float = 0.0  # points of white above
    rule: bool = False  # hairline above
    keep: bool = False  # stays on one page with the next row
    key: str = ""  # study/cohort, or what the pool is of


@dataclass(frozen=True, slots=True)
class Axis:
    """The horizontal scale of the plot column, in the units of the result."""

    low: float
    high: float
    ticks: tuple[float, ...]
    tick_labels: tuple[str, ...]
    title: str
    log: bool = False
    null: float | None = None
    benchmark: float | None = None
    left: str = ""  # what lies left of the null line
    right: str = ""

    def share(self, value: float) -> float:
        """Position in 0..1 from the left end; may lie outside."""
        if not self.log:
            return (value - self.low) / (self.high - self.low)
        if value <= 0:
            return -math.inf
        return math.log(value / self.low) / math.log(self.high / self.low)


@dataclass(frozen=True, slots=True)
class SignBlock:
    """Columns of risk-of-bias signs at the right edge."""

    title: str
    letters: tuple[str, ...]  # one a column
    signs: Mapping[str, tuple[tuple[str, Sign | None], ...]]  # study -> (item, sign) each
    legend: tuple[str, ...]

    def of(self, row: Row) -> tuple[tuple[str, Sign | None], ...]:
        """The judgements on a row's study; none for a pool or a study not assessed."""
        return self.signs.get(row.key.partition("/")[0], ()) if row.kind == "study" else ()


@dataclass(frozen=True, slots=True)
class ForestSpec:
    """A whole forest plot in words and numbers."""

    title: str
    preset: Preset
    width: float  # points
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    axis: Axis
    dashed: float | None  # the pooled estimate
    notes: tuple[str, ...]
    alt: str
    signs: SignBlock | None = None


def linear_axis(
    values: list[float],
    scale: numbers.Scale,
    title: str,
    limits: tuple[float, float] | None = None,
    benchmark: float | None = None,
) -> Axis:
    """An axis for proportions: from 0 to 1, or to the next round number above all values.

    ``limits`` (in 0..1) cuts it; what lies beyond is drawn with an arrow.
    """
    if limits is None:
        top = max([value for value in values if not math.isnan(value)], default=1.0)
        high = next((edge for edge in (0.05, 0.1, 0.2, 0.3, 0.4, 0.5) if top <= edge), 1.0)
        limits = (0.0, high)
    low, high = limits
    if not 0 <= low < high <= 1:
        raise ValueError(f"axis limits must lie in 0..1 in rising order, not {limits}")
    step = _nice_step(high - low)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    ticks = tuple(round(index * step, 10) for index in range(first, last + 1))
    digits = _tick_digits(step * scale.factor)
    labels = tuple(numbers.fixed(tick, digits, scale.factor) for tick in ticks)
    return Axis(low, high, ticks, labels, title, benchmark=benchmark)


def difference_axis(values: list[float], title: str) -> Axis:
    """An axis for risk differences (-1..1), with zero on it."""
    finite = [abs(value) for value in values if math.isfinite(value)] or [1.0]
    reach = next((edge for edge in (0.1, 0.2, 0.4, 0.6, 0.8) if max(finite) <= edge), 1.0)
    ticks = tuple(round(reach * share, 10) for share in (-1, -0.5, 0, 0.5, 1))
    labels = tuple(numbers.fixed(tick, 0, 100) for tick in ticks)
    return Axis(-reach, reach, ticks, labels, title, null=0.0)


def log_axis(values: list[float], title: str, limits: tuple[float, float] | None = None) -> Axis:
    """An axis for ratios, symmetric about 1 as a ratio, cut at 1/1000 and 1000."""
    finite = [value for value in values if math.isfinite(value) and value > 0]
    reach = max([max(value, 1 / value) for value in finite], default=2.0)
    edges = (2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1000.0)
    edge = next((edge for edge in edges if reach <= edge), 1000.0)
    low, high = limits or (1 / edge, edge)
    candidates = {
        2.0: (0.5, 1, 2),
        5.0: (0.2, 0.5, 1, 2, 5),
        10.0: (0.1, 0.2, 0.5, 1, 2, 5, 10),
        20.0: (0.05, 0.2, 1, 5, 20),
        50.0: (0.02, 0.1, 0.5, 1, 2, 10, 50),
        100.0: (0.01, 0.1, 1, 10, 100),
        1000.0: (0.001, 0.01, 0.1, 1, 10, 100, 1000),
    }[edge]
    ticks = tuple(tick for tick in candidates if low <= tick * 1.000001 and tick <= high * 1.000001)
    return Axis(low, high, ticks, tuple(f"{tick:g}" for tick in ticks), title, log=True, null=1.0)


def _nice_step(span: float) -> float:
    return next(step for step in (0.01, 0.02, 0.05, 0.1, 0.2) if span / step <= 5.0001)


def _tick_digits(step: float) -> int:
    for digits in range(6):
        if abs(step * 10**digits - round(step * 10**digits)) < 1e-9:
            return digits
    return 6
