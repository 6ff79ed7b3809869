"""Measuring a forest plot: column edges, line breaks and pages, all from text widths."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from carmeta.report.canvas import MINIMUM_TEXT, text_width, wrap
from carmeta.report.forest_spec import PLOT, Cell, Column, ForestSpec, Row
from carmeta.report.text import plain, tie

if TYPE_CHECKING:
    from collections.abc import Sequence

MARGIN: Final = 6.0
PLOT_MINIMUM: Final = 56.0
PLOT_COMFORT: Final = 130.0  # the label column is wrapped before the plot gets narrower
LABEL_MINIMUM: Final = 62.0
LABEL_SHARE: Final = 0.42  # of the figure, at most, for long labels
LINE: Final = 1.2  # line height as a multiple of the text size
ROWS_A_PAGE: Final = 45
MARK_RISE: Final = 0.3  # of the text size
MOST_LABEL_LINES: Final = 30
SIGN_STEP: Final = 11.0  # between the centres of two risk-of-bias signs


@dataclass(frozen=True, slots=True)
class PlacedColumn:
    """Edges of a text column in points; ``parts`` are right edges of the sub-columns."""

    column: Column
    left: float
    right: float  # where numbers end; a mark hangs beyond
    parts: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PlacedRow:
    """A row with its label broken into lines."""

    row: Row
    lines: tuple[str, ...]
    height: float  # without the gap above


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything goes; the same columns on every page."""

    spec: ForestSpec
    label_left: float
    label_width: float
    columns: tuple[PlacedColumn, ...]  # without study and plot
    plot_left: float
    plot_right: float
    header_lines: int
    has_spanners: bool
    pages: tuple[tuple[PlacedRow, ...], ...]
    signs_width: float = 0.0  # of the risk-of-bias signs, at the right edge


def mark_size(size: float) -> float:
    """Text size of a raised mark; never below what is legible in print."""
    return max(MINIMUM_TEXT, size - 1)


def arrange(spec: ForestSpec, rows_a_page: int = ROWS_A_PAGE) -> Layout:
    """Measure and place; raises ValueError where the columns leave no room for a plot."""
    spec = _tidy(spec)
    size = spec.preset.size
    texts = [column for column in spec.columns if column.key not in ("study", PLOT)]
    widths = [_column_width(column, spec.rows, size) for column in texts]
    gap = spec.preset.gap
    gaps = gap * (len(spec.columns) - 1)
    signs = _signs_width(spec)
    gaps += gap if signs else 0.0
    room = spec.width - 2 * MARGIN - gaps - sum(width.total for width in widths) - signs
    tick_overhang = max(text_width(label, size) for label in spec.axis.tick_labels) / 2
    label_width = _label_width(spec, room - tick_overhang * 2)
    plot_width = room - label_width
    if plot_width - tick_overhang * 2 < PLOT_MINIMUM:
        raise ValueError(
            f"{len(spec.columns)} columns do not fit into {spec.width:.0f} pt: "
            "choose a wider figure or fewer columns"
        )
    placed: list[PlacedColumn] = []
    x = MARGIN
    plot = (0.0, 0.0)
    label_left = MARGIN
    for column in spec.columns:
        if column.key == "study":
            label_left = x
            x += label_width + gap
        elif column.key == PLOT:
            plot = (x + tick_overhang, x + plot_width - tick_overhang)
            x += plot_width + gap
        else:
            width = widths[texts.index(column)]
            placed.append(width.place(column, x))
            x += width.total + gap
    layout = Layout(
        spec=spec,
        label_left=label_left,
        label_width=label_width,
        columns=tuple(placed),
        plot_left=plot[0],
        plot_right=plot[1],
        header_lines=max(2 if signs else 1, *(len(column.header) for column in spec.columns)),
        has_spanners=any(column.spanner for column in spec.columns),
        pages=(),
        signs_width=signs,
    )
    rows = [_place_row(row, layout) for row in spec.rows]
    return _with_pages(layout, _paginate(rows, rows_a_page, size * spec.preset.row))


def _signs_width(spec: ForestSpec) -> float:
    if spec.signs is None:
        return 0.0
    title = text_width(spec.signs.title, spec.preset.size, True)
    return max(len(spec.signs.letters) * SIGN_STEP, title)


def _tidy(spec: ForestSpec) -> ForestSpec:
    """The same with line ends, controls and invisible formatting out of all text."""
    rows = tuple(
        replace(
            row,
            label=plain(row.label),
            cells={
                key: Cell(tuple(plain(part) for part in cell.parts), cell.mark)
                for key, cell in row.cells.items()
            },
        )
        for row in spec.rows
    )
    columns = tuple(
        replace(
            column,
            header=tuple(plain(line) for line in column.header),
            spanner=plain(column.spanner),
        )
        for column in spec.columns
    )
    return replace(
        spec,
        title=plain(spec.title),
        columns=columns,
        rows=rows,
        axis=replace(spec.axis, title=plain(spec.axis.title)),
        notes=tuple(tie(plain(note)) for note in spec.notes),
    )


@dataclass(frozen=True, slots=True)
class _Width:
    header: float
    parts: tuple[float, ...]
    gaps: tuple[float, ...]
    single: float
    mark: float

    @property
    def text(self) -> float:
        return max(self.header, self.single, sum(self.parts) + sum(self.gaps))

    @property
    def total(self) -> float:
        return self.text + self.mark

    def place(self, column: Column, left: float) -> PlacedColumn:
        right = left + self.text
        edges: list[float] = []
        x = right
        for index in range(len(self.parts) - 1, -1, -1):
            edges.append(x)
            x -= self.parts[index] + (self.gaps[index - 1] if index else 0.0)
        return PlacedColumn(column, left, right, tuple(reversed(edges)))


def _column_width(column: Column, rows: Sequence[Row], size: float) -> _Width:
    header = max((text_width(line, size, True) for line in column.header), default=0.0)
    parts: list[float] = []
    single = mark = 0.0
    for row in rows:
        cell = row.cells.get(column.key)
        if cell is None:
            continue
        measured = [text_width(part, size, row.bold) for part in cell.parts]
        if len(measured) == 1:
            single = max(single, measured[0])
        else:
            parts += [0.0] * (len(measured) - len(parts))
            parts = [max(old, new) for old, new in zip(parts, measured, strict=True)]
        if cell.mark:
            mark = max(mark, text_width(cell.mark, mark_size(size)) + 0.6)
    if not parts:
        parts = [single]
    space = text_width("n n", size) - 2 * text_width("n", size)
    gaps = tuple(space * factor for factor in column.gaps[: len(parts) - 1])
    gaps += (space,) * (len(parts) - 1 - len(gaps))
    return _Width(header, tuple(parts), gaps, single, mark)


def _label_width(spec: ForestSpec, room: float) -> float:
    """Natural width of the labels, as far as a comfortable plot leaves room."""
    size = spec.preset.size
    header = next(column.header for column in spec.columns if column.key == "study")
    needed = max(text_width(line, size, True) for line in header)
    least = max(LABEL_MINIMUM, needed)  # a header is not wrapped
    beside = next((column.key for column in spec.columns if column.key not in ("study", PLOT)), "")
    for row in spec.rows:
        if row.kind in ("study", "total") or _says(row.cells.get(beside)):
            width = row.indent + text_width(row.label, size, row.bold)
            if row.label_mark:
                width += text_width(row.label_mark, mark_size(size)) + 1
            needed = max(needed, width)
    at_most = max(least, min(room - PLOT_COMFORT, spec.width * LABEL_SHARE))
    return min(needed + 0.5, at_most, max(room - PLOT_MINIMUM, least))


def free_width(row: Row, layout: Layout) -> float:
    """How far a row's label may reach: to the next column that has something to say."""
    stops = [place.left for place in layout.columns if _says(row.cells.get(place.column.key))]
    stops.append(layout.plot_left)
    ahead = [stop for stop in stops if stop > layout.label_left]
    gap = layout.spec.preset.gap
    right = min(ahead, default=layout.spec.width - MARGIN + gap) - gap
    if row.kind == "study":
        right = layout.label_left + layout.label_width
    return right - layout.label_left - row.indent


def _says(cell: Cell | None) -> bool:
    return cell is not None and any(part.strip() for part in cell.parts)


def _place_row(row: Row, layout: Layout) -> PlacedRow:
    preset = layout.spec.preset
    size = preset.small if row.kind == "note" else preset.size
    width = free_width(row, layout)
    if row.label_mark:
        width -= text_width(row.label_mark, mark_size(size)) + 1
    lines = wrap(row.label, width, size, row.bold, MOST_LABEL_LINES)
    height = size * preset.row + (len(lines) - 1) * size * LINE
    return PlacedRow(row, tuple(lines), height)


def _paginate(
    rows: Sequence[PlacedRow], rows_a_page: int, row_height: float
) -> tuple[tuple[PlacedRow, ...], ...]:
    """Pages of equal height at most; rows that belong together are not torn apart."""
    blocks: list[list[PlacedRow]] = [[]]
    for placed in rows:
        blocks[-1].append(placed)
        if not placed.row.keep:
            blocks.append([])
    blocks = [block for block in blocks if block]
    limit = rows_a_page * row_height
    total = sum(placed.height + placed.row.gap for placed in rows)
    # Even pages rather than a full one and a rest of two lines.
    pages_needed = max(1, math.ceil(total / limit))
    target = min(limit, total / pages_needed + 2 * row_height)
    pages: list[list[PlacedRow]] = [[]]
    used = 0.0
    for block in blocks:
        height = sum(placed.height + placed.row.gap for placed in block)
        if pages[-1] and used + height > target:
            pages.append([])
            used = 0.0
        pages[-1].extend(block)
        used += height
    return tuple(tuple(page) for page in pages)


def _with_pages(layout: Layout, pages: tuple[tuple[PlacedRow, ...], ...]) -> Layout:
    return replace(layout, pages=pages)
