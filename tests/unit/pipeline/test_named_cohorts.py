"""Cohorts that a configuration names: of one trial in a set, and none that it leaves out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from carmeta.errors import ConfigError
from carmeta.pipeline import run
from tests.words import declare


def record(study: str, *cohorts: dict[str, Any], **trial: Any) -> dict[str, Any]:
    return {
        "id": study, "label": study.title(),
        "trial": {"design": "single-arm", "year": 2020, **trial},
        "reports": [
            {"id": f"r-{study}", "authors": "A B", "title": "T", "journal": "J", "year": 2020}
        ],
        "cohorts": [cohort({"role": "car-t", **one}) for one in cohorts],
    }  # fmt: skip


def cohort(given: dict[str, Any]) -> dict[str, Any]:
    return given | {
        "label": given["id"], "populations": {"infused": {"n": 20, "at": {"table": "1"}}},
        "proportions": [
            {"outcome": "orr", "population": "infused", "count": 9, "at": {"table": "2"}}
        ],
    }  # fmt: skip


def apart(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "lineage": {"disjoint_from": ["a"]}, **more}


REVIEW = (
    record("one", {"id": "a"}, apart("b"), apart("c", role="comparator")),
    record("two", {"id": "a"}),
    record("long", {"id": "a", "lineage": {"disjoint_from": ["short/a"]}},
           registry="NCT00000001"),
    record("short", {"id": "a"}, registry="NCT00000001"),
    record("whole", {"id": "all", "lineage": {"partitions": [["left/a", "right/a"]]}}),
    record("left", {"id": "a"}),
    record("right", {"id": "a"}),
)  # fmt: skip


@pytest.fixture
def analysed(tmp_path: Path):
    (declare(tmp_path) / "studies").mkdir()
    for one in REVIEW:
        text = yaml.safe_dump(one)
        (tmp_path / "studies" / f"{one['id']}.yaml").write_text(text, encoding="utf-8")

    def analyse(cohorts: str, keys: str = "") -> Any:
        path = tmp_path / "mine.yaml"
        sets = f"sets:\n  - {{id: x, label: X, cohorts: {cohorts}}}\n"
        path.write_text("name: mine\ntitle: Mine\noutcomes: [orr]\n" + sets + keys, "utf-8")
        return run(path, studies=tmp_path / "studies")

    return analyse


def refused(analysed: Any, cohorts: str, keys: str = "") -> list[tuple[str, int, int, str]]:
    with pytest.raises(ConfigError) as caught:
        analysed(cohorts, keys)
    return [(d.code, d.mark.line, d.mark.column, d.message) for d in caught.value.diagnostics]


def test_cohorts_of_unrelated_trials_are_no_set(analysed) -> None:
    ((code, line, column, text),) = refused(analysed, "[one/a, one/b, two/a]")
    assert (code, line, column) == ("CFG023", 5, 47)
    assert "'two/a' is of another trial than 'one/a'" in text


@pytest.mark.parametrize(
    ("cohorts", "said"),
    [
        ("[one/a, one/b]", "cohorts of one trial"),
        ("[long/a, short/a]", "cohorts of one trial"),
        ("[left/a, right/a]", "parts of one cohort"),
    ],
)
def test_cohorts_of_one_trial_are_a_set_and_called_what_they_are(
    analysed, cohorts: str, said: str
) -> None:
    (found,) = analysed(cohorts).outcomes
    (fallback,) = found.headline.fallbacks
    assert fallback.message.startswith(said)
    assert said in found.notes[0]
    assert (found.events, found.patients) == (18, 40)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("", "include.roles"),
        ("include: {studies: [two]}\n", "include.studies"),
        ("include: {roles: [car-t, comparator], units: [instances]}\n", "include.units"),
        (
            "include: {roles: [car-t, comparator], attributes: {line: [first]}}\n",
            "include.attributes.line",
        ),
    ],
)
def test_a_set_names_no_cohort_that_is_left_out(analysed, keys: str, said: str) -> None:
    found = refused(analysed, "[one/a, one/c]", keys)
    assert {code for code, *_ in found} == {"CFG021"}
    assert (5, 40) in {(line, column) for _, line, column, _ in found}
    assert all(said in text for *_, text in found)
