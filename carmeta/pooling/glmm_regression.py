"""Binomial-normal regression of one arm's counts on moderators.

``logit p_i = x_i' beta + u_i`` with ``u_i`` normal of variance tau2, by maximum likelihood on
25 adaptive quadrature nodes; with an intercept alone it is the model of ``pooling.glmm``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, expit, xlogy

from carmeta.arrays import Floats
from carmeta.errors import DataError
from carmeta.pooling.binomial_mixed import fit_common, fit_mixed, profile_beta, profile_sd2
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
    data = MixedData(events[:, None], n[:, None], design[:, None, :], np.ones((k, 1, 1)))
    fit = fit_mixed(data, nodes=nodes)
    limits = (
        profile_sd2(data, fit, 0, level=level, nodes=nodes)
        if tau2_interval
        else (float("nan"), float("nan"))
    )
    bounds = np.full((p, 2), np.nan)
    if profile:
        pairs = [profile_beta(data, fit, i, level=level, nodes=nodes) for i in range(p)]
        bounds = np.array(pairs)
    q = deviance(events, n, expit(design @ fit_common(data).beta))
    return GLMMRegression(
        fit.beta, fit.cov, float(fit.sd[0] ** 2), limits, fit.loglik,
        q, k - p, float(chdtrc(k - p, q)), fit.converged, fit.iterations, bounds,
    )  # fmt: skip


def deviance(xi: Floats, ni: Floats, prob: Floats) -> float:
    """Twice the log-likelihood that probabilities ``prob`` lack to the studies' own."""
    fitted, rest = ni * prob, ni * (1.0 - prob)
    terms = xlogy(xi, xi / fitted) + xlogy(ni - xi, (ni - xi) / rest)
    return max(0.0, 2.0 * float(terms.sum()))
