"""What a fit hands on: estimates on the analysis scale and as people read them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Final, Generic, Literal, TypeVar, overload

NAN: Final = float("nan")
T = TypeVar("T")
WeightsKind = Literal["inverse-variance", "information-share", "mantel-haenszel", "none"]


@dataclass(frozen=True, slots=True)
class Back:
    """The same estimate on the scale of the outcome (proportions in 0..1, or ratios)."""

    estimate: float
    ci_lb: float
    ci_ub: float
    pi_lb: float = NAN
    pi_ub: float = NAN


@dataclass(frozen=True, slots=True)
class Fallback:
    """Something other than what was asked for was done, and why."""

    code: str  # single-study, all-zero, all-events, no-convergence, boundary, ...
    message: str


@dataclass(frozen=True, slots=True)
class BayesSummary:
    """What a Bayesian fit adds: its priors, tau, the studies' effects and the Bayes factor.

    ``shrunken`` has posterior median and limits of each study's effect on the analysis
    scale. ``predictive`` holds the distribution function of a new study's effect as pairs
    (value, probability).
    """

    likelihood: Literal["binomial", "normal"]
    tau_prior: str
    tau_scale: float
    mu_prior: str
    tau_median: float
    tau_ci_lb: float
    tau_ci_ub: float
    bf_homogeneity: float  # evidence for tau = 0 over the prior of tau
    shrunken: tuple[tuple[float, float, float], ...]
    predictive: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Tested:
    """An estimate on the analysis scale with its test against 0."""

    estimate: float
    se: float
    stat: float
    df: float  # inf for a normal test
    p: float
    ci_lb: float
    ci_ub: float


@dataclass(frozen=True, slots=True)
class Mean(Tested):
    """The mean effect."""


@dataclass(frozen=True, slots=True)
class Between:
    """The variance between studies, and the estimator's name in words."""

    tau2: float = NAN
    tau2_ci_lb: float = NAN
    tau2_ci_ub: float = NAN
    tau2_ci_method: str = "none"


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """I2 (percent, 0..100) and H2, by the definition named, and the tests of homogeneity.

    ``q`` is Cochran's Q and nothing else. A likelihood model has ``lrt``, the likelihood-ratio
    statistic of a proportion (or odds ratio) a study against a common one, and may have the
    Wald-type ``q_wald`` of the same hypothesis. What a fit does not have is NaN.

    Two conventions are not metafor's. ``q_wald`` of one arm adds 0.5 to the cells of a study
    with an empty one, and to no other. ``lrt`` of two arms has a fixed intercept a study
    whichever form was fitted, so that ``UM.RS`` and ``UM.FS`` test the same hypothesis.
    """

    i2: float = NAN
    h2: float = NAN
    i2_method: str = ""  # tau2, Q or LRT
    q: float = NAN
    q_df: float = NAN
    q_pval: float = NAN
    lrt: float = NAN
    lrt_df: float = NAN
    lrt_pval: float = NAN
    q_wald: float = NAN


@dataclass(frozen=True, slots=True)
class PredictionInterval:
    """Limits for the effect of a new study on the analysis scale."""

    pi_lb: float = NAN
    pi_ub: float = NAN
    pi_method: str = ""


@dataclass(frozen=True, slots=True)
class Weights:
    """Shares of the studies in their order, summing to 1; none where the model has none."""

    weights: tuple[float, ...] = ()
    weights_kind: WeightsKind = "none"


@dataclass(frozen=True, slots=True)
class Correlation:
    """Beta-binomial: correlation of two patients of one study, 0..1, and its limits."""

    rho: float = NAN
    rho_ci_lb: float = NAN
    rho_ci_ub: float = NAN


class Part(Generic[T]):
    """Read-only access to a number of a part under its own name: ``pooled.ci_lb``."""

    def __init__(self, part: str) -> None:
        self.part = part

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Part[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> T | Part[T]:
        if instance is None:
            return self
        value: T = getattr(getattr(instance, self.part), self.name)
        return value


class Spread:
    """The numbers of the parts ``between`` and ``heterogeneity``, by their own names."""

    __slots__ = ()

    tau2 = Part[float]("between")
    tau2_ci_lb = Part[float]("between")
    tau2_ci_ub = Part[float]("between")
    tau2_ci_method = Part[str]("between")
    i2 = Part[float]("heterogeneity")
    h2 = Part[float]("heterogeneity")
    i2_method = Part[str]("heterogeneity")
    q = Part[float]("heterogeneity")
    q_df = Part[float]("heterogeneity")
    q_pval = Part[float]("heterogeneity")
    lrt = Part[float]("heterogeneity")
    lrt_df = Part[float]("heterogeneity")
    lrt_pval = Part[float]("heterogeneity")
    q_wald = Part[float]("heterogeneity")


@dataclass(frozen=True, slots=True)
class Pooled(Spread):
    """One pooled estimate, composed of its parts; every number is there by its own name too.

    All but ``back`` and ``marginal`` is on the analysis scale (log odds for PLO, log ratio for
    OR and RR, ...); ``back`` holds the estimate and its limits back-transformed. A number that
    does not exist for the fit (a prediction interval of a single study) is NaN, and a fallback
    says why. ``fallbacks`` tell what was done otherwise than asked, ``cautions`` what a reader
    should know of what was done as asked.
    """

    k: int
    measure: str
    model: str
    method: str
    test: str
    level: float
    mean: Mean
    back: Back
    between: Between = Between()
    heterogeneity: Heterogeneity = Heterogeneity()
    prediction: PredictionInterval = PredictionInterval()
    shares: Weights = Weights()
    correlation: Correlation = Correlation()
    loglik: float = NAN
    converged: bool = True
    fallbacks: tuple[Fallback, ...] = ()
    cautions: tuple[Fallback, ...] = ()
    dropped: tuple[int, ...] = ()  # positions of studies given that are not pooled, from 0
    n_harmonic: float = NAN  # sample size in the back-transform of PFT
    marginal: Back | None = None  # mean over the population of studies, where asked for
    bayes: BayesSummary | None = None
    method_words: str = ""  # the estimator of tau2 in words

    estimate = Part[float]("mean")
    se = Part[float]("mean")
    stat = Part[float]("mean")
    df = Part[float]("mean")
    p = Part[float]("mean")
    ci_lb = Part[float]("mean")
    ci_ub = Part[float]("mean")
    pi_lb = Part[float]("prediction")
    pi_ub = Part[float]("prediction")
    pi_method = Part[str]("prediction")
    weights = Part[tuple[float, ...]]("shares")
    weights_kind = Part[WeightsKind]("shares")
    rho = Part[float]("correlation")
    rho_ci_lb = Part[float]("correlation")
    rho_ci_ub = Part[float]("correlation")

    @property
    def estimable(self) -> bool:
        """Whether there is an estimate at all; if not, a fallback says why."""
        return not math.isnan(self.mean.estimate)

    @property
    def label(self) -> str:
        """Model and its options in a few words, e.g. ``IV (REML, adhoc)``."""
        inner = ", ".join(part for part in (self.method, self.test) if part)
        return f"{self.model} ({inner})" if inner else self.model

    def flat(self) -> dict[str, Any]:
        """Every field by its own name, the parts taken apart (``back`` stays one)."""
        return flat(self)

    def but(self, **changes: Any) -> Pooled:
        """The same with other values, each by its own name: ``pooled.but(test="z", se=0.1)``."""
        return changed(self, changes)


# What stands in a part of its own kind stays one in the flat form.
KEPT_WHOLE: Final = (Back, BayesSummary)


def _parts(value: Any) -> list[str]:
    return [
        field.name
        for field in fields(value)
        if is_dataclass(part := getattr(value, field.name)) and not isinstance(part, KEPT_WHOLE)
    ]


def flat(value: Any) -> dict[str, Any]:
    """The fields of a composed result by name, those of its parts among them."""
    parts = _parts(value)
    found: dict[str, Any] = {}
    for field in fields(value):
        own = getattr(value, field.name)
        found |= flat(own) if field.name in parts else {field.name: own}
    return found


def changed(value: T, changes: Mapping[str, Any]) -> T:
    """A composed result with other values, each by its own name.

    Raises:
        TypeError: A name that neither the result nor a part of it has.
    """
    held: Any = value
    left = dict(changes)
    new: dict[str, Any] = {}
    for name in _parts(held):
        part = getattr(held, name)
        mine = {f.name: left.pop(f.name) for f in fields(part) if f.name in left}
        if mine:
            new[name] = replace(part, **mine)
    result: T = replace(held, **new, **left)
    return result


@dataclass(frozen=True, slots=True)
class SubgroupTest:
    """Whether subgroups differ: the omnibus test by its name."""

    name: str  # e.g. "F(3, 5)" or "chi2(3)"
    moderator: str
    tau2: Literal["common", "separate"]
    stat: float
    df1: float
    df2: float  # inf for chi2
    p: float
    kind: str = "Wald"  # or "likelihood ratio"
    fallbacks: tuple[Fallback, ...] = ()
