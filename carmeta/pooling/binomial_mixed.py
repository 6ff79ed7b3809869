"""Maximum likelihood for logistic mixed models with up to two random effects a study.

One kernel serves the two-arm models and the regression on single-arm counts: Newton steps on
the likelihood of :mod:`carmeta.pooling.mixed_quadrature`, and profiles of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.special import chdtri

from carmeta.arrays import Bools, Floats
from carmeta.errors import EstimationError
from carmeta.pooling.mixed_quadrature import NODES, MixedData, score_and_information

_FIT_STEPS: Final = 100
_GRADIENT_TOL: Final = 1e-9  # on the score scaled by the root of the information
_ROUGH_NODES: Final = 9  # for the way from the starts to the neighbourhood of a maximum
_ROUGH_TOL: Final = 0.1
_PROFILE_STEPS: Final = 60
_PROFILE_STEP_TOL: Final = 1e-9
# At very large standard deviations the posterior moments are not quite the derivatives of the
# quadrature, and the steps end in its noise: so many without gain, so near the maximum.
_NOISY_DEVIATION: Final = 5.0
_STALLED: Final = 3
_STALLED_TOL: Final = 1e-4
_PROFILE_TOL: Final = 1e-6  # what is left of the log-likelihood is half its square
_ZERO_DEVIATION: Final = 1e-5  # a standard deviation below this is tried, and kept, as exactly zero
_START_DEVIATIONS: Final = (0.2, 1.2)  # small and large heterogeneity on the logit
_MAX_DEVIATION: Final = 100.0  # odds that differ by e^100 between studies: no limit, no fit
_MAX_LOGIT: Final = 30.0  # a coefficient beyond this is a separated likelihood


@dataclass(frozen=True, slots=True)
class MixedFit:
    """Maximum likelihood fit.

    ``beta`` ``(p,)``, ``sd`` ``(r,)`` at least 0, ``information`` ``(p + r, p + r)`` observed
    (of ``beta`` and ``sd``), ``cov`` ``(p, p)`` of ``beta`` with the uncertainty of the
    standard deviations that are not zero taken in, ``loglik`` with binomial coefficients;
    ``score`` ``(p + r,)`` is zero where nothing was held.
    """

    beta: Floats
    sd: Floats
    loglik: float
    cov: Floats
    information: Floats
    converged: bool
    iterations: int
    score: Floats


def _ascend(
    data: MixedData,
    beta: Floats,
    sd: Floats,
    free: Bools,
    nodes: int,
    *,
    held: int | None = None,
    tol: float = _GRADIENT_TOL,
) -> MixedFit:
    """Newton ascent over ``beta``, but for the coefficient ``held``, and the standard
    deviations that are ``free`` ``(r,)``."""
    p = beta.size
    theta = np.concatenate([beta, sd])
    on = np.concatenate([np.ones(p, dtype=bool), free])
    if held is not None:
        on[held] = False
    if not on.any():
        value, score, info = score_and_information(data, beta, sd, nodes=nodes)
        return MixedFit(beta, sd, value, np.full((p, p), np.nan), info, True, 0, score)
    value, score, info = score_and_information(data, beta, sd, nodes=nodes)
    converged, steps, stalled = False, 0, 0
    while steps < _FIT_STEPS:
        steps += 1
        values, vectors = np.linalg.eigh(info[np.ix_(on, on)])
        # away from the maximum the information can be indefinite: reflect it (Greenstadt)
        curve = np.maximum(np.abs(values), 1e-8 * max(1.0, float(np.abs(values).max())))
        projected = vectors.T @ score[on]
        step = vectors @ (projected / curve)
        left = float(np.sqrt((projected**2 / curve).sum()))  # in standard errors
        if stalled >= _STALLED and np.abs(theta[p:]).max(initial=0.0) > _NOISY_DEVIATION:
            converged = left < _STALLED_TOL and bool((values > 0.0).all())
            break
        if left < tol:
            converged = bool((values > 0.0).all())
            break
        size = min(1.0, 5.0 / float(np.abs(step).max()))
        for _ in range(40):
            trial = theta.copy()
            trial[on] += size * step
            new, new_score, new_info = score_and_information(
                data, trial[:p], trial[p:], nodes=nodes
            )
            if new >= value - 1e-11 * abs(value):
                break
            size /= 2.0
        else:
            break
        stalled = stalled + 1 if new - value < 1e-10 * (1.0 + abs(value)) else 0
        theta, value, score, info = trial, new, new_score, new_info
        far = np.abs(theta[:p]).max() > _MAX_LOGIT * max(1.0, float(np.abs(beta).max()))
        if far or np.abs(theta[p:][free]).max(initial=0.0) > _MAX_DEVIATION:
            break
    return _finish(theta, p, value, score, info, on, converged, steps)


def _finish(
    theta: Floats,
    p: int,
    value: float,
    score: Floats,
    info: Floats,
    on: Bools,
    converged: bool,
    steps: int,
) -> MixedFit:
    sd = np.abs(theta[p:])
    sign = np.concatenate([np.ones(p), np.where(theta[p:] < 0.0, -1.0, 1.0)])
    info = info * np.outer(sign, sign)
    # a random effect whose sd is zero is not in the model: its column is uninformative
    on = on & np.concatenate([np.ones(p, dtype=bool), sd > 0.0])
    cov = np.full((p, p), np.nan)
    if on[:p].all():
        try:
            cov = np.linalg.inv(info[np.ix_(on, on)])[:p, :p]
        except np.linalg.LinAlgError:
            converged = False
    return MixedFit(theta[:p], sd, value, cov, info, converged, steps, score * sign)


def fit_mixed(data: MixedData, *, nodes: int = NODES) -> MixedFit:
    """Maximum likelihood over ``beta`` and all standard deviations, best of several starts.

    Fewer than 15 nodes are refused: the derivatives are then not those of the quadrature
    and Newton's method stalls (use ``loglik`` with ``nodes=1`` for Laplace's value).
    Raises EstimationError where no start converges, e.g. under separation.
    """
    if nodes < 15:
        raise EstimationError(f"{nodes} quadrature nodes are too few to fit with; use 15 or more")
    r = data.z.shape[2]
    all_free = np.ones(r, dtype=bool)
    begin = fit_common(data).beta
    rough = [
        _ascend(data, begin, np.full(r, first), all_free, _ROUGH_NODES, tol=_ROUGH_TOL)
        for first in _START_DEVIATIONS
    ]
    # the best first; the others only where it does not carry through
    for start in sorted(rough, key=lambda fit: -fit.loglik):
        fit = _settle(data, _ascend(data, start.beta, start.sd, all_free, nodes), nodes)
        if fit.converged:
            return fit
    raise EstimationError(
        "the binomial-normal model did not converge",
        hint="some level or arm may have no events, or only events, in every study",
    )


def _settle(data: MixedData, fit: MixedFit, nodes: int) -> MixedFit:
    """Take a standard deviation that vanished as exactly zero."""
    if not np.isfinite(fit.loglik) or (fit.sd >= _ZERO_DEVIATION).all():
        return fit
    free = fit.sd >= _ZERO_DEVIATION
    at_zero = _ascend(data, fit.beta, np.where(free, fit.sd, 0.0), free, nodes)
    return at_zero if at_zero.loglik >= fit.loglik - 1e-8 else replace(fit, converged=False)


def fit_common(data: MixedData) -> MixedFit:
    """Logistic regression without random effects: the maximum at all ``sd`` zero."""
    r = data.z.shape[2]
    free = np.zeros(r, dtype=bool)
    return _ascend(data, np.zeros(data.x.shape[2]), np.zeros(r), free, nodes=1)


def profile_sd2(
    data: MixedData, fit: MixedFit, which: int, *, level: float, nodes: int = NODES
) -> tuple[float, float]:
    """Profile-likelihood limits of the variance of random effect ``which``.

    They lie where the profile is half a chi2(1) quantile below its maximum; 0 where it is
    still above that at zero, inf where it is above it at a standard deviation of 100.
    """
    drop = float(chdtri(1, 1.0 - level)) / 2.0
    free = np.arange(fit.sd.size) != which
    peak = float(fit.sd[which])
    at = fit.beta.size + which

    def profile(value: float, near: MixedFit) -> MixedFit:
        sd = near.sd.copy()
        sd[which] = value
        sd[free] = np.maximum(sd[free], 0.05)  # zero is a stationary point
        return _ascend(data, near.beta, sd, free, _enough(sd, nodes), tol=_PROFILE_TOL)

    lower = 0.0
    if peak > 0.0:
        none = profile(0.0, fit)
        if none.loglik < fit.loglik - drop:
            lower = _profile_root(profile, fit, drop, at, (peak, 0.0), none.loglik)
    return lower**2, _profile_root(profile, fit, drop, at, (peak, _MAX_DEVIATION)) ** 2


def profile_beta(
    data: MixedData, fit: MixedFit, which: int, *, level: float, nodes: int = NODES
) -> tuple[float, float]:
    """Profile-likelihood limits of the coefficient ``which``; infinite where there is none."""
    drop = float(chdtri(1, 1.0 - level)) / 2.0
    free = np.ones(fit.sd.size, dtype=bool)
    centre = float(fit.beta[which])

    def profile(value: float, near: MixedFit) -> MixedFit:
        beta = near.beta.copy()
        beta[which] = value
        sd = np.maximum(near.sd, 0.05)  # zero is a stationary point
        few = _enough(sd, nodes)
        return _ascend(data, beta, sd, free, few, held=which, tol=_PROFILE_TOL)

    low, high = (
        _profile_root(profile, fit, drop, which, (centre, centre + side * _MAX_LOGIT))
        for side in (-1.0, 1.0)
    )
    return low, high


def _enough(sd: Floats, nodes: int) -> int:
    """Nodes for a profile: 15 are good to 5e-8 in the log-likelihood up to sd 1."""
    return min(nodes, 15) if sd.max(initial=0.0) <= 1.0 else nodes


def _profile_root(
    profile: Callable[[float, MixedFit], MixedFit],
    fit: MixedFit,
    drop: float,
    at: int,
    between: tuple[float, float],
    end_value: float = -np.inf,
) -> float:
    """Where the profile has fallen by ``drop``, from the maximum at ``between[0]`` outwards.

    Newton's steps on the signed root of the fall, which is nearly a straight line; the slope
    of the profile is the score of the held parameter ``at``. Infinite where the profile does
    not fall that far before ``between[1]``.
    """
    inside, outside = between
    side = 1.0 if outside > inside else -1.0
    bounded = np.isfinite(end_value)
    target, near = np.sqrt(drop), fit
    variance = float(fit.information[at, at])
    # at a maximum on the boundary the information of the others does not matter
    guess = np.sqrt(2.0 * drop / variance) if variance > 0.0 else 0.5
    value = inside + side * max(guess, 1e-3)
    for _ in range(_PROFILE_STEPS):
        if (outside - value) * side <= 0.0:
            if not bounded:
                value, bounded = outside, True
            else:
                value = 0.5 * (inside + outside)
        near = profile(value, near)
        fall = fit.loglik - near.loglik
        if fall >= drop:
            outside, bounded = value, True
        elif value == outside:
            return side * float("inf")
        else:
            inside = value
        root = np.sqrt(max(fall, 0.0))
        slope = -side * near.score[at] / (2.0 * root) if root > 0.0 else 0.0
        step = (target - root) / slope if slope > 0.0 else np.inf
        # outwards no more than to three times the distance: the line is only nearly straight
        reach = 2.0 * abs(value - between[0]) + 1e-3
        new = value + side * min(step, reach)
        if (new - inside) * side <= 0.0:
            new = 0.5 * (inside + outside) if bounded else value + side * reach
        if abs(new - value) <= _PROFILE_STEP_TOL * max(1.0, abs(new)):
            return float(new)
        value = new
    return float(value)
