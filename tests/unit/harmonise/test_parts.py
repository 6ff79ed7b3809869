"""A union has the counts that its parts leave it (#8.7)."""

from __future__ import annotations

import pytest

from tests.unit.harmonise.make import AT, cohort, labels, one, rate, run, study, toxicity


def dose(name, n, *rates):
    return cohort(name, n, proportions=list(rates), lineage={"part_of": ["whole"]})


def nci(*, cover="covered_by", n=24, high_n=16, low=None, high=None, **whole):
    """24 patients; 16 at the high dose, the others (some perhaps twice) at lower ones."""
    return study(
        cohort("whole", n, lineage={cover: [["low", "high"]]}, **whole),
        dose("low", None, rate("cr", **(low or {"percent": "0"}))),
        dose("high", high_n, rate("cr", **(high or {"percent": "13"}))),
    )


def test_a_part_printed_as_none_leaves_the_union_the_other_parts_count():
    for cover in ("covered_by", "partitions"):
        found = run(nci(cover=cover), outcomes=("cr",))
        count = one(found, "cr")
        assert (count.cohort, count.xi, count.ni, list(count.candidates)) == ("whole", 2, 24, [2])
        assert ("cohorts", 1, "proportions", 0) in count.paths
        assert ("cohorts", 2, "proportions", 0) in count.paths
        assert {(e.cohort, e.kind) for e in found.excluded} == {
            ("low", "counted"), ("high", "counted"),
        }  # fmt: skip
        (said,) = [d for d in found.decisions if d.rule == "count-of-the-other-part"]
        assert "at most 24" in said.reason


def test_in_a_hundred_patients_none_percent_may_hide_one():
    found = run(nci(n=200), outcomes=("cr",))
    assert [c.cohort for c in found.counts] == ["high"]


def test_an_uncertain_count_stays_uncertain():
    found = run(
        nci(n=140, high_n=128, high={"percent": "5"}, low={"count": 0, "of": 12}), outcomes=("cr",)
    )
    count = one(found, "cr")
    assert (count.cohort, list(count.candidates), count.ni) == ("whole", [6, 7], 140)


def test_parts_with_events_are_added_only_where_they_are_disjoint():
    parts = {"low": {"count": 3, "of": 8}, "high": {"count": 5, "of": 16}}
    added = one(run(nci(cover="partitions", **parts), outcomes=("cr",)), "cr")
    assert (added.cohort, added.xi, added.ni) == ("whole", 8, 24)
    found = run(nci(**parts), outcomes=("cr",))
    assert [(c.cohort, c.xi) for c in found.counts] == [("high", 5)]


def test_parts_whose_patients_do_not_add_up_are_not_added():
    parts = {"low": {"count": 3, "of": 6}, "high": {"count": 5, "of": 16}}
    found = run(nci(cover="partitions", **parts), outcomes=("cr",))
    assert "whole" not in [c.cohort for c in found.counts]


def test_the_unions_own_count_wins():
    own = [rate("cr", count=4)]
    assert one(run(nci(proportions=own), outcomes=("cr",)), "cr").xi == 4


def test_cohorts_that_differ_between_outcomes_are_flagged_and_refitted_alike():
    record = study(
        cohort(
            "whole", 24, lineage={"covered_by": [["low", "high"]]}, proportions=[rate(count=14)]
        ),
        dose("low", None),
        dose("high", 16, rate(count=13), rate("cr", count=2)),
    )
    found = run(record, outcomes=("orr", "cr"))
    assert {c.outcome: c.cohort for c in found.counts} == {"orr": "whole", "cr": "high"}
    (choice,) = [c for c in found.choices if c.kind == "same-cohort"]
    assert (choice.outcome, choice.counts[0].xi, choice.counts[0].ni) == ("orr", 13, 16)
    (said,) = [d for d in found.decisions if d.rule == "cohorts-differ"]
    assert (said.action, said.study) == ("flagged", "s")
    assert "24" in said.reason
    assert "16" in said.reason


def test_disjoint_sites_of_which_one_reports_more_are_not_flagged():
    a = cohort(
        "a", 10, proportions=[rate(count=5), rate("cr", count=2)], lineage={"disjoint_from": ["b"]}
    )
    b = cohort("b", 10, proportions=[rate(count=5)])
    found = run(study(a, b), outcomes=("orr", "cr"))
    assert labels(found, "same-cohort") == []


def test_a_part_with_two_counts_is_a_reading_of_the_union():
    def part(name, n, *counts):
        return dose(name, n, *(rate("cr", count=count) for count in counts))

    record = study(
        cohort("whole", 24, lineage={"partitions": [["low", "high"]]}),
        part("low", 8, 3, 4), part("high", 16, 5, 7),
    )  # fmt: skip
    found = run(record, outcomes=("cr",))
    assert one(found, "cr").xi == 8
    assert labels(found, "reading") == [
        "whole: 9 of 24 (infused) instead of 8 of 24 (infused)",
        "whole: 10 of 24 (infused) instead of 8 of 24 (infused)",
    ]


def test_a_union_on_another_population_is_a_choice():
    def part(name, n, infused, itt):
        sizes = {"infused": {"n": n, "at": AT}, "itt": {"n": n + 2, "at": AT}}
        both = [rate("cr", count=infused), rate("cr", "itt", count=itt)]
        return cohort(name, n=None, populations=sizes, proportions=both)

    record = study(
        cohort("whole", n=None, lineage={"partitions": [["low", "high"]]}),
        part("low", 8, 3, 3), part("high", 16, 5, 6),
    )  # fmt: skip
    found = run(record, outcomes=("cr",))
    assert (one(found, "cr").xi, one(found, "cr").ni) == (8, 24)
    assert "whole: 9 of 28 (itt) instead of 8 of 24 (infused)" in labels(found, "population")


def test_a_part_that_serves_the_union_is_said_to_be_in_it():
    found = run(nci(), outcomes=("cr",))
    told = {e.cohort: e for e in found.excluded}
    for name in ("low", "high"):
        assert told[name].by == "s/whole"
        assert told[name].reason.startswith("counted in whole, whose count is made of its parts")
    assert "13%" in told["high"].source
    assert "0%" in told["low"].source


def test_the_other_outcomes_are_named():
    record = study(
        cohort(
            "whole", 24, lineage={"covered_by": [["low", "high"]]}, proportions=[rate(count=14)]
        ),
        dose("low", None),
        dose("high", 16, rate(count=13), rate("cr", count=2)),
    )
    found = run(record, outcomes=("orr", "cr"))
    (label,) = labels(found, "same-cohort")
    assert label == "high, 13 of 16 instead of whole, 14 of 24, as for CR"


def test_the_flag_names_the_cohort_in_common_and_claims_no_refit():
    x = cohort("x", 20, proportions=[rate(count=12)])
    y = cohort("y", 18, proportions=[rate(count=9), rate("cr", count=4)])
    (said,) = [
        d for d in run(study(x, y), outcomes=("orr", "cr")).decisions if d.rule == "cohorts-differ"
    ]
    assert said.result == "counts for all of them: y"
    assert "refit" not in said.reason


def covered(*, a=20, b=10, whole=30, **more):
    return study(
        cohort("all", whole, lineage={"covered_by": [["a", "b"]]}),
        cohort("a", a, toxicity=toxicity(any_=2)),
        cohort("b", b, toxicity=[{
            "event": "crs", "population": "infused", "at": AT, "grades": {"any": {"percent": "20"}}
        }]),
        **more,
    )  # fmt: skip


def test_parts_as_large_as_the_whole_they_cover_are_disjoint():
    count = one(run(covered(), outcomes=("crs_any",)), "crs_any")
    assert (count.cohort, count.xi, count.ni) == ("all", 4, 30)


@pytest.mark.parametrize("sizes", [{"a": 21}, {"b": None}, {"whole": 29}])
def test_parts_that_may_overlap_are_not_added_by_their_sizes(sizes):
    found = run(covered(**sizes), outcomes=("crs_any",))
    assert [c.cohort for c in found.counts] == ["a"]


def test_a_part_is_counted_in_the_whole_and_a_mate_may_share_patients():
    whole = cohort("whole", 24, proportions=[rate(count=14)])
    part = cohort("part", 16, proportions=[rate(count=9)], lineage={"part_of": ["whole"]})
    mate = cohort("mate", 10, proportions=[rate(count=5)])
    told = {e.cohort: e for e in run(study(whole, part, mate)).excluded}
    assert (told["part"].kind, told["mate"].kind) == ("counted", "overlap")
    assert told["part"].reason.startswith("shares patients with whole")
    assert told["mate"].reason.startswith("may share patients with whole")


def test_the_unions_own_number_that_gives_no_count_is_named():
    own = [rate("cr", "evaluable", percent="33")]
    found = run(nci(proportions=own), outcomes=("cr",))
    assert one(found, "cr").cohort == "whole"
    (told,) = [e for e in found.excluded if e.cohort == "whole"]
    assert (told.kind, told.by) == ("no-denominator", "s/whole")
    assert told.reason.startswith("this number is not used: only a percentage is printed")
    assert "33%" in told.source
    (use,) = [u for (_, _, path), u in found.uses.items() if path == told.path]
    assert (use.state, use.kind) == ("excluded", "no-denominator")
