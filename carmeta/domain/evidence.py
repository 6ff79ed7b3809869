"""What happened to the printed numbers on their way to a count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from carmeta.vocabulary import ChoiceKind, ExclusionKind

Severity = Literal["error", "warning", "info"]
Action = Literal["derived", "chosen", "dropped", "excluded", "flagged"]
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
    path: DataPath = ()  # of what it is about, in the record
    record: str = ""  # the study whose record that is; of several studies, the first

    @property
    def where(self) -> str:
        return "/".join(part for part in (self.study, self.cohort, self.subject) if part)


@dataclass(frozen=True, slots=True)
class Decision:
    """A derived, chosen or dropped number: by which rule, from what, and why."""

    study: str
    cohort: str
    outcome: str
    action: Action
    rule: str  # stable short name, e.g. sum-of-categories
    inputs: tuple[str, ...]  # printed cells, in words with their places
    result: str
    reason: str
    paths: tuple[DataPath, ...] = ()  # of the inputs in the study's file, where they stand there


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
    candidates: Sequence[int]  # ascending
    population: str
    derivation: Derivation
    source: str  # the printed cells, in words
    grading: str = ""
    definition: str = ""
    role: str = ""
    unit: str = "patients"
    year: int = 0
    flags: tuple[str, ...] = ()  # shown beside the row, e.g. "intention to treat"
    moderators: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)  # of moderators with a unit
    unvalued: dict[str, str] = field(default_factory=dict)  # declared moderators: why no value
    paths: tuple[DataPath, ...] = ()  # of the printed cells in the study's file
    population_words: str = ""

    @property
    def population_label(self) -> str:
        """The population in words."""
        return self.population_words or self.population

    @property
    def xi_lo(self) -> int:
        return self.candidates[0]

    @property
    def xi_hi(self) -> int:
        return self.candidates[-1]

    @property
    def key(self) -> str:
        return f"{self.study}/{self.cohort}"


@dataclass(frozen=True, slots=True)
class Excluded:
    """What reports an outcome but is not in its pool: a cohort, or a study as a whole.

    ``cohort`` is empty where all cohorts of the study that report the outcome are left out
    for the one reason; ``cohorts`` then holds their ids. ``path`` leads to the first
    cell concerned in the study's file; ``by`` is the pooled ``study/cohort`` that holds the
    patients, where one does. ``part`` is the id of the set of cohorts that names the cohort and
    cannot have it; it is empty for what a run leaves out without a set, or belongs to none.
    """

    study: str
    cohort: str
    slab: str
    outcome: str
    kind: ExclusionKind
    reason: str
    source: str = ""
    path: DataPath = ()
    by: str = ""
    cohorts: tuple[str, ...] = ()
    part: str = ""

    @classmethod
    def of_count(cls, count: Count, kind: ExclusionKind, reason: str, by: str = "") -> Excluded:
        """A count that is there and is not pooled."""
        where = (count.study, count.cohort, count.slab, count.outcome)
        return cls(*where, kind, reason, count.source, count.paths[0], by)

    @property
    def keys(self) -> tuple[str, ...]:
        """Every ``study/cohort`` that it speaks of."""
        return tuple(f"{self.study}/{cohort}" for cohort in self.cohorts or (self.cohort,))

    def of(self, key: str) -> bool:
        """Whether it speaks of a study or of a ``study/cohort``."""
        study, _, cohort = key.partition("/")
        return self.study == study and ("" in (cohort, self.cohort) or self.cohort == cohort)


@dataclass(frozen=True, slots=True)
class EvidenceChoice:
    """Another defensible set of counts for an outcome, for a sensitivity run."""

    outcome: str
    kind: ChoiceKind
    label: str
    counts: tuple[Count, ...]


@dataclass(frozen=True, slots=True)
class Use:
    """What became of one printed cell for one outcome.

    A used cell stands behind the count of ``by``, and a superseded one is of patients for
    whom that count stands. An excluded one has a ``kind``, a ``reason`` and no ``by``.
    """

    state: Literal["used", "superseded", "excluded"]
    by: str = ""  # a pooled study/cohort
    kind: ExclusionKind | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Harmonised:
    """One row a cohort and outcome, and the account of how it came about.

    ``uses`` holds, by outcome, study and path, every cell that reports an outcome.
    """

    counts: tuple[Count, ...]
    decisions: tuple[Decision, ...]
    excluded: tuple[Excluded, ...]
    choices: tuple[EvidenceChoice, ...] = ()
    uses: Mapping[tuple[str, str, DataPath], Use] = field(default_factory=dict)
