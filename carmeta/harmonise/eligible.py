"""Who belongs to the question: studies and cohorts that a configuration asks for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from carmeta.domain.evidence import Excluded
from carmeta.domain.record import Cohort, Review, StudyRecord
from carmeta.domain.rules import EvidenceRules, Include
from carmeta.harmonise.counts import Source
from carmeta.harmonise.readings import Evidence
from carmeta.vocabulary import ExclusionKind

Why = tuple[ExclusionKind, str]


def eligible(
    evidence: Evidence, rules: EvidenceRules, outcome: str
) -> tuple[list[str], dict[str, Why]]:
    """Cohorts that may enter, and those that report an outcome and may not, with the reason.

    A cohort that does not report the outcome may enter where its parts do.
    """
    inside: list[str] = []
    outside: dict[str, Why] = {}
    for study in sorted(evidence.review.studies, key=lambda study: study.id):
        for cohort in study.cohorts:
            key = f"{study.id}/{cohort.id}"
            reports = evidence.reports(key, outcome)
            why = _outside(study, cohort, rules.include, evidence.review)
            if why is None and (reports or evidence.lineage.covers(key)):
                inside.append(key)
            elif why is not None and reports:
                outside[key] = why
    return inside, outside


def left_out_by(
    study: StudyRecord, cohort: Cohort, include: Include, review: Review
) -> tuple[str, str] | None:
    """The key of ``include`` that leaves a cohort out, and the reason; None if none does."""
    given = review.attributes(cohort)
    asked: list[tuple[str, bool, str]] = [
        (
            "studies",
            bool(include.studies) and study.id not in include.studies,
            "not one of the studies that the configuration names",
        ),
        (
            "cohorts",
            bool(include.cohorts) and f"{study.id}/{cohort.id}" not in include.cohorts,
            "not one of the cohorts that the configuration names",
        ),
        (
            "secondary",
            study.secondary and not include.secondary,
            "a secondary study, which is not asked for",
        ),
        (
            "roles",
            bool(include.roles) and cohort.role not in include.roles,
            f"role {cohort.role}; asked for: {', '.join(include.roles)}",
        ),
        (
            "units",
            cohort.unit not in include.units,
            f"counts {cohort.unit}; asked for: {', '.join(include.units)}",
        ),
        *(
            (
                f"attributes.{name}",
                given.get(name) not in wanted,
                f"{name} {given.get(name, 'not given')}; asked for: {', '.join(wanted)}",
            )
            for name, wanted in include.attributes.items()
        ),
        (
            "products",
            bool(include.products) and cohort.product not in include.products,
            f"product {cohort.product or 'not given'}; asked for: {', '.join(include.products)}",
        ),
    ]
    return next(((key, reason) for key, applies, reason in asked if applies), None)


def _outside(study: StudyRecord, cohort: Cohort, include: Include, review: Review) -> Why | None:
    """Why a cohort does not belong to the question; a draft never does."""
    if found := left_out_by(study, cohort, include, review):
        return "outside", found[1]
    if study.status == "draft":
        return "draft", "its record is a draft (status: draft), and a draft is never pooled"
    return None


def excluded(
    evidence: Evidence, rules: EvidenceRules, outcome: str, outside: dict[str, Why]
) -> Iterator[Excluded]:
    """Those that do not belong, by name; a study of which nothing does is named once.

    What another set of the run asks for by name is accounted for there.
    """
    elsewhere = rules.by_name - set(rules.include.cohorts)
    here = [key for key in outside if key not in elsewhere]
    for study_id, keys in groupby(here, key=lambda key: key.partition("/")[0]):
        listed = list(keys)
        reasons = {outside[key] for key in listed}
        study = evidence.study(listed[0])
        whole = all(
            _outside(study, cohort, rules.include, evidence.review)
            and f"{study_id}/{cohort.id}" not in elsewhere
            for cohort in study.cohorts
        )
        if whole and len(reasons) == 1 and len(listed) > 1:
            kind, reason = reasons.pop()
            said = f"{reason} ({len(listed)} cohorts)"
            first = _first(evidence, listed[0], outcome)
            ids = tuple(key.partition("/")[2] for key in listed)
            name = evidence.name(study_id)
            yield Excluded(study_id, "", name, outcome, kind, said, *first, cohorts=ids)
            continue
        for key in listed:
            kind, reason = outside[key]
            cohort, first = key.partition("/")[2], _first(evidence, key, outcome)
            yield Excluded(study_id, cohort, evidence.name(key), outcome, kind, reason, *first)


def _first(evidence: Evidence, key: str, outcome: str) -> Source:
    """The first cell that reports the outcome."""
    cells = evidence.reporting(key, outcome)
    if cells:
        return cells[0].text(), cells[0].path
    return evidence.readings(key, outcome)[0].sources[0]
