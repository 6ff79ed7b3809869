"""Likelihood of a logistic mixed model with one or two normal random effects a study.

The integral of each study is put at its mode: Gauss-Hermite nodes (Pinheiro and Bates 1995),
or, for one wide random effect, Gauss-Legendre nodes on both sides. First and second
derivatives are posterior moments on the same nodes (Louis 1982).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from scipy.special import expit, logsumexp

from carmeta.arrays import Floats
from carmeta.pooling.binomial import log_likelihood, saturated

NODES: Final = 25
# Up to these standard deviations of the logit 25 nodes a dimension integrate a study to 1e-9;
# beyond them one random effect gets a rule of its own, and two get more nodes (1e-7 at 3).
_WIDE_ONE: Final = 1.0
_WIDE_TWO: Final = 1.5
_WIDE_NODES: Final = 45
_SIDE_NODES: Final = 28
_DROP: Final = 40.0  # fall of a log integrand at which it is cut: e^-40 is below rounding
_MODE_STEPS: Final = 60  # Newton for the mode is monotone and quadratic; this is a guard


@dataclass(frozen=True, slots=True)
class MixedData:
    """Rows of ``k`` studies with ``m`` rows each, ``p`` fixed and ``r`` random effects.

    ``y`` and ``n`` are ``(k, m)`` counts (``n = 0`` marks an absent row), ``x`` is
    ``(k, m, p)``, ``z`` is ``(k, m, r)``. Random effects of a study are independent normals
    with mean 0 and standard deviations ``sd`` (``r``).
    """

    y: Floats
    n: Floats
    x: Floats
    z: Floats


@lru_cache(maxsize=16)
def _rule(nodes: int, dims: int) -> tuple[Floats, Floats]:
    """Points ``(nodes**dims, dims)`` and log weights for the integral of exp(-t't) f(t)."""
    t, w = np.polynomial.hermite.hermgauss(nodes)
    grids = np.meshgrid(*([t] * dims), indexing="ij")
    weights = np.meshgrid(*([np.log(w)] * dims), indexing="ij")
    points = np.stack([grid.ravel() for grid in grids], axis=-1)
    return points, np.sum([weight.ravel() for weight in weights], axis=0)


def _mode(data: MixedData, fixed: Floats, zs: Floats) -> tuple[Floats, Floats]:
    """Mode ``(k, r)`` of the standardised random effects and the Cholesky factor of the
    inverse curvature there ``(k, r, r)``; the target is strictly concave."""
    k, _, r = zs.shape
    u = np.zeros((k, r))
    eye, zt = np.eye(r), np.swapaxes(zs, 1, 2)

    def linear(at: Floats) -> Floats:
        return np.asarray(fixed + (zs @ at[..., None])[..., 0])

    def target(at: Floats) -> Floats:
        fit = log_likelihood(data.y, data.n, linear(at)).sum(axis=1)
        return np.asarray(fit - 0.5 * (at**2).sum(axis=1))

    value = target(u)
    for _ in range(_MODE_STEPS):
        prob = expit(linear(u))
        grad = (zt @ (data.y - data.n * prob)[..., None])[..., 0] - u
        curve = (zt * (data.n * prob * (1.0 - prob))[:, None, :]) @ zs + eye
        step = np.linalg.solve(curve, grad[..., None])[..., 0]
        size = np.ones(k)
        for _ in range(30):
            trial = target(u + size[:, None] * step)
            worse = trial < value - 1e-12 * np.abs(value)
            if not worse.any():
                break
            size = np.where(worse, size / 2.0, size)
        u = u + size[:, None] * step
        value = target(u)
        if np.abs(step).max() < 1e-10:
            break
    prob = expit(linear(u))
    curve = (zt * (data.n * prob * (1.0 - prob))[:, None, :]) @ zs + eye
    return u, np.linalg.cholesky(np.linalg.inv(curve))


def _hermite(chol: Floats, nodes: int) -> tuple[Floats, Floats]:
    """Steps from the modes ``(k, Q, r)`` and the logs of their weights ``(k, Q)``."""
    r = chol.shape[2]
    points, logw = _rule(nodes, r)
    du = np.sqrt(2.0) * points @ np.swapaxes(chol, 1, 2)
    scale = np.log(np.abs(np.diagonal(chol, axis1=1, axis2=2))).sum(axis=1)
    flat = logw + (points**2).sum(axis=1) - 0.5 * r * np.log(np.pi)
    return du, flat + scale[:, None]


def _two_sided(data: MixedData, top: Floats, zs: Floats, mode: Floats) -> tuple[Floats, Floats]:
    """As :func:`_hermite` for one random effect: Gauss-Legendre on either side of the mode.

    Without events the integrand of a large standard deviation is half a normal with a sharp
    edge, which Hermite nodes resolve badly (1e-3 at a standard deviation of 4).
    """
    z, u = zs[..., 0], mode[:, :1]
    t, w = _legendre()
    peak = log_likelihood(data.y, data.n, top)
    steps, weights = [], []
    for side in (-1.0, 1.0):
        # The log integrand curves by at least 1, so that it has fallen by _DROP before
        # sqrt(2 _DROP); Newton's steps on a concave function then come back, never too far.
        reach = np.full_like(u, np.sqrt(2.0 * _DROP))
        for _ in range(8):
            eta = top + side * reach * z
            fit = (log_likelihood(data.y, data.n, eta) - peak).sum(axis=1)
            fall = fit[:, None] - side * reach * u - 0.5 * reach**2 + _DROP
            pull = ((data.y - data.n * expit(eta)) * z).sum(axis=1)[:, None]
            slope = side * pull - side * u - reach
            reach = np.maximum(reach - fall / np.minimum(slope, -1e-3), 1e-6)
        half = 0.5 * reach
        steps.append(side * half * (t + 1.0))
        weights.append(np.log(w) + np.log(half))
    logw = np.concatenate(weights, axis=1) - 0.5 * np.log(2.0 * np.pi)
    return np.concatenate(steps, axis=1)[:, :, None], logw


@lru_cache(maxsize=1)
def _legendre() -> tuple[Floats, Floats]:
    t, w = np.polynomial.legendre.leggauss(_SIDE_NODES)
    return t, w


def _log_terms(
    data: MixedData, beta: Floats, sd: Floats, nodes: int
) -> tuple[Floats, Floats, Floats]:
    """Quadrature points ``(k, Q, r)``, probabilities of an event there ``(k, Q, m)`` and the
    log of each node's share of the likelihood ``(k, Q)``."""
    zs = data.z * sd
    fixed = data.x @ beta
    mode, chol = _mode(data, fixed, zs)
    top = fixed + (zs @ mode[..., None])[..., 0]
    width = float(np.abs(zs).max(initial=0.0))
    if nodes > 1 and sd.size == 1 and width > _WIDE_ONE:
        du, logw = _two_sided(data, top, zs, mode)
    else:
        more = _WIDE_NODES if nodes > 1 and sd.size == 2 and width > _WIDE_TWO else nodes
        du, logw = _hermite(chol, max(more, nodes))
    d = np.minimum(du @ np.swapaxes(zs, 1, 2), 700.0)  # exp overflows beyond
    prob = expit(top)[:, None, :]
    grown = prob * np.expm1(d)
    # Differences from the mode: log1p keeps the digits that two large log-likelihoods of
    # many patients would lose when subtracted.
    change = data.y[:, None, :] * d - data.n[:, None, :] * np.log1p(grown)
    prior = (du * (mode[:, None, :] + 0.5 * du)).sum(axis=2)
    base = log_likelihood(data.y, data.n, top).sum(axis=1) - 0.5 * (mode**2).sum(axis=1)
    log_terms = logw + change.sum(axis=2) - prior + base[:, None]
    return mode[:, None, :] + du, (prob + grown) / (1.0 + grown), log_terms


def loglik(data: MixedData, beta: Floats, sd: Floats, *, nodes: int = NODES) -> float:
    """Log-likelihood with binomial coefficients; ``nodes=1`` is Laplace's approximation."""
    _, _, log_terms = _log_terms(data, beta, sd, nodes)
    return float(logsumexp(log_terms, axis=1).sum() + saturated(data.y, data.n).sum())


def score_and_information(
    data: MixedData, beta: Floats, sd: Floats, *, nodes: int = NODES
) -> tuple[float, Floats, Floats]:
    """Log-likelihood, score ``(p + r,)`` and observed information ``(p + r, p + r)``.

    The derivative of a row's linear predictor is ``(x, z u)``. Posterior moments of the
    residuals and of the binomial weights with ``(1, u)`` are taken first, study by study;
    the design, which is the same at every node, comes in at the end.
    """
    u, prob, log_terms = _log_terms(data, beta, sd, nodes)
    top = log_terms.max(axis=1, keepdims=True)
    post = np.exp(log_terms - top)
    mass = post.sum(axis=1, keepdims=True)
    post /= mass  # (k, Q), sums to 1
    total = float((np.log(mass) + top).sum())
    resid = data.y[:, None, :] - data.n[:, None, :] * prob
    weight = data.n[:, None, :] * prob * (1.0 - prob)
    k, q, m = prob.shape
    p, r = data.x.shape[2], data.z.shape[2]
    one_u = np.concatenate([np.ones((k, q, 1)), u], axis=2)
    # moments: (k, m (1 + r)) of resid (1, u), and their products; (k, m, 1 + r, 1 + r)
    forms = (resid[:, :, :, None] * one_u[:, :, None, :]).reshape(k, q, -1)
    mean = (post[:, None, :] @ forms)[:, 0, :]
    second = np.swapaxes(forms * post[:, :, None], 1, 2) @ forms
    spread = second - mean[:, :, None] * mean[:, None, :]
    weighted = (
        np.swapaxes(weight * post[:, :, None], 1, 2)[:, :, None, :]
        * np.swapaxes(one_u, 1, 2)[:, None, :, :]
    )
    complete = weighted @ one_u[:, None, :, :]
    # how row m's (1, u) enters the derivatives by (beta, sd): (k, m, 1 + r, p + r)
    into = np.zeros((k, m, 1 + r, p + r))
    into[:, :, 0, :p] = data.x
    for effect in range(r):
        into[:, :, 1 + effect, p + effect] = data.z[:, :, effect]
    flat = into.reshape(k, m * (1 + r), p + r)
    score = (mean[:, :, None] * flat).sum(axis=(0, 1))
    rows = into.reshape(-1, 1 + r, p + r)
    seen = (complete.reshape(-1, 1 + r, 1 + r) @ rows).reshape(-1, p + r)
    information = rows.reshape(-1, p + r).T @ seen
    information -= flat.reshape(-1, p + r).T @ (spread @ flat).reshape(-1, p + r)
    return total + float(saturated(data.y, data.n).sum()), score, information
