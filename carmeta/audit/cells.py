"""Every printed number of a review as one flat list, with its denominator and its place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from carmeta.audit.codes import CODES
from carmeta.domain.evidence import Finding, Severity
from carmeta.domain.record import (
    Characteristic,
    Cohort,
    MrdResult,
    Place,
    Printed,
    PrintedInterval,
    Proportion,
    ResponseTable,
    Review,
    StudyRecord,
    Toxicity,
)
from carmeta.lineage import Lineage
from carmeta.rounding import telling_counts

Family = Literal["proportion", "response", "mrd", "toxicity", "characteristic"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One printed number of one cohort.

    `n` is the denominator: the one printed with the cell, else of its table, else the size
    of its population. A characteristic without denominator may be of any of the cohort's
    populations: `ns` holds all that come into question.
    """

    study: str
    cohort: str
    family: Family
    subject: str  # what is counted, e.g. orr, response VGPR, crs_ge3, age-under-65
    entry: int  # number of the entry (a table, a row) in the cohort; cells of one share it
    population: str
    count: int | None
    of: int | None  # the denominator as printed with the cell or its table
    percent: str | None
    ns: tuple[int, ...]
    ci: PrintedInterval | None
    missing: str | None
    at: Place
    doc: str
    place: str
    cites: str
    cutoff: str
    scope: str  # window or assay: numbers of different scope are not compared
    unit: str = "patients"

    @property
    def key(self) -> str:
        return f"{self.study}/{self.cohort}"

    @property
    def n(self) -> int | None:
        return self.ns[0] if len(self.ns) == 1 else None

    def possible(self) -> frozenset[int] | None:
        """Counts that the cell allows; None if it says nothing that can be counted."""
        if self.count is not None:
            return frozenset((self.count,))
        if self.percent is None or not self.ns:
            return None
        return telling_counts(self.percent, self.ns)

    def shown(self) -> str:
        """The number as printed: ``181 of 254 (71%)``."""
        parts = []
        if self.count is not None:
            parts.append(f"{self.count}" if self.of is None else f"{self.count} of {self.of}")
        if self.percent is not None:
            whole = "" if self.of is None or self.count is not None else f" of {self.of}"
            parts.append(f"({self.percent}%)" if parts else f"{self.percent}%{whole}")
        return " ".join(parts) or f"({self.missing or 'nothing'})"

    def text(self) -> str:
        """Place and number, for a finding's `printed`."""
        cited = f" (citing {self.cites})" if self.cites else ""
        return f"{self.place}: {self.shown()}{cited}"


@dataclass(frozen=True)
class Context:
    """A review with what all checks need of it, derived once."""

    review: Review
    lineage: Lineage
    cells: tuple[Cell, ...]
    cohorts: Mapping[str, Cohort]
    studies: Mapping[str, StudyRecord]
    by_cohort: Mapping[str, tuple[Cell, ...]] = field(repr=False)

    @classmethod
    def of(cls, review: Review) -> Context:
        cells = tuple(cell for study in review.studies for cell in _study_cells(study))
        by_cohort: dict[str, list[Cell]] = defaultdict(list)
        for cell in cells:
            by_cohort[cell.key].append(cell)
        return cls(
            review,
            Lineage.build(review.studies),
            cells,
            {f"{s.id}/{c.id}": c for s in review.studies for c in s.cohorts},
            {study.id: study for study in review.studies},
            {key: tuple(found) for key, found in by_cohort.items()},
        )

    @cached_property
    def implied_n(self) -> dict[tuple[str, str], tuple[int, str]]:
        """Sizes that no place prints, but that follow from a partition.

        (key, population) -> (n, how it follows): the one unknown part of a known total, or
        the total of known parts.
        """
        found: dict[tuple[str, str], tuple[int, str]] = {}
        for key, cohort in self.cohorts.items():
            for partition in cohort.lineage.partitions:
                parts = [self.resolve(key, part) for part in partition]
                if all(part in self.cohorts for part in parts):
                    found |= _implied(key, cohort, {part: self.cohorts[part] for part in parts})
        return found

    def resolve(self, key: str, reference: str) -> str:
        """The full key of a reference made by the cohort `key`."""
        return reference if "/" in reference else f"{key.partition('/')[0]}/{reference}"


def finding(
    code: str,
    message: str,
    *,
    study: str,
    cohort: str = "",
    subject: str = "",
    printed: Iterable[str] = (),
    hint: str = "",
    severity: Severity | None = None,
) -> Finding:
    """A finding with the severity and hint of its code, unless given."""
    known = CODES[code]
    return Finding(
        code,
        severity or known.severity,
        study,
        cohort,
        subject,
        message,
        hint or known.hint,
        tuple(printed),
    )


def of_cell(code: str, cell: Cell, message: str, *others: Cell, hint: str = "") -> Finding:
    """A finding about one cell, with others beside it."""
    printed = tuple(dict.fromkeys(each.text() for each in (cell, *others)))
    return finding(
        code,
        message,
        study=cell.study,
        cohort=cell.cohort,
        subject=cell.subject,
        printed=printed,
        hint=hint,
    )


def counted(values: Iterable[int]) -> str:
    """Whole numbers in words: ``93 or 94``."""
    numbers = values if isinstance(values, range) else sorted(values)
    if len(numbers) > 4:
        return f"{numbers[0]} to {numbers[-1]}"
    *most, last = map(str, numbers or ("",))
    return f"{', '.join(most)} or {last}" if most else last


def grade_subject(event: str, term: str | None, key: str) -> str:
    """The subject of a grade cell: the outcome's code where there is one."""
    stem = {"crs": "crs", "neurotoxicity": "nt"}.get(event)
    if stem and key == "any":
        return f"{stem}_any"
    if stem and key == ">=3":
        return f"{stem}_ge3"
    return f"{stem or term} {'any grade' if key == 'any' else f'grade {key}'}"


def toxicity_tables(
    cohort: Cohort, cells: Iterable[Cell]
) -> list[tuple[Toxicity, dict[str, Cell]]]:
    """The cohort's toxicity entries, each with its cells by grade key."""
    before = len(cohort.proportions) + len(cohort.response) + len(cohort.mrd)
    rows: dict[int, list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell.family == "toxicity":
            rows[cell.entry - before - 1].append(cell)
    return [
        (record, dict(zip(record.grades, rows[i], strict=True)))
        for i, record in enumerate(cohort.toxicity)
    ]


def _study_cells(study: StudyRecord) -> Iterator[Cell]:
    for cohort in study.cohorts:
        maker = _Maker(study, cohort)
        for proportion in cohort.proportions:
            yield maker.proportion(proportion)
        for response in cohort.response:
            yield from maker.response(response)
        for mrd in cohort.mrd:
            yield maker.mrd(mrd)
        for toxicity in cohort.toxicity:
            yield from maker.toxicity(toxicity)
        for trait in cohort.characteristics:
            if trait.count is not None or trait.percent is not None or trait.missing is not None:
                yield maker.characteristic(trait)


class _Maker:
    """Makes the cells of one cohort, numbering its entries."""

    def __init__(self, study: StudyRecord, cohort: Cohort):
        self.study = study
        self.cohort_record = cohort
        self.entry = 0
        self.sizes: dict[str, int] = {p: size.n for p, size in cohort.populations.items()}

    def proportion(self, item: Proportion) -> Cell:
        self.entry += 1
        return self._cell("proportion", item.outcome, item, item, item.population, item.of, None)

    def mrd(self, item: MrdResult) -> Cell:
        self.entry += 1
        subject = f"mrd_neg {item.depth} {item.among}"
        return self._cell("mrd", subject, item, item, item.population, item.of, item.assay)

    def response(self, table: ResponseTable) -> Iterator[Cell]:
        self.entry += 1
        for category, printed in table.categories.items():
            of = table.of if printed.of is None else printed.of
            subject = f"response {category}"
            yield self._cell("response", subject, printed, table, table.population, of, None)

    def toxicity(self, table: Toxicity) -> Iterator[Cell]:
        self.entry += 1
        for key, printed in table.grades.items():
            of = table.of if printed.of is None else printed.of
            subject = grade_subject(table.event, table.term, key)
            yield self._cell(
                "toxicity", subject, printed, table, table.population, of, table.window
            )

    def characteristic(self, item: Characteristic) -> Cell:
        self.entry += 1
        # The biggest first: of several populations a percentage is usually of all patients.
        sizes = tuple(sorted(set(self.sizes.values()), reverse=True))
        ns = sizes if item.of is None else (item.of,)
        return self._cell("characteristic", item.name, item, item, "", item.of, None, ns)

    def _cell(
        self,
        family: Family,
        subject: str,
        printed: Printed | Characteristic,
        source: Proportion | MrdResult | ResponseTable | Toxicity | Characteristic,
        population: str,
        of: int | None,
        scope: str | None,
        ns: tuple[int, ...] | None = None,
    ) -> Cell:
        if ns is None:
            size = self.sizes.get(population) if of is None else of
            ns = () if size is None else (size,)
        default = self.study.default_doc
        return Cell(
            study=self.study.id,
            cohort=self.cohort_record.id,
            family=family,
            subject=subject,
            entry=self.entry,
            population=population,
            count=printed.count,
            of=of,
            percent=printed.percent,
            ns=ns,
            ci=None if isinstance(printed, Characteristic) else printed.ci,
            missing=printed.missing,
            at=source.at,
            doc=source.at.doc or default,
            place=source.at.label(default),
            cites=source.cites or "",
            cutoff=source.data_cutoff or "",
            scope=scope or "",
            unit=self.cohort_record.unit,
        )


def _implied(
    whole: str, cohort: Cohort, parts: Mapping[str, Cohort]
) -> Iterator[tuple[tuple[str, str], tuple[int, str]]]:
    names = {name for part in (cohort, *parts.values()) for name in part.populations}
    for name in sorted(names):
        known = {
            key: size.n
            for key, part in parts.items()
            for label, size in part.populations.items()
            if label == name
        }
        total = next((s.n for label, s in cohort.populations.items() if label == name), None)
        missing = [key for key in parts if key not in known]
        sizes = " and ".join(str(n) for n in known.values())
        if total is None and not missing:
            yield (whole, name), (sum(known.values()), f"{sizes} added")
        elif total is not None and len(missing) == 1 and known and total >= sum(known.values()):
            yield (missing[0], name), (total - sum(known.values()), f"{total} less {sizes}")
