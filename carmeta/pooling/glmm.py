"""Binomial-normal random-intercept logistic model by maximum likelihood.

``x_i ~ Bin(n_i, expit(theta_i))``, ``theta_i ~ N(mu, tau2)`` (Hamza 2008; Stijnen 2010,
sec. 3.1), fitted by Newton's method in (mu, tau) on the adaptive Gauss-Hermite likelihood of
:mod:`carmeta.pooling.quadrature`, for any number of data sets at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri, expit, logit, xlogy

from carmeta.pooling.quadrature import NODES, Derivatives, Likelihood

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Status of a fit: what the data allow.
OK: Final = 0
BOUNDARY: Final = 1  # tau2 = 0 is the maximum
ALL_ZERO: Final = 2  # no events at all: mu is -inf
ALL_EVENTS: Final = 3  # no non-events: mu is +inf
SEPARATED: Final = 4  # every study is 0/n or n/n: the likelihood grows with tau2
FAILED: Final = 5  # Newton did not converge

# Random-effect SDs that start the search, from near homogeneity to near separation.
_START_TAU: Final = (0.12, 0.35, 0.8, 1.6, 3.2, 6.5)
_START_NODES: Final = 11
_MAX_ITER: Final = 200
# A Newton step this small leaves an error of about its square, 1e-14.
_STEP_TOL: Final = 1e-7
# An SD of the random effects beyond which odds differ by e^100: reported as no limit.
_TAU_MAX: Final = 100.0


@dataclass(frozen=True, slots=True)
class GlmmFit:
    """Fits of the batch shape ``(...)``; ``shares`` is ``(..., k)`` and sums to 1.

    ``status`` is one of OK, BOUNDARY, ALL_ZERO, ALL_EVENTS, SEPARATED, FAILED; for the last
    four the numbers are NaN (mu infinite for the two pooled extremes). ``cov`` holds the
    inverse observed information of (mu, tau) as ``(..., 2, 2)``, with zeros for tau on the
    boundary. ``shares`` are each study's part in the information on mu.
    """

    k: Floats
    estimate: Floats
    se: Floats
    tau2: Floats
    cov: Floats
    loglik: Floats
    loglik_homogeneous: Floats
    status: NDArray[np.int64]
    iterations: NDArray[np.int64]
    shares: Floats

    @property
    def usable(self) -> Bools:
        """True where there is an estimate with a standard error."""
        return self.status <= BOUNDARY


def fit_glmm(
    xi: ArrayLike, ni: ArrayLike, *, mask: ArrayLike | None = None, nodes: int = NODES
) -> GlmmFit:
    """Fit the model to counts ``(..., k)``, checked before by ``effects.check_counts``.

    ``mask`` is True where a study is present. ``nodes`` below 15 is not enough for the
    derivatives (they are then not those of the quadrature).
    """
    x, n, shape = _columns(xi, ni, mask)
    status = _classify(x, n)
    b = x.shape[1]
    base = _homogeneous(x, n)
    mu, tau2, ll = np.full(b, np.nan), np.full(b, np.nan), np.full(b, np.nan)
    mu[status == ALL_ZERO], mu[status == ALL_EVENTS] = -np.inf, np.inf
    cov = np.full((b, 2, 2), np.nan)
    shares = np.full(x.shape, np.nan)
    iterations = np.zeros(b, dtype=np.int64)
    cols = np.flatnonzero(status == OK)
    if cols.size:
        lik = Likelihood(x[:, cols], n[:, cols], nodes)
        fit = _maximise(lik, base.mu[cols], base.ll[cols], base.score[cols])
        mu[cols], tau2[cols], ll[cols] = fit.mu, fit.tau**2, fit.at.ll
        cov[cols], iterations[cols] = _covariance(fit.at, fit.tau), fit.iterations
        shares[:, cols] = fit.at.info / fit.at.info.sum(axis=0)
        status[cols] = np.where(~fit.done, FAILED, np.where(fit.tau == 0.0, BOUNDARY, OK))
        for array in (mu, tau2, ll):
            array[status == FAILED] = np.nan
        cov[status == FAILED] = np.nan
    return GlmmFit(
        k=(n > 0).sum(axis=0).astype(float).reshape(shape),
        estimate=mu.reshape(shape),
        se=np.sqrt(cov[:, 0, 0]).reshape(shape),
        tau2=tau2.reshape(shape),
        cov=cov.reshape((*shape, 2, 2)),
        loglik=ll.reshape(shape),
        loglik_homogeneous=base.ll.reshape(shape),
        status=status.reshape(shape),
        iterations=iterations.reshape(shape),
        shares=shares.T.reshape((*shape, x.shape[0])),
    )


def _columns(
    xi: ArrayLike, ni: ArrayLike, mask: ArrayLike | None
) -> tuple[Floats, Floats, tuple[int, ...]]:
    x, n = np.broadcast_arrays(np.asarray(xi, dtype=float), np.asarray(ni, dtype=float))
    if mask is not None:
        x, n, m = np.broadcast_arrays(x, n, np.asarray(mask, dtype=bool))
        x, n = np.where(m, x, 0.0), np.where(m, n, 0.0)
    shape, k = x.shape[:-1], x.shape[-1]
    x, n = x.reshape(-1, k).T, n.reshape(-1, k).T
    return np.ascontiguousarray(x), np.ascontiguousarray(n), shape


def _classify(x: Floats, n: Floats) -> NDArray[np.int64]:
    status = np.zeros(x.shape[1], dtype=np.int64)
    status[((x == 0) | (x == n)).all(axis=0)] = SEPARATED
    status[(x == 0).all(axis=0)] = ALL_ZERO
    status[(x == n).all(axis=0)] = ALL_EVENTS
    return status


@dataclass(slots=True)
class _Homogeneous:
    mu: Floats
    ll: Floats
    score: Floats  # d loglik / d tau2 at tau2 = 0


def _homogeneous(x: Floats, n: Floats) -> _Homogeneous:
    """The model with tau2 = 0, in closed form."""
    from scipy.special import gammaln

    total = n.sum(axis=0)
    p = x.sum(axis=0) / total
    choose = gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)
    ll = (choose + xlogy(x, p) + xlogy(n - x, 1.0 - p)).sum(axis=0)
    score = 0.5 * ((x - n * p) ** 2 - n * p * (1.0 - p)).sum(axis=0)
    return _Homogeneous(logit(p), ll, score)


# -- maximisation ------------------------------------------------------------------------


@dataclass(slots=True)
class _Maximum:
    mu: Floats
    tau: Floats
    at: Derivatives
    done: Bools
    iterations: NDArray[np.int64]


def _maximise(lik: Likelihood, mu0: Floats, ll0: Floats, score0: Floats) -> _Maximum:
    """Newton from the best of a few starts; the boundary where nothing inside beats it."""
    mu, tau = _starts(lik, mu0)
    found = _newton(lik, mu, tau)
    tau = np.abs(found.tau)
    # The boundary is exact: where it is a local maximum and the interior is no better.
    gain = found.at.ll - ll0
    flat = (score0 <= 0) & ((gain <= 1e-9 * (1.0 + 1e-3 * np.abs(ll0))) | (tau < 1e-4))
    done = found.done | flat
    if bool(flat.any()):
        cols = np.flatnonzero(flat)
        found.mu[cols], tau[cols] = mu0[cols], 0.0
        at = lik.take(cols).at(mu0[cols], np.zeros(cols.size))
        found.at.put(cols, at)
        found.at.ll[cols] = ll0[cols]
    return _Maximum(found.mu, tau, found.at, done, found.iterations)


def _starts(lik: Likelihood, mu0: Floats) -> tuple[Floats, Floats]:
    """The best of a few SDs, each with its mean after a Newton step (concave in mu)."""
    b, g = lik.batch, len(_START_TAU)
    tau = np.repeat(np.asarray(_START_TAU), b)
    coarse = lik.rough(np.tile(np.arange(b), g), _START_NODES)
    present = coarse.n > 0
    y = np.log((coarse.x + 0.5) / (coarse.n - coarse.x + 0.5))
    v = 1.0 / (coarse.x + 0.5) + 1.0 / (coarse.n - coarse.x + 0.5)
    w = np.where(present, 1.0 / (v + tau**2), 0.0)
    mu = (w * y).sum(axis=0) / w.sum(axis=0)
    value = np.full(mu.shape, -np.inf)
    best = mu.copy()
    for step in range(2):
        at = coarse.at(mu, tau)
        better = at.ll > value
        value, best = np.where(better, at.ll, value), np.where(better, mu, best)
        if step < 1:
            mu = mu + np.clip(-at.g_mu / np.minimum(at.h_mm, -1e-12), -3.0, 3.0)
    pick = value.reshape(g, b).argmax(axis=0)
    cols = np.arange(b)
    return best.reshape(g, b)[pick, cols], tau.reshape(g, b)[pick, cols].copy()


def _newton(lik: Likelihood, mu: Floats, tau: Floats) -> _Maximum:
    """Safeguarded Newton in (mu, tau): uphill steps, halved until the likelihood rises."""
    b = lik.batch
    mu, tau = mu.copy(), tau.copy()
    at = lik.at(mu, tau)
    done = np.zeros(b, dtype=bool)
    iterations = np.zeros(b, dtype=np.int64)
    d_mu, d_tau = _step(at, tau)
    active = np.arange(b)
    for _ in range(_MAX_ITER):
        part = lik if active.size == b else lik.take(active)
        trial_mu, trial_tau = mu[active] + d_mu[active], tau[active] + d_tau[active]
        new = part.at(trial_mu, trial_tau)
        iterations[active] += 1
        size = np.maximum(np.abs(d_mu[active]), np.abs(d_tau[active]))
        slack = 1e-11 * (1.0 + np.abs(at.ll[active]))
        rose = (new.ll >= at.ll[active] - slack) | (size < 1e-7)
        up = active[rose]
        if up.size:
            mu[up], tau[up] = trial_mu[rose], trial_tau[rose]
            at.put(up, new.keep(rose))
            d_mu[up], d_tau[up] = _step(new.keep(rose), tau[up])
        back = active[~rose]
        d_mu[back], d_tau[back] = 0.4 * d_mu[back], 0.4 * d_tau[back]
        scale = 1.0 + np.abs(mu[up])
        small = size[rose] <= _STEP_TOL * scale
        done[up[small]] = True
        active = np.flatnonzero(~done)
        if active.size == 0:
            break
    return _Maximum(mu, tau, at, done, iterations)


def _step(at: Derivatives, tau: Floats) -> tuple[Floats, Floats]:
    """Newton's step where the Hessian is negative definite, else an uphill one."""
    det = at.h_mm * at.h_tt - at.h_mt**2
    newton = (at.h_mm < 0) & (det > 1e-14 * at.h_mm**2)
    safe = np.where(newton, det, 1.0)
    d_mu = -(at.h_tt * at.g_mu - at.h_mt * at.g_tau) / safe
    d_tau = -(at.h_mm * at.g_tau - at.h_mt * at.g_mu) / safe
    curvature = np.maximum(np.abs(at.h_tt), 1e-3)
    d_mu = np.where(newton, d_mu, -at.g_mu / np.minimum(at.h_mm, -1e-12))
    d_tau = np.where(newton, d_tau, at.g_tau / curvature)
    limit = np.maximum(1.5 * np.abs(tau), 0.3)
    shrink = np.minimum(
        1.0,
        np.minimum(
            limit / np.maximum(np.abs(d_tau), 1e-300), 3.0 / np.maximum(np.abs(d_mu), 1e-300)
        ),
    )
    return d_mu * shrink, d_tau * shrink


def _covariance(at: Derivatives, tau: Floats) -> Floats:
    """Inverse observed information; on the boundary mu and tau are orthogonal (evenness)."""
    cov = np.zeros((tau.size, 2, 2))
    edge = tau == 0.0
    det = np.where(edge, 1.0, at.h_mm * at.h_tt - at.h_mt**2)
    cov[:, 0, 0] = np.where(edge, -1.0 / at.h_mm, -at.h_tt / det)
    cov[:, 1, 1] = np.where(edge, 0.0, -at.h_mm / det)
    cov[:, 0, 1] = cov[:, 1, 0] = np.where(edge, 0.0, at.h_mt / det)
    return cov


# -- profile likelihood --------------------------------------------------------------------


def profile_limits(
    xi: ArrayLike,
    ni: ArrayLike,
    fit: GlmmFit,
    *,
    of: str,
    level: float = 0.95,
    mask: ArrayLike | None = None,
    nodes: int = NODES,
) -> tuple[Floats, Floats]:
    """Profile-likelihood limits of ``of`` = "mu" or "tau2", arrays of the batch shape.

    They are where the profile lies ``chi2(level, 1) / 2`` below its maximum (Venzon &
    Moolgavkar 1988). For tau2 the lower limit is 0 where homogeneity is that close, and the
    upper inf beyond 100 squared. NaN where the fit is not usable.
    """
    x, n, shape = _columns(xi, ni, mask)
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
    # The start of the nuisance SD is kept off 0, where the likelihood is flat in it.
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
    """Slow and sure: the SD maximised afresh at each mean, the root by bisection.

    For limits at which the maximising SD leaves 0, where the joint steps lose their footing.
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
        for _ in range(_MAX_ITER):
            v, nu, s = value[active], nuisance[active], side[active]
            f, slope, d_nu, cross, ready = self._profile(active, v, nu)
            into, out = inside[active], outside[active]
            into = np.where(ready & (f >= 0), v, into)
            out = np.where(ready & (f < 0), v, out)
            step = -f / np.where(slope != 0, slope, 1.0)
            new = v + step
            tiny = np.abs(step) <= _STEP_TOL * np.maximum(np.abs(v), 1e-3)
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
            small = np.abs(new - v) <= _STEP_TOL * np.maximum(np.abs(new), 1e-3)
            closed = np.abs(out - into) <= 1e-13 * np.maximum(np.abs(new), 1.0)
            ended = (ready & (small | closed)) | (np.abs(new) >= _TAU_MAX) & (self.fixed == "tau")
            active = active[~ended]
            if active.size == 0:
                break
        value[active] = np.nan  # no root found in the allowed steps: said, not guessed
        return value

    def _profile(
        self, active: NDArray[np.intp], v: Floats, nu: Floats
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
    x, n, _ = _columns(xi, ni, None)
    lik = Likelihood(x, n, nodes)
    best = -np.inf
    for start in (0.0, *_START_TAU, float(np.sqrt(fit.tau2))):
        tau = np.array([start])
        for _ in range(_MAX_ITER):
            here = lik.at(np.array([at]), tau)
            best = max(best, float(here.ll[0]))
            curve = float(here.h_tt[0])
            step = -here.g_tau / curve if curve < 0 else np.sign(here.g_tau) * 0.2
            step = np.clip(step, -0.5, 0.5)
            tau = tau + step
            if float(np.abs(step[0])) < _STEP_TOL:
                break
    ratio = max(0.0, 2.0 * (float(fit.loglik) - best))
    return float(np.sign(float(fit.estimate) - at) * np.sqrt(ratio))


# -- what is reported beside the estimate ---------------------------------------------------


def homogeneity_tests(xi: ArrayLike, ni: ArrayLike) -> tuple[Floats, Floats]:
    """Wald and likelihood-ratio statistics of equal proportions, each with k - 1 df.

    The Wald statistic is Cochran's Q on the logit with ``x (n - x) / n`` as weights (0.5
    added in studies with a zero cell); the other is the deviance of the homogeneous model
    from the saturated one, which needs no correction.
    """
    x, n = np.broadcast_arrays(np.asarray(xi, dtype=float), np.asarray(ni, dtype=float))
    y, v = logits(x, n)
    w = 1.0 / v
    mean = (w * y).sum(axis=-1, keepdims=True) / w.sum(axis=-1, keepdims=True)
    return (w * (y - mean) ** 2).sum(axis=-1), likelihood_ratio(x, n)


def logits(x: Floats, n: Floats) -> tuple[Floats, Floats]:
    """Logits and their variances, 0.5 added to both cells of studies with a zero one."""
    add = np.where((x == 0) | (x == n), 0.5, 0.0)
    a, b = x + add, n - x + add
    return np.log(a / b), 1.0 / a + 1.0 / b


def likelihood_ratio(x: Floats, n: Floats) -> Floats:
    """Deviance of equal proportions, ``(...)`` of counts ``(..., k)``; n = 0 is no study."""
    total = n.sum(axis=-1, keepdims=True)
    p = x.sum(axis=-1, keepdims=True) / np.where(total > 0, total, 1.0)
    q, rest = 1.0 - p, n - x
    pi = x / np.where(n > 0, n, 1.0)
    one = xlogy(x, np.where(x > 0, pi / np.where(p > 0, p, 1.0), 1.0))
    two = xlogy(rest, np.where(rest > 0, (1.0 - pi) / np.where(q > 0, q, 1.0), 1.0))
    return np.asarray(np.maximum(2.0 * (one + two).sum(axis=-1), 0.0))


def marginal_mean(mu: ArrayLike, tau2: ArrayLike, *, nodes: int = 61) -> Floats:
    """Mean proportion over the population of studies: ``E expit(mu + tau u)``, in 0..1."""
    z, w = np.polynomial.hermite.hermgauss(nodes)
    m, t = np.asarray(mu, dtype=float), np.sqrt(np.asarray(tau2, dtype=float))
    values = expit(m[..., None] + t[..., None] * np.sqrt(2.0) * z)
    return cast("Floats", (values * w).sum(axis=-1) / np.sqrt(np.pi))


def marginal_interval(fit: GlmmFit, crit: float) -> tuple[Floats, Floats, Floats]:
    """Marginal mean and its limits, by the delta method in (mu, tau) on the logit scale."""
    mu, tau = fit.estimate, np.sqrt(fit.tau2)
    z, w = np.polynomial.hermite.hermgauss(61)
    u = np.sqrt(2.0) * z
    p = expit(mu[..., None] + tau[..., None] * u)
    weight = w / np.sqrt(np.pi)
    mean = (weight * p).sum(axis=-1)
    slope = weight * p * (1.0 - p)
    gradient = np.stack([slope.sum(axis=-1), (slope * u).sum(axis=-1)], axis=-1)
    variance = (gradient[..., None, :] @ fit.cov @ gradient[..., :, None])[..., 0, 0]
    half = crit * np.sqrt(variance) / (mean * (1.0 - mean))
    return mean, expit(logit(mean) - half), expit(logit(mean) + half)
