"""Small reviews made by a seeded generator, with the patients that every cohort really holds.

What the records declare of lineage is true of these patients, so a test can ask whether
anybody counts twice without asking the code under test.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from carmeta.domain.record import Review, StudyRecord
from tests.words import MYELOMA

OUTCOMES = ("orr", "cr", "scr", "vgpr", "mrd_neg", "crs_any", "crs_ge3", "nt_any", "nt_ge3")
GROUPS = ("all", "responders", "cr-or-better")
_CATEGORIES = ("sCR", "CR", "VGPR", "PR", "SD", "PD")
_GRADES = ("any", "1-2", "3", "3-4", "4", "5", ">=3", ">=4")
_SCALES = ("lee-2014", "astct", "ctcae", "not-reported")
_DATES = (None, "2019", "2020", "2020-06", "2020-06-15", "2021-01")


@dataclass(frozen=True)
class MadeUp:
    """A review, and by ``study/cohort`` the patients behind each cohort."""

    review: Review
    patients: dict[str, frozenset[str]]


def make_review(seed: int) -> MadeUp:
    """One to four studies of one to five cohorts."""
    rng = random.Random(seed)
    patients: dict[str, frozenset[str]] = {}
    studies = []
    for name in rng.sample(("alpha", "beta", "gamma", "delta"), rng.randint(1, 4)):
        studies.append(_study(rng, name, patients))
    records = [StudyRecord.model_validate_json(json.dumps(study)) for study in studies]
    reports = {r.id: r for record in records for r in record.reports if not isinstance(r, str)}
    return MadeUp(Review(words=MYELOMA, studies=records, products={}, reports=reports), patients)


def make_rules(seed: int) -> dict[str, Any]:
    """Sections of a configuration: mostly the defaults, now and then something else."""
    rng = random.Random(f"rules {seed}")
    rules: dict[str, Any] = {
        "outcomes": tuple(rng.sample(OUTCOMES, rng.randint(2, len(OUTCOMES)))),
        "definitions": {"among": {"mrd_neg": rng.choice(GROUPS)}},
        "overlap": {
            "policy": rng.choice(("patients", "patients", "printed", "latest", "earliest"))
        },
    }
    if rng.random() < 0.2:
        rules["counts"] = {"accept": ("printed", "summed"), "inferred": rng.random() < 0.5}
    if rng.random() < 0.2:
        rules["populations"] = {"order": tuple(rng.sample(("infused", "itt", "evaluable"), 2))}
    if rng.random() < 0.2:
        rules["definitions"] |= {
            "without": {"cr": ("sCR",)},
            "scales": {"crs": ("lee-2014", "astct")},
        }
    if rng.random() < 0.2:
        rules["include"] = {"secondary": True, "units": ("patients", "instances")}
    return rules


def _study(rng: random.Random, name: str, patients: dict[str, frozenset[str]]) -> dict[str, Any]:
    everybody = [
        f"{name}-{i}" for i in range(rng.choice((rng.randint(6, 60), rng.randint(120, 250))))
    ]
    earlier = [key for key in patients if rng.random() < 0.2]
    cohorts: list[dict[str, Any]] = []
    for cohort_id, members, lineage in _structure(rng, name, everybody):
        patients[f"{name}/{cohort_id}"] = frozenset(members)
        cohorts.append(_cohort(rng, cohort_id, len(members), lineage))
    if earlier and rng.random() < 0.5:  # a later report of another study's cohort
        _take_over(rng, name, cohorts[0], earlier[0], patients)
    rng.shuffle(cohorts)
    reports = [
        {"id": doc, "authors": "A", "title": "T", "journal": "J", "year": rng.randint(2018, 2021)}
        | ({"published": date} if (date := rng.choice(_DATES)) else {})
        for doc in (f"{name}-first", f"{name}-second")
    ]
    return {
        "id": name,
        "label": name.capitalize(),
        "status": "draft" if rng.random() < 0.1 else "final",
        "secondary": rng.random() < 0.1,
        "trial": {"design": "single-arm", "year": rng.randint(2018, 2021)},
        "reports": reports,
        "cohorts": cohorts,
    }


def _take_over(
    rng: random.Random, name: str, cohort: dict[str, Any], other: str, patients: dict[str, Any]
) -> None:
    """Whoever is in ``other`` is in this cohort, and in all that hold this cohort."""
    kind = rng.choice(("updates", "shares_patients_with"))
    cohort["lineage"].setdefault(kind, []).append(other)
    key = f"{name}/{cohort['id']}"
    before = patients[key]
    for mate in [mate for mate in patients if mate.startswith(f"{name}/")]:
        if before <= patients[mate]:
            patients[mate] |= patients[other]
    n = len(patients[key])
    cohort |= {k: v for k, v in _printed(rng, n).items() if rng.random() < 0.8}
    if "infused" in cohort["populations"]:
        cohort["populations"]["infused"]["n"] = n


def _structure(
    rng: random.Random, name: str, everybody: list[str]
) -> Iterator[tuple[str, list[str], dict[str, Any]]]:
    """Cohorts of one study: id, members, lineage."""
    first, second, third, fourth = rng.sample(("a", "b", "c", "d", "e", "f"), 4)
    cut = rng.randint(1, len(everybody) - 1)
    left, right = everybody[:cut], everybody[cut:]
    kind = rng.choice(("one", "parts", "cover", "updates", "chain", "arms", "loose"))
    if kind == "one":
        yield first, everybody, {}
    elif kind == "parts":
        yield first, everybody, {"partitions": [[second, third]]}
        yield second, left, {"part_of": [first]}
        yield third, right, {"part_of": [first]}
    elif kind == "cover":
        yield first, everybody, {"covered_by": [[second, third]]}
        yield second, left, {}
        yield third, everybody[max(cut - 2, 0) :], {}
    elif kind in ("updates", "chain"):
        yield first, everybody, {"updates": [second]}
        yield second, left, {"updates": [third]} if kind == "chain" else {"partitions": [[third]]}
        yield third, left[: max(cut // 2, 1)] if kind == "chain" else left, {}
        yield fourth, right or left, {"part_of": [first]}
    elif kind == "arms":
        yield first, left, {"disjoint_from": [second]}
        yield second, right, {}
    else:
        yield first, everybody, {}
        yield second, left, {}


def _cohort(rng: random.Random, cohort_id: str, n: int, lineage: dict[str, Any]) -> dict[str, Any]:
    sizes = {
        "infused": n,
        "itt": n + rng.randint(0, 5),
        "evaluable": max(n - rng.randint(0, 3), 1),
    }
    return {
        "id": cohort_id,
        "label": f"Cohort {cohort_id}",
        "role": rng.choice(("car-t",) * 9 + ("comparator",)),
        "unit": rng.choice(("patients",) * 12 + ("instances",)),
        "populations": {
            name: {"n": size, "at": {"table": "1"}}
            for name, size in sizes.items()
            if rng.random() < 0.6
        },
        "lineage": lineage,
        **({"data_cutoff": date} if rng.random() < 0.3 and (date := rng.choice(_DATES)) else {}),
        **_printed(rng, n),
    }


def _printed(rng: random.Random, n: int) -> dict[str, Any]:
    return {
        "proportions": [_proportion(rng, n) for _ in range(rng.randint(0, 4))],
        "response": [_response(rng, n) for _ in range(rng.choice((0, 0, 1, 2)))],
        "toxicity": [_toxicity(rng, n) for _ in range(rng.choice((0, 1, 2)))],
        "assayed": [_mrd(rng, n) for _ in range(rng.choice((0, 0, 1, 2)))],
    }


def _number(rng: random.Random, n: int, own: float = 0.2) -> dict[str, Any]:
    """A printed cell of at most ``n`` patients, now and then with its own denominator."""
    if rng.random() < 0.08:
        return {"missing": rng.choice(("not-reported", "not-applicable", "lost"))}
    of = max(n - rng.randint(0, 2), 1) if rng.random() < own else None
    count = rng.randint(0, of or n)
    cell: dict[str, Any] = {} if of is None else {"of": of}
    if rng.random() < 0.5:
        return {**cell, "count": count}
    text = f"{100 * count / (of or n):.{rng.choice((0, 0, 1))}f}"
    return {**cell, "percent": rng.choice((text, text, text, "0", "37"))}


def _sourced(rng: random.Random) -> dict[str, Any]:
    return {
        "at": {"table": str(rng.randint(1, 3)), **({"doc": doc} if (doc := _doc(rng)) else {})},
        **({"cites": "Somebody 2018"} if rng.random() < 0.2 else {}),
        "attribution": rng.choice(("stated", "stated", "stated", "inferred")),
        "population": rng.choice(("infused", "infused", "itt", "evaluable", "safety")),
    }


def _doc(rng: random.Random) -> str:
    return rng.choice(("", "elsewhere-2019"))


def _proportion(rng: random.Random, n: int) -> dict[str, Any]:
    return {"outcome": rng.choice(OUTCOMES), **_number(rng, n, own=0.3), **_sourced(rng)}


def _response(rng: random.Random, n: int) -> dict[str, Any]:
    listed = [name for name in _CATEGORIES if rng.random() < 0.75] or ["CR"]
    each = max(n // len(listed), 1)
    table = {"categories": {name: _number(rng, each, own=0.05) for name in listed}}
    return table | ({"of": n} if rng.random() < 0.3 else {}) | _sourced(rng)


def _toxicity(rng: random.Random, n: int) -> dict[str, Any]:
    listed = [name for name in _GRADES if rng.random() < 0.4] or ["any"]
    return {
        "event": rng.choice(("crs", "neurotoxicity")),
        "scale": rng.choice(_SCALES),
        "counting": rng.choice(("maximum-grade", "maximum-grade", "any-event", "not-reported")),
        "grades": {name: _number(rng, n, own=0.1) for name in listed},
        **({"of": n} if rng.random() < 0.3 else {}),
        **_sourced(rng),
    }


def _mrd(rng: random.Random, n: int) -> dict[str, Any]:
    return {
        "outcome": "mrd_neg",
        "assay": "NGS",
        "depth": rng.choice(("1e-4", "1e-5")),
        "among": rng.choice(GROUPS),
        **_number(rng, n, own=0.7),
        **_sourced(rng),
    }
