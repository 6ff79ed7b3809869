"""Binomial-normal random-intercept logistic model by maximum likelihood.

``x_i ~ Bin(n_i, expit(theta_i))``, ``theta_i ~ N(mu, tau2)`` (Hamza 2008; Stijnen 2010,
sec. 3.1), fitted by Newton's method in (mu, tau) on the adaptive Gauss-Hermite likelihood of
:mod:`carmeta.pooling.quadrature`, for any number of data sets at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from carmeta.arrays import Bools, Floats, Ints
from carmeta.pooling.binomial import log_likelihood, saturated
from carmeta.pooling.quadrature import NODES, Derivatives, Likelihood

# Status of a fit: what the data allow.
OK: Final = 0
BOUNDARY: Final = 1  # tau2 = 0 is the maximum
ALL_ZERO: Final = 2  # no events at all: mu is -inf
ALL_EVENTS: Final = 3  # no non-events: mu is +inf
SEPARATED: Final = 4  # every study is 0/n or n/n: the likelihood grows with tau2
FAILED: Final = 5  # Newton did not converge

# Random-effect SDs that start the search, from near homogeneity to near separation.
START_TAU: Final = (0.12, 0.35, 0.8, 1.6, 3.2, 6.5)
_START_NODES: Final = 11
MAX_ITER: Final = 200
# A Newton step this small leaves an error of about its square, 1e-14.
STEP_TOL: Final = 1e-7


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
    status: Ints
    iterations: Ints
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
    x, n, shape = columns(xi, ni, mask)
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


def columns(
    xi: ArrayLike, ni: ArrayLike, mask: ArrayLike | None
) -> tuple[Floats, Floats, tuple[int, ...]]:
    """Counts as columns (k, batch), n = 0 for an absent study, and the batch shape."""
    x, n = np.broadcast_arrays(np.asarray(xi, dtype=float), np.asarray(ni, dtype=float))
    if mask is not None:
        x, n, m = np.broadcast_arrays(x, n, np.asarray(mask, dtype=bool))
        x, n = np.where(m, x, 0.0), np.where(m, n, 0.0)
    shape, k = x.shape[:-1], x.shape[-1]
    x, n = x.reshape(-1, k).T, n.reshape(-1, k).T
    return np.ascontiguousarray(x), np.ascontiguousarray(n), shape


def _classify(x: Floats, n: Floats) -> Ints:
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
    total = n.sum(axis=0)
    p = x.sum(axis=0) / total
    ll = (saturated(x, n) + log_likelihood(x, n, logit(p))).sum(axis=0)
    score = 0.5 * ((x - n * p) ** 2 - n * p * (1.0 - p)).sum(axis=0)
    return _Homogeneous(logit(p), ll, score)


# -- maximisation ------------------------------------------------------------------------


@dataclass(slots=True)
class _Maximum:
    mu: Floats
    tau: Floats
    at: Derivatives
    done: Bools
    iterations: Ints


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
    b, g = lik.batch, len(START_TAU)
    tau = np.repeat(np.asarray(START_TAU), b)
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
    for _ in range(MAX_ITER):
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
        small = size[rose] <= STEP_TOL * scale
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
    return np.asarray(np.maximum(-2.0 * log_likelihood(x, n, logit(p)).sum(axis=-1), 0.0))


def marginal_interval(fit: GlmmFit, crit: float) -> tuple[Floats, Floats, Floats]:
    """Mean proportion over the population of studies, ``E expit(mu + tau u)``, and its limits.

    The limits are by the delta method in (mu, tau) on the logit scale, ``crit`` standard
    errors away.
    """
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
