"""The rule families on small records made by hand; expected counts worked out on paper."""

import pytest

from carmeta.domain.record import StudyRecord
from tests.unit.harmonise.make import (
    AT,
    assayed,
    cohort,
    labels,
    one,
    response,
    run,
    study,
    toxicity,
    with_orr,
)


def test_cr_means_cr_or_better_and_says_of_which_rows_it_was_summed():
    table = response(sCR=5, CR=2, VGPR=4, PR=3, SD=4, PD=2)
    found = run(study(cohort(response=table)), outcomes=("orr", "vgpr", "cr", "scr"))
    assert {c.outcome: c.xi for c in found.counts} == {"orr": 14, "vgpr": 11, "cr": 7, "scr": 5}
    assert one(found, "cr").definition == "sCR + CR"
    (decision,) = [d for d in found.decisions if d.outcome == "cr"]
    assert decision.rule == "sum-of-categories"
    assert decision.reason == "sum of sCR 5 + CR 2"


def test_an_unlisted_category_is_none_only_if_the_listed_ones_hold_everybody():
    complete = run(study(cohort(response=response(sCR=13, VGPR=4, NR=3))), outcomes=("orr", "cr"))
    assert one(complete, "orr").xi == 17
    assert "hold all patients" in complete.decisions[0].reason
    partial = run(study(cohort(response=response(sCR=13))), outcomes=("orr", "cr"))
    assert partial.counts == ()


def test_grade_5_is_added_where_the_table_is_by_maximum_grade_and_only_there():
    tables = {"any_": 18, "g34": 4, "g5": 1}
    by_maximum = run(study(cohort(toxicity=toxicity(**tables))), outcomes=("crs_any", "crs_ge3"))
    assert one(by_maximum, "crs_ge3").xi == 5
    assert one(by_maximum, "crs_any").xi == 18
    twice = toxicity(counting="not-reported", **tables)
    not_by_maximum = run(study(cohort(toxicity=twice)), outcomes=("crs_ge3",))
    assert not_by_maximum.counts == ()


def test_grade_3_or_higher_is_what_is_left_of_any_grade():
    found = run(
        study(cohort(toxicity=toxicity("neurotoxicity", any_=14, g12=13))), outcomes=("nt_ge3",)
    )
    assert one(found, "nt_ge3").xi == 1
    assert found.decisions[0].rule == "any-less-lower-grades"


def test_grade_3_to_4_without_grade_5_is_not_taken_for_grade_3_or_higher():
    found = run(study(cohort(toxicity=toxicity(any_=18, g34=4))), outcomes=("crs_ge3",))
    assert found.counts == ()


def test_a_numerator_keeps_its_own_denominator():
    both = cohort(
        populations={"infused": {"n": 20, "at": AT}, "itt": {"n": 25, "at": AT}},
        proportions=[{"outcome": "orr", "population": "itt", "count": 15, "at": AT}],
    )
    count = one(run(study(both)), "orr")
    assert (count.xi, count.ni, count.population) == (15, 25, "itt")
    assert count.flags == ("intention to treat",)


def test_the_preferred_population_wins_over_the_order_of_the_record():
    both = cohort(
        populations={"infused": {"n": 20, "at": AT}, "itt": {"n": 25, "at": AT}},
        proportions=[
            {"outcome": "orr", "population": "itt", "count": 15, "at": AT},
            {"outcome": "orr", "population": "infused", "percent": "75", "at": AT},
        ],
    )
    assert one(run(study(both)), "orr").population == "infused"
    assert one(run(study(both), order=("itt", "infused")), "orr").population == "itt"
    only = run(study(both), order=("treated",))
    assert only.counts == ()
    assert only.excluded[0].kind == "not-selected"


def test_a_stated_column_comes_before_an_inferred_one():
    two = cohort(
        n=57,
        proportions=[
            {"outcome": "cr", "population": "infused", "count": 42, "at": AT,
             "attribution": "inferred"},
            {"outcome": "cr", "population": "infused", "percent": "68", "at": AT},
        ],
    )  # fmt: skip
    assert one(run(study(two), outcomes=("cr",)), "cr").xi == 39


def test_a_cohort_without_a_denominator_is_listed_with_its_reason():
    bare = cohort(
        n=None, proportions=[{"outcome": "orr", "population": "infused", "percent": "68", "at": AT}]
    )
    found = run(study(bare))
    assert found.counts == ()
    assert [(e.kind, e.cohort) for e in found.excluded] == [("no-denominator", "all")]
    assert [d.action for d in found.decisions] == ["excluded"]


def test_only_accepted_kinds_of_count_are_used():
    by_percent = cohort(
        proportions=[{"outcome": "orr", "population": "infused", "percent": "75", "at": AT}]
    )
    assert run(study(by_percent)).counts[0].xi == 15
    assert run(study(by_percent), accept=("printed", "summed")).counts == ()


@pytest.mark.parametrize(("several", "xi"), [("nearest", 93), ("lowest", 93), ("highest", 94)])
def test_which_of_several_counts_is_used_is_a_rule(several, xi):
    karmma = cohort(
        n=128, proportions=[{"outcome": "orr", "population": "infused", "percent": "73", "at": AT}]
    )
    count = one(run(study(karmma), several=several), "orr")
    assert (count.xi, list(count.candidates)) == (xi, [93, 94])


def test_nobody_counts_twice_and_every_drop_is_explained():
    early = with_orr("early", 28, 33)
    late = with_orr("late", 47, 62, updates=["early"])
    found = run(study(early, late))
    assert [c.cohort for c in found.counts] == ["late"]
    assert [(e.cohort, e.kind) for e in found.excluded] == [("early", "superseded")]
    assert "late" in found.excluded[0].reason


def test_disjoint_parts_are_pooled_where_they_do_not_make_up_the_whole():
    whole = cohort("whole", n=20, lineage={"partitions": [["a", "b"]]})
    parts = with_orr("a", 7, 8, part_of=["whole"]), with_orr("b", 8, 9, part_of=["whole"])
    found = run(study(whole, *parts))
    assert sorted(c.cohort for c in found.counts) == ["a", "b"]


def test_an_earliest_report_can_be_preferred():
    early = study(with_orr("all", 28, 33), study_id="early")
    late = StudyRecord.model_validate(
        study(with_orr("all", 47, 62, updates=["early/all"]), study_id="late").model_dump(
            by_alias=True
        )
        | {"trial": {"design": "single-arm", "year": 2022}}
    )
    assert [c.study for c in run(early, late).counts] == ["late"]
    assert [c.study for c in run(early, late, policy="earliest").counts] == ["early"]


def test_a_denominator_may_be_the_sum_of_the_parts():
    whole = cohort(
        "whole",
        n=None,
        lineage={"partitions": [["yes", "no"]]},
        proportions=[{"outcome": "orr", "population": "infused", "percent": "21", "at": AT}],
    )
    found = run(study(whole, cohort("yes", 6), cohort("no", 22)))
    count = one(found, "orr")
    assert (count.xi, count.ni) == (6, 28)
    assert "sum of the parts 6 + 22" in count.source


PATIENTS = {
    "at": [AT],
    "population": "infused",
    "rows": [
        {"id": "p1", "site": "A", "response": ["sCR"], "grades": {"crs": 1}},
        {"id": "p2", "site": "A", "response": ["sCR", "VGPR"], "grades": {"crs": 3}},
        {"id": "p3", "site": "B", "response": ["sCR", "VGPR"], "grades": {"crs": 5}},
        {"id": "p4", "site": "B", "response": ["PD"], "grades": {"crs": 0}},
    ],
}


def test_individual_patients_are_counted_and_open_responses_make_a_range():
    site_a = cohort("a", n=None, patients={"where": {"site": "A"}})
    found = run(study(site_a, patients=PATIENTS), outcomes=("orr", "cr", "crs_any", "crs_ge3"))
    assert list(one(found, "orr").candidates) == [2]
    assert list(one(found, "cr").candidates) == [1, 2]
    assert (one(found, "crs_any").xi, one(found, "crs_ge3").xi) == (2, 1)
    assert "p1, p2" in one(found, "orr").source


def test_a_printed_total_bounds_what_the_open_patients_can_be():
    whole = cohort(
        "whole",
        n=4,
        patients={"where": {}},
        lineage={"partitions": [["a", "b"]]},
        proportions=[{"outcome": "cr", "population": "infused", "count": 3, "at": AT}],
    )
    site_a = cohort("a", n=None, patients={"where": {"site": "A"}})
    site_b = cohort("b", n=None, patients={"where": {"site": "B"}})
    wanted = ("s/a", "s/b")
    found = run(study(whole, site_a, site_b, patients=PATIENTS), outcomes=("cr",), cohorts=wanted)
    assert {c.cohort: list(c.candidates) for c in found.counts} == {"a": [2], "b": [1]}


def test_instances_of_treatment_are_not_patients():
    lines = with_orr("lines", 10, 14) | {"unit": "instances"}
    assert run(study(lines)).counts == ()
    assert run(study(lines), units=("patients", "instances")).counts[0].unit == "instances"


def test_secondary_studies_enter_only_where_they_are_asked_for():
    extra = study(with_orr("all", 7, 10), secondary=True)
    assert run(extra).counts == ()
    assert run(extra, secondary=True).counts[0].xi == 7


def test_mrd_negativity_says_among_whom_and_how_deep():
    mrd = [
        assayed(among="responders", percent="89", of=28),
        assayed(among="cr-or-better", percent="100", of=13),
    ]
    count = one(
        run(
            study(cohort(n=None, assayed=mrd)),
            outcomes=("mrd_neg",),
            among={"mrd_neg": "cr-or-better"},
        ),
        "mrd_neg",
    )
    assert (count.xi, count.ni, count.grading) == (13, 13, "NGS, 1e-5")
    assert "among cr-or-better" in count.flags


def test_other_readings_and_populations_are_offered_for_sensitivity_runs():
    both = cohort(
        n=None,
        populations={"infused": {"n": 20, "at": AT}, "itt": {"n": 25, "at": AT}},
        proportions=[
            {"outcome": "orr", "population": "infused", "count": 15, "at": AT},
            {"outcome": "orr", "population": "infused", "count": 14, "at": {"section": "Text"}},
            {"outcome": "orr", "population": "itt", "count": 15, "at": AT},
        ],
    )
    found = run(study(both))
    assert labels(found, "reading") == ["all: 14 of 20 (infused) instead of 15 of 20 (infused)"]
    assert labels(found, "population") == ["all: 15 of 25 (itt) instead of 15 of 20 (infused)"]


def test_every_count_that_the_print_allows_is_offered():
    karmma = cohort(
        n=128, proportions=[{"outcome": "orr", "population": "infused", "percent": "73", "at": AT}]
    )
    found = run(study(karmma))
    assert labels(found, "count") == ["all: 94 events instead of 93"]
    (choice,) = [c for c in found.choices if c.kind == "count"]
    assert choice.counts[0].xi == 94


def test_patients_who_could_not_be_assessed_are_counted_both_ways():
    partly = cohort(
        n=None,
        populations={"treated": {"n": 79, "at": AT}, "evaluable": {"n": 76, "at": AT}},
        proportions=[{"outcome": "orr", "population": "evaluable", "count": 33, "at": AT}],
    )
    found = run(study(partly))
    extremes = [(c.counts[0].xi, c.counts[0].ni) for c in found.choices if c.kind == "missing"]
    assert extremes == [(33, 79), (36, 79)]


def test_a_scale_policy_leaves_other_scales_out_and_says_so():
    lee = cohort("lee", toxicity=[{**toxicity(any_=18)[0], "scale": "lee-2014"}])
    unknown = cohort("unknown", toxicity=toxicity(any_=9), lineage={"disjoint_from": ["lee"]})
    every = run(study(lee, unknown), outcomes=("crs_any",))
    assert len(every.counts) == 2
    only = run(study(lee, unknown), outcomes=("crs_any",), scales={"crs": ("lee-2014",)})
    assert [c.cohort for c in only.counts] == ["lee"]
    (out,) = only.excluded
    assert (out.kind, out.cohort) == ("not-selected", "unknown")
    assert "accepted: Lee 2014" in out.reason
    assert any(d.action == "excluded" for d in only.decisions)


def test_cr_without_stringent_cr_is_a_definition_of_its_own():
    both = cohort(
        response=response(sCR=5, CR=2, VGPR=4, PR=3, SD=4, PD=2),
        proportions=[{"outcome": "cr", "population": "infused", "count": 7, "at": AT}],
    )
    assert one(run(study(both), outcomes=("cr",)), "cr").xi == 7
    alone = run(study(both), outcomes=("cr",), without={"cr": ("sCR",)})
    assert (one(alone, "cr").xi, one(alone, "cr").definition) == (2, "CR")


def test_percentages_of_all_categories_are_reconstructed_together():
    # 128 patients: 33% alone fits 42, 40% fits 51, 27% fits 34 or 35; only 35 adds up.
    percents = {"CR": "33", "PR": "40", "SD": "27"}
    table = [
        {
            "population": "infused",
            "at": AT,
            "categories": {k: {"percent": v} for k, v in percents.items()},
        }
    ]
    found = run(study(cohort(n=128, response=table)), outcomes=("orr", "cr"))
    assert one(found, "orr").candidates == (93,)
    assert found.decisions[0].rule == "joint-counts"
