"""Lineage that cannot be right, and the same patients under two names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

from carmeta.audit.context import Context, finding, of_cell
from carmeta.cells import Cell
from carmeta.domain.evidence import Finding

# Two cohorts that agree in so many numbers, and in this share of what both report, are taken
# for the same patients. Numbers that many cohorts have by chance (0, all) do not count.
_SAME_NUMBERS = 3
_SAME_SHARE = 0.8

_PROBLEM_CODES = {
    "unknown": "LIN001",
    "self": "LIN002",
    "cycle": "LIN002",
    "contradiction": "LIN002",
    "duplicate": "DUP001",
}


def check(context: Context) -> Iterator[Finding]:
    """LIN001, LIN002, LIN004 and DUP001 to DUP003."""
    for problem in context.lineage.problems:
        study, _, cohort = problem.cohort.partition("/")
        yield finding(
            _PROBLEM_CODES[problem.kind],
            problem.message,
            study=study,
            path=(*context.cells.path(problem.cohort), "lineage"),
            cohort=cohort,
            subject="lineage",
        )
    yield from _undeclared(context)
    yield from _same_numbers(context)
    yield from _same_trial(context)
    yield from _twice(context)


def _undeclared(context: Context) -> Iterator[Finding]:
    """LIN004: cohorts of a study that nothing connects with any other of it."""
    for study in context.review.studies:
        keys = [f"{study.id}/{cohort.id}" for cohort in study.cohorts]
        alone = [
            key
            for key in keys
            if len(keys) > 1
            and not any(context.lineage.related(key, other) for other in keys if other != key)
        ]
        if alone:
            names = ", ".join(key.partition("/")[2] for key in alone)
            yield finding(
                "LIN004",
                f"nothing declares how {names} relate to the study's other cohorts",
                study=study.id,
                path=context.cells.path(alone[0]),
                subject="lineage",
            )


def _signature(cells: tuple[Cell, ...]) -> set[tuple[str, str, str, int | None]]:
    """The numbers of a cohort that tell it from others."""
    found = set()
    for cell in cells:
        trivial = cell.percent in ("0", "100") or (
            cell.count is not None and cell.count in (0, cell.n)
        )
        if cell.missing is None and not trivial:
            found.add((cell.subject, cell.population, cell.shown(), cell.n))
    return found


def _same_numbers(context: Context) -> Iterator[Finding]:
    """DUP001: equal numbers in cohorts of which neither holds the other."""
    signatures = {key: _signature(cells) for key, cells in context.fractions.items()}
    for a, b in combinations(signatures, 2):
        one, two = signatures[a], signatures[b]
        common = one & two
        if len(common) < _SAME_NUMBERS or len(common) < _SAME_SHARE * min(len(one), len(two)):
            continue
        if a in context.lineage.wholes(b) or b in context.lineage.wholes(a):
            continue
        study, _, cohort = a.partition("/")
        shown = sorted(f"{subject} {value}" for subject, _, value, _ in common)
        yield finding(
            "DUP001",
            f"{a} and {b} agree in {len(common)} numbers",
            study=study,
            path=context.cells.path(a),
            cohort=cohort,
            subject=b,
            printed=(f"{a} and {b}: {', '.join(shown[:8])}",),
        )


def _same_trial(context: Context) -> Iterator[Finding]:
    """DUP002: records of one registry number that no lineage connects."""
    records: dict[str, list[str]] = defaultdict(list)
    for study in context.review.studies:
        if study.trial.registry:
            records[study.trial.registry].append(study.id)
    for registry, ids in records.items():
        for a, b in combinations(ids, 2):
            keys = [
                [key for key in context.cells.cohorts if key.partition("/")[0] == study]
                for study in (a, b)
            ]
            if not any(context.lineage.related(x, y) for x in keys[0] for y in keys[1]):
                yield finding(
                    "DUP002",
                    f"the records {a} and {b} both give {registry}, and nothing relates them",
                    study=a,
                    path=("trial", "registry"),
                    subject=b,
                    printed=(f"{a}: {registry}", f"{b}: {registry}"),
                )


def _twice(context: Context) -> Iterator[Finding]:
    """DUP003: the same number of the same cell of a paper entered twice for one cohort."""
    for cells in context.fractions.values():
        seen: dict[tuple[str, str, str, str], Cell] = {}
        for cell in cells:
            # A running text gives many numbers in one section; a table cell gives one.
            if not (cell.at.table and cell.at.row):
                continue
            key = (cell.subject, cell.population, cell.scope, cell.text())
            first = seen.setdefault(key, cell)
            if first.entry != cell.entry:
                yield of_cell("DUP003", cell, f"{cell.shown()} is entered twice")
