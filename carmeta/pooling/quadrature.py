"""Binomial-normal likelihood by adaptive Gauss-Hermite quadrature, with derivatives.

Study i: ``x_i ~ Bin(n_i, expit(mu + tau u_i))``, ``u_i ~ N(0, 1)``. Each integral over u is
centred at the integrand's mode and scaled by its curvature there (Pinheiro & Bates 1995).
First and second derivatives in (mu, tau) are posterior moments of the complete-data score
(Louis 1982). The likelihood is even in tau, so tau may take any sign on the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, gammaln

Floats = NDArray[np.float64]

NODES: Final = 25
# Elements of one (nodes, k, batch) array; about 1 MB each.
_CHUNK: Final = 1 << 17
_MODE_TOL: Final = 1e-10


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


@cache
def _rule(nodes: int) -> tuple[Floats, Floats]:
    """Nodes z of weight exp(-z^2), and log(weight) + z^2, as columns (nodes, 1, 1)."""
    z, w = np.polynomial.hermite.hermgauss(nodes)
    return z[:, None, None], (np.log(w) + z * z)[:, None, None]


class Likelihood:
    """Counts of a batch: ``x``, ``n`` are (k, batch); ``n`` 0 marks a study that is absent."""

    def __init__(self, x: Floats, n: Floats, nodes: int = NODES) -> None:
        self.x, self.n, self.nodes = x, n, nodes
        self.choose = gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)
        self.u = np.zeros(x.shape)  # modes of the last call: where the next one starts

    @property
    def batch(self) -> int:
        return int(self.x.shape[1])

    def take(self, columns: NDArray[np.intp], nodes: int | None = None) -> Likelihood:
        new = object.__new__(Likelihood)
        new.x, new.n = self.x[:, columns], self.n[:, columns]
        new.choose, new.u = self.choose[:, columns], self.u[:, columns]
        new.nodes = nodes or self.nodes
        return new

    def at(self, mu: Floats, tau: Floats) -> Derivatives:
        """Evaluate at one (mu, tau) a column."""
        step = max(1, _CHUNK // (self.nodes * self.x.shape[0]))
        if self.batch <= step:
            return self._at(mu, tau, slice(None))
        parts = [
            self._at(mu[i : i + step], tau[i : i + step], slice(i, i + step))
            for i in range(0, self.batch, step)
        ]
        names = ("ll", "g_mu", "g_tau", "h_mm", "h_mt", "h_tt", "info")
        joined = (np.concatenate([getattr(d, name) for d in parts], axis=-1) for name in names)
        return Derivatives(*joined)

    def _at(self, mu: Floats, tau: Floats, cols: slice) -> Derivatives:
        x, n = self.x[:, cols], self.n[:, cols]
        u, eta, scale = self._modes(mu, tau, cols)
        z, logw = _rule(self.nodes)
        du = np.sqrt(2.0) * scale * z
        change, prob = _steps(x, n, u, eta, tau, du)
        weight = np.exp(change + logw)
        total = weight.sum(axis=0)
        weight /= total
        e = x - n * prob
        npq = n * prob * (1.0 - prob)
        un = u + du
        we = weight * e
        e1 = we.sum(axis=0)
        ue = un * we
        ue1 = ue.sum(axis=0)
        uew = un * ue
        # Louis: E[second derivative] + Var[score], study by study
        mm = (weight * (e * e - npq)).sum(axis=0) - e1 * e1
        wq = weight * npq * un
        mt = (ue * e - wq).sum(axis=0) - e1 * ue1
        tt = (uew * e - wq * un).sum(axis=0) - ue1 * ue1
        top = x * eta - n * np.logaddexp(0.0, eta) - 0.5 * u * u
        ll = self.choose[:, cols] + top + np.log(total * scale / np.sqrt(np.pi))
        parts = (ll, e1, ue1, mm, mt, tt)
        # An absent study integrates the prior alone: 0 up to rounding, put to 0 by n = 0.
        sums = [np.where(n > 0, part, 0.0).sum(axis=0) for part in parts]
        sums.append(np.where(n > 0, np.maximum(-mm, 0.0), 0.0))
        return Derivatives(*sums)

    def _modes(self, mu: Floats, tau: Floats, cols: slice) -> tuple[Floats, Floats, Floats]:
        """Mode of each integrand, its logit, and 1/sqrt of the curvature there."""
        x, n, u = self.x[:, cols], self.n[:, cols], self.u[:, cols]
        # The mode solves u = tau (x - n p(u)); the right side falls, so the root lies
        # between 0 and its value at 0.
        end = tau * (x - n * expit(mu + 0.0 * tau))
        low, high = np.minimum(end, 0.0), np.maximum(end, 0.0)
        u = np.clip(u, low, high)
        last = high - low
        for _ in range(200):
            p = expit(mu + tau * u)
            f = u - tau * (x - n * p)
            curvature = 1.0 + tau * tau * n * p * (1.0 - p)
            low, high = np.where(f < 0, u, low), np.where(f > 0, u, high)
            new = u - f / curvature
            # Halve the bracket where Newton leaves it, or does not halve its own step: far
            # from the mode the logistic is flat, and Newton would jump to and fro.
            slow = np.abs(new - u) > 0.5 * last
            new = np.where((new < low) | (new > high) | slow, 0.5 * (low + high), new)
            move = np.abs(new - u)
            u, last = new, move
            if bool((move * np.sqrt(curvature) < _MODE_TOL).all()):
                break
        self.u[:, cols] = u
        eta = mu + tau * u
        p = expit(eta)
        return u, eta, 1.0 / np.sqrt(1.0 + tau * tau * n * p * (1.0 - p))


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


def node_posterior(x: float, n: float, mu: Floats, tau: Floats) -> tuple[Floats, Floats]:
    """Logit of one study at the quadrature's nodes, and their posterior weights.

    ``mu`` and ``tau`` are ``(columns,)``; both results ``(nodes, columns)``, the weights of a
    column sum to 1. Together they stand for the study's posterior given (mu, tau).
    """
    columns = mu.size
    lik = Likelihood(np.full((1, columns), x), np.full((1, columns), n))
    u, eta, scale = lik._modes(mu, tau, slice(None))
    z, logw = _rule(lik.nodes)
    du = np.sqrt(2.0) * scale * z
    weight = np.exp(_steps(lik.x, lik.n, u, eta, tau, du)[0] + logw)[:, 0, :]
    theta = mu + tau * (u + du)[:, 0, :]
    return theta, weight / weight.sum(axis=0)
