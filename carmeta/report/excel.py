"""An Excel workbook: one sheet a table, text as text and numbers as numbers."""

from __future__ import annotations

import datetime as dt
import io
import math
from typing import TYPE_CHECKING, Any, Final

from carmeta.digits import significant
from carmeta.report.tables import Cell, Table, spans
from carmeta.report.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carmeta.report.csvfiles import Raw

_CREATED: Final = dt.datetime(2000, 1, 1)  # fixed: the clock must not get into the file
_OPTIONS: Final = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": False,
}
_MOST_TEXT: Final = 32_767  # characters an Excel cell holds


def workbook(tables: Iterable[Table], title: str, raw: Iterable[Raw] = ()) -> bytes:
    """The bytes of an xlsx file, the same for the same tables.

    Behind the tables that people read stand the machine-readable ones (``raw``) with their
    numbers to 10 significant digits.
    """
    import xlsxwriter

    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, _OPTIONS)
    book.set_properties({"title": clean(title)[:255], "created": _CREATED})
    formats = {
        "head": book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}),
        "text": book.add_format({"text_wrap": True, "valign": "top"}),
        "bold": book.add_format({"bold": True, "text_wrap": True, "valign": "top"}),
        "right": book.add_format({"align": "right", "valign": "top"}),
        "note": book.add_format({"italic": True}),
        "span": book.add_format({"bold": True, "align": "center", "bottom": 1}),
    }
    for table in tables:
        _sheet(book.add_worksheet(table.key[:31]), table, formats)
    for data in raw:
        _raw_sheet(book.add_worksheet(f"data_{data.name}"[:31]), data, formats)
    book.close()
    return buffer.getvalue()


def _sheet(sheet: Any, table: Table, formats: dict[str, Any]) -> None:
    sheet.write_string(0, 0, clean(table.caption), formats["bold"])
    line = 1
    if table.has_spanners:
        for label, first, count in spans(table.columns):
            if label and count > 1:
                sheet.merge_range(line, first, line, first + count - 1, "", formats["span"])
            if label:
                sheet.write_string(line, first, clean(label), formats["span"])
        line += 1
    for index, column in enumerate(table.columns):
        sheet.write_string(line, index, clean(column.header), formats["head"])
        lengths = [len(cells[index].text) for cells in table.rows] + [len(column.header)]
        sheet.set_column(index, index, min(60, max(8, max(lengths) + 1)))
    sheet.freeze_panes(line + 1, 1)
    for cells in table.rows:
        line += 1
        for index, item in enumerate(cells):
            _put(sheet, line, index, item, table.columns[index].align, formats)
    for note in table.notes:
        line += 1
        sheet.write_string(line, 0, clean(note), formats["note"])


def _raw_sheet(sheet: Any, data: Raw, formats: dict[str, Any]) -> None:
    for index, name in enumerate(data.columns):
        sheet.write_string(0, index, name, formats["head"])
    sheet.freeze_panes(1, 1)
    for line, values in enumerate(data.rows, start=1):
        for index, value in enumerate(values):
            if isinstance(value, str):
                if value:
                    sheet.write_string(line, index, clean(value)[:_MOST_TEXT])
            elif math.isfinite(value):
                sheet.write_number(line, index, significant(value))
            elif math.isinf(value):
                sheet.write_string(line, index, "inf" if value > 0 else "-inf")


def _put(
    sheet: Any, line: int, index: int, item: Cell, align: str, formats: dict[str, Any]
) -> None:
    if item.value is not None and math.isfinite(item.value):
        sheet.write_number(line, index, significant(item.value), formats["right"])
        return
    chosen = "bold" if item.bold else ("right" if align == "right" else "text")
    sheet.write_string(line, index, clean(item.text)[:_MOST_TEXT], formats[chosen])
