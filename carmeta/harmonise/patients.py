"""Counts over individual patients: what a table of patients says of any subset of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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


def counted(
    study: StudyRecord, cohort: Cohort, outcome: str, total: int | None = None
) -> Iterator[Reading]:
    """The outcome counted over the cohort's patients.

    A patient whose best response the text leaves open makes the count a range. Where the
    ``total`` over all patients of the table is printed, it bounds how many of the open ones
    belong to any subset; the count used is the proportional share, rounded.
    """
    if study.patients is None or cohort.patients is None:
        return
    rows = select(study.patients, cohort)
    if not rows:
        return
    if outcome in RESPONSE_TIERS:
        yield from _responses(study, rows, outcome, total)
    elif outcome in ("crs_any", "crs_ge3"):
        yield from _crs(study, rows, outcome)


def covers_table(cohort: Cohort) -> bool:
    """Whether a cohort is the whole table of patients."""
    return cohort.patients is not None and not cohort.patients.where


def _responses(
    study: StudyRecord, rows: tuple[Patient, ...], outcome: str, total: int | None
) -> Iterator[Reading]:
    assert study.patients is not None
    if any(not row.response for row in rows):
        return
    tier = set(RESPONSE_TIERS[outcome])
    sure, left_open = _split(rows, tier)
    low, high, xi = 0, left_open, left_open
    reason = f"{sure} of {len(rows)} individual patients"
    everybody = study.patients.rows
    if left_open and total is not None and all(row.response for row in everybody):
        all_sure, all_open = _split(everybody, tier)
        inside = total - all_sure  # of the open patients, so many are in the tier
        low = max(0, inside - (all_open - left_open))
        high = min(left_open, inside)
        xi = min(max(round(left_open * inside / all_open), low), high)
    if left_open:
        span = f"{sure + low} to {sure + high}" if low < high else f"{sure + low}"
        reason = f"{span} of {len(rows)} individual patients; {left_open} best responses left open"
        reason += f", {total} over all patients" if total is not None else ""
    place = (study.patients.response_at or study.patients.at[0]).label(study.default_doc)
    candidates = range(sure + low, sure + high + 1)
    yield _reading(outcome, rows, candidates, sure + xi, reason, place, "")


def _split(rows: Sequence[Patient], tier: set[str]) -> tuple[int, int]:
    """Patients surely in the tier, and patients who may or may not be."""
    inside = sum(set(row.response or ()) <= tier for row in rows)
    possible = sum(bool(set(row.response or ()) & tier) for row in rows)
    return inside, possible - inside


def _crs(study: StudyRecord, rows: tuple[Patient, ...], outcome: str) -> Iterator[Reading]:
    assert study.patients is not None
    if any(row.crs_grade is None for row in rows):
        return
    lowest = 1 if outcome == "crs_any" else 3
    count = sum((row.crs_grade or 0) >= lowest for row in rows)
    place = (study.patients.crs_at or study.patients.at[0]).label(study.default_doc)
    reason = f"{count} of {len(rows)} individual patients with grade {lowest} or higher"
    scale = SCALE_LABELS[study.patients.scale]
    yield _reading(outcome, rows, range(count, count + 1), count, reason, place, scale)


def _reading(
    outcome: str,
    rows: tuple[Patient, ...],
    candidates: range,
    xi: int,
    reason: str,
    place: str,
    grading: str,
) -> Reading:
    listed = ", ".join(row.id for row in rows)
    return reading(
        outcome=outcome,
        population="infused",
        denominator=Denominator(len(rows), ""),
        derived=Derived(tuple(candidates), xi, "patients", "counted-over-patients", reason),
        cells=(f"{place}: patients {listed}",),
        grading=grading,
    )
