"""One study: its trial, the documents read, the cohorts, and what surrounds them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, model_validator

from carmeta.domain.dates import DateText
from carmeta.domain.record.base import (
    SCHEMA,
    CohortRef,
    CountInt,
    Id,
    Model,
    NumberText,
    PercentText,
    SchemaVersion,
    Text,
)
from carmeta.domain.record.cohort import Cohort
from carmeta.domain.record.patients import PatientTable
from carmeta.domain.record.printed import Place, PrintedInterval, Sourced
from carmeta.domain.words import BiasToolCode, OutcomeCode, words_of
from carmeta.vocabulary import DOI, REGISTRY_NUMBER, TrialDesign, TwoArmMeasure


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
    doi: str | None = Field(None, pattern=f"^{DOI}$")
    kind: Literal["trial-report", "cohort-report", "review", "abstract", "data-set"] = (
        "trial-report"
    )

    @property
    def date(self) -> str:
        """When it was published, as far as that is known."""
        return self.published or str(self.year)


class Trial(Model):
    """The trial or cohort behind the reports."""

    name: str | None = None
    registry: Annotated[str, Field(pattern=f"^{REGISTRY_NUMBER}$")] | None = None
    other_registries: list[str] = Field(default_factory=list)
    phase: Literal["1", "1/2", "2", "3"] | None = None
    design: TrialDesign
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

    item: Id = Field(description="An item of the tool.")
    judgement: Text = Field(description="An answer of the tool.")
    support: Text
    at: Place | None = None


class RiskOfBias(Model):
    """A risk-of-bias assessment of the study; left out where the text supports none."""

    tool: BiasToolCode
    outcome: OutcomeCode | None = Field(None, description="Where the tool judges one outcome.")
    judgements: list[BiasJudgement] = Field(min_length=1)

    @model_validator(mode="after")
    def _of_the_tool(self, info: ValidationInfo) -> RiskOfBias:
        words = words_of(info)
        if words is None:
            return self
        tool = words.bias_tools[self.tool]
        for one in self.judgements:
            if one.item not in tool.items:
                allowed = ", ".join(tool.items)
                raise ValueError(f"'{one.item}' is no item of {self.tool}: {allowed}")
            if one.judgement not in tool.answers:
                raise ValueError(f"{self.tool} is answered by {', '.join(tool.answers)}")
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

    schema_version: SchemaVersion = SCHEMA
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
