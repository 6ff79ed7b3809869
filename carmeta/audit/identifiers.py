"""Registry numbers and dates."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from carmeta.audit.context import Context, finding
from carmeta.domain.evidence import DataPath, Finding
from carmeta.domain.record import StudyRecord

_NCT: Final = re.compile(r"NCT\d{8}")
_YEAR: Final = re.compile(r"\b(?:19|20)\d\d\b")


def check(context: Context) -> Iterator[Finding]:
    """IDS001, IDS002, DAT001 and DAT002."""
    for study in context.review.studies:
        yield from _registry(study)
        yield from _dates(context, study)


def _registry(study: StudyRecord) -> Iterator[Finding]:
    own = study.trial.registry
    for index, item in enumerate(study.identifiers):
        path = ("identifiers", index, "value")
        at = f"{item.at.label(study.default_doc)}: {item.value}"
        known = {own, *study.trial.other_registries} - {None}
        if item.value in known:
            continue
        if item.value.upper().startswith("NCT") and not _NCT.fullmatch(item.value):
            digits = sum(character.isdigit() for character in item.value)
            meant = f"; {own} is meant" if own and _near(item.value, own) else ""
            yield finding(
                "IDS001",
                f"{item.value} has {digits} digits, a registry number has eight{meant}",
                study=study.id,
                path=path,
                subject=item.value,
                printed=(at, f"record: {own}") if own else (at,),
            )
        elif known:
            yield finding(
                "IDS002",
                f"{item.value} is printed, the trial is {own or 'registered elsewhere'}",
                study=study.id,
                path=path,
                subject=item.value,
                printed=(at, f"record: {', '.join(sorted(filter(None, known)))}"),
            )


def _near(a: str, b: str) -> bool:
    """Whether one becomes the other by adding, dropping or changing one character."""
    if len(a) == len(b):
        return sum(x != y for x, y in zip(a, b, strict=True)) == 1
    short, long = sorted((a, b), key=len)
    return len(long) - len(short) == 1 and any(
        long[:i] + long[i + 1 :] == short for i in range(len(long))
    )


def _cutoffs(context: Context, study: StudyRecord) -> Iterator[tuple[str, str, str, DataPath]]:
    """Document, date, place and path of every data cutoff."""
    for cohort in study.cohorts:
        for cell in context.cells.by_cohort[f"{study.id}/{cohort.id}"]:
            yield cell.doc, cell.cutoff, cell.place, (*cell.entry, "data_cutoff")
    for index, item in enumerate(study.contrasts):
        path = ("contrasts", index, "data_cutoff")
        doc = item.at.doc or study.default_doc
        yield doc, item.data_cutoff or "", item.at.label(study.default_doc), path


def _dates(context: Context, study: StudyRecord) -> Iterator[Finding]:
    own = {report.id: report for report in study.reports if not isinstance(report, str)}
    reports = {**context.review.reports, **own}
    cutoffs: dict[str, dict[str, tuple[str, DataPath]]] = defaultdict(dict)
    for doc, cutoff, place, path in _cutoffs(context, study):
        if cutoff:
            cutoffs[doc].setdefault(cutoff, (place, path))
    for doc, found in cutoffs.items():
        report = reports.get(doc)
        years = {int(year): cutoff for cutoff in found for year in _YEAR.findall(cutoff)}
        wrong: list[tuple[str, str, str]] = []
        if report is not None and years and max(years) > report.year:
            message = f"a data cutoff in {max(years)}, published in {report.year}"
            wrong.append(("DAT001", message, years[max(years)]))
        if len(found) > 1:
            message = f"{len(found)} data cutoffs: {', '.join(found)}"
            wrong.append(("DAT002", message, next(iter(found))))
        for code, message, cutoff in wrong:
            yield finding(
                code,
                message,
                study=study.id,
                path=found[cutoff][1],
                subject=doc,
                printed=[f"{place}: {each}" for each, (place, _) in found.items()],
            )
