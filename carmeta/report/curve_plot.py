"""The specification curve: every defensible analysis, sorted, above the choices it made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carmeta.report import canvas as cv
from carmeta.report import chart, numbers
from carmeta.report.forest_spec import WIDTHS, Width
from carmeta.report.text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROW = 11.0


@dataclass(frozen=True, slots=True)
class Specification:
    """One analysis: estimate and limits (0..1) and its choices, dimension to value."""

    estimate: float
    lb: float
    ub: float
    choices: dict[str, str]
    primary: bool = False


def order(item: Specification) -> tuple[float, float, list[tuple[str, str]]]:
    """What the curve is sorted by."""
    return item.estimate, item.lb, sorted(item.choices.items())


def specification_curve(
    specifications: Sequence[Specification], *, title: str, effect: str, width: Width = "double"
) -> cv.Drawing:
    """Estimates in rising order with their limits, and below a dot for each choice made.

    Simonsohn U, Simmons JP, Nelson LD 2020, Nat Hum Behav 4:1208-14.
    """
    ordered = sorted(
        (item for item in specifications if not math.isnan(item.estimate)),
        key=order,
    )
    if not ordered:
        raise ValueError("no specification has an estimate")
    choices = _choices(ordered)
    with cv.settings():
        return _draw(ordered, choices, title, effect, WIDTHS[width])


def _choices(items: Sequence[Specification]) -> list[tuple[str, str]]:
    """Every (dimension, value) that varies, in the order of first appearance."""
    dimensions: dict[str, dict[str, None]] = {}
    for item in items:
        for dimension, value in item.choices.items():
            dimensions.setdefault(dimension, {})[value] = None
    return [(d, v) for d, values in dimensions.items() if len(values) > 1 for v in values]


def _draw(
    items: Sequence[Specification],
    choices: Sequence[tuple[str, str]],
    title: str,
    effect: str,
    width: float,
) -> cv.Drawing:
    size, small = chart.SIZE, chart.SMALL
    y = chart.linear([v for i in items for v in (i.lb, i.ub, i.estimate)], effect, factor=100)
    labels = [f"{plain(d)}: {plain(v)}" for d, v in choices]
    label_width = max([cv.text_width(text, small) for text in labels] + [40.0])
    label_width = min(label_width, width * 0.4)
    fitted = [cv.wrap(text, label_width + 0.1, small, most=1)[0] for text in labels]
    left, right = chart.MARGIN + label_width + 12, width - chart.MARGIN - 4
    top, bottom = 28.0, 178.0
    heading = sum(1 for i, (d, _) in enumerate(choices) if i and choices[i - 1][0] != d) * 4.0
    canvas = cv.Canvas(width, math.ceil(bottom + 14 + len(choices) * _ROW + heading + 22))
    canvas.text(
        chart.MARGIN,
        16,
        cv.wrap(plain(title), width - 16, size + 1, True, 1)[0],
        size=size + 1,
        bold=True,
    )
    step = (right - left) / len(items)

    def py(value: float) -> float:
        return bottom - y.share(value) * (bottom - top)

    canvas.line([left - 3, left - 3], [top, bottom], width=0.7)
    for tick, label in zip(y.ticks, y.labels, strict=True):
        canvas.line([left - 6, left - 3], [py(tick)] * 2, width=0.7)
        canvas.text(left - 8, py(tick) + 0.35 * size, label, size=size, align="right")
    beside = left - 13 - max(cv.text_width(label, size) for label in y.labels)
    canvas.text(beside, (top + bottom) / 2, effect, size=small, align="center", rotation=90)
    across = [left + (number + 0.5) * step for number in range(len(items))]
    ranges = [
        (x, py(item.lb), x, py(item.ub))
        for x, item in zip(across, items, strict=True)
        if not math.isnan(item.lb)
    ]
    canvas.segments(ranges, width=min(0.9, step * 0.6), colour=cv.RULE)
    radius = max(0.7, min(2.2, step * 0.45))
    others = [
        (x, py(item.estimate)) for x, item in zip(across, items, strict=True) if not item.primary
    ]
    canvas.dots(others, radius, fill=cv.BLUE)
    for x, item in zip(across, items, strict=True):
        if item.primary:
            canvas.square(x, py(item.estimate), 2 * radius + 2.4, fill=cv.VERMILLION, gid="primary")
    base = bottom + 14
    high = _ROW * 0.3
    for number, (dimension, value) in enumerate(choices):
        if number and choices[number - 1][0] != dimension:
            base += 4.0
        middle = base + _ROW / 2
        canvas.text(left - 12, middle + 0.35 * small, fitted[number], size=small, align="right")
        for primary, colour in ((False, cv.BLACK), (True, cv.VERMILLION)):
            marks = [
                (x, middle - high, x, middle + high)
                for x, item in zip(across, items, strict=True)
                if item.choices.get(dimension) == value and item.primary is primary
            ]
            canvas.segments(marks, width=max(0.4, step * 0.7), colour=colour)
        base += _ROW
    least, most = numbers.percent(items[0].estimate), numbers.percent(items[-1].estimate)
    note = f"{len(items)} analyses from {least} to {most}; square: the primary analysis."
    canvas.text(chart.MARGIN, base + 14, note, size=small, colour="#333333")
    canvas.figure.alt = f"{title}: specification curve, {note}"
    canvas.figure.title_text = title
    return canvas.figure
