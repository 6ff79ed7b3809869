"""Pools by the levels of a moderator, and the test that the levels differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from carmeta.api.assemble import assemble, not_estimable, predicted, wald
from carmeta.api.proportions import one_data_set
from carmeta.api.regression import check_effects
from carmeta.api.single_arm import (
    Counts,
    between_iv,
    cochran,
    fit,
    homogeneity,
    inverse_variance_pool,
)
from carmeta.api.two_arm import Arms, check_arms, fit_arms
from carmeta.arrays import Bools, Floats, Indices
from carmeta.domain.counts import study_names
from carmeta.domain.request import Options, Request, request
from carmeta.domain.result import (
    NAN,
    Between,
    Fallback,
    Heterogeneity,
    Pooled,
    SubgroupTest,
)
from carmeta.errors import DataError, EstimationError
from carmeta.measures import harmonic_mean
from carmeta.pooling.formula import is_missing
from carmeta.pooling.glmm_regression import GLMMRegression, fit_glmm_regression
from carmeta.pooling.heterogeneity import heterogeneity
from carmeta.pooling.regression import fit_wls
from carmeta.pooling.regression import wald as wald_test
from carmeta.pooling.tau2 import tau2_ci
from carmeta.vocabulary import Sharing

Levels = dict[str, Pooled]
Singles = dict[str, tuple[float, float]]
_ALONE = Heterogeneity(q=0.0, q_df=0, q_pval=1.0)


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which studies belong to which level of a moderator."""

    moderator: str
    levels: tuple[str, ...]
    of: Indices  # index into levels, (k,)
    names: tuple[str, ...]

    def each(self) -> list[tuple[str, Bools]]:
        """Every level with its studies."""
        return [(name, self.of == index) for index, name in enumerate(self.levels)]


def subgroup_test(
    yi: ArrayLike,
    vi: ArrayLike,
    group: Sequence[str],
    *,
    moderator: str = "group",
    slab: Sequence[str] | None = None,
    **options: Unpack[Options],
) -> tuple[Levels, SubgroupTest]:
    """Pool effects within each level of ``group`` and test whether the levels differ.

    Args:
        yi: Effects, one a study.
        vi: Sampling variances, positive.
        group: The level of each study; none may be missing.
        moderator: Its name, for the result.
        slab: Labels of the studies, for messages.
        options: As :class:`carmeta.domain.request.Options` says. ``tau2`` common (default):
            one tau2 and one residual variance for all levels, as the regression on the levels
            has them, tested by its Wald F (or chi2 for ``z``). ``separate``: each level fitted
            on its own, the estimates compared by Cochran's Q on chi2 (Borenstein 2009,
            chapter 19); a level of one study is that study.

    Returns:
        Results by level, in order of appearance, each with the weights of its own studies;
        and the test. Where every level has a single study nothing tells a common tau2 from
        their differences: each level is then that study, and the test is "none" and says so.
        A level that cannot be estimated has NaN and its reason among its ``fallbacks``, and
        takes no part in the test.

    Raises:
        DataError: Effects that cannot be used, a missing level, or fewer than two levels.
        ConfigError: An option that cannot be honoured.
    """
    ask = request("effects", options, grouped=True)
    y, v, names = check_effects(yi, vi, slab)
    groups = grouping(group, names, moderator)
    single = y.size == len(groups.levels)
    if ask.tau2 == "common" and not single:
        return _iv_common(y, v, groups, ask)
    out = _each(groups, ask, lambda here: _effects_alone(y[here], v[here], groups, ask, here))
    return out, _no_repeats(groups) if ask.tau2 == "common" else _compare(out, moderator)


def subgroup_counts(
    xi: ArrayLike,
    ni: ArrayLike,
    group: Sequence[str],
    *,
    moderator: str = "group",
    slab: Sequence[str] | None = None,
    **options: Unpack[Options],
) -> tuple[Levels, SubgroupTest]:
    """As :func:`subgroup_test`, from counts of one arm and by every model of one arm.

    With a common tau2 the GLMM is one fit with a mean a level, compared with the fit of one
    mean by the likelihood ratio, chi2 with levels - 1. A level without events, or with only
    events, has its exact limits and enters the test with the limit of its likelihood. The
    beta-binomial and Bayesian models are fitted to each level on its own; the latter has no
    test.
    """
    ask = request("one arm", options, grouped=True)
    return fit_groups(one_data_set(xi, ni, slab), group, ask, moderator)


def fit_groups(
    counts: Counts, group: Sequence[str], ask: Request, moderator: str = "group"
) -> tuple[Levels, SubgroupTest]:
    """:func:`subgroup_counts` of checked counts as a request asks."""
    groups = grouping(group, study_names(counts.slab, counts.k), moderator)
    # For the GLMM a level without events, or with only events, tells nothing of tau2.
    informed = [
        here for _, here in groups.each()
        if ask.model != "GLMM" or 0 < counts.x[here].sum() < counts.n[here].sum()
    ]  # fmt: skip
    single = bool(informed) and all(here.sum() == 1 for here in informed)
    if ask.tau2 == "common" and not single:
        if ask.model == "GLMM":
            return _glmm_common(counts, groups, ask)
        return _iv_common(*counts.effects(ask), groups, ask, counts.n)
    out = _each(groups, ask, lambda here: fit(counts.of(here), ask))
    if ask.tau2 == "common":
        return out, _no_repeats(groups)
    if ask.model == "BAYES":
        return out, _no_test(moderator)
    singles = {}
    for name, here in groups.each():
        part = counts.of(here)
        if part.k == 1 and 0 < part.x[0] < part.n[0]:
            y, v = part.effects(ask)
            singles[name] = (float(y[0]), float(np.sqrt(v[0])))
    return out, _compare(out, moderator, singles)


def subgroup_two_arm(
    ai: ArrayLike,
    n1i: ArrayLike,
    ci: ArrayLike,
    n2i: ArrayLike,
    group: Sequence[str],
    *,
    moderator: str = "group",
    slab: Sequence[str] | None = None,
    **options: Unpack[Options],
) -> tuple[Levels, SubgroupTest]:
    """As :func:`subgroup_test`, from counts of two arms; each level is fitted on its own."""
    ask = request("two arms", options, grouped=True)
    return fit_arm_groups(check_arms(ai, n1i, ci, n2i, slab), group, ask, moderator)


def fit_arm_groups(
    arms: Arms, group: Sequence[str], ask: Request, moderator: str = "group"
) -> tuple[Levels, SubgroupTest]:
    """:func:`subgroup_two_arm` of checked counts as a request asks."""
    groups = grouping(group, arms.names, moderator)
    out = _each(groups, ask, lambda here: fit_arms(arms.of(here), ask))
    return out, _compare(out, moderator)


def _each(groups: Grouping, ask: Request, pool: Callable[[Bools], Pooled]) -> Levels:
    """Every level by itself; one that cannot be estimated says so and leaves the others."""
    out = {}
    for name, here in groups.each():
        try:
            out[name] = pool(here)
        except EstimationError as error:
            out[name] = not_estimable(ask, int(here.sum()), error)
    return out


def grouping(group: Sequence[str], names: tuple[str, ...], moderator: str) -> Grouping:
    """The levels in order of appearance; raises DataError as :func:`subgroup_test`."""
    if len(group) != len(names):
        raise DataError(f"{moderator} has {len(group)} values for {len(names)} studies")
    for name, value in zip(names, group, strict=True):
        if is_missing(value):
            raise DataError(f"{name}: no value of {moderator}")
    labels = [str(value) for value in group]
    levels = tuple(dict.fromkeys(labels))
    if len(levels) < 2:
        raise DataError(f"{moderator} has a single level, {levels[0]!r}: nothing to compare")
    index = {level: i for i, level in enumerate(levels)}
    return Grouping(moderator, levels, np.array([index[label] for label in labels]), names)


# -- inverse variance ---------------------------------------------------------------------


def _iv_common(
    y: Floats, v: Floats, groups: Grouping, ask: Request, ni: Floats | None = None
) -> tuple[Levels, SubgroupTest]:
    """One regression on the levels; ``ni`` are the sample sizes behind single-arm effects.

    A level's mean is one of its own studies: their harmonic mean size leads it back (PFT).
    """
    count = len(groups.levels)
    x = np.eye(count)[groups.of]
    found = fit_wls(y, v, x, method=ask.method, test=ask.test)
    limits = (np.asarray(NAN), np.asarray(NAN))
    if ask.method != "EE":
        limits = tau2_ci(y, v, x, level=ask.level)
    between = between_iv(ask, found.tau2, *limits)
    se = np.sqrt(np.diagonal(found.cov))
    out = {}
    for index, (name, here) in enumerate(groups.each()):
        mean = wald(float(found.beta[index]), float(se[index]), found.df, ask.level)
        spread = replace(_ALONE, i2_method=ask.i2_method)
        if here.sum() > 1:
            rest = heterogeneity(y[here], v[here], between.tau2, i2_method=ask.i2_method)
            spread = cochran(rest, ask.i2_method)
        weights = found.weights[here]
        out[name] = assemble(
            ask, int(here.sum()), mean, between=between, heterogeneity=spread,
            pi=predicted(ask, mean, between.tau2, y.size, p=count), pooled=False,
            weights=weights / weights.sum(), weights_kind="inverse-variance",
            n=NAN if ni is None else harmonic_mean(ni[here]),
        )  # fmt: skip
    contrast = np.hstack([-np.ones((count - 1, 1)), np.eye(count - 1)])
    test = wald_test(found.beta, found.cov, contrast, found.df)
    return out, SubgroupTest(
        test.name, groups.moderator, "common", float(test.stat), float(test.df1), test.df2,
        float(test.p),
    )  # fmt: skip


def _effects_alone(y: Floats, v: Floats, groups: Grouping, ask: Request, here: Bools) -> Pooled:
    """A level under separate tau2; one study is its own effect, tested by z."""
    if y.size > 1:
        return inverse_variance_pool(ask, y, v)
    name = groups.names[int(np.flatnonzero(here)[0])]
    note = Fallback("single-study", f"{name} alone, with its own interval")
    mean = wald(float(y[0]), float(np.sqrt(v[0])), float("inf"), ask.level)
    return assemble(
        ask, 1, mean, method="", test="z", pooled=False, fallbacks=(note,), weights=(1.0,),
        heterogeneity=replace(_ALONE, i2_method=ask.i2_method),
    )  # fmt: skip


# -- the test of separate fits ------------------------------------------------------------


def _no_test(moderator: str, *notes: Fallback, tau2: Sharing = "separate") -> SubgroupTest:
    if not notes:
        notes = (Fallback("no-test", "a Bayesian model has no test of the difference"),)
    return SubgroupTest("none", moderator, tau2, NAN, NAN, NAN, NAN, fallbacks=notes)


def _no_repeats(groups: Grouping) -> SubgroupTest:
    text = (
        f"every level of {groups.moderator} has a single study: to compare them with a common "
        "tau2 one of them needs two studies or more"
    )
    return _no_test(groups.moderator, Fallback("no-test", text), tau2="common")


def _compare(levels: Levels, moderator: str, singles: Singles | None = None) -> SubgroupTest:
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
        return _no_test(moderator, *notes, why)
    b, se = np.array(list(usable.values())).T
    w = se**-2.0
    q = float((w * (b - (w * b).sum() / w.sum()) ** 2).sum())
    return SubgroupTest(
        f"chi2({df})", moderator, "separate", q, float(df), float("inf"),
        float(chdtrc(df, q)), fallbacks=notes,
    )  # fmt: skip


# -- the binomial-normal model with one tau2 ----------------------------------------------


def _glmm_common(counts: Counts, groups: Grouping, ask: Request) -> tuple[Levels, SubgroupTest]:
    """One fit with a mean a level; where it or the one without levels fails, each level by itself.

    The likelihood of levels that are all 0/n, or of which each study is 0/n or n/n, has no
    maximum.
    """
    try:
        return _glmm_levels(counts, groups, ask)
    except EstimationError as error:
        out = _each(groups, ask, lambda here: fit(counts.of(here), ask))
        text = f"all levels together: {error.message}; each is fitted by itself, none compared"
        return out, _no_test(groups.moderator, Fallback("no-test", text), tau2="common")


def _glmm_levels(counts: Counts, groups: Grouping, ask: Request) -> tuple[Levels, SubgroupTest]:
    parts = [counts.of(here) for _, here in groups.each()]
    extreme = np.array([part.x.sum() in (0, part.n.sum()) for part in parts])
    inner = np.flatnonzero(~extreme)
    used = ~extreme[groups.of]
    found: GLMMRegression | None = None
    if inner.size:
        design = np.eye(len(parts))[groups.of][used][:, inner]
        found = fit_glmm_regression(
            counts.x[used], counts.n[used], design, level=ask.level, profile=ask.test == "profile"
        )
    out = {}
    for index, (name, part) in enumerate(zip(groups.levels, parts, strict=True)):
        if extreme[index]:
            out[name] = fit(part, ask)
        elif found is not None:
            at = int(np.flatnonzero(inner == index)[0])
            out[name] = _glmm_level(part, ask, found, at, int(used.sum()))
    return out, _likelihood_ratio(counts, groups, found, extreme)


def _glmm_level(part: Counts, ask: Request, found: GLMMRegression, at: int, k_all: int) -> Pooled:
    means = found.beta.size
    df = float(k_all - means) if ask.test == "t" else float("inf")
    limits = None
    if ask.test == "profile":
        limits = (float(found.limits[at, 0]), float(found.limits[at, 1]))
    se = float(np.sqrt(found.cov[at, at]))
    mean = wald(float(found.beta[at]), se, df, ask.level, limits=limits)
    spread = Heterogeneity(i2_method=ask.i2_method, lrt=0.0, lrt_df=0, lrt_pval=1.0)
    if part.k > 1:
        spread = homogeneity(part, found.tau2, ask.i2_method)
    return assemble(
        ask, part.k, mean, between=Between(found.tau2, *found.tau2_ci, "PL"),
        heterogeneity=spread, pi=predicted(ask, mean, found.tau2, k_all, p=means), pooled=False,
        converged=found.converged,
    )  # fmt: skip


def _likelihood_ratio(
    counts: Counts, groups: Grouping, found: GLMMRegression | None, extreme: Bools
) -> SubgroupTest:
    """Twice the gain in log-likelihood of a mean a level over one mean for all.

    The likelihood of a level without events tends to 1 as its mean falls: its studies add 0.
    """
    null = fit_glmm_regression(
        counts.x, counts.n, np.ones((counts.k, 1)), tau2_interval=False
    )  # fmt: skip
    gain = (found.loglik if found is not None else 0.0) - null.loglik
    stat, df = max(0.0, 2.0 * gain), extreme.size - 1
    notes: tuple[Fallback, ...] = ()
    if extreme.any():
        names = [name for name, flag in zip(groups.levels, extreme, strict=True) if flag]
        what = f"no events, or only events, in {', '.join(names)}: the limit of their likelihood"
        notes = (Fallback("level-at-limit", what),)
    return SubgroupTest(
        f"chi2({df})", groups.moderator, "common", stat, float(df), float("inf"),
        float(chdtrc(df, stat)), kind="likelihood ratio", fallbacks=notes,
    )  # fmt: skip
