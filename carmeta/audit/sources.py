"""The same fact in two places: text and table, two documents, cited and own report."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import combinations

from carmeta.audit.context import Context, finding, of_cell
from carmeta.cells import Cell
from carmeta.domain.evidence import Finding
from carmeta.domain.record import (
    Characteristic,
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
    for cells in context.fractions.values():
        yield from _cells(cells)
    for cells in context.cells.by_cohort.values():
        yield from _characteristics(cells)
        yield from _times(cells)
    for study in context.review.studies:
        for index, item in enumerate(study.ranges):
            yield from _range(context, study, item, index)
    yield from _statements(context)


# --- numbers of patients -------------------------------------------------------------------


def _cells(cells: Sequence[Cell]) -> Iterator[Finding]:
    groups: dict[tuple[str, str, str, str], list[Cell]] = defaultdict(list)
    for cell in cells:
        groups[cell.kind, cell.subject, cell.population, cell.scope].append(cell)
    for same in groups.values():
        for a, b in combinations(same, 2):
            if a.missing is None and b.missing is None and comparable(a, b):
                yield from _pair(a, b)
    yield from _across_kinds(cells)


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
    if a.kind == "characteristic":
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


def _across_kinds(cells: Sequence[Cell]) -> Iterator[Finding]:
    """A proportion against the grade tables that print the same."""
    for a in cells:
        for b in cells:
            if (
                a.kind == "proportion"
                and b.kind == "toxicity"
                and (a.subject, a.population) == (b.subject, b.population)
                and a.missing is None
                and b.missing is None
            ):
                yield from _pair(a, b)


# --- characteristics and times ---------------------------------------------------------------


def _characteristics(cells: Sequence[Cell]) -> Iterator[Finding]:
    """SRC004 for printed values and ranges; counts are compared as cells."""
    found = [(cell, cell.item) for cell in cells if isinstance(cell.item, Characteristic)]
    for (one, a), (two, b) in combinations(found, 2):
        if a.name == b.name and comparable(one, two):
            for what, x, y in (("value", a.value, b.value), ("range", a.range, b.range)):
                if x is not None and y is not None and not _same_text(x, y):
                    yield _two_places("SRC004", what, (one, x), (two, y))


def _times(cells: Sequence[Cell]) -> Iterator[Finding]:
    """SRC005: values in common units."""
    found = [(cell, cell.item) for cell in cells if isinstance(cell.item, TimeResult)]
    for (one, a), (two, b) in combinations(found, 2):
        same = (one.subject, a.statistic, a.population or b.population, a.note or "") == (
            two.subject,
            b.statistic,
            b.population or a.population,
            b.note or "",
        )
        if same and comparable(one, two) and not _same_time(a, b):
            shown = (f"{a.value} {a.unit}", f"{b.value} {b.unit}")
            yield _two_places("SRC005", "value", (one, shown[0]), (two, shown[1]))


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


def _two_places(code: str, what: str, one: tuple[Cell, str], two: tuple[Cell, str]) -> Finding:
    printed = [f"{cell.place}: {value}" for cell, value in (one, two)]
    message = f"the {what} is {one[1]} in one place, {two[1]} in another"
    return of_cell(code, one[0], message, subject=one[0].name, printed=printed)


# --- statements and ranges -------------------------------------------------------------------


def _statements(context: Context) -> Iterator[Finding]:
    """SRC003 over all studies; one finding a subject."""
    said: dict[str, list[tuple[StudyRecord, Statement, int]]] = defaultdict(list)
    for study in context.review.studies:
        for index, statement in enumerate(study.statements):
            said[statement.subject].append((study, statement, index))
    for subject, items in said.items():
        texts = [statement.value for _, statement, _ in items]
        if all(_same_text(a, b) for a, b in combinations(texts, 2)):
            continue
        study, _, index = items[0]
        values = " / ".join(dict.fromkeys(texts))
        yield finding(
            "SRC003",
            f"stated as {values}",
            study=study.id,
            path=("statements", index, "value"),
            subject=subject,
            printed=[
                f"{s.at.label(owner.default_doc)}: {s.value}"
                + (f" (citing {s.cites})" if s.cites else "")
                for owner, s, _ in items
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


def _range(
    context: Context, study: StudyRecord, item: PrintedRange, index: int
) -> Iterator[Finding]:
    """SRC007: the ends of a range against the values of the cohorts it is said to cover."""
    found: list[Cell] = []
    for reference in item.cohorts:
        key = context.cells.resolve(f"{study.id}/", reference)
        cells = [
            cell
            for cell in context.fractions.get(key, ())
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
            path=("ranges", index),
            subject=item.outcome,
            printed=[
                f"{item.at.label(study.default_doc)}: {item.lb}%-{item.ub}%",
                *(f"{cell.key}: {cell.text()}" for cell in wrong),
            ],
        )
