"""A cell is divided by its own denominator, and counts of different ones are not added (#8.1)."""

import pytest

from tests.unit.harmonise.make import AT, cohort, one, rate, run, study


def grades(counting="maximum-grade", **table):
    printed = {
        "any": table.pop("any_", None),
        **{k.replace("ge", ">="): v for k, v in table.items()},
    }
    return [
        {
            "event": "crs",
            "population": "infused",
            "counting": counting,
            "grades": {k: v for k, v in printed.items() if v is not None},
            "at": AT,
        }
    ]


def test_each_grade_has_its_own_denominator():
    table = grades(any_={"percent": "50", "of": 10}, ge3={"percent": "50", "of": 20})
    found = run(study(cohort(n=None, toxicity=table)), outcomes=("crs_any", "crs_ge3"))
    assert {c.outcome: (c.xi, c.ni) for c in found.counts} == {
        "crs_any": (5, 10),
        "crs_ge3": (10, 20),
    }


def test_a_category_has_its_own_denominator():
    table = [
        {
            "population": "infused",
            "at": AT,
            "categories": {"sCR": {"count": 5, "of": 18}, "PD": {"count": 2}},
        }
    ]
    found = run(study(cohort(response=table)), outcomes=("scr",))
    assert (one(found, "scr").xi, one(found, "scr").ni) == (5, 18)


def test_categories_of_different_denominators_are_not_added():
    categories = {"CR": {"count": 5, "of": 18}, "PR": {"count": 3}}
    table = [{"population": "infused", "at": AT, "categories": categories}]
    found = run(study(cohort(response=table)))
    assert found.counts == ()
    (out,) = found.excluded
    assert out.kind == "denominators"
    assert "CR of 18" in out.reason
    assert "PR of 20" in out.reason


def test_grade_columns_of_different_denominators_are_neither_added_nor_subtracted():
    for table in (
        grades(**{"3-4": {"count": 2, "of": 18}, "5": {"count": 1}}),
        grades(any_={"count": 12}, **{"1-2": {"count": 9, "of": 18}}),
    ):
        found = run(study(cohort(toxicity=table)), outcomes=("crs_ge3",))
        assert found.counts == ()
        (out,) = found.excluded
        assert out.kind == "denominators"


def test_grade_columns_of_one_denominator_of_their_own_are_added():
    table = grades(**{"3-4": {"count": 2, "of": 18}, "5": {"count": 1, "of": 18}})
    count = one(run(study(cohort(toxicity=table)), outcomes=("crs_ge3",)), "crs_ge3")
    assert (count.xi, count.ni) == (3, 18)


def test_mixed_denominators_are_said_also_where_another_reading_is_used():
    categories = {"CR": {"count": 5, "of": 18}, "PR": {"count": 3}}
    both = cohort(
        response=[{"population": "infused", "at": AT, "categories": categories}],
        proportions=[rate(count=9)],
    )
    found = run(study(both))
    assert one(found, "orr").xi == 9
    assert any("different denominators" in text for d in found.decisions for text in d.inputs)


@pytest.mark.parametrize("printed", [{"count": 4}, {"percent": "50"}])
def test_a_count_without_denominator_is_no_count(printed):
    found = run(study(cohort(n=None, proportions=[rate(**printed)])))
    assert found.counts == ()
    (out,) = found.excluded
    assert (out.kind, out.path) == ("no-denominator", ("cohorts", 0, "proportions", 0))
