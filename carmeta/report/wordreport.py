"""report.docx: answer, methods, figures and tables of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carmeta.report import caveats, methods, word
from carmeta.report.jobs import page_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from carmeta.domain.analysis import Analysis
    from carmeta.report.figures import FigureEntry
    from carmeta.report.tables import Table


def render(
    analysis: Analysis,
    tables: Sequence[Table],
    figures: Sequence[FigureEntry],
    files: Mapping[str, bytes],
) -> bytes:
    """The document; the PNG files of the figures are taken from ``files``."""
    text = methods.Methods(analysis)
    paragraphs: list[tuple[str, str]] = [("heading", "Results in short")]
    paragraphs += [("text", sentence) for sentence in methods.answer(analysis)]
    known = caveats.caveats(analysis)
    if known:
        paragraphs.append(("heading", "Before using these numbers"))
        paragraphs += [("text", sentence) for sentence in known]
    paragraphs.append(("heading", "Methods"))
    paragraphs += [("text", f"{name}. {content}") for name, content in text.paragraphs]
    paragraphs.append(("heading", "References"))
    paragraphs += [("text", f"{i}. {item}") for i, item in enumerate(analysis.references, 1)]
    paragraphs += [("text", f"M{i}. {item}") for i, item in enumerate(text.references(), 1)]
    pictures = []
    for figure in (entry for entry in figures if entry.kind == "main"):
        for number in range(len(figure.pages)):
            png = files.get(page_name(figure.stem, number, "png"))
            if png is not None:
                page = f" (page {number + 1})" if len(figure.pages) > 1 else ""
                pictures.append((figure.title + page, figure.alt, png))
    # Two hundred decisions are for the page and the workbook, not for a printed document.
    printed = [table for table in tables if table.key != "decisions"]
    return word.document(analysis.title, paragraphs, printed, pictures)
