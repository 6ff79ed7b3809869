"""report.pdf: the printed form of a run, set by Typst (the optional extra ``pdf``).

The typesetter is a Python wheel that runs in this process: no external program, no network,
no fonts but those that the package and the wheel bring. All text reaches the fixed template
``templates/report.typ`` as JSON and is set as strings, which Typst never reads as markup.
"""

from __future__ import annotations

import importlib
import json
import math
import re
from dataclasses import replace
from importlib import metadata, resources
from typing import TYPE_CHECKING, Any, Final

from carmeta.errors import OutputError
from carmeta.report import caveats, contents, contents_regression, methods, numbers
from carmeta.report import contents_evidence as evidence
from carmeta.report.tables import Column, Table, row
from carmeta.report.text import clean, tie

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from carmeta.domain.analysis import Analysis
    from carmeta.report.figures import FigureEntry

NAME: Final = "report.pdf"
_STUDIES_ACROSS: Final = 6  # of the table of characteristics, which stands on its side
_LONG: Final = re.compile(r"[^\s\u00ad\u200b-]{19,}")
_PIECE: Final = 16

Part = dict[str, Any]


def require() -> Any:
    """The module ``typst``; OutputError with a hint where it is not installed."""
    try:
        return importlib.import_module("typst")
    except ImportError as error:
        raise OutputError(
            f"{NAME} needs the package typst, which is not installed",
            hint="pip install 'carmeta[pdf]'",
        ) from error


def render(analysis: Analysis, figures: Sequence[FigureEntry] = ()) -> bytes:
    """The document, tagged for screen readers; the same bytes for the same content.

    Raises OutputError where typst is not installed or cannot set the text.
    """
    typst = require()
    folder = resources.files("carmeta.report")
    template = (folder / "templates" / "report.typ").read_bytes()
    data = json.dumps(_cleaned(document(analysis, figures)), ensure_ascii=True)
    with resources.as_file(folder / "fonts" / "Arimo-Regular.ttf") as regular:
        fonts = typst.Fonts(include_system_fonts=False, font_paths=[regular.parent])
        try:
            content: bytes = typst.compile(
                template, font_paths=fonts, sys_inputs={"data": data}, format="pdf"
            )
        except typst.TypstError as error:
            raise OutputError(f"{NAME} could not be set: {error.message}") from error
    return content


def document(analysis: Analysis, figures: Sequence[FigureEntry] = ()) -> dict[str, Any]:
    """Everything that is set, as the template reads it: plain text, tables and SVG."""
    text = methods.Methods(analysis)
    parts: list[Part] = [_heading("Results")]
    answers = [contents.headline(analysis), contents.contrasts(analysis)]
    parts += _tables([*answers, contents_regression.regressions(analysis)])
    parts.append(_items("list", [tie(line) for line in methods.answer(analysis)]))
    known = caveats.caveats(analysis)
    if known:
        parts += [{"kind": "subheading", "text": "Before using these numbers"}]
        parts.append(_items("list", known))
    # In the order of the page: results first, then where the evidence comes from.
    order = ("main", "regression", "bias", "flow", "lineage")
    drawn = [entry for kind in order for entry in figures if entry.kind == kind]
    if drawn:
        parts.append(_heading("Figures"))
        parts += [_figure(entry, number) for number, entry in enumerate(drawn, start=1)]
    parts.append(_heading("Methods"))
    parts += [
        {"kind": "named", "name": name, "text": tie(content)} for name, content in text.paragraphs
    ]
    wide = [
        ("Studies", _across(evidence.studies(analysis))),
        ("Cohorts not pooled", [evidence.excluded(analysis)]),
        ("Findings of the audit", [_findings(analysis)]),
    ]
    return {
        "title": analysis.title,
        "running": f"{analysis.title} \u00b7 carmeta {analysis.provenance.carmeta}",
        "lead": list(analysis.notes),
        "parts": parts,
        "wide": [part for name, tables in wide for part in _section(name, tables)],
        "end": [*_references(analysis.references, text.references()), *_provenance(analysis)],
    }


def _heading(text: str) -> Part:
    return {"kind": "heading", "text": text}


def _items(kind: str, items: Sequence[str], prefix: str = "") -> Part:
    return {"kind": kind, "items": list(items), "prefix": prefix}


def _section(name: str, tables: Iterable[Table]) -> list[Part]:
    found = _tables(tables)
    return [_heading(name), *found] if found else []


def _tables(tables: Iterable[Table]) -> list[Part]:
    return [_table(table) for table in tables if table.rows]


def _table(table: Table) -> Part:
    return {
        "kind": "table",
        "caption": table.caption,
        "columns": [
            {"header": breakable(c.header), "right": c.align == "right", "share": int(c.wide)}
            for c in table.columns
        ],
        "rows": [
            [{"text": breakable(item.text), "bold": item.bold} for item in cells]
            for cells in table.rows
        ],
        "notes": list(table.notes),
    }


def _findings(analysis: Analysis) -> Table:
    """Errors and warnings; how many only inform stands below."""
    grave = [item for item in analysis.findings if item.severity != "info"]
    rest = len(analysis.findings) - len(grave)
    table = evidence.findings_table(grave, "findings", "Errors and warnings")
    more = f"{numbers.count(rest)} more only inform: see findings.csv or report.html."
    return replace(table, notes=(*table.notes, more)) if rest else table


def _across(table: Table) -> list[Table]:
    """Studies side by side, a few at a time: their characteristics are too many for columns."""
    found = []
    parts = math.ceil(len(table.rows) / _STUDIES_ACROSS)
    across = math.ceil(len(table.rows) / max(parts, 1))  # as even as it goes
    for start in range(0, len(table.rows), max(across, 1)):
        some = table.rows[start : start + across]
        columns = (Column(""), *(Column(cells[0].text, wide=True) for cells in some))
        rows = tuple(
            row(column.header, *(cells[index] for cells in some))
            for index, column in enumerate(table.columns)
            if index and any(cells[index].text not in ("", numbers.ABSENT) for cells in some)
        )
        caption = table.caption if not start else f"{table.caption}, continued"
        found.append(Table(f"{table.key}-{start}", caption, columns, rows, table.notes))
    return found


def _figure(entry: FigureEntry, number: int) -> Part:
    pages = [page.decode("utf-8") for page in entry.pages]
    caption = f"Figure {number}. {entry.title}"
    captions = [caption] + [
        f"{caption} (page {page} of {len(pages)})" for page in range(2, len(pages) + 1)
    ]
    return {"kind": "figure", "alt": entry.alt, "pages": pages, "captions": captions}


def _references(studies: Sequence[str], used: Sequence[str]) -> list[Part]:
    parts = []
    if studies or used:
        parts.append(_heading("References"))
    if studies:
        parts.append({"kind": "subheading", "text": "Studies"})
        parts.append(_items("numbered", studies))
    if used:
        parts.append({"kind": "subheading", "text": "Methods"})
        parts.append(_items("numbered", used, "M"))
    return parts


def _provenance(analysis: Analysis) -> list[Part]:
    known = analysis.provenance
    facts = [
        ("Run", analysis.name),
        ("Configuration", known.config_path),
        ("carmeta", known.carmeta),
        *known.versions.items(),
        ("typst", metadata.version("typst")),
    ]
    inputs = [(path, digest) for path, digest in known.inputs.items()]
    return [
        _heading("Provenance"),
        {
            "kind": "text",
            "text": "Same inputs, configuration and versions give the same bytes; the document "
            "therefore carries no time.",
        },
        {"kind": "facts", "items": [list(fact) for fact in facts]},
        {"kind": "subheading", "text": "Inputs and their SHA-256"},
        {"kind": "facts", "items": [list(fact) for fact in inputs]},
    ]


def breakable(text: str) -> str:
    """Text whose long words may break, by zero-width spaces, so that no cell overflows."""

    def pieces(match: re.Match[str]) -> str:
        word = match.group()
        return "\u200b".join(word[i : i + _PIECE] for i in range(0, len(word), _PIECE))

    return _LONG.sub(pieces, text)


def _cleaned(value: Any) -> Any:
    """The same without control characters in any text but that of the figures."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, dict):
        return {k: item if k == "pages" else _cleaned(item) for k, item in value.items()}
    return value
