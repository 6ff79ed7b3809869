"""Dates: data cutoffs, publications, and updates that must be the later ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from carmeta.audit.context import Context, finding
from carmeta.domain.dates import later
from carmeta.domain.evidence import DataPath, Finding
from carmeta.domain.record import StudyRecord


@dataclass(frozen=True, slots=True)
class _Cutoff:
    """A data cutoff that a record gives, and a document that has numbers of it."""

    date: str
    doc: str
    place: str
    path: DataPath
    own: bool  # of one number, not of a cohort


def check(context: Context) -> Iterator[Finding]:
    """DAT001 to DAT003."""
    for study in context.review.studies:
        cutoffs: dict[str, list[_Cutoff]] = defaultdict(list)
        for cutoff in _cutoffs(context, study):
            cutoffs[cutoff.doc].append(cutoff)
        for doc, found in cutoffs.items():
            yield from _published(context, study, doc, found)
            yield from _several(study, doc, [cutoff for cutoff in found if cutoff.own])
        for index in range(len(study.cohorts)):
            yield from _updates(context, study, index)


def _cutoffs(context: Context, study: StudyRecord) -> Iterator[_Cutoff]:
    for index, cohort in enumerate(study.cohorts):
        cells = context.cells.by_cohort[f"{study.id}/{cohort.id}"]
        for cell in cells:
            if cell.cutoff:
                path = (*cell.entry, "data_cutoff")
                yield _Cutoff(cell.cutoff, cell.doc, cell.place, path, own=True)
        for doc in dict.fromkeys(cell.doc for cell in cells) if cohort.data_cutoff else ():
            path = ("cohorts", index, "data_cutoff")
            yield _Cutoff(cohort.data_cutoff or "", doc, f"cohort {cohort.id}", path, own=False)
    for index, item in enumerate(study.contrasts):
        if item.data_cutoff:
            path = ("contrasts", index, "data_cutoff")
            doc, place = item.at.doc or study.default_doc, item.at.label(study.default_doc)
            yield _Cutoff(item.data_cutoff, doc, place, path, own=True)


def _published(
    context: Context, study: StudyRecord, doc: str, cutoffs: list[_Cutoff]
) -> Iterator[Finding]:
    """DAT001: patients are not followed until after the document that reports it."""
    date = _dates(context, study).get(doc, "")
    for cutoff in {cutoff.date: cutoff for cutoff in reversed(cutoffs)}.values():
        if date and later(cutoff.date, date):
            yield finding(
                "DAT001",
                f"a data cutoff of {cutoff.date}, published {date}",
                study=study.id,
                path=cutoff.path,
                subject=doc,
                printed=[f"{each.place}: {each.date}" for each in cutoffs],
            )


def _several(study: StudyRecord, doc: str, cutoffs: list[_Cutoff]) -> Iterator[Finding]:
    """DAT002: numbers of one document that are of several cutoffs."""
    found = list(dict.fromkeys(cutoff.date for cutoff in cutoffs))
    if len(found) > 1:
        yield finding(
            "DAT002",
            f"{len(found)} data cutoffs: {', '.join(found)}",
            study=study.id,
            path=cutoffs[0].path,
            subject=doc,
            printed=[f"{each.place}: {each.date}" for each in cutoffs],
        )


def _updates(context: Context, study: StudyRecord, index: int) -> Iterator[Finding]:
    """DAT003: an update is of later data, and published later, than what it updates.

    Of several documents those count that make the least of it: the last one of the update,
    the first one of what it updates.
    """
    cohort = study.cohorts[index]
    key = f"{study.id}/{cohort.id}"
    for position, reference in enumerate(cohort.lineage.updates):
        earlier = context.cells.resolve(key, reference)
        if earlier not in context.cells.cohorts:
            continue
        one, two = _known(context, key), _known(context, earlier)
        new, old = max(one[1], default=""), min(two[1], default="")
        wrong = [
            f"{kind} {first}, of {context.cells.names[earlier]} {second}"
            for kind, first, second in (
                ("data cutoff", one[0], two[0]),
                ("published", new, old),
                ("published", new, two[0]),
            )
            if first and second and later(second, first)
        ]
        if wrong:
            yield finding(
                "DAT003",
                f"an update of {earlier} that comes before it",
                study=study.id,
                path=("cohorts", index, "lineage", "updates", position),
                cohort=cohort.id,
                subject=reference,
                printed=wrong,
            )


def _known(context: Context, key: str) -> tuple[str, list[str]]:
    """The data cutoff of a cohort, and when documents with numbers of their own appeared."""
    dates = _dates(context, context.cells.study(key))
    docs = {cell.doc for cell in context.cells.by_cohort[key] if not cell.cites}
    return context.cells.cohorts[key].data_cutoff or "", [dates[d] for d in docs if d in dates]


def _dates(context: Context, study: StudyRecord) -> dict[str, str]:
    """When the documents appeared that a record knows."""
    own = [report for report in study.reports if not isinstance(report, str)]
    return {report.id: report.date for report in (*context.review.reports.values(), *own)}
