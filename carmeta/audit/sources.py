"""The same fact in two places: text and table, two documents, cited and own report."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import combinations

from carmeta.audit.cells import Cell, Context, finding, of_cell
from carmeta.domain.evidence import Finding
from carmeta.domain.record import (
    Characteristic,
    Place,
    PrintedRange,
    Statement,
    StudyRecord,
    TimeResult,
)

# Days, for times printed in different units; a month is a twelfth of 365.25 days.
_DAYS = {"days": Fraction(1), "weeks": Fraction(7), "months": Fraction(36525, 1200),
         "years": Fraction(36525, 100)}  # fmt: skip
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "i/ii": "1/2", "1b/2": "1/2"}
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_RANGE = re.compile(r"(-?\d+(?:\.\d+)?)%?\s*(?:-|–|to)\s*(-?\d+(?:\.\d+)?)%?")


def check(context: Context) -> Iterator[Finding]:
    """SRC001 to SRC007."""
    for key, cells in context.by_cohort.items():
        yield from _cells(context, key, cells)
    for study in context.review.studies:
        for cohort in study.cohorts:
            yield from _characteristics(study, cohort.id, cohort.characteristics)
            yield from _times(study, cohort.id, cohort.times)
        for item in study.ranges:
            yield from _range(context, study, item)
    yield from _statements(context)


# --- numbers of patients -------------------------------------------------------------------


def _cells(context: Context, key: str, cells: Sequence[Cell]) -> Iterator[Finding]:
    groups: dict[tuple[str, str, str, str], list[Cell]] = defaultdict(list)
    for cell in cells:
        groups[cell.family, cell.subject, cell.population, cell.scope].append(cell)
    for same in groups.values():
        for a, b in combinations(same, 2):
            if a.missing is None and b.missing is None and comparable(a, b):
                yield from _pair(a, b)
    yield from _across_families(cells)


def comparable(a: Cell, b: Cell) -> bool:
    """Whether two numbers are of two places. Rows of one table are different things."""
    one, two = a.at, b.at
    if a.doc != b.doc:
        return True
    if one.table and one.table == two.table:
        return (one.row, one.column) == (two.row, two.column)
    return True


def _pair(a: Cell, b: Cell) -> Iterator[Finding]:
    if agree(a, b):
        if a.count is not None and a.count == b.count and _two_denominators(a, b):
            message = f"{a.count} patients are {a.shown()} in one place, {b.shown()} in another"
            yield of_cell("SRC006", a, message, b)
        return
    if a.family == "characteristic":
        code = "SRC004"
    elif a.doc == b.doc and a.cites == b.cites:
        code = "SRC001"
    else:
        code = "SRC002"
    yield of_cell(code, a, f"{a.shown()} in one place, {b.shown()} in another", b)


def agree(a: Cell, b: Cell) -> bool:
    """Whether some number of patients is compatible with both."""
    one, two = a.possible(), b.possible()
    if one is not None and two is not None:
        if one & two:
            return True
        if one and two:
            return False
    if a.percent is not None and b.percent is not None:
        return _close(a.percent, b.percent)
    return True


def _two_denominators(a: Cell, b: Cell) -> bool:
    if a.of is not None and b.of is not None and a.of != b.of:
        return True
    return a.ns != b.ns and not _close(a.percent, b.percent)


def _close(a: str | None, b: str | None) -> bool:
    """Whether two printed numbers can be roundings of one: 85 and 84.8, 71 and 71."""
    if a is None or b is None or "<" in a or "<" in b:
        return True
    one, two = _interval(a), _interval(b)
    return one[0] < two[1] and two[0] < one[1]


def _interval(text: str) -> tuple[Fraction, Fraction]:
    half = Fraction(1, 2 * 10 ** len(text.partition(".")[2]))
    return Fraction(text) - half, Fraction(text) + half


def _across_families(cells: Sequence[Cell]) -> Iterator[Finding]:
    """A proportion (crs_any, crs_ge3, ...) against the grade tables that print the same."""
    for a in cells:
        for b in cells:
            if (
                a.family == "proportion"
                and b.family == "toxicity"
                and (a.subject, a.population) == (b.subject, b.population)
                and a.missing is None
                and b.missing is None
            ):
                yield from _pair(a, b)


# --- characteristics and times ---------------------------------------------------------------


def _characteristics(
    study: StudyRecord, cohort: str, items: Sequence[Characteristic]
) -> Iterator[Finding]:
    """SRC004 for printed values and ranges; counts are compared as cells."""
    for a, b in combinations(items, 2):
        if a.name != b.name or not _places_differ(study, a.at, b.at):
            continue
        for what, one, two in (("value", a.value, b.value), ("range", a.range, b.range)):
            if one is not None and two is not None and not _same_text(one, two):
                yield _two_places("SRC004", study, cohort, a.name, what, (a.at, one), (b.at, two))


def _times(study: StudyRecord, cohort: str, items: Sequence[TimeResult]) -> Iterator[Finding]:
    """SRC005: values in common units."""
    for a, b in combinations(items, 2):
        same = (a.endpoint, a.statistic, a.at_time, a.population or b.population) == (
            b.endpoint, b.statistic, b.at_time, b.population or a.population,
        )  # fmt: skip
        if not same or (a.note or "") != (b.note or "") or not _places_differ(study, a.at, b.at):
            continue
        if not _same_time(a, b):
            yield _two_places(
                "SRC005", study, cohort, a.endpoint, "value",
                (a.at, f"{a.value} {a.unit}"), (b.at, f"{b.value} {b.unit}"),
            )  # fmt: skip


def _same_time(a: TimeResult, b: TimeResult) -> bool:
    if not (_NUMBER.fullmatch(a.value) and _NUMBER.fullmatch(b.value)):
        return a.value == b.value
    if a.unit == b.unit:
        return _close(a.value, b.value)
    if a.unit not in _DAYS or b.unit not in _DAYS:
        return True
    one = [limit * _DAYS[a.unit] for limit in _interval(a.value)]
    two = [limit * _DAYS[b.unit] for limit in _interval(b.value)]
    return one[0] < two[1] and two[0] < one[1]


def _places_differ(study: StudyRecord, a: Place, b: Place) -> bool:
    if (a.doc or study.default_doc) != (b.doc or study.default_doc):
        return True
    if a.table and a.table == b.table:
        return (a.row, a.column) == (b.row, b.column)
    return True


def _two_places(
    code: str,
    study: StudyRecord,
    cohort: str,
    subject: str,
    what: str,
    one: tuple[Place, str],
    two: tuple[Place, str],
) -> Finding:
    printed = [f"{place.label(study.default_doc)}: {value}" for place, value in (one, two)]
    message = f"the {what} is {one[1]} in one place, {two[1]} in another"
    return finding(code, message, study=study.id, cohort=cohort, subject=subject, printed=printed)


# --- statements and ranges -------------------------------------------------------------------


def _statements(context: Context) -> Iterator[Finding]:
    """SRC003 over all studies; one finding a subject."""
    said: dict[str, list[tuple[StudyRecord, Statement]]] = defaultdict(list)
    for study in context.review.studies:
        for statement in study.statements:
            said[statement.subject].append((study, statement))
    for subject, items in said.items():
        texts = [statement.value for _, statement in items]
        if all(_same_text(a, b) for a, b in combinations(texts, 2)):
            continue
        study = items[0][0]
        values = " / ".join(dict.fromkeys(texts))
        yield finding(
            "SRC003",
            f"stated as {values}",
            study=study.id,
            subject=subject,
            printed=[
                f"{s.at.label(owner.default_doc)}: {s.value}"
                + (f" (citing {s.cites})" if s.cites else "")
                for owner, s in items
            ],
        )


def _same_text(a: str, b: str) -> bool:
    """Whether two printed values say the same: numbers by rounding, ranges by content."""
    one, two = _plain(a), _plain(b)
    if one == two:
        return True
    if _NUMBER.fullmatch(one) and _NUMBER.fullmatch(two):
        return _close(one, two)
    for text, other in ((one, two), (two, one)):
        span = _RANGE.fullmatch(text)
        if span and _NUMBER.fullmatch(other):
            return Fraction(span[1]) <= Fraction(other) <= Fraction(span[2])
    return False


def _plain(text: str) -> str:
    """Lower case, one kind of dash and space, no percent sign; phases in Arabic digits."""
    plain = re.sub(r"\s+", " ", text.strip().lower()).replace("–", "-").replace("−", "-")
    plain = plain.removeprefix("phase ").removesuffix("%").rstrip(" .")
    return _ROMAN.get(plain, plain)


def _range(context: Context, study: StudyRecord, item: PrintedRange) -> Iterator[Finding]:
    """SRC007: the ends of a range against the values of the cohorts it is said to cover."""
    found: list[Cell] = []
    for reference in item.cohorts:
        key = reference if "/" in reference else f"{study.id}/{reference}"
        cells = [
            cell
            for cell in context.by_cohort.get(key, ())
            if cell.subject == item.outcome and cell.percent is not None and "<" not in cell.percent
        ]
        found += cells[:1]
    if not found:
        return
    end: Callable[[Cell], float] = lambda cell: float(cell.percent or 0)  # one key
    lowest, highest = min(found, key=end), max(found, key=end)
    wrong = [
        cell
        for cell, limit in ((lowest, item.lb), (highest, item.ub))
        if not _close(cell.percent, limit)
    ]
    if wrong:
        yield finding(
            "SRC007",
            f"the range {item.lb}% to {item.ub}% is printed over cohorts with {lowest.percent}% "
            f"to {highest.percent}%",
            study=study.id,
            subject=item.outcome,
            printed=[
                f"{item.at.label(study.default_doc)}: {item.lb}%-{item.ub}%",
                *(f"{cell.key}: {cell.text()}" for cell in wrong),
            ],
        )
