"""Three-level model: cohorts within trials, each level with its own variance.

``y_ij = x_ij' beta + u_i + w_ij + e_ij`` with ``var(u) = sigma2[0]`` between trials,
``var(w) = sigma2[1]`` between cohorts of a trial and known ``var(e_ij) = v_ij``
(Konstantopoulos 2011; Van den Noortgate et al. 2013). Fitted by restricted or full maximum
likelihood; the limits of both variances are those of their profile likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtri

from carmeta.arrays import Bools, Floats, Indices
from carmeta.errors import ConfigError, DataError, EstimationError

_LOG_2PI: Final = float(np.log(2.0 * np.pi))
_STEPS: Final = 200
_SCORE_TOL: Final = 1e-10  # on the Newton decrement: the likelihood left is half its square
# Starts as multiples of the crude variance, for both levels: the likelihood can have more
# than one maximum, and a ridge where trials have one cohort each.
_STARTS: Final = (0.05, 0.4, 1.5)
_TRIED: Final = 3  # of the starts, the best
_MAX_FACTOR: Final = 1e4  # limits are not searched beyond this multiple of the crude variance


@dataclass(frozen=True, slots=True)
class ThreeLevel:
    """Fit of k cohorts in m trials on p coefficients.

    ``beta`` ``(p,)``, ``cov`` ``(p, p)``; ``sigma2`` ``(2,)``: between trials, between cohorts
    within trials; ``working`` ``(k, k)`` the marginal covariance of the effects.
    """

    beta: Floats
    cov: Floats
    sigma2: Floats
    loglik: float
    working: Floats
    residuals: Floats
    converged: bool
    iterations: int


@dataclass(frozen=True, slots=True)
class _Problem:
    """Cohorts sorted by trial: ``starts`` are where each trial begins, ``of`` its index.

    ``y`` is what ordinary least squares leaves and ``x`` an orthonormal basis of the design,
    which is ``x @ root``: moderators far from zero, such as years, keep their digits.
    """

    y: Floats
    v: Floats
    x: Floats
    root: Floats  # (p, p)
    least_squares: Floats  # (p,)
    starts: Indices
    of: Indices
    order: Indices  # of the cohorts as given
    reml: bool

    def sums(self, values: Floats) -> Floats:
        """Sums over the cohorts of each trial: ``(k, ...)`` to ``(m, ...)``."""
        return np.asarray(np.add.reduceat(values, self.starts, axis=0))


@dataclass(frozen=True, slots=True)
class _At:
    """Likelihood, score and observed information in ``sigma2``, and what made them."""

    loglik: float
    score: Floats
    information: Floats
    beta: Floats
    cov: Floats


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
    starts = [np.array(pair) * crude for pair in product(_STARTS, repeat=2)]
    starts.sort(key=lambda start: -_evaluate(problem, start).loglik)
    best: tuple[_At, Floats, bool, int] | None = None
    for start in starts[:_TRIED]:
        found = _maximise(problem, start, np.ones(2, dtype=bool))
        if found[2] and (best is None or found[0].loglik > best[0].loglik + 1e-10):
            best = found
    if best is None:
        raise EstimationError("the three-level model did not converge")
    at, sigma2, converged, steps = best
    residuals = np.empty_like(problem.y)
    residuals[problem.order] = problem.y - problem.x @ at.beta
    back = np.linalg.inv(problem.root)
    return ThreeLevel(
        problem.least_squares + back @ at.beta, back @ at.cov @ back.T, sigma2, at.loglik,
        _working(problem, sigma2), residuals, converged, steps,
    )  # fmt: skip


def variance_limits(
    yi: ArrayLike,
    vi: ArrayLike,
    trial: ArrayLike,
    fit: ThreeLevel,
    x: ArrayLike | None = None,
    *,
    level: float = 0.95,
    method: Literal["REML", "ML"] = "REML",
) -> Floats:
    """Profile-likelihood limits ``(2, 2)`` of both variances: rows trials, cohorts.

    A limit is where the profile is half a chi2(1) quantile below the maximum (Hardy and
    Thompson 1996); 0 where it is above that at 0, inf where it never falls below.
    """
    from scipy.optimize import brentq

    problem = _problem(yi, vi, trial, x, method)
    drop, scale = float(chdtri(1, 1.0 - level)) / 2.0, _crude(problem)
    limits = np.zeros((2, 2))
    for which in range(2):
        free = np.arange(2) != which
        other = fit.sigma2.copy()

        def excess(
            value: float, which: int = which, free: Bools = free, other: Floats = other
        ) -> float:
            best = -np.inf
            for guess in (other[1 - which], scale):
                start = np.full(2, guess)
                start[which] = value
                at, found, _, _ = _maximise(problem, start, free)
                if at.loglik > best:
                    best, other[1 - which] = at.loglik, found[1 - which]
            return best - fit.loglik + drop

        peak = float(fit.sigma2[which])
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
        raise ConfigError(f"method {method!r} is not REML or ML for the three-level model")
    order = np.argsort(labels, kind="stable")
    of = labels[order]
    starts = np.flatnonzero(np.diff(of, prepend=-1))
    norm = np.sqrt((design**2).sum(axis=0))
    basis, root = np.linalg.qr(design / norm)
    if np.abs(np.diagonal(root)).min() < 1e-10:
        raise DataError("the moderators are collinear: a column of the design is redundant")
    root = root * norm
    first = basis.T @ y
    return _Problem(
        (y - basis @ first)[order], v[order], basis[order], root, np.linalg.solve(root, first),
        starts, of, order, method == "REML",
    )  # fmt: skip


def _crude(problem: _Problem) -> float:
    """Residual variance of the unweighted fit: the scale of both variances."""
    k, p = problem.x.shape
    spread = (problem.y**2).sum() / (k - p)
    return float(max(spread, 1e-3 * problem.v.min()))


def _working(problem: _Problem, sigma2: Floats) -> Floats:
    """Marginal covariance ``(k, k)`` in the order of the cohorts as given."""
    back = np.argsort(problem.order)
    of, v = problem.of[back], problem.v[back]
    same = of[:, None] == of[None, :]
    return np.asarray(np.diag(v + sigma2[1]) + sigma2[0] * same)


def _evaluate(problem: _Problem, sigma2: Floats) -> _At:
    """Everything in O(k p^2): the inverse of a trial's block is ``D - c d d'`` with D = diag(d).

    ``d = 1 / (v + sigma2[1])`` and ``c = sigma2[0] / (1 + sigma2[0] sum d)``.
    """
    y, x = problem.y, problem.x
    k, p = x.shape
    d = 1.0 / (problem.v + sigma2[1])
    s1, s2, s3 = problem.sums(d), problem.sums(d**2), problem.sums(d**3)
    c = sigma2[0] / (1.0 + sigma2[0] * s1)

    def inverse(a: Floats) -> Floats:
        da = d[:, None] * a
        return np.asarray(da - d[:, None] * (c[:, None] * problem.sums(da))[problem.of])

    def within(a: Floats) -> Floats:  # what the derivative by sigma2[0] multiplies by
        return np.asarray(problem.sums(a)[problem.of])

    u = inverse(x)
    cov: Floats = np.asarray(np.linalg.inv(x.T @ u), dtype=np.float64)
    beta = cov @ (u.T @ y)
    py = inverse((y - x @ beta)[:, None])
    log_det = np.log1p(sigma2[0] * s1).sum() - np.log(d).sum()
    form = (y - x @ beta) @ py[:, 0]
    value = -0.5 * (log_det + form + (k - p if problem.reml else k) * _LOG_2PI)
    if problem.reml:
        value += 0.5 * np.linalg.slogdet(cov)[1]  # log det X'X is 0 for an orthonormal X
    left = 1.0 - c * s1
    trace = np.array([(s1 * left).sum(), (s1 - c * s2).sum()])
    traces = np.array(
        [
            [((s1 * left) ** 2).sum(), (left**2 * s2).sum()],
            [(left**2 * s2).sum(), (s2 - 2.0 * c * s3 + (c * s2) ** 2).sum()],
        ]
    )
    gu = [within(u), u]
    if problem.reml:  # from the inverse to the projection
        inner = [cov @ (u.T @ g) for g in gu]
        trace = trace - np.array([np.trace(m) for m in inner])
        for i in range(2):
            for j in range(2):
                cross = cov @ (gu[i].T @ inverse(gu[j]))
                traces[i, j] += np.trace(inner[i] @ inner[j]) - 2.0 * np.trace(cross)
    forms = np.hstack([within(py), py])
    score = 0.5 * ((py * forms).sum(axis=0) - trace)
    projected = inverse(forms) - u @ (cov @ (u.T @ forms))
    return _At(float(value), score, forms.T @ projected - 0.5 * traces, beta, cov)


def _maximise(problem: _Problem, start: Floats, free: Bools) -> tuple[_At, Floats, bool, int]:
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
