from __future__ import annotations


def subjects(findings):
    return [(one.code, one.cohort, one.subject) for one in findings]


def test_lineage_problems_are_findings(make):
    a = make.cohort("a", lineage={"part_of": ["nowhere"]})
    b = make.cohort("b", lineage={"part_of": ["c"]})
    c = make.cohort("c", lineage={"part_of": ["b"], "disjoint_from": ["a"]})
    found = make.run(make.study(a, b, c))
    assert subjects(found) == [("LIN001", "a", "lineage"), ("LIN002", "b", "lineage")]


def test_undeclared_cohorts(make):
    found = make.run(make.study(make.cohort("a", 5), make.cohort("b", 7)))
    assert [(one.code, one.severity) for one in found] == [("LIN004", "info")]
    assert "a, b" in found[0].message
    related = make.study(make.cohort("a", 5, lineage={"disjoint_from": ["b"]}), make.cohort("b", 7))
    assert make.run(related) == ()


def numbers(make, *counts, percent=None):
    return {
        "proportions": [
            make.proportion(outcome, **({"percent": value} if percent else {"count": value}))
            for outcome, value in zip(("orr", "cr", "crs_any"), counts, strict=True)
        ]
    }


def test_cohorts_with_the_same_numbers(make):
    def of(*counts, **lineage):
        a = make.cohort("a", 50, **numbers(make, 40, 20, 30))
        b = make.cohort("b", 50, lineage=lineage, **numbers(make, *counts))
        return [one.code for one in make.run(make.study(a, b))]

    assert of(40, 20, 30, disjoint_from=["a"]) == ["DUP001"]
    assert of(40, 20, 31, disjoint_from=["a"]) == []
    assert of(40, 20, 30, part_of=["a"]) == []


def test_the_same_cohort_in_two_records(make):
    def record(name, n=50):
        made = make.study(make.cohort("a", n, **numbers(make, 40, 20, 30)), name=name)
        made["trial"] = {"design": "single-arm"}
        return made

    found = make.run(record("s"), record("t"))
    assert subjects(found) == [("DUP001", "a", "t/a")]
    assert found[0].printed == ("s/a and t/a: cr 20, crs_any 30, orr 40",)
    assert make.run(record("s"), record("t", 51)) == ()


def test_numbers_that_anybody_has_do_not_count(make):
    a = make.cohort("a", 8, **numbers(make, 8, 0, 8))
    b = make.cohort("b", 8, lineage={"disjoint_from": ["a"]}, **numbers(make, 8, 0, 8))
    assert make.run(make.study(a, b)) == ()


def test_one_trial_in_two_records(make):
    one, two = make.study(make.cohort("a", 50)), make.study(make.cohort("b", 60), name="t")
    found = make.run(one, two)
    assert subjects(found) == [("DUP002", "", "t")]
    two["cohorts"][0]["lineage"] = {"updates": ["s/a"]}
    assert make.run(one, two) == ()


def test_entry_twice(make):
    at = {"table": "2", "row": "ORR"}
    cell = make.proportion(count=5, at=at)
    found = make.run(make.study(make.cohort(proportions=[cell, cell])))
    assert subjects(found) == [("DUP003", "all", "orr")]
    text = make.proportion(count=5)
    assert make.run(make.study(make.cohort(proportions=[text, cell]))) == ()
