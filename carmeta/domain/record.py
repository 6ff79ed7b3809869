"""The schema of a study record: what a paper prints, and where.

Nothing in a record is computed. A cell that cannot be given as a number says why
(`missing`): not reported, not applicable, or lost in the text that was read. Zero is a count.

Percentages and limits are text, so that ``3`` and ``3.0`` stay different.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from carmeta.vocabulary import (
    BIAS_ANSWERS,
    BIAS_ITEMS,
    BiasTool,
    Category,
    Counting,
    Judgement,
    Missing,
    OutcomeCode,
    Population,
    Role,
    Scale,
    TwoArmMeasure,
    Unit,
)

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.\-]*$", max_length=80)]
CohortRef = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.\-]*(/[a-z0-9][a-z0-9.\-]*)?$")]
Parts = Annotated[list[CohortRef], Field(min_length=1)]
PercentText = Annotated[str, Field(pattern=r"^(<\s*1|\d{1,3}(\.\d{1,4})?)$")]
NumberText = Annotated[str, Field(pattern=r"^-?\d+(\.\d+)?$")]
LimitText = Annotated[str, Field(pattern=r"^(-?\d+(\.\d+)?|NE)$")]
GradeKey = Annotated[str, Field(pattern=r"^(any|[1-5]|[1-4]-[2-5]|>=[2-5]|<=[1-4])$")]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
# A date as far as it is known: 2021, 2021-03 or 2021-03-25. Text, as the others.
DateText = Annotated[
    str, Field(pattern=r"^(19|20)\d\d(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$")
]
CountInt = Annotated[int, Field(ge=0, le=10_000_000)]


class Model(BaseModel):
    """Strict, closed and immutable: an unknown key is an error, nothing is converted."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Place(Model):
    """Where something is printed; enough to put a finger on the cell."""

    doc: Id | None = Field(None, description="Report id; may be left out where the study has one.")
    table: str | None = None
    figure: str | None = None
    section: str | None = Field(None, description="Section of the running text.")
    row: str | None = None
    column: str | None = None
    note: str | None = Field(None, description="What a reader must know to find or trust it.")

    def label(self, default_doc: str = "") -> str:
        """The place in one line, for tables and messages."""
        parts = [self.doc or default_doc]
        if self.table:
            parts.append(f"Table {self.table}")
        if self.figure:
            parts.append(f"Figure {self.figure}")
        if self.section:
            parts.append(self.section)
        if self.row:
            parts.append(f"row '{self.row}'")
        if self.column:
            parts.append(f"column '{self.column}'")
        return ", ".join(part for part in parts if part)


class PrintedInterval(Model):
    """A printed confidence interval, in the units of the printed estimate."""

    lb: LimitText
    ub: LimitText
    level: int = Field(95, ge=50, le=99)
    method: Literal["clopper-pearson", "wald", "wilson", "kaplan-meier", "not-reported"] = (
        "not-reported"
    )


class Printed(Model):
    """One printed cell: a count, a denominator, a percentage, an interval, or why none."""

    count: CountInt | None = Field(None, description="The printed number of patients.")
    of: Annotated[int, Field(ge=0)] | None = Field(
        None, description="The denominator printed here."
    )
    percent: PercentText | None = Field(None, description="As printed, with its decimals.")
    ci: PrintedInterval | None = None
    missing: Missing | None = Field(None, description="Why there is no number.")

    @model_validator(mode="after")
    def _says_something(self) -> Printed:
        has_number = self.count is not None or self.percent is not None
        if has_number == (self.missing is not None):
            raise ValueError("give a printed count or percent, or else say why it is missing")
        return self


class Sourced(Model):
    """Fields of everything that was read somewhere."""

    at: Place
    cites: str | None = Field(
        None, description="Whose number it is, where the report only cites it (reference in words)."
    )
    attribution: Literal["stated", "inferred"] = Field(
        "stated", description="'inferred' where the table lost the cell's column heading."
    )
    data_cutoff: str | None = None
    note: str | None = None


class Proportion(Sourced, Printed):
    """One outcome of one cohort, as printed in one place."""

    outcome: OutcomeCode
    population: Population
    definition: str | None = None
    assessor: str | None = None


class MrdResult(Sourced, Printed):
    """MRD negativity: meaningless without assay, depth and who could be assessed."""

    population: Population
    assay: Literal["NGS", "NGF", "flow", "not-reported"]
    depth: str = Field(description="Limit of detection as printed, e.g. '1e-5'.")
    among: Literal["all", "responders", "vgpr-or-better", "cr-or-better"]


class ResponseTable(Sourced):
    """Best overall response by category."""

    population: Population
    of: Annotated[int, Field(ge=0)] | None = None
    criteria: str = "IMWG"
    assessor: str | None = None
    categories: dict[Category, Printed]


class PatientFilter(Model):
    """Which of the study's individual patients are meant: every condition must hold.

    A value is compared as it is. Where a filter only serves the audit (characteristics,
    toxicity), text made of >=, <=, > or < and a number compares: ``prior-lines: ">=3"``.
    """

    where: dict[str, str | int | bool] = Field(default_factory=dict)


class Toxicity(Sourced):
    """CRS, neurotoxicity or another adverse event, by grade."""

    event: Literal["crs", "neurotoxicity", "adverse-event"]
    term: str | None = Field(None, description="The adverse event's name as printed.")
    population: Population
    of: Annotated[int, Field(ge=0)] | None = None
    scale: Scale = "not-reported"
    scale_modified: bool = False
    window: str | None = Field(None, description="Period in which events were counted.")
    definition: str | None = None
    counting: Counting = Field(
        "not-reported",
        description="'maximum-grade' if a patient stands in one grade column only.",
    )
    grades: dict[GradeKey, Printed]
    patients: PatientFilter | None = Field(
        None, description="Which individual patients 'any' counts, for the audit to compare."
    )

    @model_validator(mode="after")
    def _term_where_needed(self) -> Toxicity:
        if (self.event == "adverse-event") != (self.term is not None):
            raise ValueError("'term' belongs to event 'adverse-event', and only there")
        return self


class TimeResult(Sourced):
    """A median or a rate at a time, as printed; nothing here is pooled."""

    endpoint: Literal[
        "pfs",
        "os",
        "efs",
        "dor",
        "follow-up",
        "time-to-response",
        "crs-onset",
        "crs-duration",
        "nt-onset",
        "nt-duration",
    ]
    statistic: Literal["median", "rate", "hazard-ratio"] = "median"
    value: str = Field(description="As printed; 'NR' for not reached.")
    unit: Literal["months", "weeks", "days", "years", "percent", "ratio"]
    at_time: str | None = Field(None, description="For a rate: when, e.g. '12 months'.")
    ci: PrintedInterval | None = None
    range: str | None = None
    population: Population | None = None


class Characteristic(Sourced):
    """A baseline characteristic as printed."""

    name: Id = Field(description="e.g. prior-lines, age, high-risk-cytogenetics, bridging.")
    label: str | None = None
    value: str | None = Field(None, description="A printed median, dose or word.")
    range: str | None = None
    count: CountInt | None = None
    of: Annotated[int, Field(ge=0)] | None = None
    percent: PercentText | None = None
    missing: Missing | None = None
    patients: PatientFilter | None = Field(
        None, description="Which individual patients 'count' counts, for the audit to compare."
    )


class PopulationSize(Model):
    """How many patients a population holds, and where that is printed."""

    n: CountInt
    at: Place
    note: str | None = None


class Lineage(Model):
    """Who shares patients with whom. A reference is `cohort` or `study/cohort`."""

    part_of: list[CohortRef] = Field(default_factory=list)
    updates: list[CohortRef] = Field(
        default_factory=list, description="Earlier reports of the same, since grown, cohort."
    )
    shares_patients_with: list[CohortRef] = Field(default_factory=list)
    disjoint_from: list[CohortRef] = Field(default_factory=list)
    partitions: list[Parts] = Field(
        default_factory=list, description="Ways this cohort splits into disjoint, complete parts."
    )
    covered_by: list[Parts] = Field(
        default_factory=list,
        description="Parts that together hold every patient, some of them perhaps twice.",
    )


class Cohort(Model):
    """A group of patients that the paper reports on: an arm, a dose level, a site, a total."""

    id: Id
    label: str
    role: Role
    unit: Unit = "patients"
    product: Id | None = Field(None, description="Id in _products.yaml.")
    dose: str | None = None
    lymphodepletion: str | None = None
    line: Literal["first", "all"] | None = Field(None, description="Line of salvage therapy.")
    treatment_class: str | None = None
    data_cutoff: DateText | None = Field(
        None, description="Until when the cohort's patients were followed, e.g. '2021-03-25'."
    )
    populations: dict[Population, PopulationSize] = Field(default_factory=dict)
    patients: PatientFilter | None = None
    proportions: list[Proportion] = Field(default_factory=list)
    response: list[ResponseTable] = Field(default_factory=list)
    mrd: list[MrdResult] = Field(default_factory=list)
    toxicity: list[Toxicity] = Field(default_factory=list)
    times: list[TimeResult] = Field(default_factory=list)
    characteristics: list[Characteristic] = Field(default_factory=list)
    lineage: Lineage = Field(default_factory=Lineage)
    note: str | None = None


class Patient(Model):
    """One individual patient, as the paper's tables print him or her."""

    id: str
    site: str | None = None
    response: list[Category] | None = Field(
        None, description="Best response; several where the text leaves it open."
    )
    crs_grade: Annotated[int, Field(ge=0, le=5)] | None = None
    attributes: dict[str, str | int | bool] = Field(default_factory=dict)


class PatientTable(Model):
    """Individual patients of a study and where they are printed."""

    at: list[Place]
    response_at: Place | None = None
    crs_at: Place | None = None
    scale: Scale = "not-reported"
    note: str | None = None
    rows: list[Patient]


class Contrast(Sourced):
    """A published comparison of two cohorts, to be set beside ours."""

    outcome: OutcomeCode
    treatment: CohortRef
    control: CohortRef
    measure: TwoArmMeasure
    estimate: NumberText
    ci: PrintedInterval | None = None
    method: str | None = None


class Report(Model):
    """A document that was read."""

    id: Id
    authors: str
    title: str
    journal: str
    year: int = Field(ge=1900, le=2100)
    published: DateText | None = Field(
        None, description="When, where more than the year is known, e.g. '2021-02-25'."
    )
    volume: str | None = None
    pages: str | None = None
    doi: str | None = Field(None, pattern=r"^10\.\d{4,9}/\S+$")
    kind: Literal["trial-report", "cohort-report", "review", "abstract"] = "trial-report"


class Trial(Model):
    """The trial or cohort behind the reports."""

    name: str | None = None
    registry: Annotated[str, Field(pattern=r"^NCT\d{8}$")] | None = None
    other_registries: list[str] = Field(default_factory=list)
    phase: Literal["1", "1/2", "2", "3"] | None = None
    design: Literal["single-arm", "randomised", "retrospective-cohort"]
    countries: list[str] = Field(default_factory=list)
    year: int | None = Field(None, ge=1900, le=2100, description="Year of the numbers' own report.")
    note: str | None = None


class PrintedIdentifier(Model):
    """A registry number exactly as a report prints it, for the audit."""

    value: str
    at: Place


class Statement(Model):
    """A printed fact that several documents or places give, to be held side by side."""

    subject: Id = Field(description="The same word wherever the same fact is stated.")
    value: str
    at: Place
    cites: str | None = None


class PrintedSum(Model):
    """Printed numbers that belong together as parts and total, for the audit to add up."""

    subject: Id
    parts: dict[Text, CountInt] = Field(min_length=2, description="What is counted: its number.")
    total: CountInt
    at: Place
    total_at: Place | None = Field(None, description="Where the total stands, if elsewhere.")


class PrintedRange(Model):
    """A range that a report prints over several cohorts, in percent."""

    outcome: OutcomeCode
    cohorts: list[CohortRef] = Field(min_length=1)
    lb: PercentText
    ub: PercentText
    at: Place


class Ambiguity(Model):
    """Where the text leaves a reading open, and how the record reads it."""

    what: Text
    reading: Text
    at: Place | None = None


class BiasJudgement(Model):
    """One item of a risk-of-bias tool: the answer and what in the paper supports it."""

    item: Id = Field(description="As in vocabulary.BIAS_ITEMS, e.g. consecutive, randomisation.")
    judgement: Judgement
    support: Text
    at: Place | None = None


class RiskOfBias(Model):
    """A risk-of-bias assessment of the study; left out where the text supports none."""

    tool: BiasTool
    outcome: str | None = Field(None, description="RoB 2 judges one outcome, e.g. orr.")
    judgements: list[BiasJudgement] = Field(min_length=1)

    @model_validator(mode="after")
    def _of_the_tool(self) -> RiskOfBias:
        items, answers = BIAS_ITEMS[self.tool], BIAS_ANSWERS[self.tool]
        for one in self.judgements:
            if one.item not in items:
                raise ValueError(f"'{one.item}' is no item of {self.tool}: {', '.join(items)}")
            if one.judgement not in answers:
                raise ValueError(f"{self.tool} is answered by {', '.join(answers)}")
        if len({one.item for one in self.judgements}) < len(self.judgements):
            raise ValueError("an item is judged twice")
        return self


class Acknowledgement(Model):
    """A finding of the audit that was looked at and is left as it is, with the reason."""

    code: Annotated[str, Field(pattern=r"^[A-Z]{3}\d{3}$")]
    cohort: Id | None = None
    subject: str | None = Field(None, description="Outcome, category or field it is about.")
    reason: Text


class StudyRecord(Model):
    """One study: its trial, the documents read, and the cohorts they print."""

    id: Id
    label: str
    status: Literal["draft", "final"] = Field(
        "final", description="A draft is checked like any record and never pooled."
    )
    secondary: bool = Field(False, description="Used only where a configuration asks for it.")
    trial: Trial
    reports: list[Report | Id] = Field(
        min_length=1,
        description="Reports, or their ids in _reports.yaml; the first is the default.",
    )
    cohorts: list[Cohort] = Field(min_length=1)
    patients: PatientTable | None = None
    contrasts: list[Contrast] = Field(default_factory=list)
    identifiers: list[PrintedIdentifier] = Field(default_factory=list)
    statements: list[Statement] = Field(default_factory=list)
    sums: list[PrintedSum] = Field(default_factory=list)
    ranges: list[PrintedRange] = Field(default_factory=list)
    ambiguities: list[Ambiguity] = Field(default_factory=list)
    risk_of_bias: list[RiskOfBias] = Field(default_factory=list)
    acknowledged: list[Acknowledgement] = Field(default_factory=list)

    def cohort(self, cohort_id: str) -> Cohort:
        """The cohort of that id; KeyError if there is none."""
        for cohort in self.cohorts:
            if cohort.id == cohort_id:
                return cohort
        raise KeyError(cohort_id)

    @property
    def default_doc(self) -> str:
        first = self.reports[0]
        return first if isinstance(first, str) else first.id


class Product(Model):
    """A CAR-T product; its characteristics live once."""

    id: Id
    label: str
    aliases: list[str] = Field(default_factory=list)
    target: Literal["BCMA", "GPRC5D", "other"]
    binder: str
    costimulation: Literal["4-1BB", "CD28"] | None = None
    note: str | None = None
    at: list[Place] = Field(default_factory=list)


class ProductRegister(Model):
    """`studies/_products.yaml`."""

    products: list[Product]


class ReportRegister(Model):
    """`studies/_reports.yaml`: documents that several studies share."""

    reports: list[Report]


class Review(Model):
    """All records of a folder with the registers they refer to."""

    studies: list[StudyRecord]
    products: dict[str, Product]
    reports: dict[str, Report]


def grade_bounds(key: str) -> tuple[int, int]:
    """Lowest and highest grade that a grade column covers.

    >>> grade_bounds("any"), grade_bounds("3-4"), grade_bounds(">=3"), grade_bounds("5")
    ((1, 5), (3, 4), (3, 5), (5, 5))
    """
    if key == "any":
        return 1, 5
    if key.startswith(">="):
        return int(key[2:]), 5
    if key.startswith("<="):
        return 1, int(key[2:])
    numbers = [int(part) for part in re.findall(r"\d", key)]
    return numbers[0], numbers[-1]
