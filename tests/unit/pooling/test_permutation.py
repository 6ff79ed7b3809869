from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from carmeta.errors import ConfigError
from carmeta.pooling.permutation import _arrangements, permutation_test
from carmeta.pooling.regression import fit_wls

RNG = np.random.default_rng(11)
Y, V = RNG.normal(0.4, 0.5, 6), RNG.uniform(0.05, 0.3, 6)


def statistic(y: np.ndarray, x: np.ndarray, j: int) -> float:
    fit = fit_wls(y, V, x, method="DL", test="knha")
    return float(abs(fit.beta[j]) / np.sqrt(fit.cov[j, j]))


def test_sign_flips_by_enumeration() -> None:
    ones = np.ones((6, 1))
    observed = statistic(Y, ones, 0)
    flips = [statistic(Y * np.array(s), ones, 0) for s in product([1, -1], repeat=6)]
    want = np.mean([value >= observed - 1e-9 for value in flips])
    got = permutation_test(Y, V, method="DL", test="knha")
    assert got.exact
    assert got.count == 64
    assert got.p[0] == pytest.approx(want, abs=1e-12)
    assert got.smallest == pytest.approx(2 / 64)


def test_moderators_by_enumeration() -> None:
    x = np.column_stack([np.ones(6), [1, 1, 0, 0, 0, 1.0], [0.1, 0.7, 0.3, 0.9, 0.2, 0.5]])
    got = permutation_test(Y, V, x, method="DL", test="knha")
    for j in range(3):
        observed = statistic(Y, x, j)
        orders = [statistic(Y, x[list(order)], j) for order in permutations(range(6))]
        want = np.mean([value >= observed - 1e-9 for value in orders])
        assert got.p[j] == pytest.approx(want, abs=1e-12)
    assert got.count == 720


def test_equal_rows_are_not_permuted_among_themselves() -> None:
    x = np.column_stack([np.ones(6), [1, 1, 0, 0, 0, 1.0]])
    got = permutation_test(Y, V, x, method="DL", test="z")
    assert got.count == 20  # 6! / (3! 3!)
    assert got.p_omnibus == pytest.approx(got.p[1])


def test_drawn_permutations_depend_on_the_seed_alone() -> None:
    options = {"method": "DL", "test": "z", "max_exact": 10, "iterations": 400}
    np.random.seed(0)  # the global state must not matter
    one = permutation_test(Y, V, seed=5, **options)
    np.random.seed(1)
    assert permutation_test(Y, V, seed=5, **options).p[0] == one.p[0]
    assert not one.exact
    assert one.count == 400
    assert one.p[0] >= one.smallest == 1 / 400  # the observed data are one of them


def test_drawn_permutations_approach_the_exact_p() -> None:
    exact = permutation_test(Y, V, method="DL", test="z")
    drawn = permutation_test(Y, V, method="DL", test="z", max_exact=1, iterations=20_000)
    error = np.sqrt(exact.p[0] * (1 - exact.p[0]) / 20_000)
    assert abs(drawn.p[0] - exact.p[0]) < 5 * error


def test_the_test_holds_its_level_where_the_studies_are_exchangeable() -> None:
    # Under the null every exact p is at least its level: P(p <= alpha) <= alpha.
    rng = np.random.default_rng(2)
    found = [
        permutation_test(rng.normal(0, 0.5, 6), V, method="DL", test="z").p[0] for _ in range(200)
    ]
    assert np.mean(np.array(found) <= 0.2) < 0.2 + 4 * np.sqrt(0.16 / 200)


def test_arrangements_of_a_multiset() -> None:
    assert list(_arrangements([2, 1])) == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
    assert len(list(_arrangements([2, 2, 1]))) == 30


def test_options_are_checked() -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        permutation_test(Y, V, iterations=0)
    with pytest.raises(ConfigError, match="no moderator"):
        permutation_test(Y, V, np.ones((6, 1)))
