"""Thousands of data sets in one call, in chunks, so that memory does not grow with them.

The kernels are those of single analyses. Leave-one-out, bootstrap, multiverse and
calibration are batches; :func:`carmeta.api.batch.pool_many` adds effect sizes and the
declared fallbacks on counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from carmeta.arrays import Bools, Floats, Ints
from carmeta.errors import DataError
from carmeta.pooling import beta_binomial, glmm, glmm_profile
from carmeta.pooling.heterogeneity import heterogeneity
from carmeta.pooling.intervals import (
    check_level,
    critical,
    prediction_df,
    prediction_limits,
    two_sided_p,
)
from carmeta.pooling.inverse_variance import fit_batch
from carmeta.vocabulary import I2Method, Method, PiMethod, Test

# Elements (data sets times studies) worked on at once: some 40 MB of temporaries.
CHUNK: Final = 1 << 19

# What became of a data set; the first six are those of the likelihood models.
OK: Final = 0
BOUNDARY: Final = 1
ALL_ZERO: Final = 2
ALL_EVENTS: Final = 3
SEPARATED: Final = 4
FAILED: Final = 5
SINGLE: Final = 6
ONE_PATIENT: Final = 7
EMPTY: Final = 8

STATUS_NAMES: Final = {
    OK: "ok",
    BOUNDARY: "ok",  # tau2 or rho is 0
    ALL_ZERO: "all-zero",
    ALL_EVENTS: "all-events",
    SEPARATED: "separated",
    FAILED: "no-convergence",
    SINGLE: "single-study",
    ONE_PATIENT: "one-patient-studies",
    EMPTY: "no-studies",
}


@dataclass(frozen=True, slots=True)
class Many:
    """Fits of data sets, arrays of the batch shape; analysis scale throughout.

    ``status`` is a key of ``STATUS_NAMES``. ``q`` is Cochran's, of effects; ``lrt`` the
    likelihood ratio of counts, on k - 1 degrees of freedom as well. ``rho`` is the
    beta-binomial's, NaN elsewhere. Limits of tau2 are NaN unless they were asked for.
    """

    k: Floats
    estimate: Floats
    se: Floats
    df: Floats
    p: Floats
    ci_lb: Floats
    ci_ub: Floats
    pi_lb: Floats
    pi_ub: Floats
    tau2: Floats
    tau2_ci_lb: Floats
    tau2_ci_ub: Floats
    i2: Floats
    h2: Floats
    q: Floats
    q_pval: Floats
    lrt: Floats
    lrt_pval: Floats
    loglik: Floats
    rho: Floats
    status: Ints

    def put(self, rows: slice, part: Many) -> None:
        """Write ``part`` into some rows."""
        for f in fields(self):
            getattr(self, f.name)[rows] = getattr(part, f.name)

    def reshape(self, shape: tuple[int, ...]) -> Many:
        """The same with another batch shape."""
        return Many(*(getattr(self, f.name).reshape(shape) for f in fields(self)))


def empty(b: int) -> Many:
    """Room for ``b`` fits."""
    columns: dict[str, Any] = {f.name: np.full(b, np.nan) for f in fields(Many)}
    return Many(**columns | {"status": np.zeros(b, dtype=np.int64)})


def chunks(b: int, k: int) -> Iterator[slice]:
    """Rows to work on at once, so that temporaries stay of one size."""
    step = max(1, CHUNK // max(k, 1))
    for start in range(0, b, step):
        yield slice(start, min(start + step, b))


def many_effects(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    method: Method = "REML",
    test: Test = "adhoc",
    level: float = 0.95,
    pi_method: PiMethod = "V",
    i2_method: I2Method = "tau2",
    mask: ArrayLike | None = None,
    with_tau2_ci: bool = False,
) -> Many:
    """Inverse-variance fits of effects ``(..., k)``, ragged by ``mask``.

    Raises:
        DataError: Effects that are not finite, variances that are not positive, options
            that do not exist; bootstrap prediction intervals.
    """
    if pi_method == "bootstrap":
        raise DataError("bootstrap prediction intervals are for one data set at a time")
    y, v, m, shape = flatten(yi, vi, mask)
    out = empty(y.shape[0])
    for rows in chunks(*y.shape):
        fit = fit_batch(
            y[rows], v[rows], method=method, test=test, level=level, pi_method=pi_method,
            i2_method=i2_method, mask=None if m is None else m[rows], with_tau2_ci=with_tau2_ci,
        )  # fmt: skip
        het = fit.heterogeneity
        values = {
            "i2": het.i2, "h2": het.h2, "q": het.q, "q_pval": het.q_pval,
        }  # fmt: skip
        for name in ("k", "estimate", "se", "df", "p", "ci_lb", "ci_ub", "pi_lb", "pi_ub",
                     "tau2", "tau2_ci_lb", "tau2_ci_ub", "loglik"):  # fmt: skip
            values[name] = getattr(fit, name)
        _store(out, rows, values)
        single = np.where(fit.k == 1, SINGLE, OK)
        out.status[rows] = np.where(fit.k == 0, EMPTY, single)
    return out.reshape(shape)


def many_counts(
    xi: ArrayLike,
    ni: ArrayLike,
    *,
    model: Literal["GLMM", "BB"] = "GLMM",
    test: Literal["z", "t"] = "t",
    level: float = 0.95,
    pi_method: PiMethod = "V",
    i2_method: I2Method = "tau2",
    mask: ArrayLike | None = None,
    with_tau2_ci: bool = False,
) -> Many:
    """Likelihood fits of checked counts ``(..., k)``, ragged by ``mask``.

    I2 and H2 of a GLMM come from tau2 and the typical variance of the logits, or from the
    likelihood ratio; those of a beta-binomial always from the latter. A beta-binomial batch has no
    prediction limits (they need an integral each); where there is no maximum the row is NaN
    and ``status`` says why.

    Raises:
        DataError: An unknown model or test.
    """
    if model not in ("GLMM", "BB") or test not in ("z", "t"):
        raise DataError(f"no batches of {model} with test {test}; GLMM or BB with z or t")
    check_level(level)
    x, n, m, shape = flatten(xi, ni, mask)
    out = empty(x.shape[0])
    # The quadrature's own chunks are small; these bound what is kept between them.
    for rows in chunks(*x.shape):
        mm = None if m is None else m[rows]
        if model == "GLMM":
            values, status = _glmm_rows(
                x[rows], n[rows], mm, level, pi_method, i2_method, test, with_tau2_ci
            )
        else:
            values, status = _bb_rows(x[rows], n[rows], mm, level, test)
        _store(out, rows, values)
        out.status[rows] = status
    return out.reshape(shape)


def _glmm_rows(
    x: Floats,
    n: Floats,
    mask: Bools | None,
    level: float,
    pi_method: PiMethod,
    i2_method: I2Method,
    test: str,
    with_tau2_ci: bool,
) -> tuple[dict[str, Floats], Ints]:
    fit = glmm.fit_glmm(x, n, mask=mask)
    values = _wald(fit.estimate, fit.se, fit.k, level, test)
    pi_df = prediction_df(fit.k, pi_method)
    values["pi_lb"], values["pi_ub"] = prediction_limits(
        fit.estimate, fit.se, fit.tau2, pi_df, level
    )
    values |= _homogeneity(x, n, mask, fit.k)
    values |= {"tau2": fit.tau2, "loglik": fit.loglik}
    if i2_method == "tau2":
        yi, vi = glmm.logits(x, n)
        het = heterogeneity(yi, vi, fit.tau2, mask=mask)
        values |= {"i2": het.i2, "h2": het.h2}
    if with_tau2_ci:
        values["tau2_ci_lb"], values["tau2_ci_ub"] = glmm_profile.profile_limits(
            x, n, fit, of="tau2", level=level, mask=mask
        )
    return values, _data_status(x, n, mask, fit.k, fit.status)


def _bb_rows(
    x: Floats,
    n: Floats,
    mask: Bools | None,
    level: float,
    test: str,
) -> tuple[dict[str, Floats], Ints]:
    fit = beta_binomial.fit_beta_binomial(x, n, mask=mask)
    values = _wald(fit.estimate, fit.se, fit.k, level, test)
    values |= _homogeneity(x, n, mask, fit.k)
    values |= {"rho": fit.rho, "loglik": fit.loglik}
    return values, _data_status(x, n, mask, fit.k, fit.status)


def _wald(estimate: Floats, se: Floats, k: Floats, level: float, test: str) -> dict[str, Floats]:
    df = np.where(test == "z", np.inf, k - 1.0)
    half = critical(level, df) * se
    usable = np.isfinite(se)
    stat = np.where(usable, estimate, 0.0) / np.where(usable, se, 1.0)
    return {
        "k": k,
        "estimate": estimate,
        "se": se,
        "df": df,
        "p": np.where(usable, two_sided_p(stat, df), np.nan),
        "ci_lb": np.where(usable, estimate, np.nan) - half,
        "ci_ub": np.where(usable, estimate, np.nan) + half,
    }


def _homogeneity(x: Floats, n: Floats, mask: Bools | None, k: Floats) -> dict[str, Floats]:
    """Likelihood ratio with its p, I2 and H2; NaN for fewer than two studies."""
    if mask is not None:
        x, n = np.where(mask, x, 0.0), np.where(mask, n, 0.0)
    lrt = glmm.likelihood_ratio(x, n)
    several = k > 1
    df = np.where(several, k - 1.0, 1.0)
    values = {
        "lrt": lrt,
        "lrt_pval": chdtrc(df, lrt),
        "i2": 100.0 * np.maximum(0.0, 1.0 - df / np.maximum(lrt, 1e-300)),
        "h2": lrt / df,
    }
    return {name: np.where(several, value, np.nan) for name, value in values.items()}


def _data_status(x: Floats, n: Floats, mask: Bools | None, k: Floats, status: Ints) -> Ints:
    """The model's status, with what the data alone decide put before it."""
    present = n if mask is None else np.where(mask, n, 0.0)
    lonely = ((present <= 1.0).all(axis=-1)) & (status == SEPARATED)
    out = np.where(lonely, ONE_PATIENT, status)
    out = np.where(k == 1, SINGLE, out)
    return np.where(k == 0, EMPTY, out)


def _store(out: Many, rows: slice, values: dict[str, Floats]) -> None:
    for name, value in values.items():
        getattr(out, name)[rows] = value


def flatten(
    a: ArrayLike, b: ArrayLike, mask: ArrayLike | None
) -> tuple[Floats, Floats, Bools | None, tuple[int, ...]]:
    """Rows (batch, k) of two inputs and their mask, with the batch shape.

    Inputs that repeat others by broadcasting are repeated in memory only once, here.
    """
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    m = None if mask is None else np.asarray(mask, dtype=bool)
    full = np.broadcast_shapes(first.shape, second.shape, *(() if m is None else (m.shape,)))
    if not full or full[-1] == 0:
        raise DataError("no studies: at least one is needed")
    k = full[-1]
    first, second = (np.broadcast_to(v, full).reshape(-1, k) for v in (first, second))
    flat = None if m is None else np.broadcast_to(m, full).reshape(-1, k)
    return first, second, flat, full[:-1]
