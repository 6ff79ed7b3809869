"""A plain frame with two axes, for the plots that are not forests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

from carmeta.report import canvas as cv
from carmeta.report import numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZE: Final = 8.0
SMALL: Final = 7.0
MARGIN: Final = 8.0
_TICK: Final = 3.0
_LINE: Final = 1.2
_ROOM: Final = 0.04


@dataclass(frozen=True, slots=True)
class Scale:
    """One axis: limits, ticks and their labels. ``log`` for positive values only."""

    low: float
    high: float
    ticks: tuple[float, ...]
    labels: tuple[str, ...]
    title: str
    log: bool = False
    down: bool = False  # large values at the bottom (vertical axis only)

    def share(self, value: float) -> float:
        """Position in 0..1 between the limits."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def linear(
    values: Sequence[float],
    title: str,
    *,
    factor: int = 1,
    limits: tuple[float, float] | None = None,
    zero: bool = False,
    down: bool = False,
) -> Scale:
    """A linear axis with round ticks around all finite values; ``zero`` begins at 0."""
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = limits or (0.0 if zero else min(finite), max(finite))
    if high <= low:
        low, high = low - 0.5 / factor, high + 0.5 / factor
    step = _step((high - low) / 5)
    if limits is None:
        low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    # A little room beyond the last tick, so that marks at the edge do not cover the axis.
    room = _ROOM * (high - low)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    ticks = tuple(round(index * step, 12) for index in range(first, last + 1))
    digits = next((d for d in range(7) if abs(round(step * factor, d) - step * factor) < 1e-9), 6)
    labels = tuple(numbers.fixed(tick, digits, factor) for tick in ticks)
    return Scale(low - room, high + room, ticks, labels, title, down=down)


def logarithmic(values: Sequence[float], title: str, *, down: bool = False) -> Scale:
    """A logarithmic axis with ticks at 1, 2 and 5 times powers of ten."""
    finite = [value for value in values if math.isfinite(value) and value > 0] or [1.0, 10.0]
    edges = [m * 10.0**e for e in range(-4, 8) for m in (1, 2, 5)]
    low = max((edge for edge in edges if edge <= min(finite)), default=edges[0])
    high = min((edge for edge in edges if edge >= max(finite)), default=edges[-1])
    if low == high:
        low, high = low / 2, high * 2
    ticks = tuple(edge for edge in edges if low <= edge * 1.000001 and edge <= high * 1.000001)
    labels = tuple(f"{tick:g}" for tick in ticks)
    room = (high / low) ** _ROOM
    return Scale(low / room, high * room, ticks, labels, title, log=True, down=down)


def _step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.999999)


class Chart:
    """A figure with one frame; positions are given in the units of its scales."""

    def __init__(
        self,
        title: str,
        x: Scale,
        y: Scale,
        *,
        width: float,
        height: float = 260.0,
        notes: Sequence[str] = (),
        alt: str = "",
        categories: bool = False,
    ) -> None:
        self.x, self.y = x, y
        text_width = width - 2 * MARGIN
        titles = cv.wrap(title, text_width, SIZE + 1, True, 4) if title else []
        lines = [line for note in notes for line in cv.wrap(note, text_width, SMALL)]
        tick_width = max((cv.text_width(label, SIZE) for label in y.labels), default=0.0)
        above = 6 + len(titles) * (SIZE + 1) * _LINE + (6 if titles else 0)
        below = _TICK + SIZE * _LINE * 2 + 8 + (6 + len(lines) * SMALL * _LINE if lines else 0)
        # Tick labels are centred on the ends of the axis and must stay on the page.
        overhang = max((cv.text_width(label, SIZE) for label in x.labels), default=0.0) / 2
        self.left = MARGIN + tick_width + _TICK + 5 + (0 if categories else SMALL * 1.6)
        self.right = width - MARGIN - overhang
        self.top, self.bottom = above + SIZE / 2, above + height
        self.canvas = cv.Canvas(width, math.ceil(self.bottom + below))
        self._taken: list[tuple[float, float, float, float]] = []
        self._titles(titles)
        self._axes()
        self._notes(lines)
        self.canvas.figure.alt = alt
        self.canvas.figure.title_text = title

    @property
    def figure(self) -> cv.Drawing:
        return self.canvas.figure

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Position on the page in points."""
        share = self.y.share(y)
        if not self.y.down:
            share = 1 - share
        return (
            self.left + self.x.share(x) * (self.right - self.left),
            self.top + share * (self.bottom - self.top),
        )

    def dot(
        self, x: float, y: float, *, radius: float = 2.6, colour: str = cv.BLUE, gid: str = ""
    ) -> None:
        """A filled circle with a white rim, so that neighbours stay apart."""
        px, py = self.at(x, y)
        self.canvas.circle(px, py, radius, fill=colour, edge=cv.WHITE, width=0.5, gid=gid or None)
        self._taken.append((px - radius, py - radius, px + radius, py + radius))

    def path(
        self,
        points: Sequence[tuple[float, float]],
        *,
        colour: str = cv.BLACK,
        width: float = 0.9,
        dashes: tuple[float, ...] | None = None,
        gid: str = "",
        free: bool = False,
    ) -> None:
        """A polyline; ``free`` of labels across it."""
        placed = [self.at(x, y) for x, y in points]
        xs, ys = [p[0] for p in placed], [p[1] for p in placed]
        if free:
            self._taken += [
                (min(a[0], b[0]), min(a[1], b[1]) - 1, max(a[0], b[0]), max(a[1], b[1]) + 1)
                for a, b in pairwise(placed)
            ]
        self.canvas.line(xs, ys, colour=colour, width=width, dashes=dashes, gid=gid or None)

    def area(self, points: Sequence[tuple[float, float]], *, fill: str, gid: str = "") -> None:
        """A filled region."""
        self.canvas.polygon([self.at(x, y) for x, y in points], fill=fill, gid=gid or None)

    def name(self, x: float, y: float, text: str, *, gap: float = 4.0, far: bool = False) -> bool:
        """Write a label beside a point where there is room; False if there is none.

        ``far``: also further away, with a line to the point.
        """
        from carmeta.report.text import plain

        shown = plain(text)
        if len(shown) > 40:
            shown = shown[:39] + "\u2026"
        px, py = self.at(x, y)
        width, half = cv.text_width(shown, SMALL), SMALL * 0.42
        places: tuple[tuple[float, float, Literal["left", "right", "center"]], ...] = (
            (px + gap, py, "left"),
            (px - gap, py, "right"),
            (px, py - gap - half, "center"),
            (px, py + gap + half, "center"),
            (px + gap, py - gap - half, "left"),
            (px + gap, py + gap + half, "left"),
            (px - gap, py - gap - half, "right"),
            (px - gap, py + gap + half, "right"),
        )
        edges: tuple[tuple[float, Literal["left", "right"]], ...] = (
            (min(px + width, self.right - 2), "right"),
            (max(px - width, self.left + 2), "left"),
        )
        places += tuple((ax, py + d * (gap + half), side) for d in (-1, 1) for ax, side in edges)
        near = len(places)
        if far:
            places += tuple(
                (px + d * away * 0.6, py + step * away, "left" if d > 0 else "right")
                for away in (gap + 3 * SMALL, gap + 5 * SMALL, gap + 7 * SMALL)
                for step in (-1, 1)
                for d in (1, -1)
            )
        for number, (ax, ay, align) in enumerate(places):
            left = {"left": ax, "right": ax - width, "center": ax - width / 2}[align]
            box = (left - 1, ay - half - 1.2, left + width + 1, ay + half + 1.2)
            inside = (
                box[0] > self.left
                and box[2] < self.right
                and box[1] > self.top
                and box[3] < self.bottom - 1
            )
            far_off = number >= near  # needs a line to be seen as belonging to the point
            if far_off and not self._clear(px, py, ax, ay):
                continue
            if inside and not any(_overlap(box, other) for other in self._taken):
                self._taken.append(box)
                if far_off:
                    short = 1.0 - 1.5 / math.hypot(ax - px, ay - py)
                    ends = [px, px + (ax - px) * short], [py, py + (ay - py) * short]
                    self.canvas.line(*ends, colour=cv.RULE, width=0.5)
                    self._taken += [(x - 1, y - 1, x + 1, y + 1) for x, y in _along(*ends)]
                self.canvas.text(ax, ay + SMALL * 0.35, shown, size=SMALL, align=align)
                return True
        return False

    def _clear(self, x0: float, y0: float, x1: float, y1: float) -> bool:
        """Whether a line from a point to its label meets no other point, label or line."""
        own = (x0 - 0.1, y0 - 0.1, x0 + 0.1, y0 + 0.1)
        others = [box for box in self._taken if not _overlap(box, own)]
        return not any(
            _overlap((x - 1, y - 1, x + 1, y + 1), box)
            for x, y in _along([x0, x1], [y0, y1])
            for box in others
        )

    def keep_free(self, x: float) -> None:
        """No label across a vertical line."""
        px, _ = self.at(x, self.y.low)
        self._taken.append((px - 1.5, self.top, px + 1.5, self.bottom))

    def _titles(self, lines: Sequence[str]) -> None:
        y = 6.0
        for line in lines:
            y += (SIZE + 1) * _LINE
            self.canvas.text(MARGIN, y - 2, line, size=SIZE + 1, bold=True)

    def _axes(self) -> None:
        canvas = self.canvas
        canvas.line([self.left, self.right], [self.bottom] * 2, width=0.7)
        canvas.line([self.left] * 2, [self.top, self.bottom], width=0.7)
        base = self.bottom + _TICK + SIZE
        ends: list[float] = []
        for tick, label in zip(self.x.ticks, self.x.labels, strict=True):
            px, _ = self.at(tick, self.y.low)
            canvas.line([px, px], [self.bottom, self.bottom + _TICK], width=0.7)
            half = cv.text_width(label, SIZE) / 2
            if all(px - half > end + 2 for end in ends):
                canvas.text(px, base, label, size=SIZE, align="center")
                ends.append(px + half)
        canvas.text(
            (self.left + self.right) / 2,
            base + SIZE * _LINE + 2,
            self.x.title,
            size=SIZE,
            align="center",
        )
        for tick, label in zip(self.y.ticks, self.y.labels, strict=True):
            _, py = self.at(self.x.low, tick)
            canvas.line([self.left - _TICK, self.left], [py, py], width=0.7)
            canvas.text(self.left - _TICK - 2, py + SIZE * 0.35, label, size=SIZE, align="right")
        if self.y.title:
            canvas.text(
                MARGIN + SMALL,
                (self.top + self.bottom) / 2,
                self.y.title,
                size=SIZE,
                align="center",
                rotation=90,
            )

    def _notes(self, lines: Sequence[str]) -> None:
        y = self.bottom + _TICK + SIZE * _LINE * 2 + 12
        for line in lines:
            y += SMALL * _LINE
            self.canvas.text(MARGIN, y - 2, line, size=SMALL, colour="#333333")


def _along(xs: Sequence[float], ys: Sequence[float]) -> list[tuple[float, float]]:
    """Places on the line between two points."""
    shares = [part / 20 for part in range(1, 20)]
    return [(xs[0] + (xs[1] - xs[0]) * s, ys[0] + (ys[1] - ys[0]) * s) for s in shares]


def _overlap(
    one: tuple[float, float, float, float], other: tuple[float, float, float, float]
) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
