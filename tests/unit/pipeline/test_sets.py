"""No set of cohorts, and no cohort of a set, leaves in silence (#8.3)."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from carmeta.cli.explain import _explained
from carmeta.domain.analysis import Analysis
from carmeta.pipeline import run
from carmeta.report import caveats, csvfiles, left_out, summary
from tests.words import declare

AT = {"table": "1"}


def record(study: str, *cohorts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": study, "label": study.upper(), "trial": {"design": "single-arm", "year": 2020},
        "reports": [
            {"id": f"r-{study}", "authors": "A B", "title": "T", "journal": "J", "year": 2020}
        ],
        "cohorts": list(cohorts), **more,
    }  # fmt: skip


def cohort(name: str, n: int, lineage: dict[str, Any] | None = None, **printed: Any):
    """A cohort of ``n`` patients; a number is a count, a text a percentage of nobody knows whom,
    and a pair a count of as many evaluable patients.
    """
    cells = [{"outcome": outcome, "at": AT} | cell(value) for outcome, value in printed.items()]
    return {
        "id": name, "label": name.upper(), "role": "car-t",
        "populations": {"infused": {"n": n, "at": AT}},
        "lineage": lineage or {}, "proportions": cells,
    }  # fmt: skip


def cell(value: Any) -> dict[str, Any]:
    if isinstance(value, int):
        return {"population": "infused", "count": value}
    if isinstance(value, str):
        return {"population": "evaluable", "percent": value}
    return {"population": "evaluable", "count": value[0], "of": value[1]}


REVIEW = (
    record(
        "tr",
        cohort("all", 30, {"partitions": [["a", "b"], ["m", "f"]]}, orr=20, cr=(8, 10)),
        cohort("a", 10, orr=9, cr=2), cohort("b", 20, orr=11),
        cohort("m", 12, orr=7), cohort("f", 18, orr="72", cr=3), cohort("e", 15, orr=6),
    ),
    record("dr", cohort("a", 10, orr=3), cohort("b", 10, {"disjoint_from": ["a"]}, orr=4),
           status="draft"),
    record("lone", cohort("all", 20, orr=5), cohort("more", 20, orr=5)),
)  # fmt: skip


@pytest.fixture
def analysed(tmp_path: Path):
    (declare(tmp_path) / "studies").mkdir()
    for one in REVIEW:
        (tmp_path / "studies" / f"{one['id']}.yaml").write_text(json.dumps(one), encoding="utf-8")

    def analyse(outcomes: str, **sets: str) -> Analysis:
        lines = [f"  - {{id: {i}, label: {i.upper()}, cohorts: {c}}}" for i, c in sets.items()]
        head = f"name: mine\ntitle: Mine\noutcomes: {outcomes}\nsets:\n"
        (tmp_path / "mine.yaml").write_text(head + "\n".join(lines), encoding="utf-8")
        return run(tmp_path / "mine.yaml", studies=tmp_path / "studies")

    return analyse


def kinds(found: Analysis) -> set[tuple[str, str, str, str]]:
    rows = (dict(zip(raw.columns, row, strict=True)) for raw in [csvfiles.excluded(found)]
            for row in raw.rows)  # fmt: skip
    return {(r["outcome"], f"{r['study']}/{r['cohort']}", r["kind"], r["part"]) for r in rows}


def said(found: Analysis) -> list[str]:
    return [group.sentence() for group in left_out.of_run(found)]


def test_a_set_of_drafts_is_named_with_its_reason(analysed) -> None:
    found = analysed("[orr, cr]", dose="[tr/a, tr/b]", d="[dr/a, dr/b]")
    assert [one.key for one in found.outcomes] == ["orr_dose", "cr_dose"]
    assert ("orr", "dr/a; b", "draft", "d") in kinds(found)
    assert not [
        kind for _, key, kind, _ in kinds(found) if key.startswith("dr/") and kind != "draft"
    ]
    (line,) = [text for text in said(found) if "DR" in text]
    assert line.startswith("DR (D: ORR): its record is a draft")
    text = summary.markdown(found).decode()
    for name in ("Overall response (D)", "Complete response or better (D)"):
        assert f"{name}: no cohort could be pooled" in text.replace("\\", "")


def test_a_set_whose_only_cohort_has_no_count_is_named(analysed) -> None:
    found = analysed("[orr]", z="[tr/f]", y="[tr/a, tr/b]")
    assert ("orr", "tr/f", "no-denominator", "z") in kinds(found)
    assert "Overall response (Z): no cohort could be pooled." in caveats.caveats(found)
    (line,) = [text for text in said(found) if text.startswith("F (Z: ORR)")]
    assert "percentage" in line
    step = _explained(found, "orr_z", "", lambda *_: "")
    assert "Z" in step.text
    assert any("percentage" in one.text for one in step.steps)


def test_a_set_that_reports_nothing_of_an_outcome_is_named(analysed) -> None:
    found = analysed("[cr]", x="[tr/m, tr/b]", y="[tr/a, tr/b]")
    told = caveats.caveats(found)
    assert "Complete response or better (X): no cohort could be pooled." in told
    assert "Complete response or better: no cohort could be pooled." not in told


def test_a_cohort_that_another_set_names_is_no_exclusion(analysed) -> None:
    found = analysed("[orr, cr]", dose="[tr/a, tr/b]", sex="[tr/m, tr/f]")
    out = kinds(found)
    assert {key for _, key, kind, _ in out if kind == "outside"} == {
        "tr/all",
        "tr/e",
        "lone/all; more",
        "dr/a; b",
    }
    assert ("orr", "tr/f", "no-denominator", "sex") in out
    outside = [group.names for group in left_out.of_run(found) if "not one of" in group.reason]
    assert "TR: A" not in {name for names in outside for name in names}


def test_what_no_set_names_is_left_out_of_the_run_once(analysed) -> None:
    found = analysed("[orr, cr]", dose="[tr/a, tr/b]", sex="[tr/m, tr/f]")
    keys = [(e.outcome, e.study, e.cohort) for e in found.excluded if e.kind == "outside"]
    assert len(keys) == len(set(keys))
    assert {part for _, _, kind, part in kinds(found) if kind == "outside"} == {""}


@pytest.mark.parametrize(
    ("outcome", "cohorts", "names", "why"),
    [
        ("cr", "[tr/a, tr/b]", "TR: B", "does not report"),
        ("orr", "[tr/m, tr/f]", "F", "percentage"),
        ("orr", "[tr/a, tr/e]", "TR: A", "may share patients with E"),
    ],
)
def test_a_cohort_that_a_set_lacks_is_named_beside_the_number(
    analysed, outcome: str, cohorts: str, names: str, why: str
) -> None:
    found = analysed(f"[{outcome}]", x=cohorts)
    (one,) = found.outcomes
    (fallback,) = one.headline.fallbacks
    assert "of all patients" not in fallback.message
    (note,) = [note for note in one.notes if why in note]
    assert names in note
    assert not [note for note in one.notes if "added up" in note]  # a single row is not added up
    assert any(why in text and names in text for text in caveats.caveats(found))


def test_a_total_is_taken_from_the_whole_only_where_no_part_lacks(analysed) -> None:
    """The whole's 8 of 10 are of other patients than the ten of the one part that has a count."""
    (one,) = analysed("[cr]", x="[tr/a, tr/b]").outcomes
    assert (one.events, one.patients) == (2, 10)


def test_a_set_that_lacks_nobody_says_so_as_before(analysed) -> None:
    (one,) = analysed("[orr]", x="[tr/a, tr/b]").outcomes
    (fallback,) = one.headline.fallbacks
    assert "of all patients" in fallback.message
    assert len(one.notes) == 1


def test_nothing_at_all_lists_each_cohort_once(analysed) -> None:
    from carmeta.errors import ConfigError

    with pytest.raises(ConfigError) as caught:
        analysed("[orr]", z="[tr/f]", d="[dr/a]")
    assert caught.value.hint.startswith(("tr/f", "dr/a"))
    assert caught.value.hint.count("lone") == 1


def test_a_set_counts_its_cohorts(cli: Any, golden_review: Path) -> None:
    """K is of the rows, in every file; which of merged exclusions it is stands there too."""
    Path("configs/two.yaml").write_text(
        "name: two\ntitle: Two\noutcomes: [orr]\ninclude: {roles: [car-t, comparator]}\n"
        "populations: {order: [itt]}\n"
        "sets:\n  - {id: arms, label: Arms, cohorts: [gamma-3/car-t, gamma-3/standard]}\n"
    )
    assert cli("pool", "configs/two.yaml", "--jobs", "1").code == 0
    with Path("outputs/two/pooled.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["k"], row["patients"]) == ("2", "90")
    with Path("outputs/two/excluded.csv").open(newline="") as file:
        cohorts = {r["study"]: r["cohort"] for r in csv.DictReader(file)}
    assert cohorts["beta-2"] == "all; low-dose"
