"""The binomial log-likelihood of large counts, with all its digits.

``x eta - n log(1 + e^eta)`` and ``log C(n, x)`` of a million patients are millions whose sum
is of the order of 1: what is left is rounding. Written as the saturated value less half the
deviance (Loader 2000) nothing large is ever subtracted.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import expit, gammaln, xlog1py

from carmeta.arrays import Floats

# Below this many, Stirling's series is no better than the function itself.
_FEW: Final = 16.0
_TINY: Final = 1e-290  # counts over it are still numbers


def log_likelihood(x: Floats, n: Floats, eta: Floats) -> Floats:
    """Log probability of ``x`` of ``n`` events at logit ``eta``, but for :func:`saturated`.

    Never above 0, and 0 where ``eta`` is the observed logit, or ``n`` is 0.
    """
    return -(_excess(x, n * expit(eta)) + _excess(n - x, n * expit(-eta)))


def saturated(x: Floats, n: Floats) -> Floats:
    """Log probability of ``x`` of ``n`` events at the proportion ``x / n`` itself."""
    inside = (x > 0) & (x < n)
    a, b, m = (np.where(inside, part, 1.0) for part in (x, n - x, n))
    value = 0.5 * np.log(m / (2.0 * np.pi * a * b)) + _stirling(m) - _stirling(a) - _stirling(b)
    return np.where(inside, value, 0.0)


def _excess(x: Floats, mean: Floats) -> Floats:
    """Half the Poisson deviance ``x log(x / mean) - x + mean``, exact where the two are close."""
    safe = np.maximum(mean, _TINY)
    t = (x - safe) / safe
    return np.where(x > 0, safe * (xlog1py(1.0 + t, t) - t), mean)


def _stirling(n: Floats) -> Floats:
    """``log n!`` less Stirling's ``(n + 1/2) log n - n + log(2 pi) / 2``, for n of 1 or more."""
    large = np.maximum(n, _FEW)
    r2 = large**-2.0
    series = (1 / 12 - r2 * (1 / 360 - r2 * (1 / 1260 - r2 * (1 / 1680 - r2 / 1188)))) / large
    direct = gammaln(n + 1.0) - (n + 0.5) * np.log(n) + n - 0.5 * np.log(2.0 * np.pi)
    return np.where(n >= _FEW, series, direct)
