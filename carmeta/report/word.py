"""Word documents with real tables, the same bytes for the same content."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any, Final

from carmeta.report.tables import Table, spans
from carmeta.report.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

# The earliest time a zip archive can hold; the clock must not get into the file.
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def document(
    title: str,
    paragraphs: Sequence[tuple[str, str]],
    tables: Sequence[Table],
    figures: Sequence[tuple[str, str, bytes]] = (),
) -> bytes:
    """A docx: title, (style, text) paragraphs, figures (caption, alt text, PNG), tables."""
    import docx
    from docx.enum.section import WD_ORIENT
    from docx.shared import Mm, Pt

    doc = docx.Document()
    properties = doc.core_properties
    properties.title, properties.author = clean(title)[:255], ""
    normal: Any = doc.styles["Normal"]
    normal.font.name, normal.font.size = "Arial", Pt(10)
    section = doc.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = Mm(297), Mm(210)
    section.left_margin = section.right_margin = section.top_margin = Mm(18)
    section.bottom_margin = Mm(16)
    doc.add_heading(clean(title), 0)
    for style, content in paragraphs:
        if style == "heading":
            doc.add_heading(clean(content), 1)
        else:
            doc.add_paragraph(clean(content))
    for number, table in enumerate(tables, start=1):
        _table(doc, table, number)
    for number, (caption, alt, png) in enumerate(figures, start=1):
        _figure(doc, f"Figure {number}. {caption}", alt, png)
    buffer = io.BytesIO()
    doc.save(buffer)
    return fixed_zip(buffer.getvalue())


def _figure(doc: Any, caption: str, alt: str, png: bytes) -> None:
    from docx.shared import Mm

    picture = doc.add_picture(io.BytesIO(png), width=Mm(183))
    picture._inline.docPr.set("descr", clean(alt))
    picture._inline.docPr.set("title", clean(caption))
    doc.add_paragraph(clean(caption), style="Caption")


def _table(doc: Any, table: Table, number: int) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Pt

    doc.add_paragraph(clean(f"Table {number}. {table.caption}"), style="Caption")
    heads = 2 if table.has_spanners else 1
    grid = doc.add_table(rows=heads + len(table.rows), cols=len(table.columns))
    grid.style = "Light List"
    all_cells = grid._cells  # python-docx walks the whole grid for each single cell
    width = len(table.columns)

    def put(line: int, column: int, content: str, bold: bool) -> None:
        target = all_cells[line * width + column]
        paragraph = target.paragraphs[0]
        run = paragraph.add_run(clean(content))
        run.bold = bold
        run.font.size = Pt(8)
        if table.columns[column].align == "right":
            paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT

    if table.has_spanners:
        for label, first, count in spans(table.columns):
            put(0, first, label, True)
            if count > 1:
                all_cells[first].merge(all_cells[first + count - 1])
    for index, column in enumerate(table.columns):
        put(heads - 1, index, column.header, True)
    for line, cells in enumerate(table.rows, start=heads):
        for index, item in enumerate(cells):
            put(line, index, item.text, item.bold)
    for line in range(heads):
        _repeat_header(grid.rows[line])
    for note in table.notes:
        paragraph = doc.add_paragraph()
        paragraph.add_run(clean(note)).font.size = Pt(8)


def _repeat_header(row: Any) -> None:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    properties = row._tr.get_or_add_trPr()
    element = OxmlElement("w:tblHeader")
    element.set(qn("w:val"), "true")
    properties.append(element)


def fixed_zip(raw: bytes) -> bytes:
    """The same archive with every time set to 1980."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(raw)) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            info.create_system = 3
            target.writestr(info, source.read(name))
    return out.getvalue()
