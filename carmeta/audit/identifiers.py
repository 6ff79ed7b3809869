"""Registry numbers and dates."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from carmeta.audit.cells import Context, finding
from carmeta.domain.evidence import Finding
from carmeta.domain.record import Sourced, StudyRecord

_NCT: Final = re.compile(r"NCT\d{8}")
_YEAR: Final = re.compile(r"\b(?:19|20)\d\d\b")


def check(context: Context) -> Iterator[Finding]:
    """IDS001, IDS002, DAT001 and DAT002."""
    for study in context.review.studies:
        yield from _registry(study)
        yield from _dates(context, study)


def _registry(study: StudyRecord) -> Iterator[Finding]:
    own = study.trial.registry
    for item in study.identifiers:
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
                subject=item.value,
                printed=(at, f"record: {own}") if own else (at,),
            )
        elif known:
            yield finding(
                "IDS002",
                f"{item.value} is printed, the trial is {own or 'registered elsewhere'}",
                study=study.id,
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


def _sourced(study: StudyRecord) -> Iterator[Sourced]:
    for cohort in study.cohorts:
        yield from cohort.proportions
        yield from cohort.response
        yield from cohort.mrd
        yield from cohort.toxicity
        yield from cohort.times
        yield from cohort.characteristics
    yield from study.contrasts


def _dates(context: Context, study: StudyRecord) -> Iterator[Finding]:
    own = {report.id: report for report in study.reports if not isinstance(report, str)}
    reports = {**context.review.reports, **own}
    cutoffs: dict[str, dict[str, str]] = defaultdict(dict)  # document -> cutoff -> place
    for item in _sourced(study):
        if item.data_cutoff:
            doc = item.at.doc or study.default_doc
            cutoffs[doc].setdefault(item.data_cutoff, item.at.label(study.default_doc))
    for doc, found in cutoffs.items():
        printed = [f"{place}: {cutoff}" for cutoff, place in found.items()]
        report = reports.get(doc)
        years = [int(year) for cutoff in found for year in _YEAR.findall(cutoff)]
        if report is not None and years and max(years) > report.year:
            yield finding(
                "DAT001",
                f"a data cutoff in {max(years)}, published in {report.year}",
                study=study.id,
                subject=doc,
                printed=printed,
            )
        if len(found) > 1:
            yield finding(
                "DAT002",
                f"{len(found)} data cutoffs: {', '.join(found)}",
                study=study.id,
                subject=doc,
                printed=printed,
            )
