"""Denominators: who a numerator is divided by, and which population is preferred."""

from __future__ import annotations

from collections.abc import Sequence

from carmeta.domain.evidence import Reading
from carmeta.domain.record import Cohort, StudyRecord
from carmeta.harmonise.counts import Denominator
from carmeta.vocabulary import POPULATION_LABELS

_DERIVATION_RANK = {"printed": 0, "summed": 1, "patients": 2, "percent": 3, "percent-several": 4}


def denominator(study: StudyRecord, cohort: Cohort, population: str, of: int | None) -> Denominator:
    """Patients of a population: printed with the cell, printed for the cohort, or its parts.

    A numerator keeps its own denominator: populations are never crossed.
    """
    if of is not None:
        return Denominator(of, "")
    size = cohort.populations.get(population)  # type: ignore[call-overload]  # any text may be asked
    if size is not None:
        return Denominator(size.n, f"n {size.n}: {size.at.label(study.default_doc)}")
    for parts in cohort.lineage.partitions:
        sizes = [_size(study, ref, population) for ref in parts]
        if sizes and None not in sizes:
            numbers = [size for size in sizes if size is not None]
            listed = " + ".join(str(n) for n in numbers)
            return Denominator(sum(numbers), f"n {sum(numbers)}: sum of the parts {listed}")
    return Denominator(None, "")


def _size(study: StudyRecord, ref: str, population: str) -> int | None:
    try:
        part = study.cohort(ref)
    except KeyError:
        return None
    size = part.populations.get(population)  # type: ignore[call-overload]  # any text may be asked
    return None if size is None else size.n


def preferred(readings: Sequence[Reading], order: Sequence[str]) -> list[Reading]:
    """Readings from the one to use to the last: by the preferred population, then stated
    before inferred columns, then certain counts before derived ones, as the record lists them.
    """

    def rank(reading: Reading) -> tuple[bool, int, bool, int, int]:
        at = order.index(reading.population) if reading.population in order else len(order)
        return (
            not reading.usable,
            at,
            reading.attribution == "inferred",
            _DERIVATION_RANK[reading.derivation],
            len(reading.candidates),
        )

    return sorted(readings, key=rank)


def population_flag(reading: Reading, order: Sequence[str]) -> tuple[str, ...]:
    """A word for the figure where a cohort had to be taken on another population."""
    if not order or reading.population == order[0] or reading.population not in order:
        return ()
    return (POPULATION_LABELS[reading.population],)
