from __future__ import annotations

import pytest

AT = [{"table": "1"}]


def rows(*patients):
    """(site, response, CRS grade, attributes) for each patient."""
    return {
        "at": AT,
        "population": "infused",
        "graded": {"crs": {"scale": "cartox"}},
        "rows": [
            {"id": f"P{i}", "site": site, "response": response, "attributes": attributes,
             "grades": {} if grade is None else {"crs": grade}}
            for i, (site, response, grade, attributes) in enumerate(patients, 1)
        ],
    }  # fmt: skip


FIVE = rows(
    ("A", ["sCR"], 1, {"lines": 3, "emd": False, "dose": "0.5"}),
    ("A", ["VGPR"], 3, {"lines": 5, "emd": True, "dose": "0.7"}),
    ("A", ["NR"], 2, {"lines": 4, "emd": False, "dose": "1.5"}),
    ("B", ["sCR", "VGPR"], 5, {"lines": 6, "emd": True, "dose": "0.2"}),
    ("B", ["PR"], 0, {"lines": 2, "emd": False, "dose": "0.9"}),
)


def found(make, n=5, patients=FIVE, where=None, **fields):
    cohort = make.cohort(n=n, patients={"where": where or {}}, **fields)
    return make.run(make.study(cohort, patients=patients))


def test_numbers_that_agree_with_the_patients(make):
    fields = {
        "proportions": [make.proportion(count=4), make.proportion("cr", count=1)],
        "response": [make.response({"sCR": 1, "VGPR": 2, "PR": 1, "NR": 1})],
        "toxicity": [
            make.toxicity("crs", {"any": 4, "1-2": 2, ">=3": 2}, scale="cartox"),
            make.toxicity("crs", {"any": 1}, scale="astct", at={"section": "x"}),
        ],
        "characteristics": [
            make.trait("emd", count=2, percent="40"),
            make.trait("lines", label="Lines (median)", value="4", range="2-6"),
            make.trait("dose", label="Dose (mean)", value="0.76", range="0.2-1.5"),
            make.trait("heavily", count=4, patients={"where": {"lines": ">=3"}}),
        ],
    }
    codes = {one.code for one in found(make, **fields)}
    assert codes == {"GRD004", "GRD005", "SRC001"}  # the second scale and its number


def test_an_open_response_allows_both_readings(make):
    for count, codes in ((0, ["PAT001"]), (1, []), (2, []), (3, ["PAT001"])):
        cohort = {"proportions": [make.proportion("cr", count=count)]}
        assert [one.code for one in found(make, **cohort)] == codes


@pytest.mark.parametrize(
    "trait",
    [
        {"name": "emd", "count": 3},
        {"name": "heavily", "count": 3, "patients": {"where": {"lines": ">=3"}}},
        {"name": "few", "count": 0, "patients": {"where": {"lines": "<3", "site": "B"}}},
        {"name": "severe", "count": 1, "patients": {"where": {"crs": ">=3"}}},
        {"name": "low-dose", "count": 1, "patients": {"where": {"dose": "<= 0.5"}}},
        {"name": "lines", "value": "5", "label": "Lines (median)"},
        {"name": "lines", "range": "3-6"},
        {"name": "dose", "range": "0.2-1.4"},
    ],
)
def test_characteristics_that_differ_from_the_patients(make, trait):
    one, *rest = found(make, characteristics=[{"at": {"section": "x"}} | trait])
    assert not rest
    assert (one.code, one.subject) == ("PAT001", trait["name"])
    assert one.printed[-1] == "paper, Table 1: individual patients"


def test_the_patients_meant_are_named(make):
    trait = make.trait("heavily", count=3, patients={"where": {"lines": ">=5"}})
    (one,) = found(make, characteristics=[trait])
    assert one.message == "2 of the patients listed (P2, P4), printed 3"


def test_numbers_that_differ_from_the_patients(make):
    fields = {
        "response": [make.response({"sCR": 3, "PR": 1, "NR": 1})],
        "toxicity": [
            make.toxicity("crs", {">=3": 3}, scale="cartox"),
            make.toxicity(
                "adverse-event", {"any": 1}, term="Severe", patients={"where": {"crs": ">2"}}
            ),
        ],
    }
    assert [one.subject for one in found(make, **fields)] == [
        "Severe any grade", "crs_ge3", "response sCR",
    ]  # fmt: skip


def test_number_of_patients(make):
    (one,) = found(make, n=6)
    assert (one.code, one.subject) == ("PAT001", "n")


def test_patients_without_response_are_not_counted(make):
    patients = rows(("A", None, 1, {}), ("A", ["PR"], None, {}))
    fields = {
        "proportions": [make.proportion(count=2)],
        "toxicity": [make.toxicity("crs", {"any": 0}, scale="cartox")],
    }
    assert found(make, n=2, patients=patients, **fields) == ()


def test_two_patients_alike(make):
    same = ("A", ["PR"], 1, {"a": 1, "b": 2, "c": 3})
    codes = [one.code for one in found(make, n=2, patients=rows(same, same))]
    assert codes == ["PAT002"]
    other = ("A", ["PR"], 1, {"a": 1, "b": 2, "c": 4})
    assert found(make, n=2, patients=rows(same, other)) == ()


def test_parts_split_the_patients(make):
    def of(first, second):
        whole = make.cohort("all", 5, patients={"where": {}}, lineage={"partitions": [["p", "q"]]})
        p = make.cohort("p", None, patients={"where": first})
        q = make.cohort("q", None, patients={"where": second})
        return [(one.code, one.subject) for one in make.run(make.study(whole, p, q, patients=FIVE))]

    assert of({"site": "A"}, {"site": "B"}) == []
    assert of({"site": "A"}, {"site": "B", "emd": True}) == [("PAT003", "P5")]
    assert of({"site": "A"}, {"emd": True}) == [("PAT003", "P2"), ("PAT003", "P5")]
