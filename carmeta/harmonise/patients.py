"""Counts over individual patients: what a table of patients says of any subset of them."""

from __future__ import annotations

from collections.abc import Iterator

from carmeta.domain.evidence import Reading
from carmeta.domain.record import Cohort, Patient, PatientTable, StudyRecord
from carmeta.harmonise.counts import Denominator, Derived, reading
from carmeta.vocabulary import RESPONSE_TIERS, SCALE_LABELS


def select(table: PatientTable, cohort: Cohort) -> tuple[Patient, ...]:
    """The patients of a cohort: those who meet every condition of its filter."""
    if cohort.patients is None:
        return ()
    wanted = cohort.patients.where
    return tuple(row for row in table.rows if all(_has(row, k, v) for k, v in wanted.items()))


def _has(row: Patient, key: str, value: str | int | bool) -> bool:
    return row.site == value if key == "site" else row.attributes.get(key) == value


def counted(study: StudyRecord, cohort: Cohort, outcome: str) -> Iterator[Reading]:
    """The outcome counted over the cohort's patients.

    A patient whose best response the text leaves open between categories makes the count
    a range; the count used takes the deeper category for all of them unless the study's
    total, printed elsewhere, says otherwise.
    """
    if study.patients is None or cohort.patients is None:
        return
    rows = select(study.patients, cohort)
    if not rows:
        return
    if outcome in RESPONSE_TIERS:
        yield from _responses(study, rows, outcome)
    elif outcome in ("crs_any", "crs_ge3"):
        yield from _crs(study, rows, outcome)


def _responses(study: StudyRecord, rows: tuple[Patient, ...], outcome: str) -> Iterator[Reading]:
    assert study.patients is not None
    tier = set(RESPONSE_TIERS[outcome])
    known = [row for row in rows if row.response]
    if len(known) < len(rows):
        return
    sure = sum(set(row.response or ()) <= tier for row in rows)
    possible = sum(bool(set(row.response or ()) & tier) for row in rows)
    place = (study.patients.response_at or study.patients.at[0]).label(study.default_doc)
    reason = f"{sure} of {len(rows)} individual patients"
    if possible > sure:
        reason = f"{sure} to {possible} of {len(rows)} individual patients, best response left open"
    yield _reading(outcome, rows, range(sure, possible + 1), reason, place, "")


def _crs(study: StudyRecord, rows: tuple[Patient, ...], outcome: str) -> Iterator[Reading]:
    assert study.patients is not None
    if any(row.crs_grade is None for row in rows):
        return
    lowest = 1 if outcome == "crs_any" else 3
    count = sum((row.crs_grade or 0) >= lowest for row in rows)
    place = (study.patients.crs_at or study.patients.at[0]).label(study.default_doc)
    reason = f"{count} of {len(rows)} individual patients with grade {lowest} or higher"
    scale = SCALE_LABELS[study.patients.scale]
    yield _reading(outcome, rows, range(count, count + 1), reason, place, scale)


def _reading(
    outcome: str,
    rows: tuple[Patient, ...],
    candidates: range,
    reason: str,
    place: str,
    grading: str,
) -> Reading:
    listed = ", ".join(row.id for row in rows)
    return reading(
        outcome=outcome,
        population="infused",
        denominator=Denominator(len(rows), ""),
        derived=Derived(
            tuple(candidates), candidates[-1], "patients", "counted-over-patients", reason
        ),
        cells=(f"{place}: patients {listed}",),
        grading=grading,
    )
