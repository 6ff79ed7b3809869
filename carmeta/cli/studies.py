"""Commands on the records: what is there, and what one study says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from carmeta.cli.tables import Format, write_json, write_rows

if TYPE_CHECKING:
    from carmeta.domain.record import Cohort, Place, Printed, Review, StudyRecord
    from carmeta.lineage import Lineage

Folder = Annotated[Path, typer.Option("--studies", help="The folder of study records.")]
STUDIES: Final = Path("studies")


def load(folder: Path) -> Review:
    """The review of a folder; RecordError with every diagnostic if it cannot be used."""
    from carmeta.errors import RecordError
    from carmeta.records import load_review

    loaded = load_review(folder)
    if loaded.review is None:
        errors = [item for item in loaded.diagnostics if item.severity == "error"]
        noun = "problem" if len(errors) == 1 else "problems"
        raise RecordError(f"{folder}: {len(errors)} {noun} in the records", diagnostics=errors)
    return loaded.review


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
    study: Annotated[str, typer.Argument(help="Id of a study, e.g. karmma-3.")],
    folder: Folder = STUDIES,
    format: Annotated[Format, typer.Option("--format", help="Form of the output.")] = "table",
) -> int:
    """Show what a study's papers print, and where."""
    from carmeta.errors import ConfigError
    from carmeta.sourcefile import nearest

    review = load(folder)
    record = next((item for item in review.studies if item.id == study), None)
    if record is None:
        known = [item.id for item in review.studies]
        similar = nearest(study, known)
        hint = f"did you mean '{similar}'?" if similar else "see `carmeta studies`"
        raise ConfigError(f"there is no study '{study}' in {folder}", hint=hint)
    if format == "json":
        write_json(record.model_dump(mode="json", exclude_none=True, exclude_defaults=True))
        return 0
    columns = {
        "cohort": "Cohort",
        "what": "What",
        "population": "Population",
        "printed": "Printed",
        "where": "Where",
    }
    rows = [row for cohort in record.cohorts for row in _cohort_rows(cohort, record.default_doc)]
    write_rows(rows, columns, format)
    return 0


def _cohort_rows(cohort: Cohort, doc: str) -> Iterator[dict[str, Any]]:
    def row(what: str, population: str | None, printed: str, place: Place) -> dict[str, Any]:
        return {
            "cohort": cohort.id,
            "what": what,
            "population": population,
            "printed": printed,
            "where": place.label(doc),
        }

    for name, size in cohort.populations.items():
        yield row("patients", name, f"{size.n}", size.at)
    for result in cohort.proportions:
        yield row(result.outcome, result.population, _printed(result), result.at)
    for table in cohort.response:
        for category, cell in table.categories.items():
            yield row(category, table.population, _printed(cell, table.of), table.at)
    for mrd in cohort.mrd:
        yield row(f"MRD- {mrd.assay} {mrd.depth}", mrd.population, _printed(mrd), mrd.at)
    for event in cohort.toxicity:
        term = event.term or event.event
        for grade, cell in event.grades.items():
            printed = _printed(cell, event.of)
            yield row(f"{term} grade {grade}", event.population, printed, event.at)
    for time in cohort.times:
        printed = f"{time.value} {time.unit}" + (f" ({time.range})" if time.range else "")
        yield row(f"{time.statistic} {time.endpoint}", time.population, printed, time.at)
    for trait in cohort.characteristics:
        printed = trait.value or _fraction(trait.count, trait.of, trait.percent)
        yield row(trait.label or trait.name, None, printed or (trait.missing or ""), trait.at)


def _printed(cell: Printed, of: int | None = None) -> str:
    if cell.missing is not None:
        return cell.missing
    return _fraction(cell.count, cell.of if cell.of is not None else of, cell.percent)


def _fraction(count: int | None, of: int | None, percent: str | None) -> str:
    parts = []
    if count is not None:
        parts.append(f"{count}/{of}" if of is not None else f"{count}")
    if percent is not None:
        parts.append(f"{percent}%" if count is not None or of is None else f"{percent}% of {of}")
    return ", ".join(parts)
