"""Cohorts of one trial that enter as rows of their own."""

from __future__ import annotations

import pytest

from carmeta import pool


def of(analysis, code: str):
    (found,) = [o for o in analysis.outcomes if o.outcome == code]
    return found


def refits(outcome, kind: str):
    return [row for row in outcome.sensitivity if row.kind == kind]


def test_they_are_named_in_the_notes(analysis) -> None:
    orr = of(analysis("primary"), "orr")
    (note,) = [note for note in orr.notes if "independent" in note]
    assert "LEGEND-2 (RJ, JS, CZ)" in note
    assert "LEGEND-2 (Xi'an)" in note
    assert not [note for note in of(analysis("primary"), "nt_any").notes if "independent" in note]


def test_limits_that_allow_for_their_likeness_stand_beside_the_headline(analysis) -> None:
    orr = of(analysis("primary"), "orr")
    (row,) = refits(orr, "cluster")
    counts = [r.count for r in orr.rows]
    wanted = pool(
        [c.xi for c in counts],
        [c.ni for c in counts],
        model="IV",
        cluster=[c.study for c in counts],
    )
    assert row.pooled.back.ci_lb == pytest.approx(wanted.back.ci_lb, rel=1e-12)
    assert row.pooled.df == pytest.approx(wanted.df, rel=1e-12)
    assert "CR2" in row.label
    assert f"{wanted.df:.1f} df" in row.label


def test_disjoint_sites_are_added_up_to_one_row(analysis) -> None:
    orr = of(analysis("primary"), "orr")
    (row,) = refits(orr, "one-row")
    assert row.pooled.model == "GLMM"
    assert row.pooled.k == 8
    assert round(100 * row.pooled.back.estimate, 1) == 79.9
    assert "LEGEND-2" in row.label
    assert "65 of 74" in row.label


def test_a_pool_of_one_row_a_trial_has_neither(analysis) -> None:
    for outcome in (of(analysis("primary"), "nt_any"), *analysis("legend2-subsets").outcomes):
        assert not refits(outcome, "cluster")
        assert not refits(outcome, "one-row")
