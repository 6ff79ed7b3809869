"""Cochran's Q, I2 and H2, by the definition that is asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from carmeta.arrays import Floats
from carmeta.pooling.tau2 import fit_statistics
from carmeta.vocabulary import I2Method


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """Arrays of the batch shape: Q with df and p, I2 in percent (0..100), H2."""

    q: Floats
    q_df: Floats
    q_pval: Floats
    i2: Floats
    h2: Floats


def heterogeneity(
    yi: ArrayLike,
    vi: ArrayLike,
    tau2: ArrayLike,
    *,
    i2_method: I2Method = "tau2",
    mask: ArrayLike | None = None,
) -> Heterogeneity:
    """Q of ``(..., k)`` effects, and I2 and H2 from tau2 or from Q.

    ``tau2``: I2 = tau2 / (tau2 + s2), H2 = (tau2 + s2) / s2 with s2 the typical sampling
    variance (Higgins & Thompson 2002, eq. 9). ``Q``: I2 = (Q - df) / Q cut at 0 and
    H2 = Q / df (ibid., eqs. 6 and 10). NaN for a single study.
    """
    y, v = np.broadcast_arrays(np.asarray(yi, dtype=float), np.asarray(vi, dtype=float))
    if mask is not None:
        y, v, mask = np.broadcast_arrays(y, v, np.asarray(mask, dtype=bool))
    t = np.asarray(tau2, dtype=float)
    k = np.full(y.shape[:-1], float(y.shape[-1])) if mask is None else mask.sum(axis=-1) * 1.0
    q, trace, _ = fit_statistics(y, v, tau2=t, reml=False, mask=mask)
    return from_q(q, trace, k, t, i2_method=i2_method)


def from_q(
    q: Floats, trace: Floats, k: Floats, tau2: Floats, *, i2_method: I2Method
) -> Heterogeneity:
    """The same from Cochran's Q and ``tr P(0)``, whose inverse is the typical variance / df."""
    df = k - 1.0
    several = df > 0
    safe = np.where(several, df, 1.0)
    if i2_method == "tau2":
        typical = safe / np.where(several, trace, 1.0)
        i2, h2 = 100.0 * tau2 / (tau2 + typical), tau2 / typical + 1.0
    else:
        i2 = 100.0 * np.maximum(0.0, 1.0 - safe / np.maximum(q, 1e-300))
        h2 = q / safe
    nan = np.nan
    return Heterogeneity(
        q=np.asarray(q),
        q_df=df,
        q_pval=np.where(several, chdtrc(safe, np.maximum(q, 0.0)), nan),
        i2=np.where(several, i2, nan),
        h2=np.where(several, h2, nan),
    )
