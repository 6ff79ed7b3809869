"""Two-arm counts and a request to a ``Pooled``: effects and pooling composed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Unpack

import numpy as np
from numpy.typing import ArrayLike

from carmeta.api.assemble import assemble, back_of, likelihood_ratio, predicted, wald
from carmeta.api.single_arm import correction_words, inverse_variance_pool
from carmeta.arrays import Bools
from carmeta.domain.counts import study_names
from carmeta.domain.measures import TWO_ARM
from carmeta.domain.request import Options, Request, request
from carmeta.domain.result import NAN, Back, Between, Fallback, Heterogeneity, Pooled
from carmeta.errors import DataError, EstimationError
from carmeta.pooling.heterogeneity import heterogeneity
from carmeta.pooling.two_arm import (
    fixed_heterogeneity,
    mantel_haenszel,
    peto,
    peto_effects,
)
from carmeta.pooling.two_arm_effects import (
    TwoArmCounts,
    TwoArmEffects,
    apply_zero_rule,
    two_arm_effects,
    validate_counts,
)
from carmeta.pooling.two_arm_glmm import fit_two_arm_glmm


@dataclass(frozen=True, slots=True)
class Arms:
    """Checked counts of k studies and what messages call them."""

    counts: TwoArmCounts
    names: tuple[str, ...]

    @property
    def k(self) -> int:
        return len(self.names)

    def of(self, keep: Bools) -> Arms:
        """Some of the studies."""
        return Arms(self.counts.of(keep), tuple(self.named(keep)))

    def named(self, which: Bools) -> list[str]:
        """The names of some of the studies."""
        return [name for name, hit in zip(self.names, which, strict=True) if hit]


def check_arms(
    ai: ArrayLike, n1i: ArrayLike, ci: ArrayLike, n2i: ArrayLike, slab: Sequence[str] | None
) -> Arms:
    """Counts of one data set; raises DataError as :func:`pool_two_arm`."""
    counts = validate_counts(ai, n1i, ci, n2i, slab)
    if counts.ai.ndim != 1:
        raise DataError("counts must be one list of studies")
    return Arms(counts, study_names(slab, counts.ai.size))


def pool_two_arm(
    ai: ArrayLike,
    n1i: ArrayLike,
    ci: ArrayLike,
    n2i: ArrayLike,
    *,
    slab: Sequence[str] | None = None,
    **options: Unpack[Options],
) -> Pooled:
    """Pool ``ai`` events of ``n1i`` against ``ci`` of ``n2i``, one entry a study.

    Args:
        ai: Events in the treatment arm; whole numbers, as all counts.
        n1i: Patients in the treatment arm, at least 1.
        ci: Events in the control arm.
        n2i: Patients in the control arm, at least 1.
        slab: Labels of the studies, for messages.
        options: As :class:`carmeta.domain.request.Options` says. ``add`` and ``to`` change
            the effects of the studies; Mantel-Haenszel pools the counts as they are and uses
            them for Q alone. MH and PETO are tested by z.

    Returns:
        :class:`carmeta.domain.result.Pooled`. One study alone is answered by its own effect
        with a Wald interval. A model of one common effect (MH, PETO, EE) has no interval for
        tau2, MH and PETO no prediction interval: these are NaN. A study that was dropped has
        weight 0. Everything done otherwise than asked is in ``fallbacks``.

    Raises:
        DataError: A count that is not possible, with its study and value.
        ConfigError: An option that does not exist or does not go with the model.
        EstimationError: No study carries information on the measure, or no convergence.
    """
    return fit_arms(check_arms(ai, n1i, ci, n2i, slab), request("two arms", options))


def study_effects(
    ai: ArrayLike,
    n1i: ArrayLike,
    ci: ArrayLike,
    n2i: ArrayLike,
    *,
    slab: Sequence[str] | None = None,
    **options: Unpack[Options],
) -> tuple[Back | None, ...]:
    """Each study's own effect as it enters the pool of these options, with a Wald interval.

    None where the study is dropped or its effect does not exist. Arguments and errors as
    :func:`pool_two_arm`.
    """
    return effects_of(check_arms(ai, n1i, ci, n2i, slab), request("two arms", options))


def effects_of(arms: Arms, ask: Request) -> tuple[Back | None, ...]:
    """:func:`study_effects` of checked counts."""
    found = _effects(arms.counts, ask)
    rows = []
    for y, v in zip(found.yi, found.vi, strict=True):
        mean = wald(float(y), float(np.sqrt(v)), float("inf"), ask.level)
        back = back_of((mean.estimate, mean.ci_lb, mean.ci_ub), ask.measure)
        rows.append(back if np.isfinite(y) else None)
    return tuple(rows)


def fit_arms(arms: Arms, ask: Request) -> Pooled:
    """Pool as asked, without the studies that say nothing of the measure."""
    _require_information(arms, ask)
    keep = ~_silent(arms, ask)
    told: tuple[Fallback, ...] = ()
    if not keep.all():
        gone = ", ".join(arms.named(~keep))
        both = ask.drop00 or TWO_ARM[ask.measure].silent == ("no", "only")
        what = "no event, or only events," if both else "no event"
        text = f"{what} in both arms of {gone}: left out, the {ask.measure} learns nothing there"
        told = (Fallback("study-dropped", text),)
    pooled = _some(arms.of(keep), ask)
    return replace(_spread(pooled, keep), fallbacks=(*told, *pooled.fallbacks))


def _silent(arms: Arms, ask: Request) -> Bools:
    """Who is dropped; a study alone is not, and has its own effect."""
    if arms.k == 1:
        return np.zeros(1, dtype=bool)
    return arms.counts.silent(ask.measure, ask.drop00)


def _spread(pooled: Pooled, keep: Bools) -> Pooled:
    """Weights of all studies, 0 for those that were left out, and which these are."""
    if keep.all():
        return pooled
    places = np.flatnonzero(keep)
    out = {*np.flatnonzero(~keep).tolist(), *places[list(pooled.dropped)].tolist()}
    pooled = pooled.but(dropped=tuple(sorted(out)))
    if not pooled.weights:
        return pooled
    shares = np.zeros(keep.size)
    shares[keep] = pooled.weights
    return pooled.but(weights=tuple(float(share) for share in shares))


def _some(arms: Arms, ask: Request) -> Pooled:
    if ask.model == "PETO" or (ask.model == "MH" and arms.k > 1):
        return _fixed(arms, ask)
    if arms.k == 1:
        return _single_study(arms, ask)
    return _FITS[ask.model](arms, ask)


def _require_information(arms: Arms, ask: Request) -> None:
    """Refuse a ratio of nothing to nothing, which a zero-cell rule would make up."""
    counts = arms.counts
    none, full = bool(counts.without_events.all()), bool(counts.only_events.all())
    what = "no events" if none else "only events" if full else "no events, or only events,"
    silent = (none and ask.measure != "RD") or (full and ask.measure == "OR")
    if silent or bool(_silent(arms, ask).all()):
        raise EstimationError(
            f"{what} in both arms of every study: they say nothing of the {ask.measure}",
            hint="the risk difference (RD) can be pooled",
        )


def _effects(counts: TwoArmCounts, ask: Request) -> TwoArmEffects:
    if ask.model == "PETO":
        return peto_effects(counts)
    return two_arm_effects(
        counts, measure=ask.measure, add=ask.add, to=ask.to, drop00=ask.drop00
    )  # fmt: skip


def _corrected(arms: Arms, changed: Bools, ask: Request) -> str:
    return correction_words(ask, arms.named(changed))


def _single_study(arms: Arms, ask: Request) -> Pooled:
    """The study's own effect with its Wald interval on the analysis scale."""
    found = two_arm_effects(arms.counts, measure=ask.measure, add=ask.add, to=ask.to)
    if not np.isfinite(found.yi[0]):
        raise _nothing(ask)
    mean = wald(float(found.yi[0]), float(np.sqrt(found.vi[0])), float("inf"), ask.level)
    cautions: tuple[Fallback, ...] = ()
    if found.corrected[0]:
        text = _corrected(arms, found.corrected, ask)
        cautions = (Fallback("continuity-correction", text),)
    return assemble(
        ask, 1, mean, method="", test="z", pooled=False, weights=(1.0,), cautions=cautions,
        heterogeneity=Heterogeneity(i2_method=ask.i2_method, q=0.0, q_df=0, q_pval=1.0),
        fallbacks=(_single(arms.names[0], ask.measure),),
    )  # fmt: skip


def _single(name: str, measure: str) -> Fallback:
    return Fallback(
        "single-study", f"{name} alone: its own {measure} with a Wald interval, nothing pooled"
    )


def _nothing(ask: Request) -> EstimationError:
    return EstimationError(
        f"no study has an estimable {ask.measure}", hint="use the zero-cell rule only0"
    )


def _iv(arms: Arms, ask: Request) -> Pooled:
    effects = _effects(arms.counts, ask)
    present = np.isfinite(effects.yi)
    told: tuple[Fallback, ...] = ()
    cautions: tuple[Fallback, ...] = ()
    if not present.any():
        raise _nothing(ask)
    changed = effects.corrected & present
    if changed.any():
        cautions = (Fallback("continuity-correction", _corrected(arms, changed, ask)),)
    for which, text in (
        (~present & ~effects.certain, f"no {ask.measure} exists for {{}}"),
        (effects.certain, f"the {ask.measure} of {{}} has variance 0, which no weight can have"),
    ):
        if which.any():
            told += (Fallback("study-dropped", text.format(", ".join(arms.named(which)))),)
    if present.sum() == 1:
        pooled = _single_study(arms.of(present), ask)
    else:
        pooled = inverse_variance_pool(ask, effects.yi[present], effects.vi[present])
        pooled = replace(pooled, cautions=(*cautions, *pooled.cautions))
    return replace(_spread(pooled, present), fallbacks=(*told, *pooled.fallbacks))


def _fixed(arms: Arms, ask: Request) -> Pooled:
    """Mantel-Haenszel or Peto, with a corrected refit where an arm of all studies is empty."""
    counts = arms.counts

    def pool(these: TwoArmCounts) -> Any:
        return peto(these) if ask.model == "PETO" else mantel_haenszel(these, measure=ask.measure)

    found, told, cautions = pool(counts), [], []
    if not np.isfinite(found.estimate):
        corrected, changed = apply_zero_rule(counts, ask.add, ask.to)
        if ask.model == "MH" and changed.any():
            found = pool(corrected)
        if not np.isfinite(found.estimate):
            raise EstimationError(
                f"the {ask.model} {ask.measure} of these counts does not exist",
                hint="an arm has no events, or only events, in all studies together",
            )
        text = _corrected(arms, changed, ask)
        told.append(
            Fallback("zero-margin", f"an arm has an empty cell in all studies together: {text}")
        )
    # Who is dropped is gone by now: whoever is left and has an effect is counted.
    effects = _effects(counts, replace(ask, drop00=False))
    rest = fixed_heterogeneity(effects, np.asarray(found.estimate))
    if arms.k == 1:
        told.append(_single(arms.names[0], "Peto odds ratio"))
    elif rest.df == 0:
        text = "fewer than two studies have an effect of their own: no test of heterogeneity"
        cautions.append(Fallback("no-heterogeneity-test", text))
    elif rest.df < arms.k - 1:
        gone = ", ".join(arms.named(np.isnan(effects.yi)))
        text = f"the {ask.measure} of {gone} alone has no variance: pooled, not counted in Q"
        cautions.append(Fallback("not-in-q", text))
    spread = Heterogeneity(
        i2=float(rest.i2), h2=float(rest.h2), i2_method="Q", q=float(rest.q), q_df=int(rest.df),
        q_pval=float(rest.p),
    )  # fmt: skip
    return assemble(
        ask, arms.k, wald(float(found.estimate), float(found.se), float("inf"), ask.level),
        between=Between(tau2=0.0), heterogeneity=spread, weights=found.weights,
        weights_kind="mantel-haenszel" if ask.model == "MH" else "inverse-variance",
        fallbacks=told, cautions=cautions,
    )  # fmt: skip


def _glmm(arms: Arms, ask: Request) -> Pooled:
    profile = ask.test == "profile"
    found = fit_two_arm_glmm(arms.counts, form=ask.form, level=ask.level, profile=profile)
    df = float(arms.k - 1) if ask.test == "t" else float("inf")
    limits = found.limits if profile else None
    mean = wald(found.estimate, found.se, df, ask.level, limits=limits)
    i2 = h2 = NAN
    if ask.i2_method == "tau2":
        effects = two_arm_effects(arms.counts, measure="OR")
        rest = heterogeneity(effects.yi, effects.vi, found.tau2)
        i2, h2 = float(rest.i2), float(rest.h2)
    return assemble(
        ask, arms.k, mean, between=Between(found.tau2, *found.tau2_ci, "PL"),
        heterogeneity=likelihood_ratio(
            found.q, found.q_df, i2=i2, h2=h2, i2_method=ask.i2_method
        ),
        pi=predicted(ask, mean, found.tau2, arms.k), loglik=found.loglik,
        converged=found.converged,
    )  # fmt: skip


_FITS: Final[dict[str, Callable[[Arms, Request], Pooled]]] = {"IV": _iv, "GLMM": _glmm}
