"""Small records made by hand, and the harmoniser run on them."""

from __future__ import annotations

import json
from typing import Any

from carmeta.domain.evidence import Count, Harmonised
from carmeta.domain.record import Review, StudyRecord
from carmeta.domain.rules import EvidenceRules
from carmeta.harmonise import harmonise
from tests.words import MYELOMA

AT = {"table": "1"}


def study(*cohorts, study_id="s", patients=None, **more) -> StudyRecord:
    """A record of these cohorts."""
    return StudyRecord.model_validate_json(
        json.dumps(
            {
                "id": study_id,
                "label": study_id,
                "trial": {"design": "single-arm", "year": 2020},
                "reports": ["r"],
                "cohorts": list(cohorts),
                **({"patients": patients} if patients else {}),
                **more,
            }
        )
    )


def cohort(cohort_id="all", n: int | None = 20, **more) -> dict[str, Any]:
    """A cohort of ``n`` infused patients."""
    base: dict[str, Any] = {"id": cohort_id, "label": cohort_id, "role": "car-t"}
    if n is not None:
        base["populations"] = {"infused": {"n": n, "at": AT}}
    return {**base, **more}


def rate(outcome="orr", population="infused", at=AT, **printed) -> dict[str, Any]:
    """A printed rate."""
    return {"outcome": outcome, "population": population, "at": at, **printed}


def assayed(**printed) -> dict[str, Any]:
    """A printed assay of the outcome that the pack has for it."""
    base = {"outcome": "mrd_neg", "population": "evaluable", "assay": "NGS", "depth": "1e-5"}
    return {**base, "at": AT, **printed}


def with_orr(cohort_id, x, n, **lineage) -> dict[str, Any]:
    """A cohort with a printed number of responders."""
    return cohort(cohort_id, n=n, proportions=[rate(count=x)], lineage=lineage)


_SECTIONS = {
    "include": ("roles", "secondary", "studies", "products", "cohorts", "units", "attributes"),
    "populations": ("order", "by_outcome"),
    "counts": ("accept", "inferred", "several"),
    "overlap": ("policy",),
    "definitions": ("without", "scales", "among"),
}


def run(*studies, outcomes=("orr",), **rules) -> Harmonised:
    """The harmoniser on these studies; ``rules`` are keys of a configuration, without sections."""
    sections = {
        section: {key: rules.pop(key) for key in keys if key in rules}
        for section, keys in _SECTIONS.items()
    }
    assert not rules
    reports = {r.id: r for s in studies for r in s.reports if not isinstance(r, str)}
    review = Review(words=MYELOMA, studies=list(studies), products={}, reports=reports)
    return harmonise(review, _rules({"outcomes": outcomes, **sections}))


def _rules(asked: dict[str, Any]) -> EvidenceRules:
    return EvidenceRules.model_validate(asked, context=MYELOMA)


def one(harmonised: Harmonised, outcome: str) -> Count:
    """The only count of an outcome."""
    (count,) = [c for c in harmonised.counts if c.outcome == outcome]
    return count


def response(**categories) -> list[dict[str, Any]]:
    """A table of best responses, by number."""
    return [
        {
            "population": "infused",
            "at": AT,
            "categories": {k: {"count": v} for k, v in categories.items()},
        }
    ]


def toxicity(event="crs", counting="maximum-grade", **grades) -> list[dict[str, Any]]:
    """A table of grades, by number: ``any_``, ``g12``, ``g3``, ``g34``, ``g4``, ``g5``."""
    keys = {"any_": "any", "g12": "1-2", "g3": "3", "g34": "3-4", "g4": "4", "g5": "5"}
    table = {keys[k]: {"count": v} for k, v in grades.items()}
    return [
        {"event": event, "population": "infused", "counting": counting, "grades": table, "at": AT}
    ]


def labels(harmonised: Harmonised, kind: str) -> list[str]:
    """The labels of the choices of one kind."""
    return [choice.label for choice in harmonised.choices if choice.kind == kind]
