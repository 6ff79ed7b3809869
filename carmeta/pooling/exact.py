"""Intervals of one binomial proportion: exact (Clopper-Pearson) and Wilson."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv, ndtri

from carmeta.arrays import Floats
from carmeta.errors import ConfigError
from carmeta.pooling.intervals import check_level

StudyInterval = Literal["clopper-pearson", "wilson"]


def clopper_pearson(xi: ArrayLike, ni: ArrayLike, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Exact limits in 0..1 (Clopper & Pearson 1934), vectorised over any shape."""
    x, n = np.broadcast_arrays(np.asarray(xi, dtype=float), np.asarray(ni, dtype=float))
    tail = 0.5 * (1.0 - check_level(level))
    low = np.where(x > 0, betaincinv(np.maximum(x, 1.0), n - x + 1.0, tail), 0.0)
    high = np.where(x < n, betaincinv(x + 1.0, np.maximum(n - x, 1.0), 1.0 - tail), 1.0)
    return low, high


def wilson(xi: ArrayLike, ni: ArrayLike, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Limits of the score test in 0..1 (Wilson 1927), vectorised over any shape."""
    x, n = np.broadcast_arrays(np.asarray(xi, dtype=float), np.asarray(ni, dtype=float))
    z2 = float(ndtri(0.5 * (1.0 + check_level(level)))) ** 2
    middle = (x + 0.5 * z2) / (n + z2)
    half = np.sqrt(z2 * (x * (n - x) / n + 0.25 * z2)) / (n + z2)
    low, high = np.where(x > 0, middle - half, 0.0), np.where(x < n, middle + half, 1.0)
    return np.maximum(low, 0.0), np.minimum(high, 1.0)


def study_limits(
    xi: ArrayLike, ni: ArrayLike, *, level: float = 0.95, method: StudyInterval = "clopper-pearson"
) -> tuple[Floats, Floats]:
    """Limits of each study, the interval that figures and tables show.

    Raises:
        ConfigError: An unknown method or a level outside (0, 1).
    """
    methods = {"clopper-pearson": clopper_pearson, "wilson": wilson}
    if method not in methods:
        raise ConfigError(f"unknown study interval {method!r}; one of {', '.join(methods)}")
    return methods[method](xi, ni, level=level)
