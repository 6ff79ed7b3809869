"""Each outcome against each moderator that is asked for, one at a time.

Thompson SG, Higgins JPT 2002, Stat Med 21:1559-73.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from carmeta.api.regression import predict, regress, regress_counts
from carmeta.config import AnalysisConfig
from carmeta.domain.analysis import StudyRow
from carmeta.domain.evidence import Count
from carmeta.domain.moderators import (
    FittedMean,
    MetaRegression,
    ModeratorEffect,
    RegressionPoint,
)
from carmeta.domain.regression import Coefficient, Regression
from carmeta.domain.words import Vocabulary
from carmeta.errors import DataError, EstimationError
from carmeta.measures import effect_sizes
from carmeta.pipeline.subgroups import unvalued

LEAST: Final = 4  # cohorts: with three, two coefficients and a variance leave nothing to test
_POINTS: Final = 41  # of the line that is drawn


def meta_regressions(
    config: AnalysisConfig, rows: Sequence[StudyRow], words: Vocabulary
) -> Iterator[MetaRegression]:
    """The regression of an outcome on each moderator of the configuration, in its order.

    By the headline model; cohorts without a value are left out by name. What cannot be fitted
    says so in ``refusal``.
    """
    for moderator in config.regression:
        numeric = bool(words.unit(moderator))
        have = [row for row in rows if _value(row.count, moderator, numeric) is not None]
        yield _regressed(config, moderator, rows, have, words)


def _value(count: Count, moderator: str, numeric: bool) -> float | str | None:
    return count.numbers.get(moderator) if numeric else count.moderators.get(moderator)


def _regressed(
    config: AnalysisConfig,
    moderator: str,
    rows: Sequence[StudyRow],
    have: Sequence[StudyRow],
    words: Vocabulary,
) -> MetaRegression:
    unit = words.unit(moderator)
    ask = config.regression_request
    values = [_value(row.count, moderator, bool(unit)) for row in have]
    about: dict[str, Any] = {
        "moderator": moderator, "label": words.moderator(moderator), "unit": unit,
        "model": ask.model, "method": ask.method, "test": ask.test, "level": ask.level,
        "k": len(have),
        "left_out": tuple(unvalued([row.count for row in rows], moderator)),
    }  # fmt: skip
    points = tuple(_points(have, values, [row.weight for row in have]))
    refusal = _too_little(values)
    if refusal:
        return MetaRegression(**about, points=points, refusal=refusal)
    try:
        fit = _fitted(config, have, values)
    except (DataError, EstimationError) as error:
        why = "; ".join(part for part in (error.message, error.hint) if part)
        return MetaRegression(**about, points=points, refusal=why)
    if fit.weights:
        points = tuple(_points(have, values, fit.weights))
    (term,) = fit.terms
    return MetaRegression(
        **about, points=points, reference=fit.levels.get("x", ("",))[0],
        effects=tuple(_effect(fit, one) for one in fit.coefficients[1:]),
        omnibus=replace(term, moderator=moderator),
        tau2=fit.tau2, tau2_ci_lb=fit.tau2_ci_lb, tau2_ci_ub=fit.tau2_ci_ub, r2=fit.r2,
        curve=tuple(_curve(fit, values)) if unit else (), fallbacks=fit.fallbacks,
    )  # fmt: skip


def _too_little(values: Sequence[float | str | None]) -> str:
    """Why there is nothing to fit, or empty."""
    if not values:
        return "no cohort has a value"
    if len(values) < LEAST:
        return f"fewer than four cohorts have a value ({len(values)})"
    if len(set(values)) == 1:
        shown = f"{values[0]:g}" if isinstance(values[0], float) else values[0]
        return f"every cohort has the same value ({shown})"
    return ""


def _fitted(config: AnalysisConfig, have: Sequence[StudyRow], values: Sequence[Any]) -> Regression:
    ask = config.regression_request
    data: dict[str, Sequence[Any]] = {"x": values}
    events, patients = [row.count.xi for row in have], [row.count.ni for row in have]
    if ask.model == "GLMM":
        return regress_counts(events, patients, data, "~ x", test=ask.test, level=ask.level)
    yi, vi = effect_sizes(events, patients, measure=ask.measure)  # the rows have the pool's scale
    return regress(
        yi, vi, data, "~ x", measure=ask.measure, method=ask.method, test=ask.test,
        level=ask.level,
    )  # fmt: skip


def _effect(fit: Regression, one: Coefficient) -> ModeratorEffect:
    category = one.name.removeprefix("x[").removesuffix("]") if fit.levels else ""
    return ModeratorEffect(
        one.estimate, one.se, one.stat, one.df, one.p, one.ci_lb, one.ci_ub,
        _exp(one.estimate), _exp(one.ci_lb), _exp(one.ci_ub), category,
    )  # fmt: skip


def _exp(value: float) -> float:
    return math.exp(value) if value < 700.0 else math.inf


def _points(
    rows: Sequence[StudyRow], values: Sequence[float | str | None], weights: Sequence[float]
) -> Iterator[RegressionPoint]:
    total = sum(weights)
    for row, value, weight in zip(rows, values, weights, strict=True):
        number, category = (math.nan, value) if isinstance(value, str) else (value, "")
        assert number is not None
        yield RegressionPoint(row.count.slab, number, category, row.proportion, weight / total)


def _curve(fit: Regression, values: Sequence[Any]) -> Iterator[FittedMean]:
    low, high = min(values), max(values)
    at = [low + (high - low) * i / (_POINTS - 1) for i in range(_POINTS)]
    for value, mean in zip(at, predict(fit, {"x": at}), strict=True):
        assert mean.back is not None
        yield FittedMean(value, mean.back.estimate, mean.back.ci_lb, mean.back.ci_ub)
