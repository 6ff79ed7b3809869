"""The equations of tau2, each solved for a whole batch: estimators, limits, likelihood.

A solver takes a problem of :mod:`carmeta.pooling.projection` and gives tau2, whether it
converged, and the iterations, each ``(batch,)``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
from scipy.special import chdtri

from carmeta.arrays import Bools, Floats, Indices, Ints
from carmeta.pooling.projection import Problem

# Step of the score's grid in log(t + min v). The score is a ratio of polynomials in
# (v_i + t), so nothing in it is narrower than a factor of a few.
_GRID_STEP: Final = 0.35
_GRID_MAX: Final = 160
# A Newton step below this share of (t + min v) ends the iteration: the error left is of the
# order of its square. Bisection goes on to rounding.
_STEP_TOL: Final = 1e-9
_ROUNDING: Final = 1e-15
_MAX_ITER: Final = 100


_Solution = tuple[Floats, Bools, Ints]


def _closed(problem: Problem, tau2: Floats) -> _Solution:
    b = tau2.shape[0]
    blind = problem.n <= problem.p
    return np.where(blind, 0.0, np.maximum(tau2, 0.0)), ~blind, np.zeros(b, dtype=np.int64)


def _zeros(problem: Problem) -> Floats:
    return np.zeros((1, problem.y.shape[-1]))


def _ee(problem: Problem) -> _Solution:
    b = problem.y.shape[-1]
    return np.zeros(b), np.ones(b, dtype=bool), np.zeros(b, dtype=np.int64)


def _dl(problem: Problem) -> _Solution:
    at = problem.at(_zeros(problem), slopes=False)
    blind = problem.n <= problem.p
    df = problem.n - problem.p
    return _closed(problem, (at.q[0] - df) / np.where(blind, 1.0, at.tr1[0]))


def _hs(problem: Problem) -> _Solution:
    at = problem.at(_zeros(problem), slopes=False)
    return _closed(problem, (at.q[0] - problem.n) / np.where(at.sw[0] > 0, at.sw[0], 1.0))


def _he(problem: Problem) -> _Solution:
    rss, trace = problem.unweighted()
    return _closed(problem, (rss - trace) / np.maximum(problem.n - problem.p, 1.0))


def _sj(problem: Problem) -> _Solution:
    m = np.ones_like(problem.y) if problem.m is None else problem.m
    n = np.maximum(problem.n, 1.0)
    mean = (m * problem.y).sum(axis=0) / n
    crude = ((m * (problem.y - mean) ** 2).sum(axis=0) / n)[0]
    q = problem.at(crude[None], slopes=False).q[0]
    return _closed(problem, crude * q / np.maximum(problem.n - problem.p, 1.0))


def _pm(problem: Problem) -> _Solution:
    target = np.maximum(problem.n - problem.p, 1.0)
    tau2, converged, iterations = _solve_q(problem, target)
    blind = problem.n <= problem.p
    return np.where(blind, 0.0, tau2), converged & ~blind, iterations


def _solve_q(problem: Problem, target: Floats, rss: Floats | None = None) -> _Solution:
    """Root of ``q(t) = target``, or 0 where q(0) is below it.

    1/q is increasing and concave in t (Cauchy-Schwarz on y'Py, y'PPy, y'PPPy), so Newton's
    steps on it from the left climb to the root and never pass it. They start where
    ``q(t) >= RSS / (max v + t)``, RSS unweighted, still puts q above the target.
    """
    b = problem.y.shape[-1]
    rss = problem.unweighted()[0] if rss is None else rss
    t = np.maximum(rss / target * (1.0 - 1e-12) - problem.v.max(axis=0)[0], 0.0)
    floor = problem.v.min(axis=0)[0]
    iterations = np.zeros(b, dtype=np.int64)
    active = np.ones(b, dtype=bool)
    for _ in range(_MAX_ITER):
        at = problem.at(t[None], slopes=False)
        q, s = at.q[0], at.s[0]
        climb = active & (q > target) & (s > 0)
        step = np.where(climb, q * (q / target - 1.0) / np.where(s > 0, s, 1.0), 0.0)
        iterations += climb
        t = t + step
        active = climb & (step > _STEP_TOL * (t + floor))
        if not bool(active.any()):
            break
    return t, ~active, iterations


def _upper_bound(problem: Problem) -> Floats:
    """A tau2 above which both scores are negative.

    With s^2 the residual variance of the unweighted fit, ``y'PPy <= (k-p) s^2 / t^2`` and
    ``tr P >= (k-p) / (max v + t)``; equate the two. ML's score is below REML's.
    """
    rss, _ = problem.unweighted()
    s2 = rss / np.maximum(problem.n - problem.p, 1.0)
    vmax = problem.v.max(axis=0)[0]
    bound = cast("Floats", 0.5 * (s2 + np.sqrt(s2 * s2 + 4.0 * s2 * vmax)) * (1.0 + 1e-9))
    return bound


def _grid(problem: Problem, top: Floats) -> Floats:
    """Points (g, batch) from 0 to ``top``, even in log(t + min v)."""
    low = problem.v.min(axis=0)[0]
    span = np.log1p(top / low)
    size = int(np.clip(np.ceil(span.max(initial=0.0) / _GRID_STEP), 4, _GRID_MAX)) + 1
    grid = low * np.expm1(np.linspace(0.0, 1.0, size)[:, None] * span)
    return cast("Floats", grid)


def _likelihood(problem: Problem, *, reml: bool) -> _Solution:
    """Best root of the score of the (restricted) likelihood, or 0 at the boundary."""
    b = problem.y.shape[-1]
    blind = problem.n <= problem.p
    grid = _grid(problem, _upper_bound(problem))
    at = problem.at(grid, slopes=False)
    trace = at.tr1 if reml else at.sw
    positive = (at.s > trace) & ~blind
    # From rising to falling likelihood between two neighbours: a maximum in between. The
    # bound lies above every root, whatever rounding says at the last point.
    positive[-1] = False
    cell, row = np.nonzero(positive[:-1] & ~positive[1:])
    tau2 = np.zeros(b)
    converged = ~blind
    iterations = np.zeros(b, dtype=np.int64)
    if row.size:
        # trace / s - 1 is nearly linear between two points of the grid: a secant's start
        left = 1.0 - trace[cell, row] / at.s[cell, row]
        far = trace[cell + 1, row]
        right = np.maximum(far / np.maximum(at.s[cell + 1, row], 1e-12 * far) - 1.0, 0.0)
        low, high = grid[cell, row], grid[cell + 1, row]
        start = low + (high - low) * (left / np.maximum(left + right, 1e-300))
        every = row.size == b and bool((row == np.arange(b)).all())
        part = problem if every else problem.take(row)
        refine = _refine_one if row.size == 1 else _refine
        root, done, steps = refine(part, low, high, start, reml=reml)
        np.maximum.at(iterations, row, steps)
        several = np.bincount(row, minlength=b) + ~positive[0] > 1
        tau2[row] = root
        converged[row] &= done
        if bool(several.any()):
            _keep_best(problem, tau2, several, (row, root), boundary=~positive[0], reml=reml)
    return np.where(blind, 0.0, tau2), converged, iterations


def _keep_best(
    problem: Problem,
    tau2: Floats,
    several: Bools,
    candidates: tuple[Indices, Floats],
    *,
    boundary: Bools,
    reml: bool,
) -> None:
    """Where a likelihood has several maxima, put the highest into ``tau2``."""
    row, root = candidates
    at_zero = np.flatnonzero(several & boundary)
    rows = np.concatenate([at_zero, row[several[row]]])
    roots = np.concatenate([np.zeros(at_zero.size), root[several[row]]])
    value = problem.take(rows).at(roots[None], reml=reml, loglik=True, slopes=False).loglik[0]
    order = np.argsort(value, kind="stable")
    tau2[rows[order]] = roots[order]  # the last written, the highest, stays


def _refine(problem: Problem, low: Floats, high: Floats, t: Floats, *, reml: bool) -> _Solution:
    """Newton on ``tr P / y'PPy - 1`` (nearly linear in t), kept inside its bracket."""
    floor = problem.v.min(axis=0)[0]
    low, high = low.copy(), high.copy()
    b = t.shape[0]
    iterations = np.zeros(b, dtype=np.int64)
    active = np.ones(b, dtype=bool)
    for _ in range(_MAX_ITER):
        at = problem.at(t[None])
        s = at.s[0]
        trace, slope = (at.tr1[0], at.tr2[0]) if reml else (at.sw[0], at.sw2[0])
        f = trace - s  # negative below the root
        low = np.where(active & (f < 0), t, low)
        high = np.where(active & (f >= 0), t, high)
        # d/dt of trace / s, with d trace = -slope and d s = -2 u
        denominator = 2.0 * trace * at.u[0] - slope * s
        step = -f * s / np.where(denominator != 0, denominator, 1.0)
        move = t + step
        middle = np.sqrt((low + floor) * (high + floor)) - floor
        inside = (denominator > 0) & (move >= low) & (move <= high)
        new = np.where(inside, move, np.clip(middle, low, high))
        small = inside & (np.abs(new - t) <= _STEP_TOL * (new + floor))
        tight = high - low <= _ROUNDING * (high + floor)
        iterations += active
        t = np.where(active, new, t)
        active = active & ~small & ~tight
        if not bool(active.any()):
            break
    return t, ~active, iterations


def _refine_one(problem: Problem, low: Floats, high: Floats, t: Floats, *, reml: bool) -> _Solution:
    """:func:`_refine` of one root, in plain floats: the same steps at a third of the time."""
    floor = float(problem.v.min())
    a, b, x = float(low[0]), float(high[0]), float(t[0])
    done, count = False, 0
    while not done and count < _MAX_ITER:
        count += 1
        at = problem.at(np.array([[x]]))
        s, u = at.s.item(), at.u.item()
        trace, slope = (at.tr1.item(), at.tr2.item()) if reml else (at.sw.item(), at.sw2.item())
        f = trace - s
        a, b = (x, b) if f < 0 else (a, x)
        denominator = 2.0 * trace * u - slope * s
        new = x - f * s / denominator if denominator > 0 else -1.0
        inside = a <= new <= b
        if not inside:
            new = min(max(((a + floor) * (b + floor)) ** 0.5 - floor, a), b)
        done = inside and abs(new - x) <= _STEP_TOL * (new + floor)
        done = done or b - a <= _ROUNDING * (b + floor)
        x = new
    return np.array([x]), np.array([done]), np.array([count], dtype=np.int64)


def _reml(problem: Problem) -> _Solution:
    return _likelihood(problem, reml=True)


def _ml(problem: Problem) -> _Solution:
    return _likelihood(problem, reml=False)


@dataclass(frozen=True, slots=True)
class Estimator:
    """One estimator of tau2: its name in words, how it is solved, and whether without iteration."""

    words: str
    solve: Callable[[Problem], _Solution]
    closed: bool = False


# A new one is one entry here and its code in the vocabulary.
ESTIMATORS: Final[dict[str, Estimator]] = {
    "EE": Estimator("equal effects (no tau²)", _ee, closed=True),
    "DL": Estimator("DerSimonian-Laird", _dl, closed=True),
    "PM": Estimator("Paule-Mandel", _pm),
    "REML": Estimator("restricted maximum likelihood", _reml),
    "ML": Estimator("maximum likelihood", _ml),
    "HE": Estimator("Hedges", _he, closed=True),
    "HS": Estimator("Hunter-Schmidt", _hs, closed=True),
    "SJ": Estimator("Sidik-Jonkman", _sj, closed=True),
    "EB": Estimator("empirical Bayes", _pm),
}


def profile_limits(problem: Problem, level: float, reml: bool) -> tuple[Floats, Floats]:
    """Outermost tau2 at which the profile is ``chi2(level, 1) / 2`` below its maximum."""
    tau2 = _likelihood(problem, reml=reml)[0]
    drop = 0.5 * float(chdtri(1.0, 1.0 - level))
    top = problem.at(tau2[None], reml=reml, loglik=True, slopes=False).loglik[0]
    target = top - drop

    def excess(t: Floats) -> Floats:
        return cast("Floats", problem.at(t, reml=reml, loglik=True, slopes=False).loglik - target)

    floor = problem.v.min(axis=0)[0]
    high = 2.0 * np.maximum(tau2, problem.v.max(axis=0)[0])
    for _ in range(200):  # the profile falls without bound: doubling ends
        above = excess(high[None])[0] > 0
        if not bool(above.any()):
            break
        high = np.where(above, 2.0 * high, high)
    grid = np.sort(np.vstack([_grid(problem, high), tau2[None]]), axis=0)
    inside = excess(grid) >= 0
    first = inside.argmax(axis=0)
    last = grid.shape[0] - 1 - inside[::-1].argmax(axis=0)
    cols = np.arange(tau2.size)
    after = np.minimum(last + 1, grid.shape[0] - 1)
    upper = _bisect(excess, grid[after, cols], grid[last, cols], floor)
    lower = _bisect(excess, grid[np.maximum(first - 1, 0), cols], grid[first, cols], floor)
    return np.where(first == 0, 0.0, lower), upper


def _bisect(f: Callable[[Floats], Floats], out: Floats, into: Floats, floor: Floats) -> Floats:
    """Root between ``out`` (f < 0) and ``into`` (f >= 0), by the Illinois variant of regula falsi.

    It works in log(t + floor), where the profile is close to a parabola.
    """
    a, c = np.log(out + floor), np.log(into + floor)
    fa, fc = f(np.maximum(np.exp(a) - floor, 0.0)[None])[0], f(into[None])[0]
    fa, fc = np.minimum(fa, 0.0), np.maximum(fc, 0.0)
    side = np.zeros(a.shape)
    for _ in range(_MAX_ITER):
        gap = fc - fa
        mid = np.where(gap > 0, (a * fc - c * fa) / np.where(gap > 0, gap, 1.0), c)
        fm = f(np.maximum(np.exp(mid) - floor, 0.0)[None])[0]
        neg = fm < 0
        fc = np.where(neg & (side < 0), 0.5 * fc, fc)
        fa = np.where(~neg & (side > 0), 0.5 * fa, fa)
        a, fa = np.where(neg, mid, a), np.where(neg, fm, fa)
        c, fc = np.where(neg, c, mid), np.where(neg, fc, fm)
        side = np.where(neg, -1.0, 1.0)
        if bool(((np.abs(a - c) < 1e-15) | (np.abs(fm) < 1e-14)).all()):
            break
    best = np.where(np.abs(fa) < np.abs(fc), a, c)
    return cast("Floats", np.maximum(np.exp(best) - floor, 0.0))


def q_limits(problem: Problem, level: float) -> tuple[Floats, Floats]:
    """Both limits of the Q-profile, found at once (Viechtbauer 2007, eq. 8)."""
    df = np.maximum(problem.n - problem.p, 1.0)
    tail = (1.0 - level) / 2.0
    both = np.concatenate([chdtri(df, tail), chdtri(df, 1.0 - tail)])
    twice = problem.take(np.tile(np.arange(df.size), 2))
    limits = _solve_q(twice, both, np.tile(problem.unweighted()[0], 2))[0]
    return limits[: df.size], limits[df.size :]


def statistics(problem: Problem, t: Floats, reml: bool) -> tuple[Floats, Floats, Floats]:
    """Cochran's Q, ``tr P(0)`` and the log-likelihood at ``t``, of the model with a mean."""
    points = np.stack([np.zeros(t.size), t])
    at = problem.at(points, reml=reml, loglik=True, slopes=False)
    df = problem.n - 1.0 if reml else problem.n
    return at.q[0], at.tr1[0], at.loglik[1] - 0.5 * df * np.log(2.0 * np.pi)
