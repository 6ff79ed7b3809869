"""Printed numbers and where they stand: one entry a row, a table or a sentence."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from carmeta.domain.dates import DateText
from carmeta.domain.record.base import (
    CountInt,
    GradeKey,
    Id,
    LimitText,
    Model,
    PercentText,
)
from carmeta.domain.words import (
    NOT_REPORTED,
    OTHER_EVENT,
    AssayCode,
    CategoryCode,
    EndpointCode,
    EventCode,
    GroupCode,
    LadderCode,
    OutcomeCode,
    PopulationCode,
    ScaleCode,
)
from carmeta.vocabulary import Counting, Missing


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
    data_cutoff: DateText | None = None
    note: str | None = None


class Proportion(Sourced, Printed):
    """One outcome of one cohort, as printed in one place."""

    outcome: OutcomeCode
    population: PopulationCode
    definition: str | None = None
    assessor: str | None = None


class Assayed(Sourced, Printed):
    """An assayed outcome: meaningless without assay, depth and who could be assessed."""

    outcome: OutcomeCode
    population: PopulationCode
    assay: AssayCode
    depth: str = Field(description="Limit of detection as printed, e.g. '1e-5'.")
    among: GroupCode


class ResponseTable(Sourced):
    """Best overall response by category."""

    population: PopulationCode
    of: Annotated[int, Field(ge=0)] | None = None
    criteria: LadderCode | None = Field(
        None, description="Which ladder of the review; may be left out where it has one."
    )
    criteria_note: str | None = Field(None, description="How the criteria were modified.")
    assessor: str | None = None
    categories: dict[CategoryCode, Printed]


class PatientFilter(Model):
    """Which of the study's individual patients are meant: every condition must hold.

    A value is compared as it is. Where a filter only serves the audit (characteristics,
    toxicity), text made of >=, <=, > or < and a number compares: ``lesions: ">=3"``.
    """

    where: dict[str, str | int | bool] = Field(default_factory=dict)


class Toxicity(Sourced):
    """An adverse event by grade: one the review declares, or another by its term."""

    event: EventCode
    term: str | None = Field(None, description="The adverse event's name as printed.")
    population: PopulationCode
    of: Annotated[int, Field(ge=0)] | None = None
    scale: ScaleCode = NOT_REPORTED
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
        if (self.event == OTHER_EVENT) != (self.term is not None):
            raise ValueError(f"'term' belongs to event '{OTHER_EVENT}', and only there")
        return self


class TimeResult(Sourced):
    """A median or a rate at a time, as printed; nothing here is pooled."""

    endpoint: EndpointCode
    statistic: Literal["median", "rate", "hazard-ratio"] = "median"
    value: str = Field(description="As printed; 'NR' for not reached.")
    unit: Literal["months", "weeks", "days", "years", "percent", "ratio"]
    at_time: str | None = Field(None, description="For a rate: when, e.g. '12 months'.")
    ci: PrintedInterval | None = None
    range: str | None = None
    population: PopulationCode | None = None


class Characteristic(Sourced):
    """A baseline characteristic as printed."""

    name: Id = Field(description="e.g. age, sex.")
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
