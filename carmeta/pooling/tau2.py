"""Between-study variance: nine estimators and two kinds of interval, over a batch axis.

Everything is written in terms of the projection ``P(t) = W - W X (X'WX)^-1 X'W`` with
``W = diag(1 / (vi + t))``. Four scalars of it suffice: ``q = y'Py`` (the generalised Q),
``s = y'PPy``, ``tr P`` and ``tr PP``, because ``dP/dt = -PP``.

* REML: ``s = tr P`` (Viechtbauer 2005, eq. 9); ML: ``s = sum w``.
* PM (and EB, which has the same fixed point): ``q = k - p`` (Paule & Mandel 1982).
* Q-profile limits: ``q`` equal to chi-square quantiles (Viechtbauer 2007, eq. 8).

The likelihood of tau2 can have several maxima. Its score is therefore put on a grid that
resolves every scale of the problem, each change of sign is refined, and the best likelihood
is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from carmeta.arrays import Bools, Floats, Ints
from carmeta.errors import ConfigError, DataError
from carmeta.pooling.projection import as_batch, chunks, make_problem
from carmeta.pooling.tau2_solvers import ESTIMATORS, profile_limits, q_limits, statistics
from carmeta.vocabulary import Method


@dataclass(frozen=True, slots=True)
class Tau2:
    """Estimates of the between-study variance; every array has the batch shape ``(...)``.

    ``converged`` is False where an iteration stopped early, and where ``k <= p`` leaves
    tau2 without information (it is then 0).
    """

    tau2: Floats
    converged: Bools
    iterations: Ints


def estimate_tau2(
    yi: ArrayLike,
    vi: ArrayLike,
    x: ArrayLike | None = None,
    *,
    method: Method = "REML",
    mask: ArrayLike | None = None,
) -> Tau2:
    """Estimate the between-study variance of one data set, or of many at once.

    Args:
        yi: Effects, ``(..., k)``; any leading batch axes.
        vi: Sampling variances, broadcast against ``yi``; finite and positive.
        x: Design ``(k, p)`` or ``(..., k, p)`` of full rank; None is an intercept.
        method: EE, DL, PM, REML, ML, HE, HS, SJ or EB.
        mask: Booleans ``(..., k)``, True where a study is present (ragged k).

    Returns:
        :class:`Tau2` with arrays of the batch shape; tau2 is in squared units of ``yi``
        and never negative.

    Raises:
        DataError: If a value in use is not finite, a variance is not positive, or the
            design is rank deficient.
        ConfigError: A method that does not exist.

    Sources: DerSimonian & Laird 1986 (DL), Paule & Mandel 1982 (PM), Viechtbauer 2005
    (REML, ML, HS, HE), Sidik & Jonkman 2005 (SJ, from the crude variance), Morris 1983 (EB).
    """
    y, v, m, design, shape = as_batch(yi, vi, x, mask)
    b = y.shape[0]
    out = np.zeros(b)
    converged = np.ones(b, dtype=bool)
    iterations = np.zeros(b, dtype=np.int64)
    estimator = ESTIMATORS.get(method)
    if estimator is None:
        raise ConfigError(f"unknown method {method!r} for tau2; one of {', '.join(ESTIMATORS)}")
    for rows in chunks(b, y.shape[1], design):
        problem = make_problem(y, v, m, design, rows)
        out[rows], converged[rows], iterations[rows] = estimator.solve(problem)
    tau2 = out.reshape(shape)
    return Tau2(tau2, converged.reshape(shape), iterations.reshape(shape))


def tau2_ci(
    yi: ArrayLike,
    vi: ArrayLike,
    x: ArrayLike | None = None,
    *,
    level: float = 0.95,
    method: Literal["QP", "PL"] = "QP",
    mask: ArrayLike | None = None,
    likelihood: Literal["REML", "ML"] = "REML",
) -> tuple[Floats, Floats]:
    """Confidence limits of tau2, arrays of the batch shape.

    ``QP`` inverts the generalised Q statistic (Viechtbauer 2007); where even tau2 = 0 gives
    a Q below the lower quantile the set is empty and both limits are 0. ``PL`` keeps the
    tau2 whose profile of the (restricted) likelihood lies within half a chi-square quantile
    of its maximum (Hardy & Thompson 1996).

    Raises:
        DataError: As :func:`estimate_tau2`.
        ConfigError: A level outside (0, 1).
    """
    if not 0.0 < level < 1.0:
        raise ConfigError(f"level {level!r} is not between 0 and 1")
    y, v, m, design, shape = as_batch(yi, vi, x, mask)
    lower, upper = np.zeros(y.shape[0]), np.zeros(y.shape[0])
    for rows in chunks(y.shape[0], y.shape[1], design):
        problem = make_problem(y, v, m, design, rows)
        if method == "QP":
            lower[rows], upper[rows] = q_limits(problem, level)
        else:
            lower[rows], upper[rows] = profile_limits(problem, level, likelihood == "REML")
        blind = problem.n <= problem.p
        lower[rows] = np.where(blind, 0.0, lower[rows])
        upper[rows] = np.where(blind, np.inf, upper[rows])
    return lower.reshape(shape), upper.reshape(shape)


def generalised_q(
    yi: ArrayLike,
    vi: ArrayLike,
    x: ArrayLike | None = None,
    *,
    tau2: ArrayLike = 0.0,
    mask: ArrayLike | None = None,
) -> Floats:
    """``y'P(tau2)y`` of the batch shape; at tau2 = 0 it is Cochran's Q (QE with moderators)."""
    y, v, m, design, shape = as_batch(yi, vi, x, mask)
    t = np.broadcast_to(np.asarray(tau2, dtype=float), shape).reshape(-1)
    out = np.zeros(y.shape[0])
    for rows in chunks(y.shape[0], y.shape[1], design):
        out[rows] = make_problem(y, v, m, design, rows).at(t[None, rows], slopes=False).q[0]
    return out.reshape(shape)


def fit_statistics(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    tau2: Floats,
    reml: bool,
    mask: ArrayLike | None = None,
) -> tuple[Floats, Floats, Floats]:
    """Cochran's Q, ``tr P(0)`` and the log-likelihood at ``tau2``, of the model with a mean."""
    y, v, m, _, shape = as_batch(yi, vi, None, mask)
    t = np.broadcast_to(tau2, shape).reshape(-1)
    q, trace, ll = np.zeros(t.size), np.zeros(t.size), np.zeros(t.size)
    for rows in chunks(y.shape[0], y.shape[1], None):
        problem = make_problem(y, v, m, None, rows)
        q[rows], trace[rows], ll[rows] = statistics(problem, t[rows], reml)
    return q.reshape(shape), trace.reshape(shape), ll.reshape(shape)


@dataclass(frozen=True, slots=True)
class Summary:
    """All that tau2 has to say of one data set with a mean only; 0-d arrays."""

    tau2: Floats
    converged: Bools
    ci_lb: Floats
    ci_ub: Floats
    q: Floats
    trace: Floats  # tr P(0)
    loglik: Floats


def summarise(yi: ArrayLike, vi: ArrayLike, *, method: Method, level: float) -> Summary:
    """:func:`estimate_tau2`, its Q-profile limits and :func:`fit_statistics` of ``(k,)`` at once.

    Raises:
        DataError: As :func:`estimate_tau2`.
    """
    y, v, _, _, _ = as_batch(yi, vi, None, None)
    if y.shape[0] != 1 or method not in ESTIMATORS:
        raise DataError(f"one data set and a known method, not {y.shape[0]} and {method!r}")
    problem = make_problem(y, v, None, None, slice(None))
    tau2, converged, _ = ESTIMATORS[method].solve(problem)
    low, high = q_limits(problem, level)
    q, trace, loglik = statistics(problem, tau2, method == "REML")
    parts = (v[0] for v in (tau2, converged, low, high, q, trace, loglik))
    return Summary(*(np.asarray(part) for part in parts))


def log_likelihood(
    yi: ArrayLike,
    vi: ArrayLike,
    x: ArrayLike | None = None,
    *,
    tau2: ArrayLike,
    reml: bool = True,
    mask: ArrayLike | None = None,
) -> Floats:
    """Profile of the (restricted) log-likelihood at ``tau2``, with its constants.

    The restricted one carries ``log det X'X / 2`` (Harville 1974), which makes it free of
    the scale of the moderators.
    """
    y, v, m, design, shape = as_batch(yi, vi, x, mask)
    t = np.broadcast_to(np.asarray(tau2, dtype=float), shape).reshape(-1)
    out = np.zeros(y.shape[0])
    for rows in chunks(y.shape[0], y.shape[1], design):
        problem = make_problem(y, v, m, design, rows)
        df = problem.n - problem.p if reml else problem.n
        value = problem.at(t[None, rows], reml=reml, loglik=True, slopes=False).loglik[0]
        out[rows] = value - 0.5 * df * np.log(2.0 * np.pi)
    return out.reshape(shape)
