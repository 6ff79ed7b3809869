"""What every check needs of a review, derived once, and how a finding is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from carmeta.audit.codes import CODES
from carmeta.cells import Cell, Cells, tables
from carmeta.domain.evidence import DataPath, Finding
from carmeta.domain.record import Review, Toxicity
from carmeta.domain.words import Vocabulary
from carmeta.lineage import Lineage
from carmeta.rounding import fitting_counts


@dataclass(frozen=True)
class Context:
    """A review with its printed cells and its lineage."""

    review: Review
    cells: Cells
    lineage: Lineage

    @property
    def words(self) -> Vocabulary:
        """The words of the review."""
        return self.review.words

    @classmethod
    def of(cls, review: Review) -> Context:
        return cls(review, Cells.of(review), Lineage.build(review.studies))

    @cached_property
    def fractions(self) -> Mapping[str, tuple[Cell, ...]]:
        """Cells by cohort that are numbers of patients out of some, or say why there is none."""
        return {
            key: tuple(cell for cell in cells if _is_fraction(cell))
            for key, cells in self.cells.by_cohort.items()
        }

    def sizes(self, key: str) -> dict[str, Cell]:
        """The printed sizes of a cohort, by population."""
        return {cell.name: cell for cell in self.cells.by_cohort[key] if cell.kind == "size"}


def _is_fraction(cell: Cell) -> bool:
    printed = (cell.count, cell.percent, cell.missing)
    return cell.kind not in ("size", "time") and printed != (None, None, None)


def finding(
    code: str,
    message: str,
    *,
    study: str,
    path: DataPath,
    cohort: str = "",
    subject: str = "",
    printed: Iterable[str] = (),
    record: str = "",
) -> Finding:
    """A finding with the severity and hint of its code.

    ``path`` leads into the record of ``study``; of ``record``, where the finding belongs to no
    single study.
    """
    known = CODES[code]
    return Finding(
        code,
        known.severity,
        study,
        cohort,
        subject,
        message,
        known.hint,
        tuple(dict.fromkeys(printed)),
        path=path,
        record=record or study,
    )


def of_cell(
    code: str,
    cell: Cell,
    message: str,
    *others: Cell,
    subject: str = "",
    printed: Iterable[str] = (),
) -> Finding:
    """A finding about one cell; printed with the others beside it, unless said otherwise."""
    return finding(
        code,
        message,
        study=cell.study,
        path=cell.path,
        cohort=cell.cohort,
        subject=subject or cell.subject,
        printed=tuple(printed) or [each.text() for each in (cell, *others)],
    )


def what(cell: Cell) -> tuple[str, ...]:
    """What a cell counts and of whom: numbers of other cohorts are compared where it is equal."""
    return cell.kind, cell.subject, cell.population, cell.scope, cell.unit


def nobody(cell: Cell, most: int) -> bool:
    """Whether a percentage of an unknown number of patients, at most ``most``, is none of them."""
    alone = cell.percent is not None and cell.count is None and not cell.ns
    return alone and list(fitting_counts(cell.percent or "", most).counts) == [0]


def counted(values: Iterable[int]) -> str:
    """Whole numbers in words: ``93 or 94``."""
    numbers = values if isinstance(values, range) else sorted(values)
    if len(numbers) > 4:
        return f"{numbers[0]} to {numbers[-1]}"
    *most, last = map(str, numbers or ("",))
    return f"{', '.join(most)} or {last}" if most else last


def toxicity_tables(cells: Iterable[Cell]) -> list[tuple[Toxicity, dict[str, Cell]]]:
    """The toxicity entries among the cells, each with its cells by grade."""
    return [
        (table[0].item, {cell.grade: cell for cell in table})
        for table in tables(cells, "toxicity")
        if isinstance(table[0].item, Toxicity)
    ]
