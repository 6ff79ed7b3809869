"""Counts as plain CSV: what `carmeta pool --csv`, `carmeta import` and any other program read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from carmeta.domain.analysis import ArmPair
from carmeta.domain.evidence import Count
from carmeta.report.csvfiles import Value, write

COHORTS: Final = (
    "study", "events", "n", "outcome", "record", "cohort", "role", "population", "derivation",
    "lowest", "highest", "part",
)  # fmt: skip
PAIRS: Final = (
    "study", "events", "n", "events2", "n2", "outcome", "record", "treatment", "control",
    "population",
)  # fmt: skip
Row = tuple[Value, ...]


def of_cohorts(counts: Iterable[tuple[str, Count]]) -> dict[str, bytes]:
    """`counts.csv`, a line a cohort and outcome, and the same lines in a file an outcome.

    ``study`` is the name that no other cohort has; where a percentage allows several counts, from
    ``lowest`` to ``highest``, ``events`` is the one of the point estimate. ``counts`` come with
    the id of their set, of which each has files of its own.
    """
    rows: dict[str, list[Row]] = {}
    for part, c in counts:
        rows.setdefault(f"{part}-{c.outcome}" if part else c.outcome, []).append(
            (c.slab, c.xi, c.ni, c.outcome, c.study, c.cohort, c.role, c.population,
             c.derivation, c.xi_lo, c.xi_hi, part)
        )  # fmt: skip
    return _files(COHORTS, rows)


def of_pairs(pairs: Iterable[tuple[str, ArmPair]]) -> dict[str, bytes]:
    """`counts.csv`, a line a pair and outcome, and the same lines in a file an outcome."""
    rows: dict[str, list[Row]] = {}
    for outcome, pair in pairs:
        one, two = pair.arms
        rows.setdefault(outcome, []).append(
            (pair.slab, one.xi, one.ni, two.xi, two.ni, outcome, pair.study, one.cohort,
             two.key if two.study != one.study else two.cohort, one.population)
        )  # fmt: skip
    return _files(PAIRS, rows)


def _files(columns: Sequence[str], rows: Mapping[str, Sequence[Row]]) -> dict[str, bytes]:
    whole = [row for part in rows.values() for row in part]
    files = {"counts.csv": write(columns, whole)}
    for name, part in rows.items():
        own = f"{name}.csv" if name.lower() != "counts" else f"{name}-alone.csv"
        files[own] = write(columns, part)
    return files
