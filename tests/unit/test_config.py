from __future__ import annotations

import re
from pathlib import Path

import pytest

from carmeta.config import AnalysisConfig, load_config, resolved
from carmeta.errors import ConfigError

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))


def write(folder: Path, text: str, name: str = "mine") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_committed_configurations_are_short_and_valid(path: Path) -> None:
    config = load_config(path)
    assert config.name == path.stem
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 25
    assert path.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=")


def test_two_lines_are_enough(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, "name: mine\ntitle: Mine\n"))
    assert config.specs[0].model == "GLMM"
    assert resolved(config)["models"][0] == {"model": "GLMM", "method": "ML", "test": "t"}


def test_resolving_changes_nothing_that_was_said(tmp_path: Path) -> None:
    text = "name: mine\ntitle: Mine\nmodels:\n  - {model: IV, method: PM, test: knha}\n"
    assert resolved(load_config(write(tmp_path, text)))["models"] == [
        {"model": "IV", "method": "PM", "test": "knha"}
    ]


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
        load_config(write(tmp_path, text))
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.mark.line, diagnostic.mark.column) == place
    assert words in f"{diagnostic.message} {diagnostic.hint}"


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = "name: mine\ntitle: Mine\nlevel: 95\noutcome: [orr]\nsubgroup: colour\n"
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, text))
    assert len(caught.value.diagnostics) == 3


def test_a_configuration_that_is_not_there_suggests_one() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(ROOT / "configs" / "primry.yaml")
    assert "primary.yaml" in caught.value.hint


def test_every_key_is_documented() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    named = {key.split(".")[0] for cell in cells for key in re.findall(r"`([a-z_0-9.]+)`", cell)}
    assert set(AnalysisConfig.model_fields) <= named


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        ("definitions: {nt_scales: [ctcae]}\n", (4, 27)),
        ("definitions: {crs_scales: [astct]}\n", (4, 28)),
        ("definitions: {mrd_among: all}\n", (4, 26)),
        ("definitions: {cr: cr-without-scr}\n", (4, 19)),
        ("populations: {by_outcome: {cr: [itt]}}\n", (4, 32)),
        ("thresholds: {cr: {value: 0.5}}\n", (4, 18)),
    ],
)
def test_a_key_for_an_outcome_that_is_not_asked_for_is_refused(
    tmp_path: Path, keys: str, place: tuple[int, int]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, "name: mine\ntitle: Mine\noutcomes: [orr]\n" + keys))
    (told,) = caught.value.diagnostics
    assert (told.code, told.mark.line) == ("CFG013", place[0])
    assert "not among" in told.message


def test_a_comparison_on_no_measure_is_refused(tmp_path: Path) -> None:
    text = "name: mine\ntitle: Mine\ncomparison:\n  pairs: [{treatment: a/b, control: a/c}]\n"
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, text + "  measures: []\n"))
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
        load_config(write(tmp_path, text))
    assert {one.code for one in caught.value.diagnostics} == {"CFG014"}
