"""Two-arm counts and regression: effects and pooling composed, for anybody's counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carmeta.domain.result import NAN, Back, Fallback, Pooled
from carmeta.errors import ConfigError, DataError, EstimationError
from carmeta.pooling.heterogeneity import heterogeneity
from carmeta.pooling.intervals import critical, prediction_df, prediction_limits, two_sided_p
from carmeta.pooling.inverse_variance import fit_batch
from carmeta.pooling.two_arm import (
    FixedPool,
    fixed_heterogeneity,
    mantel_haenszel,
    peto,
    peto_effects,
)
from carmeta.pooling.two_arm_effects import (
    TWO_ARM_MEASURES,
    TwoArmCounts,
    TwoArmEffects,
    ZeroRule,
    apply_zero_rule,
    back_transform,
    study_names,
    two_arm_effects,
    validate_counts,
)
from carmeta.pooling.two_arm_glmm import TwoArmForm, TwoArmGLMM, fit_two_arm_glmm
from carmeta.vocabulary import METHOD_LABELS, Method, PiMethod, Test, TwoArmMeasure

FloatArray = NDArray[np.float64]
TwoArmModel = Literal["IV", "MH", "PETO", "GLMM"]
_MODELS: Final = ("IV", "MH", "PETO", "GLMM")
# Below this many studies a prediction interval rests on a guess of tau2 (Veroniki 2019).
FEW_STUDIES: Final = 5
TWO_STUDIES: Final = Fallback(
    "two-studies", "two studies: their results should be read singly, the pool is uncertain"
)
_TESTS: Final = ("z", "t", "knha", "adhoc", "profile")


@dataclass(frozen=True, slots=True)
class _Request:
    """What was asked for, validated."""

    measure: TwoArmMeasure
    model: TwoArmModel
    method: Method
    test: Test
    pi_method: PiMethod
    i2_method: Literal["tau2", "Q"]
    add: float
    to: ZeroRule
    drop00: bool
    form: TwoArmForm
    level: float
    seed: int


def pool_two_arm(
    ai: ArrayLike,
    n1i: ArrayLike,
    ci: ArrayLike,
    n2i: ArrayLike,
    *,
    measure: TwoArmMeasure = "OR",
    model: TwoArmModel = "IV",
    method: Method = "REML",
    test: Test = "adhoc",
    pi_method: PiMethod = "V",
    i2_method: Literal["tau2", "Q"] = "tau2",
    add: float = 0.5,
    to: ZeroRule = "only0",
    drop00: bool | None = None,
    form: TwoArmForm = "UM.RS",
    level: float = 0.95,
    seed: int = 0,
    slab: Sequence[str] | None = None,
) -> Pooled:
    """Pool ``ai`` events of ``n1i`` against ``ci`` of ``n2i``, one entry a study.

    Args:
        ai: Events in the treatment arm; whole numbers, as all counts. ``n1i`` its patients.
        n1i: Patients in the treatment arm, at least 1.
        ci: Events in the control arm.
        n2i: Patients in the control arm, at least 1.
        measure: ``OR``, ``RR`` (both analysed as logarithms) or ``RD``.
        model: ``IV`` (inverse variance, random effects by ``method``), ``MH``
            (Mantel-Haenszel), ``PETO`` (OR only) or ``GLMM`` (binomial-normal, OR only).
        method: Estimator of tau2 for ``IV``; the GLMM is fitted by maximum likelihood.
        test: ``z``, ``t``, ``knha`` or ``adhoc`` for ``IV``. ``MH`` and ``PETO`` are always
            tested by ``z``; the GLMM by ``z``, with limits from the ``profile`` likelihood,
            or else by ``t`` with k - 1, whatever is asked; ``test`` of the result says so.
        pi_method: ``V`` (t with k - 1), ``HTS`` (t with k - 2), or for IV ``bootstrap``.
        i2_method: I2 from ``tau2`` or from ``Q``; ``MH`` and ``PETO`` have only ``Q``.
        add: What the zero-cell rule adds to each cell.
        to: ``only0``, ``all``, ``if0all`` or ``none``. Changes the effects of the studies;
            Mantel-Haenszel and Peto pool the counts as they are and use it for Q alone.
        drop00: Leave out studies without events, or with only events, in both arms. By
            default the GLMM does and ``IV`` does not; MH and PETO give them no weight in
            ratios and leave them out of Q.
        form: Of the GLMM: ``UM.RS`` random or ``UM.FS`` fixed study intercepts.
        level: Of every interval, in (0, 1).
        seed: Of the bootstrap prediction interval.
        slab: Labels of the studies, for messages.

    Returns:
        :class:`carmeta.domain.result.Pooled`. One study alone is answered by its own effect
        with a Wald interval. A model of one common effect (MH, PETO,
        EE) has no interval for tau2, MH and PETO no prediction interval: these are NaN.
        Everything done otherwise than asked is in ``fallbacks``.

    Raises:
        DataError: A count that is not possible, with its study and value.
        ConfigError: An option that does not exist or does not go with the model.
        EstimationError: No study carries information on the measure, or no convergence.
    """
    counts = validate_counts(ai, n1i, ci, n2i, slab)
    if counts.ai.ndim != 1:
        raise DataError("counts must be one list of studies")
    ask = _Request(
        measure, model, method, test, pi_method, i2_method, add, to,
        model == "GLMM" if drop00 is None else drop00, form, level, seed,
    )  # fmt: skip
    _check_request(ask)
    names = study_names(slab, counts.ai.shape[0])
    _require_information(counts, ask)
    if model == "PETO" or (model == "MH" and counts.ai.shape[0] > 1):
        return _pool_fixed(counts, ask, names)
    if counts.ai.shape[0] == 1:
        return _single_study(counts, ask, names)
    if model == "GLMM":
        return _pool_glmm(counts, ask, names)
    return _pool_iv(counts, ask, names)


def _require_information(counts: TwoArmCounts, ask: _Request) -> None:
    """Refuse a ratio of nothing to nothing, which a zero-cell rule would make up."""
    none = bool((counts.ai + counts.ci == 0.0).all())
    full = bool((counts.bi + counts.di == 0.0).all())
    if (none and ask.measure != "RD") or (full and ask.measure == "OR"):
        what = "no events" if none else "only events"
        raise EstimationError(
            f"{what} in both arms of every study: they say nothing of the {ask.measure}",
            hint="the risk difference (RD) can be pooled",
        )


def _check_request(ask: _Request) -> None:
    for value, allowed, name in (
        (ask.measure, TWO_ARM_MEASURES, "measure"),
        (ask.model, _MODELS, "model"),
        (ask.method, tuple(METHOD_LABELS), "method"),
        (ask.test, _TESTS, "test"),
        (ask.pi_method, ("V", "HTS", "bootstrap"), "pi_method"),
        (ask.i2_method, ("tau2", "Q"), "i2_method"),
    ):
        if value not in allowed:
            raise ConfigError(f"{name} = {value!r} is not one of {', '.join(allowed)}")
    if not 0.0 < ask.level < 1.0:
        raise ConfigError(f"level = {ask.level!r} is not between 0 and 1")
    if ask.model in ("PETO", "GLMM") and ask.measure != "OR":
        raise ConfigError(f"model {ask.model} pools odds ratios only, not {ask.measure}")
    if ask.test == "profile" and ask.model != "GLMM":
        raise ConfigError("test = 'profile' belongs to model GLMM")
    if ask.model == "GLMM" and ask.pi_method == "bootstrap":
        raise ConfigError("pi_method = 'bootstrap' belongs to model IV")


@dataclass(slots=True)
class _Notes:
    """What was done otherwise than asked, and what a reader should know."""

    fallbacks: list[Fallback] = field(default_factory=list)
    cautions: list[Fallback] = field(default_factory=list)

    def put_on(self, pooled: Pooled) -> Pooled:
        limits = (pooled.ci_lb, pooled.ci_ub, pooled.pi_lb, pooled.pi_ub)
        cut: tuple[Fallback, ...] = ()
        if pooled.measure == "RD" and any(abs(limit) > 1.0 for limit in limits):
            text = "a limit of the risk difference lay outside -1 to 1 and was cut there"
            cut = (Fallback("limits-cut", text),)
        return replace(
            pooled,
            fallbacks=(*pooled.fallbacks, *self.fallbacks),
            cautions=(*pooled.cautions, *self.cautions, *cut),
        )


def _effects(
    counts: TwoArmCounts, ask: _Request, names: tuple[str, ...]
) -> tuple[TwoArmEffects, _Notes]:
    """Effects of all studies, and what the zero-cell rule did to whom."""
    effects = two_arm_effects(
        counts, measure=ask.measure, add=ask.add, to=ask.to, drop00=ask.drop00
    )
    notes = _Notes()
    present = np.isfinite(effects.yi)
    changed = [name for name, hit in zip(names, effects.corrected & present, strict=True) if hit]
    if changed:
        notes.cautions.append(
            Fallback(
                "continuity-correction",
                f"{ask.add:g} added to each cell ({ask.to}) of {', '.join(changed)}",
            )
        )
    gone = [name for name, there in zip(names, present, strict=True) if not there]
    if gone:
        notes.fallbacks.append(
            Fallback("study-dropped", f"no {ask.measure} exists for {', '.join(gone)}")
        )
    if not present.any():
        raise EstimationError(
            f"no study has an estimable {ask.measure}", hint="use the zero-cell rule only0"
        )
    return effects, notes


def _pooled(ask: _Request, *, k: int, estimate: float, se: float, df: float, test: str,
            method: str) -> Pooled:  # fmt: skip
    """Estimate, test and confidence interval; heterogeneity is for the caller to add."""
    stat = estimate / se
    half = float(critical(ask.level, df)) * se
    lower, upper = estimate - half, estimate + half
    return Pooled(
        k=k, measure=ask.measure, model=ask.model, method=method, test=test,
        pi_method=ask.pi_method, i2_method=ask.i2_method, level=ask.level,
        estimate=estimate, se=se, stat=stat, df=df, p=float(two_sided_p(stat, df)),
        ci_lb=lower, ci_ub=upper, pi_lb=NAN, pi_ub=NAN,
        tau2=NAN, tau2_ci_lb=NAN, tau2_ci_ub=NAN, tau2_ci_method="none",
        i2=NAN, h2=NAN, q=0.0, q_df=0, q_pval=1.0,
        back=Back(
            back_transform(estimate, ask.measure),
            back_transform(lower, ask.measure),
            back_transform(upper, ask.measure),
        ),
    )  # fmt: skip


def _flag(notes: _Notes, ask: _Request, k: int, *, no_prediction: bool) -> None:
    """What few studies mean for the pool and its prediction interval."""
    if k == 2:
        notes.fallbacks.append(TWO_STUDIES)
    if k < FEW_STUDIES and not no_prediction:
        text = f"a prediction interval from {k} studies is a rough guide"
        notes.cautions.append(Fallback("few-studies", text))
    if no_prediction:
        text = f"no prediction interval: {ask.pi_method} needs more than {k} studies"
        notes.cautions.append(Fallback("no-prediction-interval", text))


def _with_prediction(pooled: Pooled, ask: _Request) -> Pooled:
    """Add the prediction interval of a random-effects pool."""
    df = prediction_df(pooled.k, ask.pi_method)
    lower, upper = (
        float(limit)
        for limit in prediction_limits(pooled.estimate, pooled.se, pooled.tau2, df, ask.level)
    )
    if np.isnan(lower):
        return pooled
    back = replace(
        pooled.back,
        pi_lb=back_transform(lower, ask.measure),
        pi_ub=back_transform(upper, ask.measure),
    )
    return replace(pooled, pi_lb=lower, pi_ub=upper, back=back)


def _single_study(counts: TwoArmCounts, ask: _Request, names: tuple[str, ...]) -> Pooled:
    """The study's own effect with its Wald interval on the analysis scale."""
    effects, notes = _effects(counts, replace(ask, drop00=False), names)
    pooled = _pooled(
        ask, k=1, estimate=float(effects.yi[0]), se=float(np.sqrt(effects.vi[0])),
        df=float("inf"), test="z", method="",
    )  # fmt: skip
    single = _single(names[0], ask.measure)
    return notes.put_on(replace(pooled, weights=(1.0,), fallbacks=(single,)))


def _single(name: str, measure: str) -> Fallback:
    return Fallback(
        "single-study", f"{name} alone: its own {measure} with a Wald interval, nothing pooled"
    )


def _pool_iv(counts: TwoArmCounts, ask: _Request, names: tuple[str, ...]) -> Pooled:
    effects, notes = _effects(counts, ask, names)
    keep = np.isfinite(effects.yi)
    if keep.sum() == 1:
        at = int(np.flatnonzero(keep)[0])
        one = TwoArmCounts(*(a[[at]] for a in (counts.ai, counts.n1i, counts.ci, counts.n2i)))
        pooled = _single_study(one, ask, (names[at],))
        only = tuple(float(flag) for flag in keep)
        return replace(pooled, weights=only, fallbacks=(*pooled.fallbacks, *notes.fallbacks))
    yi, vi = effects.yi[keep], effects.vi[keep]
    fit = fit_batch(
        yi, vi, method=ask.method, test=ask.test, level=ask.level, pi_method=ask.pi_method,
        i2_method=ask.i2_method, with_tau2_ci=True, seed=ask.seed,
    )  # fmt: skip
    shares = np.zeros(keep.size)
    shares[keep] = fit.weights
    het = fit.heterogeneity
    limits = [float(x) for x in (fit.ci_lb, fit.ci_ub, fit.pi_lb, fit.pi_ub)]
    _flag(notes, ask, yi.size, no_prediction=bool(np.isnan(limits[2])))
    if fit.se == 0.0:
        notes.cautions.append(
            Fallback("zero-se", "the studies agree exactly: knha gives an interval of no width")
        )
    if not bool(fit.converged):
        raise EstimationError(f"tau2 by {ask.method} did not converge")
    back = [back_transform(x, ask.measure) for x in (float(fit.estimate), *limits)]
    pooled = Pooled(
        k=yi.size, measure=ask.measure, model="IV", method=ask.method, test=ask.test,
        pi_method=ask.pi_method, i2_method="Q" if ask.method == "EE" else ask.i2_method,
        level=ask.level, estimate=float(fit.estimate), se=float(fit.se), stat=float(fit.stat),
        df=float(fit.df), p=float(fit.p),
        ci_lb=limits[0], ci_ub=limits[1], pi_lb=limits[2], pi_ub=limits[3],
        tau2=float(fit.tau2), tau2_ci_lb=float(fit.tau2_ci_lb),
        tau2_ci_ub=float(fit.tau2_ci_ub),
        tau2_ci_method="none" if ask.method == "EE" else "QP",
        i2=float(het.i2), h2=float(het.h2), q=float(het.q), q_df=int(het.q_df),
        q_pval=float(het.q_pval), back=Back(*back), loglik=float(fit.loglik),
        converged=bool(fit.converged), weights=tuple(float(w) for w in shares),
        weights_kind="inverse-variance",
    )  # fmt: skip
    return notes.put_on(pooled)


def _fixed(counts: TwoArmCounts, ask: _Request) -> FixedPool:
    return peto(counts) if ask.model == "PETO" else mantel_haenszel(counts, measure=ask.measure)


def _pool_fixed(counts: TwoArmCounts, ask: _Request, names: tuple[str, ...]) -> Pooled:
    """Mantel-Haenszel or Peto, with a corrected refit where an arm of all studies is empty."""
    notes = _Notes()
    pool = _fixed(counts, ask)
    if not np.isfinite(pool.estimate):
        corrected, changed = apply_zero_rule(counts, ask.add, ask.to)
        if ask.model == "MH" and changed.any():
            pool = _fixed(corrected, ask)
        if not np.isfinite(pool.estimate):
            raise EstimationError(
                f"the {ask.model} {ask.measure} of these counts does not exist",
                hint="an arm has no events, or only events, in all studies together",
            )
        notes.fallbacks.append(
            Fallback(
                "zero-margin",
                f"an arm has an empty cell in all studies together: {ask.add:g} added to each "
                f"cell ({ask.to}) of "
                + ", ".join(n for n, hit in zip(names, changed, strict=True) if hit),
            )
        )
    if ask.model == "PETO":
        effects = peto_effects(counts)
    else:
        effects = two_arm_effects(counts, measure=ask.measure, add=ask.add, to=ask.to, drop00=True)
    rest = fixed_heterogeneity(effects, np.asarray(pool.estimate))
    pooled = _pooled(
        ask, k=counts.ai.size, estimate=float(pool.estimate), se=float(pool.se),
        df=float("inf"), test="z", method="EE",
    )  # fmt: skip
    if counts.ai.size == 1:
        notes.fallbacks.append(_single(names[0], "Peto odds ratio"))
    if counts.ai.size == 2:
        notes.fallbacks.append(TWO_STUDIES)
    if rest.df == 0 and counts.ai.size > 1:
        text = "fewer than two studies have an effect of their own: no test of heterogeneity"
        notes.cautions.append(Fallback("no-heterogeneity-test", text))
    pooled = replace(
        pooled,
        i2_method="Q", tau2=0.0, i2=float(rest.i2), h2=float(rest.h2),
        q=float(rest.q), q_df=int(rest.df), q_pval=float(rest.p),
        weights=tuple(float(w) for w in pool.weights),
        weights_kind="mantel-haenszel" if ask.model == "MH" else "inverse-variance",
    )  # fmt: skip
    return notes.put_on(pooled)


def _pool_glmm(counts: TwoArmCounts, ask: _Request, names: tuple[str, ...]) -> Pooled:
    notes = _Notes()
    keep = ~counts.uninformative if ask.drop00 else np.ones(counts.ai.size, dtype=bool)
    if not keep.all():
        gone = ", ".join(name for name, kept in zip(names, keep, strict=True) if not kept)
        notes.fallbacks.append(
            Fallback("study-dropped", f"no event, or only events, in both arms of {gone}")
        )
    if not keep.any():
        raise EstimationError("no study carries information on the odds ratio")
    used = TwoArmCounts(*(a[keep] for a in (counts.ai, counts.n1i, counts.ci, counts.n2i)))
    if keep.sum() == 1:
        only = names[int(np.flatnonzero(keep)[0])]
        one = notes.put_on(_single_study(used, ask, (only,)))
        return replace(one, weights=tuple(float(flag) for flag in keep))
    fit = fit_two_arm_glmm(used, form=ask.form, level=ask.level, profile=ask.test == "profile")
    k = int(keep.sum())
    test: Test = ask.test if ask.test in ("z", "profile") else "t"
    df = float(k - 1) if test == "t" else float("inf")
    pooled = _pooled(ask, k=k, estimate=fit.estimate, se=fit.se, df=df, test=test, method="ML")
    if test == "profile":
        pooled = _with_limits(pooled, ask, *fit.limits)
    i2, h2 = _glmm_i2(used, fit, ask)
    pooled = replace(
        pooled,
        tau2=fit.tau2, tau2_ci_lb=fit.tau2_ci[0], tau2_ci_ub=fit.tau2_ci[1],
        tau2_ci_method="PL", i2=i2, h2=h2, q_kind="LRT",
        q=fit.q, q_df=fit.q_df, q_pval=fit.q_pval, loglik=fit.loglik,
        converged=fit.converged,
    )  # fmt: skip
    pooled = _with_prediction(pooled, ask)
    _flag(notes, ask, k, no_prediction=bool(np.isnan(pooled.pi_lb)))
    return notes.put_on(pooled)


def _with_limits(pooled: Pooled, ask: _Request, lower: float, upper: float) -> Pooled:
    back = replace(
        pooled.back,
        ci_lb=back_transform(lower, ask.measure),
        ci_ub=back_transform(upper, ask.measure),
    )
    return replace(pooled, ci_lb=lower, ci_ub=upper, back=back)


def _glmm_i2(counts: TwoArmCounts, fit: TwoArmGLMM, ask: _Request) -> tuple[float, float]:
    """I2 and H2: from tau2 and the studies' own variances, or from the deviance."""
    if ask.i2_method == "Q":
        share = max(0.0, 100.0 * (fit.q - fit.q_df) / fit.q) if fit.q > 0 else 0.0
        return share, fit.q / fit.q_df if fit.q_df else NAN
    effects = two_arm_effects(counts, measure="OR", add=0.5, to="only0")
    rest = heterogeneity(effects.yi, effects.vi, fit.tau2)
    return float(rest.i2), float(rest.h2)
