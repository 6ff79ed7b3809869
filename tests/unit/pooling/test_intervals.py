from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from carmeta.errors import ConfigError, DataError
from carmeta.pooling.intervals import (
    beyond,
    bootstrap_draws,
    check_level,
    critical,
    prediction_df,
    prediction_limits,
    two_sided_p,
)


def test_quantiles_and_tails_are_scipys() -> None:
    df = np.array([1.0, 2.0, 7.0, 400.0, np.inf])
    expected = [stats.t.ppf(0.95, d) if np.isfinite(d) else stats.norm.ppf(0.95) for d in df]
    np.testing.assert_allclose(critical(0.9, df), expected, rtol=1e-12)
    z = np.array([-3.0, 0.0, 0.5, 40.0, -38.0])
    expected = [
        2 * (stats.t.sf(abs(v), d) if np.isfinite(d) else stats.norm.sf(abs(v)))
        for v, d in zip(z, df, strict=True)
    ]
    np.testing.assert_allclose(two_sided_p(z, df), expected, rtol=1e-11)
    assert np.isnan(critical(0.95, 0.0))
    assert np.isnan(two_sided_p(1.0, 0.0))


def test_prediction() -> None:
    assert float(prediction_df(9, "V")) == 8
    assert float(prediction_df(9, "HTS")) == 7
    low, high = prediction_limits(0.3, 0.2, 0.5, 8, 0.95)
    half = stats.t.ppf(0.975, 8) * np.sqrt(0.54)
    np.testing.assert_allclose([low, high], [0.3 - half, 0.3 + half], rtol=1e-12)
    assert float(beyond(0.3, 0.2, 0.5, 8, low)) == pytest.approx(0.975, abs=1e-12)
    assert float(beyond(0.3, 0.2, 0.5, np.inf, 0.3)) == 0.5
    assert np.isnan(prediction_limits(0.3, 0.2, 0.5, 0, 0.95)[0])


def test_bootstrap_is_seeded_and_follows_the_confidence_distribution() -> None:
    y, v = np.array([0.1, 0.9, -0.4, 0.6, 0.2]), np.array([0.1, 0.2, 0.05, 0.3, 0.1])
    a, b = bootstrap_draws(y, v, seed=4, draws=500), bootstrap_draws(y, v, seed=4, draws=500)
    assert np.array_equal(a, b)
    assert not np.array_equal(a, bootstrap_draws(y, v, seed=5, draws=500))
    # Homogeneous data: tau2 is mostly 0 and the draws are those of the mean.
    draws = bootstrap_draws(np.array([0, 1e-3, 0, -1e-3, 0]), v, seed=1, draws=4000)
    assert abs(float(np.median(draws))) < 0.01
    with pytest.raises(DataError, match="two studies"):
        bootstrap_draws(y[:1], v[:1], seed=1)


@pytest.mark.parametrize("level", [0.0, 1.0, 95, -1, "0.95", None])
def test_levels(level: object) -> None:
    with pytest.raises(ConfigError, match="level"):
        check_level(level)
