"""Individual patients, where a paper prints a table of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from carmeta.domain.record.base import Model
from carmeta.domain.record.printed import Place
from carmeta.vocabulary import Category, Scale


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
