"""The fit of one data set and the batch arithmetic are the same thing."""

from __future__ import annotations

import numpy as np
import pytest

from carmeta.errors import ConfigError, DataError
from carmeta.pooling.batch import many_effects
from carmeta.pooling.inverse_variance import fit_batch, fit_one

RNG = np.random.default_rng(17)
FIELDS = ("estimate", "se", "stat", "p", "ci_lb", "ci_ub", "pi_lb", "pi_ub", "tau2", "loglik")


@pytest.mark.parametrize("test", ["z", "t", "knha", "adhoc"])
@pytest.mark.parametrize("method", ["REML", "DL", "PM", "EE"])
def test_one_agrees_with_the_batch(method: str, test: str) -> None:
    for k in (2, 5, 40):
        v = 10 ** RNG.uniform(-4, 0, k)
        y = RNG.normal(0.5, np.sqrt(v + 0.1))
        one = fit_one(y, v, method=method, test=test)
        all_ = fit_batch(y, v, method=method, test=test, with_tau2_ci=True)
        for name in FIELDS:
            a, b = float(getattr(one, name)), float(getattr(all_, name))
            assert a == pytest.approx(b, rel=1e-11, abs=1e-13), name
        assert float(one.estimate) == pytest.approx(float(all_.estimate), rel=1e-13, abs=1e-13)
        assert float(one.se) == pytest.approx(float(all_.se), rel=1e-13)
        if method != "EE":
            for name in ("tau2_ci_lb", "tau2_ci_ub"):
                a, b = float(getattr(one, name)), float(getattr(all_, name))
                assert a == pytest.approx(b, rel=2e-9, abs=1e-12), name


def test_ragged_batches() -> None:
    y, v = RNG.normal(size=(6, 8)), RNG.uniform(0.1, 1, (6, 8))
    mask = RNG.random((6, 8)) < 0.7
    mask[:, :3] = True
    many = many_effects(np.where(mask, y, np.nan), np.where(mask, v, 0.0), mask=mask,
                        with_tau2_ci=True)  # fmt: skip
    for i in range(6):
        one = fit_one(y[i][mask[i]], v[i][mask[i]])
        assert float(many.estimate[i]) == pytest.approx(float(one.estimate), rel=1e-9)
        assert float(many.ci_ub[i]) == pytest.approx(float(one.ci_ub), rel=1e-9)
        assert float(many.i2[i]) == pytest.approx(float(one.heterogeneity.i2), rel=1e-7, abs=1e-9)
        assert float(many.tau2_ci_ub[i]) == pytest.approx(float(one.tau2_ci_ub), rel=1e-7)


def test_options_that_do_not_exist() -> None:
    y, v = [0.1, 0.5], [0.1, 0.2]
    with pytest.raises(ConfigError, match="test 'profile' does not exist"):
        fit_one(y, v, test="profile")
    with pytest.raises(DataError, match="one data set at a time"):
        fit_batch([y, y], [v, v], pi_method="bootstrap")
    with pytest.raises(DataError, match="one data set at a time"):
        many_effects([y, y], [v, v], pi_method="bootstrap")
