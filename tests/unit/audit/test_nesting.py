from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("inner", "outer", "x", "y"),
    [("scr", "cr", 7, 6), ("cr", "orr", 30, 29), ("vgpr", "orr", 10, 9), ("scr", "orr", 5, 4)],
)
def test_a_deeper_response_is_not_more_frequent(make, only, clean, inner, outer, x, y):
    wrong = [make.proportion(outer, count=y), make.proportion(inner, count=x)]
    found = only(proportions=wrong)
    assert (found.code, found.subject) == ("NST001", inner)
    assert clean(proportions=[make.proportion(outer, count=x), make.proportion(inner, count=x)])


def test_percentages_nest_by_the_counts_they_allow(make, only, clean):
    # 85% of 33 is 28 and 88% is 29; without denominators a percent is left for rounding.
    wrong = [make.proportion(percent="85"), make.proportion("cr", percent="88")]
    assert only(n=33, proportions=wrong).code == "NST001"
    near = [make.proportion(percent="30.0"), make.proportion("cr", percent="30.5")]
    found = make.run(make.study(make.cohort(n=None, proportions=near)))
    assert [one.code for one in found] == ["POP004", "POP004"]


def test_other_populations_do_not_nest(make):
    cohort = make.cohort(
        proportions=[make.proportion("cr", count=20), make.proportion(count=15, population="itt")]
    )
    assert make.codes(make.study(cohort)) == []


@pytest.mark.parametrize(
    ("grades", "code"),
    [
        ({"any": 25, ">=3": 26}, "NST002"),
        ({"any": 25, "3-4": 9, "3": 10}, "NST002"),
        ({"any": 25, "1-2": 23, "3": 2, ">=4": 1}, "NST003"),  # 26 of 25
        ({"any": 25, "1-2": 15, ">=3": 9}, "NST003"),  # complete, but 24
        ({"any": 9, "3": 5, "4": 5}, "NST003"),
    ],
)
def test_grades_that_cannot_be(make, only, grades, code):
    assert only(toxicity=[make.toxicity("crs", grades)]).code == code


@pytest.mark.parametrize(
    "grades",
    [
        {"any": 25, ">=3": 11, "3-4": 9, "5": 2, "1-2": 14},
        {"any": 25, "3": 2, "4": 0},
        {"1-2": 10, "3": 6, "5": 1},
        {"any": {"percent": "50"}, "1-2": {"percent": "42"}, ">=3": {"percent": "8"}},
        {"any": 25, ">=3": {"missing": "lost"}},
    ],
)
def test_grades_that_can_be(make, clean, grades):
    assert clean(toxicity=[make.toxicity("crs", grades)])


def test_patients_in_several_columns_may_add_to_more(make, clean, only):
    grades = {"any": 48, "3-4": 33, "5": 36}
    assert clean(toxicity=[make.toxicity("crs", grades, counting="any-event")])
    assert only(toxicity=[make.toxicity("crs", grades)]).code == "NST003"


def mrd(**fields):
    base = {
        "outcome": "mrd_neg", "population": "evaluable", "assay": "NGS", "depth": "1e-5",
        "among": "responders", "at": {"section": "Results"},
    }  # fmt: skip
    return base | fields


def test_mrd_at_a_deeper_level(make, clean, only):
    shallow = mrd(count=15, of=16, depth="1e-4")
    assert clean(assayed=[shallow, mrd(count=15, of=16)])
    found = only(assayed=[shallow, mrd(count=16, of=16)])
    assert found.code == "NST004"
    assert clean(assayed=[shallow, mrd(count=16, of=16, assay="flow")])  # another assay
    assert clean(assayed=[mrd(count=11, of=11, depth="0.0007%"), mrd(count=11, of=11)])


def test_mrd_assessed_in_more_patients_than_the_group_has(make, clean, only):
    orr = make.proportion(count=16)
    assert clean(proportions=[orr], assayed=[mrd(count=15, of=16)])
    assert only(proportions=[orr], assayed=[mrd(count=15, of=17)]).code == "NST004"
    cr = make.proportion("cr", count=16)
    assert clean(proportions=[cr], assayed=[mrd(count=15, of=17)])  # responders, not CR
    assert clean(proportions=[orr], assayed=[mrd(count=15, of=17, cites="Later 2021")])
