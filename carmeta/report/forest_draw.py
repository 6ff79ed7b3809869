"""Drawing the pages of a forest plot whose layout is settled."""

from __future__ import annotations

import math
from typing import Final

from carmeta.report import canvas as cv
from carmeta.report.bias_signs import look
from carmeta.report.forest_layout import (
    LINE,
    MARGIN,
    MARK_RISE,
    SIGN_STEP,
    Layout,
    PlacedRow,
    arrange,
    mark_size,
)
from carmeta.report.forest_spec import ForestSpec, Mark

_SQUARE_MOST: Final = 0.74  # side of the heaviest study's square, of the row height
_SQUARE_LEAST: Final = 2.4  # points: a small study stays visible
_SQUARE_EQUAL: Final = 4.2  # points, where the model has no weights
_DIAMOND: Final = 0.36  # half height, of the row height
_BAR: Final = 2.0  # half height of the prediction bar, points
_ARROW: Final = 4.2  # points
_TICK: Final = 3.0
_SIGN_RADIUS: Final = 4.6
_MIDDLE: Final = 0.35  # from the baseline up to the middle of a digit, of the text size


def draw(spec: ForestSpec, rows_a_page: int | None = None) -> list[cv.Drawing]:
    """One figure a page."""
    with cv.settings():
        layout = arrange(spec) if rows_a_page is None else arrange(spec, rows_a_page)
        heaviest = max(
            (row.mark.weight for row in spec.rows if row.mark and row.mark.weight > 0),
            default=math.nan,
        )
        return [_Page(layout, number, heaviest).draw() for number in range(len(layout.pages))]


class _Page:
    def __init__(self, layout: Layout, number: int, heaviest: float) -> None:
        self.layout = layout
        self.spec = layout.spec
        self.preset = layout.spec.preset
        self.size = self.preset.size
        self.small = self.preset.small
        self.number = number
        self.last = number == len(layout.pages) - 1
        self.rows = layout.pages[number]
        self.heaviest = heaviest
        self.text_width = self.spec.width - 2 * MARGIN
        self.title = self._title_lines()
        self.notes = self._note_lines()
        self.axis_title = self._axis_title_lines()
        self.canvas = cv.Canvas(self.spec.width, self._height())

    # -- what will be written, and how much room it takes -------------------------------

    def _title_lines(self) -> list[str]:
        if not self.preset.show_title or not self.spec.title:
            return []
        return cv.wrap(self.spec.title, self.text_width, self.size + 1, True, 4)

    def _note_lines(self) -> list[str]:
        notes = list(self.spec.notes) if self.last else []
        if len(self.layout.pages) > 1:
            page = f"Page {self.number + 1} of {len(self.layout.pages)}."
            notes.append(page if self.last else page + " Pooled estimates are on the last page.")
        return [
            line for note in notes for line in cv.wrap(note, self.text_width, self.small, False)
        ]

    def _axis_title_lines(self) -> list[str]:
        width = self.layout.plot_right - self.layout.plot_left
        return cv.wrap(self.spec.axis.title, width, self.small, False, 3)

    def _header_height(self) -> float:
        lines = self.layout.header_lines + (1 if self.layout.has_spanners else 0)
        return lines * self.size * LINE + 3

    def _height(self) -> float:
        height = 5.0 + len(self.title) * (self.size + 1) * LINE + (5 if self.title else 0)
        height += self._header_height() + 3
        height += sum(placed.height + placed.row.gap for placed in self.rows) + 3
        height += _TICK + self.size * 1.15 + len(self.axis_title) * self.small * LINE
        if self.spec.axis.left or self.spec.axis.right:
            height += self.small * LINE + 1
        if self.notes:
            height += 7 + len(self.notes) * self.small * LINE
        return math.ceil(height + 5)

    # -- drawing --------------------------------------------------------------------------

    def draw(self) -> cv.Drawing:
        y = 5.0
        for line in self.title:
            y += (self.size + 1) * LINE
            self.canvas.text(MARGIN, y - 2, line, size=self.size + 1, bold=True)
        y += 5 if self.title else 0
        y = self._header(y)
        top = y
        y += 3
        bottom = y + sum(placed.height + placed.row.gap for placed in self.rows) + 3
        self._reference_lines(top, bottom)
        for placed in self.rows:
            y += placed.row.gap
            self._row(placed, y)
            y += placed.height
        y = self._axis(bottom)
        y += 7
        for line in self.notes:
            y += self.small * LINE
            self.canvas.text(MARGIN, y - 2, line, size=self.small, colour="#333333")
        figure = self.canvas.figure
        figure.alt = self.spec.alt
        figure.title_text = self.spec.title
        return figure

    def _header(self, y: float) -> float:
        if self.layout.has_spanners:
            self._spanners(y + self.size * LINE - 2)
        bottom = y + self._header_height()
        for column in self.spec.columns:
            place = next((p for p in self.layout.columns if p.column is column), None)
            baseline = bottom - 4 - (len(column.header) - 1) * self.size * LINE
            for line in column.header:
                if column.key == "study":
                    self.canvas.text(
                        self.layout.label_left, baseline, line, size=self.size, bold=True
                    )
                elif place is not None:
                    self.canvas.text(
                        place.right, baseline, line, size=self.size, bold=True, align="right"
                    )
                baseline += self.size * LINE
        self._sign_header(bottom - 4)
        self.canvas.line([MARGIN, self.spec.width - MARGIN], [bottom, bottom], width=0.7)
        return bottom

    def _sign_x(self, number: int) -> float:
        """The centre of a column of signs; the columns stand in the middle of their block."""
        block = self.spec.signs
        columns = len(block.letters) if block else 0
        middle = self.spec.width - MARGIN - self.layout.signs_width / 2
        return middle + (number - (columns - 1) / 2) * SIGN_STEP

    def _sign_header(self, baseline: float) -> None:
        block = self.spec.signs
        if block is None:
            return
        for number, letter in enumerate(block.letters):
            self.canvas.text(
                self._sign_x(number), baseline, letter, size=self.size, bold=True, align="center"
            )
        middle = self.spec.width - MARGIN - self.layout.signs_width / 2
        above = baseline - self.size * LINE
        self.canvas.text(middle, above, block.title, size=self.size, bold=True, align="center")

    def _signs(self, placed: PlacedRow, middle: float) -> None:
        block = self.spec.signs
        if block is None:
            return
        for number, (item, sign) in enumerate(block.of(placed.row)):
            mark, colour = look(sign)
            x = self._sign_x(number)
            gid = f"bias:{placed.row.key}:{item}"
            self.canvas.circle(
                x, middle, _SIGN_RADIUS, fill=colour, edge=cv.RULE, width=0.5, gid=gid
            )
            if mark:
                size = self.small
                at = middle + _MIDDLE * size
                self.canvas.text(x, at, mark, size=size, bold=True, align="center")

    def _spanners(self, baseline: float) -> None:
        groups: dict[str, list[float]] = {}
        for place in self.layout.columns:
            if place.column.spanner:
                edges = groups.setdefault(place.column.spanner, [place.left, place.right])
                edges[1] = place.right
        for text, (left, right) in groups.items():
            fitted = cv.wrap(text, right - left, self.size, True, 1)[0]
            self.canvas.text(
                (left + right) / 2, baseline, fitted, size=self.size, bold=True, align="center"
            )
            self.canvas.line([left, right], [baseline + 2.5] * 2, width=0.5, colour=cv.RULE)

    def _x(self, value: float) -> float:
        share = self.spec.axis.share(value)
        return self.layout.plot_left + share * (self.layout.plot_right - self.layout.plot_left)

    def _reference_lines(self, top: float, bottom: float) -> None:
        axis = self.spec.axis
        if axis.null is not None:
            x = self._x(axis.null)
            self.canvas.line([x, x], [top, bottom], width=0.7, colour=cv.GREY, gid="null")
        if axis.benchmark is not None and 0 <= axis.share(axis.benchmark) <= 1:
            x = self._x(axis.benchmark)
            self.canvas.line(
                [x, x], [top, bottom], width=0.8, colour=cv.GREEN, dashes=(1, 2), gid="benchmark"
            )
        if self.spec.dashed is not None and 0 <= axis.share(self.spec.dashed) <= 1:
            x = self._x(self.spec.dashed)
            self.canvas.line(
                [x, x], [top, bottom], width=0.7, colour=cv.GREY, dashes=(3, 2), gid="pooled-line"
            )

    def _row(self, placed: PlacedRow, y: float) -> None:
        row = placed.row
        size = self.small if row.kind == "note" else self.size
        colour = "#333333" if row.kind == "note" else cv.BLACK
        height = size * self.preset.row
        middle = y + height / 2
        baseline = middle + _MIDDLE * size
        if row.rule:
            left, right = MARGIN, self.spec.width - MARGIN
            y_rule = y - row.gap / 2
            self.canvas.line([left, right], [y_rule, y_rule], width=0.4, colour=cv.RULE)
        x = self.layout.label_left + row.indent
        for number, line in enumerate(placed.lines):
            at = baseline + number * size * LINE
            self.canvas.text(x, at, line, size=size, bold=row.bold, colour=colour)
        if row.label_mark:
            end = x + cv.text_width(placed.lines[-1], size, row.bold) + 0.8
            # Below another line of the label there is no room to raise it.
            rise = MARK_RISE * size if len(placed.lines) == 1 else 0.0
            at = baseline + (len(placed.lines) - 1) * size * LINE - rise
            self.canvas.text(end, at, row.label_mark, size=mark_size(size))
        for place in self.layout.columns:
            cell = row.cells.get(place.column.key)
            if cell is None:
                continue
            edges = place.parts if len(cell.parts) > 1 else (place.right,)
            for part, edge in zip(cell.parts, edges, strict=True):
                self.canvas.text(edge, baseline, part, size=size, bold=row.bold, align="right")
            if cell.mark:
                self.canvas.text(
                    place.right + 0.6,
                    baseline - MARK_RISE * size,
                    cell.mark,
                    size=mark_size(size),
                )
        self._signs(placed, middle)
        if row.mark is not None:
            self._mark(row.mark, middle, height, row.key)

    def _mark(self, mark: Mark, y: float, height: float, key: str) -> None:
        if math.isnan(mark.lb) or math.isnan(mark.ub):
            return
        if mark.glyph == "bar":
            self._bar(mark, y, key)
        elif mark.glyph == "square":
            self._interval(mark, y, key)
            if 0 <= self.spec.axis.share(mark.estimate) <= 1:
                side = self._side(mark.weight, height)
                x = self._x(mark.estimate)
                self.canvas.square(x, y, side, fill=self.preset.square, gid=f"square:{key}")
                left, right, _, _ = self._cut(mark)
                if right - left < side:  # the square would hide the whole interval
                    self.canvas.line([left, right], [y, y], width=0.7, colour=cv.WHITE)
        else:
            self._diamond(mark, y, height, key)

    def _side(self, weight: float, height: float) -> float:
        if math.isnan(weight) or math.isnan(self.heaviest):
            return _SQUARE_EQUAL
        return max(_SQUARE_LEAST, math.sqrt(max(weight, 0) / self.heaviest) * height * _SQUARE_MOST)

    def _cut(self, mark: Mark) -> tuple[float, float, bool, bool]:
        """Both ends in points, and whether the axis cuts them."""
        axis = self.spec.axis
        low, high = axis.share(mark.lb), axis.share(mark.ub)
        left = self.layout.plot_left if low < 0 else min(self._x(mark.lb), self.layout.plot_right)
        right = self.layout.plot_right if high > 1 else max(self._x(mark.ub), self.layout.plot_left)
        return left, right, low < -1e-9, high > 1 + 1e-9

    def _interval(self, mark: Mark, y: float, key: str) -> None:
        left, right, cut_left, cut_right = self._cut(mark)
        inner_left = left + (_ARROW if cut_left else 0)
        inner_right = right - (_ARROW if cut_right else 0)
        self.canvas.line([inner_left, inner_right], [y, y], width=0.9, gid=f"interval:{key}")
        if cut_left:
            self._arrow(left, y, _ARROW)
        if cut_right:
            self._arrow(right, y, -_ARROW)

    def _arrow(self, tip: float, y: float, length: float) -> None:
        self.canvas.polygon([(tip, y), (tip + length, y - 2), (tip + length, y + 2)], fill=cv.BLACK)

    def _diamond(self, mark: Mark, y: float, height: float, key: str) -> None:
        half = height * _DIAMOND
        centre = self._x(mark.estimate)
        ends = (self._x(mark.lb), self._x(mark.ub))
        points = _clip_diamond(
            ends[0], centre, ends[1], y, half, self.layout.plot_left, self.layout.plot_right
        )
        if len(points) < 3:
            return
        # No outline: its mitred tips would reach beyond the limits. An open diamond has a
        # white one inside instead.
        self.canvas.polygon(points, fill=self.preset.diamond, gid=f"diamond:{key}")
        if mark.glyph == "open-diamond":
            middle = min(max(centre, self.layout.plot_left), self.layout.plot_right)
            share = max(0.0, 1 - 1.3 / half)
            inner = [(middle + (px - middle) * share, y + (py - y) * share) for px, py in points]
            self.canvas.polygon(inner, fill=cv.WHITE)

    def _bar(self, mark: Mark, y: float, key: str) -> None:
        left, right, cut_left, cut_right = self._cut(mark)
        inner_left = left + (_ARROW if cut_left else 0)
        inner_right = right - (_ARROW if cut_right else 0)
        corners = [(inner_left, y - _BAR), (inner_right, y - _BAR)]
        corners += [(inner_right, y + _BAR), (inner_left, y + _BAR)]
        self.canvas.polygon(corners, fill=self.preset.prediction, gid=f"prediction:{key}")
        for tip, length, cut in ((left, _ARROW, cut_left), (right, -_ARROW, cut_right)):
            if cut:
                self.canvas.polygon(
                    [(tip, y), (tip + length, y - 3.4), (tip + length, y + 3.4)],
                    fill=self.preset.prediction,
                )

    def _axis(self, y: float) -> float:
        axis = self.spec.axis
        left, right = self.layout.plot_left, self.layout.plot_right
        self.canvas.line([left, right], [y, y], width=0.7, gid="axis")
        baseline = y + _TICK + self.size
        for tick, label in zip(axis.ticks, axis.tick_labels, strict=True):
            x = self._x(tick)
            self.canvas.line([x, x], [y, y + _TICK], width=0.7)
            self.canvas.text(x, baseline, label, size=self.size, align="center")
        y = y + _TICK + self.size * 1.15
        if axis.left or axis.right:
            y = self._sides(y)
        for line in self.axis_title:
            y += self.small * LINE
            self.canvas.text((left + right) / 2, y, line, size=self.small, align="center")
        return y

    def _sides(self, y: float) -> float:
        """Which side of the null line favours whom."""
        axis = self.spec.axis
        baseline = y + self.small * LINE
        null = self._x(axis.null if axis.null is not None else axis.low)
        half = self.layout.plot_right - null - 3
        for text, x, align in ((axis.left, null - 4, "right"), (axis.right, null + 4, "left")):
            fitted = cv.wrap(text, half, self.small, False, 1)[0]
            self.canvas.text(
                x, baseline, fitted, size=self.small, align="right" if align == "right" else "left"
            )
        return baseline + 1


def _clip_diamond(
    lb: float, centre: float, ub: float, y: float, half: float, low: float, high: float
) -> list[tuple[float, float]]:
    """The corners of a diamond with true limits, cut where the axis ends."""
    lower = max(lb, low)
    upper = min(ub, high)
    if lower >= upper:
        if lb == ub == centre and low <= centre <= high:
            return [(centre - 0.4, y), (centre, y - half), (centre + 0.4, y), (centre, y + half)]
        return []

    def reach(x: float) -> float:
        if x <= centre:
            return half if centre == lb else half * (x - lb) / (centre - lb)
        return half if centre == ub else half * (ub - x) / (ub - centre)

    xs = sorted({lower, upper, min(max(centre, lower), upper)})
    above = [(x, y - reach(x)) for x in xs]
    below = [(x, y + reach(x)) for x in reversed(xs) if reach(x) > 0]
    return above + below
