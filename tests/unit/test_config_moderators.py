"""Moderators as a configuration may ask for them, and as a review may declare them (#9.1)."""

from __future__ import annotations

from pathlib import Path

import pytest

from carmeta.config import AnalysisConfig, load_config, resolved
from carmeta.domain.words.terms import Moderator
from carmeta.errors import ConfigError
from carmeta.records import load_words
from carmeta.sourcefile import Diagnostic
from tests.words import MYELOMA

WORDS = MYELOMA.model_copy(
    update={
        "moderators": {
            "age": Moderator(label="Median age", unit="years"),
            "old": Moderator(label="Median age", of="age", unit="years", cuts=[65]),
        }
    }
)


def load(folder: Path, keys: str) -> AnalysisConfig:
    path = folder / "mine.yaml"
    path.write_text(f"name: mine\ntitle: Mine\n{keys}", encoding="utf-8")
    return load_config(path, WORDS)


def wrong(folder: Path, keys: str) -> Diagnostic:
    with pytest.raises(ConfigError) as caught:
        load(folder, keys)
    (told,) = caught.value.diagnostics
    return told


def test_regression_is_a_list_of_moderators(tmp_path: Path) -> None:
    config = load(tmp_path, "regression: [age, product]\n")
    assert config.regression == ("age", "product")
    assert resolved(config)["regression"] == ["age", "product"]


def test_subgroups_by_a_number_need_cuts(tmp_path: Path) -> None:
    assert load(tmp_path, "subgroup: old\n").subgroup == "old"
    told = wrong(tmp_path, "subgroup: age\n")
    assert (told.code, told.mark.line, told.mark.column) == ("CFG016", 3, 11)
    assert "cuts" in told.hint
    assert "regression: [age]" in told.hint


@pytest.mark.parametrize(
    ("keys", "code", "place"),
    [
        ("regression: [agee]\n", "SCH004", (3, 14)),
        ("regression: [age, age]\n", "SCH008", (3, 19)),
        ("regression: []\n", "SCH006", (3, 13)),
        ("regression: age\n", "SCH003", (3, 13)),
        ("regression: [age]\nsets: [{id: a, label: A, cohorts: [b/c]}]\n", "CFG012", (3, 13)),
        ("regression: [age]\ncomparison: {pairs: [{treatment: a/b, control: a/c}]}\n", "CFG012",
         (3, 13)),
        ("models: [{model: BB}]\nregression: [age]\n", "CFG011", (3, 18)),
        ("models: [{model: BAYES}]\nregression: [age]\n", "CFG011", (3, 18)),
        ("models: [{model: GLMM, test: profile}]\nregression: [age]\n", "CFG011", (3, 30)),
    ],
)  # fmt: skip
def test_what_cannot_be_honoured_is_refused_in_its_place(
    tmp_path: Path, keys: str, code: str, place: tuple[int, int]
) -> None:
    told = wrong(tmp_path, keys)
    assert (told.code, (told.mark.line, told.mark.column)) == (code, place)


def test_models_without_a_regression_are_told_which_have_one(tmp_path: Path) -> None:
    told = wrong(tmp_path, "models: [{model: BB}]\nregression: [age]\n")
    assert "GLMM, IV" in told.hint


@pytest.mark.parametrize(
    "keys",
    [
        "models: [{model: GLMM, test: z}, {model: BB}]\n",
        "models: [{model: IV, method: DL, test: knha}]\npi_method: bootstrap\ni2_method: Q\n",
        "i2_method: Q\nsubgroup: old\n",
    ],
)
def test_what_concerns_the_pool_alone_is_no_hindrance(tmp_path: Path, keys: str) -> None:
    assert load(tmp_path, f"{keys}regression: [age]\n").regression == ("age",)


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ("age: {label: Age, cuts: [65]}", "'cuts' are of a moderator with a 'unit'"),
        ("age: {label: Age, unit: years, cuts: [65, 60]}", "ascend"),
        ("age: {label: Age, unit: years, cuts: [65, 65]}", "ascend"),
        ("age: {label: Age, unit: years, cuts: [.inf]}", "number"),
        ("phase: {label: Phase}", "what every record says already"),
    ],
)
def test_declarations_that_mean_nothing_are_refused(
    tmp_path: Path, declared: str, words: str
) -> None:
    text = f"title: T\npacks: [imwg]\nmoderators:\n  {declared}\n"
    (tmp_path / "review.yaml").write_text(text, encoding="utf-8")
    found = load_words(tmp_path)
    assert found.words is None
    assert any(words in item.message for item in found.diagnostics), found.diagnostics
    assert {item.mark.line for item in found.diagnostics} == {4}


def test_a_moderator_is_one_line_in_one_file(tmp_path: Path) -> None:
    text = "title: T\npacks: [imwg]\nmoderators:\n  age: {label: Age, unit: years, cuts: [65]}\n"
    (tmp_path / "review.yaml").write_text(text, encoding="utf-8")
    words = load_words(tmp_path).words
    assert words is not None
    assert "age" in words.allowed("moderators")
    assert words.moderator("age") == "Age"
    assert words.moderator("phase") == "phase"
