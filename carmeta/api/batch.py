"""Counts of many data sets to their fits: the batch form of :func:`carmeta.api.pool`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carmeta.errors import DataError
from carmeta.measures import To, check_counts, effect_sizes, transform
from carmeta.pooling import batch
from carmeta.pooling.batch import Many, many_counts, many_effects
from carmeta.pooling.exact import clopper_pearson
from carmeta.pooling.heterogeneity import I2Method
from carmeta.vocabulary import Method, PiMethod, SingleArmMeasure, Test

Floats = NDArray[np.float64]


def pool_many(
    xi: ArrayLike,
    ni: ArrayLike,
    *,
    measure: SingleArmMeasure = "PLO",
    model: Literal["IV", "GLMM", "BB"] = "IV",
    method: Method = "REML",
    test: Test | None = None,
    pi_method: PiMethod = "V",
    i2_method: I2Method = "tau2",
    level: float = 0.95,
    add: float = 0.5,
    to: To = "only0",
    mask: ArrayLike | None = None,
    with_tau2_ci: bool = False,
) -> Many:
    """Pool many data sets of one arm at once.

    Args:
        xi: Events, ``(..., k)`` with any leading batch axes; whole numbers in 0..ni.
        ni: Patients, broadcast against ``xi``.
        measure: As in :func:`~carmeta.api.pool`, and so are model, method, test,
            pi_method, i2_method, level, add and to (no profile test, no bootstrap).
        mask: True where a study is present; counts elsewhere are not looked at.
        with_tau2_ci: Also give the limits of tau2 (IV: Q-profile; GLMM: profile likelihood).

    Returns:
        :class:`~carmeta.pooling.batch.Many`. The fallbacks are those of ``pool`` and stand
        in ``status``: exact limits where a data set has one study, no events or only
        events; inverse variance (REML, adhoc) where a likelihood has no maximum.

    Raises:
        DataError: Counts or options that are not possible.

    >>> many = pool_many([[8, 15, 20], [0, 0, 0]], [20, 30, 25])
    >>> many.status.tolist()
    [0, 2]
    """
    if model != "IV" and measure != "PLO":
        raise DataError(f"model {model} is on the logit scale: measure PLO, not {measure}")
    x, n, m, shape = batch.flatten(xi, ni, mask)
    out = batch.empty(x.shape[0])
    for rows in batch.chunks(*x.shape):
        part = _Part(*_checked(x[rows], n[rows], None if m is None else m[rows]))
        if model == "IV":
            fit = _iv(part, measure, method, test or "adhoc", pi_method, i2_method, level, add, to,
                      with_tau2_ci)  # fmt: skip
        else:
            fit = many_counts(
                part.x, part.n, model=model, test=test or "t",  # type: ignore[arg-type]  # checked above
                level=level, pi_method=pi_method, i2_method=i2_method, mask=part.m,
                with_tau2_ci=with_tau2_ci,
            )  # fmt: skip
        _exact_rows(fit, part, measure, level)
        _separated_rows(fit, part, level, pi_method, i2_method, with_tau2_ci)
        out.put(rows, fit)
    return out.reshape(shape)


@dataclass(frozen=True, slots=True)
class _Part:
    """Some data sets: counts (rows, k), and which of them are there (None: all)."""

    x: Floats
    n: Floats
    m: NDArray[np.bool_] | None

    def sums(self) -> tuple[Floats, Floats]:
        """Events and patients of each data set."""
        if self.m is None:
            return self.x.sum(axis=-1), self.n.sum(axis=-1)
        return (
            np.where(self.m, self.x, 0.0).sum(axis=-1),
            np.where(self.m, self.n, 0.0).sum(axis=-1),
        )


def _checked(
    x: Floats, n: Floats, m: NDArray[np.bool_] | None
) -> tuple[Floats, Floats, NDArray[np.bool_] | None]:
    """Counts that are possible; absent studies become 0 of 1, which nothing looks at."""
    if m is None:
        return (*check_counts(x, n), None)
    return (*check_counts(np.where(m, x, 0.0), np.where(m, n, 1.0)), m)


def _iv(
    part: _Part,
    measure: SingleArmMeasure,
    method: Method,
    test: Test,
    pi_method: PiMethod,
    i2_method: I2Method,
    level: float,
    add: float,
    to: To,
    with_tau2_ci: bool,
) -> Many:
    yi, vi = effect_sizes(part.x, part.n, measure=measure, add=add, to=to)
    out = many_effects(
        yi, vi, method=method, test=test, level=level, pi_method=pi_method,
        i2_method=i2_method, mask=part.m, with_tau2_ci=with_tau2_ci,
    )  # fmt: skip
    events, total = part.sums()
    free = out.status == batch.OK
    out.status[free & (events == 0)] = batch.ALL_ZERO
    out.status[free & (events == total)] = batch.ALL_EVENTS
    return out


def _exact_rows(out: Many, part: _Part, measure: SingleArmMeasure, level: float) -> None:
    """Summed counts with exact limits, where no random-effects model can be fitted."""
    exact = (batch.ALL_ZERO, batch.ALL_EVENTS, batch.SINGLE, batch.ONE_PATIENT)
    rows = np.flatnonzero(np.isin(out.status, exact))
    if not rows.size:
        return
    present = np.ones(part.x.shape, dtype=bool) if part.m is None else part.m
    events, total = (v[rows] for v in part.sums())
    low, high = clopper_pearson(events, total, level=level)
    inverse = np.where(present, 1.0 / part.n, 0.0)[rows].sum(axis=-1)
    mean = out.k[rows] / inverse
    for field in fields(out):
        if field.name not in ("k", "status"):
            getattr(out, field.name)[rows] = np.nan
    out.estimate[rows] = transform(events / total, measure=measure, n=mean)
    out.ci_lb[rows] = transform(low, measure=measure, n=mean)
    out.ci_ub[rows] = transform(high, measure=measure, n=mean)


def _separated_rows(
    out: Many,
    part: _Part,
    level: float,
    pi_method: PiMethod,
    i2_method: I2Method,
    with_tau2_ci: bool,
) -> None:
    """Inverse variance on the logit (REML, adhoc) where a likelihood has no maximum."""
    rows = np.flatnonzero(np.isin(out.status, (batch.SEPARATED, batch.FAILED)))
    if not rows.size:
        return
    yi, vi = effect_sizes(part.x[rows], part.n[rows])
    other = many_effects(
        yi, vi, level=level, pi_method=pi_method, i2_method=i2_method,
        mask=None if part.m is None else part.m[rows], with_tau2_ci=with_tau2_ci,
    )  # fmt: skip
    for field in fields(out):
        if field.name != "status":
            getattr(out, field.name)[rows] = getattr(other, field.name)
