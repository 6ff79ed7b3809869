from __future__ import annotations

import numpy as np
import pytest

from carmeta.errors import EstimationError
from carmeta.pooling.binomial_mixed import fit_common, fit_mixed, profile_beta
from carmeta.pooling.glmm import fit_glmm
from carmeta.pooling.glmm_profile import profile_limits
from carmeta.pooling.mixed_quadrature import MixedData, loglik, score_and_information

X = np.array([28, 15, 16, 0, 20, 70, 85, 31, 60.0])
N = np.array([33, 17, 20, 22, 25, 97, 97, 40, 82.0])


def one_arm(x: np.ndarray, n: np.ndarray, design: np.ndarray | None = None) -> MixedData:
    k = x.size
    columns = np.ones((k, 1)) if design is None else design
    return MixedData(x[:, None], n[:, None], columns[:, None, :], np.ones((k, 1, 1)))


def two_effects() -> MixedData:
    rng = np.random.default_rng(8)
    n = rng.integers(8, 60, (7, 2)).astype(float)
    y = rng.binomial(n.astype(int), 0.3).astype(float)
    x = np.zeros((7, 2, 2))
    x[:, :, 0], x[:, 0, 1] = 1.0, 1.0
    z = np.ones((7, 2, 2))
    z[:, :, 1] = [0.5, -0.5]
    return MixedData(y, n, x, z)


@pytest.mark.parametrize("data", [one_arm(X, N), two_effects()], ids=["one", "two"])
def test_score_and_information_are_the_derivatives(data: MixedData) -> None:
    p, r = data.x.shape[2], data.z.shape[2]
    at = np.concatenate([np.full(p, -0.3), np.array([0.7, 0.9])[:r]])

    def value(theta: np.ndarray) -> float:
        return loglik(data, theta[:p], theta[p:])

    _, score, info = score_and_information(data, at[:p], at[p:])
    h = 1e-4
    for i, step in enumerate(h * np.eye(p + r)):
        # fourth-order central differences: error near h^4, rounding near 1e-13 / h
        slope = (
            8 * (value(at + step) - value(at - step)) - value(at + 2 * step) + value(at - 2 * step)
        ) / (12 * h)
        assert score[i] == pytest.approx(slope, abs=1e-7)
        up = score_and_information(data, (at + step)[:p], (at + step)[p:])[1]
        down = score_and_information(data, (at - step)[:p], (at - step)[p:])[1]
        np.testing.assert_allclose(info[i], -(up - down) / (2 * h), atol=1e-5)


@pytest.mark.parametrize(
    ("x", "n"),
    [
        (X, N),
        (np.array([3, 5, 2, 8.0]), np.array([20, 31, 15, 50.0])),
        (np.array([900, 1, 500_000.0]), np.array([2000, 3, 1_000_000.0])),
        (np.array([0, 0, 1, 9.0]), np.array([5, 8, 40, 10.0])),
    ],
)
def test_an_intercept_alone_is_the_single_arm_model(x: np.ndarray, n: np.ndarray) -> None:
    got, want = fit_mixed(one_arm(x, n)), fit_glmm(x, n)
    assert got.loglik == pytest.approx(float(want.loglik), abs=1e-8)
    assert got.beta[0] == pytest.approx(float(want.estimate), rel=1e-8)
    assert np.sqrt(got.cov[0, 0]) == pytest.approx(float(want.se), rel=1e-7)
    assert got.sd[0] ** 2 == pytest.approx(float(want.tau2), rel=1e-7)


def test_profile_of_a_mean_is_that_of_the_single_arm_model() -> None:
    data, want = one_arm(X, N), fit_glmm(X, N)
    got = profile_beta(data, fit_mixed(data), 0, level=0.95)
    low, high = profile_limits(X, N, want, of="mu", level=0.95)
    assert got == pytest.approx((float(low), float(high)), rel=1e-7)


def test_groups_of_their_own_are_a_common_fit_without_heterogeneity() -> None:
    design = np.eye(3)[[0, 0, 1, 1, 2, 2]]
    x, n = np.array([4, 4, 6, 6, 2, 2.0]), np.full(6, 12.0)
    fit = fit_mixed(one_arm(x, n, design))
    assert fit.sd[0] == 0.0
    np.testing.assert_allclose(fit.beta, np.log([4 / 8, 1, 2 / 10]), atol=1e-10)
    np.testing.assert_allclose(fit.beta, fit_common(one_arm(x, n, design)).beta, atol=1e-9)


def test_absent_rows_change_nothing() -> None:
    data = one_arm(X, N)
    y, n = np.zeros((9, 2)), np.zeros((9, 2))
    y[:, 0], n[:, 0] = X, N
    padded = MixedData(y, n, np.ones((9, 2, 1)), np.ones((9, 2, 1)))
    assert fit_mixed(padded).loglik == pytest.approx(fit_mixed(data).loglik, abs=1e-10)


def test_separation_is_an_error() -> None:
    design = np.eye(2)[[0, 0, 1, 1]]
    data = one_arm(np.array([0, 0, 3, 5.0]), np.full(4, 10.0), design)
    with pytest.raises(EstimationError, match="did not converge"):
        fit_mixed(data)


def test_too_few_nodes_are_refused() -> None:
    with pytest.raises(EstimationError, match="7 quadrature nodes are too few"):
        fit_mixed(one_arm(X, N), nodes=7)
