"""Dependent effects (cohorts of one trial) and permutation tests, on anybody's effects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carmeta.api.regression import (
    Fitted,
    Options,
    assemble,
    assemble_robust,
    check_effects,
    check_options,
    encode_studies,
    require_rank,
)
from carmeta.domain.regression import PermutationTest, Regression, VarianceComponent
from carmeta.errors import ConfigError, DataError
from carmeta.pooling.formula import Data, is_missing
from carmeta.pooling.multilevel import ThreeLevel, fit_three_level, variance_limits
from carmeta.pooling.permutation import ITERATIONS, MAX_EXACT, permutation_test
from carmeta.pooling.regression import r2_percent, residual_heterogeneity
from carmeta.pooling.robust import cr2
from carmeta.vocabulary import Method, PiMethod, Test

FloatArray = NDArray[np.float64]


def regress_three_level(
    yi: ArrayLike,
    vi: ArrayLike,
    trial: Sequence[Any],
    data: Data | None = None,
    formula: str = "~ 1",
    *,
    measure: str = "",
    method: Literal["REML", "ML"] = "REML",
    test: Literal["z", "t"] = "t",
    df: Literal["residual", "trials"] = "residual",
    robust: bool = False,
    pi_method: PiMethod = "V",
    level: float = 0.95,
    slab: Sequence[str] | None = None,
) -> Regression:
    """Three-level model: effects of cohorts within trials, with moderators if any.

    Args:
        yi: Effects, one a cohort.
        vi: Sampling variances, positive; the sampling errors are independent.
        trial: The trial of each cohort.
        data: Moderators, as for :func:`carmeta.api.regression.regress`.
        formula: Of the moderators; ``~ 1`` is a mean alone.
        measure: Of the effects, so that predictions can be transformed back.
        method: REML or ML, for both variances.
        test: ``z`` or ``t``.
        df: Of ``t``: k - p (``residual``) or the cautious trials - p (``trials``).
        robust: CR2 standard errors by trial, with this model as the working model.
        pi_method: ``V`` or ``HTS``, for predictions of a new cohort of a new trial.
        level: Of every interval.
        slab: Labels of the cohorts, for messages.

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
    if test not in ("z", "t"):
        raise ConfigError(f"test = {test!r} is not one of z, t for the three-level model")
    opts = Options("three-level", formula, measure, method, test, pi_method, "tau2", level)
    check_options(opts)
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
    limits = variance_limits(y, v, labels, fit, design.x, level=level, method=method)
    trials = len(set(labels))
    fitted = _three_level_fit(y, v, labels, design.x, fit, method)
    p = design.x.shape[1]
    residual = y.size - p if df == "residual" else trials - p
    if residual < 1:
        raise DataError(f"{trials} trials leave no degrees of freedom for {p} coefficients")
    fitted = replace(fitted, df=float("inf") if test == "z" else float(residual))
    if robust:
        found = cr2(fit.residuals, design.x, fit.working, labels)
        out = assemble_robust(fitted, design, opts, found, notes)
    else:
        out = assemble(fitted, design, opts, y.size, notes)
    counts = (("trials", trials), ("cohorts", y.size))
    components = tuple(
        VarianceComponent(name, float(fit.sigma2[i]), float(low), float(high), units)
        for i, ((name, units), (low, high)) in enumerate(zip(counts, limits, strict=True))
    )
    return replace(out, clusters=trials, components=components)


def _three_level_fit(
    y: FloatArray,
    v: FloatArray,
    labels: list[str],
    x: FloatArray,
    fit: ThreeLevel,
    method: Literal["REML", "ML"],
) -> Fitted:
    total = float(fit.sigma2.sum())
    rest = residual_heterogeneity(y, v, x, total)
    before = total
    if x.shape[1] > 1:
        before = float(fit_three_level(y, v, labels, method=method).sigma2.sum())
    nan = float("nan")
    return Fitted(
        fit.beta, fit.cov, float("inf"), total, (nan, nan), "none", float(rest.i2),
        float(rest.h2), float(rest.q), rest.df, float(rest.p),
        float(r2_percent(before, total)), fit.loglik, fit.converged, (),
    )  # fmt: skip


def permute(
    yi: ArrayLike,
    vi: ArrayLike,
    data: Data | None = None,
    formula: str = "~ 1",
    *,
    method: Method = "REML",
    test: Test = "adhoc",
    max_exact: int = MAX_EXACT,
    iterations: int = ITERATIONS,
    seed: int = 0,
    slab: Sequence[str] | None = None,
) -> PermutationTest:
    """Permutation test of a mean effect, or of the moderators of a formula.

    ``~ 1`` tests the mean by flipping the signs of the effects, which for two arms is to
    exchange the arms of a study; a formula with moderators tests them by permuting them
    between studies. All permutations are used where there are at most ``max_exact``, else
    ``iterations`` of them drawn with ``seed``. Options otherwise as for
    :func:`carmeta.api.regression.regress`.
    """
    opts = Options("IV", formula, "", method, test, "V", "tau2", 0.95)
    check_options(opts)
    y, v, names = check_effects(yi, vi, slab)
    design, keep, _ = encode_studies(formula, data or {}, names)
    require_rank(design)
    moderators = [i for i, term in enumerate(design.term_of) if term >= 0]
    found = permutation_test(
        y[keep],
        v[keep],
        design.x if moderators else None,
        method=method,
        test=test,
        moderators=moderators or None,
        max_exact=max_exact,
        iterations=iterations,
        seed=seed,
    )
    return PermutationTest(
        int(keep.sum()), formula, method, test,
        {name: float(p) for name, p in zip(design.columns, found.p, strict=True)},
        found.p_omnibus, found.exact, found.count, found.smallest,
        None if found.exact else seed,
    )  # fmt: skip
