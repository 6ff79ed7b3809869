"""Read a folder of study records.

``_products.yaml`` and ``_reports.yaml`` are the registers that records refer to; every other
``*.yaml`` is one study, named after its id. Nothing is repaired and nothing is computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from carmeta.cells import Cells
from carmeta.domain.evidence import Mark
from carmeta.domain.record import ProductRegister, ReportRegister, Review, StudyRecord
from carmeta.domain.words import Vocabulary
from carmeta.lineage import Lineage
from carmeta.records.checks import Context, check_registers, check_study
from carmeta.records.words import Words, load_words
from carmeta.sourcefile import Diagnostic, SourceFile, load_source, suggest, validate

PRODUCTS: Final = "_products"
REPORTS: Final = "_reports"
_REGISTERS: Final = (PRODUCTS, REPORTS)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a folder holds.

    ``review`` is None as soon as one of ``diagnostics`` is an error. ``sources`` maps a file's
    stem (the study's id, ``_products``, ``_reports``) to the file, for every file that could
    be read, so that later stages can name lines. ``words`` are those of the review the folder
    belongs to, which stand in ``review.yaml`` beside it; without them nothing else is read.
    """

    words: Words
    review: Review | None
    sources: dict[str, SourceFile]
    diagnostics: list[Diagnostic]


def load_review(folder: Path, *, only: Sequence[Path] | None = None) -> Loaded:
    """Read all records of ``folder`` and check them against the schema and each other.

    Files in subfolders and hidden files are not read. With ``only``, diagnostics of other
    files are left out and ``review`` holds whatever of the folder could be used: all files
    are read all the same, for the references between them. Raises nothing for what the folder
    holds: what is wrong is in ``diagnostics``.
    """
    words = load_words(folder.parent)
    if words.words is None and folder.is_dir():
        return Loaded(words, None, {}, [*words.diagnostics])
    paths, diagnostics = _files(folder)
    sources: dict[str, SourceFile] = {}
    models: dict[str, BaseModel] = {}
    for path in paths:
        source, model, found = _read(path, words.words)
        diagnostics.extend(found)
        if source is not None:
            sources[path.stem] = source
        if model is not None:
            models[path.stem] = model
    review, context = _assemble(words.words or Vocabulary(), paths, models, sources)
    diagnostics.extend(check_registers(context))
    for stem, model in models.items():
        if isinstance(model, StudyRecord):
            diagnostics.extend(check_study(model, stem, context))
    if only is not None:
        wanted = {path.resolve() for path in only}
        diagnostics = [item for item in diagnostics if Path(item.mark.file).resolve() in wanted]
    diagnostics.sort(key=lambda item: (item.mark.file, item.mark.line, item.mark.column, item.code))
    failed = any(item.severity == "error" for item in diagnostics)
    return Loaded(words, None if failed else review, sources, diagnostics)


def _files(folder: Path) -> tuple[list[Path], list[Diagnostic]]:
    def fail(code: str, path: Path, message: str, hint: str = "") -> Diagnostic:
        return Diagnostic(code, "error", Mark(path.as_posix()), message, hint)

    if not folder.is_dir():
        what = "not a folder" if folder.exists() else "there is no such folder"
        return [], [fail("REC001", folder, what, "name the folder that holds the study records")]
    try:
        entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        return [], [fail("REC001", folder, f"cannot be read: {error.strerror or error}")]
    diagnostics = [
        fail("REC003", path, "a record whose name ends in .yml", f"rename it to {path.stem}.yaml")
        for path in entries
        if path.suffix.lower() in (".yml", ".yaml") and path.suffix != ".yaml"
    ]
    paths = [path for path in entries if path.suffix == ".yaml"]
    for path in list(paths):
        if path.stem.startswith("_") and path.stem not in _REGISTERS:
            told = suggest(path.name, [f"{stem}.yaml" for stem in _REGISTERS])
            diagnostics.append(fail("REC004", path, "an unknown register", told))
            paths.remove(path)
    if not any(path.stem not in _REGISTERS for path in paths) and not diagnostics:
        diagnostics.append(
            fail(
                "REC002",
                folder,
                "no study records here",
                "`carmeta new study ID` writes one to fill in",
            )
        )
    return paths, diagnostics


def _read(
    path: Path, words: Vocabulary | None
) -> tuple[SourceFile | None, BaseModel | None, list[Diagnostic]]:
    source, found = load_source(path, partial=True)
    if source is None:
        return None, None, found
    kinds: dict[str, type[BaseModel]] = {PRODUCTS: ProductRegister, REPORTS: ReportRegister}
    kind = kinds.get(path.stem, StudyRecord)
    model, wrong = validate(kind, source, words)
    told = {item.mark for item in found}  # a refused value is told once
    wrong = [item for item in wrong if item.mark not in told]
    return source, None if found else model, found + wrong


def _assemble(
    words: Vocabulary,
    paths: Sequence[Path],
    models: dict[str, BaseModel],
    sources: dict[str, SourceFile],
) -> tuple[Review, Context]:
    products, reports = models.get(PRODUCTS), models.get(REPORTS)
    product_list = products.products if isinstance(products, ProductRegister) else []
    report_list = reports.reports if isinstance(reports, ReportRegister) else []
    studies = [model for model in models.values() if isinstance(model, StudyRecord)]
    review = Review(
        words=words,
        studies=studies,
        products={product.id: product for product in product_list},
        reports={report.id: report for report in report_list}
        | {
            report.id: report
            for study in studies
            for report in study.reports
            if not isinstance(report, str)
        },
    )
    unread = {path.stem for path in paths} - models.keys()
    context = Context(
        review=review,
        cells=Cells.of(review),
        lineage=Lineage.build(studies),
        sources=sources,
        products=product_list,
        reports=report_list,
        # What refers into a file that could not be read is not the error to tell.
        unread=frozenset(unread),
    )
    return review, context
