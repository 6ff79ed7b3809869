"""A record to fill in, in the words of its review."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import get_args

import pytest
import yaml

from carmeta.records import load_review
from carmeta.vocabulary import TrialDesign

SCHEMA = "# yaml-language-server: $schema=../.schema/study.schema.json"
CITED = (
    "Munshi NC, Anderson LD Jr, Shah N, et al. Idecabtagene vicleucel in relapsed and refractory "
    "multiple myeloma. N Engl J Med. 2021;384:705-716. doi:10.1056/NEJMoa2024850"
)


WORDS = """\
schema: 2
title: T
outcomes:
  assayed: {label: Assayed, assayed: true}
  better: {label: Better or well, response: better}
  fits: {label: Fits, event: fits}
ladders: {x: {label: X, categories: {well: well, better: better, same: same}}}
events: {fits: fits, gut-pain: gut pain}
scales: {gut: {label: Gut, events: [gut-pain]}, head: {label: Head, events: [fits]}}
roles: {herbs: herbal arms, tea: tea arms}
populations: {drinkers: those who drank, everyone: all}
defaults: {outcomes: [better], populations: [drinkers, everyone], roles: [herbs]}
"""


def record(name: str = "my-trial") -> dict[str, object]:
    text = Path("studies", f"{name}.yaml").read_text(encoding="utf-8")
    found: dict[str, object] = yaml.safe_load(text)
    return found


@pytest.fixture
def review(cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A review of words that no pack has."""
    monkeypatch.chdir(tmp_path)
    assert cli("init", "--title", "T", "--yes").code == 0
    Path("review.yaml").write_text(WORDS)
    return tmp_path


def test_the_words_are_those_of_the_review(cli, review: Path) -> None:
    ran = cli("new", "study", "my-trial", "--yes")
    assert (ran.code, ran.out) == (0, ""), ran.err
    lines = Path("studies/my-trial.yaml").read_text().splitlines()
    assert lines[0] == SCHEMA
    found = record()
    assert (found["schema"], found["status"], found["id"]) == (2, "draft", "my-trial")
    (cohort,) = found["cohorts"]
    assert cohort["role"] == "herbs"
    assert list(cohort["populations"]) == ["drinkers"]
    assert cohort["proportions"][0]["outcome"] == "better"
    text = "\n".join(lines)
    assert re.search(r"event: fits\b(.*\n){1,2}.*scale: head", text)
    assert "better: {count: 8}, same: {count: 2}" in text
    for word in ("tea", "everyone", "well"):
        assert word in text


def test_it_is_valid_as_it_stands_and_with_every_comment_taken_in(cli, review: Path) -> None:
    assert cli("new", "study", "my-trial", "--yes").code == 0
    ran = cli("validate")
    assert (ran.code, "error" in ran.out) == (0, False)
    path = Path("studies/my-trial.yaml")
    lines = path.read_text().splitlines()
    for name in ("response", "toxicity"):
        i = next(i for i, line in enumerate(lines) if line.startswith(f"    # {name}:"))
        while lines[i].startswith((f"    # {name}:", "    #   ")):
            lines[i] = lines[i].replace("# ", "", 1)
            i += 1
    path.write_text("\n".join(lines) + "\n")
    ran = cli("validate")
    assert (ran.code, "error" in ran.out) == (0, False), ran.out
    cohort = record()["cohorts"][0]
    assert {"response", "toxicity"} <= set(cohort)


def test_no_outcome_at_all(cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli("init", "--title", "T", "--yes").code == 0
    assert cli("new", "study", "x", "--yes").code == 0
    assert cli("validate").code == 0


def test_nothing_that_is_usual(cli, review: Path) -> None:
    path = Path("review.yaml")
    usual = "defaults: {outcomes: [better], populations: [drinkers, everyone], roles: [herbs]}"
    assert usual in path.read_text()
    none = "defaults: {outcomes: [], populations: [], roles: []}"
    path.write_text(path.read_text().replace(usual, none))
    assert cli("new", "study", "my-trial", "--yes").code == 0
    assert cli("validate", "studies", "--no-audit").out == ""


def test_options(cli, review: Path) -> None:
    ran = cli("new", "study", "my-trial", "--nct", "NCT01234567", "--label", "My: trial #1",
              "--cite", CITED, "--design", "randomised", "--yes")  # fmt: skip
    assert ran.code == 0
    found = record()
    assert found["label"] == "My: trial #1"
    assert found["trial"] == {"design": "randomised", "registry": "NCT01234567", "year": 2021}
    (report,) = found["reports"]
    assert report == {
        "id": "my-trial-report",
        "authors": "Munshi NC, Anderson LD Jr, Shah N, et al.",
        "title": "Idecabtagene vicleucel in relapsed and refractory multiple myeloma",
        "journal": "N Engl J Med",
        "year": 2021,
        "volume": "384",
        "pages": "705-716",
        "doi": "10.1056/NEJMoa2024850",
    }
    assert "placeholder" not in ran.err
    assert cli("validate", "--no-audit").out == ""


def test_what_a_citation_does_not_say_is_said(cli, review: Path) -> None:
    ran = cli("new", "study", "my-trial", "--cite", "Smith A, et al. Some trial, 2019", "--yes")
    assert ran.code == 0
    (report,) = record()["reports"]
    assert (report["authors"], report["year"]) == ("Smith A, et al.", 2019)
    assert "title, journal" in ran.err
    assert "placeholder" in ran.err
    assert cli("validate", "--no-audit").out == ""


def test_the_year_that_is_given_goes_before_the_citation(cli, review: Path) -> None:
    ran = cli("new", "study", "my-trial", "--cite", CITED, "--year", "2020", "--yes")
    assert record()["trial"]["year"] == 2020
    assert "2021" in ran.err


def test_without_a_terminal_nothing_is_asked(cli, review: Path) -> None:
    assert cli("new", "study", "my-trial").code == 0
    assert record()["trial"] == {"design": "single-arm", "year": date.today().year}


def test_a_terminal_is_asked(cli, review: Path, terminal) -> None:
    typed = terminal("A label", "NCT1", "nct01234567", "non-random", "cross-sectional", CITED)
    ran = cli("new", "study", "my-trial")
    assert ran.code == 0, ran.err
    assert typed.read() == ""
    found = record()
    assert found["label"] == "A label"
    assert found["trial"] == {
        "design": "cross-sectional", "registry": "NCT01234567", "year": 2021,
    }  # fmt: skip


def test_a_terminal_is_asked_for_what_is_missing_only(cli, review: Path, terminal) -> None:
    terminal("", "2018")
    ran = cli("new", "study", "my-trial", "--label", "L", "--nct", "NCT01234567", "--design",
              "registry")  # fmt: skip
    assert ran.code == 0, ran.err
    assert record()["trial"]["year"] == 2018


def test_an_answer_that_ends_is_an_end(cli, review: Path, terminal) -> None:
    terminal("A label")
    assert cli("new", "study", "my-trial").code == 130
    assert not Path("studies/my-trial.yaml").exists()


BAD = {
    "registry": (("--nct", "NCT123"), "NCT"),
    "year": (("--year", "1066"), "year"),
    "label": (("--label", "a\x1b[31m"), "label"),
    "no label": (("--label", " "), "label"),
    "design": (("--design", "singel-arm"), "design"),
    "citation": (("--cite", "a\x00b"), "cite"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_writes_nothing(cli, review: Path, kind: str) -> None:
    given, told = BAD[kind]
    ran = cli("new", "study", "my-trial", *given, "--yes")
    assert ran.code == 2
    assert told in ran.err
    assert "\x1b" not in ran.err
    assert not list(Path("studies").glob("*"))


def test_every_design_there_is(cli, review: Path) -> None:
    for design in get_args(TrialDesign):
        assert cli("new", "study", f"a-{design}", "--design", design, "--yes").code == 0
    assert cli("validate", "--no-audit").out == ""


IDS = ["1", "010", "1e5", "null", "true", "1.5", "a" * 80, "x.y", "0x1f"]


def test_ids_that_look_like_something_else(cli, review: Path) -> None:
    for name in IDS:
        assert cli("new", "study", name, "--yes").code == 0
    assert cli("validate", "--no-audit").out == ""
    found = load_review(Path("studies")).review
    assert found is not None
    assert {study.id for study in found.studies} == set(IDS)


@pytest.mark.parametrize("name", ["../evil", "A", "_x", "", "a/b", "x" * 81])
def test_ids_that_are_none(cli, review: Path, name: str) -> None:
    assert cli("new", "study", name, "--yes").code == 2
    assert not list(Path("studies").glob("*"))


def test_the_schema_that_the_record_points_to_is_written(cli, review: Path) -> None:
    schema = Path(".schema/study.schema.json")
    schema.unlink()
    assert cli("new", "study", "my-trial", "--yes").code == 0
    assert '"herbs"' in schema.read_text()


def test_outside_a_review(cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = cli("new", "study", "x", "--yes")
    assert (ran.code, "carmeta init" in ran.err) == (2, True)
