"""What people met who built another review: words that overrule a pack's, circles, groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from carmeta.records import load_words
from carmeta.vocabulary import REVIEW

HEAD = "schema: 2\ntitle: T\npacks: [imwg, car-t, car-t-toxicity]\n"


def told(root: Path, text: str) -> list[tuple[str, int]]:
    (root / REVIEW).write_text(HEAD + text, encoding="utf-8")
    return [(item.code, item.mark.line) for item in load_words(root).diagnostics]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ladders: {imwg: {categories: {PR: {below: CR}, CR: {below: PR}}}}\n", "WRD006"),
        ("defaults: {populations: [mit]}\n", "WRD004"),
        ("defaults: {roles: [foo]}\n", "WRD004"),
        ("outcomes: {icans_ge3: {grade: 4}}\n", "WRD007"),
    ],
)
def test_what_was_taken_without_a_word_is_refused(tmp_path: Path, text: str, code: str) -> None:
    assert {code} == {found for found, line in told(tmp_path, text) if line == 4}


def test_an_outcome_with_a_label_of_its_own_has_no_other_name(tmp_path: Path) -> None:
    four = '{label: "ICANS, grade ≥4", event: icans, grade: 4}'
    assert told(tmp_path, f"outcomes: {{icans_ge3: {four}, crs_ge3: Severe CRS}}\n") == []
    words = load_words(tmp_path).words
    assert words is not None
    term = words.outcome("icans_ge3")
    assert (term.label, term.short, term.lowest) == ("ICANS, grade ≥4", "ICANS, grade ≥4", 4)
    assert "3" not in term.definition
    assert (words.outcome("crs_ge3").short, words.outcome("crs_ge3").lowest) == ("Severe CRS", 3)


def test_a_review_adds_values_to_those_of_a_pack(tmp_path: Path) -> None:
    assert told(tmp_path, "attributes: {target: {values: [CD91]}}\n") == []
    words = load_words(tmp_path).words
    assert words is not None
    assert {"CD91", "BCMA"} <= set(words.attributes["target"].values or ())


def assayed(folder: Path, number: str) -> Path:
    path = folder / "studies" / "alpha-1.yaml"
    cell = f"{{outcome: mrd_neg, assay: NGS, depth: '1e-5', among: responders, {number}, "
    item = f"    assayed:\n      - {cell}population: infused, at: {{table: '2'}}}}\n"
    text = path.read_text(encoding="utf-8")
    at = text.index("    toxicity:")
    path.write_text(text[:at] + item + text[at:], encoding="utf-8")
    return path


def test_a_group_is_never_divided_by_the_whole_population(cli, golden_review: Path) -> None:
    assayed(golden_review, "count: 9")
    ran = cli("validate", "studies/alpha-1.yaml", "--no-audit")
    assert ran.code == 1
    assert "REC032" in ran.out
    assert "among responders" in ran.out


def test_its_own_denominator_is_no_finding(cli, golden_review: Path) -> None:
    assayed(golden_review, "count: 9, of: 20")
    assert "POP002" not in cli("validate", "studies/alpha-1.yaml").out


def test_the_folder_of_a_review_is_what_it_holds(cli, golden_review: Path) -> None:
    whole = cli("validate").err
    for name in (golden_review, golden_review / "review.yaml"):
        assert cli("validate", name).err.split(":")[0] == whole.split(":")[0]
    path = golden_review / "review.yaml"
    path.write_text(path.read_text().replace("title:", "titel:"))
    assert cli("validate", golden_review).code == 1
