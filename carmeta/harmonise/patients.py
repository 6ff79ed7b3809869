"""Counts over individual patients: what a table of patients says of any subset of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from carmeta.domain.record import Cohort, Patient, PatientTable, Place, StudyRecord
from carmeta.domain.words import NOT_REPORTED, OutcomeTerm, Vocabulary
from carmeta.harmonise.counts import Derived, Reading, none, spread


def select(table: PatientTable, cohort: Cohort) -> tuple[Patient, ...]:
    """The patients of a cohort: those who meet every condition of its filter."""
    if cohort.patients is None:
        return ()
    wanted = cohort.patients.where
    return tuple(row for row in table.rows if all(_has(row, k, v) for k, v in wanted.items()))


def _has(row: Patient, key: str, value: str | int | bool) -> bool:
    if key in row.grades:
        return row.grades[key] == value
    return row.site == value if key == "site" else row.attributes.get(key) == value


def counted(
    study: StudyRecord,
    cohort: Cohort,
    outcome: str,
    words: Vocabulary,
    total: int | None = None,
) -> Iterator[Reading]:
    """The outcome counted over the cohort's patients.

    A patient whose best response the text leaves open makes the count a range. Where the
    ``total`` over all patients of the table is printed, it bounds how many of the open ones
    belong to any subset; the count used is the proportional share, rounded.
    """
    table, term = study.patients, words.outcome(outcome)
    rows = () if table is None else select(table, cohort)
    if table is None or not rows:
        return
    if term.categories and any(row.response for row in rows):
        place, scale = table.response_at or table.at[0], ""
        derived = _responses(table, rows, set(term.categories), total)
    elif any(term.event in row.grades for row in rows):
        graded = table.grading(term.event)
        place, scale = graded.at or table.at[0], graded.scale
        derived = _grades(rows, term, words)
    else:
        return
    grading = words.scale(scale) if scale else ""
    yield _reading(study, outcome, rows, derived, place, scale or NOT_REPORTED, grading)


def covers_table(cohort: Cohort) -> bool:
    """Whether a cohort is the whole table of patients."""
    return cohort.patients is not None and not cohort.patients.where


def _responses(
    table: PatientTable, rows: tuple[Patient, ...], tier: set[str], total: int | None
) -> Derived:
    unknown = [row.id for row in rows if not row.response]
    if unknown:
        return _incomplete("best response", unknown)
    sure, left_open = _split(rows, tier)
    low, high, xi = 0, left_open, left_open
    reason = f"{sure} of {len(rows)} individual patients"
    if left_open and total is not None and all(row.response for row in table.rows):
        all_sure, all_open = _split(table.rows, tier)
        inside = total - all_sure  # of the open patients, so many are in the tier
        low = max(0, inside - (all_open - left_open))
        high = min(left_open, inside)
        xi = min(max(round(left_open * inside / all_open), low), high)
    candidates = range(sure + low, sure + high + 1)
    if not candidates:
        words = f"{total} over all patients, of whom {sure} to {sure + left_open} here"
        return none("impossible", "impossible-total", words)
    if left_open:
        reason = f"{spread(candidates)} of {len(rows)} individual patients; "
        reason += f"{left_open} best responses left open"
        reason += f", {total} over all patients" if total is not None else ""
    return Derived(candidates, sure + xi, "patients", "counted-over-patients", reason)


def _split(rows: Sequence[Patient], tier: set[str]) -> tuple[int, int]:
    """Patients surely in the tier, and patients who may or may not be."""
    inside = sum(set(row.response or ()) <= tier for row in rows)
    possible = sum(bool(set(row.response or ()) & tier) for row in rows)
    return inside, possible - inside


def _grades(rows: tuple[Patient, ...], term: OutcomeTerm, words: Vocabulary) -> Derived:
    event, lowest = term.event, term.lowest
    unknown = [row.id for row in rows if event not in row.grades]
    if unknown:
        return _incomplete(f"grade of {words.events[event].label}", unknown)
    count = sum(row.grades[event] >= lowest for row in rows)
    reason = f"{count} of {len(rows)} individual patients with grade {lowest} or higher"
    return Derived((count,), count, "patients", "counted-over-patients", reason)


def _incomplete(what: str, unknown: Sequence[str]) -> Derived:
    reason = f"the {what} of {', '.join(unknown)} is not given"
    return none("incomplete", "incomplete-patients", reason)


def _reading(
    study: StudyRecord,
    outcome: str,
    rows: tuple[Patient, ...],
    derived: Derived,
    place: Place,
    scale: str,
    grading: str,
) -> Reading:
    listed = ", ".join(row.id for row in rows)
    assert study.patients is not None
    return Reading(
        outcome=outcome,
        population=study.patients.population,
        ni=len(rows),
        derived=derived,
        sources=((f"{place.label(study.default_doc)}: patients {listed}", ("patients",)),),
        grading=grading,
        scale=scale,
        doc=place.doc or study.default_doc,
    )
