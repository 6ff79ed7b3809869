"""Commands on the records: what is there, and what one study says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from carmeta.cli.complete import study_ids
from carmeta.cli.layout import STUDIES
from carmeta.cli.tables import Format, write_json, write_rows

if TYPE_CHECKING:
    from carmeta.cells import Cell
    from carmeta.domain.record import Review, StudyRecord
    from carmeta.domain.words import Vocabulary
    from carmeta.lineage import Lineage
    from carmeta.sourcefile import SourceFile

Folder = Annotated[Path, typer.Option("--studies", help="The folder of study records.")]


def load(folder: Path) -> Review:
    """The review of a folder; RecordError with every diagnostic if it cannot be used."""
    return read(folder)[0]


def read(folder: Path) -> tuple[Review, dict[str, SourceFile]]:
    """The review of a folder and its files; RecordError as `load`."""
    from carmeta.errors import RecordError
    from carmeta.records import load_review

    loaded = load_review(folder)
    if loaded.review is None:
        errors = [item for item in loaded.diagnostics if item.severity == "error"]
        noun = "problem" if len(errors) == 1 else "problems"
        raise RecordError(f"{folder}: {len(errors)} {noun} in the records", diagnostics=errors)
    return loaded.review, loaded.sources


def words_of(folder: Path) -> Vocabulary:
    """The words of the review that a folder belongs to; RecordError with every diagnostic."""
    return declared(folder)[0]


def declared(folder: Path) -> tuple[Vocabulary, SourceFile]:
    """The words as `words_of`, and where each of them stands."""
    from carmeta.errors import RecordError
    from carmeta.records import load_words

    found = load_words(folder.parent)
    if found.words is None or found.merged is None:
        told = list(found.diagnostics)
        raise RecordError("the words of the review cannot be used", diagnostics=told)
    return found.words, found.merged


def study_of(review: Review, name: str, folder: Path) -> StudyRecord:
    """The study of that id; ConfigError with those there are if there is none."""
    from carmeta.errors import ConfigError
    from carmeta.sourcefile import suggest

    known = {study.id: study for study in review.studies}
    if name not in known:
        told = suggest(name, known, otherwise="see `carmeta studies`")
        raise ConfigError(f"there is no study '{name}' in {folder}", hint=told)
    return known[name]


def studies(
    folder: Folder = STUDIES,
    format: Annotated[Format, typer.Option("--format", help="Form of the output.")] = "table",
) -> int:
    """List the studies.

    Patients are those of the largest set of cohorts without shared patients, each counted by
    its largest population.
    """
    from carmeta.lineage import Lineage

    review = load(folder)
    lineage = Lineage.build(review.studies)
    rows = [_study_row(study, lineage) for study in review.studies]
    columns = {
        "study": "Study",
        "label": "Label",
        "registry": "Registry",
        "phase": "Phase",
        "design": "Design",
        "cohorts": "Cohorts",
        "patients": "Patients",
        "secondary": "Secondary",
    }
    write_rows(rows, columns, format, right=("cohorts", "patients"))
    return 0


def _study_row(study: StudyRecord, lineage: Lineage) -> dict[str, Any]:
    return {
        "study": study.id,
        "label": study.label,
        "registry": study.trial.registry,
        "phase": study.trial.phase,
        "design": study.trial.design,
        "cohorts": len(study.cohorts),
        "patients": _patients(study, lineage),
        "secondary": study.secondary,
    }


def _patients(study: StudyRecord, lineage: Lineage) -> int | None:
    from carmeta.lineage import select_disjoint

    sizes: dict[str, float] = {
        f"{study.id}/{cohort.id}": max(size.n for size in cohort.populations.values())
        for cohort in study.cohorts
        if cohort.unit == "patients" and any(size.n for size in cohort.populations.values())
    }
    return round(select_disjoint(sizes, lineage).weight) if sizes else None


def show(
    study: Annotated[
        str, typer.Argument(help="Id of a study, e.g. karmma-3.", autocompletion=study_ids)
    ],
    folder: Folder = STUDIES,
    format: Annotated[Format, typer.Option("--format", help="Form of the output.")] = "table",
) -> int:
    """Show what a study's papers print, and where."""
    from carmeta.cells import Cells

    review = load(folder)
    record = study_of(review, study, folder)
    if format == "json":
        write_json(
            record.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
        )
        return 0
    columns = {
        "cohort": "Cohort",
        "what": "What",
        "population": "Population",
        "printed": "Printed",
        "where": "Where",
    }
    write_rows([_cell_row(cell) for cell in Cells([record], review.words)], columns, format)
    return 0


def _cell_row(cell: Cell) -> dict[str, Any]:
    return {
        "cohort": cell.cohort,
        "what": _what(cell),
        "population": cell.population or None,
        "printed": cell.shown(),
        "where": cell.place,
    }


def _what(cell: Cell) -> str:
    from carmeta.domain.record import Assayed, Characteristic, TimeResult

    item = cell.item
    if isinstance(item, Assayed):
        short = cell.words.outcome(item.outcome).short
        return f"{short} {item.assay} {item.depth} {item.among}"
    if isinstance(item, TimeResult):
        return f"{item.statistic} {cell.subject}"
    if isinstance(item, Characteristic):
        return item.label or item.name
    if cell.kind == "toxicity":
        return f"{cell.name} {'any grade' if cell.grade == 'any' else f'grade {cell.grade}'}"
    return "patients" if cell.kind == "size" else cell.subject
