"""Every key of a configuration changes what comes out, on some review; or it is refused.

The tables are held against the schema, so a new key without a line here fails.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from carmeta.config import AnalysisConfig
from carmeta.domain.analysis import Analysis
from carmeta.domain.rules import EvidenceRules
from carmeta.harmonise import harmonise
from carmeta.pipeline import run
from tests.properties.reviews import OUTCOMES, make_review
from tests.words import MYELOMA, declare

BASE: dict[str, Any] = {"outcomes": OUTCOMES, "definitions": {"among": {"mrd_neg": "responders"}}}

EVIDENCE: dict[str, list[Any]] = {
    "outcomes": [("orr",)],
    "include.roles": [("salvage",), ("car-t", "comparator")],
    "include.secondary": [True],
    "include.studies": [("alpha",)],
    "include.products": [("some-product",)],
    "include.cohorts": [("alpha/c0",)],
    "include.units": [("instances",), ("patients", "instances")],
    "include.attributes": [{"line": ("first",)}],
    "populations.order": [("itt", "infused"), ("evaluable",)],
    "populations.by_outcome": [{"orr": ("itt",)}],
    "counts.accept": [("printed",), ("percent",)],
    "counts.inferred": [False],
    "counts.several": ["lowest", "highest"],
    "overlap.policy": ["printed", "latest", "earliest"],
    "definitions.without": [{"cr": ("sCR",)}],
    "definitions.scales": [{"crs": ("astct",)}, {"neurotoxicity": ("ctcae",)}],
    "definitions.among": [{"mrd_neg": "all"}],
}


def leaves(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from leaves(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{field.alias or name}"


def changed(base: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    whole: dict[str, Any] = {**base}
    section, _, name = key.rpartition(".")
    if section:
        whole[section] = {**whole.get(section, {}), name: value}
    else:
        whole[name] = value
    return whole


@cache
def plain(seed: int) -> tuple[Any, ...]:
    return harmonised(seed, BASE)


def harmonised(seed: int, rules: dict[str, Any]) -> tuple[Any, ...]:
    found = harmonise(
        make_review(seed).review, EvidenceRules.model_validate(rules, context=MYELOMA)
    )
    return found.counts, found.excluded


def test_the_table_has_every_evidence_key() -> None:
    assert set(leaves(EvidenceRules)) == set(EVIDENCE)


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in EVIDENCE.items() for value in values]
)
def test_an_evidence_key_changes_counts_or_exclusions(key: str, value: Any) -> None:
    rules = changed(BASE, key, value)
    assert any(harmonised(seed, rules) != plain(seed) for seed in range(300)), key


# -- what is made of the counts -----------------------------------------------------------------

PAIR = {"treatment": "s1/all", "control": "s1/control"}
SETS = [{"id": "one", "label": "One", "cohorts": ["s1/all"]}]
ANALYSIS: dict[str, list[Any]] = {
    "title": ["Another title"],
    "question": ["Why?"],
    "models": [
        [{"model": "IV"}],
        [{"model": "BB"}],
        [{"model": "GLMM", "test": "z"}],
        [{"model": "GLMM"}, {"model": "IV", "measure": "PAS"}],
    ],
    "rare_below": [0.9],
    "level": [0.8],
    "pi_method": ["HTS"],
    "i2_method": ["Q"],
    "subgroup": ["phase"],
    "regression": [["phase"]],
    "sets": [SETS],
    "comparison": [{"pairs": [PAIR]}],
    "thresholds": [{"orr": {"value": 0.5}}],
    "sensitivity.leave_one_out": [False],
    "sensitivity.candidates": [False],
    "sensitivity.influence": [False],
    "sensitivity.evidence": [False],
}
# Keys that need another one beside them, or that say where the file is.
WITH: dict[str, dict[str, Any]] = {
    "subgroup_tau2": {"subgroup": "phase"},
    "comparison.measures": {},
}


def record(index: int) -> dict[str, Any]:
    n, x = 30 + 7 * index, 11 + 4 * index

    def cohort(name: str, role: str, events: int) -> dict[str, Any]:
        return {
            "id": name, "label": f"S{index} {name}", "role": role,
            "populations": {"infused": {"n": n, "at": {"table": "1"}}},
            "lineage": {} if name == "all" else {"disjoint_from": ["all"]},
            "proportions": [
                {"outcome": "orr", "population": "infused", "at": {"table": "2"}}
                | ({"count": events} if index else {"percent": "37"}),
            ],
        }  # fmt: skip

    return {
        "id": f"s{index}", "label": f"S{index}",
        "trial": {"design": "single-arm", "year": 2015 + index, "phase": "12"[index % 2]},
        "reports": [
            {"id": f"r{index}", "authors": "A B", "title": "T", "journal": "J", "year": 2020}
        ],
        "cohorts": [cohort("all", "car-t", x), cohort("control", "comparator", 5)],
    }  # fmt: skip


@pytest.fixture(scope="module")
def review(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("review")
    (declare(folder) / "studies").mkdir()
    for index in range(5):
        one = record(index)
        if index == 0:  # 37% of 300 patients may be several counts
            one["cohorts"][0]["populations"]["infused"]["n"] = 300
            one["cohorts"] = one["cohorts"][:1]
        (folder / "studies" / f"s{index}.yaml").write_text(yaml.safe_dump(one), encoding="utf-8")
    return folder


def analysed(folder: Path, **keys: Any) -> str:
    config = {"name": "key", "title": "Key", "outcomes": ["orr"], **json.loads(json.dumps(keys))}
    if "comparison" in keys:
        config["include"] = {"roles": ["car-t", "comparator"]}
    path = folder / "key.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    analysis: Analysis = run(path, studies=folder / "studies")
    told = replace(analysis, config={}, provenance=None)  # type: ignore[arg-type]  # not compared
    return json.dumps(asdict(told), default=str, sort_keys=True)


def test_the_tables_have_every_other_key() -> None:
    own = {key for key in leaves(AnalysisConfig) if key not in EVIDENCE} - {"name", "schema"}
    assert own == set(ANALYSIS) | {key for key in WITH if "." not in key}


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in ANALYSIS.items() for value in values]
)
def test_a_key_changes_the_analysis(review: Path, key: str, value: Any) -> None:
    assert analysed(review, **changed({}, key, value)) != analysed(review)


def test_keys_that_need_another_one_change_it_too(review: Path) -> None:
    common = analysed(review, subgroup="phase")
    assert analysed(review, subgroup="phase", subgroup_tau2="separate") != common
    every = analysed(review, comparison={"pairs": [PAIR]})
    assert analysed(review, comparison={"pairs": [PAIR], "measures": ["RR"]}) != every


def test_a_subgroup_of_one_level_is_said(review: Path) -> None:
    config = review / "key.yaml"
    config.write_text("name: key\ntitle: Key\noutcomes: [orr]\nsubgroup: product\n", "utf-8")
    (orr,) = run(config, studies=review / "studies").outcomes
    assert "every cohort has the same product (not reported): nothing is compared" in orr.notes


def test_a_threshold_without_a_prediction_is_kept(review: Path) -> None:
    config = review / "key.yaml"
    keys = "include: {studies: [s1]}\nthresholds: {orr: {value: 0.4}}\n"
    config.write_text("name: key\ntitle: Key\noutcomes: [orr]\n" + keys, "utf-8")
    (orr,) = run(config, studies=review / "studies").outcomes
    ((threshold, probability),) = [(one.threshold, one.probability) for one in orr.beyond]
    assert threshold == 0.4
    assert math.isnan(probability)


def test_a_tau2_that_subgroups_cannot_have_is_said(review: Path) -> None:
    config = review / "key.yaml"
    keys = "include: {studies: [s1, s2]}\nsubgroup: phase\nsubgroup_tau2: separate\n"
    config.write_text("name: key\ntitle: Key\noutcomes: [orr]\n" + keys, "utf-8")
    (orr,) = run(config, studies=review / "studies").outcomes
    assert "every cohort has its own phase: subgroup_tau2 has no effect" in orr.notes
