"""How toxicity was graded: scale, window and counting; and cells that are empty."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

from carmeta.audit.context import Context, finding, of_cell, toxicity_tables
from carmeta.audit.sources import comparable
from carmeta.cells import Cell
from carmeta.domain.evidence import Finding
from carmeta.domain.record import Toxicity, grade_bounds
from carmeta.domain.words import NOT_REPORTED

# A table gives percentages beside its counts if so many counts above zero are in the record
# and all but this share of them have one.
_MANY, _FEW = 8, 0.1


def check(context: Context) -> Iterator[Finding]:
    """GRD001 to GRD005 and ZER001 to ZER003."""
    for cells in context.fractions.values():
        for event in context.words.usual_events:
            rows = _reported(cells, event)
            if rows:
                yield from _missing(event, rows)
                yield from _differing(event, rows)
        yield from _empty(cells)
    for study in context.review.studies:
        keys = [f"{study.id}/{cohort.id}" for cohort in study.cohorts]
        yield from _columns([cell for key in keys for cell in context.fractions[key]])
    yield from _mixed(context)
    yield from _bare(context)


Row = tuple[Toxicity, Cell]


def _reported(cells: Sequence[Cell], event: str) -> list[Row]:
    """The entries of an event that give any number, each with its first cell."""
    return [
        (item, next(iter(table.values())))
        for item, table in toxicity_tables(cells)
        if next(iter(table.values())).event == event
        and any(cell.missing is None for cell in table.values())
    ]


def _about(code: str, event: str, message: str, said: Sequence[tuple[Cell, str]]) -> Finding:
    """A finding about an event of a cohort: entries, by their first cell, and what they say."""
    first = said[0][0]
    return finding(
        code,
        message,
        study=first.study,
        path=first.entry,
        cohort=first.cohort,
        subject=first.words.stem(event),
        printed=[f"{cell.place}: {words}" for cell, words in said],
    )


def _missing(event: str, rows: Sequence[Row]) -> Iterator[Finding]:
    """What no place of the cohort says about an event's grading."""
    first = rows[0][1].words.events[event]
    name, items = first.label, [item for item, _ in rows]
    said = [(cell, cell.grading) for _, cell in rows]
    if all(item.scale == "not-reported" for item in items):
        yield _about("GRD001", event, f"{name} without the scale it was graded by", said)
    if first.windowed and all(item.window is None for item in items):
        message = f"{name} without the period in which events were counted"
        yield _about("GRD003", event, message, said)
    if not any(_severe_known(item) for item in items) and any(_split(item) for item in items):
        message = (
            f"severe {name} stands in several columns, and it is not said whether a patient is "
            "counted in one only"
        )
        yield _about("GRD002", event, message, said)


def _severe_known(item: Toxicity) -> bool:
    return ">=3" in item.grades or item.counting != "not-reported"


def _split(item: Toxicity) -> bool:
    return sum(grade_bounds(key)[0] >= 3 for key in item.grades) > 1


def _differing(event: str, rows: Sequence[Row]) -> Iterator[Finding]:
    """GRD005: two descriptions of one cohort's grading."""
    scales = {cell.grading: cell for item, cell in rows if item.scale != NOT_REPORTED}
    windows = {item.window: cell for item, cell in rows if item.window is not None}
    for verb, found in (("is said to be graded by", scales), ("is counted over", windows)):
        if len(found) > 1:
            between = f" and {verb.rpartition(' ')[2]} "
            name = rows[0][1].words.events[event].label
            message = f"{name} {verb} {between.join(found)}"
            yield _about("GRD005", event, message, [(cell, words) for words, cell in found.items()])


def _mixed(context: Context) -> Iterator[Finding]:
    """GRD004: one finding an event over the whole review, of cohorts that are usually pooled."""
    words = context.words
    for event in words.usual_events:
        scales: dict[str, list[Cell]] = defaultdict(list)
        for key, cells in context.fractions.items():
            rows = _reported(cells, event)
            role = context.cells.cohorts[key].role
            if role not in words.usual("roles") or not rows or context.lineage.wholes(key):
                continue
            known = {words.scale(i.scale): None for i, _ in rows if i.scale != NOT_REPORTED}
            for scale in known or (words.scale(NOT_REPORTED),):
                scales[scale].append(rows[0][1])
        if len(scales) > 1:
            name, subject = words.events[event].label, words.grade_subject(event, None, "any")
            label = words.outcome(subject).label
            first = next(iter(scales.values()))[0]
            yield finding(
                "GRD004",
                f"{name} is graded by different scales: {', '.join(scales)}",
                study="",
                path=first.entry,
                record=first.study,
                subject=subject,
                printed=[
                    f"{label}, {scale}: {', '.join(cell.key for cell in cells)}"
                    for scale, cells in scales.items()
                ],
            )


def _columns(cells: Sequence[Cell]) -> Iterator[Finding]:
    """ZER002: a row without a grade column that most rows of its table have."""
    tables: dict[tuple[str, str], list[tuple[Toxicity, Cell]]] = defaultdict(list)
    for item, row in toxicity_tables(cells):
        first = next(iter(row.values()))
        if item.at.table:
            tables[first.doc, item.at.table].append((item, first))
    for (_, table), rows in tables.items():
        often = Counter(key for item, _ in rows for key in item.grades)
        usual = [key for key, times in often.items() if 2 * times > len(rows) and len(rows) > 2]
        for item, first in rows:
            for key in usual:
                if key not in item.grades:
                    message = (
                        f"no column for grade {key}, which {often[key]} of {len(rows)} rows of "
                        f"Table {table} have"
                    )
                    yield of_cell(
                        "ZER002",
                        first,
                        message,
                        subject=first.words.grade_subject(item.event, item.term, key),
                        printed=(f"{first.place}: {', '.join(item.grades)}",),
                    )


def _empty(cells: Sequence[Cell]) -> Iterator[Finding]:
    """ZER001: 'not reported' where another place gives a number."""
    for a, b in combinations(cells, 2):
        same = (a.kind, a.subject, a.population) == (b.kind, b.subject, b.population)
        if not same or (a.missing is None) == (b.missing is None) or not comparable(a, b):
            continue
        empty, full = (a, b) if a.missing is not None else (b, a)
        if empty.missing == "not-reported" and empty.doc == full.doc:
            message = f"recorded as not reported, but printed as {full.shown()}"
            yield of_cell("ZER001", empty, message, full)


def _bare(context: Context) -> Iterator[Finding]:
    """ZER003: counts above zero without percentage, in a table that gives them."""
    tables: dict[tuple[str, str, str, str], list[Cell]] = defaultdict(list)
    for cell in context.cells:
        if cell.at.table and cell.count and cell.kind in ("toxicity", "response"):
            tables[cell.study, cell.doc, cell.at.table, cell.kind].append(cell)
    for cells in tables.values():
        bare = [cell for cell in cells if cell.percent is None]
        if len(cells) >= _MANY and len(bare) <= _FEW * len(cells):
            for cell in bare:
                message = (
                    f"{cell.count} without a percentage, which {len(cells) - len(bare)} of "
                    f"{len(cells)} numbers of Table {cell.at.table} have"
                )
                yield of_cell("ZER003", cell, message)
