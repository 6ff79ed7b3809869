"""Binomial-normal models of two arms: both arms' counts, a random treatment effect.

``UM.RS`` (random study intercepts; Turner et al. 2000; Jackson et al. 2018, model 5 without
correlation) and ``UM.FS`` (one fixed intercept a study). The treatment effect varies between
studies with variance tau2 around the mean log odds ratio; the arms are coded +1/2 and -1/2
in the random part, so that neither arm is the more variable by construction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, get_args

import numpy as np
from scipy.special import chdtrc, expit, xlogy

from carmeta.arrays import Floats
from carmeta.errors import ConfigError, EstimationError
from carmeta.pooling.binomial_mixed import fit_mixed, profile_beta, profile_sd2
from carmeta.pooling.mixed_quadrature import NODES, MixedData
from carmeta.pooling.two_arm_effects import TwoArmCounts
from carmeta.vocabulary import TwoArmForm

TWO_ARM_FORMS: Final[tuple[str, ...]] = get_args(TwoArmForm)


@dataclass(frozen=True, slots=True)
class TwoArmGLMM:
    """Mean log odds ratio and variance components of a two-arm binomial-normal model.

    ``sigma2`` is the variance of the study intercepts (NaN for ``UM.FS``). ``q`` is the
    likelihood ratio statistic of a common against a separate odds ratio a study, with one
    fixed intercept a study, on ``q_df`` degrees of freedom. ``limits`` of the estimate are
    profile-likelihood ones, NaN where not asked for.
    """

    estimate: float
    se: float
    tau2: float
    tau2_ci: tuple[float, float]
    sigma2: float
    loglik: float
    converged: bool
    iterations: int
    q: float
    q_df: int
    q_pval: float
    limits: tuple[float, float]


def fit_two_arm_glmm(
    counts: TwoArmCounts,
    *,
    form: TwoArmForm = "UM.RS",
    level: float = 0.95,
    tau2_interval: bool = True,
    profile: bool = False,
    nodes: int = NODES,
) -> TwoArmGLMM:
    """Fit by maximum likelihood; counts are ``(k,)`` with k at least 2.

    ``level`` is that of the profile-likelihood interval for tau2. Raises EstimationError
    where an arm has no events, or only events, in all studies together (the likelihood then
    has no maximum), and for studies without information under ``UM.FS``.
    """
    if form not in TWO_ARM_FORMS:
        raise ConfigError(f"form = {form!r} is not one of {', '.join(TWO_ARM_FORMS)}")
    _require_estimable(counts, form)
    data = two_arm_data(counts, form)
    fit = fit_mixed(data, nodes=nodes)
    at = data.x.shape[2] - 1
    which = data.z.shape[2] - 1
    interval = (
        profile_sd2(data, fit, which, level=level, nodes=nodes)
        if tau2_interval
        else (float("nan"), float("nan"))
    )
    q, q_df = common_odds_ratio_lrt(counts)
    return TwoArmGLMM(
        estimate=float(fit.beta[at]),
        se=float(np.sqrt(fit.cov[at, at])),
        tau2=float(fit.sd[which] ** 2),
        tau2_ci=interval,
        sigma2=float(fit.sd[0] ** 2) if form == "UM.RS" else float("nan"),
        loglik=fit.loglik,
        converged=fit.converged,
        iterations=fit.iterations,
        q=q,
        q_df=q_df,
        q_pval=float(chdtrc(q_df, q)) if q_df > 0 else 1.0,
        limits=profile_beta(data, fit, at, level=level, nodes=nodes)
        if profile
        else (float("nan"), float("nan")),
    )


def _require_estimable(counts: TwoArmCounts, form: TwoArmForm) -> None:
    for cells, what in (
        (counts.ai, "events in the treatment arm"),
        (counts.bi, "patients without the event in the treatment arm"),
        (counts.ci, "events in the control arm"),
        (counts.di, "patients without the event in the control arm"),
    ):
        if cells.sum() == 0.0:
            raise EstimationError(
                f"no {what} of any study: the odds ratio of the GLMM does not exist",
                hint="pool risk differences, or odds ratios by the Peto method",
            )
    if form == "UM.FS" and counts.uninformative.any():
        raise EstimationError(
            "UM.FS cannot hold studies without events, or with only events, in both arms",
            hint="drop00 leaves them out",
        )


def two_arm_data(counts: TwoArmCounts, form: TwoArmForm) -> MixedData:
    """Counts ``(k,)`` as rows of the mixed model, two a study; the last fixed effect is the
    log odds ratio and the last random effect its deviation."""
    k = counts.ai.shape[-1]
    arm = np.array([1.0, 0.0])
    half = np.broadcast_to(np.array([0.5, -0.5])[:, None], (k, 2, 1))
    ones = np.ones((k, 2, 1))
    group = np.broadcast_to(arm[:, None], (k, 2, 1))
    if form == "UM.RS":
        x, z = np.concatenate([ones, group], axis=2), np.concatenate([ones, half], axis=2)
    else:
        own = np.broadcast_to(np.eye(k)[:, None, :], (k, 2, k))
        x, z = np.concatenate([own, group], axis=2), half
    y = np.stack([counts.ai, counts.ci], axis=1)
    n = np.stack([counts.n1i, counts.n2i], axis=1)
    return MixedData(y, n, np.ascontiguousarray(x), np.ascontiguousarray(z))


def common_odds_ratio_lrt(counts: TwoArmCounts) -> tuple[float, int]:
    """Deviance of one common odds ratio with fixed study intercepts, and its df.

    Studies without events, or with only events, in both arms carry no information and are
    left out. ``(0, 0)`` where fewer than two remain.
    """
    keep = ~counts.uninformative
    a, n1, c, n2 = counts.ai[keep], counts.n1i[keep], counts.ci[keep], counts.n2i[keep]
    k = a.size
    if k < 2:
        return 0.0, 0
    total = a + c
    if (a == np.maximum(total - n2, 0.0)).all() or (a == np.minimum(total, n1)).all():
        return 0.0, k - 1  # an odds ratio of 0 or infinity fits every study exactly
    alpha, theta = np.log((a + c) / (n1 + n2 - a - c)), 0.0
    for _ in range(200):
        p1, p2 = expit(alpha + theta), expit(alpha)
        w1, w2 = n1 * p1 * (1 - p1), n2 * p2 * (1 - p2)
        g_alpha, g_theta = a - n1 * p1 + c - n2 * p2, float((a - n1 * p1).sum())
        # block elimination of the intercepts
        schur = float((w1 * w2 / (w1 + w2)).sum())
        d_theta = (g_theta - float((w1 / (w1 + w2) * g_alpha).sum())) / schur
        d_alpha = (g_alpha - w1 * d_theta) / (w1 + w2)
        size = min(1.0, 2.0 / max(abs(d_theta), float(np.abs(d_alpha).max()), 1e-300))
        theta, alpha = theta + size * d_theta, alpha + size * d_alpha
        if max(abs(d_theta), float(np.abs(d_alpha).max())) < 1e-12:
            break
    p1, p2 = expit(alpha + theta), expit(alpha)
    deviance = 2.0 * (_deviance_term(a, n1, p1) + _deviance_term(c, n2, p2))
    return max(deviance, 0.0), k - 1


def _deviance_term(y: Floats, n: Floats, p: Floats) -> float:
    return float((xlogy(y, y / (n * p)) + xlogy(n - y, (n - y) / (n * (1.0 - p)))).sum())
