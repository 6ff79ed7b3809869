"""Three-level model: cohorts within trials, each level with its own variance.

``y_ij = x_ij' beta + u_i + w_ij + e_ij`` with ``var(u) = sigma2[0]`` between trials,
``var(w) = sigma2[1]`` between cohorts of a trial and known ``var(e_ij) = v_ij``
(Konstantopoulos 2011; Van den Noortgate et al. 2013). Fitted by restricted or full maximum
likelihood; the limits of both variances are those of their profile likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri

from carmeta.errors import DataError, EstimationError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_STEPS: Final = 200
_SCORE_TOL: Final = 1e-10  # on the Newton decrement: the likelihood left is half its square
# Starts as multiples of the crude variance, for both levels: the likelihood can have more
# than one maximum, and a ridge where trials have one cohort each.
_STARTS: Final = (0.05, 0.4, 1.5)
_MAX_FACTOR: Final = 1e4  # limits are not searched beyond this multiple of the crude variance


@dataclass(frozen=True, slots=True)
class ThreeLevel:
    """Fit of k cohorts in m trials on p coefficients.

    ``beta`` ``(p,)``, ``cov`` ``(p, p)``; ``sigma2`` ``(2,)``: between trials, between cohorts
    within trials; ``working`` ``(k, k)`` the marginal covariance of the effects.
    """

    beta: FloatArray
    cov: FloatArray
    sigma2: FloatArray
    loglik: float
    working: FloatArray
    residuals: FloatArray
    converged: bool
    iterations: int


@dataclass(frozen=True, slots=True)
class _Problem:
    y: FloatArray
    v: FloatArray
    x: FloatArray
    same: FloatArray  # (k, k): 1 where two cohorts are of one trial
    reml: bool


@dataclass(frozen=True, slots=True)
class _At:
    """Likelihood, score and observed information in ``sigma2``, and what made them."""

    loglik: float
    score: FloatArray
    information: FloatArray
    beta: FloatArray
    cov: FloatArray


def fit_three_level(
    yi: ArrayLike,
    vi: ArrayLike,
    trial: ArrayLike,
    x: ArrayLike | None = None,
    *,
    method: Literal["REML", "ML"] = "REML",
) -> ThreeLevel:
    """Fit effects ``yi`` with variances ``vi`` (each ``(k,)``) of cohorts in ``trial``.

    ``x`` is the design ``(k, p)``, an intercept if None. Raises DataError where the two
    variances cannot be told apart: no trial, or every trial, holds all its cohorts alone.
    """
    problem = _problem(yi, vi, trial, x, method)
    crude = _crude(problem)
    best: tuple[_At, FloatArray, bool, int] | None = None
    for first in _STARTS:
        for second in _STARTS:
            start = np.array([first, second]) * crude
            found = _maximise(problem, start, np.ones(2, dtype=bool))
            if found[2] and (best is None or found[0].loglik > best[0].loglik + 1e-10):
                best = found
    if best is None:
        raise EstimationError("the three-level model did not converge")
    at, sigma2, converged, steps = best
    residuals = problem.y - problem.x @ at.beta
    return ThreeLevel(
        at.beta, at.cov, sigma2, at.loglik, _working(problem, sigma2), residuals, converged, steps
    )


def variance_limits(
    yi: ArrayLike,
    vi: ArrayLike,
    trial: ArrayLike,
    fit: ThreeLevel,
    x: ArrayLike | None = None,
    *,
    level: float = 0.95,
    method: Literal["REML", "ML"] = "REML",
) -> FloatArray:
    """Profile-likelihood limits ``(2, 2)`` of both variances: rows trials, cohorts.

    A limit is where the profile is half a chi2(1) quantile below the maximum (Hardy and
    Thompson 1996); 0 where it is above that at 0, inf where it never falls below.
    """
    from scipy.optimize import brentq

    problem = _problem(yi, vi, trial, x, method)
    drop = float(chdtri(1, 1.0 - level)) / 2.0
    limits = np.zeros((2, 2))
    for which in range(2):
        free = np.arange(2) != which
        other = np.full(2, fit.sigma2)

        def excess(
            value: float, which: int = which, free: BoolArray = free, other: FloatArray = other
        ) -> float:
            best = -np.inf
            for guess in (float(other[1 - which]), _crude(problem)):
                start = np.full(2, guess)
                start[which] = value
                at, found, _, _ = _maximise(problem, start, free)
                if at.loglik > best:
                    best = at.loglik
                    other[1 - which] = found[1 - which]
            return best - fit.loglik + drop

        peak = float(fit.sigma2[which])
        scale = _crude(problem)
        if peak > 0.0 and excess(0.0) < 0.0:
            limits[which, 0] = brentq(excess, 0.0, peak, xtol=1e-14 * scale, rtol=1e-13)
        upper = max(2.0 * peak, scale)
        while excess(upper) > 0.0 and upper < _MAX_FACTOR * scale:
            upper *= 2.0
        limits[which, 1] = (
            brentq(excess, peak, upper, xtol=1e-14 * scale, rtol=1e-13)
            if excess(upper) <= 0.0
            else np.inf
        )
    return limits


def _problem(
    yi: ArrayLike, vi: ArrayLike, trial: ArrayLike, x: ArrayLike | None, method: str
) -> _Problem:
    y, v = np.asarray(yi, dtype=np.float64), np.asarray(vi, dtype=np.float64)
    design = np.ones((y.size, 1)) if x is None else np.asarray(x, dtype=np.float64)
    labels = np.unique(np.asarray(trial), return_inverse=True)[1].reshape(-1)
    if labels.size != y.size:
        raise DataError(f"{labels.size} trial labels for {y.size} cohorts")
    trials = int(labels.max()) + 1
    if trials == y.size:
        raise DataError("every trial has a single cohort: there is no third level to estimate")
    if trials == 1:
        raise DataError("all cohorts are of one trial: no variance between trials to estimate")
    if y.size <= design.shape[1]:
        raise DataError(f"{y.size} cohorts cannot carry {design.shape[1]} coefficients")
    if method not in ("REML", "ML"):
        raise DataError(f"method {method!r} is not REML or ML for the three-level model")
    same = (labels[:, None] == labels[None, :]).astype(np.float64)
    return _Problem(y, v, design, same, method == "REML")


def _crude(problem: _Problem) -> float:
    """Residual variance of the unweighted fit: the scale of both variances."""
    beta, *_ = np.linalg.lstsq(problem.x, problem.y, rcond=None)
    k, p = problem.x.shape
    spread = float(((problem.y - problem.x @ beta) ** 2).sum()) / (k - p)
    return float(max(spread, 1e-3 * problem.v.min()))


def _working(problem: _Problem, sigma2: FloatArray) -> FloatArray:
    return np.asarray(np.diag(problem.v + sigma2[1]) + sigma2[0] * problem.same)


def _evaluate(problem: _Problem, sigma2: FloatArray) -> _At:
    y, x, same = problem.y, problem.x, problem.same
    k, p = x.shape
    total = _working(problem, sigma2)
    chol = np.linalg.cholesky(total)
    inverse = np.linalg.inv(total)
    wx = inverse @ x
    cov: FloatArray = np.asarray(np.linalg.inv(x.T @ wx), dtype=np.float64)
    projection = inverse - wx @ cov @ wx.T
    py = projection @ y
    log_det = 2.0 * np.log(np.diagonal(chol)).sum()
    value = -0.5 * (log_det + y @ py + (k - p if problem.reml else k) * np.log(2.0 * np.pi))
    trace_of = projection if problem.reml else inverse
    if problem.reml:
        value += 0.5 * (np.linalg.slogdet(cov)[1] + np.linalg.slogdet(x.T @ x)[1])
    # derivatives of the covariance: `same` (trials) and the identity (cohorts)
    spy = same @ py
    score = 0.5 * np.array([py @ spy - (trace_of * same).sum(), py @ py - np.trace(trace_of)])
    tsame = trace_of @ same
    forms = np.stack([spy, py], axis=1)
    information = forms.T @ projection @ forms - 0.5 * np.array(
        [
            [(tsame * tsame.T).sum(), (tsame * trace_of.T).sum()],
            [(tsame * trace_of.T).sum(), (trace_of * trace_of.T).sum()],
        ]
    )
    return _At(float(value), score, information, cov @ (wx.T @ y), cov)


def _maximise(
    problem: _Problem, start: FloatArray, free: BoolArray
) -> tuple[_At, FloatArray, bool, int]:
    """Newton ascent over the ``free`` variances, which stay at or above zero."""
    sigma2 = start.copy()
    at = _evaluate(problem, sigma2)
    converged, steps = False, 0
    while steps < _STEPS:
        steps += 1
        # a variance at zero that the score pushes below it is held there
        on = free & ~((sigma2 <= 0.0) & (at.score <= 0.0))
        if not on.any():
            converged = True
            break
        values, vectors = np.linalg.eigh(at.information[np.ix_(on, on)])
        size = np.maximum(np.abs(values), 1e-10 * float(np.abs(values).max()) + 1e-300)
        projected = vectors.T @ at.score[on]
        if np.sqrt((projected**2 / size).sum()) < _SCORE_TOL:
            converged = True
            break
        step = np.zeros(2)
        step[on] = vectors @ (projected / size)
        factor = 1.0
        for _ in range(60):
            trial = np.maximum(sigma2 + factor * step, 0.0)
            new = _evaluate(problem, trial)
            if new.loglik >= at.loglik - 1e-13 * abs(at.loglik):
                break
            factor /= 2.0
        else:
            break
        sigma2, at = trial, new
    return at, sigma2, converged, steps
