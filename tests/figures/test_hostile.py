"""Hostile text in every field reaches every output as text."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from dataclasses import fields, is_dataclass, replace
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from carmeta.domain.analysis import Analysis
from carmeta.report.files import render_all
from tests.figures import synthetic

# Markup, scripts, maths, TeX, templates, formulas, terminals, direction, marks, and length.
POISON = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> $x^2$ \\input{/etc/passwd} {{ 7*7 }} "
    "{% raw %} [red]x[/red] **b** `c` |d| =1+1 \x1b[31m \u202e\u202dabc \u05d0\u05d1 e\u0301\u0327 "
    + "N"
    * 500
)
FORMULA = "=cmd()|'/C calc'!A0"
# Chosen by the vocabulary, never by a record's author.
CODES = {
    "outcome", "derivation", "role", "unit", "population", "severity", "action", "kind", "model",
    "measure", "method", "test", "pi_method", "i2_method", "tau2_ci_method", "weights_kind",
    "code", "rule", "tau2", "moderator", "tool", "judgement", "part", "key", "a", "b",
    "item",
}  # fmt: skip


def poison(value: Any, text: str, name: str = "") -> Any:
    """The same with ``text`` behind every free text."""
    if is_dataclass(value) and not isinstance(value, type):
        changed = {
            field.name: poison(getattr(value, field.name), text, field.name)
            for field in fields(value)
        }
        return replace(value, **changed)
    if isinstance(value, tuple):
        return tuple(poison(item, text, name) for item in value)
    if isinstance(value, dict):
        if name == "inputs":
            return {key + "/" + text[:40]: item for key, item in value.items()}
        return {key: poison(item, text, name) for key, item in value.items()}
    if isinstance(value, str) and name not in CODES:
        return text if text.startswith("=") else f"{value} {text}".strip()
    return value


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    analysis: Analysis = poison(
        synthetic.analysis(outcomes=(synthetic.outcome(4, subgroups=True),)), POISON
    )
    return render_all(analysis, jobs=1)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_html(files: dict[str, bytes]) -> None:
    page = _Page()
    page.feed(files["report.html"].decode())
    names = [tag for tag, _ in page.tags]
    assert names.count("script") == 1
    assert all(
        str(attrs.get("src", "")).startswith("data:") for t, attrs in page.tags if t == "img"
    )
    assert not [a for _, attrs in page.tags for a in attrs if a.startswith("on") or a == "style"]
    text = " ".join(page.text)
    assert "<script>alert(1)</script>" in text
    assert "{{ 7*7 }}" in text
    assert "\x1b" not in text


def test_direction_marks_are_isolated_in_html(files: dict[str, bytes]) -> None:
    html = files["report.html"].decode()
    body = html[html.index("<body>") :]
    for match in re.finditer("\u202e", body):
        before = body[: match.start()]
        inside = max(before.rfind("<bdi>"), before.rfind("<bdi "))
        closed = before.rfind("</bdi>")
        attribute = before.rfind('="') > before.rfind(">")
        in_pre = before.rfind("<pre") > before.rfind("</pre>")
        assert inside > closed or attribute or in_pre, body[match.start() - 200 : match.start()]


def test_svg(files: dict[str, bytes]) -> None:
    for name, raw in files.items():
        if name.endswith(".svg"):
            root = ElementTree.fromstring(raw)
            tags = {node.tag.split("}")[1] for node in root.iter()}
            assert not tags & {"script", "image", "foreignObject", "a"}
    text = files["forest_orr.svg"].decode()
    assert "&lt;script&gt;" in text
    assert "$x^2$" in text


def test_csv(files: dict[str, bytes]) -> None:
    analysis: Analysis = poison(
        synthetic.analysis(outcomes=(synthetic.outcome(4, subgroups=True),)), FORMULA
    )
    spoiled = render_all(analysis, figures=False, word=False, excel=False)
    for name, raw in {**files, **spoiled}.items():
        if not name.endswith(".csv"):
            continue
        rows = list(csv.reader(io.StringIO(raw.decode(), newline="")))
        assert {len(row) for row in rows} == {len(rows[0])}, name
        for cell in (cell for row in rows for cell in row):
            if cell[:1] in ("=", "+", "-", "@", "\t", "\r"):
                float(cell)  # a number, or an error


def test_markdown(files: dict[str, bytes]) -> None:
    text = files["summary.md"].decode()
    assert "<script>" not in text
    assert "\\<script\\>" in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert rows
    for line in rows:
        assert line.endswith(" |")
    assert "`c`" not in text.replace("\\`c\\`", "")


def test_latex(files: dict[str, bytes]) -> None:
    text = files["tables.tex"].decode()
    assert "\\input{" not in text
    assert not re.search(r"(?<!\\)\$", text)


def test_r_is_ascii_and_has_no_foreign_line(files: dict[str, bytes]) -> None:
    script = files["reproduce.R"].decode("ascii")
    for line in script.splitlines():
        if "alert(1)" in line:
            assert line.startswith(("#", "slab <- c(", "agree(", "cat(sprintf("))


def test_word_and_excel(files: dict[str, bytes]) -> None:
    for name in ("report.docx", "tables.xlsx"):
        with zipfile.ZipFile(io.BytesIO(files[name])) as archive:
            parts = {
                part: archive.read(part) for part in archive.namelist() if part.endswith(".xml")
            }
        for part in parts.values():
            ElementTree.fromstring(part)
        whole = b"".join(parts.values())
        assert b"&lt;script&gt;" in whole
        assert b"<f>" not in whole


def test_json(files: dict[str, bytes]) -> None:
    document = json.loads(files["results.json"])
    assert document["title"].endswith("N" * 500)
    assert POISON in document["title"]  # exactly as it was


def test_no_foreign_character_in_a_file_name(files: dict[str, bytes]) -> None:
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", name) for name in files)
