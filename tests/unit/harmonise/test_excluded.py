"""Nothing that is printed leaves without a name, a kind, a reason and a place (#8.3, #8.4)."""

from __future__ import annotations

import pytest

from tests.unit.harmonise.make import AT, cohort, rate, run, study, toxicity, with_orr


def kinds(harmonised):
    return [(e.study, e.cohort, e.kind) for e in harmonised.excluded]


def test_a_draft_is_never_pooled_and_says_so():
    found = run(
        study(with_orr("all", 8, 10), status="draft"), study(with_orr("all", 7, 9), study_id="t")
    )
    assert [c.study for c in found.counts] == ["t"]
    (out,) = found.excluded
    assert (out.study, out.kind) == ("s", "draft")
    assert "draft" in out.reason


@pytest.mark.parametrize(
    ("change", "rules", "words"),
    [
        ({"role": "comparator"}, {}, "comparator"),
        ({"unit": "instances"}, {}, "instances"),
        ({}, {"attributes": {"line": ("first",)}}, "line"),
        ({}, {"products": ("ide-cel",)}, "product"),
        ({}, {"studies": ("t",)}, "studies"),
        ({}, {"cohorts": ("t/all",)}, "cohorts"),
    ],
)
def test_what_the_question_leaves_out_is_named(change, rules, words):
    found = run(study(with_orr("all", 7, 10) | change), **rules)
    assert found.counts == ()
    (out,) = found.excluded
    assert (out.study, out.kind) == ("s", "outside")
    assert words in out.reason
    assert out.path == ("cohorts", 0, "proportions", 0)


def test_a_secondary_study_is_named():
    found = run(study(with_orr("all", 7, 10), secondary=True))
    assert [(e.kind, "secondary" in e.reason) for e in found.excluded] == [("outside", True)]


def test_a_study_that_is_out_as_a_whole_is_named_once():
    both = with_orr("a", 7, 10), with_orr("b", 7, 10)
    (out,) = run(study(*both, secondary=True)).excluded
    assert (out.study, out.cohort, out.slab) == ("s", "", "s")
    assert "2 cohorts" in out.reason


@pytest.mark.parametrize(
    ("table", "outcome", "words"),
    [
        (toxicity(any_=18, g34=4), "crs_ge3", "3-4"),
        (toxicity(any_=18, g34=4, g5=1, counting="not-reported"), "crs_ge3", "several columns"),
        (toxicity(g34=4), "crs_any", "3-4"),
    ],
)
def test_grades_that_do_not_add_up_to_the_outcome_are_named(table, outcome, words):
    found = run(study(cohort(toxicity=table)), outcomes=(outcome,))
    assert kinds(found) == [("s", "all", "incomplete")]
    assert words in found.excluded[0].reason


def test_categories_that_do_not_reach_down_to_the_tier_are_named():
    table = [{"population": "infused", "at": AT, "categories": {"sCR": {"count": 5}}}]
    found = run(study(cohort(response=table)))
    assert kinds(found) == [("s", "all", "incomplete")]
    assert "PR" in found.excluded[0].reason


def test_a_category_that_is_lost_is_named():
    categories = {"CR": {"count": 5}, "PR": {"missing": "lost"}}
    table = [{"population": "infused", "at": AT, "categories": categories}]
    found = run(study(cohort(response=table)))
    assert kinds(found) == [("s", "all", "lost")]
    assert "PR" in found.excluded[0].reason


@pytest.mark.parametrize(("missing", "kind"), [("lost", "lost"), ("not-reported", "not-reported")])
def test_a_cell_without_a_number_is_named(missing, kind):
    found = run(study(cohort(proportions=[rate(missing=missing)])))
    assert kinds(found) == [("s", "all", kind)]


def test_every_cohort_of_an_outcome_that_nobody_can_give_is_still_named():
    found = run(study(cohort(n=None, proportions=[rate(percent="76")])))
    assert kinds(found) == [("s", "all", "no-denominator")]


def test_kinds_have_words():
    from carmeta.vocabulary import EXCLUSION_WORDS

    assert all(EXCLUSION_WORDS.values())
    assert "draft" in EXCLUSION_WORDS


def test_what_is_printed_for_a_cohort_that_does_not_report_the_outcome_is_no_exclusion():
    found = run(study(cohort(proportions=[rate(outcome="cr", count=3)])))
    assert found.excluded == ()


@pytest.mark.parametrize(("missing", "kind"), [("lost", "lost"), ("not-reported", "not-reported")])
def test_a_grade_that_is_not_there_is_not_called_printed(missing, kind):
    """Only grade >=3 has a line, and no number: nothing is printed that could fall short."""
    table = {
        "event": "crs", "scale": "lee-2014", "counting": "maximum-grade", "at": AT,
        "population": "infused", "grades": {">=3": {"missing": missing}},
    }  # fmt: skip
    found = run(study(cohort(toxicity=[table])), outcomes=("crs_any",))
    (out,) = found.excluded
    assert out.kind == kind
    assert "printed" not in out.reason


def test_a_study_with_cohorts_that_are_asked_for_is_not_out_as_a_whole():
    """Its other cohorts are named, also for an outcome that the asked ones do not report."""
    orr = with_orr("t", 7, 10)
    crs = [cohort(name, proportions=[rate(outcome="cr", count=3)]) for name in ("x", "y")]
    found = run(study(orr, *crs), outcomes=("orr", "cr"), cohorts=("s/t",))
    assert [(e.outcome, e.cohort, e.reason) for e in found.excluded] == [
        ("cr", name, "not one of the cohorts that the configuration names") for name in ("x", "y")
    ]


def test_whatever_is_left_out_has_a_decision():
    draft = study(cohort(proportions=[rate(count=8)]), study_id="d", status="draft")
    control = study(
        cohort(role="comparator", proportions=[rate(count=3)]),
        cohort("other", role="comparator", proportions=[rate(count=3)]),
        study_id="c",
    )
    found = run(draft, control, study(cohort(proportions=[rate(count=5)])))
    told = {(d.study, d.cohort, d.rule, d.result) for d in found.decisions}
    assert {("d", "all", "draft", "not pooled"), ("c", "", "outside", "not pooled")} <= told
