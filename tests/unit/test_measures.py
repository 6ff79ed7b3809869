from __future__ import annotations

import numpy as np
import pytest

from carmeta.errors import ConfigError, DataError
from carmeta.measures import (
    SINGLE_ARM_MEASURES,
    back_transform,
    check_counts,
    effect_sizes,
    transform,
)


@pytest.mark.parametrize("measure", SINGLE_ARM_MEASURES)
def test_there_and_back(measure: str) -> None:
    x, n = np.arange(1, 20), np.full(19, 20)
    yi, vi = effect_sizes(x, n, measure=measure)
    assert bool((vi > 0).all())
    back = back_transform(yi, measure=measure, ni=n)
    np.testing.assert_allclose(back, x / n, atol=1e-14)
    again = transform(back, measure=measure, n=20.0)
    np.testing.assert_allclose(again, yi, atol=1e-13)


@pytest.mark.parametrize("measure", SINGLE_ARM_MEASURES)
def test_limits_beyond_the_scale_end_at_0_and_1(measure: str) -> None:
    back = back_transform([-50.0, 50.0, np.nan], measure=measure, ni=[10, 20])
    assert back[1] == pytest.approx(1.0, abs=1e-15)
    assert 0.0 <= back[0] <= 1e-20
    assert np.isnan(back[2])


def test_corrections_go_where_they_are_asked() -> None:
    x, n = [0, 3, 8], [5, 6, 8]
    yi, _ = effect_sizes(x, n)
    np.testing.assert_allclose(yi, np.log([0.5 / 5.5, 1.0, 8.5 / 0.5]))
    yi, _ = effect_sizes(x, n, to="all", add=1.0)
    np.testing.assert_allclose(yi, np.log([1 / 6, 1.0, 9.0]))
    yi, _ = effect_sizes([[3, 3], [0, 3]], [6, 6], to="if0all")
    np.testing.assert_allclose(yi, [[0, 0], [np.log(0.5 / 6.5), 0]], atol=1e-15)
    with pytest.raises(DataError, match="study 1: 0 of 5 has no usable variance"):
        effect_sizes(x, n, to="none")
    yi, vi = effect_sizes(x, n, measure="PAS")
    np.testing.assert_allclose(yi[[0, 2]], [0.0, np.pi / 2])
    np.testing.assert_allclose(vi, 1 / (4 * np.array(n)))


@pytest.mark.parametrize(
    ("xi", "ni", "text"),
    [
        ([1, np.nan], [5, 5], r"study 2 \(B\): events is missing"),
        ([1, 2], [5, np.inf], r"study 2 \(B\): n inf is not a number"),
        ([1, 2.5], [5, 5], r"study 2 \(B\): events 2.5 is not a whole number"),
        ([1, 2], [5, 5.5], r"study 2 \(B\): n 5.5 is not a whole number"),
        ([-1, 2], [5, 5], r"study 1 \(A\): events -1 is negative"),
        ([0, 2], [0, 5], r"study 1 \(A\): n 0 is below 1"),
        ([1, 9], [5, 5], r"study 2 \(B\): events 9 exceeds n 5"),
        ([1, 2], [5, 5, 5], "xi has 2 studies and ni has 3"),
        ([1, 2, 3], [5, 5, 5], "slab names 2 studies, the counts have 3"),
        (["a", "b"], [5, 5], r"study 1 \(A\): events 'a' is not a number of patients"),
        (3, 5, "lists of counts"),
    ],
)
def test_wrong_counts_are_named(xi: object, ni: object, text: str) -> None:
    with pytest.raises(DataError, match=text):
        check_counts(xi, ni, ["A", "B"])


def test_a_wrong_count_in_a_batch_is_found() -> None:
    with pytest.raises(DataError, match=r"study 2 \(data set \(1,\)\): events 7 exceeds n 5"):
        check_counts([[1, 2], [1, 7]], [5, 5])


def test_no_studies_and_unknown_words() -> None:
    with pytest.raises(DataError, match="no studies"):
        check_counts([], [])
    with pytest.raises(ConfigError, match="unknown measure 'XX'"):
        effect_sizes([1], [2], measure="XX")
    with pytest.raises(ConfigError, match="unknown rule"):
        effect_sizes([1], [2], to="some")
    with pytest.raises(ConfigError, match="add"):
        effect_sizes([1], [2], add=-1.0)
    with pytest.raises(DataError, match="needs the sample sizes"):
        back_transform([0.4], measure="PFT")
