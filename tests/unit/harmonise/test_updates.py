"""Reports of one cohort: an update supersedes, dates are those of the reports (#8.2)."""

from __future__ import annotations

import itertools

import pytest

from tests.unit.harmonise.make import AT, cohort, one, rate, run, study, with_orr


def report(name, published=None, year=2020):
    more = {"published": published} if published else {}
    return {"id": name, "authors": "A", "title": "T", "journal": "J", "year": year, **more}


def kept(harmonised, outcome="orr"):
    return sorted(c.cohort for c in harmonised.counts if c.outcome == outcome)


@pytest.mark.parametrize(("old", "new"), [("a", "b"), ("b", "a")])
@pytest.mark.parametrize("sizes", [(33, 33), (33, 20), (20, 33)])
def test_an_update_supersedes_whatever_the_ids_and_sizes(old, new, sizes):
    early = with_orr(old, 10, sizes[0])
    late = with_orr(new, 11, sizes[1], updates=[old])
    for pair in itertools.permutations((early, late)):
        found = run(study(*pair))
        assert kept(found) == [new]
        (out,) = found.excluded
        assert (out.cohort, out.kind, out.by) == (old, "superseded", f"s/{new}")
        assert new in out.reason


def test_an_update_of_an_update_supersedes_both():
    first, second = with_orr("x", 10, 40), with_orr("m", 9, 30, updates=["x"])
    third = with_orr("a", 8, 20, updates=["m"])
    assert kept(run(study(first, second, third))) == ["a"]


def test_where_the_update_gives_no_count_the_earlier_report_enters_by_name():
    early = with_orr("early", 28, 33)
    late = cohort("late", n=None, proportions=[rate(percent="76")], lineage={"updates": ["early"]})
    found = run(study(late, early))
    assert kept(found) == ["early"]
    (said,) = [d for d in found.decisions if d.rule == "earlier-report"]
    assert said.cohort == "early"
    assert "earlier report used" in said.reason
    assert "late" in said.reason
    assert "no denominator" in said.reason


def test_an_update_that_does_not_report_the_outcome_is_named_too():
    early = with_orr("early", 28, 33)
    found = run(study(early, cohort("late", n=62, lineage={"updates": ["early"]})))
    (said,) = [d for d in found.decisions if d.rule == "earlier-report"]
    assert "does not report" in said.reason


def test_parts_of_an_earlier_report_do_not_come_back():
    early = with_orr("early", 28, 33, partitions=[["p", "q"]])
    parts = with_orr("p", 10, 15, part_of=["early"]), with_orr("q", 18, 18, part_of=["early"])
    late = with_orr("late", 9, 12, updates=["early"])
    assert kept(run(study(early, *parts, late))) == ["late"]


def two_reports(first, second, **rates):
    """Two overlapping cohorts, read in two documents; the larger is the first."""
    one = cohort("one", n=40, proportions=[rate(count=20, at={"doc": "p"}, **rates.get("one", {}))])
    two = cohort("two", n=30, proportions=[rate(count=15, at={"doc": "q"}, **rates.get("two", {}))])
    return study(one, two, reports=[first, second])


@pytest.mark.parametrize(
    ("first", "second", "latest", "earliest"),
    [
        ("2021-02", "2021-03-25", "two", "one"),
        ("2022", "2021-12-31", "one", "two"),
        ("2020-12-31", "2021", "two", "one"),
    ],
)
def test_latest_and_earliest_go_by_the_date_of_the_report(first, second, latest, earliest):
    record = two_reports(report("p", first), report("q", second))
    assert kept(run(record, policy="latest")) == [latest]
    assert kept(run(record, policy="earliest")) == [earliest]
    assert kept(run(record)) == ["one"]


@pytest.mark.parametrize(("first", "second"), [("2021", "2021-03"), ("2021-03", "2021-03-25")])
def test_dates_that_do_not_decide_are_said_and_the_most_patients_are_kept(first, second):
    found = run(two_reports(report("p", first), report("q", second)), policy="latest")
    assert kept(found) == ["one"]
    (out,) = found.excluded
    assert first in out.reason
    assert "does not decide" in out.reason or "do not decide" in out.reason
    assert any("do not decide" in d.reason for d in found.decisions if d.action == "dropped")


def test_the_year_stands_in_for_the_date_of_publication():
    record = two_reports(report("p", year=2019), report("q", year=2022))
    assert kept(run(record, policy="latest")) == ["two"]


def test_a_cited_number_has_no_date_unless_the_cohort_says_when_data_were_cut():
    record = two_reports(report("p", year=2019), report("q", year=2022), two={"cites": "X 2022"})
    found = run(record, policy="latest")
    assert kept(found) == ["one"]
    assert "unknown" in found.excluded[0].reason
    cut = cohort("two", n=30, data_cutoff="2022-01", proportions=[
        rate(count=15, at={"doc": "q"}, cites="X 2022")
    ])  # fmt: skip
    whole = cohort("one", n=40, proportions=[rate(count=20, at={"doc": "p"})])
    dated = study(whole, cut, reports=[report("p", year=2019), report("q", year=2022)])
    assert kept(run(dated, policy="latest")) == ["two"]


def test_two_small_late_reports_do_not_outvote_by_their_years():
    # Years added up over a set would let two reports of 2019 beat one of 2022.
    old = [
        cohort(name, n=10, proportions=[rate(count=5, at={"doc": "p"})], lineage=more)
        for name, more in (("a", {"disjoint_from": ["b"]}), ("b", {}))
    ]
    new = cohort("z", n=8, proportions=[rate(count=5, at={"doc": "q"})])
    record = study(*old, new, reports=[report("p", year=2019), report("q", year=2022)])
    assert kept(run(record, policy="latest")) == ["z"]


def test_a_superseded_report_comes_back_where_its_update_is_not_pooled():
    # `late` loses to a larger cohort that `early` shares nobody with.
    early = with_orr("early", 5, 10, disjoint_from=["big"])
    late = with_orr("late", 9, 20, updates=["early"])
    big = with_orr("big", 30, 50)
    found = run(study(early, late, big))
    assert kept(found) == ["big", "early"]
    assert any("late" in d.reason for d in found.decisions if d.rule == "earlier-report")


def test_a_tie_that_only_the_order_of_ids_decides_is_said():
    found = run(study(with_orr("a", 5, 10), with_orr("b", 6, 10)))
    assert kept(found) == ["a"]
    assert "order of the ids" in found.excluded[0].reason
    assert one(found, "orr").cohort == "a"
    assert AT


def test_the_earliest_report_is_used_because_it_was_asked_for():
    old, new = with_orr("old", 8, 10), cohort("new", 20, proportions=[rate(percent="75")])
    later = new | {"lineage": {"updates": ["old"]}, "populations": {}}
    for record in (study(old, later), study(old, with_orr("new", 15, 20, updates=["old"]))):
        found = run(record, policy="earliest")
        assert kept(found) == ["old"]
        (said,) = [d for d in found.decisions if d.rule == "earlier-report"]
        assert said.reason == "earlier report used: the earliest report is the one asked for"
    (out,) = found.excluded
    assert out.reason.startswith("superseded by old, the earliest report being asked for: ")


def test_a_later_report_in_place_of_the_earliest_says_why():
    old = cohort("old", n=None, proportions=[rate(percent="75")])
    found = run(study(old, with_orr("new", 15, 20, updates=["old"])), policy="earliest")
    assert kept(found) == ["new"]
    (said,) = [d for d in found.decisions if d.rule == "later-report"]
    assert said.reason.startswith("later report used: the report before it old gives no")
    assert "no denominator" in said.reason


def own_cutoffs(first, second, **cohorts):
    one = cohort("one", n=40, proportions=[rate(count=20, **first)], **cohorts)
    return study(one, cohort("two", n=30, proportions=[rate(count=15, **second)]))


def test_latest_and_earliest_go_by_the_cutoff_of_the_number_itself():
    record = own_cutoffs({"data_cutoff": "2018-01"}, {"data_cutoff": "2020-01"})
    found = run(record, policy="latest")
    assert kept(found) == ["two"]
    assert "data cutoff 2020-01 against data cutoff 2018-01" in found.excluded[0].reason
    assert kept(run(record, policy="earliest")) == ["one"]
    own = {"data_cutoff": "2021"}  # of the cohort: the number is of an earlier one
    record = own_cutoffs({"data_cutoff": "2018-01"}, {"data_cutoff": "2020-01"}, **own)
    assert kept(run(record, policy="latest")) == ["two"]


def test_a_union_is_as_late_as_the_latest_of_its_cells():
    whole = cohort("whole", 40, lineage={"partitions": [["a", "b"]]})
    a = cohort("a", 30, proportions=[rate("cr", count=15, data_cutoff="2019")])
    b = cohort("b", 10, proportions=[rate("cr", count=5, data_cutoff="2021")])
    mate = cohort("mate", 90, proportions=[rate("cr", count=40, data_cutoff="2020")])
    found = run(study(whole, a, b, mate), outcomes=("cr",), policy="latest")
    assert kept(found, "cr") == ["whole"]


def test_a_cutoff_and_a_date_of_publication_are_told_apart():
    one = cohort("one", n=40, proportions=[rate(count=20, at={"doc": "p"})])
    two = cohort("two", n=30, data_cutoff="2020-05", proportions=[rate(count=15, at={"doc": "p"})])
    found = run(study(one, two, reports=[report("p")]), policy="latest")
    assert "(data cutoff 2020-05 against published 2020)" in found.excluded[0].reason
