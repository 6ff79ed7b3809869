"""Critical values, p-values and prediction intervals; `scipy.special` only."""

from __future__ import annotations

from typing import Final, cast

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from carmeta.arrays import Floats
from carmeta.errors import ConfigError, DataError
from carmeta.pooling.tau2 import generalised_q
from carmeta.vocabulary import PiMethod

# Draws of the bootstrap prediction interval: the Monte Carlo error of a 2.5% quantile is
# then near 1% of the interval's width.
BOOTSTRAP_DRAWS: Final = 20_000
_GRID: Final = 400


def check_level(level: float) -> float:
    """Return ``level``, or raise ConfigError unless it lies inside (0, 1)."""
    if not (isinstance(level, int | float) and 0.0 < level < 1.0):
        raise ConfigError(f"level {level!r} is not between 0 and 1 (0.95 for 95%)")
    return float(level)


def critical(level: float, df: ArrayLike = np.inf) -> Floats:
    """Two-sided critical value of t with ``df`` (normal for inf; NaN for df below 1)."""
    d = np.asarray(df, dtype=float)
    tail = 0.5 * (1.0 + level)
    finite = np.isfinite(d)
    value = np.where(finite, stdtrit(np.where(finite & (d >= 1), d, 1.0), tail), ndtri(tail))
    return np.where(d < 1, np.nan, value)


def two_sided_p(stat: ArrayLike, df: ArrayLike = np.inf) -> Floats:
    """Two-sided p-value of a t (normal for infinite df) statistic."""
    z, d = np.broadcast_arrays(np.asarray(stat, dtype=float), np.asarray(df, dtype=float))
    finite = np.isfinite(d)
    lower = np.where(finite, stdtr(np.where(finite & (d >= 1), d, 1.0), -abs(z)), ndtr(-abs(z)))
    return np.where(d < 1, np.nan, 2.0 * lower)


def prediction_df(k: ArrayLike, pi_method: PiMethod, p: int = 1) -> Floats:
    """Degrees of freedom of a prediction interval: k - p (V), or k - p - 1 (HTS).

    HTS: Higgins, Thompson & Spiegelhalter 2009, eq. 12; V: Veroniki 2019.
    """
    d = np.asarray(k, dtype=float) - p
    return d - 1.0 if pi_method == "HTS" else d


def prediction_limits(
    estimate: ArrayLike, se: ArrayLike, tau2: ArrayLike, df: ArrayLike, level: float
) -> tuple[Floats, Floats]:
    """``estimate -+ t(df) sqrt(tau2 + se^2)``; NaN where df is below 1."""
    mu = np.asarray(estimate, dtype=float)
    half = critical(level, df) * np.sqrt(np.asarray(tau2) + np.asarray(se) ** 2)
    return mu - half, mu + half


def beyond(
    estimate: ArrayLike, se: ArrayLike, tau2: ArrayLike, df: ArrayLike, threshold: ArrayLike
) -> Floats:
    """Probability that a new study's effect lies above ``threshold`` (t with ``df``)."""
    spread = np.sqrt(np.asarray(tau2, dtype=float) + np.asarray(se, dtype=float) ** 2)
    z = (np.asarray(estimate, dtype=float) - np.asarray(threshold, dtype=float)) / spread
    d = np.asarray(df, dtype=float)
    finite = np.isfinite(d)
    value = np.where(finite, stdtr(np.where(finite & (d >= 1), d, 1.0), z), ndtr(z))
    return np.where(d < 1, np.nan, value)


def bootstrap_draws(
    yi: ArrayLike, vi: ArrayLike, *, seed: int, draws: int = BOOTSTRAP_DRAWS
) -> Floats:
    """Draws of a new study's effect, ``(draws,)``, for one data set of k >= 2.

    Nagashima, Noma & Furukawa 2019, algorithm 1: tau2 from its confidence distribution
    given Cochran's Q, the mean from its Hartung-Knapp t at that tau2, the new study normal
    about it. Q is a weighted sum of chi-squares whose weights, the eigenvalues of
    ``P^1/2 (V + tau2) P^1/2``, grow with tau2; so each draw solves Q(tau2; z) = Q observed.
    """
    y, v = np.asarray(yi, dtype=float), np.asarray(vi, dtype=float)
    k = y.size
    if k < 2:
        raise DataError("the bootstrap prediction interval needs two studies or more")
    rng = np.random.default_rng(seed)
    z2 = rng.chisquare(1.0, (draws, k - 1))
    tau2 = _confidence_draws(y, v, z2)
    w = 1.0 / (v + tau2[:, None])
    sw = w.sum(axis=1)
    mu = (w * y).sum(axis=1) / sw
    scale = (w * (y - mu[:, None]) ** 2).sum(axis=1) / (k - 1) / sw
    t = rng.standard_t(k - 1, draws)
    new = mu - t * np.sqrt(scale) + rng.standard_normal(draws) * np.sqrt(tau2)
    return cast("Floats", new)


def _confidence_draws(y: Floats, v: Floats, z2: Floats) -> Floats:
    """tau2 at which each weighted chi-square in ``z2`` (draws, k - 1) equals Cochran's Q."""
    q_obs = float(generalised_q(y, v))
    w = 1.0 / v
    root = np.sqrt(w / w.sum())
    scaled = np.eye(y.size) - np.outer(root, root)  # the projection in units of sqrt(w)
    top = float(v.max())
    while bool((z2 @ _weights(scaled, w, top) < q_obs).any()):
        top *= 4.0
    low = float(v.min())
    grid = low * np.expm1(np.linspace(0.0, np.log1p(top / low), _GRID))
    values = np.stack([z2 @ _weights(scaled, w, float(t)) for t in grid], axis=1)
    above = (values < q_obs).sum(axis=1)  # index of the first grid point at or past Q
    i = np.clip(above, 1, _GRID - 1)
    rows = np.arange(z2.shape[0])
    a, b = values[rows, i - 1], values[rows, i]
    share = np.clip((q_obs - a) / (b - a), 0.0, 1.0)
    tau2 = grid[i - 1] + share * (grid[i] - grid[i - 1])
    return np.where(above == 0, 0.0, tau2)


def _weights(scaled: Floats, w: Floats, tau2: float) -> Floats:
    """The k - 1 positive eigenvalues of ``M (I + tau2 W) M``, ascending."""
    inner = scaled @ ((1.0 + tau2 * w)[:, None] * scaled)
    return np.asarray(np.linalg.eigvalsh(inner), dtype=float)[1:]
