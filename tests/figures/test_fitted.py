"""The figures' data are fitted by the package: no limits that no model gives."""

from __future__ import annotations

import pytest

from carmeta import pool, pool_two_arm, study_intervals, subgroup_counts
from tests.figures import synthetic


@pytest.mark.parametrize("k", [2, 9, 40])
def test_pools_are_fitted(k: int) -> None:
    outcome = synthetic.outcome(k)
    events, patients = (
        [row.count.xi for row in outcome.rows],
        [row.count.ni for row in outcome.rows],
    )
    for found, options in (
        (outcome.headline, {"model": "GLMM"}),
        (outcome.beside[0], {"model": "IV", "method": "REML", "test": "adhoc"}),
    ):
        wanted = pool(events, patients, **options)
        for name in ("estimate", "ci_lb", "ci_ub", "tau2", "tau2_ci_lb", "tau2_ci_ub", "i2"):
            assert getattr(found, name) == pytest.approx(getattr(wanted, name), rel=1e-12), name
    share, low, high = study_intervals(events, patients)
    assert [row.proportion for row in outcome.rows] == share.tolist()
    assert [row.ci_lb for row in outcome.rows] == low.tolist()
    assert [row.ci_ub for row in outcome.rows] == high.tolist()


def test_comparisons_are_fitted() -> None:
    contrast = synthetic.contrasts()
    arms = [(p.treatment.xi, p.treatment.ni, p.control.xi, p.control.ni) for p in contrast.pairs]
    wanted = pool_two_arm(*zip(*arms, strict=True), measure="OR")
    assert contrast.results[0].back.ci_ub == pytest.approx(wanted.back.ci_ub, rel=1e-12)
    assert [p.weights["OR"] for p in contrast.pairs] == pytest.approx(wanted.weights)


def test_subgroups_are_fitted() -> None:
    outcome = synthetic.outcome(9, subgroups=True)
    (test,) = outcome.subgroup_tests
    counts = [row.count for row in outcome.rows]
    pools, wanted = subgroup_counts(
        [c.xi for c in counts], [c.ni for c in counts], [c.product for c in counts], model="GLMM"
    )
    assert (test.stat, test.p) == (pytest.approx(wanted.stat), pytest.approx(wanted.p))
    for group in outcome.subgroups:
        assert group.pooled is not None
        assert group.pooled.back.ci_lb == pytest.approx(pools[group.level].back.ci_lb)
