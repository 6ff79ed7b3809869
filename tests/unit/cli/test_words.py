"""Which words there are, in packs and in a review, and where each stands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from carmeta.records import pack_names


def rows(ran) -> list[dict[str, object]]:
    assert ran.code == 0, ran.err
    found: list[dict[str, object]] = json.loads(ran.out)
    return found


def test_the_packs(cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # of no review
    found = rows(cli("packs", "--format", "json"))
    assert [row["pack"] for row in found] == list(pack_names())
    assert all(row["label"] and row["words"] for row in found)
    assert "imwg" in cli("packs").out


def test_the_words_of_a_pack(cli) -> None:
    found = rows(cli("packs", "imwg", "--format", "json"))
    told = {(row["section"], row["word"]): row for row in found}
    assert told["outcomes", "cr"]["label"] == "Complete response or better"
    assert told["categories", "sCR"]["of"] == "imwg"
    (head,) = [row for row in rows(cli("packs", "--format", "json")) if row["pack"] == "imwg"]
    assert head["words"] == len(found)
    ran = cli("packs", "imgw")
    assert (ran.code, "did you mean 'imwg'?" in ran.err) == (2, True)


def test_the_words_of_a_review_and_their_files(cli, golden_review: Path) -> None:
    path = golden_review / "review.yaml"
    path.write_text(
        "schema: 2\ntitle: T\npacks: [imwg]\n"
        "outcomes: {cr: CR as we mean it, fever: Fever}\nroles: {mine: my arms}\n"
    )
    told = {(row["section"], row["word"]): row for row in rows(cli("words", "--format", "json"))}
    assert told["outcomes", "cr"]["label"] == "CR as we mean it"
    assert told["outcomes", "cr"]["from"] == "review.yaml:4:12"
    assert str(told["outcomes", "orr"]["from"]).startswith("imwg.yaml:")
    assert str(told["populations", "itt"]["from"]).startswith("trial.yaml:")
    own = {word for (_, word), row in told.items() if str(row["from"]).startswith("review.yaml")}
    assert own == {"cr", "fever", "mine"}
    found = rows(cli("words", "roles", "--format", "json"))
    assert {row["section"] for row in found} == {"roles"}
    assert {"mine", "comparator"} <= {row["word"] for row in found}
    assert {row["of"] for row in rows(cli("words", "categories", "--format", "json"))} == {"imwg"}


def test_every_section_can_be_asked_for(cli, golden_review: Path) -> None:
    sections = {row["section"] for row in rows(cli("words", "--format", "json"))}
    assert {"outcomes", "categories", "items", "answers", "moderators"} & sections
    for section in ("outcomes", "answers"):
        assert {row["section"] for row in rows(cli("words", section, "--format", "json"))} == {
            section
        }
    assert rows(cli("words", "moderators", "--format", "json")) == []


def test_a_section_that_is_none(cli, golden_review: Path) -> None:
    ran = cli("words", "outcome")
    assert ran.code == 2
    assert "did you mean 'outcomes'?" in ran.err
    assert "bias_tools" in ran.err


def test_the_words_of_no_review(cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = cli("words")
    assert (ran.code, ran.out, "carmeta init" in ran.err) == (1, "", True)
