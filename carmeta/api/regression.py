"""Meta-regression, predictions and subgroups, on anybody's effects or counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Unpack

import numpy as np
from numpy.typing import ArrayLike

from carmeta.api.assemble import back_of, likelihood_ratio
from carmeta.arrays import Bools, Floats
from carmeta.domain.counts import as_numbers, study_names
from carmeta.domain.regression import Coefficient, Prediction, Regression
from carmeta.domain.request import Options, Request, request
from carmeta.domain.result import NAN, Between, Fallback, Heterogeneity, SubgroupTest
from carmeta.errors import DataError
from carmeta.measures import check_counts, effect_sizes
from carmeta.pooling.formula import Data, Design, encode, is_missing, parse_formula
from carmeta.pooling.glmm_regression import fit_glmm_regression
from carmeta.pooling.intervals import critical, prediction_df, prediction_limits, two_sided_p
from carmeta.pooling.regression import (
    Omnibus,
    Residual,
    columns_contrast,
    fit_wls,
    r2_percent,
    residual_heterogeneity,
    wald,
)
from carmeta.pooling.robust import Robust, cr2, htz, satterthwaite_df
from carmeta.pooling.tau2 import estimate_tau2, log_likelihood, tau2_ci
from carmeta.vocabulary import PiMethod

# Below this a Satterthwaite t is unreliable (Tipton 2015).
_FEW_DF: Final = 4.0


@dataclass(frozen=True, slots=True)
class Fitted:
    """What both models hand to the shared assembly: beta, its covariance, the leftovers."""

    beta: Floats
    cov: Floats
    df: float
    between: Between
    heterogeneity: Heterogeneity
    r2: float
    loglik: float
    converged: bool
    weights: tuple[float, ...] = ()


def regress(
    yi: ArrayLike,
    vi: ArrayLike,
    data: Data,
    formula: str,
    *,
    cluster: Sequence[Any] | None = None,
    slab: Sequence[str] | None = None,
    **options: Unpack[Options],
) -> Regression:
    """Mixed-effects meta-regression of effects ``yi`` with variances ``vi``.

    Args:
        yi: Effects, one a study.
        vi: Sampling variances, positive.
        data: Moderators: a column name to its k values. Studies without a value of a
            moderator in the formula are left out, and ``fallbacks`` says which.
        formula: One-sided, e.g. ``~ product + log(dose)``; see ``pooling.formula``.
        cluster: What makes effects dependent, e.g. the trial of each cohort. The standard
            errors are then robust to it (CR2) with Satterthwaite df; the omnibus test is
            Hotelling's with Zhang's df (HTZ).
        slab: Labels of the studies, for messages.
        options: As :class:`carmeta.domain.request.Options` says: ``measure`` of the effects,
            so that predictions can be transformed back; ``method`` of the residual tau2;
            ``test`` z (chi2 tests) or t, knha, adhoc (F with k - p); ``pi_method`` V (t with
            k - p) or HTS (k - p - 1); ``i2_method``; ``level``.

    Raises:
        DataError: An effect or moderator that cannot be used, collinear moderators, or not
            more studies than coefficients.
        ConfigError: A formula or option that is not valid.
    """
    ask = request("regression", options, clustered=cluster is not None)
    y, v, names = check_effects(yi, vi, slab)
    design, keep, notes = encode_studies(formula, data, names)
    y, v = y[keep], v[keep]
    require_rank(design)
    labels = None if cluster is None else _clusters(cluster, keep, names)
    if labels is not None:
        ask = replace(ask, test="z")  # no factor of Knapp and Hartung in the working model
    fitted = _fit_iv(y, v, design, ask)
    if labels is not None:
        found = cr2(y - design.x @ fitted.beta, design.x, v + fitted.between.tau2, labels)
        return assemble_robust(fitted, design, ask, formula, found, notes)
    return assemble_regression(fitted, design, ask, formula, int(keep.sum()), notes)


def _clusters(cluster: Sequence[Any], keep: Bools, names: tuple[str, ...]) -> list[str]:
    if len(cluster) != len(names):
        raise DataError(f"cluster has {len(cluster)} values for {len(names)} studies")
    for name, value in zip(names, cluster, strict=True):
        if is_missing(value):
            raise DataError(f"{name}: no value of cluster")
    return [str(value) for value, kept in zip(cluster, keep, strict=True) if kept]


def regress_counts(
    xi: ArrayLike,
    ni: ArrayLike,
    data: Data,
    formula: str,
    *,
    slab: Sequence[str] | None = None,
    **options: Unpack[Options],
) -> Regression:
    """Binomial-normal (GLMM) regression of events ``xi`` of ``ni`` on moderators.

    As :func:`regress`, with ``test`` ``z`` or ``t``; everything is on the logit scale and
    tau2 has a profile-likelihood interval. I2 is from tau2 and the logits' variances (0.5
    added in studies with a zero cell); ``lrt`` is the deviance of the model without tau2.

    Raises:
        EstimationError: No maximum of the likelihood, e.g. a category without any event.
    """
    ask = request("regression of counts", options)
    x, n = check_counts(xi, ni, slab)
    design, keep, notes = encode_studies(formula, data, study_names(slab, x.size))
    x, n = x[keep], n[keep]
    require_rank(design)
    fit = fit_glmm_regression(x, n, design.x, level=ask.level)
    y, v = effect_sizes(x, n, measure="PLO")
    rest = residual_heterogeneity(y, v, design.x, fit.tau2)
    null = fit.tau2
    if design.x.shape[1] > 1 and x.size > 1 and _holds_constant(design.x):
        ones = np.ones((x.size, 1))
        null = fit_glmm_regression(x, n, ones, level=ask.level, tau2_interval=False).tau2
    fitted = Fitted(
        fit.beta, fit.cov, float("inf") if ask.test == "z" else float(fit.q_df),
        Between(fit.tau2, *fit.tau2_ci, "PL"),
        likelihood_ratio(
            fit.q, fit.q_df, i2=float(rest.i2), h2=float(rest.h2), i2_method="tau2"
        ),
        float(r2_percent(null, fit.tau2)), fit.loglik, fit.converged,
    )  # fmt: skip
    return assemble_regression(fitted, design, ask, formula, x.size, notes)


def predict(fit: Regression, at: Data) -> tuple[Prediction, ...]:
    """Means with confidence and prediction limits at moderator values.

    ``at`` gives every moderator of the formula a list of values, all of one length; for a
    model of an intercept alone, ``{}`` gives its mean.
    """
    formula = parse_formula(fit.formula)
    rows = encode(formula, at, levels=fit.levels)
    beta = np.array([c.estimate for c in fit.coefficients])
    cov = np.array(fit.cov)
    mean = rows.x @ beta
    se = np.sqrt(np.einsum("ip,pq,iq->i", rows.x, cov, rows.x))
    df: ArrayLike = fit.coefficients[0].df
    if fit.cross is not None:
        df = [satterthwaite_df(fit.cross, row) for row in rows.x]
    half = np.asarray(critical(fit.level, df)) * se
    kind: PiMethod = "HTS" if fit.pi_method == "HTS" else "V"
    spread = prediction_df(fit.k, kind, p=beta.size)
    pi_lb, pi_ub = prediction_limits(mean, se, fit.tau2, spread, fit.level)
    out = []
    for i in range(mean.size):
        limits = (mean[i] - half[i], mean[i] + half[i], pi_lb[i], pi_ub[i])
        label = ", ".join(f"{name} = {at[name][i]}" for name in formula.variables)
        low, high, pi_low, pi_high = (float(limit) for limit in limits)
        middle = float(mean[i])
        back = back_of((middle, low, high, pi_low, pi_high), fit.measure)
        out.append(
            Prediction(label or "mean", middle, float(se[i]), low, high, pi_low, pi_high, back=back)
        )
    return tuple(out)


def check_effects(
    yi: ArrayLike, vi: ArrayLike, slab: Sequence[str] | None
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Effects and variances as arrays ``(k,)`` with the names of their studies.

    Raises DataError that names a study whose effect is not finite or variance not positive.
    """
    y = as_numbers(yi, "effect", slab, of="a number")
    v = as_numbers(vi, "variance", slab, of="a number")
    if y.ndim != 1 or y.shape != v.shape or y.size == 0:
        raise DataError(f"yi and vi are lists of one length, not {y.shape} and {v.shape}")
    names = study_names(slab, y.size)
    bad = ~(np.isfinite(y) & np.isfinite(v) & (v > 0.0))
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        raise DataError(f"{names[at]}: effect {y[at]:g} with variance {v[at]:g}")
    return y, v, names


def encode_studies(
    text: str, data: Data, names: tuple[str, ...]
) -> tuple[Design, Bools, list[Fallback]]:
    """Design of the studies that have all moderators of the formula, and who they are."""
    formula = parse_formula(text)
    keep = np.ones(len(names), dtype=bool)
    for name in formula.variables:
        column = data.get(name, ())
        if name in data and len(column) != len(names):
            raise DataError(f"moderator {name!r} has {len(column)} values for {len(names)} studies")
        keep &= np.array([not is_missing(value) for value in column] or [True] * len(names))
    notes = []
    if not keep.all():
        gone = ", ".join(name for name, kept in zip(names, keep, strict=True) if not kept)
        notes.append(Fallback("study-dropped", f"a moderator is missing for {gone}"))
    used = {
        name: [value for value, kept in zip(data[name], keep, strict=True) if kept]
        for name in formula.variables
        if name in data
    }
    if not formula.variables:
        used = {"": [None] * len(names)}
    return encode(formula, used), keep, notes


def require_rank(design: Design) -> None:
    """Raise DataError that names a column which the ones before it determine."""
    x = design.x
    if x.shape[0] <= x.shape[1]:
        raise DataError(
            f"{x.shape[0]} studies cannot carry {x.shape[1]} coefficients: "
            + ", ".join(design.columns)
        )
    norm = np.sqrt((x**2).sum(axis=0))
    unit = x / np.where(norm > 0.0, norm, 1.0)
    for column in range(x.shape[1]):
        if np.linalg.matrix_rank(unit[:, : column + 1]) <= column:
            raise DataError(
                f"{design.columns[column]} is determined by the moderators before it: "
                "its effect cannot be told from theirs"
            )


def _holds_constant(x: Floats) -> bool:
    ones = np.ones(x.shape[0])
    beta, *_ = np.linalg.lstsq(x, ones, rcond=None)
    return bool(np.abs(x @ beta - ones).max() < 1e-9)


def _fit_iv(y: Floats, v: Floats, design: Design, ask: Request) -> Fitted:
    x, method = design.x, ask.method
    fit = fit_wls(y, v, x, method=method, test=ask.test)
    rest = residual_heterogeneity(y, v, x, fit.tau2, i2_method=ask.i2_method)
    limits = (NAN, NAN)
    r2 = NAN
    if method != "EE":
        lower, upper = tau2_ci(y, v, x, level=ask.level)
        limits = (float(lower), float(upper))
        if _holds_constant(x):
            null = estimate_tau2(y, v, method=method)
            r2 = float(r2_percent(null.tau2, fit.tau2))
    likelihood = log_likelihood(y, v, x, tau2=fit.tau2, reml=method == "REML")
    shares = fit.weights / fit.weights.sum()
    return Fitted(
        fit.beta, fit.cov, fit.df,
        Between(float(fit.tau2), *limits, "none" if method == "EE" else "QP"),
        residual_q(rest, ask.i2_method), r2, float(likelihood), bool(fit.converged),
        tuple(float(w) for w in shares),
    )  # fmt: skip


def residual_q(rest: Residual, i2_method: str) -> Heterogeneity:
    """What the moderators leave: Q about the fitted means, I2 and H2."""
    return Heterogeneity(
        i2=float(rest.i2), h2=float(rest.h2), i2_method=i2_method,
        q=float(rest.q), q_df=rest.df, q_pval=float(rest.p),
    )  # fmt: skip


def assemble_regression(
    fit: Fitted, design: Design, ask: Request, formula: str, k: int, notes: list[Fallback]
) -> Regression:
    """The result of a fit with model-based standard errors."""
    p = fit.beta.size
    ddf = np.full(p, fit.df)

    def test(columns: list[int]) -> Omnibus:
        return wald(fit.beta, fit.cov, columns_contrast(columns, p), fit.df)

    return _result(fit, design, ask, formula, k, notes, ddf, test)


def assemble_robust(
    fit: Fitted, design: Design, ask: Request, formula: str, robust: Robust, notes: list[Fallback]
) -> Regression:
    """The result of a fit with cluster-robust standard errors."""
    p = fit.beta.size
    ddf = np.array([satterthwaite_df(robust.cross, row) for row in np.eye(p)])

    def test(columns: list[int]) -> Omnibus:
        return htz(fit.beta, robust, columns_contrast(columns, p))

    few = ddf.min()
    if few < _FEW_DF:
        text = f"a coefficient has {few:.1f} degrees of freedom: its p value is not reliable"
        notes = [*notes, Fallback("few-df", text)]
    found = _result(
        replace(fit, cov=robust.cov), design, ask, formula, design.x.shape[0], notes, ddf, test
    )
    return replace(
        found, test="CR2", se_kind="CR2", clusters=robust.clusters, cross=robust.cross
    )  # fmt: skip


def _result(
    fit: Fitted,
    design: Design,
    ask: Request,
    formula: str,
    k: int,
    notes: list[Fallback],
    ddf: Floats,
    test: Callable[[list[int]], Omnibus],
) -> Regression:
    se = np.sqrt(np.diag(fit.cov))
    half = critical(ask.level, ddf) * se
    stats = fit.beta / se
    p_values = two_sided_p(stats, ddf)
    rows = zip(fit.beta, se, stats, ddf, p_values, fit.beta - half, fit.beta + half, strict=True)
    coefficients = tuple(
        Coefficient(
            float(b), float(s), float(z), float(df), float(p), float(low), float(high), name
        )
        for name, (b, s, z, df, p, low, high) in zip(design.columns, rows, strict=True)
    )
    p = fit.beta.size
    tested = [i for i in range(p) if design.term_of[i] >= 0]
    terms = tuple(
        _as_test(test(columns), label)
        for index, label in enumerate(design.terms)
        if (columns := [i for i in range(p) if design.term_of[i] == index])
    )
    if not fit.converged:
        notes = [*notes, Fallback("no-convergence", f"tau2 by {ask.method} did not converge")]
    return Regression(
        k=k, measure=ask.measure, model=ask.model, formula=formula, method=ask.method,
        test=ask.test, pi_method=ask.pi_method, level=ask.level,
        coefficients=coefficients, cov=tuple(tuple(float(c) for c in row) for row in fit.cov),
        omnibus=_as_test(test(tested), formula) if tested else None, terms=terms,
        between=fit.between, heterogeneity=fit.heterogeneity, r2=fit.r2, loglik=fit.loglik,
        converged=fit.converged, weights=fit.weights, levels=design.levels,
        fallbacks=tuple(notes),
    )  # fmt: skip


def _as_test(test: Omnibus, moderator: str) -> SubgroupTest:
    return SubgroupTest(
        test.name, moderator, "common", float(test.stat), float(test.df1), test.df2, float(test.p)
    )
