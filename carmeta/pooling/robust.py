"""Cluster-robust standard errors with the CR2 correction and Satterthwaite df.

CR2 (Bell and McCaffrey 2002) makes the sandwich unbiased under a working covariance; the
degrees of freedom of each coefficient match the first two moments of its variance estimate
(Pustejovsky and Tipton 2018). The working covariance is that of the fitted model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import fdtrc

from carmeta.arrays import Floats
from carmeta.errors import DataError
from carmeta.pooling.regression import Omnibus

# Eigenvalues of the adjustment below this share of the largest are zero in exact arithmetic
# (a cluster that determines a coefficient); their pseudo-inverse is zero.
_ZERO_EIGEN: Final = 1e-10


@dataclass(frozen=True, slots=True)
class Robust:
    """CR2 covariance ``(p, p)`` of p coefficients from m clusters.

    ``cross`` ``(m, p, m, p)`` is the covariance, under the working model, of the clusters'
    contributions to the coefficients' errors: all degrees of freedom follow from it.
    """

    cov: Floats
    cross: Floats

    @property
    def expected(self) -> Floats:
        """Mean of ``cov`` under the working model, ``(p, p)``.

        It is the covariance of the coefficients, except where a cluster alone determines
        one of them: its residuals then say nothing and the sandwich is too small.
        """
        return np.asarray(np.einsum("gpgq->pq", self.cross))

    @property
    def clusters(self) -> int:
        """Number of clusters."""
        return int(self.cross.shape[0])


def cr2(residuals: ArrayLike, x: ArrayLike, working: ArrayLike, cluster: ArrayLike) -> Robust:
    """Robust covariance of generalised least squares weighted by the working covariance.

    Args:
        residuals: Of the fit, ``(k,)``.
        x: Design ``(k, p)``.
        working: Working covariance of the effects: ``(k,)`` for a diagonal one, or
            ``(k, k)`` with no covariance between clusters.
        cluster: Label of each effect's cluster, ``(k,)``.

    Raises:
        DataError: Fewer than two clusters.
    """
    e, design = np.asarray(residuals, dtype=np.float64), np.asarray(x, dtype=np.float64)
    phi = np.asarray(working, dtype=np.float64)
    if phi.ndim == 1:
        phi = np.diag(phi)
    labels = np.unique(np.asarray(cluster), return_inverse=True)[1].reshape(-1)
    groups = [np.flatnonzero(labels == g) for g in range(labels.max() + 1)]
    if len(groups) < 2:
        raise DataError("cluster-robust standard errors need at least two clusters")
    weighted = np.zeros_like(design)  # W X, W the inverse of the working covariance
    for at in groups:
        weighted[at] = np.linalg.solve(phi[np.ix_(at, at)], design[at])
    bread: Floats = np.asarray(np.linalg.inv(design.T @ weighted), dtype=np.float64)
    k, p = design.shape
    meat = np.zeros((p, p))
    # moments[g]: the weights of the effects in cluster g's contribution to each coefficient
    moments = np.zeros((len(groups), p, k))
    hat = design @ bread @ weighted.T
    for g, at in enumerate(groups):
        own = phi[np.ix_(at, at)]
        scores = weighted[at].T @ _adjustment(own, design[at], bread)
        term = scores @ e[at]
        meat += np.outer(term, term)
        rows = -hat[at]
        rows[:, at] += np.eye(at.size)
        moments[g] = bread @ scores @ rows
    flat = moments.reshape(-1, k)
    cross = (flat @ phi @ flat.T).reshape(len(groups), p, len(groups), p)
    return Robust(bread @ meat @ bread, cross)


def _adjustment(own: Floats, x: Floats, bread: Floats) -> Floats:
    """``A`` of one cluster: symmetric in the metric of its working covariance.

    With D'D the working covariance, ``A = D' (D (phi - X M X') D')^(-1/2) D``.
    """
    d = np.linalg.cholesky(own).T
    inner = d @ (own - x @ bread @ x.T) @ d.T
    values, vectors = np.linalg.eigh((inner + inner.T) / 2.0)
    kept = values > _ZERO_EIGEN * values.max()
    powers = np.where(kept, np.where(kept, values, 1.0) ** -0.5, 0.0)
    adjusted: Floats = d.T @ (vectors * powers) @ vectors.T @ d
    return adjusted


def satterthwaite_df(cross: Floats, contrast: ArrayLike) -> float:
    """Degrees of freedom of ``contrast @ beta`` (``(p,)``), from :attr:`Robust.cross`."""
    c = np.asarray(contrast, dtype=np.float64)
    forms = np.einsum("p,gphq,q->gh", c, cross, c)
    return float(np.trace(forms) ** 2 / (forms**2).sum())


def htz(beta: Floats, robust: Robust, contrasts: Floats) -> Omnibus:
    """Test that ``contrasts @ beta`` (``(q, p)``) is zero: Hotelling's T2 with Zhang's df.

    ``F(q, eta - q + 1)`` with eta from the variances of the standardised covariance's
    entries (Zhang 2012; Pustejovsky and Tipton 2018, section 3.2). NaN where eta is too
    small for a test.
    """
    q = contrasts.shape[0]
    values = contrasts @ beta
    stat = float(values @ np.linalg.solve(contrasts @ robust.cov @ contrasts.T, values))
    root = np.linalg.cholesky(contrasts @ robust.expected @ contrasts.T)
    rows = np.linalg.solve(root, contrasts)
    x = np.einsum("sp,gphq,tq->gsht", rows, robust.cross, rows)
    spread = np.einsum("gshs,gtht->", x, x) + np.einsum("gsht,gths->", x, x)
    eta = q * (q + 1) / float(spread)
    df2 = eta - q + 1.0
    if df2 <= 0.0:
        nan = np.array(float("nan"))
        return Omnibus(nan, q, float("nan"), nan)
    scaled = np.array(df2 / (eta * q) * stat)
    return Omnibus(scaled, q, df2, np.asarray(fdtrc(q, df2, scaled)))
