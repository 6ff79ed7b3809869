"""Pools by the levels of a moderator, and the test that the levels differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc

from carmeta.api import pool
from carmeta.api.regression import back_values, check_effects
from carmeta.domain.result import NAN, Back, Fallback, Pooled, SubgroupTest
from carmeta.errors import ConfigError, DataError
from carmeta.measures import back_transform, check_counts, effect_sizes
from carmeta.pooling.formula import is_missing
from carmeta.pooling.glmm import homogeneity_tests
from carmeta.pooling.glmm_regression import GLMMRegression, fit_glmm_regression
from carmeta.pooling.heterogeneity import heterogeneity
from carmeta.pooling.intervals import (
    check_level,
    critical,
    prediction_df,
    prediction_limits,
    two_sided_p,
)
from carmeta.pooling.inverse_variance import fit_batch
from carmeta.pooling.regression import fit_wls, wald
from carmeta.pooling.tau2 import tau2_ci
from carmeta.pooling.two_arm_effects import study_names
from carmeta.vocabulary import Method, PiMethod, SingleArmMeasure, Test

FloatArray = NDArray[np.float64]
Shared = Literal["common", "separate"]
BackFunction = Callable[[Sequence[float]], Back | None]
_TAU2: Final = ("common", "separate")
_NO_BACK: Final = Back(NAN, NAN, NAN)


@dataclass(frozen=True, slots=True)
class _Frame:
    """Checked request: which studies belong to which level, and how to fit."""

    levels: tuple[str, ...]
    of: NDArray[np.intp]  # index into levels, (k,)
    names: tuple[str, ...]
    moderator: str
    measure: str
    tau2: Shared
    method: Method
    test: Test
    pi_method: PiMethod
    level: float
    back: BackFunction


def subgroup_test(
    yi: ArrayLike,
    vi: ArrayLike,
    group: Sequence[str],
    *,
    measure: str = "",
    tau2: Shared = "common",
    method: Method = "REML",
    test: Test = "adhoc",
    pi_method: PiMethod = "V",
    level: float = 0.95,
    moderator: str = "group",
    slab: Sequence[str] | None = None,
) -> tuple[dict[str, Pooled], SubgroupTest]:
    """Pool effects within each level of ``group`` and test whether the levels differ.

    Args:
        yi: Effects, one a study.
        vi: Sampling variances, positive.
        group: The level of each study; none may be missing.
        measure: Of the effects, so that results can be transformed back.
        tau2: ``common``: one tau2 and one residual variance for all levels, as the
            regression on the levels has them, tested by its Wald F (or chi2 for ``z``).
            ``separate``: each level fitted on its own, the estimates compared by Cochran's Q
            on chi2 (Borenstein 2009, chapter 19); a level of one study is that study.
        method: Estimator of tau2.
        test: ``z``, ``t``, ``knha`` or ``adhoc``.
        pi_method: ``V`` or ``HTS``.
        level: Of every interval.
        moderator: Its name, for the result.
        slab: Labels of the studies, for messages.

    Returns:
        Results by level, in order of appearance, each with the weights of its own studies;
        and the test.

    Raises:
        DataError: Effects that cannot be used, a missing level, or fewer than two levels;
            with a common tau2 also where every level has a single study.
    """
    y, v, names = check_effects(yi, vi, slab)
    frame = _frame(
        group, names, moderator=moderator, measure=measure, tau2=tau2, method=method, test=test,
        pi_method=pi_method, level=level, back=lambda values: back_values(values, measure),
    )  # fmt: skip
    return _iv_common(y, v, frame) if tau2 == "common" else _iv_separate(y, v, frame)


def subgroup_counts(
    xi: ArrayLike,
    ni: ArrayLike,
    group: Sequence[str],
    *,
    measure: SingleArmMeasure = "PLO",
    model: Literal["GLMM", "IV"] = "GLMM",
    tau2: Shared = "common",
    method: Method = "REML",
    test: Test | None = None,
    pi_method: PiMethod = "V",
    level: float = 0.95,
    moderator: str = "group",
    slab: Sequence[str] | None = None,
) -> tuple[dict[str, Pooled], SubgroupTest]:
    """As :func:`subgroup_test`, from counts of one arm and by the binomial-normal model too.

    With a common tau2 the GLMM is one fit with a mean a level, compared with the fit of one
    mean by the likelihood ratio, chi2 with levels - 1. A level without events, or with only
    events, has its exact limits and enters the test with the limit of its likelihood.
    ``test`` gives the levels' intervals: ``t`` (default of the GLMM), ``z`` or ``profile``;
    ``adhoc`` is the default of ``IV``.
    """
    x, n = check_counts(xi, ni, slab)
    if x.ndim != 1:
        raise DataError("subgroups take one data set")
    if model not in ("GLMM", "IV"):
        raise ConfigError(f"model = {model!r} is not one of GLMM, IV")
    chosen: Test = test or ("t" if model == "GLMM" else "adhoc")
    if model == "GLMM" and chosen not in ("z", "t", "profile"):
        raise ConfigError(f"test = {chosen!r} is not one of z, t, profile for the GLMM")

    def back(values: Sequence[float]) -> Back:
        return Back(*(float(b) for b in back_transform(list(values), measure=measure, ni=n)))

    frame = _frame(
        group, study_names(slab, x.size), moderator=moderator, measure=measure, tau2=tau2,
        method=method, test=chosen, pi_method=pi_method, level=level, back=back,
    )  # fmt: skip
    if tau2 == "separate":
        return _counts_separate(x, n, frame, model)
    if model == "GLMM":
        if measure != "PLO":
            raise ConfigError(f"model GLMM is on the logit scale: measure PLO, not {measure}")
        return _glmm_common(x, n, frame)
    y, v = effect_sizes(x, n, measure=measure)
    return _iv_common(y, v, frame)


def _frame(
    group: Sequence[str],
    names: tuple[str, ...],
    *,
    moderator: str,
    measure: str,
    tau2: Shared,
    method: Method,
    test: Test,
    pi_method: PiMethod,
    level: float,
    back: BackFunction,
) -> _Frame:
    if tau2 not in _TAU2:
        raise ConfigError(f"tau2 = {tau2!r} is not one of {', '.join(_TAU2)}")
    if len(group) != len(names):
        raise DataError(f"{moderator} has {len(group)} values for {len(names)} studies")
    for name, value in zip(names, group, strict=True):
        if is_missing(value):
            raise DataError(f"{name}: no value of {moderator}")
    labels = [str(value) for value in group]
    levels = tuple(dict.fromkeys(labels))
    if len(levels) < 2:
        raise DataError(f"{moderator} has a single level, {levels[0]!r}: nothing to compare")
    of = np.array([levels.index(label) for label in labels])
    return _Frame(
        levels, of, names, moderator, measure, tau2, method, test, pi_method,
        check_level(level), back,
    )  # fmt: skip


def _level(
    frame: _Frame,
    k: int,
    *,
    estimate: float,
    se: float,
    df: float,
    tau2: float,
    tau2_limits: tuple[float, float],
    p: int = 1,
    k_all: int | None = None,
    limits: tuple[float, float] | None = None,
    model: str = "IV",
) -> Pooled:
    """One level's estimate, test and limits; heterogeneity is for the caller to add.

    ``k_all`` and ``p`` are studies and means of the fit that tau2 comes from: they give the
    prediction its degrees of freedom.
    """
    half = float(critical(frame.level, df)) * se
    low, high = limits if limits is not None else (estimate - half, estimate + half)
    pi_df = prediction_df(k if k_all is None else k_all, frame.pi_method, p=p)
    pi = [float(x) for x in prediction_limits(estimate, se, tau2, pi_df, frame.level)]
    stat = estimate / se if se > 0.0 else NAN
    profile = model == "GLMM"
    return Pooled(
        k=k, measure=frame.measure, model=model, method="ML" if profile else frame.method,
        test=frame.test, pi_method=frame.pi_method,
        i2_method="Q" if frame.method == "EE" and not profile else "tau2", level=frame.level,
        estimate=estimate, se=se, stat=stat, df=df, p=float(two_sided_p(stat, df)),
        ci_lb=low, ci_ub=high, pi_lb=pi[0], pi_ub=pi[1], tau2=tau2,
        tau2_ci_lb=tau2_limits[0], tau2_ci_ub=tau2_limits[1],
        tau2_ci_method="PL" if profile else ("none" if frame.method == "EE" else "QP"),
        i2=NAN, h2=NAN, q=NAN, q_df=k - 1, q_pval=NAN,
        back=frame.back((estimate, low, high, *pi)) or _NO_BACK,
    )  # fmt: skip


# -- inverse variance ---------------------------------------------------------------------


def _iv_common(
    y: FloatArray, v: FloatArray, frame: _Frame
) -> tuple[dict[str, Pooled], SubgroupTest]:
    groups, k = len(frame.levels), y.size
    if k <= groups:
        raise DataError(
            f"every level of {frame.moderator} has a single study: "
            "nothing tells heterogeneity from differences between levels"
        )
    x = np.eye(groups)[frame.of]
    fit = fit_wls(y, v, x, method=frame.method, test=frame.test)
    limits = (NAN, NAN)
    if frame.method != "EE":
        low, high = tau2_ci(y, v, x, level=frame.level)
        limits = (float(low), float(high))
    se = np.sqrt(np.diagonal(fit.cov))
    out = {}
    for index, name in enumerate(frame.levels):
        here = frame.of == index
        pooled = _level(
            frame, int(here.sum()), estimate=float(fit.beta[index]), se=float(se[index]),
            df=fit.df, tau2=float(fit.tau2), tau2_limits=limits, p=groups, k_all=k,
        )  # fmt: skip
        out[name] = _with_iv_heterogeneity(pooled, y[here], v[here], fit.weights[here])
    contrast = np.hstack([-np.ones((groups - 1, 1)), np.eye(groups - 1)])
    test = wald(fit.beta, fit.cov, contrast, fit.df)
    return out, SubgroupTest(
        test.name, frame.moderator, "common", float(test.stat), float(test.df1), test.df2,
        float(test.p),
    )  # fmt: skip


def _with_iv_heterogeneity(
    pooled: Pooled, y: FloatArray, v: FloatArray, weights: FloatArray
) -> Pooled:
    shares = tuple(float(w) for w in weights / weights.sum())
    pooled = replace(pooled, weights=shares, weights_kind="inverse-variance")
    if y.size < 2:
        return replace(pooled, q=0.0, q_pval=1.0)
    het = heterogeneity(y, v, pooled.tau2, i2_method="Q" if pooled.method == "EE" else "tau2")
    return replace(
        pooled, i2=float(het.i2), h2=float(het.h2), q=float(het.q), q_pval=float(het.q_pval)
    )


def _iv_separate(
    y: FloatArray, v: FloatArray, frame: _Frame
) -> tuple[dict[str, Pooled], SubgroupTest]:
    out = {}
    for index, name in enumerate(frame.levels):
        here = frame.of == index
        yy, vv = y[here], v[here]
        if yy.size == 1:
            out[name] = _one_study(float(yy[0]), float(vv[0]), frame, index)
            continue
        fit = fit_batch(
            yy, vv, method=frame.method, test=frame.test, level=frame.level, with_tau2_ci=True
        )
        limits = (float(fit.tau2_ci_lb), float(fit.tau2_ci_ub))
        pooled = _level(
            frame, yy.size, estimate=float(fit.estimate), se=float(fit.se), df=float(fit.df),
            tau2=float(fit.tau2), tau2_limits=limits,
        )  # fmt: skip
        pooled = replace(pooled, loglik=float(fit.loglik), converged=bool(fit.converged))
        out[name] = _with_iv_heterogeneity(pooled, yy, vv, fit.weights)
    return out, _compare_separate(out, frame)


def _one_study(y: float, v: float, frame: _Frame, index: int) -> Pooled:
    """A level of one study under separate tau2: its own effect, tested by z."""
    at = int(np.flatnonzero(frame.of == index)[0])
    note = Fallback("single-study", f"{frame.names[at]} alone, with its own interval")
    single = replace(frame, test="z")
    pooled = _level(
        single, 1, estimate=y, se=float(np.sqrt(v)), df=float("inf"), tau2=NAN,
        tau2_limits=(NAN, NAN),
    )  # fmt: skip
    return replace(
        pooled, method="", tau2_ci_method="none", q=0.0, q_pval=1.0, weights=(1.0,),
        fallbacks=(note,),
    )  # fmt: skip


def _compare_separate(
    levels: dict[str, Pooled], frame: _Frame, singles: dict[str, tuple[float, float]] | None = None
) -> SubgroupTest:
    """Cochran's Q of the levels' estimates with their own standard errors.

    ``singles`` has the effect and standard error of levels of one study whose result is an
    exact interval without one.
    """
    known = {name: (p.estimate, p.se) for name, p in levels.items()} | (singles or {})
    usable = {name: pair for name, pair in known.items() if pair[1] > 0.0}  # not NaN, not 0
    left_out = [name for name in levels if name not in usable]
    notes: tuple[Fallback, ...] = ()
    if left_out:
        what = f"no standard error for {', '.join(left_out)}: left out of the test"
        notes = (Fallback("level-left-out", what),)
    df = len(usable) - 1
    if df < 1:
        why = Fallback("no-test", "fewer than two levels have a standard error")
        return SubgroupTest(
            "none", frame.moderator, "separate", NAN, NAN, NAN, NAN, fallbacks=(*notes, why)
        )
    b, se = np.array(list(usable.values())).T
    w = se**-2.0
    q = float((w * (b - (w * b).sum() / w.sum()) ** 2).sum())
    return SubgroupTest(
        f"chi2({df})", frame.moderator, "separate", q, float(df), float("inf"),
        float(chdtrc(df, q)), fallbacks=notes,
    )  # fmt: skip


# -- counts -------------------------------------------------------------------------------


def _counts_separate(
    x: FloatArray, n: FloatArray, frame: _Frame, model: Literal["GLMM", "IV"]
) -> tuple[dict[str, Pooled], SubgroupTest]:
    out, singles = {}, {}
    for index, name in enumerate(frame.levels):
        here = frame.of == index
        slab = [label for label, inside in zip(frame.names, here, strict=True) if inside]
        if here.sum() == 1 and 0 < x[here][0] < n[here][0]:
            y, v = effect_sizes(x[here], n[here], measure=frame.measure)  # type: ignore[arg-type]  # checked before
            singles[name] = (float(y[0]), float(np.sqrt(v[0])))
        out[name] = pool(
            x[here], n[here], measure=frame.measure, model=model,  # type: ignore[arg-type]  # checked before
            method=frame.method, test=frame.test, pi_method=frame.pi_method, level=frame.level,
            slab=slab,
        )  # fmt: skip
    return out, _compare_separate(out, frame, singles)


def _glmm_common(
    x: FloatArray, n: FloatArray, frame: _Frame
) -> tuple[dict[str, Pooled], SubgroupTest]:
    groups = len(frame.levels)
    sums = np.array([[x[frame.of == g].sum(), n[frame.of == g].sum()] for g in range(groups)])
    extreme = (sums[:, 0] == 0) | (sums[:, 0] == sums[:, 1])
    inner = np.flatnonzero(~extreme)
    used = ~extreme[frame.of]
    if inner.size and used.sum() <= inner.size:
        raise DataError(
            f"every level of {frame.moderator} has a single study: "
            "nothing tells heterogeneity from differences between levels"
        )
    fit: GLMMRegression | None = None
    if inner.size:
        design = np.eye(groups)[frame.of][used][:, inner]
        fit = fit_glmm_regression(
            x[used], n[used], design, level=frame.level, profile=frame.test == "profile"
        )
    out = {}
    for index, name in enumerate(frame.levels):
        here = frame.of == index
        if extreme[index]:
            slab = [label for label, inside in zip(frame.names, here, strict=True) if inside]
            out[name] = pool(
                x[here], n[here], model="GLMM", test=frame.test, level=frame.level, slab=slab
            )
        elif fit is not None:
            at = int(np.flatnonzero(inner == index)[0])
            out[name] = _glmm_level(x[here], n[here], frame, fit, at, int(used.sum()))
    return out, _likelihood_ratio(x, n, frame, fit, extreme)


def _glmm_level(
    x: FloatArray, n: FloatArray, frame: _Frame, fit: GLMMRegression, at: int, k_all: int
) -> Pooled:
    means = fit.beta.size
    pooled = _level(
        frame, x.size, estimate=float(fit.beta[at]), se=float(np.sqrt(fit.cov[at, at])),
        df=float(k_all - means) if frame.test == "t" else float("inf"), tau2=fit.tau2,
        tau2_limits=fit.tau2_ci, p=means, k_all=k_all, model="GLMM",
        limits=(float(fit.limits[at, 0]), float(fit.limits[at, 1]))
        if frame.test == "profile"
        else None,
    )  # fmt: skip
    pooled = replace(pooled, q_kind="LRT", converged=fit.converged)
    if x.size < 2:
        return replace(pooled, q=0.0, q_pval=1.0)
    wald_q, lrt = (float(value) for value in homogeneity_tests(x, n))
    y, v = effect_sizes(x, n)
    het = heterogeneity(y, v, fit.tau2)
    return replace(
        pooled, q=lrt, q_wald=wald_q, q_pval=float(chdtrc(x.size - 1, lrt)), i2=float(het.i2),
        h2=float(het.h2),
    )  # fmt: skip


def _likelihood_ratio(
    x: FloatArray,
    n: FloatArray,
    frame: _Frame,
    fit: GLMMRegression | None,
    extreme: NDArray[np.bool_],
) -> SubgroupTest:
    """Twice the gain in log-likelihood of a mean a level over one mean for all.

    The likelihood of a level without events tends to 1 as its mean falls: its studies add 0.
    """
    null = fit_glmm_regression(x, n, np.ones((x.size, 1)), tau2_interval=False)
    gain = (fit.loglik if fit is not None else 0.0) - null.loglik
    stat, df = max(0.0, 2.0 * gain), extreme.size - 1
    notes: tuple[Fallback, ...] = ()
    if extreme.any():
        names = [name for name, flag in zip(frame.levels, extreme, strict=True) if flag]
        what = f"no events, or only events, in {', '.join(names)}: the limit of their likelihood"
        notes = (Fallback("level-at-limit", what),)
    return SubgroupTest(
        f"chi2({df})", frame.moderator, "common", stat, float(df), float("inf"),
        float(chdtrc(df, stat)), kind="likelihood ratio", fallbacks=notes,
    )  # fmt: skip
