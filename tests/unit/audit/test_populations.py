from __future__ import annotations

import pytest

AT = {"section": "Results"}


def sizes(**n):
    return {name: {"n": size, "at": AT} for name, size in n.items()}


def test_count_above_its_denominator(make):
    for fields in ({"count": 51}, {"count": 9, "of": 8, "population": "evaluable"}):
        cohort = make.cohort(proportions=[make.proportion(**fields)])
        assert make.codes(make.study(cohort)) == ["POP001"]


def test_denominator_of_another_population(make):
    populations = sizes(itt=254, treated=250, infused=225)
    cohort = make.cohort(
        populations=populations, proportions=[make.proportion(count=181, of=254, population="itt")]
    )
    assert make.codes(make.study(cohort)) == []
    cohort["proportions"][0]["population"] = "infused"
    found = make.run(make.study(cohort))
    assert [one.code for one in found] == ["POP002"]
    assert found[0].message == (
        "divided by 254, but the population infused has 225; 254 is the population "
        "intention to treat"
    )


def test_who_is_evaluable_differs_by_outcome(make, clean, only):
    for of in (16, 50):
        cell = make.proportion(count=10, of=of, population="evaluable")
        assert clean(proportions=[cell])
    cell = make.proportion(count=10, of=51, population="evaluable")
    assert only(proportions=[cell]).code == "POP002"


def test_a_characteristic_may_be_a_share_of_the_whole(make):
    whole = make.cohort("all", 79)
    part = make.cohort(
        "part", 20, lineage={"part_of": ["all"]},
        characteristics=[make.trait("share", count=20, of=79, percent="25.3")],
    )  # fmt: skip
    assert make.codes(make.study(whole, part)) == []
    part["characteristics"][0] |= {"of": 80, "percent": "25.0"}
    assert make.codes(make.study(whole, part)) == ["POP002"]


def test_the_heading_of_a_column_names_the_patients(make, only, clean):
    for column in ("Total (N = 50)", "Total (N=50)", "Total"):
        assert clean(proportions=[make.proportion(count=5, at={"table": "2", "column": column})])
    found = only(proportions=[make.proportion(count=5, at={"column": "Total (N = 54)"})])
    assert found.code == "POP005"
    assert found.message == "the heading gives 54 patients, the population infused has 50"
    trait = make.trait("male", count=5, of=49, at={"row": "Male (n=50)"})
    assert only(characteristics=[trait]).code == "POP005"


@pytest.mark.parametrize(
    ("small", "large"),
    [
        ("infused", "treated"),
        ("infused", "itt"),
        ("treated", "itt"),
        ("safety", "enrolled"),
        ("evaluable", "infused"),
    ],
)
def test_populations_nest(make, small, large):
    right = make.cohort(populations=sizes(**{small: 30, large: 30}))
    assert make.codes(make.study(right)) == []
    wrong = make.cohort(populations=sizes(**{small: 31, large: 30}))
    assert make.codes(make.study(wrong)) == ["POP003"]


def nested(make, part, whole, n=(10, 30), relation="part_of"):
    small = make.cohort("part", n[0], proportions=[make.proportion(count=part)])
    large = make.cohort("whole", n[1], proportions=[make.proportion(count=whole)])
    if relation == "part_of":
        small["lineage"] = {"part_of": ["whole"]}
    else:
        large["lineage"] = {"updates": ["part"]}
    return [one.code for one in make.run(make.study(small, large))]


def test_a_part_within_its_whole(make):
    assert nested(make, 5, 20) == []
    assert nested(make, 9, 8) == ["LIN003"]  # more responders than the whole
    assert nested(make, 0, 21) == ["LIN003"]  # 10 non-responders, the whole has 9
    assert nested(make, 5, 20, n=(31, 30)) == ["LIN003", "LIN003"]  # size, and the rest


def test_a_later_report_may_have_deeper_responses(make):
    assert nested(make, 0, 21, relation="updates") == []
    assert nested(make, 9, 8, relation="updates") == ["LIN003"]


def test_a_later_report_of_fewer_patients_is_told_as_such(make):
    def run(population, early, late):
        first = make.cohort("early", None, populations=sizes(**{population: early}))
        then = make.cohort(
            "late", None, populations=sizes(**{population: late}), lineage={"updates": ["early"]}
        )
        return make.run(make.study(first, then))

    (found,) = run("infused", 30, 25)
    assert (found.code, found.cohort) == ("LIN003", "early")
    assert found.message == "30 patients (infused), in the later report s/late 25"
    # Who is evaluable is another matter at each report.
    assert run("evaluable", 30, 25) == ()
