"""What several studies share, and all records of a folder together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from pydantic import Field

from carmeta.domain.record.base import Id, Model
from carmeta.domain.record.printed import Place
from carmeta.domain.record.study import Report, StudyRecord

# Top-level keys by which these files are told from configurations.
_REGISTER_KEYS: Final = frozenset({"products", "reports"})
_STUDY_KEYS: Final = frozenset({"cohorts", "trial"})


def record_kind(data: Mapping[str, object]) -> str:
    """What a file of these data is, or empty if it is no part of the records.

    >>> record_kind({"id": "x", "cohorts": []}), record_kind({"name": "x"})
    ('a study record', '')
    """
    if "name" in data:  # as configurations have it, whatever else stands there by mistake
        return ""
    if _STUDY_KEYS & data.keys():
        return "a study record"
    return "a register" if _REGISTER_KEYS & data.keys() else ""


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
