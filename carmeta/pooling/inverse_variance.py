"""Inverse-variance random-effects models: the mean, its test and interval.

tau2 comes from :mod:`carmeta.pooling.tau2`. :func:`fit_one` takes all that concerns it in one
go; :func:`fit_batch` is the same arithmetic over a batch axis. A run has every fit of a single
data set repeated by PyMARE (:mod:`carmeta.second_opinion`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from carmeta.arrays import Bools, Floats
from carmeta.domain.witness import tell, witnessed
from carmeta.errors import ConfigError, DataError
from carmeta.pooling.heterogeneity import Heterogeneity, from_q
from carmeta.pooling.intervals import (
    bootstrap_draws,
    check_level,
    critical,
    prediction_df,
    prediction_limits,
    two_sided_p,
)
from carmeta.pooling.tau2 import Summary, estimate_tau2, fit_statistics, summarise, tau2_ci
from carmeta.vocabulary import I2Method, Method, PiMethod, Test

IV_TESTS: Final[tuple[Test, ...]] = ("z", "t", "knha", "adhoc")


@dataclass(frozen=True, slots=True)
class IvFit:
    """Inverse-variance fits; every array has the batch shape, weights ``(..., k)``.

    ``df`` is k - 1, or inf for ``z``. Limits of tau2 are NaN unless they were asked for.
    """

    k: Floats
    estimate: Floats
    se: Floats
    stat: Floats
    df: Floats
    p: Floats
    ci_lb: Floats
    ci_ub: Floats
    pi_lb: Floats
    pi_ub: Floats
    tau2: Floats
    tau2_ci_lb: Floats
    tau2_ci_ub: Floats
    heterogeneity: Heterogeneity
    loglik: Floats
    converged: Bools
    weights: Floats


def check_test(test: str) -> None:
    """Raise ConfigError unless ``test`` is one that inverse-variance models have."""
    if test not in IV_TESTS:
        allowed = ", ".join(IV_TESTS)
        raise ConfigError(f"test {test!r} does not exist for inverse variance; one of {allowed}")


def fit_batch(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    method: Method = "REML",
    test: Test = "adhoc",
    level: float = 0.95,
    pi_method: PiMethod = "V",
    i2_method: I2Method = "tau2",
    tau2: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    with_tau2_ci: bool = False,
    seed: int = 0,
) -> IvFit:
    """Fit any number of data sets ``(..., k)`` at once.

    ``tau2`` given (batch shape) is used as it stands. Tests: Wald ``z`` and ``t``;
    ``knha``: Knapp & Hartung 2003, eq. 4; ``adhoc``: the same with its scale factor held at
    1 or above (Roever 2015). The equal-effects model (method EE) has I2 and H2 from Q.

    Raises:
        DataError: Wrong effects; a bootstrap for a batch.
        ConfigError: A test, method or level that does not exist.
    """
    spec = _Spec(method, test, check_level(level), pi_method, i2_method, seed)
    check_test(test)
    y, v, m = _arrays(yi, vi, mask)
    if tau2 is None:
        solved = estimate_tau2(y, v, method=method, mask=mask)
        t2, converged = solved.tau2, solved.converged
    else:
        t2 = np.broadcast_to(np.asarray(tau2, dtype=float), y.shape[:-1])
        converged = np.ones(y.shape[:-1], dtype=bool)
    low = high = np.full(t2.shape, np.nan)
    if with_tau2_ci and method != "EE":
        low, high = tau2_ci(y, v, level=level, mask=mask)
    q, trace, loglik = fit_statistics(y, v, tau2=t2, reml=method == "REML", mask=mask)
    mean = _mean(y, v, m, t2, test)
    found = Summary(t2, converged, low, high, q, trace, loglik)
    _tell(y, v, m, mean, found, spec if tau2 is None else replace(spec, method="given"))
    return _finish((y, v), m.sum(axis=-1), mean, found, spec)


def fit_one(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    method: Method = "REML",
    test: Test = "adhoc",
    level: float = 0.95,
    pi_method: PiMethod = "V",
    i2_method: I2Method = "tau2",
    seed: int = 0,
) -> IvFit:
    """Fit one data set ``(k,)``, k >= 2; Q-profile limits of tau2 included.

    Raises:
        DataError: Wrong effects.
        ConfigError: A test, method or level that does not exist.
    """
    spec = _Spec(method, test, check_level(level), pi_method, i2_method, seed)
    check_test(test)
    y, v, present = _arrays(yi, vi, None)
    found = summarise(y, v, method=method, level=level)
    if method == "EE":
        found = replace(found, ci_lb=np.asarray(np.nan), ci_ub=np.asarray(np.nan))
    mean = _mean(y, v, present, found.tau2, test)
    _tell(y, v, present, mean, found, spec)
    return _finish((y, v), np.asarray(float(y.size)), mean, found, spec)


@dataclass(frozen=True, slots=True)
class _Spec:
    """What was asked for."""

    method: Method | Literal["given"]
    test: Test
    level: float
    pi_method: PiMethod
    i2_method: I2Method
    seed: int


@dataclass(frozen=True, slots=True)
class _Mean:
    estimate: Floats
    se: Floats
    weights: Floats


def _mean(y: Floats, v: Floats, present: Floats, tau2: Floats, test: Test) -> _Mean:
    """Weighted mean, and its standard error by the test's own rule."""
    w = present / (v + tau2[..., None])
    sw = w.sum(axis=-1)
    sw = np.where(sw > 0, sw, np.nan)
    estimate = (w * y).sum(axis=-1) / sw
    variance = 1.0 / sw
    if test in ("knha", "adhoc"):
        df = np.maximum(present.sum(axis=-1) - 1.0, 1.0)
        scale = (w * (y - estimate[..., None]) ** 2).sum(axis=-1) / df
        variance = variance * (np.maximum(scale, 1.0) if test == "adhoc" else scale)
    return _Mean(estimate, np.sqrt(variance), w / sw[..., None])


def _arrays(yi: ArrayLike, vi: ArrayLike, mask: ArrayLike | None) -> tuple[Floats, Floats, Floats]:
    y, v = np.broadcast_arrays(np.asarray(yi, dtype=float), np.asarray(vi, dtype=float))
    if mask is None:
        return y, v, np.ones(y.shape)
    y, v, m = np.broadcast_arrays(y, v, np.asarray(mask, dtype=bool))
    return np.where(m, y, 0.0), np.where(m, v, 1.0), m.astype(float)


def _tell(y: Floats, v: Floats, present: Floats, mean: _Mean, found: Summary, spec: _Spec) -> None:
    """Let a run keep each fit of the batch."""
    if not witnessed():
        return
    for at in np.ndindex(mean.estimate.shape):
        here = present[at] > 0
        tell(
            y[at][here], v[at][here], np.ones((int(here.sum()), 1)), method=spec.method,
            test=spec.test, tau2=found.tau2[at], estimates=mean.estimate[at].reshape(1),
            ses=mean.se[at].reshape(1), level=spec.level,
            tau2_limits=(float(found.ci_lb[at]), float(found.ci_ub[at])),
        )  # fmt: skip


def _finish(
    effects: tuple[Floats, Floats], k: Floats, mean: _Mean, found: Summary, spec: _Spec
) -> IvFit:
    """Test, intervals and heterogeneity, from the mean and all that concerns tau2."""
    estimate, se, tau2 = mean.estimate, mean.se, found.tau2
    df = np.full(k.shape, np.inf) if spec.test == "z" else k - 1.0
    # The standard error is 0 for knha on identical studies: there is no test then.
    stat = estimate / np.where(se > 0, se, np.nan)
    half = critical(spec.level, df) * se
    if spec.pi_method == "bootstrap":
        pi_lb, pi_ub = _bootstrap_limits(*effects, spec)
    else:
        spread = prediction_df(k, spec.pi_method)
        pi_lb, pi_ub = prediction_limits(estimate, se, tau2, spread, spec.level)
    definition: I2Method = "Q" if spec.method == "EE" else spec.i2_method
    return IvFit(
        k=k,
        estimate=estimate,
        se=se,
        stat=stat,
        df=df,
        p=two_sided_p(stat, df),
        ci_lb=estimate - half,
        ci_ub=estimate + half,
        pi_lb=pi_lb,
        pi_ub=pi_ub,
        tau2=tau2,
        tau2_ci_lb=found.ci_lb,
        tau2_ci_ub=found.ci_ub,
        heterogeneity=from_q(found.q, found.trace, k, tau2, i2_method=definition),
        loglik=found.loglik,
        converged=found.converged,
        weights=mean.weights,
    )


def _bootstrap_limits(y: Floats, v: Floats, spec: _Spec) -> tuple[Floats, Floats]:
    if y.ndim > 1:
        raise DataError("the bootstrap prediction interval is for one data set at a time")
    draws = bootstrap_draws(y, v, seed=spec.seed)
    tail = 0.5 * (1.0 - spec.level)
    low, high = np.quantile(draws, [tail, 1.0 - tail])
    return np.asarray(low), np.asarray(high)
