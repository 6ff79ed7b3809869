from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from carmeta.errors import ConfigError
from carmeta.pooling.exact import clopper_pearson, study_limits, wilson

COUNTS = np.array([(x, n) for n in (*range(1, 26), 300, 1_000_000) for x in {0, 1, n // 2, n}])


@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
def test_vectorised_limits_are_those_of_statsmodels(level: float) -> None:
    x, n = COUNTS[:, 0], COUNTS[:, 1]
    for name, ours in {"beta": clopper_pearson, "wilson": wilson}.items():
        low, high = proportion_confint(x, n, alpha=1.0 - level, method=name)
        theirs = np.where(x == 0, 0.0, low), np.where(x == n, 1.0, high)
        np.testing.assert_allclose(ours(x, n, level=level), theirs, rtol=1e-11, atol=1e-14)


def test_wilson_limits() -> None:
    """R 4.2.2: prop.test(c(3, 0, 10)[i], 10, correct = FALSE)$conf.int."""
    low, high = study_limits([3, 0, 10], [10, 10, 10], method="wilson")
    np.testing.assert_allclose(low, [0.1077912674063010, 0.0, 0.7224672001371109], rtol=1e-12)
    np.testing.assert_allclose(high, [0.6032218525388545, 0.2775327998628891, 1.0], rtol=1e-12)


def test_limits_of_binom_test() -> None:
    """R 4.2.2: binom.test(3, 10), binom.test(0, 10), binom.test(10, 10)."""
    low, high = clopper_pearson([3, 0, 10], [10, 10, 10])
    np.testing.assert_allclose(low, [0.06673951117773, 0.0, 0.69150289218124], rtol=1e-12)
    np.testing.assert_allclose(high, [0.65245285005999, 0.30849710781876, 1.0], rtol=1e-12)


def test_limits_reach_the_ends_exactly() -> None:
    for method in (clopper_pearson, study_limits):
        low, high = method([0, 7], [7, 7])
        assert low[0] == 0.0
        assert high[1] == 1.0
        assert 0.0 < high[0] < 1.0
        assert 0.0 < low[1] < 1.0


def test_unknown_method_and_level() -> None:
    with pytest.raises(ConfigError, match="unknown study interval 'wald'"):
        study_limits([1], [2], method="wald")
    with pytest.raises(ConfigError, match="level"):
        clopper_pearson([1], [2], level=1.0)
