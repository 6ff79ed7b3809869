"""One model of a table, and its writers for text formats.

Word and Excel have modules of their own (:mod:`carmeta.report.word`, ``excel``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Literal

from carmeta.digits import significant
from carmeta.report import csvfiles, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Align = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column; neighbours with the same ``spanner`` share a heading above theirs."""

    header: str
    align: Align = "left"
    spanner: str = ""
    wide: bool = False  # holds running text


@dataclass(frozen=True, slots=True)
class Cell:
    """What is shown, and the number behind it for spreadsheets (None: the text itself)."""

    text: str
    value: float | int | None = None
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Cells in rows below columns, with caption and notes. ``key`` names files and anchors."""

    key: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"table {self.key}: {len(row)} cells under {len(self.columns)} columns"
                )

    @property
    def has_spanners(self) -> bool:
        return any(column.spanner for column in self.columns)


def filled(table: Table) -> Table:
    """Without the columns that no row fills."""
    kept = [i for i in range(len(table.columns)) if any(cells[i].text for cells in table.rows)]
    rows = tuple(tuple(cells[i] for i in kept) for cells in table.rows)
    return replace(table, columns=tuple(table.columns[i] for i in kept), rows=rows)


def cell(value: str | float | Cell | None) -> Cell:
    """A cell from what it holds; None and '' are an empty cell."""
    if isinstance(value, Cell):
        return value
    if value is None:
        return Cell("")
    if isinstance(value, int):
        from carmeta.report.numbers import count

        return Cell(count(value), value)
    if isinstance(value, float):
        return Cell(str(significant(value)), value)
    return Cell(value)


def row(*values: str | float | Cell | None) -> tuple[Cell, ...]:
    """A row of cells."""
    return tuple(cell(value) for value in values)


def spans(columns: Sequence[Column]) -> list[tuple[str, int, int]]:
    """Runs of columns with the same spanner: (text, first index, number of columns)."""
    runs: list[tuple[str, int, int]] = []
    for index, column in enumerate(columns):
        if runs and column.spanner and runs[-1][0] == column.spanner:
            runs[-1] = (runs[-1][0], runs[-1][1], runs[-1][2] + 1)
        else:
            runs.append((column.spanner, index, 1))
    return runs


def to_csv(table: Table) -> bytes:
    """The table as people read it, without notes; spanners stand before their headers."""
    header = [
        f"{column.spanner}: {column.header}" if column.spanner else column.header
        for column in table.columns
    ]
    rows = ([_csv_value(item) for item in cells] for cells in table.rows)
    return csvfiles.write([text.csv_cell(name) for name in header], rows)


def _csv_value(item: Cell) -> csvfiles.Value:
    return item.text if item.value is None else item.value


def to_markdown(table: Table, *, caption: bool = True) -> str:
    """A GitHub-flavoured Markdown table; text is escaped."""
    lines: list[str] = []
    if caption:
        lines += [f"**{text.markdown(table.caption)}**", ""]
    header = [
        f"{column.spanner}: {column.header}" if column.spanner else column.header
        for column in table.columns
    ]
    lines.append(_markdown_row(header))
    rules = ["---:" if column.align == "right" else "---" for column in table.columns]
    lines.append("| " + " | ".join(rules) + " |")
    for cells in table.rows:
        shown = [
            f"**{text.markdown(item.text)}**"
            if item.bold and item.text
            else text.markdown(item.text)
            for item in cells
        ]
        lines.append("| " + " | ".join(shown) + " |")
    if table.notes:
        lines += [""] + [text.markdown(note) + "  " for note in table.notes]
    return "\n".join(lines) + "\n"


def _markdown_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(text.markdown(item) for item in cells) + " |"


def to_html(table: Table, *, sortable: bool = False) -> str:
    """A table with caption, header scopes and notes; text is escaped and direction-isolated."""
    attributes = f' id="table-{escape(table.key)}"' + (' data-sortable=""' if sortable else "")
    parts = [f"<table{attributes}>", f"<caption>{_html(table.caption)}</caption>", "<thead>"]
    if table.has_spanners:
        parts.append("<tr>")
        for label, _, width in spans(table.columns):
            if label:
                parts.append(f'<th colspan="{width}" scope="colgroup">{_html(label)}</th>')
            else:
                parts.append(f'<td colspan="{width}"></td>')
        parts.append("</tr>")
    parts.append("<tr>")
    parts += [
        f'<th scope="col"{_html_class(column)}>{_html(column.header)}</th>'
        for column in table.columns
    ]
    parts += ["</tr>", "</thead>", "<tbody>"]
    for cells in table.rows:
        parts.append("<tr>" + "".join(_html_cells(table, cells)) + "</tr>")
    parts += ["</tbody>", "</table>"]
    parts += [f'<p class="note">{_html(note)}</p>' for note in table.notes]
    return "\n".join(parts)


def _html_cells(table: Table, cells: tuple[Cell, ...]) -> Iterable[str]:
    for index, (column, item) in enumerate(zip(table.columns, cells, strict=True)):
        tag = 'th scope="row"' if index == 0 else "td"
        shown = _html(item.text)
        if item.bold:
            shown = f"<strong>{shown}</strong>"
        key = "" if item.value is None else f' data-value="{significant(item.value)!r}"'
        yield f"<{tag}{_html_class(column)}{key}>{shown}</{tag.split()[0]}>"


def _html_class(column: Column) -> str:
    if column.align == "right":
        return ' class="number"'
    return ' class="wide"' if column.wide else ""


def _html(value: str) -> str:
    cleaned = text.clean(value)
    shown = escape(cleaned)
    # Foreign direction marks must not leak into the neighbouring cells.
    return shown if cleaned.isascii() else f"<bdi>{shown}</bdi>"


def to_latex(table: Table) -> str:
    """A ``longtable`` with booktabs rules; needs the preamble of :func:`latex_document`."""
    width = len(table.columns)
    wide = sum(column.wide for column in table.columns)
    share = 0.9 / max(1, wide + (width - wide) * 0.35)
    kinds = "".join(
        "r"
        if column.align == "right"
        else f"p{{{share if column.wide else 0.35 * share:.3f}\\linewidth}}"
        for column in table.columns
    )
    lines = [f"\\begin{{longtable}}{{{kinds}}}"]
    lines.append(f"\\caption{{{text.latex(table.caption)}}}\\\\")
    lines.append("\\toprule")
    header = []
    if table.has_spanners:
        spanned = [
            f"\\multicolumn{{{n}}}{{c}}{{{text.latex(label)}}}"
            for label, _, n in spans(table.columns)
        ]
        header.append(" & ".join(spanned) + " \\\\")
    header.append(
        " & ".join(f"{{{text.latex(column.header)}}}" for column in table.columns) + " \\\\"
    )
    lines += [*header, "\\midrule", "\\endfirsthead", "\\toprule", *header, "\\midrule"]
    lines += ["\\endhead", "\\bottomrule", "\\endlastfoot"]
    for cells in table.rows:
        shown = [
            f"\\textbf{{{text.latex(item.text)}}}" if item.bold else f"{{{text.latex(item.text)}}}"
            for item in cells
        ]
        lines.append(" & ".join(shown) + " \\\\")
    lines.append("\\end{longtable}")
    lines += [f"\\noindent {{\\footnotesize {text.latex(note)}}}\\par" for note in table.notes]
    return "\n".join(lines) + "\n"


def latex_document(tables: Iterable[Table], title: str) -> bytes:
    """A complete document that pdfLaTeX, XeLaTeX and LuaLaTeX compile."""
    head = [
        "\\documentclass[10pt]{article}",
        "\\usepackage{iftex}",
        "\\ifPDFTeX\\usepackage[T1]{fontenc}\\usepackage[utf8]{inputenc}"
        + "\\usepackage{textcomp}\\else\\usepackage{fontspec}\\fi",
        "\\usepackage[a4paper,landscape,margin=15mm]{geometry}",
        "\\usepackage{booktabs,longtable,array}",
        "\\setlength{\\tabcolsep}{3pt}",
        "\\begin{document}",
        f"\\section*{{{text.latex(title)}}}",
    ]
    body = [to_latex(table) for table in tables if table.rows]
    return "\n".join([*head, *body, "\\end{document}", ""]).encode("utf-8", "backslashreplace")
