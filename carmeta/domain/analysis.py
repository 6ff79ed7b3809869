"""Everything a run found out, with provenance: what the report draws and the JSON holds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

from carmeta.domain.evidence import Count, Decision, Excluded, Finding
from carmeta.domain.moderators import MetaRegression
from carmeta.domain.result import Back, Pooled, SubgroupTest
from carmeta.domain.witness import IvPool
from carmeta.domain.words import OutcomeTerm, Sign, Vocabulary

LEAST_TO_LEAVE_ONE_OUT: Final = 3  # without one of two cohorts nothing is left to pool


@dataclass(frozen=True, slots=True)
class StudyRow:
    """One line of a forest plot: the count and its own exact interval (0..1)."""

    count: Count
    proportion: float
    ci_lb: float
    ci_ub: float
    weight: float  # share of the headline model in 0..1; NaN where none is defined
    yi: float = math.nan  # on the scale of the headline, corrected where a cell is empty
    vi: float = math.nan  # its sampling variance


@dataclass(frozen=True, slots=True)
class Subgroup:
    """One level of a moderator with its own pool (none for a single study)."""

    moderator: str
    level: str
    label: str
    rows: tuple[StudyRow, ...]
    pooled: Pooled | None


@dataclass(frozen=True, slots=True)
class CandidateRange:
    """The headline estimate over every combination of counts that the evidence allows."""

    combinations: int
    exact: bool  # every combination was fitted; otherwise bounds from all-low and all-high
    estimate_lb: float  # back-transformed
    estimate_ub: float
    ci_lb: float
    ci_ub: float
    rule: str  # which count the point estimate used


@dataclass(frozen=True, slots=True)
class SensitivityRow:
    """The headline model refitted with something varied."""

    kind: str  # leave-one-out, candidates, overlap, population, counts, ...
    label: str
    pooled: Pooled


@dataclass(frozen=True, slots=True)
class Beyond:
    """Probability that a new study lies beyond a threshold."""

    threshold: float  # 0..1
    direction: str  # above or below
    probability: float


@dataclass(frozen=True, slots=True)
class Influence:
    """What one study does to the inverse-variance pool (Viechtbauer & Cheung 2010)."""

    slab: str
    rstudent: float  # deleted residual over its standard error
    dffits: float  # change of the fitted mean in standard errors
    cook_d: float  # squared change of the mean over its variance
    hat: float  # weight in that pool, 0..1
    cov_r: float  # variance of the mean without the study over that with it
    tau2_del: float  # tau2 without the study
    q_del: float  # Cochran's Q without the study
    weight: float  # share of the headline model in 0..1; NaN where none is defined
    baujat_x: float  # contribution to heterogeneity: squared Pearson residual
    baujat_y: float  # squared change of the mean over its variance without the study
    influential: bool = False  # by any rule of thumb of that paper


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """Influence of every study of an outcome, and the test for small-study effects in words."""

    model: str  # the one that the influence is on
    influence: tuple[Influence, ...]  # in the order of the rows; none if it has no estimate
    limits: dict[str, tuple[float, ...]]  # measure -> from where on it is notable
    small_study: str
    notes: tuple[str, ...] = ()


def key_of(outcome: str, part: str) -> str:
    """Names an outcome, with the set of cohorts if there are several."""
    return f"{outcome}_{part}" if part else outcome


@dataclass(frozen=True, slots=True)
class OutcomeAnalysis:
    """One outcome: rows, headline model, what stands beside it."""

    term: OutcomeTerm
    rows: tuple[StudyRow, ...]
    headline: Pooled
    beside: tuple[Pooled, ...]
    excluded: tuple[Excluded, ...]
    subgroups: tuple[Subgroup, ...] = ()
    subgroup_tests: tuple[SubgroupTest, ...] = ()
    candidates: CandidateRange | None = None
    sensitivity: tuple[SensitivityRow, ...] = ()
    beyond: tuple[Beyond, ...] = ()
    notes: tuple[str, ...] = ()  # e.g. where the models disagree
    part: str = ""  # id of the set of cohorts, where a config names several
    total: tuple[int, int] | None = None  # events and patients behind the headline, if not the sum
    part_label: str = ""
    diagnostics: Diagnostics | None = None  # three studies or more, where the config asks for it
    regressions: tuple[MetaRegression, ...] = ()  # one a moderator that the config asks for

    @property
    def outcome(self) -> str:
        """The outcome's code."""
        return self.term.code

    @property
    def counts(self) -> tuple[Count, ...]:
        """Of the rows."""
        return tuple(row.count for row in self.rows)

    @property
    def events(self) -> int:
        """Events behind the headline estimate."""
        return self.total[0] if self.total else sum(row.count.xi for row in self.rows)

    @property
    def patients(self) -> int:
        """Patients behind the headline estimate."""
        return self.total[1] if self.total else sum(row.count.ni for row in self.rows)

    @property
    def key(self) -> str:
        """Names files and anchors: the outcome, with the set of cohorts if there are several."""
        return key_of(self.outcome, self.part)


@dataclass(frozen=True, slots=True)
class ArmPair:
    """Two arms of one study for one outcome: ai of n1i against ci of n2i."""

    study: str
    slab: str
    treatment: Count
    control: Count
    effects: dict[str, Back] = field(default_factory=dict)  # the study's own, by measure
    weights: dict[str, float] = field(default_factory=dict)  # share in 0..1, by measure

    @property
    def arms(self) -> tuple[Count, Count]:
        """Treatment and control."""
        return self.treatment, self.control


@dataclass(frozen=True, slots=True)
class ContrastAnalysis:
    """A comparison of two arms, beside what the paper published."""

    term: OutcomeTerm
    pairs: tuple[ArmPair, ...]
    results: tuple[Pooled, ...]  # one a measure (OR, RR, RD)
    published: tuple[str, ...] = ()  # the paper's own estimates, in words
    excluded: tuple[Excluded, ...] = ()

    @property
    def outcome(self) -> str:
        """The outcome's code."""
        return self.term.code

    @property
    def key(self) -> str:
        """Names it on the command line: the outcome."""
        return self.outcome

    def used(self, result: Pooled) -> tuple[ArmPair, ...]:
        """The pairs behind a result; none where it is not estimable."""
        return tuple(pair for i, pair in enumerate(self.pairs) if i not in result.dropped)

    def shown(self, result: Pooled) -> tuple[ArmPair, ...]:
        """The pairs whose counts stand beside a result: all, where it is not estimable."""
        return self.used(result) or self.pairs

    @property
    def counts(self) -> tuple[Count, ...]:
        """Of both arms of every pair that is behind a result."""
        used = {pair.slab for result in self.results for pair in self.used(result)}
        pairs = (pair for pair in self.pairs if pair.slab in used)
        return tuple(count for pair in pairs for count in (pair.treatment, pair.control))


@dataclass(frozen=True, slots=True)
class StudySummary:
    """A line of the table of studies, a cohort that is pooled: label to printed value."""

    study: str
    slab: str  # of the cohort
    values: dict[str, str]
    reference: str
    blanks: tuple[str, ...] = ()  # which values are empty although something is printed, and why
    label: str = ""  # of the study


@dataclass(frozen=True, slots=True)
class BiasItem:
    """One judgement of a risk-of-bias tool; ``judgement`` is empty where it was not judged."""

    item: str
    label: str
    judgement: str
    support: str
    place: str
    answer: str = "not judged"  # the judgement in words
    sign: Sign | None = None


@dataclass(frozen=True, slots=True)
class StudyBias:
    """Risk of bias of one study; no items where it was not assessed."""

    study: str
    slab: str
    tool: str  # a tool of the review, or empty: not assessed
    items: tuple[BiasItem, ...]
    tool_label: str = ""


@dataclass(frozen=True, slots=True)
class LineageNode:
    """A cohort in the picture of who shares patients with whom."""

    key: str  # study/cohort
    study: str
    label: str
    n: int | None  # patients of the usual population, or of its largest
    pooled: tuple[str, ...]  # short names of the outcomes for which it is in the pool


@dataclass(frozen=True, slots=True)
class LineageEdge:
    """A declared relation: `a` is part of, updates or shares patients with `b`."""

    a: str
    b: str
    kind: str  # part_of, updates, partition, shares_patients_with, disjoint_from


@dataclass(frozen=True, slots=True)
class Provenance:
    """What went in: no wall-clock time, so that the same inputs give the same bytes."""

    carmeta: str
    versions: dict[str, str]
    inputs: dict[str, str]  # relative path -> sha256
    config_path: str

    @property
    def notice(self) -> str:
        """What generated files say of themselves."""
        return generated_from(self.config_path)


def generated_from(source: str) -> str:
    """What a file says that was made from ``source`` and is overwritten by the next run."""
    return f"generated by carmeta from {source}: edit that and run again, not this"


@dataclass(frozen=True, slots=True)
class Analysis:
    """All of a run, in the order of the report."""

    name: str
    title: str
    config: dict[str, Any]  # resolved, every default spelled out
    outcomes: tuple[OutcomeAnalysis, ...]
    contrasts: tuple[ContrastAnalysis, ...]
    decisions: tuple[Decision, ...]
    findings: tuple[Finding, ...]
    studies: tuple[StudySummary, ...]
    references: tuple[str, ...]
    provenance: Provenance
    words: Vocabulary = field(default_factory=Vocabulary)
    notes: tuple[str, ...] = field(default=())
    lineage_nodes: tuple[LineageNode, ...] = ()
    lineage_edges: tuple[LineageEdge, ...] = ()
    bias: tuple[StudyBias, ...] = ()
    iv_pools: tuple[IvPool, ...] = ()  # every inverse-variance fit, for a second opinion
    second_opinion: str = ""  # what it says; empty where nobody was asked
    not_pooled: tuple[Excluded, ...] = ()  # of outcomes, in a set, without a pool of their own

    @property
    def part_labels(self) -> dict[str, str]:
        """Id and label of every set of cohorts that the configuration names, or one without."""
        sets = self.config.get("sets") or ({"id": "", "label": ""},)
        return {part["id"]: part["label"] for part in sets}

    @property
    def pools(self) -> tuple[OutcomeAnalysis | ContrastAnalysis, ...]:
        """Whatever is pooled or compared."""
        return (*self.outcomes, *self.contrasts)

    @property
    def excluded(self) -> tuple[Excluded, ...]:
        """Every exclusion, once."""
        found = (item for one in self.pools for item in one.excluded)
        return tuple(dict.fromkeys((*found, *self.not_pooled)))
