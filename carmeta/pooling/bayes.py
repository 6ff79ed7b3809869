"""Bayesian random-effects models by deterministic grid, without simulation.

Two likelihoods: normal-normal on effects ``yi`` with variances ``vi`` (Roever 2020), and
binomial-normal on counts. The mean has a flat or a normal prior, tau a half-normal or
half-Cauchy one. Given tau the normal-normal mean is normal, so that one integral over tau
remains; the binomial-normal model is put on a grid of (mu, tau).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from carmeta.errors import DataError
from carmeta.pooling.quadrature import Likelihood, weighted_nodes
from carmeta.vocabulary import TauPrior

Floats = NDArray[np.float64]

# Panels of the grid in tau: Gauss-Legendre within, doubling in length outwards.
_ORDER: Final = 16
# Share of the highest density below which the posterior of tau is not followed.
_FLOOR: Final = 1e-11
# Points of the uniform grid of mu in the binomial-normal model: the trapezoid rule
# converges faster than any power for a density that vanishes at both ends.
_MU_POINTS: Final = 121
_MU_NODES: Final = 25


@dataclass(frozen=True, slots=True)
class Prior:
    """Priors of tau and mu on the analysis scale.

    ``scale`` of the half-normal or half-Cauchy; ``mu_sd`` None is a flat prior of the mean.
    """

    tau: TauPrior = "half-normal"
    scale: float = 0.5
    mu_mean: float = 0.0
    mu_sd: float | None = None

    def log_density(self, tau: Floats) -> Floats:
        """Normalised log density of tau >= 0."""
        z = tau / self.scale
        if self.tau == "half-normal":
            return np.asarray(0.5 * np.log(2.0 / np.pi) - np.log(self.scale) - 0.5 * z * z)
        return np.asarray(np.log(2.0 / np.pi) - np.log(self.scale) - np.log1p(z * z))

    def check(self) -> None:
        """Raise DataError for a prior that is not one."""
        if self.tau not in ("half-normal", "half-cauchy"):
            raise DataError(f"unknown prior {self.tau!r} of tau; half-normal or half-cauchy")
        if not (np.isfinite(self.scale) and self.scale > 0):
            raise DataError(f"the scale {self.scale!r} of tau's prior is not positive")
        if self.mu_sd is not None and not (np.isfinite(self.mu_sd) and self.mu_sd > 0):
            raise DataError(f"the SD {self.mu_sd!r} of mu's prior is not positive")


@dataclass(frozen=True, slots=True)
class Posterior:
    """Equal-tailed summaries on the analysis scale.

    ``theta`` rows are study effects, shrunken: median, lower, upper, ``(k, 3)``.
    ``bf01`` is the Bayes factor of tau = 0 against the prior of tau: above 1 it speaks for
    homogeneity.
    """

    mu_median: float
    mu_mean: float
    mu_sd: float
    mu_lb: float
    mu_ub: float
    tau_median: float
    tau_mean: float
    tau_lb: float
    tau_ub: float
    new_lb: float  # effect of a new study
    new_ub: float
    theta: Floats
    bf01: float
    new_cdf: Callable[[float], float]


def normal_normal(
    yi: ArrayLike, vi: ArrayLike, *, prior: Prior | None = None, level: float = 0.95
) -> Posterior:
    """Posterior of the normal-normal model of effects ``(k,)``.

    Raises:
        DataError: A prior that is not one, or effects that are not finite.
    """
    chosen = Prior() if prior is None else prior
    chosen.check()
    y, v = np.asarray(yi, dtype=float), np.asarray(vi, dtype=float)
    if y.ndim != 1 or y.shape != v.shape or not bool((np.isfinite(y) & (v > 0)).all()):
        raise DataError("effects are one list with one positive variance each")
    model = _NormalNormal(y, v, chosen)
    tau, weight, log_evidence = _tau_grid(model.log_marginal, chosen)
    mean, var = model.mu_given(tau)
    lo, hi = 0.5 * (1.0 - level), 0.5 * (1.0 + level)
    mu = _Mixture(weight, mean, var)
    new = _Mixture(weight, mean, var + tau * tau)
    theta = np.array([_three(_Mixture(weight, *model.theta_given(i, tau)), lo, hi)
                      for i in range(y.size)])  # fmt: skip
    moments = mu.moments()
    tau_cdf = _tau_quantiles(model.log_marginal, chosen, (0.5, lo, hi))
    return Posterior(
        mu_median=mu.quantile(0.5), mu_mean=moments[0], mu_sd=moments[1],
        mu_lb=mu.quantile(lo), mu_ub=mu.quantile(hi),
        tau_median=tau_cdf[0], tau_mean=float((weight * tau).sum()),
        tau_lb=tau_cdf[1], tau_ub=tau_cdf[2],
        new_lb=new.quantile(lo), new_ub=new.quantile(hi), theta=theta,
        bf01=float(np.exp(model.log_marginal(np.zeros(1))[0] - log_evidence)),
        new_cdf=new.cdf,
    )  # fmt: skip


class _NormalNormal:
    """Everything of the normal-normal model that is closed form given tau."""

    def __init__(self, y: Floats, v: Floats, prior: Prior) -> None:
        self.y, self.v, self.prior = y, v, prior

    def _sums(self, tau: Floats) -> tuple[Floats, Floats, Floats]:
        total = self.v + (tau * tau)[..., None]
        w = 1.0 / total
        precision, first = w.sum(axis=-1), (w * self.y).sum(axis=-1)
        if self.prior.mu_sd is not None:
            extra = self.prior.mu_sd**-2
            precision, first = precision + extra, first + extra * self.prior.mu_mean
        return w, precision, first / precision

    def mu_given(self, tau: Floats) -> tuple[Floats, Floats]:
        _, precision, mean = self._sums(tau)
        return mean, 1.0 / precision

    def theta_given(self, i: int, tau: Floats) -> tuple[Floats, Floats]:
        """Mean and variance of study i's effect: shrunken towards mu, whose own variance adds."""
        mean, var = self.mu_given(tau)
        t2 = tau * tau
        pull = self.v[i] / (self.v[i] + t2)
        return (1.0 - pull) * self.y[i] + pull * mean, (1.0 - pull) * self.v[i] + pull**2 * var

    def log_marginal(self, tau: Floats) -> Floats:
        """Log likelihood of tau with mu integrated out; a flat prior of mu has density 1."""
        w, precision, mean = self._sums(tau)
        q = (w * (self.y - mean[..., None]) ** 2).sum(axis=-1)
        value = 0.5 * np.log(w).sum(axis=-1) - 0.5 * np.log(precision) - 0.5 * q
        constant = -0.5 * (self.y.size - 1) * np.log(2.0 * np.pi)
        if self.prior.mu_sd is not None:
            sd = self.prior.mu_sd
            value = value - 0.5 * ((mean - self.prior.mu_mean) / sd) ** 2 - np.log(sd)
            constant -= 0.5 * np.log(2.0 * np.pi)
        return cast("Floats", value + constant)


class _Mixture:
    """Normals with weights: distribution function, quantiles, moments."""

    def __init__(self, weight: Floats, mean: Floats, var: Floats) -> None:
        self.weight, self.mean, self.sd = weight, mean, np.sqrt(np.maximum(var, 0.0))

    def cdf(self, value: float) -> float:
        return float((self.weight * ndtr((value - self.mean) / self.sd)).sum())

    def quantile(self, p: float) -> float:
        spread = 10.0 * float(self.sd.max())
        low, high = float(self.mean.min()) - spread, float(self.mean.max()) + spread
        return _invert(self.cdf, p, low, high)

    def moments(self) -> tuple[float, float]:
        mean = float((self.weight * self.mean).sum())
        second = float((self.weight * (self.sd**2 + (self.mean - mean) ** 2)).sum())
        return mean, float(np.sqrt(second))


def _three(mixture: _Mixture, lo: float, hi: float) -> list[float]:
    return [mixture.quantile(p) for p in (0.5, lo, hi)]


def _invert(cdf: Callable[[float], float], p: float, low: float, high: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(lambda value: cdf(value) - p, low, high, xtol=1e-13, rtol=1e-14))


# -- the grid in tau ----------------------------------------------------------------------


def _panels(top: float, smallest: float) -> Floats:
    """Edges of panels from 0 to ``top``: even at first, then growing by half."""
    edges = [0.0]
    step = smallest
    while edges[-1] < top:
        edges.append(edges[-1] + step)
        step = max(smallest, 0.5 * edges[-1])
    return np.asarray(edges)


def _nodes(edges: Floats) -> tuple[Floats, Floats]:
    x, w = np.polynomial.legendre.leggauss(_ORDER)
    half = 0.5 * np.diff(edges)
    mid = 0.5 * (edges[1:] + edges[:-1])
    return (mid[:, None] + half[:, None] * x).ravel(), (half[:, None] * w).ravel()


def _edges(log_marginal: Callable[[Floats], Floats], prior: Prior) -> Floats:
    """Panels that cover all of tau's posterior that matters."""
    probe = prior.scale * np.geomspace(1e-4, 1e7, 400)
    density = log_marginal(probe) + prior.log_density(probe) + np.log(probe)
    keep = probe[density > density.max() + np.log(_FLOOR)]
    # The posterior is smooth in tau on the scale of its own bulk.
    bulk = probe[density > density.max() - 4.0]
    return _panels(2.0 * float(keep.max()), 0.1 * float(bulk.max()))


def _tau_grid(
    log_marginal: Callable[[Floats], Floats], prior: Prior
) -> tuple[Floats, Floats, float]:
    """Nodes of tau, posterior weights that sum to 1, and the log evidence."""
    tau, width = _nodes(_edges(log_marginal, prior))
    log_post = log_marginal(tau) + prior.log_density(tau)
    top = float(log_post.max())
    mass = width * np.exp(log_post - top)
    total = float(mass.sum())
    return tau, mass / total, top + float(np.log(total))


def _tau_quantiles(
    log_marginal: Callable[[Floats], Floats], prior: Prior, probabilities: tuple[float, ...]
) -> list[float]:
    """Quantiles of tau: panels are summed up, the last one is integrated in part."""
    edges = _edges(log_marginal, prior)

    def log_density(tau: Floats) -> Floats:
        return log_marginal(tau) + prior.log_density(tau)

    tau, width = _nodes(edges)
    values = log_density(tau)
    top = float(values.max())
    per_panel = (width * np.exp(values - top)).reshape(-1, _ORDER).sum(axis=1)
    before = np.concatenate([[0.0], np.cumsum(per_panel)])

    def cdf(t: float) -> float:
        i = min(int(np.searchsorted(edges, t, side="right")) - 1, edges.size - 2)
        inner, w = _nodes(np.array([edges[i], t]))
        part = float((w * np.exp(log_density(inner) - top)).sum())
        return float((before[i] + part) / before[-1])

    return [_invert(cdf, p, 0.0, float(edges[-1])) for p in probabilities]


# -- binomial-normal ------------------------------------------------------------------------


def binomial_normal(
    xi: ArrayLike, ni: ArrayLike, *, prior: Prior | None = None, level: float = 0.95
) -> Posterior:
    """Posterior of the binomial-normal model of counts ``(k,)`` on the logit scale.

    Quantiles are those of the grid: exact to about 1e-5 of a posterior SD for mu and tau,
    and to about 1e-3 of one for the effects of the studies.

    Raises:
        DataError: A prior that is not one; a flat prior of mu with no events, or only
            events, in all studies (the posterior would not be proper).
    """
    chosen = Prior() if prior is None else prior
    chosen.check()
    x, n = np.asarray(xi, dtype=float), np.asarray(ni, dtype=float)
    if chosen.mu_sd is None and (bool((x == 0).all()) or bool((x == n).all())):
        raise DataError("a flat prior of the mean needs events and non-events: set mu_sd")
    grid = _BinomialGrid(x, n, chosen)
    lo, hi = 0.5 * (1.0 - level), 0.5 * (1.0 + level)
    mu = grid.mu_quantiles((0.5, lo, hi))
    tau = grid.tau_quantiles((0.5, lo, hi))
    new = _Mixture(grid.weight.ravel(), grid.mu_all.ravel(), grid.tau_all.ravel() ** 2)
    mean = float((grid.weight * grid.mu_all).sum())
    sd = float(np.sqrt((grid.weight * (grid.mu_all - mean) ** 2).sum()))
    return Posterior(
        mu_median=mu[0], mu_mean=mean, mu_sd=sd, mu_lb=mu[1], mu_ub=mu[2],
        tau_median=tau[0], tau_mean=float((grid.weight * grid.tau_all).sum()),
        tau_lb=tau[1], tau_ub=tau[2], new_lb=new.quantile(lo), new_ub=new.quantile(hi),
        theta=grid.shrunken((0.5, lo, hi)), bf01=grid.bf01(), new_cdf=new.cdf,
    )  # fmt: skip


class _BinomialGrid:
    """The posterior on Gauss-Legendre nodes of tau times, for each, a uniform grid of mu."""

    def __init__(self, x: Floats, n: Floats, prior: Prior) -> None:
        self.x, self.n, self.prior = x, n, prior
        self.edges = _panels(self._top(), 0.35 * prior.scale)
        self.tau, self.width = _nodes(self.edges)
        self.mu_all, self.step = self._mu_grid(self.tau)
        self.tau_all = np.broadcast_to(self.tau[:, None], self.mu_all.shape)
        log_joint = self._log_joint(self.mu_all, self.tau_all)
        log_joint = log_joint + prior.log_density(self.tau)[:, None]
        top = float(log_joint.max())
        mass = np.exp(log_joint - top) * self.width[:, None] * self.step[:, None]
        self.log_evidence = top + float(np.log(mass.sum()))
        self.weight = mass / mass.sum()

    def _log_joint(self, mu: Floats, tau: Floats) -> Floats:
        """Log likelihood plus log prior of mu."""
        flat_mu, flat_tau = mu.ravel(), tau.ravel()
        columns = flat_mu.size
        lik = Likelihood(
            np.repeat(self.x[:, None], columns, axis=1),
            np.repeat(self.n[:, None], columns, axis=1),
            _MU_NODES,
        )
        value = lik.at(flat_mu, flat_tau).ll.reshape(mu.shape)
        if self.prior.mu_sd is not None:
            sd = self.prior.mu_sd
            z = (mu - self.prior.mu_mean) / sd
            value = value - 0.5 * z * z - np.log(sd) - 0.5 * np.log(2.0 * np.pi)
        return value

    def _centre(self, tau: Floats) -> tuple[Floats, Floats]:
        """Mode of mu for each tau and the SD that its curvature gives."""
        p = (self.x.sum() + 0.5) / (self.n.sum() + 1.0)
        mu = np.full(tau.shape, float(np.log(p) - np.log1p(-p)))
        lik = Likelihood(
            np.repeat(self.x[:, None], tau.size, axis=1),
            np.repeat(self.n[:, None], tau.size, axis=1),
        )
        extra = 0.0 if self.prior.mu_sd is None else self.prior.mu_sd**-2
        sd = np.ones(tau.shape)
        for _ in range(60):
            at = lik.at(mu, tau)
            slope = at.g_mu - extra * (mu - self.prior.mu_mean)
            curve = np.maximum(-at.h_mm + extra, 1e-8)
            move = np.clip(slope / curve, -2.0, 2.0)
            mu, sd = mu + move, 1.0 / np.sqrt(curve)
            if float(np.abs(move / sd).max()) < 1e-6:
                break
        return mu, sd

    def _mu_grid(self, tau: Floats) -> tuple[Floats, Floats]:
        """Uniform grids (tau, mu) that reach as far as the density of mu does."""
        centre, sd = self._centre(tau)
        peak = self._log_joint(centre[:, None], tau[:, None])[:, 0]
        reach = np.empty((tau.size, 2))
        for side, sign in enumerate((-1.0, 1.0)):
            out = 7.0 * np.ones(tau.size)
            for _ in range(12):
                edge = self._log_joint((centre + sign * out * sd)[:, None], tau[:, None])[:, 0]
                short = edge > peak - 25.0
                if not bool(short.any()):
                    break
                out = np.where(short, 1.4 * out, out)
            reach[:, side] = out
        low, high = centre - reach[:, 0] * sd, centre + reach[:, 1] * sd
        share = np.linspace(0.0, 1.0, _MU_POINTS)
        return low[:, None] + (high - low)[:, None] * share, (high - low) / (_MU_POINTS - 1)

    def _top(self) -> float:
        """The tau beyond which the posterior is negligible."""
        probe = self.prior.scale * np.geomspace(1e-2, 1e4, 60)
        probe = probe[probe < 60.0]
        centre, sd = self._centre(probe)
        value = self._log_joint(centre[:, None], probe[:, None])[:, 0] + np.log(sd)
        value = value + self.prior.log_density(probe) + np.log(probe)
        keep = probe[value > value.max() + np.log(1e-9)]
        return 1.2 * float(keep.max())

    def mu_quantiles(self, probabilities: tuple[float, ...]) -> list[float]:
        """Quantiles of mu: within each tau the density is splined and integrated."""
        from scipy.interpolate import CubicSpline

        integrals = [
            CubicSpline(mu, weight / step).antiderivative()
            for mu, weight, step in zip(self.mu_all, self.weight, self.step, strict=True)
        ]
        total = sum(float(f(mu[-1])) for f, mu in zip(integrals, self.mu_all, strict=True))

        def cdf(value: float) -> float:
            parts = (
                float(f(min(max(value, mu[0]), mu[-1])))
                for f, mu in zip(integrals, self.mu_all, strict=True)
            )
            return sum(parts) / total

        low, high = float(self.mu_all.min()), float(self.mu_all.max())
        return [_invert(cdf, p, low, high) for p in probabilities]

    def tau_quantiles(self, probabilities: tuple[float, ...]) -> list[float]:
        """Quantiles of tau, from the polynomial through the nodes of each panel."""
        density = self.weight.sum(axis=1) / self.width
        panels = density.reshape(-1, _ORDER)
        x, _ = np.polynomial.legendre.leggauss(_ORDER)
        half = 0.5 * np.diff(self.edges)
        integrals = []
        for values, h in zip(panels, half, strict=True):
            fit = np.polynomial.Legendre.fit(x, values * h, _ORDER - 1, domain=[-1, 1])
            integrals.append(fit.integ(lbnd=-1.0))
        before = np.concatenate([[0.0], np.cumsum([float(f(1.0)) for f in integrals])])

        def cdf(t: float) -> float:
            i = min(int(np.searchsorted(self.edges, t, side="right")) - 1, half.size - 1)
            z = (t - self.edges[i]) / half[i] - 1.0
            return float((before[i] + float(integrals[i](z))) / before[-1])

        return [_invert(cdf, p, 0.0, float(self.edges[-1])) for p in probabilities]

    def shrunken(self, probabilities: tuple[float, ...]) -> Floats:
        """Quantiles of each study's effect: the nodes of all grid points, with their weights."""
        mu, tau, weight = self.mu_all.ravel(), self.tau_all.ravel(), self.weight.ravel()
        keep = weight > 1e-9 * weight.max()
        mu, tau, weight = mu[keep], tau[keep], weight[keep]
        rows = []
        for x, n in zip(self.x, self.n, strict=True):
            theta, share = weighted_nodes(x, n, mu, tau, weight)
            order = np.argsort(theta)
            mass = np.cumsum(share[order])
            sorted_theta = theta[order]
            middle = mass - 0.5 * np.diff(mass, prepend=0.0)
            rows.append(np.interp(probabilities, middle / mass[-1], sorted_theta))
        return np.asarray(rows)

    def bf01(self) -> float:
        """Evidence of tau = 0 over the evidence under tau's prior."""
        mu, step = self._mu_grid(np.zeros(1))
        log_joint = self._log_joint(mu, np.zeros(mu.shape))
        top = float(log_joint.max())
        log_zero = top + float(np.log(np.exp(log_joint - top).sum() * step[0]))
        return float(np.exp(log_zero - self.log_evidence))
