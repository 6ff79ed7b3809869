from __future__ import annotations


def subjects(findings):
    return [(one.code, one.subject) for one in findings]


def test_what_is_not_reported_about_grading(make):
    cohort = make.cohort(
        toxicity=[
            make.toxicity("crs", {"any": 3, "3": 1, "4": 0}, scale="not-reported",
                          window=None, counting="not-reported"),
            make.toxicity("neurotoxicity", {"any": 2}, scale="not-reported", window=None),
        ]
    )  # fmt: skip
    assert subjects(make.run(make.study(cohort))) == [
        ("GRD001", "crs"), ("GRD001", "nt"), ("GRD002", "crs"), ("GRD003", "nt"),
    ]  # fmt: skip


def test_another_place_may_say_it(make):
    text = {"section": "Results"}
    cohort = make.cohort(
        toxicity=[
            make.toxicity("crs", {"any": 3, "3": 1, "4": 0}, scale="not-reported",
                          counting="not-reported"),
            make.toxicity("crs", {">=3": 1}, at=text),
            make.toxicity("neurotoxicity", {"any": 2}, scale="not-reported", window=None),
            make.toxicity("neurotoxicity", {">=3": 1}, at=text),
        ]
    )  # fmt: skip
    assert make.codes(make.study(cohort)) == []


def test_nothing_reported_needs_no_scale(make, clean):
    cells = {"any": {"missing": "not-reported"}}
    assert clean(toxicity=[make.toxicity("neurotoxicity", cells, scale="not-reported")])


def test_adverse_events_need_no_scale(make, clean):
    row = make.toxicity(
        "adverse-event", {"any": 3, "3": 1, "4": 0}, term="Nausea", scale="not-reported",
        counting="not-reported", window=None,
    )  # fmt: skip
    assert clean(toxicity=[row])


def test_two_descriptions_of_one_grading(make, only):
    rows = [
        make.toxicity("crs", {"any": 3}, scale="lee-2014"),
        make.toxicity("crs", {"any": 3}, scale="lee-2014", scale_modified=True, at={}),
    ]
    found = only(toxicity=rows)
    assert (found.code, found.severity) == ("GRD005", "warning")
    assert "by Lee 2014 and by modified Lee 2014" in found.message
    rows = [
        make.toxicity("neurotoxicity", {"any": 3}),
        make.toxicity("neurotoxicity", {"any": 3}, window="28 days", at={}),
    ]
    assert only(toxicity=rows).code == "GRD005"


def test_scales_mixed_across_the_review(make):
    def one(name):
        made = make.study(make.cohort(toxicity=[make.toxicity("crs", {"any": 3})]), name=name)
        made["trial"] = {"design": "single-arm"}
        return made

    a, b = one("a"), one("b")
    assert make.run(a, b) == ()
    b["cohorts"][0]["toxicity"][0]["scale"] = "astct"
    found = make.run(a, b)
    assert subjects(found) == [("GRD004", "crs_any")]
    assert (found[0].study, found[0].severity) == ("", "info")
    assert found[0].printed[0] == "Cytokine release syndrome, any grade, CTCAE: a/all"
    b["cohorts"][0]["role"] = "comparator"  # who is no CAR-T cohort is not pooled with them
    assert make.run(a, b) == ()


def test_number_beside_not_reported(make):
    def of(**fields):
        empty = make.proportion("crs_ge3", missing="not-reported")
        number = make.proportion("crs_ge3", count=3, at={"table": "3"}) | fields
        return make.codes(make.study(make.cohort(proportions=[empty, number])))

    assert of() == ["ZER001"]
    assert of(at={"doc": "other"}) == []  # another document may well report it
    assert of(missing="lost", count=None) == []


def test_a_row_without_a_column_of_its_table(make):
    def of(grades, **fields):
        events = [
            make.toxicity("adverse-event", {"any": 9, "3-4": 3, "5": 0}, term=f"E{i}")
            for i in range(3)
        ]
        row = make.toxicity("crs", grades) | fields
        return subjects(make.run(make.study(make.cohort(toxicity=[*events, row]))))

    assert of({"any": 9, "3-4": 3, "5": 1}) == []
    assert of({"any": 9, "3-4": 3}) == [("ZER002", "crs grade 5")]
    assert of({"any": 9, "3-4": 3, "5": {"missing": "lost"}}) == []
    assert of({"any": 9, "3-4": 3}, at={"section": "Results"}) == []


def test_a_count_without_the_percentage_that_others_have(make, only, clean):
    def rows(last):
        cells = [{"count": 5 * i, "percent": f"{10 * i}"} for i in range(1, 11)]
        return [
            make.toxicity("adverse-event", {"any": cell, "5": 0}, term=f"E{i}")
            for i, cell in enumerate([*cells, last])
        ]

    assert clean(toxicity=rows({"count": 5, "percent": "10"}))
    assert clean(toxicity=rows({"count": 0}))
    found = only(toxicity=rows({"count": 1}))
    assert (found.code, found.subject) == ("ZER003", "E10 any grade")
    assert clean(toxicity=[make.toxicity("crs", {"any": 3, ">=3": 1})])  # none has one
