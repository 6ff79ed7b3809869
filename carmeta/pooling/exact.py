"""Intervals of one binomial proportion: exact (Clopper-Pearson) and Wilson."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv

from carmeta.errors import DataError
from carmeta.pooling.intervals import check_level

Floats = NDArray[np.float64]
StudyInterval = Literal["clopper-pearson", "wilson"]


def clopper_pearson(xi: ArrayLike, ni: ArrayLike, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Exact limits in 0..1 (Clopper & Pearson 1934), vectorised over any shape."""
    x, n = np.broadcast_arrays(np.asarray(xi, dtype=float), np.asarray(ni, dtype=float))
    tail = 0.5 * (1.0 - check_level(level))
    low = np.where(x > 0, betaincinv(np.maximum(x, 1.0), n - x + 1.0, tail), 0.0)
    high = np.where(x < n, betaincinv(x + 1.0, np.maximum(n - x, 1.0), 1.0 - tail), 1.0)
    return low, high


def study_limits(
    xi: ArrayLike, ni: ArrayLike, *, level: float = 0.95, method: StudyInterval = "clopper-pearson"
) -> tuple[Floats, Floats]:
    """Limits of each study by statsmodels, the interval that figures and tables show.

    Raises:
        DataError: An unknown method or a level outside (0, 1).
    """
    names = {"clopper-pearson": "beta", "wilson": "wilson"}
    if method not in names:
        raise DataError(f"unknown study interval {method!r}; one of {', '.join(names)}")
    from statsmodels.stats.proportion import proportion_confint

    x, n = np.asarray(xi, dtype=float), np.asarray(ni, dtype=float)
    low, high = proportion_confint(x, n, alpha=1.0 - check_level(level), method=names[method])
    low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    return np.where(x == 0, 0.0, np.clip(low, 0, 1)), np.where(x == n, 1.0, np.clip(high, 0, 1))
