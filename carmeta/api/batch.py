"""Counts of many data sets to their fits: the batch form of :func:`carmeta.api.pool`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Unpack, cast

import numpy as np
from numpy.typing import ArrayLike

from carmeta.arrays import Bools, Floats
from carmeta.domain.counts import as_numbers
from carmeta.domain.request import Options, Request, request
from carmeta.measures import check_counts, effect_sizes, transform
from carmeta.pooling import batch
from carmeta.pooling.batch import Many, many_counts, many_effects
from carmeta.pooling.exact import clopper_pearson


def pool_many(
    xi: ArrayLike,
    ni: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    with_tau2_ci: bool = False,
    **options: Unpack[Options],
) -> Many:
    """Pool many data sets of one arm at once.

    Args:
        xi: Events, ``(..., k)`` with any leading batch axes; whole numbers in 0..ni.
        ni: Patients, broadcast against ``xi``.
        mask: True where a study is present; counts elsewhere are not looked at.
        with_tau2_ci: Also give the limits of tau2 (IV: Q-profile; GLMM: profile likelihood).
        options: Those of :func:`~carmeta.api.pool`, but no profile test, no bootstrap and no
            Bayesian model.

    Returns:
        :class:`~carmeta.pooling.batch.Many`. The fallbacks are those of ``pool`` and stand
        in ``status``: exact limits where a data set has one study, no events or only
        events; inverse variance (REML, adhoc) where a likelihood has no maximum.

    Raises:
        DataError: Counts that are not possible.
        ConfigError: Options that do not exist or that a batch cannot honour.

    >>> many = pool_many([[8, 15, 20], [0, 0, 0]], [20, 30, 25])
    >>> many.status.tolist()
    [0, 2]
    """
    ask = request("one arm", options, batched=True)
    return fit_many(xi, ni, ask, mask=mask, with_tau2_ci=with_tau2_ci)


def fit_many(
    xi: ArrayLike,
    ni: ArrayLike,
    ask: Request,
    *,
    mask: ArrayLike | None = None,
    with_tau2_ci: bool = False,
) -> Many:
    """:func:`pool_many` of a request that a batch can honour."""
    x, n, m, shape = batch.flatten(as_numbers(xi, "events"), as_numbers(ni, "n"), mask)
    out = batch.empty(x.shape[0])
    for rows in batch.chunks(*x.shape):
        part = _Part(*_checked(x[rows], n[rows], None if m is None else m[rows]))
        if ask.model == "IV":
            fit = _iv(part, ask, with_tau2_ci)
        else:
            fit = many_counts(
                part.x, part.n, model=cast(Any, ask.model), test=cast(Any, ask.test),
                level=ask.level, pi_method=ask.pi_method, i2_method=ask.i2_method, mask=part.m,
                with_tau2_ci=with_tau2_ci,
            )  # fmt: skip
        _exact_rows(fit, part, ask)
        _separated_rows(fit, part, ask, with_tau2_ci)
        out.put(rows, fit)
    return out.reshape(shape)


@dataclass(frozen=True, slots=True)
class _Part:
    """Some data sets: counts (rows, k), and which of them are there (None: all)."""

    x: Floats
    n: Floats
    m: Bools | None

    def sums(self) -> tuple[Floats, Floats]:
        """Events and patients of each data set."""
        if self.m is None:
            return self.x.sum(axis=-1), self.n.sum(axis=-1)
        return (
            np.where(self.m, self.x, 0.0).sum(axis=-1),
            np.where(self.m, self.n, 0.0).sum(axis=-1),
        )


def _checked(x: Floats, n: Floats, m: Bools | None) -> tuple[Floats, Floats, Bools | None]:
    """Counts that are possible; absent studies become 0 of 1, which nothing looks at."""
    if m is None:
        return (*check_counts(x, n), None)
    return (*check_counts(np.where(m, x, 0.0), np.where(m, n, 1.0)), m)


def _iv(part: _Part, ask: Request, with_tau2_ci: bool) -> Many:
    yi, vi = effect_sizes(part.x, part.n, measure=ask.measure, add=ask.add, to=ask.to)
    out = many_effects(
        yi, vi, method=ask.method, test=ask.test, level=ask.level, pi_method=ask.pi_method,
        i2_method=ask.i2_method, mask=part.m, with_tau2_ci=with_tau2_ci,
    )  # fmt: skip
    events, total = part.sums()
    free = out.status == batch.OK
    out.status[free & (events == 0)] = batch.ALL_ZERO
    out.status[free & (events == total)] = batch.ALL_EVENTS
    return out


def _exact_rows(out: Many, part: _Part, ask: Request) -> None:
    """Summed counts with exact limits, where no random-effects model can be fitted."""
    exact = (batch.ALL_ZERO, batch.ALL_EVENTS, batch.SINGLE, batch.ONE_PATIENT)
    rows = np.flatnonzero(np.isin(out.status, exact))
    if not rows.size:
        return
    present = np.ones(part.x.shape, dtype=bool) if part.m is None else part.m
    events, total = (v[rows] for v in part.sums())
    low, high = clopper_pearson(events, total, level=ask.level)
    inverse = np.where(present, 1.0 / part.n, 0.0)[rows].sum(axis=-1)
    mean = out.k[rows] / inverse
    for field in fields(out):
        if field.name not in ("k", "status"):
            getattr(out, field.name)[rows] = np.nan
    out.estimate[rows] = transform(events / total, measure=ask.measure, n=mean)
    out.ci_lb[rows] = transform(low, measure=ask.measure, n=mean)
    out.ci_ub[rows] = transform(high, measure=ask.measure, n=mean)


def _separated_rows(out: Many, part: _Part, ask: Request, with_tau2_ci: bool) -> None:
    """Inverse variance on the logit (REML, adhoc) where a likelihood has no maximum."""
    rows = np.flatnonzero(np.isin(out.status, (batch.SEPARATED, batch.FAILED)))
    if not rows.size:
        return
    yi, vi = effect_sizes(part.x[rows], part.n[rows])
    other = many_effects(
        yi, vi, level=ask.level, pi_method=ask.pi_method, i2_method=ask.i2_method,
        mask=None if part.m is None else part.m[rows], with_tau2_ci=with_tau2_ci,
    )  # fmt: skip
    for field in fields(out):
        if field.name != "status":
            getattr(out, field.name)[rows] = getattr(other, field.name)
