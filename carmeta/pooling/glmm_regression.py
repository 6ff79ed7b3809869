"""Binomial-normal regression of one arm's counts on moderators.

``logit p_i = x_i' beta + u_i`` with ``u_i`` normal of variance tau2, by maximum likelihood on
25 adaptive quadrature nodes; with an intercept alone it is the model of ``pooling.glmm``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, expit, xlogy

from carmeta.arrays import Floats
from carmeta.errors import DataError
from carmeta.pooling.binomial_mixed import (
    MixedFit,
    fit_common,
    fit_mixed,
    profile_beta,
    profile_sd2,
)
from carmeta.pooling.mixed_quadrature import NODES, MixedData


@dataclass(frozen=True, slots=True)
class GLMMRegression:
    """Fit of k studies on p coefficients.

    ``beta`` ``(p,)`` and ``cov`` ``(p, p)`` on the logit scale; ``tau2`` residual, with its
    profile-likelihood limits (NaN where not asked for); ``q`` is the deviance of the model
    without random effect on ``q_df`` = k - p. ``limits`` ``(p, 2)`` are the coefficients'
    profile-likelihood limits, NaN where not asked for.
    """

    beta: Floats
    cov: Floats
    tau2: float
    tau2_ci: tuple[float, float]
    loglik: float
    q: float
    q_df: int
    q_pval: float
    converged: bool
    iterations: int
    limits: Floats


def fit_glmm_regression(
    xi: ArrayLike,
    ni: ArrayLike,
    x: ArrayLike,
    *,
    level: float = 0.95,
    tau2_interval: bool = True,
    profile: bool = False,
    nodes: int = NODES,
) -> GLMMRegression:
    """Fit events ``xi`` of ``ni`` (each ``(k,)``) on the design ``x`` ``(k, p)``, k > p.

    ``profile`` adds profile-likelihood limits of the coefficients. Raises DataError for too
    few studies or collinear columns, and EstimationError where the likelihood has no
    maximum: a category, say, without events in all its studies.
    """
    events, n, design = (np.asarray(a, dtype=np.float64) for a in (xi, ni, x))
    k, p = design.shape
    if k <= p:
        raise DataError(f"{k} studies cannot carry {p} coefficients and a variance")
    if np.linalg.matrix_rank(design / np.sqrt((design**2).sum(axis=0))) < p:
        raise DataError("the moderators are collinear: a column of the design is redundant")
    # Newton steps on an orthogonal basis of the design, which is ``basis @ root``: a moderator
    # far from zero or in a large unit converges like any other.
    basis, root = _orthogonal(design)
    data = MixedData(events[:, None], n[:, None], basis[:, None, :], np.ones((k, 1, 1)))
    fit = fit_mixed(data, nodes=nodes)
    found = _led_back(fit, root)
    limits = (
        profile_sd2(data, fit, 0, level=level, nodes=nodes)
        if tau2_interval
        else (float("nan"), float("nan"))
    )
    bounds = np.full((p, 2), np.nan)
    if profile:
        own = replace(data, x=design[:, None, :])
        pairs = [profile_beta(own, found, i, level=level, nodes=nodes) for i in range(p)]
        bounds = np.array(pairs)
    q = deviance(events, n, expit(basis @ fit_common(data).beta))
    return GLMMRegression(
        found.beta, found.cov, float(fit.sd[0] ** 2), limits, fit.loglik,
        q, k - p, float(chdtrc(k - p, q)), fit.converged, fit.iterations, bounds,
    )  # fmt: skip


def _orthogonal(design: Floats) -> tuple[Floats, Floats]:
    """Columns of length root k that span the design ``(k, p)``, and what leads back to it."""
    norm = np.sqrt((design**2).sum(axis=0))
    basis, root = np.linalg.qr(design / norm)
    size = np.sqrt(design.shape[0])
    return basis * size, root / size * norm


def _led_back(fit: MixedFit, root: Floats) -> MixedFit:
    """A fit on ``basis`` as one on ``basis @ root``."""
    p = root.shape[0]
    back, whole = np.linalg.inv(root), np.eye(fit.information.shape[0])
    whole[:p, :p] = root
    return replace(
        fit, beta=back @ fit.beta, cov=back @ fit.cov @ back.T,
        information=whole.T @ fit.information @ whole, score=whole.T @ fit.score,
    )  # fmt: skip


def deviance(xi: Floats, ni: Floats, prob: Floats) -> float:
    """Twice the log-likelihood that probabilities ``prob`` lack to the studies' own."""
    fitted, rest = ni * prob, ni * (1.0 - prob)
    terms = xlogy(xi, xi / fitted) + xlogy(ni - xi, (ni - xi) / rest)
    return max(0.0, 2.0 * float(terms.sum()))
