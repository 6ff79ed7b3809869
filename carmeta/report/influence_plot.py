"""The influence plot: one column of dots a measure, one row a study."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carmeta.report import canvas as cv
from carmeta.report import chart, numbers
from carmeta.report.forest_spec import WIDTHS
from carmeta.report.text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carmeta.report.forest_spec import Width

_ROW = 13.0
_GAP = 14.0


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One influence measure of every study, and from where on it is notable."""

    title: str
    values: tuple[float, ...]
    limits: tuple[float, ...] = ()


def influence(
    labels: Sequence[str], diagnostics: Sequence[Diagnostic], *, title: str, width: Width = "double"
) -> cv.Drawing:
    """Several influence measures as dot plots side by side, one row a study."""
    with cv.settings():
        return _draw(labels, diagnostics, title, WIDTHS[width])


def _draw(
    labels: Sequence[str], diagnostics: Sequence[Diagnostic], title: str, width: float
) -> cv.Drawing:
    size, small = chart.SIZE, chart.SMALL
    names = [plain(label) for label in labels]
    label_width = min(max(cv.text_width(name, size) for name in names), width * 0.3)
    lines = [cv.wrap(name, label_width + 0.1, size, most=3) for name in names]
    heights = [_ROW + (len(line) - 1) * size * 1.2 for line in lines]
    columns = len(diagnostics)
    left = chart.MARGIN + label_width + 10
    each = (width - left - chart.MARGIN - _GAP * (columns - 1)) / columns
    heads = [cv.wrap(plain(item.title), each, small, True, 3) for item in diagnostics]
    top = 30.0 + max(len(head) for head in heads) * small * 1.2
    bottom = top + sum(heights)
    limited = any(item.limits for item in diagnostics)
    canvas = cv.Canvas(width, math.ceil(bottom + (36 if limited else 24)))
    canvas.text(
        chart.MARGIN,
        16,
        cv.wrap(plain(title), width - 16, size + 1, True, 1)[0],
        size=size + 1,
        bold=True,
    )
    y = top
    middles = []
    for text, height in zip(lines, heights, strict=True):
        for number, line in enumerate(text):
            canvas.text(
                chart.MARGIN, y + _ROW / 2 + 0.35 * size + number * size * 1.2, line, size=size
            )
        middles.append(y + _ROW / 2)
        y += height
    for index, item in enumerate(diagnostics):
        _column(
            canvas, item, heads[index], left + index * (each + _GAP), each, top, bottom, middles
        )
    if limited:
        note = "Dashed: rule of thumb for a notable value; square: beyond it."
        canvas.text(chart.MARGIN, bottom + 29, note, size=small, colour="#333333")
    flagged = [name for name, notable in zip(names, _notable(diagnostics), strict=True) if notable]
    canvas.figure.alt = f"{title}: notable studies: {', '.join(flagged) or 'none'}."
    canvas.figure.title_text = title
    return canvas.figure


def _notable(diagnostics: Sequence[Diagnostic]) -> list[bool]:
    number = len(diagnostics[0].values)
    return [
        any(_beyond(item.values[i], item.limits) for item in diagnostics) for i in range(number)
    ]


def _beyond(value: float, limits: Sequence[float]) -> bool:
    return bool(limits) and (value > max(limits) or (len(limits) > 1 and value < min(limits)))


def _column(
    canvas: cv.Canvas,
    item: Diagnostic,
    head: Sequence[str],
    left: float,
    width: float,
    top: float,
    bottom: float,
    middles: Sequence[float],
) -> None:
    size, small = chart.SIZE, chart.SMALL
    scale = chart.linear([*item.values, *item.limits], "")
    inner_left, inner_right = left + 6, left + width - 6

    def at(value: float) -> float:
        return inner_left + scale.share(value) * (inner_right - inner_left)

    baseline = top - 5 - (len(head) - 1) * small * 1.2
    for line in head:
        canvas.text(left + width / 2, baseline, line, size=small, bold=True, align="center")
        baseline += small * 1.2
    canvas.line([inner_left, inner_right], [bottom, bottom], width=0.7)
    limits = [(at(limit), top, at(limit), bottom) for limit in item.limits]
    canvas.segments(limits, width=0.7, colour=cv.GREY, dashes=(3, 2))
    for tick in (scale.ticks[0], scale.ticks[-1]):
        label = scale.labels[scale.ticks.index(tick)]
        canvas.line([at(tick)] * 2, [bottom, bottom + 3], width=0.7)
        half = cv.text_width(label, small) / 2
        x = min(max(at(tick), left + half), left + width - half)
        canvas.text(x, bottom + 3 + size, label, size=small, align="center")
    places = []
    for value, y in zip(item.values, middles, strict=True):
        if math.isnan(value):
            canvas.text(left + width / 2, y + 2.5, numbers.ABSENT, size=small, align="center")
        else:
            places.append((at(value), y, _beyond(value, item.limits)))
    zero = at(min(max(0.0, scale.low), scale.high))
    canvas.segments([(zero, y, x, y) for x, y, _ in places], width=0.6, colour=cv.RULE)
    canvas.dots([(x, y) for x, y, notable in places if not notable], 2.2, fill=cv.BLUE)
    for x, y, notable in places:
        if notable:  # shape as well as colour
            canvas.square(x, y, 5.2, fill=cv.VERMILLION)
