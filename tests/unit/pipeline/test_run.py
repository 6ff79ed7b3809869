"""What the committed configurations give, against numbers worked out elsewhere."""

from __future__ import annotations

import math

import pytest


def outcome(analysis, key):
    (found,) = [o for o in analysis.outcomes if o.key == key]
    return found


def test_primary_pools_nine_cohorts_for_response(analysis):
    orr = outcome(analysis("primary"), "orr")
    assert len(orr.rows) == 9
    assert len({row.count.study for row in orr.rows}) == 8  # LEGEND-2 twice, disjoint sites
    assert orr.headline.model == "GLMM"
    assert [beside.model for beside in orr.beside] == ["IV"]
    assert {row.count.study for row in orr.rows}.isdisjoint({"crb-402", "salvage-msk-sinai"})


def test_rare_outcomes_have_the_beta_binomial_beside_them(analysis):
    primary = analysis("primary")
    assert [b.model for b in outcome(primary, "nt_ge3").beside] == ["IV", "BB"]
    assert [b.model for b in outcome(primary, "nt_any").beside] == ["IV"]


def test_the_range_over_counts_holds_the_estimate(analysis):
    orr = outcome(analysis("primary"), "orr")
    assert orr.candidates is not None
    assert (orr.candidates.combinations, orr.candidates.exact) == (2, True)
    assert orr.candidates.estimate_lb <= orr.headline.back.estimate <= orr.candidates.estimate_ub
    assert outcome(analysis("primary"), "nt_any").candidates is None


def test_a_threshold_gives_a_probability(analysis):
    (beyond,) = outcome(analysis("primary"), "orr").beyond
    assert (beyond.threshold, beyond.direction) == (0.5, "above")
    assert 0.5 < beyond.probability < 1


def refits(found, kind):
    return [
        (row.label, row.pooled.k, round(100 * row.pooled.back.estimate, 1))
        for row in found.sensitivity
        if row.kind == kind
    ]


def test_every_change_of_the_evidence_is_refitted(analysis):
    orr = outcome(analysis("primary"), "orr")
    kinds = {row.kind for row in orr.sensitivity}
    assert {"leave-one-out", "report", "count", "printed", "same-cohort"} <= kinds
    assert sum(row.kind == "leave-one-out" for row in orr.sensitivity) == 9


def test_counts_that_stand_in_the_papers_are_pooled_with_the_overlap_solved_again(analysis):
    # 28 of 33 of CRB-401's first report stands in for its update, which gives percentages.
    ((_, k, estimate),) = refits(outcome(analysis("primary"), "orr"), "printed")
    assert (k, estimate) == (3, 77.5)
    ((_, k, estimate),) = refits(outcome(analysis("primary"), "cr"), "printed")
    assert (k, estimate) == (3, 50.0)


def test_other_reports_are_refitted_and_parts_are_not(analysis):
    for key in ("orr", "cr", "crs_any", "nt_any"):
        found = outcome(analysis("primary"), key)
        labels = [label for label, _, _ in refits(found, "report")]
        assert labels == ["CRB-401 (first 33 patients) instead of CRB-401 (62 patients)"]
        every = " ".join(row.label for row in found.sensitivity)
        assert "450×10⁶" not in every
        assert "site RJ" not in every


def test_nci_on_the_same_patients_for_every_outcome(analysis):
    primary = analysis("primary")
    ((label, k, estimate),) = refits(outcome(primary, "orr"), "same-cohort")
    assert (k, estimate) == (9, 82.7)
    assert "13 of 16" in label
    sizes = {
        o.outcome: row.count.ni
        for o in primary.outcomes
        for row in o.rows
        if row.count.study == "nci-bcma"
    }
    assert sizes == {"orr": 24, "cr": 24, "crs_any": 16, "crs_ge3": 24}
    (said,) = [d for d in primary.decisions if d.rule == "cohorts-differ"]
    assert (said.study, said.action) == ("nci-bcma", "flagged")


def test_karmma_3_reproduces_the_published_odds_ratio(analysis):
    contrast = analysis("karmma3-randomised").contrasts[0]
    odds = next(result for result in contrast.results if result.measure == "OR")
    # 181 of 254 against 55 of 132: 181 * 77 / (73 * 55), by hand.
    assert odds.back.estimate == pytest.approx(181 * 77 / (73 * 55), rel=1e-12)
    assert round(odds.back.estimate, 2) == 3.47
    assert (round(odds.back.ci_lb, 2), round(odds.back.ci_ub, 2)) == (2.24, 5.39)
    assert contrast.published[0].startswith("OR 3.47 (95% CI 2.24 to 5.39)")
    risk = next(result for result in contrast.results if result.measure == "RR")
    assert risk.back.estimate == pytest.approx((181 / 254) / (55 / 132), rel=1e-12)


def test_a_lost_count_is_recovered_from_its_categories(analysis):
    cr = next(c for c in analysis("karmma3-randomised").contrasts if c.outcome == "cr")
    control = cr.pairs[0].control
    assert (control.xi, control.ni, control.derivation) == (7, 132, "summed")


def test_subsets_of_one_cohort_are_compared_and_not_pooled(analysis):
    subsets = analysis("legend2-subsets")
    orr = outcome(subsets, "orr_site")
    assert [(r.count.xi, r.count.ni) for r in orr.rows] == [(5, 5), (8, 9), (2, 3)]
    assert math.isnan(orr.headline.tau2)
    assert (orr.headline.back.estimate, orr.headline.fallbacks[0].code) == (15 / 17, "single-study")
    (test,) = orr.subgroup_tests
    assert test.kind == "exact"
    cr = outcome(subsets, "cr_site")
    assert cr.headline.back.estimate == 13 / 17  # the printed total, not the sum of the parts
    assert [list(r.count.candidates) for r in cr.rows] == [[3, 4], [7, 8], [1, 2]]


def test_salvage_is_one_row_a_class_and_adds_up_to_all_patients(analysis):
    orr = outcome(analysis("salvage"), "orr_class")
    assert sum(r.count.xi for r in orr.rows) == 33
    assert sum(r.count.ni for r in orr.rows) == 76
    assert orr.headline.back.estimate == 33 / 76
    assert {r.count.unit for r in orr.rows} == {"patients"}


def test_subgroups_by_product_come_with_a_named_test(analysis):
    orr = outcome(analysis("by-product"), "orr")
    sizes = {g.level: len(g.rows) for g in orr.subgroups}
    assert sizes == {
        "LCAR-B38M": 2, "NCI CAR-BCMA": 1, "UPenn CAR-BCMA": 1, "cilta-cel": 1, "ide-cel": 3,
        "orva-cel": 1,
    }  # fmt: skip
    assert all((g.pooled is None) == (len(g.rows) == 1) for g in orr.subgroups)
    assert orr.subgroup_tests[0].name == "chi2(5)"


def test_the_resolved_configuration_spells_out_every_default(analysis):
    config = analysis("primary").config
    assert config["models"] == [
        {"model": "GLMM", "measure": "PLO", "method": "ML", "test": "t"},
        {"model": "IV", "measure": "PLO", "method": "REML", "test": "adhoc"},
    ]
    assert config["populations"]["order"][0] == "infused"


def test_inputs_are_hashed_and_no_clock_is_read(analysis):
    provenance = analysis("primary").provenance
    assert "studies/karmma.yaml" in provenance.inputs
    assert "configs/primary.yaml" in provenance.inputs
    assert all(len(digest) == 64 for digest in provenance.inputs.values())


def test_every_finding_of_a_run_has_its_place(analysis):
    found = analysis("primary").findings
    assert found
    assert all(one.mark is not None and one.mark.line and one.mark.column for one in found)
    assert {one.mark.file for one in found} >= {"studies/karmma.yaml", "studies/crb-402.yaml"}


def test_what_the_committed_records_lose_is_acknowledged(analysis):
    lost = [one for one in analysis("primary").findings if one.code == "POP004"]
    assert {(one.study, one.cohort) for one in lost} >= {
        ("crb-402", "all-doses"), ("karmma", "r-iss-3"), ("nci-bcma", "low-dose"),
    }  # fmt: skip
    assert all(one.acknowledged for one in lost)
