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
from typing import Any, Final, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri

from carmeta.errors import DataError
from carmeta.pooling.heterogeneity import Heterogeneity, I2Method, from_q
from carmeta.pooling.intervals import (
    bootstrap_draws,
    check_level,
    critical,
    prediction_df,
    prediction_limits,
    two_sided_p,
)
from carmeta.pooling.tau2 import estimate_tau2, fit_statistics, tau2_ci
from carmeta.vocabulary import Method, PiMethod, Test

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
IvTest = Literal["z", "t", "knha", "adhoc"]

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
    check_test(test)
    y, v, m = _arrays(yi, vi, mask)
    if tau2 is None:
        solved = estimate_tau2(y, v, method=method, mask=mask)
        t2, converged = solved.tau2, solved.converged
    else:
        t2 = np.broadcast_to(np.asarray(tau2, dtype=float), y.shape[:-1])
        converged = np.ones(y.shape[:-1], dtype=bool)
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
    return _finish(
        _Data(y, v, mask, k),
        mean,
        t2,
        converged,
        method,
        test,
        check_level(level),
        pi_method,
        i2_method,
        with_tau2_ci,
        seed,
    )


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
    check_test(test)
    y, v, m = _arrays(yi, vi, None)
    solved = estimate_tau2(y, v, method=method)
    params = _pymare_wls(y, v, float(solved.tau2), _CORRECTION[test])
    se = np.sqrt(np.asarray(params["inv_cov"], dtype=float)[0, 0, 0])
    w = 1.0 / (v + solved.tau2)
    mean = _Mean(np.asarray(params["fe_params"], dtype=float)[0, 0], se, w / w.sum())
    fit = _finish(
        _Data(y, v, None, m.sum(axis=-1)), mean, solved.tau2, solved.converged, method, test,
        check_level(level), pi_method, i2_method, False, seed,
    )  # fmt: skip
    if method == "EE":
        return fit
    low, high = _checked_limits(y, v, level)
    return replace(fit, tau2_ci_lb=low, tau2_ci_ub=high)


def _checked_limits(y: Floats, v: Floats, level: float) -> tuple[Floats, Floats]:
    """Q-profile limits of tau2, each held against PyMARE's generalised Q at that tau2.

    Our limits are exact to rounding. PyMARE's ``q_profile`` stops at 2e-12 absolute and costs
    as much as the rest of an analysis, so that its Q checks them and its limits stand in only
    where the two disagree.
    """
    low, high = tau2_ci(y, v, level=level)
    _load_pymare()
    from pymare.stats import q_gen

    design = np.ones((y.size, 1))
    columns = y[:, None], v[:, None]
    tail = 0.5 * (1.0 - level)
    for limit, target in zip(
        (float(low), float(high)), chdtri(y.size - 1.0, [tail, 1.0 - tail]), strict=True
    ):
        q = float(np.ravel(q_gen(*columns, design, limit))[0])
        agrees = q <= target * (1.0 + 1e-9) if limit == 0 else abs(q - target) <= 1e-7 * target
        if not agrees:
            return _pymare_q_profile(y, v, level)
    return low, high


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


@dataclass(frozen=True, slots=True)
class _Data:
    y: Floats
    v: Floats
    mask: ArrayLike | None
    k: Floats


@dataclass(frozen=True, slots=True)
class _Mean:
    estimate: Floats
    se: Floats
    weights: Floats


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
    data: _Data,
    mean: _Mean,
    tau2: Floats,
    converged: Bools,
    method: Method,
    test: Test,
    level: float,
    pi_method: PiMethod,
    i2_method: I2Method,
    with_tau2_ci: bool,
    seed: int,
) -> IvFit:
    df = np.where(test == "z", np.inf, data.k - 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        stat = mean.estimate / mean.se  # se 0 happens: knha on identical studies
    half = critical(level, df) * mean.se
    if pi_method == "bootstrap":
        pi_lb, pi_ub = _bootstrap_limits(data, level, seed)
    else:
        spread = prediction_df(data.k, pi_method)
        pi_lb, pi_ub = prediction_limits(mean.estimate, mean.se, tau2, spread, level)
    q, trace, loglik = fit_statistics(
        data.y, data.v, tau2=tau2, reml=method == "REML", mask=data.mask
    )
    definition: I2Method = "Q" if method == "EE" else i2_method
    low = high = np.full(tau2.shape, np.nan)
    if with_tau2_ci and method != "EE":
        low, high = tau2_ci(data.y, data.v, level=level, mask=data.mask)
    return IvFit(
        k=data.k,
        estimate=mean.estimate,
        se=mean.se,
        stat=stat,
        df=df,
        p=np.where(mean.se > 0, two_sided_p(np.nan_to_num(stat), df), np.nan),
        ci_lb=mean.estimate - half,
        ci_ub=mean.estimate + half,
        pi_lb=pi_lb,
        pi_ub=pi_ub,
        tau2=tau2,
        tau2_ci_lb=low,
        tau2_ci_ub=high,
        heterogeneity=from_q(q, trace, data.k, tau2, i2_method=definition),
        loglik=loglik,
        converged=converged,
        weights=mean.weights,
    )


def _bootstrap_limits(data: _Data, level: float, seed: int) -> tuple[Floats, Floats]:
    if data.y.ndim > 1:
        raise DataError("the bootstrap prediction interval is for one data set at a time")
    draws = bootstrap_draws(data.y, data.v, seed=seed)
    tail = 0.5 * (1.0 - level)
    low, high = np.quantile(draws, [tail, 1.0 - tail])
    return np.asarray(low), cast("Floats", np.asarray(high))
