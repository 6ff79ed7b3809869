"""Pool anybody's counts of one arm: effects and models composed, with every fallback named.

The functions of this module take plain sequences and return the frozen results of
:mod:`carmeta.domain.result`. Pipeline and command line call the same ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carmeta.domain.result import NAN, Back, Fallback, Pooled
from carmeta.effects import (
    PFT_WARNING,
    SINGLE_ARM_MEASURES,
    To,
    back_transform,
    check_counts,
    effect_sizes,
    harmonic_mean,
    study_name,
)
from carmeta.errors import DataError, EstimationError
from carmeta.pooling import glmm, inverse_variance
from carmeta.pooling.exact import StudyInterval, clopper_pearson, study_limits
from carmeta.pooling.heterogeneity import I2Method, heterogeneity
from carmeta.pooling.intervals import (
    beyond,
    check_level,
    critical,
    prediction_df,
    prediction_limits,
    two_sided_p,
)
from carmeta.vocabulary import Method, Model, PiMethod, SingleArmMeasure, Test

Floats = NDArray[np.float64]
SingleArmModel = Literal["IV", "GLMM", "BB", "BAYES"]

_DEFAULT_TEST: Final[dict[str, Test]] = {"IV": "adhoc", "GLMM": "t", "BB": "t", "BAYES": "z"}
_LIKELIHOOD_TESTS: Final = ("z", "t", "profile")
# Below this many studies a prediction interval rests on a guess of tau2 (Veroniki 2019).
_FEW_STUDIES: Final = 5


@dataclass(frozen=True, slots=True)
class Effects:
    """Effect sizes of k studies: arrays ``(k,)`` on the scale of ``measure``."""

    measure: str
    yi: Floats
    vi: Floats
    slab: tuple[str, ...]

    @property
    def sei(self) -> Floats:
        """Standard errors."""
        return np.sqrt(self.vi)


@dataclass(frozen=True, slots=True)
class _Task:
    """A checked analysis: what the models need to know."""

    x: Floats
    n: Floats
    measure: SingleArmMeasure
    model: Model
    method: Method
    test: Test
    pi_method: PiMethod
    i2_method: I2Method
    level: float
    slab: tuple[str, ...] | None
    add: float
    to: To
    seed: int

    @property
    def k(self) -> int:
        return int(self.x.size)


def effects(
    xi: ArrayLike,
    ni: ArrayLike,
    *,
    measure: SingleArmMeasure = "PLO",
    add: float = 0.5,
    to: To = "only0",
    slab: Sequence[str] | None = None,
) -> Effects:
    """Effect sizes and variances of single-arm counts.

    Args:
        xi: Events of each study; whole numbers in 0..ni.
        ni: Patients of each study; whole numbers of 1 or more.
        measure: PLO (logit), PLN (log), PR (raw), PAS (arcsine), PFT (double arcsine).
        add: Continuity correction of events and of non-events.
        to: Which studies get it: ``only0`` those with a zero cell, ``all``, ``if0all`` all
            of them if one has a zero cell, ``none``.
        slab: Study labels, used in messages.

    Raises:
        DataError: Counts that are not possible, named by study and value.

    >>> effects([3, 0], [10, 12]).yi.round(3).tolist()
    [-0.847, -3.219]
    """
    x, n = check_counts(xi, ni, slab)
    yi, vi = effect_sizes(x, n, measure=measure, add=add, to=to)
    names = slab if slab is not None else [study_name(i, None) for i in range(x.shape[-1])]
    return Effects(measure, yi, vi, tuple(names))


def study_intervals(
    xi: ArrayLike,
    ni: ArrayLike,
    *,
    level: float = 0.95,
    method: StudyInterval = "clopper-pearson",
    slab: Sequence[str] | None = None,
) -> tuple[Floats, Floats, Floats]:
    """Proportion of each study with its own limits, three arrays ``(k,)`` in 0..1.

    Raises:
        DataError: As :func:`effects`; an unknown method.
    """
    x, n = check_counts(xi, ni, slab)
    low, high = study_limits(x, n, level=level, method=method)
    return x / n, low, high


def pool(
    xi: ArrayLike,
    ni: ArrayLike,
    *,
    measure: SingleArmMeasure = "PLO",
    model: SingleArmModel = "IV",
    method: Method = "REML",
    test: Test | None = None,
    pi_method: PiMethod = "V",
    i2_method: I2Method = "tau2",
    level: float = 0.95,
    slab: Sequence[str] | None = None,
    add: float = 0.5,
    to: To = "only0",
    estimand: Literal["median", "marginal"] = "median",
    seed: int = 0,
) -> Pooled:
    """Pool proportions of one arm.

    Args:
        xi: Events of each study; whole numbers in 0..ni.
        ni: Patients of each study; whole numbers of 1 or more.
        measure: Scale of an inverse-variance model; the others are on PLO.
        model: ``IV`` inverse variance; ``GLMM`` binomial-normal by maximum likelihood;
            ``BB`` beta-binomial; ``BAYES`` binomial-normal on a grid.
        method: Estimator of tau2 (IV only): EE DL PM REML ML HE HS SJ EB.
        test: IV: z, t, knha, adhoc (the default); GLMM and BB: t (default), z, profile.
        pi_method: ``V`` t with k-1, ``HTS`` t with k-2, ``bootstrap`` (IV only).
        i2_method: I2 and H2 from ``tau2`` or from ``Q``.
        level: Level of every interval.
        slab: Study labels, used in messages.
        add: Continuity correction of inverse-variance models; see :func:`effects`.
        to: Which studies get the correction.
        estimand: ``marginal`` adds the mean over the population of studies (GLMM).
        seed: Of the bootstrap.

    Returns:
        A :class:`~carmeta.domain.result.Pooled`. One study alone, or no events (or only
        events) in any study, are answered by exact binomial limits, two studies are
        flagged; ``fallbacks`` says so each time.

    Raises:
        DataError: Counts or options that are not possible.
        EstimationError: The model has no finite maximum and no fallback applies.

    >>> result = pool([8, 15, 20], [20, 30, 25], model="GLMM")
    >>> round(result.back.estimate, 3)
    0.576
    """
    task = _task(
        xi, ni, measure, model, method, test, pi_method, i2_method, level, slab, add, to, seed
    )
    degenerate = _degenerate(task)
    if degenerate is not None:
        return degenerate
    if model == "GLMM":
        return _pool_glmm(task, estimand)
    return _pool_iv(task)


def probability_beyond(
    pooled: Pooled, threshold: float, *, direction: Literal["above", "below"] = "above"
) -> float:
    """Probability that a new study's proportion lies beyond ``threshold`` (0..1, exclusive).

    The predictive distribution is the one of the prediction interval: t with k-1 (V) or
    k-2 (HTS) degrees of freedom and variance ``tau2 + se^2``; V also where the interval was
    bootstrapped. NaN where the pool has no prediction interval.

    Raises:
        DataError: A threshold outside (0, 1), or an unknown direction.
    """
    if not 0.0 < threshold < 1.0:
        raise DataError(f"threshold {threshold!r} is not between 0 and 1")
    if direction not in ("above", "below"):
        raise DataError(f"direction {direction!r} is neither 'above' nor 'below'")
    if not np.isfinite(pooled.tau2) or not np.isfinite(pooled.se) or pooled.se <= 0:
        return NAN
    limit = _to_scale(threshold, pooled.measure, pooled.n_harmonic)
    method: PiMethod = "HTS" if pooled.pi_method == "HTS" else "V"
    df = prediction_df(pooled.k, method)
    above = float(beyond(pooled.estimate, pooled.se, pooled.tau2, df, limit))
    return above if direction == "above" else 1.0 - above


# -- checks -------------------------------------------------------------------------------


def _task(
    xi: ArrayLike,
    ni: ArrayLike,
    measure: SingleArmMeasure,
    model: Model,
    method: Method,
    test: Test | None,
    pi_method: PiMethod,
    i2_method: I2Method,
    level: float,
    slab: Sequence[str] | None,
    add: float,
    to: To,
    seed: int,
) -> _Task:
    x, n = check_counts(xi, ni, slab)
    if x.ndim != 1:
        raise DataError("pool takes one data set; batches go through carmeta.pooling.batch")
    _one_of("measure", measure, SINGLE_ARM_MEASURES)
    _one_of("model", model, tuple(_DEFAULT_TEST))
    _one_of("method", method, get_args(Method))
    _one_of("pi_method", pi_method, get_args(PiMethod))
    _one_of("i2_method", i2_method, get_args(I2Method))
    chosen = _DEFAULT_TEST[model] if test is None else test
    if model == "IV":
        inverse_variance.check_test(chosen)
    elif measure != "PLO":
        raise DataError(f"model {model} is on the logit scale: measure PLO, not {measure}")
    else:
        _one_of(f"test of {model}", chosen, _LIKELIHOOD_TESTS)
        if pi_method == "bootstrap":
            raise DataError(f"pi_method bootstrap is for IV, not {model}; use V or HTS")
    names = None if slab is None else tuple(str(name) for name in slab)
    return _Task(
        x, n, measure, model, method, chosen, pi_method, i2_method, check_level(level),
        names, add, to, seed,
    )


def _one_of(what: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise DataError(f"unknown {what} {value!r}; one of {', '.join(allowed)}")


# -- degenerate data ------------------------------------------------------------------------


def _degenerate(task: _Task) -> Pooled | None:
    """Exact answers where no random-effects model can be fitted."""
    if task.k == 1:
        name = study_name(0, task.slab)
        text = f"{name} alone: its exact Clopper-Pearson interval, nothing is pooled"
        return _exact(task, Fallback("single-study", text))
    zero, full = bool((task.x == 0).all()), bool((task.x == task.n).all())
    if zero or full:
        what = "no events" if zero else "events in every patient"
        text = (
            f"{what} in any of {task.k} studies: pooled exact Clopper-Pearson interval, "
            "which assumes homogeneity"
        )
        return _exact(task, Fallback("all-zero" if zero else "all-events", text))
    return None


def _exact(task: _Task, fallback: Fallback) -> Pooled:
    """The sum of the counts with exact limits; tau2 and prediction do not exist."""
    events, total = float(task.x.sum()), float(task.n.sum())
    low, high = (float(v) for v in clopper_pearson(events, total, level=task.level))
    p = events / total
    mean = total if task.k == 1 else harmonic_mean(task.n)
    estimate, ci_lb, ci_ub = (_to_scale(v, task.measure, mean) for v in (p, low, high))
    return Pooled(
        k=task.k, measure=task.measure, model=task.model, method="exact", test="exact",
        pi_method=task.pi_method, i2_method=task.i2_method, level=task.level,
        estimate=estimate, se=NAN, stat=NAN, df=NAN, p=NAN, ci_lb=ci_lb, ci_ub=ci_ub,
        pi_lb=NAN, pi_ub=NAN, tau2=NAN, tau2_ci_lb=NAN, tau2_ci_ub=NAN, tau2_ci_method="none",
        i2=NAN, h2=NAN, q=NAN, q_df=task.k - 1, q_pval=NAN,
        back=Back(p, low, high), weights=(1.0,) if task.k == 1 else (),
        fallbacks=(fallback,), n_harmonic=mean,
    )  # fmt: skip


def _to_scale(p: float, measure: str, n: float) -> float:
    """A proportion on the analysis scale; infinite where the scale is unbounded there."""
    if measure == "PLO":
        if 0.0 < p < 1.0:
            return float(np.log(p) - np.log1p(-p))
        return float("-inf") if p <= 0.0 else float("inf")
    if measure == "PLN":
        return float(np.log(p)) if p > 0.0 else float("-inf")
    if measure == "PR":
        return p
    if measure == "PAS":
        return float(np.arcsin(np.sqrt(p)))
    first, second = np.sqrt(p * n / (n + 1.0)), np.sqrt((p * n + 1.0) / (n + 1.0))
    return float(0.5 * (np.arcsin(first) + np.arcsin(second)))


# -- models -----------------------------------------------------------------------------------


def _pool_iv(task: _Task) -> Pooled:
    """Inverse variance on the measure's scale."""
    yi, vi = effect_sizes(task.x, task.n, measure=task.measure, add=task.add, to=task.to)
    fit = inverse_variance.fit_one(
        yi, vi, method=task.method, test=task.test, level=task.level,
        pi_method=task.pi_method, i2_method=task.i2_method, seed=task.seed,
    )  # fmt: skip
    if not bool(fit.converged):
        raise EstimationError(f"tau2 by {task.method} did not converge")
    het = fit.heterogeneity
    mean = harmonic_mean(task.n)
    raw = [float(v) for v in (fit.estimate, fit.ci_lb, fit.ci_ub, fit.pi_lb, fit.pi_ub)]
    back = back_transform(raw, measure=task.measure, ni=[mean])
    equal = task.method == "EE"
    return Pooled(
        k=task.k, measure=task.measure, model="IV", method=task.method, test=task.test,
        pi_method=task.pi_method, i2_method="Q" if equal else task.i2_method,
        level=task.level, estimate=raw[0], se=float(fit.se), stat=float(fit.stat),
        df=float(fit.df), p=float(fit.p), ci_lb=raw[1], ci_ub=raw[2], pi_lb=raw[3],
        pi_ub=raw[4], tau2=float(fit.tau2), tau2_ci_lb=float(fit.tau2_ci_lb),
        tau2_ci_ub=float(fit.tau2_ci_ub), tau2_ci_method="none" if equal else "QP",
        i2=float(het.i2), h2=float(het.h2), q=float(het.q), q_df=int(het.q_df),
        q_pval=float(het.q_pval), back=Back(*(float(v) for v in back)),
        loglik=float(fit.loglik), weights=tuple(float(w) for w in fit.weights),
        weights_kind="inverse-variance", fallbacks=_flags(task),
        cautions=_cautions(task, raw), n_harmonic=mean,
    )  # fmt: skip


def _pool_glmm(task: _Task, estimand: str) -> Pooled:
    """Binomial-normal model; where it has no finite maximum, inverse variance by name."""
    fit = glmm.fit_glmm(task.x, task.n)
    status = int(fit.status)
    if status in (glmm.SEPARATED, glmm.FAILED):
        return _instead_of_glmm(task, status)
    mu, se, tau2 = float(fit.estimate), float(fit.se), float(fit.tau2)
    df = float("inf") if task.test in ("z", "profile") else float(task.k - 1)
    stat = mu / se
    cautions: list[Fallback] = []
    if task.test == "profile":
        low, high = (
            float(v) for v in glmm.profile_limits(task.x, task.n, fit, of="mu", level=task.level)
        )
        stat = glmm.profile_root(task.x, task.n, fit)
    else:
        half = float(critical(task.level, df)) * se
        low, high = mu - half, mu + half
    pi_df = prediction_df(task.k, task.pi_method)
    pi = [float(v) for v in prediction_limits(mu, se, tau2, pi_df, task.level)]
    t_low, t_high = glmm.profile_limits(task.x, task.n, fit, of="tau2", level=task.level)
    wald, lrt = (float(v) for v in glmm.homogeneity_tests(task.x, task.n))
    yi, vi = effect_sizes(task.x, task.n)
    het = heterogeneity(yi, vi, tau2, i2_method="tau2")
    i2, h2 = float(het.i2), float(het.h2)
    if task.i2_method == "Q":
        i2, h2 = 100.0 * max(0.0, 1.0 - (task.k - 1) / max(lrt, 1e-300)), lrt / (task.k - 1)
    raw = [mu, low, high, *pi]
    return Pooled(
        k=task.k, measure="PLO", model="GLMM", method="ML", test=task.test,
        pi_method=task.pi_method, i2_method=task.i2_method, level=task.level,
        estimate=mu, se=se, stat=stat, df=df, p=float(two_sided_p(stat, df)),
        ci_lb=low, ci_ub=high, pi_lb=pi[0], pi_ub=pi[1], tau2=tau2,
        tau2_ci_lb=float(t_low), tau2_ci_ub=float(t_high), tau2_ci_method="PL",
        i2=i2, h2=h2, q=lrt, q_df=task.k - 1, q_pval=_chi2_p(lrt, task.k - 1),
        back=Back(*(float(v) for v in back_transform(raw))), loglik=float(fit.loglik),
        weights=tuple(float(w) for w in fit.shares), weights_kind="information-share",
        fallbacks=_flags(task), cautions=(*cautions, *_cautions(task, raw)),
        q_kind="LRT", q_wald=wald,
        marginal=_marginal(fit, task, df) if estimand == "marginal" else None,
    )  # fmt: skip


def _marginal(fit: glmm.GlmmFit, task: _Task, df: float) -> Back:
    mean, low, high = glmm.marginal_interval(fit, float(critical(task.level, df)))
    return Back(float(mean), float(low), float(high))


def _chi2_p(q: float, df: int) -> float:
    from scipy.special import chdtrc

    return float(chdtrc(df, q))


def _instead_of_glmm(task: _Task, status: int) -> Pooled:
    """What is done where the binomial-normal likelihood has no maximum to report."""
    if bool((task.n == 1).all()):
        text = (
            "every study has one patient, which says nothing of tau2: pooled exact "
            "Clopper-Pearson interval, which assumes homogeneity"
        )
        return _exact(task, Fallback("one-patient-studies", text))
    code, why = (
        ("separated", "every study is 0/n or n/n, so that the likelihood grows without end in tau2")
        if status == glmm.SEPARATED
        else ("no-convergence", "the likelihood of the binomial-normal model was not maximised")
    )
    fallback = Fallback(
        code, f"{why}: inverse variance on the logit (REML, adhoc) with 0.5 added instead"
    )
    other = _pool_iv(replace(task, model="IV", method="REML", test="adhoc", add=0.5, to="only0"))
    return replace(other, fallbacks=(fallback, *other.fallbacks))


def _flags(task: _Task) -> tuple[Fallback, ...]:
    if task.k != 2:
        return ()
    text = "two studies: their results should be read singly, the pool is uncertain"
    return (Fallback("two-studies", text),)


def _cautions(task: _Task, raw: list[float]) -> tuple[Fallback, ...]:
    """Things that a reader of a result should know, in the order estimate, limits, prediction."""
    found = []
    if task.measure == "PFT":
        found.append(Fallback("pft-back-transform", PFT_WARNING))
    if task.k < _FEW_STUDIES:
        text = f"a prediction interval from {task.k} studies is a rough guide"
        found.append(Fallback("few-studies", text))
    if np.isnan(raw[3]):
        text = f"no prediction interval: {task.pi_method} needs more than {task.k} studies"
        found.append(Fallback("no-prediction-interval", text))
    if task.measure in ("PR", "PLN", "PAS"):
        top = {"PR": 1.0, "PLN": 0.0, "PAS": np.pi / 2.0}[task.measure]
        bottom = -np.inf if task.measure == "PLN" else 0.0
        if any(v < bottom or v > top for v in raw):
            text = f"a limit on the {task.measure} scale lay outside 0 to 1 and was cut there"
            found.append(Fallback("limits-cut", text))
    return tuple(found)
