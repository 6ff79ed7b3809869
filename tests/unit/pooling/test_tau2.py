from __future__ import annotations

from fractions import Fraction
from typing import Any, get_args

import numpy as np
import pytest

from carmeta.errors import ConfigError, DataError
from carmeta.pooling.heterogeneity import heterogeneity
from carmeta.pooling.tau2 import estimate_tau2, generalised_q, log_likelihood, tau2_ci
from carmeta.vocabulary import Method

METHODS = get_args(Method)
RNG = np.random.default_rng(5)
Y = RNG.normal(0.0, 0.8, (40, 7))
V = RNG.uniform(0.05, 0.6, (40, 7))
X = np.column_stack([np.ones(7), np.arange(7.0)])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("x", [None, X])
def test_a_batch_is_its_members(method: Method, x: np.ndarray | None) -> None:
    many = estimate_tau2(Y.reshape(4, 10, 7), V.reshape(4, 10, 7), x, method=method)
    assert many.tau2.shape == many.converged.shape == (4, 10)
    one = [float(estimate_tau2(y, v, x, method=method).tau2) for y, v in zip(Y, V, strict=True)]
    np.testing.assert_allclose(many.tau2.ravel(), one, rtol=1e-12, atol=1e-14)
    assert bool(many.converged.all())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("x", [None, X])
def test_a_mask_leaves_studies_out(method: Method, x: np.ndarray | None) -> None:
    keep = np.array([True, False, True, True, True, False, True])
    holed = np.where(keep, Y, np.nan)
    masked = estimate_tau2(holed, np.where(keep, V, -1.0), x, method=method, mask=keep)
    short = estimate_tau2(Y[:, keep], V[:, keep], None if x is None else x[keep], method=method)
    np.testing.assert_allclose(masked.tau2, short.tau2, rtol=1e-9, atol=1e-13)
    for kind in ("QP", "PL"):
        a = tau2_ci(holed, np.where(keep, V, 1.0), x, level=0.9, method=kind, mask=keep)
        b = tau2_ci(Y[:, keep], V[:, keep], None if x is None else x[keep], level=0.9, method=kind)
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_units_and_origin_do_not_matter(method: Method) -> None:
    base = estimate_tau2(Y, V, method=method).tau2
    np.testing.assert_allclose(
        estimate_tau2(Y * 30.0 + 7.0, V * 900.0, method=method).tau2, base * 900.0, rtol=1e-9
    )


@pytest.mark.parametrize("method", METHODS)
def test_a_design_of_ones_is_the_mean(method: Method) -> None:
    """The regression code on a basis that spans the constant agrees with the special case."""
    plain = estimate_tau2(Y, V, method=method).tau2
    ones = estimate_tau2(Y, V, np.full((7, 1), 3.0), method=method).tau2
    almost = np.ones((7, 1))
    almost[3] += 1e-15  # not recognised as constant: takes the general way
    general = estimate_tau2(Y, V, almost, method=method).tau2
    np.testing.assert_allclose(ones, plain, rtol=1e-13)
    np.testing.assert_allclose(general, plain, rtol=1e-9, atol=1e-13)


def test_designs_may_differ_by_row() -> None:
    designs = np.stack([np.column_stack([np.ones(7), RNG.normal(size=7)]) for _ in range(40)])
    many = estimate_tau2(Y, V, designs).tau2
    one = [float(estimate_tau2(y, v, d).tau2) for y, v, d in zip(Y, V, designs, strict=True)]
    np.testing.assert_allclose(many, one, rtol=1e-10, atol=1e-13)


def test_identical_effects_have_no_heterogeneity() -> None:
    for method in METHODS:
        result = estimate_tau2(np.full(5, 0.3), np.linspace(0.1, 0.5, 5), method=method)
        assert float(result.tau2) == 0.0


def test_too_few_studies_are_said() -> None:
    for method in METHODS:
        if method == "EE":
            continue
        result = estimate_tau2([0.3], [0.1], method=method)
        assert float(result.tau2) == 0.0
        assert not bool(result.converged)
    low, high = tau2_ci([0.3], [0.1], level=0.95)
    assert (float(low), float(high)) == (0.0, np.inf)


def test_large_batches_do_not_change_results() -> None:
    y, v = np.tile(Y, (300, 1)), np.tile(V, (300, 1))
    for method in ("REML", "PM"):
        many = estimate_tau2(y, v, method=method).tau2.reshape(300, 40)
        assert np.array_equal(many[0], many[-1])


def test_reml_maximises_its_likelihood() -> None:
    tau2 = estimate_tau2(Y, V).tau2
    top = log_likelihood(Y, V, tau2=tau2)
    for factor in (0.9, 0.99, 1.01, 1.1):
        assert bool((log_likelihood(Y, V, tau2=tau2 * factor + 1e-9) <= top + 1e-12).all())


def test_q_at_zero_is_cochrans() -> None:
    w = 1.0 / V
    mean = (w * Y).sum(1, keepdims=True) / w.sum(1, keepdims=True)
    np.testing.assert_allclose(generalised_q(Y, V), (w * (Y - mean) ** 2).sum(1), rtol=1e-12)


@pytest.mark.parametrize(
    ("y", "v", "x", "text"),
    [
        ([0.1, np.nan], [0.1, 0.1], None, "study 2: effect nan"),
        ([0.1, 0.2], [0.1, 0.0], None, "study 2: effect 0.2 with variance 0"),
        ([0.1, 0.2], [0.1, np.inf], None, "study 2"),
        ([], [], None, "no studies"),
        ([0.1, 0.2, 0.3], [0.1, 0.1, 0.1], np.ones((3, 2)), "rank deficient"),
        ([0.1, 0.2, 0.3], [0.1, 0.1, 0.1], np.array([[1, np.nan]] * 3), "not finite"),
    ],
)
def test_bad_input_is_named(
    y: list[float], v: list[float], x: np.ndarray | None, text: str
) -> None:
    with pytest.raises(DataError, match=text):
        estimate_tau2(y, v, x)


def test_unknown_method_and_level() -> None:
    with pytest.raises(ConfigError, match="unknown method 'XX'"):
        estimate_tau2([0.1, 0.2], [0.1, 0.1], method="XX")
    with pytest.raises(ConfigError, match="level"):
        tau2_ci([0.1, 0.2], [0.1, 0.1], level=95)


@pytest.mark.parametrize(
    ("vi", "message"),
    [
        ([1e-16, 1.0, 0.5], "study 1: variance 1e-16 beside 1"),
        ([0.5, 1.0, 1e30], "study 1: variance 0.5 beside 1e\\+30"),
        ([1e-200, 1e-200, 1e-201], "study 1: effect .* with variance 1e-200"),
        ([1e-320, 1.0, 1.0], "study 1: effect .* with variance"),
        ([1e80, 1e80, 1e80], "study 1: effect .* with variance 1e\\+80"),
    ],
)
@pytest.mark.parametrize("method", METHODS)
def test_variances_that_no_float_can_weigh_are_refused(
    vi: list[float], message: str, method: Any
) -> None:
    with pytest.raises(DataError, match=message):
        estimate_tau2([0.1, 0.2, 0.4], vi, method=method)
    with pytest.raises(DataError, match=message):
        heterogeneity([0.1, 0.2, 0.4], vi, 0.0)
    # what is absent is not weighed
    kept = estimate_tau2([[0.1, 0.2, 0.4]], [[1e-13, 2e-13, 1.0]], mask=[[True, True, False]])
    assert kept.converged.all()


@pytest.mark.parametrize("method", METHODS)
def test_variances_that_differ_by_all_that_is_allowed(method: Any) -> None:
    """Against the same scalars in exact arithmetic."""
    y, v = [0.1, 0.2, 0.4], [1.1e-10, 1.0, 0.5]
    tau2 = float(estimate_tau2(y, v, method=method).tau2)
    found = heterogeneity(y, v, tau2)
    w = [1 / Fraction(value) for value in v]
    trace = sum(w) - sum(value**2 for value in w) / sum(w)
    exact = 100 * tau2 / (tau2 + 2 / float(trace))
    assert float(found.i2) == pytest.approx(exact, rel=1e-5)
