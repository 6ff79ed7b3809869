"""What several studies share, and all records of a folder together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import Field

from carmeta.domain.record.base import SCHEMA, Id, Model, SchemaVersion, Text
from carmeta.domain.record.cohort import Cohort
from carmeta.domain.record.printed import Place
from carmeta.domain.record.study import Report, StudyRecord
from carmeta.domain.words import ProductAttribute, Vocabulary

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
    """A product that cohorts were given; its characteristics live once."""

    id: Id
    label: str
    aliases: list[str] = Field(default_factory=list)
    attributes: dict[ProductAttribute, Text] = Field(default_factory=dict)
    note: str | None = None
    at: list[Place] = Field(default_factory=list)


class ProductRegister(Model):
    """`studies/_products.yaml`."""

    schema_version: SchemaVersion = SCHEMA
    products: list[Product]


class ReportRegister(Model):
    """`studies/_reports.yaml`: documents that several studies share."""

    schema_version: SchemaVersion = SCHEMA
    reports: list[Report]


class Review(Model):
    """All records of a folder with the registers they refer to, and the words they use."""

    words: Vocabulary = Vocabulary()
    studies: list[StudyRecord]
    products: dict[str, Product]
    reports: dict[str, Report]

    def attributes(self, cohort: Cohort) -> dict[str, str]:
        """What is declared of a cohort and of the product it was given."""
        product = self.products.get(cohort.product or "")
        return (product.attributes if product else {}) | cohort.attributes
