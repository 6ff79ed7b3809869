"""Small-study effects: regression tests and trim-and-fill, with their cautions.

Peters 2006 regresses the effect on 1/n, which for proportions is free of the effect itself;
Egger 1997 regresses it on its standard error, for effects of two arms. Neither proves
publication bias: small studies differ for many reasons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from carmeta.api.regression import check_effects
from carmeta.arrays import Floats
from carmeta.domain.request import Request, request
from carmeta.errors import ConfigError, DataError
from carmeta.measures import check_counts, effect_sizes
from carmeta.pooling.intervals import critical, two_sided_p
from carmeta.pooling.inverse_variance import IvFit, fit_batch
from carmeta.pooling.tau2 import estimate_tau2
from carmeta.vocabulary import Method, SingleArmMeasure, Test

# Sterne 2011: below ten studies these tests cannot tell chance from asymmetry.
LEAST_STUDIES: Final = 10
TOO_FEW: Final = f"refused below {LEAST_STUDIES}, where it cannot tell asymmetry from chance"
CAUTION: Final = "asymmetry of small studies has many causes and proves no publication bias"
_MAX_ROUNDS: Final = 100


@dataclass(frozen=True, slots=True)
class SmallStudyTest:
    """Slope of the effect on a measure of study size, and what the line says of size infinite.

    ``limit`` is the effect at predictor 0 on the analysis scale, with its limits.
    """

    name: str
    predictor: str
    k: int
    slope: float
    se: float
    stat: float
    df: float  # inf for a normal test
    p: float
    limit: float
    limit_lb: float
    limit_ub: float
    cautions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrimFill:
    """Duval & Tweedie 2000: studies thought missing, and the pool with them filled in."""

    side: Literal["left", "right"]
    estimator: Literal["L0", "R0"]
    k: int
    k0: int  # studies filled in
    se_k0: float
    filled: Floats  # their effects
    fit: IvFit  # pool of the k + k0 effects
    cautions: tuple[str, ...]


def small_study_test(
    xi: ArrayLike,
    ni: ArrayLike,
    *,
    kind: Literal["peters", "egger"] = "peters",
    measure: SingleArmMeasure | None = None,
    model: Literal["lm", "rma"] | None = None,
    method: Method | None = None,
    test: Test | None = None,
    level: float | None = None,
    force: bool = False,
    slab: Sequence[str] | None = None,
) -> SmallStudyTest:
    """Regression test for single-arm counts.

    ``model`` lm (default): weighted least squares with a multiplicative dispersion (t with
    k-2); rma: mixed-effects regression with an additive tau2 by ``method`` (REML) and ``test``
    z (default), t, knha or adhoc.

    Raises:
        DataError: Fewer than ten studies without ``force``, fewer than three with it, or
            sizes that do not differ.
        ConfigError: An option that does not exist or that the model cannot honour.
    """
    options = {"model": model, "method": method, "test": test, "level": level}
    ask = request("small studies", {**options, "measure": measure})
    if kind not in ("peters", "egger"):
        raise ConfigError(f"kind {kind!r} is no test; peters or egger")
    x, n = check_counts(xi, ni, slab)
    yi, vi = effect_sizes(x, n, measure=ask.measure, slab=slab)
    predictor = 1.0 / n if kind == "peters" else np.sqrt(vi)
    name = "Peters-type regression on 1/n" if kind == "peters" else "Egger's regression"
    label = "1/n" if kind == "peters" else "standard error"
    extra = (
        ()
        if kind == "peters"
        else ("the standard error of a proportion depends on the proportion itself: prefer Peters",)
    )
    return _regression(name, label, yi, vi, predictor, ask, force, extra)


def egger_test(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    model: Literal["lm", "rma"] | None = None,
    method: Method | None = None,
    test: Test | None = None,
    level: float | None = None,
    force: bool = False,
) -> SmallStudyTest:
    """Egger's regression of any effects ``(k,)`` on their standard errors.

    Raises:
        DataError, ConfigError: As :func:`small_study_test`.
    """
    options = {"model": model, "method": method, "test": test, "level": level}
    ask = request("small studies", options)
    y, v, _ = check_effects(yi, vi, None)
    return _regression("Egger's regression", "standard error", y, v, np.sqrt(v), ask, force, ())


def _enough(k: int, force: bool, what: str) -> tuple[str, ...]:
    if k < LEAST_STUDIES and not force:
        raise DataError(
            f"{what} with {k} studies: {TOO_FEW}",
            hint="force=True to run it all the same",
        )
    if k < 3:
        raise DataError(f"{what} needs three studies or more, there are {k}")
    few = (f"only {k} studies: the test has little power",) if k < LEAST_STUDIES else ()
    return (CAUTION, *few)


def _regression(
    name: str,
    label: str,
    y: Floats,
    v: Floats,
    z: Floats,
    ask: Request,
    force: bool,
    extra: tuple[str, ...],
) -> SmallStudyTest:
    cautions = _enough(y.size, force, name)
    if float(np.ptp(z)) <= 1e-12 * float(np.abs(z).max()):
        raise DataError(f"{name}: all studies have the same {label}")
    k = y.size
    if not ask.method:
        beta, se = _least_squares(y, v, z)
        df = limit_df = float(k - 2)
    else:
        beta, se = _mixed_effects(y, v, z, ask.method, ask.test)
        df = limit_df = float("inf") if ask.test == "z" else float(k - 2)
    stat = float(beta[1] / se[1])
    half = float(critical(ask.level, limit_df)) * float(se[0])
    return SmallStudyTest(
        name=name, predictor=label, k=k, slope=float(beta[1]), se=float(se[1]), stat=stat,
        df=df, p=float(two_sided_p(stat, df)), limit=float(beta[0]),
        limit_lb=float(beta[0]) - half, limit_ub=float(beta[0]) + half,
        cautions=(*cautions, *extra),
    )  # fmt: skip


def _least_squares(y: Floats, v: Floats, z: Floats) -> tuple[Floats, Floats]:
    """Weighted least squares of statsmodels: dispersion estimated, k - 2 df."""
    from statsmodels.regression.linear_model import WLS

    fit = WLS(y, np.column_stack([np.ones(y.size), z]), weights=1.0 / v).fit()
    return np.asarray(fit.params, dtype=float), np.asarray(fit.bse, dtype=float)


def _mixed_effects(
    y: Floats, v: Floats, z: Floats, method: Method, test: Test
) -> tuple[Floats, Floats]:
    """Intercept and slope with an additive tau2, and their standard errors by ``test``."""
    design = np.column_stack([np.ones(y.size), z])
    tau2 = float(estimate_tau2(y, v, design, method=method).tau2)
    root = 1.0 / np.sqrt(v + tau2)
    q, r = np.linalg.qr(design * root[:, None])
    beta = np.linalg.solve(r, q.T @ (y * root))
    inverse = np.linalg.inv(r)
    cov = inverse @ inverse.T
    if test in ("knha", "adhoc"):
        residual = (y - design @ beta) * root
        scale = float((residual**2).sum()) / (y.size - 2)
        cov = cov * (max(scale, 1.0) if test == "adhoc" else scale)
    return beta, np.asarray(np.sqrt(np.diag(cov)))


# -- trim and fill ------------------------------------------------------------------------


def trim_fill(
    xi: ArrayLike,
    ni: ArrayLike,
    *,
    measure: SingleArmMeasure | None = None,
    method: Method | None = None,
    test: Test | None = None,
    side: Literal["left", "right"] | None = None,
    estimator: Literal["L0", "R0"] = "L0",
    level: float | None = None,
    force: bool = False,
    slab: Sequence[str] | None = None,
) -> TrimFill:
    """Trim-and-fill for single-arm counts on the measure's scale.

    ``side`` is where studies may be missing; None: opposite to the slope of Egger's line.

    Raises:
        DataError: Fewer than ten studies without ``force``, fewer than three with it.
        ConfigError: An option that does not exist.
    """
    ask = request("one arm", {"measure": measure})
    yi, vi = effect_sizes(xi, ni, measure=ask.measure, slab=slab)
    return trim_fill_effects(
        yi, vi, method=method, test=test, side=side, estimator=estimator, level=level, force=force
    )


def trim_fill_effects(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    method: Method | None = None,
    test: Test | None = None,
    side: Literal["left", "right"] | None = None,
    estimator: Literal["L0", "R0"] = "L0",
    level: float | None = None,
    force: bool = False,
) -> TrimFill:
    """Trim-and-fill for any effects ``(k,)`` (Duval & Tweedie 2000, sec. 3).

    Raises:
        DataError, ConfigError: As :func:`trim_fill`.
    """
    ask = request("effects", {"method": method, "test": test, "level": level})
    if estimator not in ("L0", "R0"):
        raise ConfigError(f"unknown estimator {estimator!r}; L0 or R0")
    if side not in (None, "left", "right"):
        raise ConfigError(f"unknown side {side!r}; left or right")
    y, v, _ = check_effects(yi, vi, None)
    cautions = _enough(y.size, force, "trim-and-fill")
    if side is None:
        slope = _mixed_effects(y, v, np.sqrt(v), ask.method, "z")[0][1]
        side = "right" if slope < 0 else "left"
    sign = -1.0 if side == "right" else 1.0
    # Missing on the left: the largest effects have no mirror image.
    order = np.argsort(sign * y, kind="stable")
    a, b = sign * y[order], v[order]
    k0, se_k0, centre = _rounds(a, b, ask.method, estimator)
    mirrored = 2.0 * centre - a[a.size - k0 :]
    filled = sign * mirrored
    effects = np.concatenate([y, filled])
    variances = np.concatenate([v, b[a.size - k0 :]])
    fit = fit_batch(effects, variances, method=ask.method, test=ask.test, level=ask.level)
    return TrimFill(side, estimator, y.size, k0, se_k0, filled, fit, cautions)


def _rounds(a: Floats, v: Floats, method: Method, estimator: str) -> tuple[int, float, float]:
    """Trim the k0 largest, centre, count again, until k0 stays: k0, its SE, the centre."""
    k, k0, se = a.size, 0, 0.0
    centre = float(fit_batch(a, v, method=method, test="z").estimate)
    for _ in range(_MAX_ROUNDS):
        keep = k - k0
        centre = float(fit_batch(a[:keep], v[:keep], method=method, test="z").estimate)
        new, se = _missing(a - centre, estimator)
        if new == k0:
            break
        k0 = min(new, k - 1)
    return k0, se, centre


def _missing(centred: Floats, estimator: str) -> tuple[int, float]:
    """Number of studies missing on the left by R0 or L0, with its standard error."""
    k = centred.size
    ranks = np.empty(k)
    ranks[np.argsort(np.abs(centred), kind="stable")] = np.arange(1, k + 1)
    if estimator == "R0":
        negative = ranks[centred < 0]
        raw = k - (float(negative.max()) if negative.size else 0.0) - 1.0
        se = float(np.sqrt(2.0 * max(0.0, raw) + 2.0))
    else:
        total = float(ranks[centred > 0].sum())
        raw = (4.0 * total - k * (k + 1)) / (2.0 * k - 1.0)
        variance = (
            k * (k + 1) * (2 * k + 1) + 10 * raw**3 + 27 * raw**2 + 17 * raw
            - 18 * k * raw**2 - 18 * k * raw + 6 * k**2 * raw
        ) / 24.0  # fmt: skip
        se = 4.0 * float(np.sqrt(max(variance, 0.0))) / (2.0 * k - 1.0)
    return max(0, round(raw)), se
