"""What happened to the printed numbers on their way to a count."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["error", "warning", "info"]
Step = str | int
DataPath = tuple[Step, ...]  # of a value in a YAML file: keys and positions from the top
Derivation = Literal[
    "printed",  # the count stands in the paper
    "summed",  # sum of printed counts (response categories, grades)
    "patients",  # counted over individual patients
    "percent",  # the only integer that fits a printed percentage
    "percent-several",  # several integers fit; see xi_lo and xi_hi
]


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a YAML file; line and column count from 1."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Finding:
    """Something an audit check saw. It is reported, never repaired."""

    code: str  # stable, e.g. GRM001
    severity: Severity
    study: str
    cohort: str
    subject: str  # outcome, category or field
    message: str  # plain words
    hint: str = ""
    printed: tuple[str, ...] = ()  # the places side by side: "Table 2, row ...: 7%"
    mark: Mark | None = None
    acknowledged: str = ""  # the reason the record gives, if it does

    @property
    def where(self) -> str:
        return "/".join(part for part in (self.study, self.cohort, self.subject) if part)


@dataclass(frozen=True, slots=True)
class Decision:
    """A derived, chosen or dropped number: by which rule, from what, and why."""

    study: str
    cohort: str
    outcome: str
    action: Literal["derived", "chosen", "dropped", "excluded", "flagged"]
    rule: str  # stable short name, e.g. sum-of-categories
    inputs: tuple[str, ...]  # printed cells, in words with their places
    result: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One way in which the record gives events of a cohort for an outcome.

    ``ni`` is None where no denominator is known, ``candidates`` empty where no whole number
    fits the printed percentage.
    """

    outcome: str
    population: str
    ni: int | None
    candidates: tuple[int, ...]
    xi: int | None  # the count used where several fit
    derivation: Derivation
    rule: str  # stable short name of the rule that gave it
    cells: tuple[str, ...]  # the printed cells with their places
    reason: str
    attribution: str = "stated"
    grading: str = ""
    definition: str = ""
    flags: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        return self.ni is not None and self.ni > 0 and bool(self.candidates)


@dataclass(frozen=True, slots=True)
class Count:
    """Events of one cohort and outcome, ready to be pooled.

    ``xi`` events in ``ni`` patients; ``candidates`` holds every integer that the printed
    evidence allows (``xi_lo`` to ``xi_hi``), just ``(xi,)`` where the count is certain.
    """

    study: str
    cohort: str
    slab: str
    product: str
    outcome: str
    xi: int
    ni: int
    candidates: tuple[int, ...]
    population: str
    derivation: Derivation
    source: str  # the printed cells, in words
    grading: str = ""
    definition: str = ""
    role: str = "car-t"
    unit: str = "patients"
    year: int = 0
    flags: tuple[str, ...] = ()  # shown beside the row, e.g. "intention to treat"
    moderators: dict[str, str] = field(default_factory=dict)

    @property
    def xi_lo(self) -> int:
        return min(self.candidates)

    @property
    def xi_hi(self) -> int:
        return max(self.candidates)

    @property
    def key(self) -> str:
        return f"{self.study}/{self.cohort}"


@dataclass(frozen=True, slots=True)
class Excluded:
    """A cohort that reports an outcome but is not in its pool."""

    study: str
    cohort: str
    slab: str
    outcome: str
    kind: Literal["no-denominator", "overlap", "impossible", "not-selected", "not-reported"]
    reason: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class EvidenceChoice:
    """Another defensible set of counts for an outcome, for a sensitivity run.

    ``kind`` is what differs from the main set: another set of cohorts without shared
    patients (``overlap``), another count that the print allows (``count``), another
    population (``population``), another printed value (``reading``), the patients who could
    not be assessed counted one way or the other (``missing``), or only counts that stand in
    the papers (``printed``).
    """

    outcome: str
    kind: Literal["overlap", "count", "population", "reading", "missing", "printed"]
    label: str
    counts: tuple[Count, ...]


@dataclass(frozen=True, slots=True)
class Harmonised:
    """One row a cohort and outcome, and the account of how it came about."""

    counts: tuple[Count, ...]
    decisions: tuple[Decision, ...]
    excluded: tuple[Excluded, ...]
    choices: tuple[EvidenceChoice, ...] = ()
