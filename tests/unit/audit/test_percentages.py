from __future__ import annotations

import pytest
from pydantic import ValidationError


@pytest.mark.parametrize(
    ("count", "percent", "n"),
    [(28, "85", 33), (1, "12", 8), (1, "13", 8), (93, "73", 128), (1, "<1", 254), (0, "0", 30)],
)
def test_a_percentage_that_fits_its_count_is_no_finding(make, clean, count, percent, n):
    assert clean(n=n, proportions=[make.proportion(count=count, percent=percent)])


def test_count_and_percentage_that_disagree(make, only):
    found = only(n=254, proportions=[make.proportion(count=181, percent="81")])
    assert (found.code, found.severity) == ("GRM001", "error")
    assert (found.study, found.cohort, found.subject) == ("s", "all", "orr")
    assert "181 of 254 is 71.260%, printed as 81%" in found.message
    assert "81% of 254 would be 205, 206 or 207" in found.message
    assert "181 is 81% of 223 or 224" in found.message
    assert found.printed == ("paper, Results: 181 (81%)",)


def test_impossible_percentage(make, only):
    found = only(n=8, proportions=[make.proportion(percent="20")])
    assert found.code == "GRM002"
    assert found.message == ("no number of 8 patients is 20%: 1 is 12.50%, 2 is 25.00%")


def test_impossible_percentages_in_tables(make):
    cohort = make.cohort(
        n=8,
        response=[make.response({"CR": {"percent": "20"}})],
        toxicity=[
            make.toxicity("crs", {">=3": {"percent": "50", "of": 7}}, population="evaluable")
        ],
    )
    found = make.run(make.study(cohort))
    assert [(one.code, one.path[-1]) for one in found] == [("GRM002", ">=3"), ("GRM002", "CR")]


def test_a_percentage_above_one_hundred_is_no_record(make, only):
    with pytest.raises(ValidationError, match="less than or equal to 100"):
        only(n=8, proportions=[make.proportion(percent="110")])


@pytest.mark.parametrize("cell", [{"percent": "7"}, {"percent": "7", "count": 4}])
def test_double_rounding_is_for_information(make, only, cell):
    found = only(n=62, proportions=[make.proportion(**cell)])
    assert (found.code, found.severity) == ("GRM003", "info")
    assert "6.452%" in found.message


@pytest.mark.parametrize("cell", [{"percent": "16.4"}, {"percent": "16.4", "count": 13}])
def test_truncation(make, only, cell):
    found = only(n=79, proportions=[make.proportion(**cell)])
    assert (found.code, found.severity) == ("GRM004", "warning")


def test_a_column_of_percentages_of_too_few_patients(make):
    cohort = make.cohort(
        n=8,
        proportions=[
            make.proportion(percent="20"),
            make.proportion("cr", percent="0"),
            make.proportion("crs_any", percent="40"),
        ],
    )
    found = make.run(make.study(cohort))
    assert [one.code for one in found] == ["GRM002", "GRM002", "GRM005"]
    assert found[-1].message == (
        "20%, 0%, 40% cannot all be of 8 patients; they fit 5, 10, 15 or 20 patients"
    )
    assert len(found[-1].printed) == 3


def test_the_denominator_can_follow_from_a_partition(make):
    whole = make.cohort("all", 24, lineage={"partitions": [["high", "low"]]})
    low = make.cohort("low", None, proportions=[make.proportion(percent="20")])
    found = make.run(make.study(whole, make.cohort("high", 16), low))
    assert [one.code for one in found] == ["GRM002", "POP004"]
    assert "8 patients (24 less 16)" in found[0].message


def test_the_total_can_follow_from_its_parts(make):
    whole = make.cohort(
        "all", None, lineage={"partitions": [["a", "b"]]},
        proportions=[make.proportion(percent="21")],
    )  # fmt: skip
    assert make.codes(make.study(whole, make.cohort("a", 6), make.cohort("b", 22))) == []
    whole["proportions"] = [make.proportion(percent="20")]
    assert make.codes(make.study(whole, make.cohort("a", 6), make.cohort("b", 22))) == ["GRM002"]


def test_several_counts_fit_unless_another_place_gives_the_count(make, only, clean):
    percent = make.proportion(percent="73")
    assert only(n=128, proportions=[percent]).code == "GRM006"
    table = make.proportion(count=93, percent="73", at={"table": "2"})
    assert clean(n=128, proportions=[percent, table])


def test_one_finding_for_a_percentage_in_two_places(make, only):
    again = make.proportion(percent="73", at={"section": "Abstract"})
    found = only(n=128, proportions=[make.proportion(percent="73"), again])
    assert len(found.printed) == 2


def test_a_characteristic_may_be_of_any_population(make):
    sizes = {"enrolled": {"n": 36, "at": {"section": "x"}}, "infused": {"n": 33, "at": {}}}
    for percent, expected in (("30", []), ("31", ["GRM001"])):
        cohort = make.cohort(
            populations=sizes, characteristics=[make.trait("emd", count=10, percent=percent)]
        )
        assert make.codes(make.study(cohort)) == expected


def test_no_denominator(make):
    cohort = make.cohort(
        n=None,
        proportions=[
            make.proportion(percent="68"),
            make.proportion("cr", percent="29"),
            make.proportion("scr", percent="16"),
        ],
    )
    found = make.run(make.study(cohort))
    assert [(one.code, one.severity, one.subject) for one in found] == [
        ("POP004", "warning", "cr"), ("POP004", "warning", "orr"), ("POP004", "warning", "scr"),
    ]  # fmt: skip
    assert [one.path for one in found] == [("cohorts", 0, "proportions", i) for i in (1, 0, 2)]
    assert found[1].message == (
        "68% of an unknown number of patients (population infused), so not pooled; the smallest "
        "that fit all percentages of that population: 31, 38, 56 or 62"
    )


def test_no_denominator_in_a_table(make):
    cells = {"any": {"percent": "40"}, ">=3": {"percent": "10", "of": 10}}
    cohort = make.cohort(
        n=None,
        response=[make.response({"CR": {"percent": "20"}})],
        toxicity=[make.toxicity("crs", cells), make.toxicity("adverse-event", cells, term="Fever")],
        characteristics=[make.trait("bridging", percent="30")],
        assayed=[
            {"outcome": "mrd_neg", "population": "evaluable", "percent": "75", "assay": "NGS",
             "depth": "1e-5", "among": "all", "at": {"table": "4"}}
        ],
    )  # fmt: skip
    found = make.run(make.study(cohort))
    table = ("cohorts", 0, "toxicity")
    assert [(one.code, one.severity, one.subject, one.path) for one in found] == [
        ("POP004", "warning", "crs_any", (*table, 0, "grades", "any")),
        ("POP004", "warning", "mrd_neg 1e-5 all", ("cohorts", 0, "assayed", 0)),
        ("POP004", "warning", "response CR", ("cohorts", 0, "response", 0, "categories", "CR")),
        ("POP006", "info", "Fever any grade", (*table, 1, "grades", "any")),
        ("POP006", "info", "bridging", ("cohorts", 0, "characteristics", 0)),
    ]


def test_what_a_total_leaves_is_no_denominator(make):
    whole = make.cohort("all", 24, lineage={"partitions": [["high", "low"]]})
    low = make.cohort("low", None, proportions=[make.proportion(percent="25")])
    (found,) = make.run(make.study(whole, make.cohort("high", 16), low))
    assert (found.code, found.cohort) == ("POP004", "low")
    assert "24 less 16 would leave 8" in found.message


def test_nobody_is_no_denominator(make, only):
    found = only(proportions=[make.proportion(count=0, of=0, population="evaluable")])
    assert (found.code, found.severity) == ("POP004", "warning")
    assert found.message == "0 of 0: no patients to divide by, so not pooled"


def rate(value):
    return {
        "endpoint": "os", "statistic": "rate", "value": value, "unit": "percent",
        "at_time": "12 months", "at": {"section": "Results"},
    }  # fmt: skip


def test_a_rate_that_looks_cut_off(only, clean):
    found = only(n=17, times=[rate("82.3")])
    assert (found.code, found.subject) == ("GRM007", "os 12 months")
    assert clean(n=17, times=[rate("82.4")])
    assert clean(n=17, times=[rate("80.1")])  # with censoring anything is possible
    assert clean(n=17, times=[rate("82")])


def test_one_percentage_of_two_denominators_is_held_against_both(make, only):
    cells = [
        make.proportion(percent="35", of=20, population="evaluable"),
        make.proportion(percent="35", of=24, population="evaluable"),
    ]
    found = only(proportions=cells)
    assert (found.code, found.path) == ("GRM002", ("cohorts", 0, "proportions", 1))


def served(make, low, high=None, *, cover="covered_by", n=24, whole=()):
    """A part of unknown size beside one of 16, in a whole."""
    parts = [
        make.cohort("low", None, proportions=[make.proportion(percent=low)]),
        make.cohort("high", 16, proportions=[make.proportion(count=high)] if high else []),
    ]
    union = make.cohort("all", n, lineage={cover: [["low", "high"]]}, proportions=list(whole))
    (found,) = [one for one in make.run(make.study(union, *parts)) if one.code == "POP004"]
    return found.message


def test_nobody_of_a_part_is_said_to_be_in_the_union(make):
    unknown = "0% of an unknown number of patients (population infused)"
    for cover in ("covered_by", "partitions"):
        assert served(make, "0", 2, cover=cover).startswith(
            f"{unknown}: nobody of at most 24, counted in s/all"
        )
    assert served(make, "0").startswith(f"{unknown}, so not pooled")  # the other part is silent
    assert served(make, "0", 2, n=240).startswith(f"{unknown}, so not pooled")  # it may hide one
    own = [make.proportion(count=2)]
    assert served(make, "0", 2, whole=own).startswith(f"{unknown}, so not pooled")
    assert "on its own" not in served(make, "0")
    assert ", so not pooled" in served(make, "20", 2)
