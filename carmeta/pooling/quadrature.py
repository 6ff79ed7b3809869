"""Binomial-normal likelihood by adaptive quadrature, with derivatives.

Study i: ``x_i ~ Bin(n_i, expit(mu + tau u_i))``, ``u_i ~ N(0, 1)``. Two rules integrate
over u, both placed at the integrand's mode:

* |tau| <= 1: Gauss-Hermite with 25 nodes, scaled by the curvature there (Pinheiro & Bates
  1995); its error in a study's log-likelihood is below 1e-9.
* |tau| > 1: Gauss-Legendre on either side of the mode, out to where the integrand has
  fallen by e^-40. With no events, or only events, the integrand of a large tau is half a
  normal with a sharp edge: 25 Gauss-Hermite nodes are then off by 1e-6 (tau 2) to 1e-3
  (tau 6), this rule by 1e-13 to 1e-10 (1e-6 for studies of one patient and tau above 6).

First and second derivatives in (mu, tau) are posterior moments of the complete-data score
(Louis 1982). The likelihood is even in tau, so tau may take any sign on the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from scipy.special import expit

from carmeta.arrays import Bools, Floats, Indices
from carmeta.pooling.binomial import log_likelihood, saturated

NODES: Final = 25
# Beyond this sd the two-sided rule takes over; nodes on each of its sides.
_WIDE_TAU: Final = 1.0
_SIDE_NODES: Final = 28
_POINTS: Final = 33  # of the grid of :func:`conditional`, half an sd apart
# Fall of the log integrand at which it is cut: e^-40 is below rounding.
_DROP: Final = 40.0
# Elements of one (nodes, k, batch) array; about 1 MB each.
_CHUNK: Final = 1 << 17
# sd from which the integrand of no events, or only events, falls off like a cliff.
_STEEP_TAU: Final = 2.0
# Below this many elements calls cost more than arithmetic.
_SMALL: Final = 1 << 13
# Squared last step of Newton in units of the integrand's width.
_MODE_TOL: Final = 1e-9
_NAMES: Final = ("ll", "g_mu", "g_tau", "h_mm", "h_mt", "h_tt", "info")


@dataclass(frozen=True, slots=True)
class Derivatives:
    """Log-likelihood and its derivatives in (mu, tau), arrays ``(batch,)``.

    ``info`` holds ``-d2 l_i / d mu2`` of each study, ``(k, batch)``; it is never negative,
    since an integral of a log-concave function is log-concave (Prekopa 1973).
    """

    ll: Floats
    g_mu: Floats
    g_tau: Floats
    h_mm: Floats
    h_mt: Floats
    h_tt: Floats
    info: Floats

    def keep(self, columns: Indices | Bools) -> Derivatives:
        """The same of some columns."""
        return Derivatives(*(getattr(self, name)[..., columns] for name in _NAMES))

    def put(self, columns: Indices, new: Derivatives) -> None:
        """Write ``new`` into some columns."""
        for name in _NAMES:
            getattr(self, name)[..., columns] = getattr(new, name)


@cache
def _hermite(nodes: int) -> tuple[Floats, Floats]:
    """Nodes z of weight exp(-z^2), and weight * exp(z^2), as columns (nodes, 1, 1)."""
    z, w = np.polynomial.hermite.hermgauss(nodes)
    return z[:, None, None], np.exp(np.log(w) + z * z)[:, None, None]


@cache
def _legendre() -> tuple[Floats, Floats]:
    """Nodes and weights of (0, 1) as columns (nodes, 1, 1)."""
    z, w = np.polynomial.legendre.leggauss(_SIDE_NODES)
    return 0.5 * (z[:, None, None] + 1.0), 0.5 * w[:, None, None]


class Likelihood:
    """Counts of a batch: ``x``, ``n`` are (k, batch); ``n`` 0 marks a study that is absent."""

    def __init__(self, x: Floats, n: Floats, nodes: int = NODES) -> None:
        self.x, self.n, self.nodes = x, n, nodes
        self.wide = _WIDE_TAU  # where the two-sided rule begins
        self.ragged = bool((n == 0).any())
        self.best = saturated(x, n)
        self.last: Floats | None = None  # modes of the call before, when it was all columns

    @property
    def batch(self) -> int:
        """Number of data sets."""
        return int(self.x.shape[1])

    def take(self, columns: Indices) -> Likelihood:
        """Some columns, any number of times."""
        new = object.__new__(Likelihood)
        new.x, new.n = self.x[:, columns], self.n[:, columns]
        new.best, new.last = self.best[:, columns], None
        new.nodes, new.wide, new.ragged = self.nodes, self.wide, self.ragged
        return new

    def rough(self, columns: Indices, nodes: int) -> Likelihood:
        """Some columns by a few Gauss-Hermite nodes whatever tau: to choose a start by."""
        new = self.take(columns)
        new.nodes, new.wide = nodes, np.inf
        return new

    def at(self, mu: Floats, tau: Floats) -> Derivatives:
        """Evaluate at one (mu, tau) a column."""
        k, b = self.x.shape
        wide = np.abs(tau) > self.wide
        if bool(wide.any()) and k * b * 2 * _SIDE_NODES <= _SMALL:
            wide = np.ones(b, dtype=bool)  # one call for all: the rule is exact for small tau too
        groups = [(np.flatnonzero(~wide), self.nodes), (np.flatnonzero(wide), 2 * _SIDE_NODES)]
        pieces = []
        for columns, nodes in groups:
            step = max(1, _CHUNK // (nodes * k))
            pieces += [columns[i : i + step] for i in range(0, columns.size, step)]
        if len(pieces) == 1:
            return self._at(mu, tau, None, bool(wide.any()))
        out = Derivatives(*[np.empty(b) for _ in _NAMES[:-1]] + [np.empty((k, b))])
        for columns in pieces:
            out.put(columns, self._at(mu[columns], tau[columns], columns, bool(wide[columns[0]])))
        return out

    def _at(self, mu: Floats, tau: Floats, cols: Indices | None, wide: bool) -> Derivatives:
        """Evaluate columns (None: all of them) whose tau all take the same rule."""
        x, n, best = self.x, self.n, self.best
        if cols is not None:
            x, n, best = x[:, cols], n[:, cols], best[:, cols]
        u, eta, curvature = _modes(x, n, mu, tau, self.last if cols is None else None)
        self.last = u if cols is None else None
        du, weight, prob = _points(x, n, u, eta, tau, curvature, self.nodes, wide)
        total = weight.sum(axis=0)
        weight /= total
        e = x - n * prob
        npq = n * prob * (1.0 - prob)
        un = u + du
        we = weight * e
        e1 = we.sum(axis=0)
        ue = un * we
        ue1 = ue.sum(axis=0)
        # Louis: E[second derivative] + Var[score], study by study
        mm = (weight * (e * e - npq)).sum(axis=0) - e1 * e1
        wq = weight * npq * un
        mt = (ue * e - wq).sum(axis=0) - e1 * ue1
        tt = (un * (ue * e - wq)).sum(axis=0) - ue1 * ue1
        ll = best + log_likelihood(x, n, eta) - 0.5 * u * u + np.log(total)
        parts = [ll, e1, ue1, mm, mt, tt]
        if self.ragged:
            # An absent study integrates the prior alone: 0 up to rounding, put to 0 by n = 0.
            parts = [np.where(n > 0, part, 0.0) for part in parts]
        sums = [part.sum(axis=0) for part in parts]
        return Derivatives(*[*sums, np.maximum(-parts[3], 0.0)])


def _modes(
    x: Floats, n: Floats, mu: Floats, tau: Floats, start: Floats | None = None
) -> tuple[Floats, Floats, Floats]:
    """Mode of each integrand, its logit, and the curvature of the log integrand there.

    The mode solves ``u = tau (x - n p(u))``; the right side falls, so the root lies between
    0 and its value at 0. Newton starts from ``start``, or where the logit's own normal
    approximation has it. The rules are placed at the mode but do not rely on its last digits.
    """
    steep = bool((np.abs(tau) > _STEEP_TAU).any())  # an old mode is then no good start
    u = _normal_mode(x, n, mu, tau) if start is None or steep else start
    end = tau * (x - n * expit(mu + 0.0 * tau))
    low, high = np.minimum(end, 0.0), np.maximum(end, 0.0)
    u = np.minimum(np.maximum(u, low), high)
    last = np.full(u.shape, np.inf)
    eta = mu + tau * u
    for _ in range(200):
        p = expit(eta)
        excess = x - n * p
        f = u - tau * excess
        curvature = 1.0 + tau * tau * (n * p) * (1.0 - p)
        step = f / curvature
        low, high = np.where(f < 0, u, low), np.where(f > 0, u, high)
        new = u - step
        # Halve the bracket where Newton leaves it, or does not halve its own step: far
        # from the mode the logistic is flat, and Newton would jump to and fro.
        wild = (new < low) | (new > high) | (np.abs(step) > 0.5 * last)
        if bool(wild.any()):
            new = np.where(wild, 0.5 * (low + high), new)
        last = np.abs(new - u)
        u = new
        eta = mu + tau * u
        if bool((last * last * curvature < _MODE_TOL).all()):
            break
    p = expit(eta)
    return u, eta, 1.0 + tau * tau * (n * p) * (1.0 - p)


def _normal_mode(x: Floats, n: Floats, mu: Floats, tau: Floats) -> Floats:
    """Where the logit's normal approximation has the mode; at the edges of a large tau, Lambert."""
    a, b = x + 0.5, n - x + 0.5
    u = tau * (np.log(a / b) - mu) / ((a + b) / (a * b) + tau * tau)
    large = np.abs(tau) > _STEEP_TAU
    if bool(large.any()):
        u = np.where(large & ((x == 0) | (x == n)), _edge_mode(x, n, mu, tau), u)
    return np.asarray(u)


def _edge_mode(x: Floats, n: Floats, mu: Floats, tau: Floats) -> Floats:
    """Mode for no events or only events where p is small: ``w e^w = tau^2 n e^mu``, w = -tau u.

    Lambert's function by Winitzki's approximation, within 2%: a start for Newton.
    """
    side = np.where(x == 0, -1.0, 1.0)
    log_z = np.log1p(tau * tau * np.maximum(n, 1.0) * np.exp(np.clip(-side * mu, -50.0, 50.0)))
    w = log_z * (1.0 - np.log1p(log_z) / (2.0 + log_z))
    return np.asarray(side * w / np.where(tau == 0, 1.0, tau))


def _points(
    x: Floats,
    n: Floats,
    u: Floats,
    eta: Floats,
    tau: Floats,
    curvature: Floats,
    nodes: int,
    wide: bool,
) -> tuple[Floats, Floats, Floats]:
    """Steps from the mode, their weights and the probability at each, (nodes, k, batch).

    The weights sum to the integral over u divided by the integrand at its mode.
    """
    root = np.sqrt(2.0 * np.pi)
    if not wide:
        z, w = _hermite(nodes)
        scale = np.sqrt(2.0 / curvature)
        du = scale * z
        change, prob = _steps(x, n, u, eta, tau, du)
        return du, w * np.exp(change) * (scale / root), prob
    share, w = _legendre()
    low, high = _ends(x, n, u, eta, tau, curvature)
    du = np.concatenate([low * share, high * share])
    change, prob = _steps(x, n, u, eta, tau, du)
    width = np.concatenate([-low * w, high * w])
    return du, width * np.exp(change) / root, prob


def _ends(x: Floats, n: Floats, u: Floats, eta: Floats, tau: Floats, curvature: Floats) -> Floats:
    """Steps to either side of the mode, (2, k, batch), where the integrand is down by e^-40.

    Or a little beyond: the log integrand is concave, so that every Newton step ends outside,
    and bends at least like the normal's, whose own ends bound it.
    """
    far = np.sqrt(2.0 * _DROP)
    guess = far / np.sqrt(curvature)
    du = np.stack([-guess, guess])
    for _ in range(20):
        change, prob = _steps(x, n, u, eta, tau, du)
        slope = tau * (x - n * prob) - (u + du)
        new = np.clip(du - (change + _DROP) / slope, -far, far)
        settled = bool((np.abs(new - du) <= 0.1 * np.abs(du)).all())
        du = new
        if settled:
            break
    return du


def _steps(
    x: Floats, n: Floats, u: Floats, eta: Floats, tau: Floats, du: Floats
) -> tuple[Floats, Floats]:
    """Change of each log integrand from its mode ``u`` to ``u + du``, and the probability there.

    Written in differences: ``log1p(p expm1(d))`` keeps the digits that a difference of two
    large log-likelihoods would lose when n is large.
    """
    d = np.minimum(tau * du, 700.0)  # beyond it exp overflows, and the weight is 0
    p, grow = expit(eta), np.exp(d)
    ratio = expit(-eta) + p * grow
    inner = p * np.expm1(d)
    log_ratio = np.log1p(np.maximum(inner, -0.5))
    far = inner < -0.5  # towards -1 the sum of two positive terms is the exact one
    if bool(far.any()):
        log_ratio = np.where(far, np.log(np.maximum(ratio, 1e-300)), log_ratio)
    prob = p * grow / np.maximum(ratio, 1e-300)
    return x * d - n * log_ratio - du * (u + 0.5 * du), prob


def conditional(x: float, n: float, mu: Floats, tau: Floats) -> tuple[Floats, Floats, Floats]:
    """Posterior of one study's logit given each (mu, tau), on even grids as wide as it is.

    ``mu`` and ``tau`` are ``(columns,)``. Returns the first point and the step of each grid,
    ``(columns,)``, and the density there up to a factor a column, ``(points, columns)``.
    """
    xs, ns = np.full((1, mu.size), x), np.full((1, mu.size), n)
    u, eta, curvature = _modes(xs, ns, mu, tau)
    low, high = _ends(xs, ns, u, eta, tau, curvature)
    share = np.linspace(0.0, 1.0, _POINTS)[:, None, None]
    change, _ = _steps(xs, ns, u, eta, tau, low + (high - low) * share)
    step = tau * (high - low) / (_POINTS - 1)
    return (mu + tau * (u + low))[0], step[0], np.exp(change[:, 0])
