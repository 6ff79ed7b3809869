"""Small records made by hand: what a test gives is all that is printed."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from carmeta.audit import audit
from carmeta.domain.evidence import Finding
from carmeta.domain.record import Review, StudyRecord
from tests.words import MYELOMA

AT = {"section": "Results"}


def cohort(name: str = "all", n: int | None = 50, **fields: Any) -> dict[str, Any]:
    """A CAR-T cohort with n infused patients."""
    made: dict[str, Any] = {"id": name, "label": name, "role": "car-t"}
    if n is not None:
        made["populations"] = {"infused": {"n": n, "at": AT}}
    return made | fields


def proportion(outcome: str = "orr", **fields: Any) -> dict[str, Any]:
    return {"outcome": outcome, "population": "infused", "at": AT} | fields


def response(categories: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A response table; a bare number is a count."""
    cells = {k: {"count": v} if isinstance(v, int) else v for k, v in categories.items()}
    return {
        "population": "infused",
        "at": {"table": "2", "row": "Response"},
        "categories": cells,
    } | (fields)


def toxicity(event: str, grades: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A toxicity row with scale, window and counting given; a bare number is a count."""
    cells = {k: {"count": v} if isinstance(v, int) else v for k, v in grades.items()}
    base = {
        "event": event,
        "population": "infused",
        "scale": "ctcae",
        "window": "90 days",
        "counting": "maximum-grade",
        "at": {"table": "3", "row": event},
        "grades": cells,
    }
    return base | fields


def trait(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "at": AT} | fields


def study(*cohorts: dict[str, Any], name: str = "s", **fields: Any) -> dict[str, Any]:
    report = {
        "id": "paper", "authors": "A", "title": "T", "journal": "J", "year": 2020,
    }  # fmt: skip
    return {
        "id": name,
        "label": name,
        "trial": {"design": "single-arm", "registry": "NCT00000001"},
        "reports": [report],
        "cohorts": list(cohorts),
    } | fields


def review(*studies: dict[str, Any]) -> Review:
    return Review(
        words=MYELOMA,
        studies=[StudyRecord.model_validate(item) for item in studies],
        products={},
        reports={},
    )


def run(*studies: dict[str, Any]) -> tuple[Finding, ...]:
    """The findings; each of them leads to a value of the record that it is about."""
    found = audit(review(*studies))
    records = {item["id"]: item for item in studies}
    for one in found:
        value: Any = records[one.record]
        for step in one.path:
            value = value[step]
        assert one.path, f"{one.code} {one.message}"
    return found


def codes(*studies: dict[str, Any]) -> list[str]:
    """The codes found, without those that every bare record has."""
    return [one.code for one in run(*studies) if one.code not in ("LIN004",)]


@pytest.fixture
def make() -> SimpleNamespace:
    """The builders above."""
    return SimpleNamespace(
        cohort=cohort, proportion=proportion, response=response, toxicity=toxicity, trait=trait,
        study=study, review=review, run=run, codes=codes,
    )  # fmt: skip


@pytest.fixture
def only(make: SimpleNamespace) -> Callable[..., Finding]:
    """The one finding of one study with one cohort of these fields."""

    def single(n: int | None = 50, **fields: Any) -> Finding:
        found = make.run(make.study(make.cohort(n=n, **fields)))
        assert len(found) == 1, [f"{one.code} {one.message}" for one in found]
        return found[0]

    return single


@pytest.fixture
def clean(make: SimpleNamespace) -> Callable[..., bool]:
    """Whether one study with one cohort of these fields has no finding."""

    def none(n: int | None = 50, **fields: Any) -> bool:
        found = make.run(make.study(make.cohort(n=n, **fields)))
        assert found == (), [f"{one.code} {one.message}" for one in found]
        return True

    return none
