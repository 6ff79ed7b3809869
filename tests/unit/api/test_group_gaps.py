"""Groups that cannot be pooled, or not be compared, take nothing else with them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from carmeta.api.subgroups import subgroup_counts, subgroup_test, subgroup_two_arm
from carmeta.api.two_arm import pool_two_arm

GROUPS = list("xxyy")
ARMS = ([12, 5, 0, 0], [40, 33, 18, 10], [8, 9, 0, 0], [41, 30, 20, 12])
TWO = "study,events,n,events2,n2,group\n" + "".join(
    f"S{i},{','.join(map(str, row))},{group}\n"
    for i, (*row, group) in enumerate(zip(*ARMS, GROUPS, strict=True))
)
ONE = "study,events,n,group\nA,12,40,x\nB,5,33,y\n"


@pytest.fixture
def table(cli: Any, tmp_path: Path) -> Callable[..., Any]:
    def run(text: str, *options: str) -> Any:
        path = tmp_path / "counts.csv"
        path.write_text(text)
        return cli("pool", "--csv", path, *options)

    return run


@pytest.mark.parametrize("model", ["IV", "MH", "PETO", "GLMM"])
def test_a_group_without_information_is_not_estimable_by_name(model: Any) -> None:
    pools, test = subgroup_two_arm(*ARMS, GROUPS, model=model)
    alone = pool_two_arm(*(column[:2] for column in ARMS), model=model)
    assert repr(pools["x"]) == repr(alone)
    assert pools["y"].k == 0  # no study is pooled
    assert math.isnan(pools["y"].estimate)
    assert math.isnan(pools["y"].back.ci_lb)
    (why,) = pools["y"].fallbacks
    assert why.code == "not-estimable"
    assert "no events in both arms of every study" in why.message
    assert test.name == "none"
    assert any("y" in note.message for note in test.fallbacks)


@pytest.mark.parametrize("model", ["IV", "MH", "PETO", "GLMM"])
def test_the_others_and_the_overall_row_are_shown(table: Any, model: str) -> None:
    ran = table(TWO, "--model", model)
    assert ran.code == 0
    assert [line.split()[0] for line in ran.out.splitlines()] == ["Pool", "x", "y", "all"]
    row = ran.out.splitlines()[2]
    assert row.split()[:2] == ["y", "0"]
    assert "not estimable" in row
    assert "y: no events in both arms of every study" in ran.err
    csv = table(TWO, "--model", model, "--format", "csv").out.splitlines()[2]
    assert csv.startswith("group,y,0,,,")
    result = json.loads(table(TWO, "--model", model, "--json").out)
    assert result["groups"]["y"]["estimate"] is None
    assert result["groups"]["y"]["fallbacks"][0]["code"] == "not-estimable"
    assert result["groups"]["x"]["estimate"] is not None


def test_nothing_at_all_is_still_an_error(table: Any) -> None:
    ran = table(TWO.replace("12,40,8,41", "0,40,0,41").replace("5,33,9,30", "0,33,0,30"))
    assert ran.code == 3
    assert "no events in both arms of every study" in ran.err


@pytest.mark.parametrize("options", [(), ("--model", "GLMM"), ("--method", "EE")])
def test_groups_of_one_study_each_leave_the_overall_row(table: Any, options: Any) -> None:
    ran = table(ONE, *options)
    assert ran.code == 0
    whole = ["all"] if options else ["all", "all"]  # two models, if no option excludes one
    assert [line.split()[0] for line in ran.out.splitlines()] == ["Pool", "x", "y", *whole]
    assert "every level of group has a single study" in ran.err
    assert "needs two studies or more" in ran.err
    alone = table(ONE, "--tau2", "separate").out.splitlines() if not options else None
    assert alone is None or alone[1].split()[:5] == ran.out.splitlines()[1].split()[:5]


def test_single_studies_cannot_be_compared_with_a_common_tau2() -> None:
    x, n = [12, 5, 0, 0], [40, 33, 12, 15]
    pools, test = subgroup_counts(x[:2], n[:2], ["a", "b"])
    assert {name: pooled.method for name, pooled in pools.items()} == {"a": "exact", "b": "exact"}
    assert (test.name, test.tau2) == ("none", "common")
    # a level without events adds nothing that would tell heterogeneity
    pools, test = subgroup_counts(x, n, list("abcc"), model="GLMM")
    assert test.name == "none"
    assert pools["c"].k == 2
    assert "single study" in test.fallbacks[0].message
    pools, test = subgroup_test([0.1, 0.4], [0.02, 0.03], ["a", "b"])
    assert pools["a"].estimate == 0.1
    assert test.name == "none"
