"""Mixed-effects meta-regression by weighted least squares, over a leading batch axis.

The model is ``y = X beta + u + e`` with ``var(u) = tau2`` and known ``var(e) = v``
(Raudenbush 2009; Viechtbauer 2010). ``tau2`` comes from ``pooling.tau2``; the inference on
``beta`` is normal, t, or Knapp-Hartung (Knapp and Hartung 2003), optionally with the variance
factor kept at 1 or above (``adhoc``; Röver, Knapp and Friede 2015).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, fdtrc

from carmeta.arrays import Bools, Floats
from carmeta.domain.witness import tell
from carmeta.errors import ConfigError, DataError
from carmeta.pooling.inverse_variance import IV_TESTS
from carmeta.pooling.tau2 import estimate_tau2
from carmeta.vocabulary import Method, Test


@dataclass(frozen=True, slots=True)
class WLSFit:
    """Weighted least squares given tau2, for a batch of shape ``(...)``.

    ``beta`` ``(..., p)``, ``cov`` ``(..., p, p)`` with the Knapp-Hartung factor in it,
    ``weights`` ``(..., k)`` = 1 / (v + tau2), ``s2`` ``(...)`` the factor (1 where none is
    used), ``df`` the residual degrees of freedom, inf for a normal test; ``tau2`` ``(...)``.
    """

    beta: Floats
    cov: Floats
    weights: Floats
    s2: Floats
    df: float
    tau2: Floats
    converged: Bools


@dataclass(frozen=True, slots=True)
class Omnibus:
    """Wald test that several coefficients are all zero: ``F(df1, df2)`` or chi2 (df2 inf)."""

    stat: Floats
    df1: int
    df2: float
    p: Floats

    @property
    def name(self) -> str:
        """The test by its name and degrees of freedom."""
        if np.isinf(self.df2):
            return f"chi2({self.df1})"
        return f"F({self.df1}, {self.df2:g})"


@dataclass(frozen=True, slots=True)
class Residual:
    """Residual heterogeneity: ``q`` (QE) on ``df``, its p, I2 in percent and H2; ``(...)``."""

    q: Floats
    df: int
    p: Floats
    i2: Floats
    h2: Floats


def fit_wls(
    yi: ArrayLike,
    vi: ArrayLike,
    x: ArrayLike,
    *,
    method: Method = "REML",
    test: Test = "adhoc",
    tau2: ArrayLike | None = None,
) -> WLSFit:
    """Fit ``yi`` ``(..., k)`` on the design ``x`` ``(..., k, p)`` of full rank, k > p.

    ``tau2`` fixes the heterogeneity instead of estimating it by ``method``. Raises DataError
    where there are not more studies than coefficients or a value is not usable.
    """
    y, v, design = (np.asarray(a, dtype=np.float64) for a in (yi, vi, x))
    k, p = design.shape[-2:]
    if test not in IV_TESTS:
        raise ConfigError(f"test = {test!r} is not one of {', '.join(IV_TESTS)}")
    if k <= p:
        raise DataError(f"{k} studies cannot carry {p} coefficients and a residual")
    if tau2 is None:
        found = estimate_tau2(y, v, design, method=method)
        t2, converged = np.asarray(found.tau2), np.asarray(found.converged)
    else:
        t2 = np.asarray(tau2, dtype=np.float64)
        converged = np.ones(t2.shape, dtype=np.bool_)
    weights = 1.0 / (v + t2[..., None])
    beta, bread, resid = solve_wls(y, weights, design)
    df = float("inf") if test == "z" else float(k - p)
    s2 = np.ones(resid.shape[:-1])
    if test in ("knha", "adhoc"):
        s2 = (weights * resid**2).sum(axis=-1) / (k - p)
        s2 = np.maximum(s2, 1.0) if test == "adhoc" else s2
    cov = bread * s2[..., None, None]
    if beta.ndim == 1:
        tell(
            y, v, design, method=method if tau2 is None else "given", test=test, tau2=t2,
            estimates=beta, ses=np.sqrt(np.diagonal(cov)),
        )  # fmt: skip
    return WLSFit(beta, cov, weights, s2, df, t2, converged)


def solve_wls(y: Floats, weights: Floats, design: Floats) -> tuple[Floats, Floats, Floats]:
    """Coefficients ``(..., p)``, ``(X'WX)^-1`` ``(..., p, p)``, residuals ``(..., k)``.

    By QR of the root-weighted design, whose columns are first scaled to unit length: normal
    equations would square the condition number of badly scaled moderators (years, doses).
    """
    root = np.sqrt(weights)
    scaled = root[..., None] * design
    norm = np.sqrt((scaled**2).sum(axis=-2))
    q, r = np.linalg.qr(scaled / norm[..., None, :])
    diagonal = np.abs(np.diagonal(r, axis1=-2, axis2=-1))
    if (diagonal.min(axis=-1) < 1e-10).any():
        raise DataError("the moderators are collinear: a column of the design is redundant")
    r_inv = np.linalg.inv(r) / norm[..., :, None]
    rooted = root * y
    beta = np.einsum("...ij,...kj,...k->...i", r_inv, q, rooted)
    bread = r_inv @ np.swapaxes(r_inv, -1, -2)
    return beta, bread, y - np.einsum("...kp,...p->...k", design, beta)


def wald(beta: Floats, cov: Floats, contrasts: Floats, df: float) -> Omnibus:
    """Joint Wald test that ``contrasts @ beta`` (``(m, p)`` of full rank) is zero.

    F with ``df`` denominator degrees of freedom, chi2 where that is inf. ``beta`` is
    ``(..., p)`` and ``cov`` ``(..., p, p)``.
    """
    m = contrasts.shape[0]
    values = np.einsum("mp,...p->...m", contrasts, beta)
    spread = contrasts @ cov @ contrasts.T
    solved = np.linalg.solve(spread, values[..., None])[..., 0]
    form = (values * solved).sum(axis=-1)
    if np.isinf(df):
        return Omnibus(form, m, float("inf"), np.asarray(chdtrc(m, form)))
    return Omnibus(form / m, m, df, np.asarray(fdtrc(m, df, form / m)))


def columns_contrast(columns: list[int], p: int) -> Floats:
    """Contrast matrix ``(m, p)`` that picks single coefficients."""
    return np.eye(p)[columns]


def residual_heterogeneity(
    yi: ArrayLike,
    vi: ArrayLike,
    x: ArrayLike,
    tau2: ArrayLike,
    *,
    i2_method: Literal["tau2", "Q"] = "tau2",
) -> Residual:
    """QE with its test, and I2 and H2 as asked.

    ``tau2``: the share of tau2 in tau2 plus the typical sampling variance, which is the
    residual df over the trace of the fixed-effects projection (Higgins and Thompson 2002,
    generalised to moderators). ``Q``: (QE - df) / QE, not below 0.
    """
    y, v, design = (np.asarray(a, dtype=np.float64) for a in (yi, vi, x))
    k, p = design.shape[-2:]
    w = 1.0 / v
    _, bread, resid = solve_wls(y, w, design)
    df = k - p
    q = (w * resid**2).sum(axis=-1)
    t2 = np.asarray(tau2, dtype=np.float64)
    if i2_method == "Q":
        i2 = np.where(q > 0, np.clip(100.0 * (q - df) / np.where(q > 0, q, 1.0), 0, 100), 0.0)
        h2 = q / df
    else:
        leverage = np.einsum("...kp,...pq,...kq->...k", design, bread, design)
        typical = df / (w - w**2 * leverage).sum(axis=-1)
        i2, h2 = 100.0 * t2 / (t2 + typical), t2 / typical + 1.0
    return Residual(q, df, np.asarray(chdtrc(df, q)), np.asarray(i2), np.asarray(h2))


def r2_percent(tau2_without: ArrayLike, tau2_with: ArrayLike) -> Floats:
    """Share of the heterogeneity that the moderators account for, in percent, 0 to 100.

    NaN where there is none to explain (Raudenbush 2009, eq. 16.30).
    """
    before = np.asarray(tau2_without, dtype=np.float64)
    after = np.asarray(tau2_with, dtype=np.float64)
    share = 100.0 * (before - after) / np.where(before > 0, before, 1.0)
    return np.asarray(np.where(before > 0, np.clip(share, 0.0, 100.0), np.nan))
