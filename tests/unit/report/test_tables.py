from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import pytest

from carmeta.report import contents, tables
from carmeta.report.excel import workbook
from carmeta.report.files import all_tables
from carmeta.report.tables import Cell, Column, Table, row
from carmeta.report.word import document
from tests.figures import synthetic

TABLE = Table(
    "test",
    "A & B <caption>",
    (Column("Study"), Column("Events", "right", "Treatment"), Column("Total", "right", "Treatment"),
     Column("Note", wide=True)),
    (
        row("=cmd()", 5, 17, "a|b $x$ \\input{y} <script>"),
        row("Żółć ≥3", Cell("1 (1 to 2)"), 9, Cell("bold", bold=True)),
    ),
    ("A note with 100% & more",),
)  # fmt: skip


def test_rows_must_fit() -> None:
    with pytest.raises(ValueError, match="1 cells under 2"):
        Table("t", "t", (Column("a"), Column("b")), (row("x"),))


def test_spans() -> None:
    assert tables.spans(TABLE.columns) == [("", 0, 1), ("Treatment", 1, 2), ("", 3, 1)]


def test_csv() -> None:
    lines = list(csv.reader(io.StringIO(tables.to_csv(TABLE).decode())))
    assert lines[0] == ["Study", "Treatment: Events", "Treatment: Total", "Note"]
    assert lines[1] == ["'=cmd()", "5", "17", "a|b $x$ \\input{y} <script>"]


def test_markdown() -> None:
    shown = tables.to_markdown(TABLE)
    lines = shown.splitlines()
    assert lines[3] == "| --- | ---: | ---: | --- |"
    body = [line for line in lines if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in body} == {5}
    assert r"\<script\>" in shown


class _Shape(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_html() -> None:
    parser = _Shape()
    parser.feed(tables.to_html(TABLE))
    names = [tag for tag, _ in parser.tags]
    assert "script" not in names
    assert names.count("caption") == 1
    scopes = [attrs.get("scope") for tag, attrs in parser.tags if tag == "th"]
    assert scopes == ["colgroup", "col", "col", "col", "col", "row", "row"]
    assert "A & B <caption>" in parser.text
    assert any("<script>" in text for text in parser.text)


def test_latex_text() -> None:
    shown = tables.to_latex(TABLE)
    assert "\\input{y}" not in shown
    assert "\\textbackslash{}input\\{y\\}" in shown
    assert shown.count("\\\\\n") == shown.count(" \\\\\n") + 1  # rows, and the caption


@pytest.mark.skipif(
    not any(shutil.which(tex) for tex in ("xelatex", "lualatex", "pdflatex", "tectonic")),
    reason="no TeX here",
)
def test_latex_compiles(tmp_path: Path) -> None:
    program = next(t for t in ("xelatex", "lualatex", "pdflatex", "tectonic") if shutil.which(t))
    found = all_tables(synthetic.analysis(text="<b> $x$ \\input{y} & 5% _ ^"))
    (tmp_path / "tables.tex").write_bytes(tables.latex_document([TABLE, *found], "Title & more"))
    options = [] if program == "tectonic" else ["-interaction=nonstopmode", "-halt-on-error"]
    done = subprocess.run(
        [program, *options, "tables.tex"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_word_table_is_real_and_repeats_its_header() -> None:
    raw = document("Title", [("heading", "H"), ("text", "T")], [TABLE])
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        xml = archive.read("word/document.xml").decode()
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert xml.count("<w:tbl>") == 1
    assert xml.count("w:tblHeader") == 2  # two header lines, with the spanner
    assert "w:gridSpan" in xml
    assert "&lt;script&gt;" in xml


def test_excel_text_is_text_and_numbers_are_numbers() -> None:
    raw = workbook([TABLE], "Title")
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
        strings = archive.read("xl/sharedStrings.xml").decode()
        core = archive.read("docProps/core.xml").decode()
    assert "<f>" not in sheet
    assert "=cmd()" in strings
    assert re.search(r'<c r="B4"[^>]*><v>5</v>', sheet)
    assert "2000-01-01T00:00:00Z" in core


def test_documents_do_not_change() -> None:
    assert workbook([TABLE], "T") == workbook([TABLE], "T")
    assert document("T", [], [TABLE]) == document("T", [], [TABLE])


def test_every_table_of_a_run_has_cells_for_its_columns() -> None:
    found = all_tables(synthetic.analysis())
    assert {table.key for table in found} >= {
        "headline", "models", "contrasts", "studies", "counts", "sensitivity", "findings",
        "excluded", "decisions",
    }  # fmt: skip
    for table in found:
        assert table.rows
        assert table.caption


def test_headline_shows_the_primary_model_and_the_one_beside_it() -> None:
    analysis = synthetic.analysis()
    shown = contents.headline(analysis)
    first = [item.text for item in shown.rows[0]]
    assert first[0] == "Overall response"
    assert first[1] == "80.8 (62.2 to 91.5)"
    assert first[2] == "21.9 to 98.4"
    assert first[3:5] == ["9", "529/649"]
    assert shown.columns[-1].header == "REML, HK, % (95% CI)"
