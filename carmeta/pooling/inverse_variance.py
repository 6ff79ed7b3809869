"""Inverse-variance random-effects models: the mean, its test and interval.

tau2 comes from :mod:`carmeta.pooling.tau2`. A single analysis is fitted by PyMARE's
``WeightedLeastSquares`` at that tau2, and its Q-profile limits are checked by PyMARE's
``q_gen``; :func:`fit_batch` is the same arithmetic over a batch axis. A test holds the two
together.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri

from carmeta.errors import DataError
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

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# PyMARE's name of each test; "t" is Wald's standard error with t quantiles.
_CORRECTION: Final = {
    "z": "wald",
    "t": "wald",
    "knha": "knapp-hartung",
    "adhoc": "knapp-hartung-conservative",
}


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
    """Raise DataError unless ``test`` is one that inverse-variance models have."""
    if test not in _CORRECTION:
        allowed = ", ".join(_CORRECTION)
        raise DataError(f"test {test!r} does not exist for inverse variance; one of {allowed}")


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
        DataError: Wrong effects, test, method or level; a bootstrap for a batch.
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
    k = m.sum(axis=-1)
    w = m / (v + t2[..., None])
    sw = w.sum(axis=-1)
    sw = np.where(sw > 0, sw, np.nan)
    estimate = (w * y).sum(axis=-1) / sw
    variance = 1.0 / sw
    if test in ("knha", "adhoc"):
        scale = (w * (y - estimate[..., None]) ** 2).sum(axis=-1) / np.maximum(k - 1.0, 1.0)
        variance = variance * (np.maximum(scale, 1.0) if test == "adhoc" else scale)
    mean = _Mean(estimate, np.sqrt(variance), w / sw[..., None])
    return _finish((y, v), k, mean, Summary(t2, converged, low, high, q, trace, loglik), spec)


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
    """Fit one data set ``(k,)``, k >= 2, by PyMARE; Q-profile limits of tau2 included.

    Raises:
        DataError: Wrong effects, test, method or level.
    """
    spec = _Spec(method, test, check_level(level), pi_method, i2_method, seed)
    check_test(test)
    y, v, _ = _arrays(yi, vi, None)
    found = _confirmed(summarise(y, v, method=method, level=level), y, v, level)
    if method == "EE":
        found = replace(found, ci_lb=np.asarray(np.nan), ci_ub=np.asarray(np.nan))
    params = _pymare_wls(y, v, float(found.tau2), _CORRECTION[test])
    se = np.sqrt(np.asarray(params["inv_cov"], dtype=float)[0, 0, 0])
    w = 1.0 / (v + found.tau2)
    mean = _Mean(np.asarray(params["fe_params"], dtype=float)[0, 0], se, w / w.sum())
    return _finish((y, v), np.asarray(float(y.size)), mean, found, spec)


@dataclass(frozen=True, slots=True)
class _Spec:
    """What was asked for."""

    method: Method
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


def _confirmed(found: Summary, y: Floats, v: Floats, level: float) -> Summary:
    """The summary, its Q-profile limits held against PyMARE's generalised Q at each.

    Our limits are exact to rounding. PyMARE's ``q_profile`` stops at 2e-12 absolute and costs
    as much as the rest of an analysis, so that its Q checks them and its limits stand in only
    where the two disagree.
    """
    _load_pymare()
    from pymare.stats import q_gen

    design = np.ones((y.size, 1))
    tail = 0.5 * (1.0 - level)
    targets = chdtri(y.size - 1.0, [tail, 1.0 - tail])
    for limit, target in zip((float(found.ci_lb), float(found.ci_ub)), targets, strict=True):
        q = float(np.ravel(q_gen(y[:, None], v[:, None], design, limit))[0])
        agrees = q <= target * (1.0 + 1e-9) if limit == 0 else abs(q - target) <= 1e-7 * target
        if not agrees:
            low, high = _pymare_q_profile(y, v, level)
            return replace(found, ci_lb=low, ci_ub=high)
    return found


def _pymare_q_profile(y: Floats, v: Floats, level: float) -> tuple[Floats, Floats]:
    """Q-profile limits of tau2 by PyMARE.

    Its root finder stops at 2e-12 absolute: effects and variances are put in a small unit
    first, so that relative to the smallest variance the limits are exact to rounding.
    """
    _load_pymare()
    from pymare.stats import q_profile

    unit = 1e-4 * float(v.min())
    scaled = (y - y.mean()) / np.sqrt(unit)
    found = q_profile(scaled, v / unit, np.ones((y.size, 1)), alpha=1.0 - level)
    return np.asarray(found["ci_l"] * unit), np.asarray(found["ci_u"] * unit)


def _arrays(yi: ArrayLike, vi: ArrayLike, mask: ArrayLike | None) -> tuple[Floats, Floats, Floats]:
    y, v = np.broadcast_arrays(np.asarray(yi, dtype=float), np.asarray(vi, dtype=float))
    if mask is None:
        return y, v, np.ones(y.shape)
    y, v, m = np.broadcast_arrays(y, v, np.asarray(mask, dtype=bool))
    return np.where(m, y, 0.0), np.where(m, v, 1.0), m.astype(float)


@cache
def _load_pymare() -> None:
    """Import PyMARE once; on import it leaves a file open, of which Python may complain."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        import pymare.estimators
        import pymare.stats  # noqa: F401  (loaded here, used by name below)


def _pymare_wls(y: Floats, v: Floats, tau2: float, correction: str) -> dict[str, Any]:
    """Mean and its covariance by PyMARE: a new estimator a fit, its arrays not shared."""
    _load_pymare()
    from pymare.estimators import WeightedLeastSquares

    design = np.ones((y.size, 1))
    estimator = WeightedLeastSquares(tau2=tau2, small_sample_correction=correction)
    # Columns are copied: the estimator may keep or rescale what it is given.
    fitted = estimator.fit(y=y[:, None].copy(), v=v[:, None].copy(), X=design)
    return dict(fitted.params_)


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
