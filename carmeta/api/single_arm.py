"""One checked analysis of single-arm counts to its ``Pooled``: every model, every fallback."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from carmeta.domain.result import NAN, Back, BayesSummary, Fallback, Pooled
from carmeta.errors import EstimationError
from carmeta.measures import (
    PFT_WARNING,
    To,
    back_transform,
    effect_sizes,
    harmonic_mean,
    study_name,
    transform,
)
from carmeta.pooling import bayes, beta_binomial, glmm, glmm_profile, inverse_variance
from carmeta.pooling.exact import clopper_pearson
from carmeta.pooling.heterogeneity import I2Method, heterogeneity
from carmeta.pooling.intervals import (
    critical,
    prediction_df,
    prediction_limits,
    two_sided_p,
)
from carmeta.vocabulary import Method, Model, PiMethod, SingleArmMeasure, Test

Floats = NDArray[np.float64]
Estimand = Literal["median", "marginal"]

# Below this many studies a prediction interval rests on a guess of tau2 (Veroniki 2019).
FEW_STUDIES: Final = 5
# Points of a Bayesian fit's predictive distribution function.
_PREDICTIVE_POINTS: Final = 161


@dataclass(frozen=True, slots=True)
class Task:
    """A checked analysis: what the models need to know."""

    x: Floats
    n: Floats
    measure: SingleArmMeasure
    model: Model
    method: Method
    test: Test
    pi_method: PiMethod
    i2_method: I2Method
    level: float
    slab: tuple[str, ...] | None
    add: float
    to: To
    seed: int
    estimand: Estimand
    prior: bayes.Prior
    likelihood: Literal["binomial", "normal"]

    @property
    def k(self) -> int:
        return int(self.x.size)


# -- degenerate data ------------------------------------------------------------------------


def degenerate(task: Task) -> Pooled | None:
    """Exact answers where no random-effects model can be fitted."""
    if task.k == 1:
        name = study_name(0, task.slab)
        text = f"{name} alone: its exact Clopper-Pearson interval, nothing is pooled"
        return _exact(task, Fallback("single-study", text))
    if task.model == "BAYES" and task.prior.mu_sd is not None:
        return None  # a proper prior of the mean carries the answer
    zero, full = bool((task.x == 0).all()), bool((task.x == task.n).all())
    if zero or full:
        what = "no events" if zero else "events in every patient"
        text = (
            f"{what} in any of {task.k} studies: pooled exact Clopper-Pearson interval, "
            "which assumes homogeneity"
        )
        return _exact(task, Fallback("all-zero" if zero else "all-events", text))
    return None


def _exact(task: Task, fallback: Fallback) -> Pooled:
    """The sum of the counts with exact limits; tau2 and prediction do not exist."""
    events, total = float(task.x.sum()), float(task.n.sum())
    low, high = (float(v) for v in clopper_pearson(events, total, level=task.level))
    p = events / total
    mean = total if task.k == 1 else harmonic_mean(task.n)
    scale = transform([p, low, high], measure=task.measure, n=mean)
    estimate, ci_lb, ci_ub = (float(v) for v in scale)
    return Pooled(
        k=task.k, measure=task.measure, model=task.model, method="exact", test="exact",
        pi_method=task.pi_method, i2_method=task.i2_method, level=task.level,
        estimate=estimate, se=NAN, stat=NAN, df=NAN, p=NAN, ci_lb=ci_lb, ci_ub=ci_ub,
        pi_lb=NAN, pi_ub=NAN, tau2=NAN, tau2_ci_lb=NAN, tau2_ci_ub=NAN, tau2_ci_method="none",
        i2=NAN, h2=NAN, q=NAN, q_df=task.k - 1, q_pval=NAN,
        back=Back(p, low, high), weights=(1.0,) if task.k == 1 else (),
        fallbacks=(fallback,), n_harmonic=mean,
    )  # fmt: skip


# -- models -----------------------------------------------------------------------------------


def pool_iv(task: Task) -> Pooled:
    """Inverse variance on the measure's scale."""
    yi, vi = effect_sizes(task.x, task.n, measure=task.measure, add=task.add, to=task.to)
    fit = inverse_variance.fit_one(
        yi, vi, method=task.method, test=task.test, level=task.level,
        pi_method=task.pi_method, i2_method=task.i2_method, seed=task.seed,
    )  # fmt: skip
    if not bool(fit.converged):
        raise EstimationError(f"tau2 by {task.method} did not converge")
    het = fit.heterogeneity
    mean = harmonic_mean(task.n)
    raw = [float(v) for v in (fit.estimate, fit.ci_lb, fit.ci_ub, fit.pi_lb, fit.pi_ub)]
    back = back_transform(raw, measure=task.measure, ni=[mean])
    equal = task.method == "EE"
    return Pooled(
        k=task.k, measure=task.measure, model="IV", method=task.method, test=task.test,
        pi_method=task.pi_method, i2_method="Q" if equal else task.i2_method,
        level=task.level, estimate=raw[0], se=float(fit.se), stat=float(fit.stat),
        df=float(fit.df), p=float(fit.p), ci_lb=raw[1], ci_ub=raw[2], pi_lb=raw[3],
        pi_ub=raw[4], tau2=float(fit.tau2), tau2_ci_lb=float(fit.tau2_ci_lb),
        tau2_ci_ub=float(fit.tau2_ci_ub), tau2_ci_method="none" if equal else "QP",
        i2=float(het.i2), h2=float(het.h2), q=float(het.q), q_df=int(het.q_df),
        q_pval=float(het.q_pval), back=Back(*(float(v) for v in back)),
        loglik=float(fit.loglik), weights=tuple(float(w) for w in fit.weights),
        weights_kind="inverse-variance", fallbacks=_flags(task),
        cautions=(*_no_error(float(fit.se)), *_cautions(task, raw)), n_harmonic=mean,
    )  # fmt: skip


def _no_error(se: float) -> tuple[Fallback, ...]:
    """Hartung-Knapp's standard error of studies that agree exactly is 0: no test, no width."""
    if se > 0:
        return ()
    text = "the studies agree exactly: the standard error is 0 and the interval a point (use adhoc)"
    return (Fallback("no-standard-error", text),)


def pool_glmm(task: Task) -> Pooled:
    """Binomial-normal model; where it has no finite maximum, inverse variance by name."""
    fit = glmm.fit_glmm(task.x, task.n)
    status = int(fit.status)
    if status in (glmm.SEPARATED, glmm.FAILED):
        return _instead(task, separated=status == glmm.SEPARATED)
    mu, se, tau2 = float(fit.estimate), float(fit.se), float(fit.tau2)
    df = float("inf") if task.test in ("z", "profile") else float(task.k - 1)
    stat = mu / se
    if task.test == "profile":
        low, high = (
            float(v)
            for v in glmm_profile.profile_limits(task.x, task.n, fit, of="mu", level=task.level)
        )
        stat = glmm_profile.profile_root(task.x, task.n, fit)
    else:
        half = float(critical(task.level, df)) * se
        low, high = mu - half, mu + half
    pi_df = prediction_df(task.k, task.pi_method)
    pi = [float(v) for v in prediction_limits(mu, se, tau2, pi_df, task.level)]
    t_low, t_high = glmm_profile.profile_limits(task.x, task.n, fit, of="tau2", level=task.level)
    wald, lrt = (float(v) for v in glmm.homogeneity_tests(task.x, task.n))
    yi, vi = effect_sizes(task.x, task.n)
    het = heterogeneity(yi, vi, tau2, i2_method="tau2")
    i2, h2 = float(het.i2), float(het.h2)
    if task.i2_method == "Q":
        i2, h2 = 100.0 * max(0.0, 1.0 - (task.k - 1) / max(lrt, 1e-300)), lrt / (task.k - 1)
    raw = [mu, low, high, *pi]
    return Pooled(
        k=task.k, measure="PLO", model="GLMM", method="ML", test=task.test,
        pi_method=task.pi_method, i2_method=task.i2_method, level=task.level,
        estimate=mu, se=se, stat=stat, df=df, p=float(two_sided_p(stat, df)),
        ci_lb=low, ci_ub=high, pi_lb=pi[0], pi_ub=pi[1], tau2=tau2,
        tau2_ci_lb=float(t_low), tau2_ci_ub=float(t_high), tau2_ci_method="PL",
        i2=i2, h2=h2, q=lrt, q_df=task.k - 1, q_pval=float(chdtrc(task.k - 1, lrt)),
        back=Back(*(float(v) for v in back_transform(raw))), loglik=float(fit.loglik),
        weights=tuple(float(w) for w in fit.shares), weights_kind="information-share",
        fallbacks=_flags(task), cautions=_cautions(task, raw),
        q_kind="LRT", q_wald=wald,
        marginal=_marginal(fit, task, df) if task.estimand == "marginal" else None,
    )  # fmt: skip


def _marginal(fit: glmm.GlmmFit, task: Task, df: float) -> Back:
    mean, low, high = glmm.marginal_interval(fit, float(critical(task.level, df)))
    return Back(float(mean), float(low), float(high))


def pool_bb(task: Task) -> Pooled:
    """Beta-binomial: the mean proportion itself, heterogeneity as the correlation rho."""
    fit = beta_binomial.fit_beta_binomial(task.x, task.n)
    status = int(fit.status)
    if status in (beta_binomial.SEPARATED, beta_binomial.FAILED):
        return _instead(task, separated=status == beta_binomial.SEPARATED)
    mu, se, rho = float(fit.estimate), float(fit.se), float(fit.rho)
    df = float("inf") if task.test in ("z", "profile") else float(task.k - 1)
    stat = mu / se
    if task.test == "profile":
        low, high = beta_binomial.profile_limits(task.x, task.n, fit, of="mu", level=task.level)
        stat = beta_binomial.profile_root(task.x, task.n, fit)
    else:
        half = float(critical(task.level, df)) * se
        low, high = mu - half, mu + half
    pi_df = float(prediction_df(task.k, task.pi_method))
    pi = (NAN, NAN)
    if pi_df >= 1:
        pi = beta_binomial.prediction_limits(mu, se, rho, pi_df, task.level)
    rho_low, rho_high = beta_binomial.profile_limits(
        task.x, task.n, fit, of="rho", level=task.level
    )
    wald, lrt = (float(v) for v in glmm.homogeneity_tests(task.x, task.n))
    raw = [mu, low, high, *pi]
    caution = Fallback("rho-not-tau2", "the beta-binomial model has rho in the place of tau2")
    return Pooled(
        k=task.k, measure="PLO", model="BB", method="ML", test=task.test,
        pi_method=task.pi_method, i2_method="Q", level=task.level,
        estimate=mu, se=se, stat=stat, df=df, p=float(two_sided_p(stat, df)),
        ci_lb=low, ci_ub=high, pi_lb=pi[0], pi_ub=pi[1],
        tau2=NAN, tau2_ci_lb=NAN, tau2_ci_ub=NAN, tau2_ci_method="none",
        i2=100.0 * max(0.0, 1.0 - (task.k - 1) / max(lrt, 1e-300)), h2=lrt / (task.k - 1),
        q=lrt, q_df=task.k - 1, q_pval=float(chdtrc(task.k - 1, lrt)),
        back=Back(*(float(v) for v in back_transform(raw))), loglik=float(fit.loglik),
        fallbacks=_flags(task), cautions=(caution, *_cautions(task, raw)),
        q_kind="LRT", q_wald=wald, rho=rho, rho_ci_lb=rho_low, rho_ci_ub=rho_high,
    )  # fmt: skip


def pool_bayes(task: Task) -> Pooled:
    """Posterior medians and equal-tailed intervals; tau2 is the squared median of tau."""
    mean = harmonic_mean(task.n)
    binomial = task.likelihood == "binomial"
    if binomial:
        post = bayes.binomial_normal(task.x, task.n, prior=task.prior, level=task.level)
    else:
        yi, vi = effect_sizes(task.x, task.n, measure=task.measure, add=task.add, to=task.to)
        post = bayes.normal_normal(yi, vi, prior=task.prior, level=task.level)
    raw = [post.mu_median, post.mu_lb, post.mu_ub, post.new_lb, post.new_ub]
    tau2 = post.tau_median**2
    yi, vi = effect_sizes(task.x, task.n, measure=task.measure)
    het = heterogeneity(yi, vi, tau2, i2_method=task.i2_method)
    prior = task.prior
    mu_prior = "flat" if prior.mu_sd is None else f"normal({prior.mu_mean:g}, {prior.mu_sd:g})"
    return Pooled(
        k=task.k, measure=task.measure, model="BAYES", method=f"{prior.tau}({prior.scale:g})",
        test="", pi_method="posterior", i2_method=task.i2_method, level=task.level,
        estimate=post.mu_median, se=post.mu_sd, stat=NAN, df=NAN, p=NAN,
        ci_lb=raw[1], ci_ub=raw[2], pi_lb=raw[3], pi_ub=raw[4], tau2=tau2,
        tau2_ci_lb=post.tau_lb**2, tau2_ci_ub=post.tau_ub**2, tau2_ci_method="posterior",
        i2=float(het.i2), h2=float(het.h2), q=float(het.q), q_df=task.k - 1,
        q_pval=float(het.q_pval),
        back=Back(*(float(v) for v in back_transform(raw, measure=task.measure, ni=[mean]))),
        fallbacks=_flags(task), cautions=_cautions(task, raw), n_harmonic=mean,
        bayes=BayesSummary(
            task.likelihood, prior.tau, prior.scale, mu_prior, post.tau_median, post.tau_lb,
            post.tau_ub, post.bf01, tuple((float(a), float(b), float(c)) for a, b, c in post.theta),
            _predictive(post),
        ),
    )  # fmt: skip


def _predictive(post: bayes.Posterior) -> tuple[tuple[float, float], ...]:
    """Distribution function of a new study's effect, on points far into both tails."""
    low = post.mu_median - 3.0 * (post.mu_median - post.new_lb)
    high = post.mu_median + 3.0 * (post.new_ub - post.mu_median)
    points = np.linspace(low, high, _PREDICTIVE_POINTS)
    return tuple((float(v), post.new_cdf(float(v))) for v in points)


def _instead(task: Task, *, separated: bool) -> Pooled:
    """What is done where the likelihood has no maximum to report."""
    if bool((task.n == 1).all()):
        text = (
            "every study has one patient, which says nothing of heterogeneity: pooled exact "
            "Clopper-Pearson interval, which assumes homogeneity"
        )
        return _exact(task, Fallback("one-patient-studies", text))
    code, why = (
        ("separated", "every study is 0/n or n/n, so that heterogeneity grows without end")
        if separated
        else ("no-convergence", f"the likelihood of the {task.model} model was not maximised")
    )
    fallback = Fallback(
        code, f"{why}: inverse variance on the logit (REML, adhoc) with 0.5 added instead"
    )
    other = pool_iv(replace(task, model="IV", method="REML", test="adhoc", add=0.5, to="only0"))
    return replace(other, fallbacks=(fallback, *other.fallbacks))


def _flags(task: Task) -> tuple[Fallback, ...]:
    if task.k != 2:
        return ()
    text = "two studies: their results should be read singly, the pool is uncertain"
    return (Fallback("two-studies", text),)


def _cautions(task: Task, raw: list[float]) -> tuple[Fallback, ...]:
    """Things that a reader of a result should know, in the order estimate, limits, prediction."""
    found = []
    if task.measure == "PFT":
        found.append(Fallback("pft-back-transform", PFT_WARNING))
    if task.k < FEW_STUDIES:
        text = f"a prediction interval from {task.k} studies is a rough guide"
        found.append(Fallback("few-studies", text))
    if np.isnan(raw[3]):
        text = f"no prediction interval: {task.pi_method} needs more than {task.k} studies"
        found.append(Fallback("no-prediction-interval", text))
    if task.measure in ("PR", "PLN", "PAS"):
        top = {"PR": 1.0, "PLN": 0.0, "PAS": np.pi / 2.0}[task.measure]
        bottom = -np.inf if task.measure == "PLN" else 0.0
        if any(v < bottom or v > top for v in raw):
            text = f"a limit on the {task.measure} scale lay outside 0 to 1 and was cut there"
            found.append(Fallback("limits-cut", text))
    return tuple(found)
