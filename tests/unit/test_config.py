from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from carmeta.config import AnalysisConfig, load_config, resolved
from carmeta.errors import ConfigError
from tests.words import MYELOMA

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))


def write(folder: Path, text: str, name: str = "mine") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_committed_configurations_are_short_and_valid(path: Path) -> None:
    config = load_config(path, MYELOMA)
    assert config.name == path.stem
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 25
    assert path.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=")


def test_two_lines_are_enough(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, "name: mine\ntitle: Mine\n"), MYELOMA)
    assert config.specs[0].model == "GLMM"
    assert resolved(config)["models"][0] == {
        "model": "GLMM", "measure": "PLO", "method": "ML", "test": "t",
    }  # fmt: skip


def test_resolving_changes_nothing_that_was_said(tmp_path: Path) -> None:
    text = "name: mine\ntitle: Mine\nmodels:\n  - {model: IV, method: PM, test: knha}\n"
    assert resolved(load_config(write(tmp_path, text), MYELOMA))["models"] == [
        {"model": "IV", "measure": "PLO", "method": "PM", "test": "knha"}
    ]


def test_a_model_has_the_scale_that_it_names(tmp_path: Path) -> None:
    text = "name: mine\ntitle: Mine\nmodels: [{model: IV, measure: PFT}, {model: IV}]\n"
    config = load_config(write(tmp_path, text), MYELOMA)
    assert [ask.measure for ask in config.requests] == ["PFT", "PLO"]
    assert [spec["measure"] for spec in resolved(config)["models"]] == ["PFT", "PLO"]


def test_the_models_of_a_comparison_have_the_measures_of_the_comparison(tmp_path: Path) -> None:
    keys = "comparison: {pairs: [{treatment: a/b, control: a/c}]}\n"
    config = load_config(write(tmp_path, f"name: mine\ntitle: Mine\n{keys}"), MYELOMA)
    assert resolved(config)["models"] == [{"model": "IV", "method": "REML", "test": "adhoc"}]
    named = f"{keys}models: [{{model: IV, measure: PFT}}]\n"
    assert told(tmp_path, named) == [("CFG012", 4, 31)]


def test_a_scale_that_a_model_cannot_have_is_refused_at_its_place(tmp_path: Path) -> None:
    assert told(tmp_path, "models: [{model: GLMM, measure: PFT}]\n") == [("CFG011", 3, 33)]
    assert told(tmp_path, "models: [{model: IV, measure: OR}]\n") == [("SCH004", 3, 31)]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("name: mine\ntitle: Mine\noutcome: [orr]\n", (3, 1), "outcomes"),
        ("name: mine\ntitle: Mine\noutcomes: [or]\n", (3, 12), "orr"),
        ("name: other\ntitle: Mine\n", (1, 7), "name: mine"),
        ("name: mine\ntitle: Mine\nlevel: 95\n", (3, 8), "1"),
        ("name: mine\ntitle: Mine\npopulations: {order: [infusd]}\n", (3, 23), "infused"),
    ],
)
def test_mistakes_are_told_with_place_and_what_is_meant(
    tmp_path: Path, text: str, place: tuple[int, int], words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, text), MYELOMA)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.mark.line, diagnostic.mark.column) == place
    assert words in f"{diagnostic.message} {diagnostic.hint}"


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = "name: mine\ntitle: Mine\nlevel: 95\noutcome: [orr]\nsubgroup: colour\n"
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, text), MYELOMA)
    assert len(caught.value.diagnostics) == 3


def test_a_configuration_that_is_not_there_suggests_one() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(ROOT / "configs" / "primry.yaml", MYELOMA)
    assert "primary.yaml" in caught.value.hint


def test_every_key_is_documented() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    named = {key.split(".")[0] for cell in cells for key in re.findall(r"`([A-Za-z_0-9.]+)`", cell)}
    fields = {field.alias or name for name, field in AnalysisConfig.model_fields.items()}
    assert fields <= named


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        ("definitions: {scales: {neurotoxicity: [ctcae]}}\n", (4, 40)),
        ("definitions: {scales: {crs: [astct]}}\n", (4, 30)),
        ("definitions: {among: {mrd_neg: all}}\n", (4, 33)),
        ("definitions: {without: {cr: [sCR]}}\n", (4, 29)),
        ("populations: {by_outcome: {cr: [itt]}}\n", (4, 32)),
        ("thresholds: {cr: {value: 0.5}}\n", (4, 18)),
    ],
)
def test_a_key_for_an_outcome_that_is_not_asked_for_is_refused(
    tmp_path: Path, keys: str, place: tuple[int, int]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, "name: mine\ntitle: Mine\noutcomes: [orr]\n" + keys), MYELOMA)
    (told,) = caught.value.diagnostics
    assert (told.code, told.mark.line) == ("CFG013", place[0])
    assert "not among" in told.message


def test_a_comparison_on_no_measure_is_refused(tmp_path: Path) -> None:
    text = "name: mine\ntitle: Mine\ncomparison:\n  pairs: [{treatment: a/b, control: a/c}]\n"
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, text + "  measures: []\n"), MYELOMA)
    assert caught.value.diagnostics[0].mark.line == 5


@pytest.mark.parametrize(
    "pairs",
    [
        "[{treatment: a/b, control: a/c}, {treatment: a/b, control: a/c}]",
        "[{treatment: a/b, control: a/c}, {treatment: a/b, control: d/e}]",
        "[{treatment: a/b, control: a/b}]",
    ],
)
def test_an_arm_stands_in_a_comparison_once(tmp_path: Path, pairs: str) -> None:
    text = f"name: mine\ntitle: Mine\ncomparison:\n  pairs: {pairs}\n"
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, text), MYELOMA)
    assert {one.code for one in caught.value.diagnostics} == {"CFG014"}


def told(tmp_path: Path, keys: str) -> list[tuple[str, int, int]]:
    """Code and place of everything that is wrong with a configuration."""
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, "name: mine\ntitle: Mine\n" + keys), MYELOMA)
    return [(one.code, one.mark.line, one.mark.column) for one in caught.value.diagnostics]


def arrays(schema: Any, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every list of a JSON Schema with the key it stands under."""
    if isinstance(schema, dict):
        if schema.get("type") == "array":
            yield name, schema
        for key, inner in schema.items():
            yield from arrays(inner, name if key in ("anyOf", "items") else key)
    elif isinstance(schema, list):
        for inner in schema:
            yield from arrays(inner, name)


def test_no_list_may_be_empty_or_hold_a_thing_twice() -> None:
    found = dict(arrays(AnalysisConfig.model_json_schema()))
    assert {"roles", "order", "accept", "sets", "measures", "pairs", "models"} <= set(found)
    for name, schema in found.items():
        assert schema.get("minItems") == 1, name
        assert schema.get("uniqueItems") is True, name


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        ("outcomes: [orr, cr, orr]\n", (3, 21)),
        ("include: {roles: [car-t, car-t]}\n", (3, 26)),
        ("include: {studies: [a, a]}\n", (3, 24)),
        ("populations: {order: [itt, itt]}\n", (3, 28)),
        ("populations: {by_outcome: {orr: [itt, itt]}}\n", (3, 39)),
        ("counts: {accept: [printed, printed]}\n", (3, 28)),
        ("definitions: {scales: {crs: [lee-2014, lee-2014]}}\n", (3, 40)),
        ("sets: [{id: x, label: X, cohorts: [a/b, a/b]}]\n", (3, 41)),
        ("comparison: {pairs: [{treatment: a/b, control: a/c}], measures: [OR, OR]}\n", (3, 70)),
        ("sets:\n  - {id: x, label: X, cohorts: [a/b]}\n  - {id: x, label: Y, cohorts: [a/c]}\n",
         (5, 10)),
    ],
)  # fmt: skip
def test_what_stands_twice_in_a_list_is_refused(
    tmp_path: Path, keys: str, place: tuple[int, int]
) -> None:
    assert told(tmp_path, keys) == [("SCH008", *place)]


@pytest.mark.parametrize(
    "models",
    ["[{model: IV}, {model: IV}]", "[{model: IV}, {model: IV, method: REML, test: adhoc}]"],
)
def test_a_model_that_is_asked_for_twice_is_refused(tmp_path: Path, models: str) -> None:
    assert told(tmp_path, f"models: {models}\n") == [("CFG015", 3, 23)]


@pytest.mark.parametrize(
    ("keys", "column"),
    [
        ("outcomes: []\n", 11),
        ("include: {roles: []}\n", 18),
        ("include: {studies: []}\n", 20),
        ("include: {units: []}\n", 18),
        ("populations: {order: []}\n", 22),
        ("populations: {by_outcome: {orr: []}}\n", 33),
        ("populations: {by_outcome: {}}\n", 27),
        ("counts: {accept: []}\n", 18),
        ("definitions: {scales: {neurotoxicity: []}}\n", 39),
        ("models: []\n", 9),
        ("sets: []\n", 7),
        ("thresholds: {}\n", 13),
    ],
)
def test_an_empty_list_is_refused_with_its_place(tmp_path: Path, keys: str, column: int) -> None:
    assert told(tmp_path, keys) == [("SCH006", 3, column)]


def test_lists_are_told_with_everything_else_at_once(tmp_path: Path) -> None:
    keys = "outcomes: [orr, orr]\ninclude: {roles: []}\nlevel: 95\ncounts: {accept: []}\n"
    assert told(tmp_path, keys) == [
        ("SCH008", 3, 17), ("SCH006", 4, 18), ("SCH006", 5, 8), ("SCH006", 6, 18),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        ("rare_below: 0.1\nmodels: [{model: BB}]\n", (3, 13)),
        ("counts: {accept: [printed, percent], several: lowest}\n", (3, 47)),
        ("outcomes: [orr]\npopulations: {order: [itt], by_outcome: {orr: [infused]}}\n", (4, 22)),
    ],
)
def test_a_key_that_another_leaves_without_effect_is_refused(
    tmp_path: Path, keys: str, place: tuple[int, int]
) -> None:
    assert told(tmp_path, keys) == [("CFG012", *place)]
