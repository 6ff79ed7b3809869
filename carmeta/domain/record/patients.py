"""Individual patients, where a paper prints a table of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from carmeta.domain.record.base import Model
from carmeta.domain.record.printed import Place
from carmeta.domain.words import (
    NOT_REPORTED,
    CategoryCode,
    EventCode,
    PopulationCode,
    ScaleCode,
)


class Patient(Model):
    """One individual patient, as the paper's tables print him or her."""

    id: str
    site: str | None = None
    response: list[CategoryCode] | None = Field(
        None, description="Best response; several where the text leaves it open."
    )
    grades: dict[EventCode, Annotated[int, Field(ge=0, le=5)]] = Field(
        default_factory=dict, description="Highest grade of each event; 0 for none."
    )
    attributes: dict[str, str | int | bool] = Field(default_factory=dict)


class Graded(Model):
    """Where the patients' grades of an event are printed, and by which scale."""

    at: Place | None = Field(None, description="Left out where the table's place is theirs.")
    scale: ScaleCode = NOT_REPORTED


class PatientTable(Model):
    """Individual patients of a study and where they are printed."""

    at: list[Place]
    response_at: Place | None = None
    graded: dict[EventCode, Graded] = Field(default_factory=dict)
    population: PopulationCode = Field(description="Of which population the rows are.")
    note: str | None = None
    rows: list[Patient]

    def grading(self, event: str) -> Graded:
        """How an event was graded; nothing said where the record says nothing."""
        return self.graded.get(event) or Graded(at=None)
