"""An outcome against one moderator: what a univariable meta-regression hands on."""

from __future__ import annotations

from dataclasses import dataclass

from carmeta.domain.result import NAN, Fallback, SubgroupTest, Tested


@dataclass(frozen=True, slots=True)
class ModeratorEffect(Tested):
    """One coefficient: per unit of a number, or of a category against the reference.

    On the logit scale; ``ratio`` is the odds ratio, with its limits.
    """

    ratio: float
    ratio_lb: float
    ratio_ub: float
    category: str = ""  # empty for a number


@dataclass(frozen=True, slots=True)
class RegressionPoint:
    """One cohort of the regression."""

    slab: str
    value: float  # NaN for a category
    category: str  # empty for a number
    proportion: float  # 0..1
    weight: float  # share in 0..1; NaN where the model has none


@dataclass(frozen=True, slots=True)
class FittedMean:
    """The line at one value, as a proportion with its confidence limits."""

    value: float
    estimate: float
    ci_lb: float
    ci_ub: float


@dataclass(frozen=True, slots=True)
class MetaRegression:
    """An outcome regressed on one moderator by the headline model.

    ``refusal`` says why nothing is fitted; there are then no ``effects``, and ``points`` are
    the cohorts that have a value all the same. ``tau2`` is residual, ``r2`` the percentage of
    the heterogeneity that the moderator accounts for, NaN where there is none to begin with.
    """

    moderator: str
    label: str
    unit: str  # of a number; empty for categories
    model: str
    method: str
    test: str
    level: float
    k: int  # cohorts with a value
    points: tuple[RegressionPoint, ...]
    left_out: tuple[str, ...]  # cohorts without a value, each with the reason
    refusal: str = ""
    reference: str = ""  # the category that the others are set against
    effects: tuple[ModeratorEffect, ...] = ()
    omnibus: SubgroupTest | None = None
    tau2: float = NAN
    tau2_ci_lb: float = NAN
    tau2_ci_ub: float = NAN
    r2: float = NAN
    curve: tuple[FittedMean, ...] = ()
    fallbacks: tuple[Fallback, ...] = ()
