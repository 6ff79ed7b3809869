"""Counts of one arm and a request to a ``Pooled``: every model, every fallback."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from carmeta.api.assemble import assemble, likelihood_ratio, predicted, wald
from carmeta.arrays import Bools, Floats
from carmeta.domain.counts import study_name, study_names
from carmeta.domain.request import Request
from carmeta.domain.result import (
    NAN,
    Back,
    BayesSummary,
    Between,
    Correlation,
    Fallback,
    Heterogeneity,
    Mean,
    Pooled,
)
from carmeta.errors import EstimationError
from carmeta.measures import addition, effect_sizes, harmonic_mean, transform
from carmeta.pooling import bayes, beta_binomial, glmm, glmm_profile, inverse_variance
from carmeta.pooling.bayes_binomial import binomial_normal
from carmeta.pooling.exact import clopper_pearson
from carmeta.pooling.heterogeneity import Heterogeneity as Spread
from carmeta.pooling.heterogeneity import heterogeneity
from carmeta.pooling.intervals import critical, prediction_df

# Points of a Bayesian fit's predictive distribution function.
_PREDICTIVE_POINTS: Final = 161
_RHO: Final = Fallback("rho-not-tau2", "the beta-binomial model has rho in the place of tau2")


@dataclass(frozen=True, slots=True)
class Counts:
    """Checked counts of k studies, ``(k,)``, and their labels where there are any."""

    x: Floats
    n: Floats
    slab: tuple[str, ...] | None = None

    @property
    def k(self) -> int:
        return int(self.x.size)

    def of(self, keep: Bools) -> Counts:
        """Some of the studies."""
        slab = self.slab
        if slab is not None:
            slab = tuple(name for name, kept in zip(slab, keep, strict=True) if kept)
        return Counts(self.x[keep], self.n[keep], slab)

    def effects(self, ask: Request) -> tuple[Floats, Floats]:
        """Effects and variances as asked for."""
        return effect_sizes(
            self.x, self.n, measure=ask.measure, add=ask.add, to=ask.to, slab=self.slab
        )

    def corrected(self, ask: Request) -> Bools:
        """Which studies have something added to their cells, ``(k,)``."""
        return addition(self.x, self.n, measure=ask.measure, add=ask.add, to=ask.to) > 0


def fit(counts: Counts, ask: Request) -> Pooled:
    """Pool as asked, or answer exactly where no random-effects model can be fitted."""
    return _degenerate(counts, ask) or _FITS[ask.model](counts, ask)


# -- degenerate data ------------------------------------------------------------------------


def _degenerate(counts: Counts, ask: Request) -> Pooled | None:
    if counts.k == 1:
        name = study_name(0, counts.slab)
        text = f"{name} alone: its exact Clopper-Pearson interval, nothing is pooled"
        return _exact(counts, ask, Fallback("single-study", text))
    if ask.model == "BAYES" and ask.mu_prior is not None:
        return None  # a proper prior of the mean carries the answer
    zero, full = bool((counts.x == 0).all()), bool((counts.x == counts.n).all())
    if zero or full:
        what = "no events" if zero else "events in every patient"
        text = (
            f"{what} in any of {counts.k} studies: pooled exact Clopper-Pearson interval, "
            "which assumes homogeneity"
        )
        return _exact(counts, ask, Fallback("all-zero" if zero else "all-events", text))
    return None


def _exact(counts: Counts, ask: Request, fallback: Fallback) -> Pooled:
    """The sum of the counts with exact limits; tau2 and prediction do not exist."""
    events, total = float(counts.x.sum()), float(counts.n.sum())
    low, high = (float(v) for v in clopper_pearson(events, total, level=ask.level))
    n = harmonic_mean(counts.n)
    scale = transform([events / total, low, high], measure=ask.measure, n=n)
    estimate, ci_lb, ci_ub = (float(v) for v in scale)
    return assemble(
        ask, counts.k, Mean(estimate, NAN, NAN, NAN, NAN, ci_lb, ci_ub), method="exact",
        test="exact", back=Back(events / total, low, high), pooled=False,
        heterogeneity=Heterogeneity(i2_method=ask.i2_method),
        weights=(1.0,) if counts.k == 1 else (), fallbacks=(fallback,), n=n,
    )  # fmt: skip


# -- models -----------------------------------------------------------------------------------


def _iv(counts: Counts, ask: Request) -> Pooled:
    """Inverse variance on the measure's scale."""
    pooled = inverse_variance_pool(ask, *counts.effects(ask), n=harmonic_mean(counts.n))
    return replace(pooled, cautions=(*_correction(counts, ask), *pooled.cautions))


def _correction(counts: Counts, ask: Request) -> tuple[Fallback, ...]:
    """The caution that a continuity correction was made, and in which studies."""
    names = study_names(counts.slab, counts.k)
    hit = [name for name, hit in zip(names, counts.corrected(ask), strict=True) if hit]
    return (Fallback("continuity-correction", correction_words(ask, hit)),) if hit else ()


def correction_words(ask: Request, names: Sequence[str]) -> str:
    """What was added, by which rule, and to whom."""
    return f"{ask.add:g} added to each cell ({ask.to}) of {', '.join(names)}"


def inverse_variance_pool(ask: Request, yi: Floats, vi: Floats, *, n: float = NAN) -> Pooled:
    """The inverse-variance model of given effects ``(k,)``, k >= 2.

    Raises:
        EstimationError: tau2 that was not found.
    """
    found = inverse_variance.fit_one(
        yi, vi, method=ask.method, test=ask.test, level=ask.level,
        pi_method=ask.pi_method, i2_method=ask.i2_method, seed=ask.seed,
    )  # fmt: skip
    if not bool(found.converged):
        raise EstimationError(f"tau2 by {ask.method} did not converge")
    numbers = (found.estimate, found.se, found.stat, found.df, found.p, found.ci_lb, found.ci_ub)
    cautions: tuple[Fallback, ...] = ()
    if not float(found.se) > 0:
        # Hartung-Knapp's standard error of studies that agree exactly is 0: no test, no width.
        text = "the standard error is 0 and the interval a point (use adhoc)"
        cautions = (Fallback("zero-se", f"the studies agree exactly: {text}"),)
    return assemble(
        ask, yi.size, Mean(*(float(v) for v in numbers)),
        between=between_iv(ask, found.tau2, found.tau2_ci_lb, found.tau2_ci_ub),
        heterogeneity=cochran(found.heterogeneity, ask.i2_method),
        pi=(float(found.pi_lb), float(found.pi_ub)), weights=found.weights,
        weights_kind="inverse-variance", loglik=float(found.loglik), cautions=cautions, n=n,
    )  # fmt: skip


def between_iv(ask: Request, tau2: Floats, low: Floats, high: Floats) -> Between:
    """tau2 of an inverse-variance model with its Q-profile limits; EE has none."""
    how = "none" if ask.method == "EE" else "QP"
    return Between(float(tau2), float(low), float(high), how)


def cochran(found: Spread, i2_method: str) -> Heterogeneity:
    """Cochran's Q with I2 and H2 by the definition named."""
    return Heterogeneity(
        i2=float(found.i2), h2=float(found.h2), i2_method=i2_method,
        q=float(found.q), q_df=int(found.q_df), q_pval=float(found.q_pval),
    )  # fmt: skip


def _glmm(counts: Counts, ask: Request) -> Pooled:
    """Binomial-normal model; where it has no finite maximum, inverse variance by name."""
    x, n, level = counts.x, counts.n, ask.level
    found = glmm.fit_glmm(x, n)
    status = int(found.status)
    if status in (glmm.SEPARATED, glmm.FAILED):
        return _instead(counts, ask, separated=status == glmm.SEPARATED)
    tau2 = float(found.tau2)
    df = _df(ask, counts.k)
    limits = stat = None
    if ask.test == "profile":
        limits = _pair(glmm_profile.profile_limits(x, n, found, of="mu", level=level))
        stat = glmm_profile.profile_root(x, n, found)
    mean = wald(float(found.estimate), float(found.se), df, level, limits=limits, stat=stat)
    tau2_limits = _pair(glmm_profile.profile_limits(x, n, found, of="tau2", level=level))
    marginal = None
    if ask.estimand == "marginal":
        values = glmm.marginal_interval(found, float(critical(level, df)))
        marginal = Back(*(float(v) for v in values))
    return assemble(
        ask, counts.k, mean, between=Between(tau2, *tau2_limits, "PL"),
        heterogeneity=homogeneity(counts, tau2, ask.i2_method),
        pi=predicted(ask, mean, tau2, counts.k), loglik=float(found.loglik),
        weights=found.shares, weights_kind="information-share", marginal=marginal,
    )  # fmt: skip


def homogeneity(counts: Counts, tau2: float, i2_method: str) -> Heterogeneity:
    """The tests of one proportion for all, and I2 from tau2 and the logits' variances."""
    wald_q, lrt = (float(v) for v in glmm.homogeneity_tests(counts.x, counts.n))
    i2 = h2 = NAN
    if i2_method == "tau2":
        spread = heterogeneity(*effect_sizes(counts.x, counts.n), tau2)
        i2, h2 = float(spread.i2), float(spread.h2)
    return likelihood_ratio(
        lrt, counts.k - 1, i2=i2, h2=h2, q_wald=wald_q, i2_method=i2_method
    )  # fmt: skip


def _beta_binomial(counts: Counts, ask: Request) -> Pooled:
    """Beta-binomial: the mean proportion itself, heterogeneity as the correlation rho."""
    x, n, level = counts.x, counts.n, ask.level
    found = beta_binomial.fit_beta_binomial(x, n)
    status = int(found.status)
    if status in (beta_binomial.SEPARATED, beta_binomial.FAILED):
        return _instead(counts, ask, separated=status == beta_binomial.SEPARATED)
    limits = stat = None
    if ask.test == "profile":
        limits = _pair(beta_binomial.profile_limits(x, n, found, of="mu", level=level))
        stat = beta_binomial.profile_root(x, n, found)
    mu, se, rho = float(found.estimate), float(found.se), float(found.rho)
    mean = wald(mu, se, _df(ask, counts.k), level, limits=limits, stat=stat)
    pi_df = float(prediction_df(counts.k, ask.pi_method))
    pi = (NAN, NAN)
    if pi_df >= 1:
        pi = beta_binomial.prediction_limits(mu, se, rho, pi_df, level)
    rho_limits = _pair(beta_binomial.profile_limits(x, n, found, of="rho", level=level))
    return assemble(
        ask, counts.k, mean, heterogeneity=homogeneity(counts, NAN, ask.i2_method), pi=pi,
        correlation=Correlation(rho, *rho_limits), loglik=float(found.loglik), cautions=(_RHO,),
    )  # fmt: skip


def _df(ask: Request, k: int) -> float:
    return float(k - 1) if ask.test == "t" else float("inf")


def _pair(limits: tuple[Floats | float, Floats | float]) -> tuple[float, float]:
    return float(limits[0]), float(limits[1])


def _bayes(counts: Counts, ask: Request) -> Pooled:
    """Posterior medians and equal-tailed intervals; tau2 is the squared median of tau."""
    centre, sd = (0.0, None) if ask.mu_prior is None else ask.mu_prior
    prior = bayes.Prior(ask.prior, ask.prior_scale, centre, sd)
    cautions: tuple[Fallback, ...] = ()
    if ask.likelihood == "binomial":
        post = binomial_normal(counts.x, counts.n, prior=prior, level=ask.level)
        effects = effect_sizes(counts.x, counts.n)  # of the description by Q and I2 alone
    else:
        cautions = _correction(counts, ask)
        effects = counts.effects(ask)
        post = bayes.normal_normal(*effects, prior=prior, level=ask.level)
    tau2 = post.tau_median**2
    spread = heterogeneity(*effects, tau2, i2_method=ask.i2_method)
    mean = Mean(post.mu_median, post.mu_sd, NAN, NAN, NAN, post.mu_lb, post.mu_ub)
    summary = BayesSummary(
        ask.likelihood, prior.tau, prior.scale,
        "flat" if sd is None else f"normal({centre:g}, {sd:g})",
        post.tau_median, post.tau_lb, post.tau_ub, post.bf01,
        tuple((float(a), float(b), float(c)) for a, b, c in post.theta), _predictive(post),
    )  # fmt: skip
    return assemble(
        ask, counts.k, mean, method=f"{prior.tau}({prior.scale:g})",
        between=Between(tau2, post.tau_lb**2, post.tau_ub**2, "posterior"),
        heterogeneity=cochran(spread, ask.i2_method), pi=(post.new_lb, post.new_ub),
        bayes=summary, cautions=cautions, n=harmonic_mean(counts.n),
    )  # fmt: skip


def _predictive(post: bayes.Posterior) -> tuple[tuple[float, float], ...]:
    """Distribution function of a new study's effect, on points far into both tails."""
    low = post.mu_median - 3.0 * (post.mu_median - post.new_lb)
    high = post.mu_median + 3.0 * (post.new_ub - post.mu_median)
    points = np.linspace(low, high, _PREDICTIVE_POINTS)
    return tuple((float(v), post.new_cdf(float(v))) for v in points)


def _instead(counts: Counts, ask: Request, *, separated: bool) -> Pooled:
    """What is done where the likelihood has no maximum to report."""
    if bool((counts.n == 1).all()):
        text = (
            "every study has one patient, which says nothing of heterogeneity: pooled exact "
            "Clopper-Pearson interval, which assumes homogeneity"
        )
        return _exact(counts, ask, Fallback("one-patient-studies", text))
    code, why = (
        ("separated", "every study is 0/n or n/n, so that heterogeneity grows without end")
        if separated
        else ("no-convergence", f"the likelihood of the {ask.model} model was not maximised")
    )
    fallback = Fallback(
        code, f"{why}: inverse variance on the logit (REML, adhoc) with 0.5 added instead"
    )
    other = _iv(counts, replace(ask, model="IV", method="REML", test="adhoc"))
    return replace(other, fallbacks=(fallback, *other.fallbacks))


_FITS: Final[dict[str, Callable[[Counts, Request], Pooled]]] = {
    "IV": _iv, "GLMM": _glmm, "BB": _beta_binomial, "BAYES": _bayes,
}  # fmt: skip
