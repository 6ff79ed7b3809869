from __future__ import annotations

import pytest

from carmeta.audit.sources import _same_text

TABLE = {"table": "2", "row": "ORR"}


def two(make, a, b, n=50):
    cohort = make.cohort(n=n, proportions=[make.proportion(**a), make.proportion(**b)])
    return [one.code for one in make.run(make.study(cohort))]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ({"count": 32}, {"count": 32, "at": TABLE}),
        ({"count": 32}, {"percent": "64", "at": TABLE}),
        ({"percent": "64.0"}, {"percent": "64", "at": TABLE}),
    ],
)
def test_two_places_that_agree(make, a, b):
    assert two(make, a, b) == []


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ({"count": 32}, {"count": 22, "at": TABLE}),
        ({"count": 32}, {"percent": "60", "at": TABLE}),
        ({"percent": "64"}, {"percent": "60", "at": TABLE}),
    ],
)
def test_one_document_contradicts_itself(make, a, b):
    assert two(make, a, b) == ["SRC001"]


def test_percentages_without_denominator(make):
    a, b = {"percent": "68"}, {"percent": "69", "at": TABLE}
    assert two(make, a, b, n=None) == ["SRC001", "POP004"]
    assert two(make, a, a | {"at": TABLE, "percent": "68.4"}, n=None) == ["POP004"]


def test_two_documents_disagree(make):
    other = {"doc": "review", "table": "1"}
    assert two(make, {"count": 32}, {"count": 31, "at": other}) == ["SRC002"]
    cited = {"count": 31, "at": TABLE, "cites": "Zhao 2018"}
    assert two(make, {"count": 32}, cited) == ["SRC002"]


def test_rows_of_one_table_are_different_things(make):
    a, b = TABLE | {"row": "dose 1"}, TABLE | {"row": "dose 2"}
    assert two(make, {"count": 3, "at": a}, {"count": 4, "at": b}) == []
    assert two(make, {"count": 3, "at": a}, {"count": 4, "at": a}) == ["SRC001"]


def test_windows_and_populations_are_not_mixed(make, clean):
    early = make.toxicity("adverse-event", {"any": 3}, term="Nausea", window="8 weeks")
    late = make.toxicity(
        "adverse-event", {"any": 5}, term="Nausea", window="6 months", at={"section": "x"}
    )
    assert clean(toxicity=[early, late])


def test_a_proportion_against_the_grade_table(make, only, clean):
    table = make.toxicity("crs", {"any": 25})
    assert clean(toxicity=[table], proportions=[make.proportion("crs_any", count=25)])
    found = only(toxicity=[table], proportions=[make.proportion("crs_any", count=26)])
    assert (found.code, found.subject) == ("SRC001", "crs_any")


def test_the_same_patients_over_two_denominators(make, only, clean):
    traits = [
        make.trait("high-risk", count=64, of=77, percent="83.1"),
        make.trait("high-risk", count=64, of=79, percent="81.0", at={"table": "1"}),
    ]
    found = only(n=79, characteristics=traits)
    assert (found.code, found.subject) == ("SRC006", "high-risk")
    assert len(found.printed) == 2
    traits[1] |= {"of": 77, "percent": "83"}
    assert clean(n=79, characteristics=traits)


def test_characteristics(make, only, clean):
    one = make.trait("age", value="60", range="35-78", at={"table": "1"})
    assert clean(characteristics=[one, make.trait("age", value="60", range="35–78")])
    found = only(characteristics=[one, make.trait("age", value="60", range="37-78")])
    assert (found.code, found.subject) == ("SRC004", "age")
    assert "35-78 in one place, 37-78 in another" in found.message
    count = [make.trait("male", count=20), make.trait("male", count=21, at={"table": "1"})]
    assert only(characteristics=count).code == "SRC004"


def time(value, unit, **fields):
    base = {"endpoint": "efs", "value": value, "unit": unit, "at": {"section": "x"}}
    return base | fields


def test_times_in_different_units(only, clean):
    table = {"table": "2", "row": "PFS"}
    assert clean(times=[time("31", "weeks"), time("7.1", "months", at=table)])
    assert clean(times=[time("10", "months"), time("9.5", "months", at=table)])
    assert only(times=[time("31", "weeks"), time("7.9", "months", at=table)]).code == "SRC005"
    assert only(times=[time("NR", "months"), time("7.9", "months", at=table)]).code == "SRC005"
    rows = [time("9.3", "months", at=table), time("NR", "months", at=table | {"row": "450"})]
    assert clean(times=rows)  # rows of one table
    assert clean(times=[time("65", "days", note="Cohort 1"), time("57", "days", note="Cohort 2")])


def test_statements_across_studies(make):
    def said(value, at):
        return {"subject": "antigen-loss", "value": value, "at": at}

    a = make.study(make.cohort(), name="a", statements=[said("4%", {"section": "x"})])
    b = make.study(make.cohort(), name="b", statements=[said("3", {"doc": "d", "section": "y"})])
    a["trial"] = {"design": "single-arm"}
    found = make.run(a, b)
    assert [(one.code, one.study, one.subject) for one in found] == [
        ("SRC003", "a", "antigen-loss")
    ]
    assert found[0].printed == ("paper, x: 4%", "d, y: 3")
    b["statements"] = [said("4", {"section": "y"})]
    assert make.codes(a, b) == []


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("Phase I", "1", True),
        ("phase II", "1", False),
        ("1/2", "Phase I/II", True),
        ("camel", "Camel ", True),
        ("camel", "llama", False),
        ("70%-97%", "68%", False),
        ("70%–97%", "70", True),
        ("3", "3.4", True),
        ("3", "4", False),
        ("38", "38.0", True),
    ],
)
def test_what_says_the_same(a, b, same):
    assert _same_text(a, b) is same
    assert _same_text(b, a) is same


def test_a_range_over_cohorts(make):
    item = {
        "outcome": "orr", "cohorts": ["a", "t/b"], "lb": "70", "ub": "97", "at": {"table": "3"},
    }  # fmt: skip

    def of(low):
        one = make.study(
            make.cohort("a", None, proportions=[make.proportion(percent=low)]), ranges=[item]
        )
        other = make.study(
            make.cohort("b", None, proportions=[make.proportion(percent="97")]), name="t"
        )
        other["trial"] = {"design": "single-arm"}
        return [one for one in make.run(one, other) if one.code != "POP004"]

    assert of("70") == []
    found = of("68")
    assert [one.code for one in found] == ["SRC007"]
    assert "70% to 97% is printed over cohorts with 68% to 97%" in found[0].message
