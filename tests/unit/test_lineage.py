from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carmeta.domain.record import StudyRecord
from carmeta.errors import DataError
from carmeta.lineage import Lineage, alternatives, select_disjoint


def study(name, **cohorts):
    """A record with cohorts that hold nothing but their lineage; `_` in names stands for `-`."""
    return StudyRecord.model_validate(
        {
            "id": name,
            "label": name,
            "trial": {"design": "single-arm"},
            "reports": ["report"],
            "cohorts": [
                {"id": c.replace("_", "-"), "label": c, "role": "car-t", "lineage": lineage}
                for c, lineage in cohorts.items()
            ],
        }
    )


def build(*studies):
    return Lineage.build(studies)


def test_two_cohorts_of_one_study_overlap_unless_declared_disjoint():
    lineage = build(study("s", a={}, b={}, c={"disjoint_from": ["b"]}))
    assert lineage.overlap("s/a", "s/b") == (
        "both are cohorts of s and nothing declares them disjoint"
    )
    assert lineage.overlap("s/b", "s/c") is None
    assert lineage.overlap("s/c", "s/b") is None
    assert lineage.overlap("s/a", "s/a") == "the same cohort"


def test_cohorts_of_different_studies_are_disjoint_unless_declared():
    lineage = build(study("s", a={}), study("t", a={}))
    assert lineage.overlap("s/a", "t/a") is None
    assert not lineage.disjoint("s/a", "t/a")  # nothing declares it


def test_parts_of_a_partition_are_disjoint_also_further_down():
    lineage = build(
        study(
            "s",
            total={"partitions": [["p", "q"]]},
            p={"partitions": [["p1", "p2"]]},
            p1={},
            p2={},
            q={"partitions": [["q1"]]},
            q1={},
        )
    )
    assert lineage.overlap("s/p", "s/q") is None
    assert lineage.overlap("s/p1", "s/p2") is None
    assert lineage.overlap("s/p1", "s/q1") is None
    assert lineage.overlap("s/p1", "s/total") == "s/p1 is part of s/p, which is part of s/total"
    assert lineage.wholes("s/p1") == {"s/p", "s/total"}
    assert lineage.parts("s/total") == {"s/p", "s/p1", "s/p2", "s/q", "s/q1"}


def test_two_ways_of_splitting_a_cohort_cross():
    lineage = build(
        study("s", total={"partitions": [["p", "q"], ["x", "y"]]}, p={}, q={}, x={}, y={})
    )
    assert lineage.overlap("s/p", "s/x") is not None
    assert lineage.overlap("s/x", "s/y") is None


def test_a_later_report_holds_the_earlier_one_and_its_parts():
    lineage = build(
        study("old", total={"partitions": [["low", "high"]]}, low={}, high={}),
        study("new", total={"updates": ["old/total"]}),
    )
    assert lineage.overlap("old/high", "new/total") == (
        "old/high is part of old/total, which is an earlier report of new/total"
    )


def test_parts_of_the_new_and_the_old_report_may_share_patients():
    lineage = build(
        study("old", total={}, low={"part_of": ["total"]}),
        study("new", total={"updates": ["old/total"]}, low={"part_of": ["total"]}),
    )
    assert lineage.overlap("old/low", "new/low") == (
        "both are part of new/total and nothing declares them disjoint"
    )


def test_sharing_passes_to_parts_and_wholes_but_not_to_a_disjoint_part():
    lineage = build(
        study("x", total={"partitions": [["p", "q"]]}, p={}, q={}, r={"part_of": ["p"]}),
        study("y", all={"shares_patients_with": ["x/q"]}),
        study("z", all={"shares_patients_with": ["x/total"]}),
    )
    assert lineage.overlap("y/all", "x/q") == "y/all is declared to share patients with x/q"
    assert "x/q is declared to share" in lineage.overlap("x/total", "y/all")
    assert lineage.overlap("x/p", "y/all") is None
    assert lineage.overlap("x/r", "y/all") is None
    assert lineage.overlap("x/r", "z/all") == (
        "x/r may share patients with z/all: x/total is declared to share patients with z/all"
    )
    assert lineage.overlap("y/all", "z/all") is None  # sharing is not passed on


def test_what_holds_a_part_may_share_what_the_part_may():
    lineage = build(
        study("x", total={}, p={"part_of": ["total"]}),
        study("y", all={"shares_patients_with": ["x/total"]}),
        study("z", later={"updates": ["x/p"]}),
    )
    assert lineage.overlap("x/p", "y/all") is not None
    assert "x/total" in lineage.overlap("z/later", "y/all")


def test_covering_parts_are_subsets_and_may_overlap():
    lineage = build(study("s", total={"covered_by": [["p", "q"]]}, p={}, q={}))
    assert lineage.overlap("s/p", "s/total") == "s/p is part of s/total"
    assert lineage.overlap("s/p", "s/q") is not None
    ((parts, disjoint),) = [(c.parts, c.disjoint) for c in lineage.covers("s/total")]
    assert (parts, disjoint) == (("s/p", "s/q"), False)


def test_updaters_are_followed_from_report_to_report():
    lineage = build(study("s", a={}, b={"updates": ["a"]}, c={"updates": ["b"]}, d={}))
    assert lineage.updaters("s/a") == {"s/b", "s/c"}
    assert lineage.updaters("s/c") == set()


def test_an_undeclared_cohort_shares_what_its_study_shares():
    lineage = build(study("x", total={}, loose={}), study("y", all={"updates": ["x/total"]}))
    assert lineage.overlap("x/loose", "y/all") is not None


def test_cohorts_that_hold_the_same_third_overlap():
    lineage = build(
        study("x", a={}), study("y", b={"updates": ["x/a"]}), study("z", c={"updates": ["x/a"]})
    )
    assert lineage.overlap("y/b", "z/c") == "both hold the patients of x/a"


def test_disjointness_across_studies_wins_over_a_common_whole():
    lineage = build(
        study("trial", all={}),
        study("x", a={"part_of": ["trial/all"], "disjoint_from": ["y/b"]}),
        study("y", b={"part_of": ["trial/all"]}),
    )
    assert lineage.overlap("x/a", "y/b") is None


def test_problems_are_reported():
    lineage = build(
        study(
            "s",
            a={"part_of": ["nowhere"]},
            b={"updates": ["other/gone"]},
            c={"part_of": ["c"]},
            d={"part_of": ["e"]},
            e={"part_of": ["d"]},
            f={"part_of": ["g", "h"]},
            g={"disjoint_from": ["h"], "shares_patients_with": ["h"]},
            h={},
        )
    )
    found = {(problem.kind, problem.cohort) for problem in lineage.problems}
    assert found == {
        ("unknown", "s/a"),
        ("unknown", "s/b"),
        ("self", "s/c"),
        ("cycle", "s/d"),
        ("contradiction", "s/f"),
        ("contradiction", "s/g"),
    }
    assert "s/nowhere, which no record has" in lineage.problems[0].message


def test_a_clean_lineage_has_no_problems():
    assert build(study("s", total={"partitions": [["p", "q"]]}, p={}, q={})).problems == ()


def test_unknown_cohorts_raise():
    with pytest.raises(KeyError):
        build(study("s", a={})).overlap("s/a", "s/b")


def test_selection_takes_the_heaviest_set_and_says_why_it_drops():
    lineage = build(
        study("old", total={"partitions": [["low", "high"]]}, low={}, high={}),
        study("new", total={"updates": ["old/total"]}),
        study("other", all={}),
    )
    weights = {"old/low": 20, "old/high": 13, "new/total": 30, "other/all": 5}
    selection = select_disjoint(weights, lineage)
    assert selection.kept == ("old/high", "old/low", "other/all")
    assert selection.weight == 38
    assert selection.dropped["new/total"].blocker == "old/low"
    weights["new/total"] = 34
    selection = select_disjoint(weights, lineage)
    assert selection.kept == ("new/total", "other/all")
    assert set(selection.dropped) == {"old/low", "old/high"}
    assert selection.dropped["old/low"].reason.endswith("earlier report of new/total")


def test_ties_go_to_patients_then_preference_then_fewer_cohorts_then_keys():
    lineage = build(
        study("s", total={"partitions": [["p", "q"]]}, p={}, q={}, b={"disjoint_from": []})
    )
    weights = {"s/total": 3, "s/p": 1, "s/q": 2}
    assert select_disjoint(weights, lineage).kept == ("s/total",)
    rank = {"s/total": 5.0, "s/p": 1.0, "s/q": 1.0}
    assert select_disjoint(weights, lineage, prefer=rank.__getitem__).kept == ("s/p", "s/q")
    patients = {"s/total": 9, "s/p": 4, "s/q": 4}
    chosen = select_disjoint(weights, lineage, prefer=rank.__getitem__, patients=patients)
    assert chosen.kept == ("s/total",)
    assert select_disjoint({"s/total": 1, "s/b": 1}, lineage).kept == ("s/b",)


@pytest.mark.parametrize("weight", [0, -1, float("nan"), float("inf")])
def test_weights_must_be_positive(weight):
    with pytest.raises(DataError, match="above zero"):
        select_disjoint({"s/a": weight}, build(study("s", a={})))


def test_alternatives_are_all_other_maximal_sets():
    lineage = build(
        study("s", total={"partitions": [["p", "q"], ["x", "y"]]}, p={}, q={}, x={}, y={}),
        study("t", all={}),
    )
    weights = {"s/total": 10, "s/p": 4, "s/q": 5, "s/x": 1, "s/y": 2, "t/all": 7}
    chosen = select_disjoint(weights, lineage)
    assert chosen.kept == ("s/total", "t/all")
    others = alternatives(weights, lineage, chosen)
    assert others.complete
    assert [other.kept for other in others.sets] == [("s/p", "s/q"), ("s/x", "s/y")]
    assert [other.selection.weight for other in others.sets] == [16, 10]
    assert others.sets[0].selection.kept == ("s/p", "s/q", "t/all")
    assert others.sets[0].group == ("s/p", "s/q", "s/total", "s/x", "s/y")
    assert others.sets[0].selection.dropped["s/total"].blocker == "s/q"
    few = alternatives(weights, lineage, chosen, limit=1)
    assert (len(few.sets), few.complete) == (1, False)


@st.composite
def random_reviews(draw):
    """Two to three studies with random declared relations, and weights."""
    studies, keys = [], []
    for s in range(draw(st.integers(1, 3))):
        cohorts = {}
        for c in range(draw(st.integers(1, 4))):
            lineage = {}
            if keys and draw(st.booleans()):
                relation = draw(
                    st.sampled_from(["part_of", "updates", "shares_patients_with", "disjoint_from"])
                )
                lineage[relation] = [draw(st.sampled_from(keys))]
            cohorts[f"c{c}"] = lineage
            keys.append(f"s{s}/c{c}")
        studies.append(study(f"s{s}", **cohorts))
    weights = {key: draw(st.integers(1, 9)) for key in keys}
    return build(*studies), weights


@given(random_reviews())
def test_selection_equals_a_search_of_every_subset(review):
    lineage, weights = review
    free = [
        subset
        for size in range(len(weights) + 1)
        for subset in combinations(sorted(weights), size)
        if all(lineage.overlap(a, b) is None for a, b in combinations(subset, 2))
    ]
    best = max(sum(weights[key] for key in subset) for subset in free)
    fewest = min(len(s) for s in free if sum(weights[key] for key in s) == best)
    first = min(s for s in free if sum(weights[key] for key in s) == best and len(s) == fewest)
    chosen = select_disjoint(weights, lineage)
    assert (chosen.weight, chosen.kept) == (best, first)
    assert set(chosen.kept) | set(chosen.dropped) == set(weights)
    for key, drop in chosen.dropped.items():
        assert drop.blocker in chosen.kept
        assert lineage.overlap(key, drop.blocker) == drop.reason


@given(random_reviews())
def test_overlap_is_symmetric_and_alternatives_are_maximal(review):
    lineage, weights = review
    for a, b in combinations(weights, 2):
        assert (lineage.overlap(a, b) is None) == (lineage.overlap(b, a) is None)
    chosen = select_disjoint(weights, lineage)
    others = alternatives(weights, lineage, chosen)
    seen = {other.selection.kept for other in others.sets}
    assert chosen.kept not in seen
    assert len(seen) == len(others.sets)
    for kept in seen:
        assert all(lineage.overlap(a, b) is None for a, b in combinations(kept, 2))
        for key in set(weights) - set(kept):
            assert any(lineage.overlap(key, other) for other in kept)


def test_a_circle_is_told_in_the_words_declared():
    (problem,) = build(study("s", a={"updates": ["b"]}, b={"updates": ["a"]})).problems
    assert problem.message == (
        "s/a is an earlier report of s/b, and s/b is an earlier report of s/a"
    )
