"""Every reading of every cohort, made once; and which of them the rules accept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from carmeta.cells import Cell, Cells
from carmeta.domain.evidence import Derivation
from carmeta.domain.record import (
    Cohort,
    ResponseTable,
    Review,
    StudyRecord,
    Toxicity,
    grade_bounds,
)
from carmeta.domain.rules import EvidenceRules
from carmeta.harmonise.assay import assayed
from carmeta.harmonise.counts import Derived, Reading
from carmeta.harmonise.patients import counted, covers_table
from carmeta.harmonise.response import printed_rates, summed_categories
from carmeta.harmonise.toxicity import graded
from carmeta.lineage import Lineage
from carmeta.vocabulary import ExclusionKind

# From the surest to the least sure.
DERIVATION_RANK: Final[dict[Derivation, int]] = {
    "printed": 0, "summed": 1, "patients": 2, "percent": 3, "percent-several": 4,
}  # fmt: skip


class Evidence:
    """What the records of a review print for an outcome, before any rule is applied.

    Cohorts are named ``study/cohort``.
    """

    def __init__(self, review: Review):
        self.review = review
        self.words = review.words
        self.cells = Cells.of(review)
        self.lineage = Lineage.build(review.studies)
        self._readings: dict[tuple[str, str], tuple[Reading, ...]] = {}

    def study(self, key: str) -> StudyRecord:
        return self.cells.studies[key.partition("/")[0]]

    def cohort(self, key: str) -> Cohort:
        return self.cells.cohorts[key]

    def name(self, key: str) -> str:
        """How a study or a ``study/cohort`` is called."""
        return self.cells.names[key]

    def reporting(self, key: str, outcome: str) -> tuple[Cell, ...]:
        """The cells of a cohort that report an outcome, or a part of it."""
        return tuple(c for c in self.cells.by_cohort[key] if _reports(c, outcome))

    def reports(self, key: str, outcome: str) -> bool:
        return bool(self.readings(key, outcome) or self.reporting(key, outcome))

    def readings(self, key: str, outcome: str) -> tuple[Reading, ...]:
        """Every reading, in the order of the record; those without a count say why."""
        if (key, outcome) not in self._readings:
            self._readings[key, outcome] = tuple(self._read(key, outcome))
        return self._readings[key, outcome]

    def without(self, key: str, outcome: str, left: Sequence[str]) -> tuple[Reading, ...]:
        """A response without some of its categories, which only a table of them can give."""
        term = self.words.outcome(outcome)
        return tuple(summed_categories(term, self.cells.by_cohort[key], left))

    def _read(self, key: str, outcome: str) -> Iterator[Reading]:
        cells, study, cohort = self.cells.by_cohort[key], self.study(key), self.cohort(key)
        term = self.words.outcome(outcome)
        yield from printed_rates(outcome, cells)
        yield from summed_categories(term, cells)
        total = self._table_total(study, outcome)
        yield from counted(study, cohort, outcome, self.words, total)
        yield from graded(term, cells)
        yield from assayed(outcome, cells)

    def _table_total(self, study: StudyRecord, outcome: str) -> int | None:
        """The printed count over all patients of the study's table, where one is printed."""
        for cohort in study.cohorts:
            if not covers_table(cohort):
                continue
            cells = self.cells.by_cohort[f"{study.id}/{cohort.id}"]
            term = self.words.outcome(outcome)
            for one in (*printed_rates(outcome, cells), *summed_categories(term, cells)):
                if one.usable and one.derived.derivation in ("printed", "summed"):
                    return one.derived.xi
        return None


def _reports(cell: Cell, outcome: str) -> bool:
    term = cell.words.outcome(outcome)
    if isinstance(cell.item, ResponseTable):
        return cell.name in cell.words.tier(outcome, cell.item.criteria)
    if isinstance(cell.item, Toxicity):
        return cell.event == term.event and grade_bounds(cell.grade)[0] >= term.lowest
    return cell.kind in ("proportion", "assayed") and cell.name == outcome


@dataclass(frozen=True, slots=True)
class Refused:
    """A reading that gives no count that may be used, and why."""

    reading: Reading
    kind: ExclusionKind
    reason: str


@dataclass(frozen=True, slots=True)
class Judged:
    """The readings of a cohort: those that may be used, the preferred first, and the others."""

    admissible: tuple[Reading, ...] = ()
    refused: tuple[Refused, ...] = ()


class OwnJudge:
    """Applies the rules of one analysis to the readings that cohorts have of their own."""

    def __init__(self, evidence: Evidence, rules: EvidenceRules, outcome: str):
        self.evidence, self.rules, self.outcome = evidence, rules, outcome
        self.order = rules.order(outcome)

    def own(self, key: str) -> Judged:
        """Judge the readings of a cohort for the outcome."""
        own = self.evidence.readings(key, self.outcome)
        refused: list[Refused] = []
        left = self.rules.definitions.without.get(self.outcome, ())
        if left:
            term = self.evidence.words.outcome(self.outcome)
            reason = f"{term.definition or term.label}; asked for: without {', '.join(left)}"
            refused = [Refused(reading, "definition", reason) for reading in own]
            own = self.evidence.without(key, self.outcome, left)
        admissible: list[Reading] = []
        for reading in own:
            why = self._refusal(reading)
            if why is None:
                admissible.append(self.settled(reading))
            else:
                refused.append(Refused(reading, *why))
        return Judged(tuple(sorted(admissible, key=self.rank)), tuple(refused))

    def _refusal(self, reading: Reading) -> tuple[ExclusionKind, str] | None:
        other_group = self._other_group(reading)
        if other_group:
            return "definition", other_group
        if reading.derived.kind is not None:
            return reading.derived.kind, reading.derived.reason
        return self.ruled_out(reading)

    def _other_group(self, reading: Reading) -> str:
        wanted = self.rules.definitions.among.get(reading.outcome)
        if wanted is None or reading.group == wanted:
            return ""
        if not reading.group:
            return f"it is not said among whom; asked for: among {wanted}"
        return f"among {reading.group}; asked for: among {wanted}"

    def ruled_out(self, reading: Reading) -> tuple[ExclusionKind, str] | None:
        """By which rule of the configuration a reading is not used, if by one."""
        if self._other_group(reading):
            return "definition", self._other_group(reading)
        accept, derivation = self.rules.counts.accept, reading.derived.derivation
        if derivation not in accept:
            reason = f"its count is derived ({derivation}); accepted: {', '.join(accept)}"
            return "not-selected", reason
        if reading.attribution == "inferred" and not self.rules.counts.inferred:
            return "not-selected", "its column was identified by inference only"
        words = self.evidence.words
        scales = self.rules.definitions.scales.get(words.outcome(self.outcome).event, ())
        if scales and reading.scale not in scales:
            accepted = ", ".join(words.scale(scale) for scale in scales)
            given = words.scale(reading.scale)
            return "not-selected", f"graded by '{given}'; accepted: {accepted}"
        if reading.population not in self.order:
            reason = f"population '{reading.population}'; asked for: {', '.join(self.order)}"
            return "not-selected", reason
        return None

    def settled(self, reading: Reading) -> Reading:
        """Which of several fitting counts the point estimate uses."""
        derived, several = reading.derived, self.rules.counts.several
        if len(derived.candidates) == 1 or several == "nearest":
            return reading
        xi = derived.candidates[0 if several == "lowest" else -1]
        settled: Derived = replace(derived, xi=xi, rule=f"{several}-of-several-counts")
        return replace(reading, derived=settled)

    def rank(self, reading: Reading) -> tuple[int, bool, int, int]:
        """The preferred population first, then stated columns, then the surest counts."""
        return (
            self.order.index(reading.population),
            reading.attribution == "inferred",
            DERIVATION_RANK[reading.derived.derivation],
            len(reading.derived.candidates),
        )


def in_order(refused: Sequence[Refused]) -> list[Refused]:
    """Refused readings, those that tell most about why there is no count first."""
    return sorted(refused, key=lambda item: _TELLING.index(item.kind))


_TELLING: Final[tuple[ExclusionKind, ...]] = (
    "not-selected", "impossible", "denominators", "no-denominator", "incomplete", "definition",
    "lost", "not-reported",
)  # fmt: skip
