from __future__ import annotations

import numpy as np
import pytest

from carmeta.errors import DataError
from carmeta.pooling.regression import fit_wls
from carmeta.pooling.robust import cr2, htz, satterthwaite_df

RNG = np.random.default_rng(13)
CLUSTER = np.repeat(np.arange(9), [2, 3, 1, 4, 2, 2, 3, 1, 2])
K = CLUSTER.size
X = np.column_stack([np.ones(K), RNG.normal(size=K)])
PHI = RNG.uniform(0.1, 0.5, K)


def test_the_sandwich_is_unbiased_under_its_working_model() -> None:
    # Bell and McCaffrey 2002: the mean of CR2 is the covariance. Its mean is an exact
    # function of the working covariance, here by adding over an orthogonal basis of errors.
    root = np.sqrt(PHI)
    bread = np.linalg.inv(X.T @ (X / PHI[:, None]))
    hat = X @ bread @ (X / PHI[:, None]).T
    total = np.zeros((2, 2))
    for i in range(K):
        error = np.zeros(K)
        error[i] = root[i]
        # residuals are linear in the errors, and the sandwich quadratic without cross terms
        total += cr2(error - hat @ error, X, PHI, CLUSTER).cov
    np.testing.assert_allclose(total, bread, rtol=1e-10)
    np.testing.assert_allclose(cr2(np.zeros(K), X, PHI, CLUSTER).expected, bread, rtol=1e-10)


@pytest.mark.slow
def test_degrees_of_freedom_match_two_moments_by_simulation() -> None:
    bread = np.linalg.inv(X.T @ (X / PHI[:, None]))
    hat = X @ bread @ (X / PHI[:, None]).T
    draws = []
    for _ in range(4000):
        error = RNG.normal(0, np.sqrt(PHI))
        draws.append(cr2(error - hat @ error, X, PHI, CLUSTER).cov[1, 1])
    robust = cr2(np.zeros(K), X, PHI, CLUSTER)
    simulated = 2 * np.mean(draws) ** 2 / np.var(draws)
    assert satterthwaite_df(robust.cross, [0, 1]) == pytest.approx(simulated, rel=0.1)


def test_balanced_clusters_have_one_less_degree_of_freedom() -> None:
    cluster = np.repeat(np.arange(7), 3)
    fit = cr2(RNG.normal(size=21), np.ones((21, 1)), np.full(21, 0.3), cluster)
    assert fit.clusters == 7
    assert satterthwaite_df(fit.cross, [1.0]) == pytest.approx(6.0, rel=1e-10)


def test_one_effect_a_cluster_in_a_mean_is_the_known_formula() -> None:
    # With equal weights CR2 of a mean is the usual variance of a mean of residuals.
    y = RNG.normal(size=10)
    fit = cr2(y - y.mean(), np.ones((10, 1)), np.full(10, 0.2), np.arange(10))
    assert fit.cov[0, 0] == pytest.approx(y.var(ddof=1) / 10, rel=1e-12)


def test_a_diagonal_working_covariance_may_be_given_either_way() -> None:
    e = RNG.normal(size=K)
    one, two = cr2(e, X, PHI, CLUSTER), cr2(e, X, np.diag(PHI), CLUSTER)
    np.testing.assert_allclose(one.cov, two.cov, rtol=1e-13)


def test_one_coefficient_by_htz_is_its_t_squared() -> None:
    y = RNG.normal(size=K)
    fit = fit_wls(y, PHI, X, tau2=0.0, test="z")
    robust = cr2(y - X @ fit.beta, X, PHI, CLUSTER)
    got = htz(fit.beta, robust, np.array([[0.0, 1.0]]))
    assert float(got.stat) == pytest.approx(fit.beta[1] ** 2 / robust.cov[1, 1], rel=1e-10)
    assert got.df2 == pytest.approx(satterthwaite_df(robust.cross, [0, 1]), rel=1e-10)


def test_one_cluster_is_not_enough() -> None:
    with pytest.raises(DataError, match="at least two clusters"):
        cr2(np.zeros(4), np.ones((4, 1)), np.ones(4), ["a"] * 4)
