"""Pairs of arms that say nothing of a measure: named, counted nowhere, and nothing else lost."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from carmeta.api.two_arm import pool_two_arm
from carmeta.domain.analysis import Analysis
from carmeta.errors import EstimationError
from carmeta.pipeline import run
from carmeta.report import contents, left_out

HEAD = """\
name: two
title: Two
outcomes: [orr, cr]
include: {roles: [car-t, comparator]}
populations: {order: [itt]}
"""
CELLS = {
    "orr": ("count: 41, of: 60", "count: 12, of: 30"),
    "cr": ("count: 20, of: 60", "count: 1, of: 30"),
}


def trials(*of_each: dict[str, tuple[int, int]], measures: str = "") -> Analysis:
    """Trials of 60 against 30 patients with these events by outcome, compared with each other."""
    text = Path("studies/gamma-3.yaml").read_text()
    pairs = []
    for i, events in enumerate(of_each):
        name = f"trial-{'abcd'[i]}"
        own = text.replace("gamma-3", name).replace("Gamma-3", name.title())
        own = own.replace("gamma-20", f"{name}-20").replace("CAR-T arm", f"{name} CAR-T")
        for outcome, (treated, control) in events.items():
            for old, new in zip(CELLS[outcome], (treated, control), strict=True):
                _, _, of = old.partition(", ")
                assert old in own
                own = own.replace(f"{old}, percent", f"count: {new}, {of}, percent")
        own = "".join(_bare(line) for line in own.splitlines(keepends=True))
        Path(f"studies/{name}.yaml").write_text(own)
        pairs.append(f"    - {{treatment: {name}/car-t, control: {name}/standard}}\n")
    path = Path("configs/two.yaml")
    path.write_text(HEAD + "comparison:\n  pairs:\n" + "".join(pairs) + measures)
    return run(path, studies=Path("studies"))


def _bare(line: str) -> str:
    """A line of a rate without its percentage, which the other count would contradict."""
    if "outcome:" not in line:
        return line
    before, _, after = line.partition(', percent: "')
    return before + after.partition('"')[2] if after else line


def by_measure(analysis: Analysis, outcome: str) -> dict[str, Any]:
    contrast = next(one for one in analysis.contrasts if one.outcome == outcome)
    return {fit.measure: (contrast, fit) for fit in contrast.results}


def test_one_outcome_that_says_nothing_ends_nothing_else(golden_review: Path) -> None:
    found = trials({"cr": (0, 0)}, {"cr": (0, 0)})
    orr = by_measure(found, "orr")["OR"][1]
    assert orr.back.estimate == pytest.approx(
        pool_two_arm([41, 41], [60, 60], [12, 12], [30, 30]).back.estimate
    )
    cr = by_measure(found, "cr")
    assert cr["RD"][1].k == 2
    for measure in ("OR", "RR"):
        contrast, fit = cr[measure]
        assert fit.back.estimate != fit.back.estimate
        assert fit.k == 0
        assert contrast.used(fit) == ()
        assert [(item.code, measure in item.message) for item in fit.fallbacks] == [
            ("not-estimable", True)
        ]
    (table,) = [contents.contrasts(found)]
    shown = [row[-2].text for row in table.rows]
    assert shown.count("not estimable") == 2


def test_nothing_at_all_is_an_error_that_names_the_outcome(golden_review: Path) -> None:
    none = {"orr": (0, 0), "cr": (0, 0)}
    with pytest.raises(EstimationError, match="Overall response"):
        trials(none, none, measures="  measures: [OR]\n")


def test_a_pair_that_is_dropped_is_named_and_not_counted(golden_review: Path) -> None:
    found = trials({"cr": (0, 0)}, {"cr": (6, 2)}, {"cr": (9, 3)})
    contrast, fit = by_measure(found, "cr")["OR"]
    assert [pair.study for pair in contrast.used(fit)] == ["trial-b", "trial-c"]
    assert fit.dropped == (0,)
    assert by_measure(found, "cr")["RD"][1].dropped == ()
    out = [e for e in found.excluded if e.kind == "no-information"]
    assert {(e.outcome, e.study, e.cohort) for e in out} == {
        ("cr", "trial-a", "car-t"), ("cr", "trial-a", "standard")
    }  # fmt: skip
    assert all("no event in either arm" in e.reason for e in out)
    assert all("OR and RR" in e.reason for e in out)
    assert any("no event in either arm" in group.reason for group in left_out.of_run(found))


def test_so_it_is_in_the_tables(cli: Any, golden_review: Path) -> None:
    trials({"cr": (0, 0)}, {"cr": (60, 30)}, {"cr": (9, 3)}, {"cr": (9, 4)})
    assert cli("pool", "configs/two.yaml", "--jobs", "1").code == 0
    folder = Path("outputs/two")
    with (folder / "pooled.csv").open(newline="") as file:
        rows = {r["measure"]: r for r in csv.DictReader(file) if r["outcome"] == "cr"}
    assert (rows["OR"]["k"], rows["OR"]["events"], rows["OR"]["patients"]) == ("2", "25", "180")
    assert (rows["RR"]["k"], rows["RR"]["events"], rows["RR"]["patients"]) == ("3", "115", "270")
    assert (rows["RD"]["k"], rows["RD"]["events"], rows["RD"]["patients"]) == ("4", "115", "360")
    with (folder / "excluded.csv").open(newline="") as file:
        kinds = [(r["study"], r["reason"]) for r in csv.DictReader(file)]
    assert ("trial-b", "every patient has the event in both arms: not in the OR") in kinds
    svg = (folder / "contrast_cr_or.svg").read_text()
    assert ">120<" in svg  # the treated of the two trials that are pooled
    assert ">240<" not in svg


def test_a_drop_in_iv_and_its_place_in_the_whole_list() -> None:
    """A study without an effect (nothing added to empty cells) has its place in all studies."""
    fit = pool_two_arm([0, 5, 0, 7], [20] * 4, [0, 3, 4, 2], [20] * 4, to="none", measure="OR")
    assert fit.dropped == (0, 2)
    assert fit.weights[0] == fit.weights[2] == 0.0


def test_what_cannot_be_estimated_counts_no_study(cli: Any, golden_review: Path) -> None:
    trials({"cr": (0, 0)}, {"cr": (0, 0)})
    assert cli("pool", "configs/two.yaml", "--jobs", "1").code == 0
    with Path("outputs/two/pooled.csv").open(newline="") as file:
        rows = {r["measure"]: r for r in csv.DictReader(file) if r["outcome"] == "cr"}
    assert (rows["OR"]["k"], rows["OR"]["events"], rows["OR"]["patients"]) == ("0", "0", "0")
    assert "OR by REML, HK" in Path("outputs/two/reproduce.R").read_text()
    path = Path("configs/two.yaml")
    path.write_text(path.read_text() + "  measures: [OR, RR]\n")
    said = cli("explain", "cr", "--config", path).out
    assert "no effect" not in said
    assert "no estimable effect" in said


def test_a_run_says_whatever_it_lacks_altogether(cli: Any, golden_review: Path) -> None:
    """Outcomes without a pool, and cohorts that are named and report nothing, after a run."""
    path = Path("configs/lacking.yaml")
    path.write_text(
        "name: lacking\ntitle: L\noutcomes: [orr, scr]\n"
        "include: {cohorts: [gamma-3/car-t]}\nsensitivity: {evidence: false}\n"
    )
    ran = cli("pool", path, "--jobs", "1")
    assert ran.code == 0
    assert "no cohort could be pooled" in ran.err + ran.out
