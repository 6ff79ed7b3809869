"""Dependent effects (cohorts of one trial) and permutation tests, on anybody's effects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, Unpack, cast

from numpy.typing import ArrayLike

from carmeta.api.regression import (
    Fitted,
    assemble_regression,
    assemble_robust,
    check_effects,
    encode_studies,
    require_rank,
    residual_q,
)
from carmeta.arrays import Floats
from carmeta.domain.regression import PermutationTest, Regression, VarianceComponent
from carmeta.domain.request import Options, request
from carmeta.domain.result import Between
from carmeta.errors import ConfigError, DataError
from carmeta.pooling.formula import Data, is_missing
from carmeta.pooling.multilevel import ThreeLevel, fit_three_level, variance_limits
from carmeta.pooling.permutation import ITERATIONS, MAX_EXACT, permutation_test
from carmeta.pooling.regression import r2_percent, residual_heterogeneity
from carmeta.pooling.robust import cr2


def regress_three_level(
    yi: ArrayLike,
    vi: ArrayLike,
    trial: Sequence[Any],
    data: Data | None = None,
    formula: str = "~ 1",
    *,
    df: Literal["residual", "trials"] = "residual",
    robust: bool = False,
    slab: Sequence[str] | None = None,
    **options: Unpack[Options],
) -> Regression:
    """Three-level model: effects of cohorts within trials, with moderators if any.

    Args:
        yi: Effects, one a cohort.
        vi: Sampling variances, positive; the sampling errors are independent.
        trial: The trial of each cohort.
        data: Moderators, as for :func:`carmeta.api.regression.regress`.
        formula: Of the moderators; ``~ 1`` is a mean alone.
        df: Of ``t``: k - p (``residual``) or the cautious trials - p (``trials``).
        robust: CR2 standard errors by trial, with this model as the working model.
        slab: Labels of the cohorts, for messages.
        options: As :class:`carmeta.domain.request.Options` says: ``measure`` of the effects,
            ``method`` REML or ML for both variances, ``test`` z or t, ``pi_method`` V or HTS
            for a new cohort of a new trial, ``level``.

    Returns:
        A :class:`~carmeta.domain.regression.Regression` whose ``components`` are the
        variances between trials and between cohorts with profile-likelihood limits;
        ``tau2`` is their sum, and I2 its share of the total with the typical sampling
        variance. Q is that of the model without either.

    Raises:
        DataError: No trial with two cohorts, a single trial, or values that cannot be used.
        EstimationError: No convergence.
    """
    if df not in ("residual", "trials"):
        raise ConfigError(f"df = {df!r} is not one of residual, trials")
    ask = request("three levels", options)
    method = cast(Literal["REML", "ML"], ask.method)
    y, v, names = check_effects(yi, vi, slab)
    if len(trial) != y.size:
        raise DataError(f"trial has {len(trial)} values for {y.size} cohorts")
    for name, value in zip(names, trial, strict=True):
        if is_missing(value):
            raise DataError(f"{name}: no trial")
    design, keep, notes = encode_studies(formula, data or {}, names)
    require_rank(design)
    labels = [str(value) for value, kept in zip(trial, keep, strict=True) if kept]
    y, v = y[keep], v[keep]
    fit = fit_three_level(y, v, labels, design.x, method=method)
    limits = variance_limits(y, v, labels, fit, design.x, level=ask.level, method=method)
    trials = len(set(labels))
    fitted = _three_level_fit(y, v, labels, design.x, fit, method)
    p = design.x.shape[1]
    residual = y.size - p if df == "residual" else trials - p
    if residual < 1:
        raise DataError(f"{trials} trials leave no degrees of freedom for {p} coefficients")
    fitted = replace(fitted, df=float("inf") if ask.test == "z" else float(residual))
    if robust:
        found = cr2(fit.residuals, design.x, fit.working, labels)
        out = assemble_robust(fitted, design, ask, formula, found, notes)
    else:
        out = assemble_regression(fitted, design, ask, formula, y.size, notes)
    counts = (("trials", trials), ("cohorts", y.size))
    components = tuple(
        VarianceComponent(name, float(fit.sigma2[i]), float(low), float(high), units)
        for i, ((name, units), (low, high)) in enumerate(zip(counts, limits, strict=True))
    )
    return replace(out, clusters=trials, components=components)


def _three_level_fit(
    y: Floats,
    v: Floats,
    labels: list[str],
    x: Floats,
    fit: ThreeLevel,
    method: Literal["REML", "ML"],
) -> Fitted:
    total = float(fit.sigma2.sum())
    rest = residual_heterogeneity(y, v, x, total)
    before = total
    if x.shape[1] > 1:
        before = float(fit_three_level(y, v, labels, method=method).sigma2.sum())
    return Fitted(
        fit.beta, fit.cov, float("inf"), Between(tau2=total), residual_q(rest, "tau2"),
        float(r2_percent(before, total)), fit.loglik, fit.converged,
    )  # fmt: skip


def permute(
    yi: ArrayLike,
    vi: ArrayLike,
    data: Data | None = None,
    formula: str = "~ 1",
    *,
    max_exact: int = MAX_EXACT,
    iterations: int = ITERATIONS,
    slab: Sequence[str] | None = None,
    **options: Unpack[Options],
) -> PermutationTest:
    """Permutation test of a mean effect, or of the moderators of a formula.

    ``~ 1`` tests the mean by flipping the signs of the effects, which for two arms is to
    exchange the arms of a study; a formula with moderators tests them by permuting them
    between studies. All permutations are used where there are at most ``max_exact``, else
    ``iterations`` of them drawn with ``seed``. Options are ``method``, ``test`` and ``seed``,
    as :class:`carmeta.domain.request.Options` says.
    """
    ask = request("permutation", options)
    y, v, names = check_effects(yi, vi, slab)
    design, keep, _ = encode_studies(formula, data or {}, names)
    require_rank(design)
    moderators = [i for i, term in enumerate(design.term_of) if term >= 0]
    found = permutation_test(
        y[keep],
        v[keep],
        design.x if moderators else None,
        method=ask.method,
        test=ask.test,
        moderators=moderators or None,
        max_exact=max_exact,
        iterations=iterations,
        seed=ask.seed,
    )
    return PermutationTest(
        int(keep.sum()), formula, ask.method, ask.test,
        {name: float(p) for name, p in zip(design.columns, found.p, strict=True)},
        found.p_omnibus, found.exact, found.count, found.smallest,
        None if found.exact else ask.seed,
    )  # fmt: skip
