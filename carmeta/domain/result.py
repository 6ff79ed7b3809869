"""What a fit hands on: estimates on the analysis scale and as people read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NAN = float("nan")


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
class Pooled:
    """One pooled estimate.

    ``estimate``, ``se``, ``ci_*``, ``pi_*``, ``tau2*`` are on the analysis scale (log odds
    for PLO, log ratio for OR and RR, ...); ``back`` holds the estimate and its limits
    back-transformed. A number that does not exist for the fit (a prediction interval of a
    single study) is NaN, and a fallback says why. ``weights`` sum to 1, in the order of the
    studies; ``weights_kind`` says what they are.
    """

    k: int
    measure: str
    model: str
    method: str
    test: str
    pi_method: str
    i2_method: str
    level: float
    estimate: float
    se: float
    stat: float
    df: float  # inf for a normal test
    p: float
    ci_lb: float
    ci_ub: float
    pi_lb: float
    pi_ub: float
    tau2: float
    tau2_ci_lb: float
    tau2_ci_ub: float
    tau2_ci_method: str
    i2: float  # percent, 0..100
    h2: float
    q: float
    q_df: int
    q_pval: float
    back: Back
    loglik: float = NAN
    converged: bool = True
    weights: tuple[float, ...] = ()
    weights_kind: Literal["inverse-variance", "information-share", "mantel-haenszel", "none"] = (
        "none"
    )
    fallbacks: tuple[Fallback, ...] = ()
    # What was asked for was done, but a reader should know: few studies, cut limits, ...
    cautions: tuple[Fallback, ...] = ()
    q_kind: str = "Cochran"  # what ``q`` is: Cochran, LRT (GLMM), ...
    q_wald: float = NAN  # the other statistic of homogeneity, where a model has two
    n_harmonic: float = NAN  # sample size in the back-transform of PFT
    marginal: Back | None = None  # mean over the population of studies, where asked for
    # Beta-binomial: correlation of two patients of one study, 0..1, and its limits.
    rho: float = NAN
    rho_ci_lb: float = NAN
    rho_ci_ub: float = NAN
    bayes: BayesSummary | None = None

    @property
    def label(self) -> str:
        """Model and its options in a few words, e.g. ``IV (REML, adhoc)``."""
        inner = ", ".join(part for part in (self.method, self.test) if part)
        return f"{self.model} ({inner})" if inner else self.model


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
