from __future__ import annotations

import pytest

import carmeta
from carmeta.errors import ConfigError, DataError

XI, NI = [14, 12, 47, 15, 50, 93, 94, 57], [24, 25, 62, 17, 57, 128, 97, 62]
TRIAL = ["a", "b", "c", "d", "d", "e", "f", "c"]


def test_clusters_change_the_uncertainty_and_nothing_else() -> None:
    """The limits are those of the regression that is pinned against clubSandwich."""
    plain = carmeta.pool(XI, NI)
    robust = carmeta.pool(XI, NI, cluster=TRIAL)
    sizes = carmeta.effects(XI, NI)
    fit = carmeta.regress(sizes.yi, sizes.vi, {}, "~ 1", measure="PLO", cluster=TRIAL)
    mean = fit.coefficients[0]
    assert robust.estimate == plain.estimate == pytest.approx(mean.estimate, rel=1e-12)
    assert (robust.tau2, robust.pi_lb) == (plain.tau2, plain.pi_lb)
    assert (robust.se, robust.df, robust.ci_lb) == (mean.se, mean.df, mean.ci_lb)
    assert robust.test == "CR2"
    assert robust.back.ci_lb < robust.back.estimate < robust.back.ci_ub


def test_clusters_are_for_inverse_variance() -> None:
    with pytest.raises(ConfigError, match="cluster is not for model GLMM"):
        carmeta.pool(XI, NI, model="GLMM", cluster=TRIAL)


def test_a_label_for_every_cohort() -> None:
    with pytest.raises(DataError):
        carmeta.pool(XI, NI, cluster=TRIAL[:-1])


def test_the_test_of_clusters_is_theirs() -> None:
    with pytest.raises(ConfigError, match="test = 'knha' is not for clusters"):
        carmeta.pool(XI, NI, cluster=TRIAL, test="knha")
