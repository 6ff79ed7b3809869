"""What a meta-regression hands on: coefficients, tests, what is left unexplained."""

from __future__ import annotations

from dataclasses import dataclass, field

from carmeta.arrays import Floats
from carmeta.domain.result import (
    NAN,
    Back,
    Between,
    Fallback,
    Heterogeneity,
    Spread,
    SubgroupTest,
    Tested,
)


@dataclass(frozen=True, slots=True)
class Coefficient(Tested):
    """One coefficient."""

    name: str


@dataclass(frozen=True, slots=True)
class Prediction:
    """The mean at given moderator values, with its confidence and prediction limits.

    On the analysis scale; ``back`` has the same on the scale of the outcome where the
    measure is known.
    """

    label: str
    estimate: float
    se: float
    ci_lb: float
    ci_ub: float
    pi_lb: float
    pi_ub: float
    back: Back | None = None


@dataclass(frozen=True, slots=True)
class VarianceComponent:
    """One level's variance in a multilevel model, with profile-likelihood limits."""

    name: str  # trials, cohorts
    sigma2: float
    ci_lb: float
    ci_ub: float
    units: int  # how many of them there are


@dataclass(frozen=True, slots=True)
class PermutationTest:
    """p values from refitting permuted data.

    ``p`` by coefficient name; ``p_omnibus`` of all moderators together. ``count``
    permutations, all there are if ``exact``; ``smallest`` is the least p they allow.
    """

    k: int
    formula: str
    method: str
    test: str
    p: dict[str, float]
    p_omnibus: float
    exact: bool
    count: int
    smallest: float
    seed: int | None  # None where all permutations were used


@dataclass(frozen=True, slots=True)
class Regression(Spread):
    """One fitted meta-regression.

    ``tau2``, ``i2`` (percent) and ``h2`` are residual: what the moderators leave. ``r2`` is
    the percentage of the heterogeneity that they account for, NaN where there is none to
    begin with. ``omnibus`` tests all coefficients but the intercept, ``terms`` each term of
    the formula. ``cov`` is the covariance of the coefficients in their order. ``levels``
    are the categories of each categorical moderator, the reference first. In a three-level
    model ``tau2`` is the sum of ``components``. With ``se_kind`` CR2 the standard errors are
    cluster-robust, every coefficient has its own df, and ``cross`` ``(m, p, m, p)`` is what
    the df of a combination of coefficients follow from.
    """

    k: int
    measure: str
    model: str  # IV or GLMM
    formula: str
    method: str
    test: str
    pi_method: str
    level: float
    coefficients: tuple[Coefficient, ...]
    cov: tuple[tuple[float, ...], ...]
    omnibus: SubgroupTest | None
    terms: tuple[SubgroupTest, ...]
    between: Between
    heterogeneity: Heterogeneity
    r2: float
    loglik: float = NAN
    converged: bool = True
    weights: tuple[float, ...] = ()
    levels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    fallbacks: tuple[Fallback, ...] = ()
    se_kind: str = "model"  # or CR2
    clusters: int = 0  # trials of a three-level model, clusters of CR2
    components: tuple[VarianceComponent, ...] = ()
    cross: Floats | None = field(default=None, compare=False, repr=False)
