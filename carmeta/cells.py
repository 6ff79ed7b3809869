"""The printed cell: every number of a record once, with its denominator, its place, its path.

Loader checks, audit, harmoniser, `show` and `explain` walk these cells and no other ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from carmeta.domain.evidence import DataPath
from carmeta.domain.naming import names
from carmeta.domain.record import (
    Assayed,
    Characteristic,
    Cohort,
    Place,
    PopulationSize,
    Printed,
    PrintedInterval,
    Proportion,
    ResponseTable,
    Review,
    StudyRecord,
    TimeResult,
    Toxicity,
)
from carmeta.domain.words import Vocabulary
from carmeta.rounding import telling_counts

Kind = Literal["size", "proportion", "response", "assayed", "toxicity", "time", "characteristic"]
Item = (
    PopulationSize | Proportion | ResponseTable | Assayed | Toxicity | TimeResult | Characteristic
)
NumberOf = Literal["cell", "table", "population", "parts", "unknown"]


@dataclass(frozen=True, slots=True)
class Denominator:
    """Patients that a cell is divided by, and whose number that is.

    ``origin`` is where ``n`` comes from, the first of these that is printed: the cell itself,
    its table, the size of its population, the sizes of the disjoint parts that make up the
    cohort. Where none is, ``n`` is None; ``rest`` is then what a printed total leaves beside
    the other parts, if it leaves anything: a hint for a reader, never divided by.
    """

    n: int | None = None
    origin: NumberOf = "unknown"
    words: str = ""  # where the number stands, or how it follows; empty if beside the count
    path: DataPath = ()  # of the number in the record
    rest: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One printed number of one cohort.

    ``item`` is the entry of the record that the cell belongs to (a row, a table) and says
    scale, window, definition, citation and place. Cells of one table share ``entry``.
    """

    study: str
    cohort: str
    kind: Kind
    name: str  # outcome, category, event or term, population, endpoint, characteristic
    subject: str  # what is counted, an outcome, a category, a grade of an event, a trait
    population: str
    count: int | None
    percent: str | None
    missing: str | None
    ci: PrintedInterval | None
    denominator: Denominator
    item: Item
    entry: DataPath  # of the row or table in the file
    path: DataPath  # of the number in the file
    default_doc: str
    words: Vocabulary = field(repr=False)
    unit: str = "patients"
    event: str = ""  # of toxicity: the review's word for it
    grade: str = ""  # of toxicity, as the record's key: any, >=3, 3-4
    # Sizes that a characteristic without denominator may be divided by, the largest first.
    sizes: tuple[int, ...] = ()

    @property
    def key(self) -> str:
        """Key ``study/cohort`` of the cohort."""
        return f"{self.study}/{self.cohort}"

    @property
    def at(self) -> Place:
        return self.item.at

    @property
    def doc(self) -> str:
        return self.at.doc or self.default_doc

    @property
    def place(self) -> str:
        """Document, table, row and column in words."""
        return self.at.label(self.default_doc)

    @property
    def label(self) -> str:
        """Which of its table: a category, grade or population; empty for a cell on its own."""
        named = self.kind in ("response", "size")
        return f"grade {self.grade}" if self.grade else self.name * named

    @property
    def of(self) -> int | None:
        """The denominator where it is printed with the cell or its table."""
        return self.denominator.n if self.denominator.origin in ("cell", "table") else None

    @property
    def n(self) -> int | None:
        """The one denominator, if it is known."""
        return self.sizes[0] if len(self.sizes) == 1 else self.denominator.n

    @property
    def ns(self) -> tuple[int, ...]:
        """Every denominator that comes into question."""
        return self.sizes or (() if self.denominator.n is None else (self.denominator.n,))

    @property
    def decimals(self) -> int:
        """Printed decimals of the percentage."""
        return len((self.percent or "").partition(".")[2])

    @property
    def cites(self) -> str:
        return getattr(self.item, "cites", None) or ""

    @property
    def attribution(self) -> str:
        return getattr(self.item, "attribution", "stated")

    @property
    def cutoff(self) -> str:
        return getattr(self.item, "data_cutoff", None) or ""

    @property
    def scope(self) -> str:
        """Window or assay: numbers of different scope are not compared."""
        return getattr(self.item, "window", None) or getattr(self.item, "assay", None) or ""

    @property
    def grading(self) -> str:
        """Scale of a toxicity in words."""
        if not isinstance(self.item, Toxicity):
            return ""
        label = self.words.scale(self.item.scale)
        return f"modified {label}" if self.item.scale_modified else label

    def possible(self) -> frozenset[int] | None:
        """Counts that the cell allows; None if it says nothing that can be counted."""
        if self.count is not None:
            return frozenset((self.count,))
        if self.percent is None or not self.ns:
            return None
        return telling_counts(self.percent, self.ns)

    def shown(self) -> str:
        """The number as printed: ``181 of 254 (71%)``."""
        if self.missing is not None:
            return self.missing.replace("-", " ")
        if isinstance(self.item, TimeResult | Characteristic) and self.item.value is not None:
            unit = _unit(self.item) if isinstance(self.item, TimeResult) else ""
            span = f" ({self.item.range})" if self.item.range else ""
            return f"{self.item.value}{unit}{span}"
        if self.count is None and self.percent is None:
            return getattr(self.item, "range", None) or ""
        of = "" if self.of is None else f" of {self.of}"
        if self.count is None:
            return f"{self.percent}%{of}"
        return f"{self.count}{of}" + (f" ({self.percent}%)" if self.percent is not None else "")

    def text(self) -> str:
        """Place and number: ``raje-2019, Table 2, row 'x', grade any: 25 of 33 (76%)``."""
        inner = f", {self.label}" if self.label else ""
        cited = f" [citing {self.cites}]" if self.cites else ""
        return f"{self.place}{inner}: {self.shown()}{cited}"


def tables(cells: Iterable[Cell], kind: Kind) -> list[list[Cell]]:
    """The cells of one kind, those of one table together."""
    found: dict[DataPath, list[Cell]] = {}
    for cell in cells:
        if cell.kind == kind:
            found.setdefault(cell.entry, []).append(cell)
    return list(found.values())


def _unit(time: TimeResult) -> str:
    return {"percent": "%", "ratio": ""}.get(time.unit, f" {time.unit}")


class Cells:
    """All cells of a review, by cohort and one by one.

    Built once a review; a record whose references do not resolve yet (the loader's checks)
    gives its cells all the same.
    """

    def __init__(self, studies: Iterable[StudyRecord], words: Vocabulary):
        read = tuple(studies)
        self.words = words
        self.studies: Mapping[str, StudyRecord] = {study.id: study for study in read}
        self._places = {
            f"{study.id}/{cohort.id}": (study, index)
            for study in read
            for index, cohort in enumerate(study.cohorts)
        }
        self.cohorts: Mapping[str, Cohort] = {
            key: study.cohorts[index] for key, (study, index) in self._places.items()
        }

    @classmethod
    def of(cls, review: Review) -> Cells:
        """The cells of all records of a review."""
        return cls(review.studies, review.words)

    @cached_property
    def names(self) -> Mapping[str, str]:
        """How studies and cohorts are called, by study id and ``study/cohort``."""
        return names(self.studies.values())

    @cached_property
    def by_cohort(self) -> Mapping[str, tuple[Cell, ...]]:
        """Cells by ``study/cohort``, in the order of the record."""
        return {
            key: tuple(self.of_cohort(study, index)) for key, (study, index) in self._places.items()
        }

    def __iter__(self) -> Iterator[Cell]:
        for cells in self.by_cohort.values():
            yield from cells

    def of_cohort(self, study: StudyRecord, index: int) -> Iterator[Cell]:
        """The cells of the cohort at ``index`` of a record."""
        yield from _Walk(self, study, index).all()

    def study(self, key: str) -> StudyRecord:
        """The record of a cohort."""
        return self._places[key][0]

    def path(self, key: str) -> DataPath:
        """Where a cohort stands in its record."""
        return ("cohorts", self._places[key][1])

    def resolve(self, key: str, reference: str) -> str:
        """The full key of a reference made by the cohort ``key``."""
        return reference if "/" in reference else f"{key.partition('/')[0]}/{reference}"

    def size(self, key: str, population: str) -> PopulationSize | None:
        """The printed size of a cohort's population."""
        cohort = self.cohorts.get(key)
        sizes = {} if cohort is None else {str(p): s for p, s in cohort.populations.items()}
        return sizes.get(population)

    def patients(self, key: str, population: str) -> Denominator:
        """Patients of a population: printed for the cohort, or of the parts that make it up."""
        size = self.size(key, population)
        if size is not None:
            words = f"n {size.n}: {size.at.label(self.study(key).default_doc)}"
            path = (*self.path(key), "populations", population, "n")
            return Denominator(size.n, "population", words, path)
        for partition in self.cohorts[key].lineage.partitions:
            parts = [self.size(self.resolve(key, part), population) for part in partition]
            known = [part.n for part in parts if part is not None]
            if len(known) == len(parts):
                added = " + ".join(str(n) for n in known)
                words = f"n {sum(known)}: sum of the parts {added}"
                return Denominator(sum(known), "parts", words)
        return self._rest(key, population)

    def _rest(self, key: str, population: str) -> Denominator:
        """What a printed total leaves for the one part of a partition without a size."""
        for whole, cohort in self.cohorts.items():
            total = self.size(whole, population)
            if total is None:
                continue
            for partition in cohort.lineage.partitions:
                parts = {self.resolve(whole, part) for part in partition}
                others = [self.size(part, population) for part in sorted(parts - {key})]
                known = [other.n for other in others if other is not None]
                if key in parts and known and len(known) == len(others) and sum(known) <= total.n:
                    words = f"{total.n} less {' and '.join(str(n) for n in known)}"
                    return Denominator(words=words, rest=total.n - sum(known))
        return Denominator()


class _Walk:
    """Makes the cells of one cohort."""

    def __init__(self, cells: Cells, study: StudyRecord, index: int):
        self.cells, self.study, self.index = cells, study, index
        self.cohort = study.cohorts[index]
        self.key = f"{study.id}/{self.cohort.id}"

    def all(self) -> Iterator[Cell]:
        cohort = self.cohort
        for population, size in cohort.populations.items():
            entry = self._entry("populations", population)
            yield self._cell("size", population, size, size, entry, population=population)
        for i, proportion in enumerate(cohort.proportions):
            entry = self._entry("proportions", i)
            yield self._cell("proportion", proportion.outcome, proportion, proportion, entry)
        for i, response in enumerate(cohort.response):
            yield from self._response(response, self._entry("response", i))
        for i, item in enumerate(cohort.assayed):
            subject = f"{item.outcome} {item.depth} {item.among}"
            entry = self._entry("assayed", i)
            yield self._cell("assayed", item.outcome, item, item, entry, subject=subject)
        for i, toxicity in enumerate(cohort.toxicity):
            yield from self._toxicity(toxicity, self._entry("toxicity", i))
        for i, time in enumerate(cohort.times):
            subject = f"{time.endpoint} {time.at_time or ''}".strip()
            entry = self._entry("times", i)
            yield self._cell("time", time.endpoint, time, time, entry, subject=subject)
        for i, trait in enumerate(cohort.characteristics):
            yield self._characteristic(trait, self._entry("characteristics", i))

    def _entry(self, *steps: str | int) -> DataPath:
        return ("cohorts", self.index, *steps)

    def _response(self, table: ResponseTable, entry: DataPath) -> Iterator[Cell]:
        for category, printed in table.categories.items():
            path = (*entry, "categories", category)
            subject = f"response {category}"
            yield self._cell("response", category, table, printed, entry, path, subject=subject)

    def _toxicity(self, table: Toxicity, entry: DataPath) -> Iterator[Cell]:
        name = table.term or table.event
        for grade, printed in table.grades.items():
            path = (*entry, "grades", grade)
            words = self.cells.words
            event = words.event_of(table.event, table.term)
            subject = words.grade_subject(table.event, table.term, grade)
            yield self._cell(
                "toxicity",
                name,
                table,
                printed,
                entry,
                path,
                subject=subject,
                event=event,
                grade=grade,
            )

    def _characteristic(self, trait: Characteristic, entry: DataPath) -> Cell:
        # Of several populations a percentage is usually of all patients.
        sizes = {size.n for size in self.cohort.populations.values()}
        known = () if trait.of is not None else tuple(sorted(sizes, reverse=True))
        return self._cell("characteristic", trait.name, trait, trait, entry, sizes=known)

    def _denominator(
        self, printed: object, item: Item, path: DataPath, entry: DataPath, population: str
    ) -> Denominator:
        """The cell's own denominator, or its table's, or that of its population."""
        own = getattr(printed, "of", None)
        if own is not None:
            return Denominator(own, "cell", path=(*path, "of"))
        if isinstance(item, Assayed) and self.cells.words.is_part(item.among):
            return Denominator()  # of a group, whose size is not that of the population
        shared = getattr(item, "of", None)
        if shared is not None:
            return Denominator(shared, "table", path=(*entry, "of"))
        return self.cells.patients(self.key, population) if population else Denominator()

    def _cell(
        self,
        kind: Kind,
        name: str,
        item: Item,
        printed: Printed | Characteristic | TimeResult | PopulationSize,
        entry: DataPath,
        path: DataPath | None = None,
        *,
        subject: str = "",
        population: str = "",
        event: str = "",
        grade: str = "",
        sizes: tuple[int, ...] = (),
    ) -> Cell:
        here = path or entry
        population = population or getattr(item, "population", None) or ""
        denominator = Denominator()
        if not isinstance(item, PopulationSize):
            denominator = self._denominator(printed, item, here, entry, population)
        return Cell(
            study=self.study.id,
            cohort=self.cohort.id,
            kind=kind,
            name=name,
            subject=subject or name,
            population=population,
            count=item.n if isinstance(item, PopulationSize) else getattr(printed, "count", None),
            percent=getattr(printed, "percent", None),
            missing=getattr(printed, "missing", None),
            ci=getattr(printed, "ci", None),
            denominator=denominator,
            item=item,
            entry=entry,
            path=here,
            default_doc=self.study.default_doc,
            words=self.cells.words,
            unit=self.cohort.unit,
            event=event,
            grade=grade,
            sizes=sizes,
        )
