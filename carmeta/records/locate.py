"""Where in a record the thing stands that a finding is about."""

from __future__ import annotations

import re
from collections.abc import Iterator

from carmeta.domain.evidence import DataPath
from carmeta.domain.record import Cohort, StudyRecord

_REGISTRY = re.compile(r"NCT\d{8}")
_EVENTS = {"crs": "crs", "neurotoxicity": "nt"}


def locate(study: StudyRecord, cohort: str, subject: str) -> DataPath:
    """The path of the first entry about ``subject`` (an outcome, category, population, ...).

    Falls back on the cohort, and on the study where there is no such cohort.
    """
    for index, item in enumerate(study.cohorts):
        if item.id == cohort:
            inner = next(_matches(item, subject), ("id",))
            return ("cohorts", index, *inner)
    return next(_of_study(study, subject), ("id",))


def _of_study(study: StudyRecord, subject: str) -> Iterator[DataPath]:
    for index, statement in enumerate(study.statements):
        if statement.subject == subject:
            yield ("statements", index, "value")
    if subject == "registry":
        for index, identifier in enumerate(study.identifiers):
            if not _REGISTRY.fullmatch(identifier.value):
                yield ("identifiers", index, "value")
        yield ("trial", "registry")
    for index, report in enumerate(study.reports):
        if subject in (report, getattr(report, "id", None)):
            yield ("reports", index)
    if study.patients is not None:
        for index, row in enumerate(study.patients.rows):
            if row.id == subject:
                yield ("patients", "rows", index, "id")


def _matches(cohort: Cohort, subject: str) -> Iterator[DataPath]:
    word, _, rest = subject.partition(" ")
    for index, proportion in enumerate(cohort.proportions):
        if proportion.outcome == subject:
            yield ("proportions", index, "outcome")
    for index, table in enumerate(cohort.response):
        if word == "response" and rest in table.categories:
            yield ("response", index, "categories", rest)
    for index, mrd in enumerate(cohort.mrd):
        if word == "mrd_neg" and (not rest or mrd.depth in rest):
            yield ("mrd", index, "depth")
    yield from _toxicity(cohort, subject)
    for population in cohort.populations:
        if population == subject:
            yield ("populations", population)
    for index, trait in enumerate(cohort.characteristics):
        if trait.name == subject:
            yield ("characteristics", index, "name")
    for index, time in enumerate(cohort.times):
        if time.endpoint == word:
            yield ("times", index, "endpoint")


def _toxicity(cohort: Cohort, subject: str) -> Iterator[DataPath]:
    for index, table in enumerate(cohort.toxicity):
        name = table.term or _EVENTS.get(table.event, table.event)
        begins = subject == name or subject.startswith((f"{name} ", f"{name}_"))
        if begins:
            tail = subject[len(name) + 1 :].removeprefix("grade ").replace("ge", ">=")
            if tail in table.grades:
                yield ("toxicity", index, "grades", tail)
            yield ("toxicity", index, "event")
