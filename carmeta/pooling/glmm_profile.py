"""Profile likelihood of the binomial-normal model: limits of mu and tau2, and a root for mu."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtri

from carmeta.arrays import Bools, Floats, Indices
from carmeta.pooling.glmm import MAX_ITER, START_TAU, STEP_TOL, GlmmFit, columns
from carmeta.pooling.quadrature import NODES, Likelihood

# An sd of the random effects beyond which odds differ by e^100: reported as no limit.
_TAU_MAX: Final = 100.0


def profile_limits(
    xi: ArrayLike,
    ni: ArrayLike,
    fit: GlmmFit,
    *,
    of: Literal["mu", "tau2"],
    level: float = 0.95,
    mask: ArrayLike | None = None,
    nodes: int = NODES,
) -> tuple[Floats, Floats]:
    """Profile-likelihood limits of ``of`` = "mu" or "tau2", arrays of the batch shape.

    They are where the profile lies ``chi2(level, 1) / 2`` below its maximum (Venzon &
    Moolgavkar 1988). For tau2 the lower limit is 0 where homogeneity is that close, and the
    upper inf beyond 100 squared. NaN where the fit is not usable.
    """
    x, n, shape = columns(xi, ni, mask)
    drop = 0.5 * float(chdtri(1.0, 1.0 - level))
    usable = fit.usable.reshape(-1)
    low, high = np.full(x.shape[1], np.nan), np.full(x.shape[1], np.nan)
    cols = np.flatnonzero(usable)
    if cols.size:
        flat = _Flat(
            fit.estimate.reshape(-1)[cols],
            np.sqrt(fit.tau2.reshape(-1)[cols]),
            fit.cov.reshape(-1, 2, 2)[cols],
            fit.loglik.reshape(-1)[cols] - drop,
        )
        lik = Likelihood(x[:, cols], n[:, cols], nodes)
        if of == "mu":
            low[cols], high[cols] = _mu_limits(lik, flat)
        else:
            open_below = fit.loglik_homogeneous.reshape(-1)[cols] >= flat.target
            low[cols], high[cols] = _tau_limits(lik, flat, open_below)
    return low.reshape(shape), high.reshape(shape)


@dataclass(slots=True)
class _Flat:
    mu: Floats
    tau: Floats
    cov: Floats
    target: Floats


def _tau_limits(lik: Likelihood, flat: _Flat, open_below: Bools) -> tuple[Floats, Floats]:
    b = lik.batch
    spread = 2.0 * np.sqrt(flat.cov[:, 1, 1]) / np.maximum(flat.tau, 1e-12)
    up = np.where(flat.tau > 0, flat.tau * np.exp(np.clip(spread, 0.2, 1.5)), 0.5)
    down = flat.tau * np.exp(-np.clip(spread, 0.2, 2.5))
    closed = np.flatnonzero(~open_below)
    cols = np.concatenate([np.arange(b), closed])
    start = np.concatenate([np.maximum(up, flat.tau + 0.05), down[closed]])
    side = np.concatenate([np.ones(b), -np.ones(closed.size)])
    inside = flat.tau[cols]
    outside = np.where(side > 0, np.inf, 0.0)
    root = _Profile(lik.take(cols), flat.target[cols], fixed="tau").solve(
        flat.mu[cols], start, inside, outside, side
    )
    lower = np.zeros(b)
    lower[closed] = root[b:] ** 2
    upper = np.where(root[:b] >= _TAU_MAX, np.inf, root[:b] ** 2)
    return lower, upper


def _mu_limits(lik: Likelihood, flat: _Flat) -> tuple[Floats, Floats]:
    b = lik.batch
    cols = np.tile(np.arange(b), 2)
    side = np.repeat([-1.0, 1.0], b)
    se = np.sqrt(flat.cov[:, 0, 0])
    start = flat.mu[cols] + side * 2.2 * se[cols]
    # The start of the nuisance sd is kept off 0, where the likelihood is flat in it.
    tau = np.maximum(flat.tau[cols], 0.1)
    sides = lik.take(cols)
    target = flat.target[cols]
    root = _Profile(sides, target, fixed="mu").solve(tau, start, flat.mu[cols], side * np.inf, side)
    lost = np.flatnonzero(np.isnan(root))
    if lost.size:
        some = sides.take(lost)
        root[lost] = _nested_mu(some, target[lost], flat.mu[cols][lost], se[cols][lost], side[lost])
    return root[:b], root[b:]


def _nested_mu(lik: Likelihood, target: Floats, mu: Floats, se: Floats, side: Floats) -> Floats:
    """Slow and sure: the sd maximised afresh at each mean, the root by bisection.

    For limits at which the maximising sd leaves 0, where the joint steps lose their footing.
    """
    inside, width = mu.copy(), 2.5 * se
    outside = mu + side * width
    for _ in range(60):
        within = _best_over_tau(lik, outside) >= target
        if not bool(within.any()):
            break
        inside = np.where(within, outside, inside)
        outside = np.where(within, outside + side * width, outside)
    for _ in range(60):
        middle = 0.5 * (inside + outside)
        within = _best_over_tau(lik, middle) >= target
        inside, outside = np.where(within, middle, inside), np.where(within, outside, middle)
        if float(np.abs(outside - inside).max()) < 1e-11:
            break
    return np.asarray(0.5 * (inside + outside))


def _best_over_tau(lik: Likelihood, mu: Floats) -> Floats:
    """Likelihood at each mean, maximised over tau >= 0: a grid, then bisection of the slope."""
    grid = np.concatenate([[0.0], np.geomspace(0.02, 20.0, 24)])
    b = lik.batch
    wide = lik.take(np.tile(np.arange(b), grid.size))
    at = wide.at(np.tile(mu, grid.size), np.repeat(grid, b))
    values = at.ll.reshape(grid.size, b)
    best = values.argmax(axis=0)
    low, high = grid[np.maximum(best - 1, 0)], grid[np.minimum(best + 1, grid.size - 1)]
    top = values.max(axis=0)
    for _ in range(40):
        middle = 0.5 * (low + high)
        here = lik.at(mu, middle)
        top = np.maximum(top, here.ll)
        rising = here.g_tau > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    return np.asarray(top)


class _Profile:
    """Root of the profile of one parameter, the other maximised out along the way.

    Each step moves both. The profile at the current point is the likelihood plus half the
    Newton decrement of the nuisance parameter, and is trusted once that is small.
    """

    def __init__(self, lik: Likelihood, target: Floats, fixed: str) -> None:
        self.lik, self.target, self.fixed = lik, target, fixed

    def solve(
        self, nuisance: Floats, value: Floats, inside: Floats, outside: Floats, side: Floats
    ) -> Floats:
        nuisance, value = nuisance.copy(), value.copy()
        inside, outside = inside.copy(), outside.copy()
        active = np.arange(value.size)
        for _ in range(MAX_ITER):
            v, nu, s = value[active], nuisance[active], side[active]
            f, slope, d_nu, cross, ready = self._profile(active, v, nu)
            into, out = inside[active], outside[active]
            into = np.where(ready & (f >= 0), v, into)
            out = np.where(ready & (f < 0), v, out)
            step = -f / np.where(slope != 0, slope, 1.0)
            new = v + step
            tiny = np.abs(step) <= STEP_TOL * np.maximum(np.abs(v), 1e-3)
            outside_bracket = ((new - into) * s <= 0) | ((out - new) * s <= 0)
            # At the root itself the bracket ends there: a tiny step is the end, not a stray.
            wild = (slope * s >= 0) | (outside_bracket & ~tiny)
            far = np.where(np.isfinite(out), 0.5 * (into + out), v + s * self._stride(v))
            new = np.where(wild, far, new)
            # Before a bound is known no step may outrun the stride.
            stride = self._stride(v)
            new = np.where(np.isfinite(out), new, v + np.clip(new - v, -stride, stride))
            new = np.where(ready, new, v)
            value[active], inside[active], outside[active] = new, into, out
            nuisance[active] = self._move(nu, d_nu + cross * (new - v))
            small = np.abs(new - v) <= STEP_TOL * np.maximum(np.abs(new), 1e-3)
            closed = np.abs(out - into) <= 1e-13 * np.maximum(np.abs(new), 1.0)
            ended = (ready & (small | closed)) | (np.abs(new) >= _TAU_MAX) & (self.fixed == "tau")
            active = active[~ended]
            if active.size == 0:
                break
        value[active] = np.nan  # no root found in the allowed steps: said, not guessed
        return value

    def _profile(
        self, active: Indices, v: Floats, nu: Floats
    ) -> tuple[Floats, Floats, Floats, Floats, Bools]:
        part = self.lik if active.size == self.lik.batch else self.lik.take(active)
        if self.fixed == "tau":
            at = part.at(nu, v)
            g, h, own = at.g_mu, np.minimum(at.h_mm, -1e-12), at.g_tau
            concave = np.ones(v.shape, dtype=bool)
        else:
            at = part.at(v, nu)
            concave = at.h_tt < -1e-10
            g, h, own = at.g_tau, np.where(concave, at.h_tt, -1.0), at.g_mu
        d_nu = -g / h
        gain = 0.5 * g * d_nu
        f = at.ll + gain - self.target[active]
        cross = -at.h_mt / h
        # Where the likelihood still curves upward in tau: walk uphill first.
        uphill = np.where(g >= 0, 1.0, -1.0) * np.maximum(0.5 * np.abs(nu), 0.1)
        d_nu = np.where(concave, d_nu, uphill)
        ready = concave & (gain < 1e-3)
        return f, own + cross * g, d_nu, np.where(concave, cross, 0.0), ready

    def _stride(self, v: Floats) -> Floats:
        return np.maximum(0.7 * np.abs(v), 0.2) if self.fixed == "tau" else np.full(v.shape, 1.5)

    def _move(self, nu: Floats, step: Floats) -> Floats:
        limit = 3.0 if self.fixed == "tau" else np.maximum(np.abs(nu), 0.3)
        return nu + np.clip(step, -limit, limit)


def profile_root(
    xi: ArrayLike, ni: ArrayLike, fit: GlmmFit, *, at: float = 0.0, nodes: int = NODES
) -> float:
    """Signed root of the likelihood ratio of ``mu = at`` for one data set, normal under it."""
    x, n, _ = columns(xi, ni, None)
    lik = Likelihood(x, n, nodes)
    best = -np.inf
    for start in (0.0, *START_TAU, float(np.sqrt(fit.tau2))):
        tau = np.array([start])
        for _ in range(MAX_ITER):
            here = lik.at(np.array([at]), tau)
            best = max(best, float(here.ll[0]))
            curve = float(here.h_tt[0])
            step = -here.g_tau / curve if curve < 0 else np.sign(here.g_tau) * 0.2
            step = np.clip(step, -0.5, 0.5)
            tau = tau + step
            if float(np.abs(step[0])) < STEP_TOL:
                break
    ratio = max(0.0, 2.0 * (float(fit.loglik) - best))
    return float(np.sign(float(fit.estimate) - at) * np.sqrt(ratio))
