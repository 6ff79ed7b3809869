"""A group of patients that a paper reports on, with all that is printed of it."""

from __future__ import annotations

from pydantic import Field

from carmeta.domain.dates import DateText
from carmeta.domain.record.base import CohortRef, CountInt, Id, Model, Parts, Text
from carmeta.domain.record.printed import (
    Assayed,
    Characteristic,
    PatientFilter,
    Place,
    Proportion,
    ResponseTable,
    TimeResult,
    Toxicity,
)
from carmeta.domain.words import CohortAttribute, PopulationCode, RoleCode
from carmeta.vocabulary import Unit


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
    role: RoleCode
    unit: Unit = "patients"
    product: Text | None = Field(None, description="Id in _products.yaml.")
    attributes: dict[CohortAttribute, Text] = Field(
        default_factory=dict, description="What the review declares of cohorts, e.g. a dose."
    )
    data_cutoff: DateText | None = Field(
        None, description="Until when the cohort's patients were followed, e.g. '2021-03-25'."
    )
    populations: dict[PopulationCode, PopulationSize] = Field(default_factory=dict)
    patients: PatientFilter | None = None
    proportions: list[Proportion] = Field(default_factory=list)
    response: list[ResponseTable] = Field(default_factory=list)
    assayed: list[Assayed] = Field(default_factory=list)
    toxicity: list[Toxicity] = Field(default_factory=list)
    times: list[TimeResult] = Field(default_factory=list)
    characteristics: list[Characteristic] = Field(default_factory=list)
    lineage: Lineage = Field(default_factory=Lineage)
    note: str | None = None
