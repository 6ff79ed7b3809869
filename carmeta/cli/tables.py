"""Rows as a table for people, or as JSON, CSV or Markdown for programs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from carmeta.cli import terminal

Format = Literal["table", "json", "csv", "md"]


def write_rows(
    rows: Sequence[Mapping[str, Any]],
    columns: Mapping[str, str],
    fmt: Format,
    *,
    right: Sequence[str] = (),
) -> None:
    """Write rows to stdout.

    ``columns`` maps keys to headings, in order; ``right`` names the columns of numbers. JSON
    holds the values as they are under their keys, the others hold text (None is empty).
    """
    if fmt == "json":
        write_json([{key: row.get(key) for key in columns} for row in rows])
    elif fmt == "csv":
        _csv(rows, columns)
    elif fmt == "md":
        _markdown(rows, columns, right)
    else:
        _table(rows, columns, right)


def write_json(data: Any) -> None:
    """JSON to stdout; the caller has replaced numbers that JSON does not know."""
    import json

    terminal.emit(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False))


def _text(value: Any) -> str:
    if value is None or value == {}:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    return str(value)


def _csv(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    import csv

    from carmeta.report.text import csv_cell

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        values = (row.get(key) for key in columns)
        # A number is a number; text that a spreadsheet would take for a formula is disarmed.
        writer.writerow([v if isinstance(v, int | float) else csv_cell(_text(v)) for v in values])


def _markdown(
    rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], right: Sequence[str]
) -> None:
    from carmeta.report.text import markdown

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    lines = [line([markdown(heading) for heading in columns.values()])]
    lines.append(line(["--:" if key in right else "---" for key in columns]))
    lines += [line([markdown(_text(row.get(key))) for key in columns]) for row in rows]
    terminal.emit("\n".join(lines))


def _table(
    rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], right: Sequence[str]
) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    people = sys.stdout.isatty()
    table = Table(box=SIMPLE_HEAD if people else None, pad_edge=False)
    for key, heading in columns.items():
        justify: Literal["right", "left"] = "right" if key in right else "left"
        table.add_column(Text(heading), justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*(Text(terminal.safe(_text(row.get(key)))) for key in columns))
    terminal.show(table)
