"""Beta-binomial model: study proportions follow a beta distribution.

``x_i ~ BetaBin(n_i, pi, phi)`` with mean pi and overdispersion ``phi = rho / (1 - rho)``,
where rho is the correlation of two patients of one study (Griffiths 1973). In terms of
``c_j``, the number of studies with a count above j, the log-likelihood is

    sum_j cx_j log(pi + j phi) + cy_j log(1 - pi + j phi) - cn_j log(1 + j phi)

(Smith 1983), which is smooth at phi = 0: there it is the binomial one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, betaincc, chdtri, expit, gammaln, logit, stdtr, stdtrit

from carmeta.arrays import Bools, Floats, Indices, Ints

OK: Final = 0
BOUNDARY: Final = 1  # rho = 0 is the maximum
ALL_ZERO: Final = 2
ALL_EVENTS: Final = 3
SEPARATED: Final = 4  # every study is 0/n or n/n: rho goes to 1
FAILED: Final = 5

_START_PHI: Final = (0.003, 0.02, 0.08, 0.3, 1.0, 4.0)
_MAX_ITER: Final = 200
_STEP_TOL: Final = 1e-10
# Elements of one (batch, j) array.
_CHUNK: Final = 1 << 20
# Terms of a study's sum that are added one by one.
_HEAD: Final = 1024
_TINY: Final = 1e-300
_TRACE: Final = 1e-8  # an overdispersion that studies of up to a million do not feel
# Error of the log-likelihood, a sum over all patients, for each of them.
_ROUNDING: Final = 1e-14
_MAX_LOGIT: Final = 700.0  # beyond it a proportion is no longer a number


@dataclass(frozen=True, slots=True)
class BetaBinomialFit:
    """Fits of the batch shape ``(...)``.

    ``estimate`` is logit(pi) with its Wald ``se``; ``rho`` in [0, 1). ``cov`` is the inverse
    observed information of (logit pi, phi), zeros for phi on the boundary. NaN where
    ``status`` says that there is no maximum to report.
    """

    k: Floats
    estimate: Floats
    se: Floats
    rho: Floats
    phi: Floats
    cov: Floats
    loglik: Floats
    loglik_homogeneous: Floats
    status: Ints
    iterations: Ints

    @property
    def usable(self) -> Bools:
        """True where there is an estimate with a standard error."""
        return self.status <= BOUNDARY


class _Counts:
    """Numbers of studies with more than j events, non-events and patients, (batch, j).

    Beyond j = 1024 a study's sum of f(j) is an integral instead, on panels that double in
    length, with the midpoint form of Euler and Maclaurin's correction. f has its only
    singularity at j <= 0, so ten Gauss-Legendre nodes a panel are exact to rounding, and what
    the correction leaves is below 1e-11.
    """

    def __init__(self, x: Floats, n: Floats) -> None:
        top = int(min(n.max(initial=1.0), _HEAD))
        kinds = (x, n - x, n)
        weights = [_above(np.minimum(c, top), top) for c in kinds]
        self.j: Floats = np.arange(top, dtype=float)[None, :]
        if float(n.max(initial=0.0)) > _HEAD:
            tails = [_tail(c) for c in kinds]
            blank = [np.zeros_like(w) for _, w in tails]
            points = [np.repeat(self.j, x.shape[0], axis=0), *(nodes for nodes, _ in tails)]
            self.j = np.concatenate(points, axis=1)
            for i, (_, tail) in enumerate(tails):
                rest = [tail if i == other else blank[other] for other in range(3)]
                weights[i] = np.concatenate([weights[i], *rest], axis=1)
        self.cx, self.cy, self.cn = weights
        choose = gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)
        self.choose = choose.sum(axis=-1)
        self.rounding = _ROUNDING * n.sum(axis=-1)
        # phi widens the counts of n patients by the factor 1 + (n - 1) rho: next to nothing.
        self.trace = np.minimum(_TRACE, 1e-2 / n.max(axis=-1))

    def take(self, rows: Indices) -> _Counts:
        new = object.__new__(_Counts)
        new.j = self.j if self.j.shape[0] == 1 else self.j[rows]
        new.choose, new.rounding = self.choose[rows], self.rounding[rows]
        new.trace = self.trace[rows]
        new.cx, new.cy, new.cn = self.cx[rows], self.cy[rows], self.cn[rows]
        return new

    def at(self, mu: Floats, phi: Floats) -> _At:
        """Log-likelihood and derivatives in (mu, phi), mu the logit of pi."""
        p, q = expit(mu)[:, None], expit(-mu)[:, None]
        jphi = self.j * phi[:, None]
        a, b, c = p + jphi, q + jphi, 1.0 + jphi
        ll = (self.cx * np.log(a) + self.cy * np.log(b) - self.cn * np.log(c)).sum(axis=1)
        ra, rb, rc = self.cx / a, self.cy / b, self.cn / c
        sa, sb, sc = ra / a, rb / b, rc / c
        j = self.j
        g_p = (ra - rb).sum(axis=1)
        g_f = ((ra + rb - rc) * j).sum(axis=1)
        h_pp = -(sa + sb).sum(axis=1)
        h_pf = -((sa - sb) * j).sum(axis=1)
        h_ff = -((sa + sb - sc) * j * j).sum(axis=1)
        slope = (p * q)[:, 0]
        bend = slope * (q - p)[:, 0]
        return _At(
            ll + self.choose, g_p * slope, g_f,
            h_pp * slope**2 + g_p * bend, h_pf * slope, h_ff,
        )  # fmt: skip


@dataclass(slots=True)
class _At:
    ll: Floats
    g_m: Floats
    g_f: Floats
    h_mm: Floats
    h_mf: Floats
    h_ff: Floats

    def keep(self, rows: Bools | Indices) -> _At:
        return _At(*(getattr(self, name)[rows] for name in self.__slots__))

    def put(self, rows: Indices, new: _At) -> None:
        for name in self.__slots__:
            getattr(self, name)[rows] = getattr(new, name)


def _above(counts: Floats, top: int) -> Floats:
    """For each row, how many counts exceed 0, 1, ..., top - 1."""
    b, _ = counts.shape
    size = top + 1
    flat = (np.arange(b)[:, None] * size + counts.astype(np.int64)).ravel()
    tally = np.bincount(flat, minlength=b * size).reshape(b, size)
    # Counts above j: the tally of j + 1 and everything after it.
    reverse = np.cumsum(tally[:, ::-1], axis=1)[:, ::-1]
    return reverse[:, 1:].astype(float)


def _tail(counts: Floats) -> tuple[Floats, Floats]:
    """Nodes and weights, (batch, points), whose sum stands for j = 1024 .. count - 1."""
    b, _ = counts.shape
    panels = max(1, int(np.ceil(np.log2(max(float(counts.max()), _HEAD + 1.0) / _HEAD))))
    ends = _HEAD * 2.0 ** np.arange(panels + 1)
    edges = np.minimum(ends, np.maximum(counts, _HEAD)[..., None]) - 0.5
    half = 0.5 * np.diff(edges)
    middle = 0.5 * (edges[..., 1:] + edges[..., :-1])
    z, w = np.polynomial.legendre.leggauss(10)
    nodes = (middle[..., None] + half[..., None] * z).reshape(b, -1)
    weights = (half[..., None] * w).reshape(b, -1)
    # - (f'(count - 1/2) - f'(1024 - 1/2)) / 24, the slopes as differences over one step
    last = np.maximum(counts, _HEAD)
    corners = np.stack([last, last - 1.0, np.full_like(last, _HEAD), np.full_like(last, _HEAD - 1)])
    signs = np.array([-1.0, 1.0, 1.0, -1.0])[:, None, None] / 24.0 * (counts > _HEAD)
    corner_nodes = np.moveaxis(corners, 0, 1).reshape(b, -1)
    corner_weights = np.moveaxis(signs, 0, 1).reshape(b, -1)
    return (
        np.concatenate([nodes, corner_nodes], axis=1),
        np.concatenate([weights, corner_weights], axis=1),
    )


def fit_beta_binomial(
    xi: ArrayLike, ni: ArrayLike, *, mask: ArrayLike | None = None
) -> BetaBinomialFit:
    """Fit by maximum likelihood to counts ``(..., k)``; ``mask`` is True where present."""
    x, n, shape = _rows(xi, ni, mask)
    b = x.shape[0]
    status = _classify(x, n)
    out = {name: np.full(b, np.nan) for name in ("mu", "phi", "ll")}
    out["mu"][status == ALL_ZERO], out["mu"][status == ALL_EVENTS] = -np.inf, np.inf
    cov = np.full((b, 2, 2), np.nan)
    iterations = np.zeros(b, dtype=np.int64)
    ll0 = np.zeros(b)
    top = float(n.max(initial=1.0))
    tail = 0.0 if top <= _HEAD else 30.0 * x.shape[1] * np.log2(4.0 * top / _HEAD)
    step = max(1, int(_CHUNK / (min(top, _HEAD) + tail)))
    for start in range(0, b, step):
        rows = start + np.flatnonzero(status[start : start + step] == OK)
        if not rows.size:
            continue
        fit = _maximise(_Counts(x[rows], n[rows]), logit(x[rows].sum(1) / n[rows].sum(1)))
        out["mu"][rows], out["phi"][rows], out["ll"][rows] = fit.mu, fit.phi, fit.at.ll
        ll0[rows], iterations[rows] = fit.ll0, fit.iterations
        cov[rows] = _covariance(fit)
        status[rows] = np.where(~fit.done, FAILED, np.where(fit.phi == 0, BOUNDARY, OK))
    for array in (*out.values(), cov):
        array[status == FAILED] = np.nan
    phi = out["phi"]
    return BetaBinomialFit(
        k=(n > 0).sum(axis=1).astype(float).reshape(shape),
        estimate=out["mu"].reshape(shape),
        se=np.sqrt(cov[:, 0, 0]).reshape(shape),
        rho=(phi / (1.0 + phi)).reshape(shape),
        phi=phi.reshape(shape),
        cov=cov.reshape((*shape, 2, 2)),
        loglik=out["ll"].reshape(shape),
        loglik_homogeneous=ll0.reshape(shape),
        status=status.reshape(shape),
        iterations=iterations.reshape(shape),
    )


def _rows(
    xi: ArrayLike, ni: ArrayLike, mask: ArrayLike | None
) -> tuple[Floats, Floats, tuple[int, ...]]:
    x, n = np.broadcast_arrays(np.asarray(xi, dtype=float), np.asarray(ni, dtype=float))
    if mask is not None:
        x, n, m = np.broadcast_arrays(x, n, np.asarray(mask, dtype=bool))
        x, n = np.where(m, x, 0.0), np.where(m, n, 0.0)
    return x.reshape(-1, x.shape[-1]), n.reshape(-1, n.shape[-1]), x.shape[:-1]


def _classify(x: Floats, n: Floats) -> Ints:
    status = np.zeros(x.shape[0], dtype=np.int64)
    status[((x == 0) | (x == n)).all(axis=1)] = SEPARATED
    status[(x == 0).all(axis=1)] = ALL_ZERO
    status[(x == n).all(axis=1)] = ALL_EVENTS
    return status


@dataclass(slots=True)
class _Maximum:
    mu: Floats
    phi: Floats
    at: _At
    ll0: Floats
    done: Bools
    iterations: Ints


def _maximise(counts: _Counts, mu0: Floats) -> _Maximum:
    """Newton from the best of a few starts; the binomial where nothing inside beats it."""
    b = mu0.size
    zero = counts.at(mu0, np.zeros(b))
    tried = [counts.at(mu0, np.full(b, phi)).ll for phi in _START_PHI]
    phi = np.asarray(_START_PHI)[np.argmax(tried, axis=0)]
    found = _newton(counts, mu0, phi)
    flat = (zero.g_f <= 0) & (found.at.ll - zero.ll <= 1e-9)
    found.mu[flat], found.phi[flat] = mu0[flat], 0.0
    found.at.put(np.flatnonzero(flat), zero.keep(flat))
    found.done |= flat
    found.ll0 = zero.ll
    return found


def _newton(counts: _Counts, mu0: Floats, phi0: Floats) -> _Maximum:
    """Safeguarded Newton in (mu, log phi), halved until the likelihood rises."""
    mu, phi = mu0.copy(), phi0.copy()
    at = counts.at(mu, phi)
    d_mu, d_log = _step(at, phi)
    done = np.zeros(mu.size, dtype=bool)
    iterations = np.zeros(mu.size, dtype=np.int64)
    active = np.arange(mu.size)
    for _ in range(_MAX_ITER):
        trial_mu, trial_phi = mu[active] + d_mu[active], phi[active] * np.exp(d_log[active])
        new = counts.take(active).at(trial_mu, trial_phi)
        iterations[active] += 1
        size = np.maximum(np.abs(d_mu[active]), np.abs(d_log[active]))
        slack = 1e-11 * (1 + np.abs(at.ll[active])) + counts.rounding[active]
        rose = (new.ll >= at.ll[active] - slack) | (size < 1e-8)
        up, back = active[rose], active[~rose]
        mu[up], phi[up] = trial_mu[rose], trial_phi[rose]
        at.put(up, new.keep(rose))
        d_mu[up], d_log[up] = _step(new.keep(rose), phi[up])
        d_mu[back], d_log[back] = 0.4 * d_mu[back], 0.4 * d_log[back]
        # phi running to 0 is the boundary, settled by the caller.
        done[up[size[rose] <= np.maximum(_STEP_TOL, 0.1 * counts.rounding[up])]] = True
        done[up[phi[up] < 1e-2 * counts.trace[up]]] = True
        active = np.flatnonzero(~done)
        if active.size == 0:
            break
    return _Maximum(mu, phi, at, at.ll, done, iterations)


def _step(at: _At, phi: Floats) -> tuple[Floats, Floats]:
    """Newton's step in (mu, log phi) where the Hessian is negative definite, else uphill."""
    g = at.g_f * phi
    h_mf, h_ff = at.h_mf * phi, at.h_ff * phi * phi + g
    det = at.h_mm * h_ff - h_mf**2
    newton = (at.h_mm < 0) & (det > 0)
    safe = np.where(newton, det, 1.0)
    d_mu = np.where(newton, -(h_ff * at.g_m - h_mf * g) / safe, at.g_m / (np.abs(at.h_mm) + 1e-9))
    d_log = np.where(newton, -(at.h_mm * g - h_mf * at.g_m) / safe, np.sign(g) * 0.7)
    shrink = np.minimum(1.0, 1.5 / np.maximum(np.maximum(np.abs(d_mu), np.abs(d_log)), _TINY))
    return d_mu * shrink, d_log * shrink


def _covariance(fit: _Maximum) -> Floats:
    at, edge = fit.at, fit.phi == 0
    cov = np.zeros((fit.mu.size, 2, 2))
    det = np.where(edge, 1.0, at.h_mm * at.h_ff - at.h_mf**2)
    cov[:, 0, 0] = np.where(edge, -1.0 / at.h_mm, -at.h_ff / det)
    cov[:, 1, 1] = np.where(edge, 0.0, -at.h_mm / det)
    cov[:, 0, 1] = cov[:, 1, 0] = np.where(edge, 0.0, at.h_mf / det)
    return cov


# -- one data set: profile limits and prediction --------------------------------------------


def profile_limits(
    xi: ArrayLike,
    ni: ArrayLike,
    fit: BetaBinomialFit,
    *,
    of: Literal["mu", "rho"],
    level: float = 0.95,
) -> tuple[float, float]:
    """Profile-likelihood limits of one data set: of the logit of pi, or of rho in [0, 1]."""
    x, n, _ = _rows(xi, ni, None)
    counts = _Counts(x, n)
    target = float(fit.loglik) - 0.5 * float(chdtri(1.0, 1.0 - level))
    mu, phi = float(fit.estimate), float(fit.phi)
    if of == "mu":
        se = float(fit.se)

        def drop(m: float) -> float:
            return _best_phi(counts, m, phi) - target

        return _cross(drop, mu, mu - 2.5 * se, -1.0), _cross(drop, mu, mu + 2.5 * se, 1.0)
    # In log(phi), from the estimate or, on the boundary, from a trace of overdispersion.
    here = np.log(max(phi, float(counts.trace[0])))

    def excess(z: float) -> float:
        return _best_mu(counts, mu, float(np.exp(z))) - target

    high = _cross(excess, here, here + 1.0, 1.0)
    low = 0.0
    if float(fit.loglik_homogeneous) < target:
        low = float(np.exp(_cross(excess, here, here - 1.0, -1.0)))
    top = float(np.exp(high))
    return low / (1.0 + low), top / (1.0 + top)


def profile_root(xi: ArrayLike, ni: ArrayLike, fit: BetaBinomialFit, *, at: float = 0.0) -> float:
    """Signed root of the likelihood ratio of ``logit(pi) = at``, normal under it."""
    x, n, _ = _rows(xi, ni, None)
    drop = float(fit.loglik) - _best_phi(_Counts(x, n), at, float(fit.phi))
    return float(np.sign(float(fit.estimate) - at) * np.sqrt(max(0.0, 2.0 * drop)))


def _best_mu(counts: _Counts, mu: float, phi: float) -> float:
    """Log-likelihood at phi, maximised over mu (Newton, halved when it overshoots)."""
    m, f = np.array([mu]), np.array([phi])
    at = counts.at(m, f)
    for _ in range(_MAX_ITER):
        step = np.clip(-at.g_m / np.minimum(at.h_mm, -1e-12), -2.0, 2.0)
        new = counts.at(m + step, f)
        while float(new.ll[0]) < float(at.ll[0]) - 1e-12 and abs(float(step[0])) > 1e-12:
            step = 0.5 * step
            new = counts.at(m + step, f)
        m, at = m + step, new
        if abs(float(step[0])) < 1e-10:
            break
    return float(at.ll[0])


def _best_phi(counts: _Counts, mu: float, phi: float) -> float:
    """Log-likelihood at mu, maximised over phi >= 0: grid, then golden section in log phi."""
    m = np.array([mu])
    best = float(counts.at(m, np.zeros(1)).ll[0])
    least = min(1e-5, float(counts.trace[0]))
    points = int(6 * np.log10(50.0 / least))
    grid = np.log(np.concatenate([np.geomspace(least, 50.0, points), [max(phi, least)]]))
    grid.sort()
    values = np.array([float(counts.at(m, np.exp([z])).ll[0]) for z in grid])
    i = int(values.argmax())
    a, b = grid[max(i - 1, 0)], grid[min(i + 1, grid.size - 1)]
    ratio = (np.sqrt(5.0) - 1.0) / 2.0
    c, d = b - ratio * (b - a), a + ratio * (b - a)
    fc, fd = (float(counts.at(m, np.exp([z])).ll[0]) for z in (c, d))
    while b - a > 1e-8:  # the value is flat at its maximum: its error is the square
        if fc > fd:
            b, d, fd = d, c, fc
            c = b - ratio * (b - a)
            fc = float(counts.at(m, np.exp([c])).ll[0])
        else:
            a, c, fc = c, d, fd
            d = a + ratio * (b - a)
            fd = float(counts.at(m, np.exp([d])).ll[0])
    return max(best, fc, fd, float(values.max()))


def _cross(f: Callable[[float], float], inside: float, outside: float, side: float) -> float:
    """Where ``f`` changes sign beyond ``inside``; infinite where it never does."""
    from scipy.optimize import brentq

    width = abs(outside - inside)
    for _ in range(60):
        if f(outside) < 0:
            return float(brentq(f, inside, outside, xtol=1e-11))
        inside, width = outside, 1.6 * width
        outside = outside + side * width
        if abs(outside) > 60.0:
            break
    return side * np.inf


def prediction_limits(
    mu: float, se: float, rho: float, df: float, level: float
) -> tuple[float, float]:
    """Limits of a new study's logit: the beta distribution, averaged over ``mu``'s t.

    With ``rho`` 0 this is the interval of the mean itself.
    """
    tail = 0.5 * (1.0 - level)
    if rho <= 0:
        half = float(stdtrit(df, 1.0 - tail)) * se
        return mu - half, mu + half
    # The upper limit is the lower one of the mirrored counts: 1 - p has no digits near 1.
    return _lower_limit(mu, se, rho, df, tail), -_lower_limit(-mu, se, rho, df, tail)


def _lower_limit(mu: float, se: float, rho: float, df: float, tail: float) -> float:
    """Logit below which a new study lies with probability ``tail``."""
    from scipy.optimize import brentq

    a, b = _shapes(mu, se, rho, df)

    def excess(value: float) -> float:
        return float(betainc(a, b, expit(value)).mean()) - tail

    if excess(-_MAX_LOGIT) > 0:
        return -_MAX_LOGIT
    return float(brentq(excess, -_MAX_LOGIT, _MAX_LOGIT, xtol=1e-11))


def _shapes(mu: float, se: float, rho: float, df: float) -> tuple[Floats, Floats]:
    """Both parameters of the beta distribution at 200 equally likely means."""
    logits = mu + se * stdtrit(df, (np.arange(200) + 0.5) / 200)
    size = (1.0 - rho) / rho
    return np.maximum(expit(logits) * size, 1e-12), np.maximum(expit(-logits) * size, 1e-12)


def probability_above(mu: float, se: float, rho: float, df: float, threshold: float) -> float:
    """Probability that a new study's proportion exceeds ``threshold`` in (0, 1)."""
    if rho <= 0:
        return float(stdtr(df, (mu - logit(threshold)) / se))
    a, b = _shapes(mu, se, rho, df)
    return float(betaincc(a, b, threshold).mean())
