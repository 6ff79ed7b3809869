"""Pool anybody's counts of one arm: effects and models composed, with every fallback named.

The functions of this module take plain sequences and return the frozen results of
:mod:`carmeta.domain.result`. Pipeline and command line call the same ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from carmeta.api.clustered import robust_to_clusters
from carmeta.api.single_arm import (
    Estimand,
    Task,
    degenerate,
    pool_bayes,
    pool_bb,
    pool_glmm,
    pool_iv,
)
from carmeta.domain.result import NAN, Pooled
from carmeta.errors import DataError
from carmeta.measures import (
    SINGLE_ARM_MEASURES,
    To,
    check_counts,
    effect_sizes,
    study_name,
    transform,
)
from carmeta.pooling import beta_binomial, inverse_variance
from carmeta.pooling.bayes import Prior, TauPrior
from carmeta.pooling.exact import StudyInterval, study_limits
from carmeta.pooling.heterogeneity import I2Method
from carmeta.pooling.intervals import beyond, check_level, prediction_df
from carmeta.vocabulary import Method, PiMethod, SingleArmMeasure, Test

Floats = NDArray[np.float64]
SingleArmModel = Literal["IV", "GLMM", "BB", "BAYES"]

_DEFAULT_TEST: Final[dict[str, Test]] = {"IV": "adhoc", "GLMM": "t", "BB": "t", "BAYES": "z"}
_LIKELIHOOD_TESTS: Final = ("z", "t", "profile")
_MODELS: Final = {"IV": pool_iv, "GLMM": pool_glmm, "BB": pool_bb, "BAYES": pool_bayes}


@dataclass(frozen=True, slots=True)
class Effects:
    """Effect sizes of k studies: arrays ``(k,)`` on the scale of ``measure``."""

    measure: str
    yi: Floats
    vi: Floats
    slab: tuple[str, ...]

    @property
    def sei(self) -> Floats:
        """Standard errors."""
        return np.asarray(np.sqrt(self.vi))


def effects(
    xi: ArrayLike,
    ni: ArrayLike,
    *,
    measure: SingleArmMeasure = "PLO",
    add: float = 0.5,
    to: To = "only0",
    slab: Sequence[str] | None = None,
) -> Effects:
    """Effect sizes and variances of single-arm counts.

    Args:
        xi: Events of each study; whole numbers in 0..ni.
        ni: Patients of each study; whole numbers of 1 or more.
        measure: PLO (logit), PLN (log), PR (raw), PAS (arcsine), PFT (double arcsine).
        add: Continuity correction of events and of non-events.
        to: Which studies get it: ``only0`` those with a zero cell, ``all``, ``if0all`` all
            of them if one has a zero cell, ``none``.
        slab: Study labels, used in messages.

    Raises:
        DataError: Counts that are not possible, named by study and value.

    >>> effects([3, 0], [10, 12]).yi.round(3).tolist()
    [-0.847, -3.219]
    """
    x, n = check_counts(xi, ni, slab)
    yi, vi = effect_sizes(x, n, measure=measure, add=add, to=to)
    names = slab if slab is not None else [study_name(i, None) for i in range(x.shape[-1])]
    return Effects(measure, yi, vi, tuple(names))


def study_intervals(
    xi: ArrayLike,
    ni: ArrayLike,
    *,
    level: float = 0.95,
    method: StudyInterval = "clopper-pearson",
    slab: Sequence[str] | None = None,
) -> tuple[Floats, Floats, Floats]:
    """Proportion of each study with its own limits, three arrays ``(k,)`` in 0..1.

    Raises:
        DataError: As :func:`effects`; an unknown method.
    """
    x, n = check_counts(xi, ni, slab)
    low, high = study_limits(x, n, level=level, method=method)
    return x / n, low, high


def pool(
    xi: ArrayLike,
    ni: ArrayLike,
    *,
    measure: SingleArmMeasure = "PLO",
    model: SingleArmModel = "IV",
    method: Method = "REML",
    test: Test | None = None,
    pi_method: PiMethod = "V",
    i2_method: I2Method = "tau2",
    level: float = 0.95,
    slab: Sequence[str] | None = None,
    cluster: Sequence[Any] | None = None,
    add: float = 0.5,
    to: To = "only0",
    estimand: Estimand = "median",
    prior: TauPrior = "half-normal",
    prior_scale: float = 1.0,
    mu_prior: tuple[float, float] | None = None,
    likelihood: Literal["binomial", "normal"] | None = None,
    seed: int = 0,
) -> Pooled:
    """Pool proportions of one arm.

    Args:
        xi: Events of each study; whole numbers in 0..ni.
        ni: Patients of each study; whole numbers of 1 or more.
        measure: Scale of an inverse-variance model; GLMM and BB are on PLO.
        model: ``IV`` inverse variance; ``GLMM`` binomial-normal by maximum likelihood;
            ``BB`` beta-binomial; ``BAYES`` random effects on a deterministic grid.
        method: Estimator of tau2 (IV only): EE DL PM REML ML HE HS SJ EB.
        test: IV: z, t, knha, adhoc (the default); GLMM and BB: t (default), z, profile.
        pi_method: ``V`` t with k-1, ``HTS`` t with k-2, ``bootstrap`` (IV only).
        i2_method: I2 and H2 from ``tau2`` or from ``Q``.
        level: Level of every interval.
        slab: Study labels, used in messages.
        cluster: The trial of each cohort (IV only): standard error, test and limits of the
            mean are then CR2 with Satterthwaite degrees of freedom. Moderators have
            functions of their own: ``regress`` and ``regress_counts``.
        add: Continuity correction of inverse-variance models; see :func:`effects`.
        to: Which studies get the correction.
        estimand: ``marginal`` adds the mean over the population of studies (GLMM).
        prior: Of tau (BAYES): ``half-normal`` or ``half-cauchy``.
        prior_scale: Its scale, on the analysis scale.
        mu_prior: Mean and SD of a normal prior of the mean; None is flat.
        likelihood: BAYES: ``binomial`` (default for PLO) or ``normal`` on effect sizes.
        seed: Of the bootstrap.

    Returns:
        A :class:`~carmeta.domain.result.Pooled`. One study alone, or no events (or only
        events) in any study, are answered by exact binomial limits, two studies are
        flagged; ``fallbacks`` says so each time.

    Raises:
        DataError: Counts or options that are not possible.
        EstimationError: An iteration that did not converge and has no fallback.

    >>> result = pool([8, 15, 20], [20, 30, 25], model="GLMM")
    >>> round(result.back.estimate, 3)
    0.577
    """
    x, n = check_counts(xi, ni, slab)
    if x.ndim != 1:
        raise DataError("pool takes one data set; batches go through carmeta.pooling.batch")
    chosen = _check_options(measure, model, method, test, pi_method, i2_method, likelihood)
    mean, sd = (0.0, None) if mu_prior is None else mu_prior
    belief = Prior(prior, prior_scale, mean, sd)
    belief.check()
    task = Task(
        x, n, measure, model, method, chosen, pi_method, i2_method, check_level(level),
        None if slab is None else tuple(str(name) for name in slab), add, to, seed, estimand,
        belief, likelihood or ("binomial" if measure == "PLO" else "normal"),
    )  # fmt: skip
    found = degenerate(task)
    if found is not None:
        return found
    pooled = _MODELS[model](task)
    if cluster is None:
        return pooled
    if model != "IV":
        raise DataError(f"clusters are for model IV, not {model}")
    yi, vi = effect_sizes(x, n, measure=measure, add=add, to=to)
    return robust_to_clusters(pooled, yi, vi, cluster, slab)


def _check_options(
    measure: str,
    model: str,
    method: str,
    test: Test | None,
    pi_method: str,
    i2_method: str,
    likelihood: str | None,
) -> Test:
    """Refuse what does not exist or does not go together; return the test to use."""
    _one_of("measure", measure, SINGLE_ARM_MEASURES)
    _one_of("model", model, tuple(_MODELS))
    _one_of("method", method, get_args(Method))
    _one_of("pi_method", pi_method, get_args(PiMethod))
    _one_of("i2_method", i2_method, get_args(I2Method))
    chosen = _DEFAULT_TEST[model] if test is None else test
    if model == "IV":
        inverse_variance.check_test(chosen)
        return chosen
    if model == "BAYES":
        _one_of("likelihood", likelihood or "binomial", ("binomial", "normal"))
        if likelihood == "binomial" and measure != "PLO":
            raise DataError(f"the binomial likelihood is on the logit: measure PLO, not {measure}")
        if test is not None:
            raise DataError("a Bayesian model has no test; leave it out")
    elif measure != "PLO":
        raise DataError(f"model {model} is on the logit scale: measure PLO, not {measure}")
    else:
        _one_of(f"test of {model}", chosen, _LIKELIHOOD_TESTS)
    if pi_method == "bootstrap":
        raise DataError(f"pi_method bootstrap is for IV, not {model}; use V or HTS")
    return chosen


def _one_of(what: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise DataError(f"unknown {what} {value!r}; one of {', '.join(allowed)}")


def probability_beyond(
    pooled: Pooled, threshold: float, *, direction: Literal["above", "below"] = "above"
) -> float:
    """Probability that a new study's proportion lies beyond ``threshold`` (0..1, exclusive).

    The predictive distribution is the one of the prediction interval: t with k-1 (V) or
    k-2 (HTS) degrees of freedom and variance ``tau2 + se^2`` (V also where the interval was
    bootstrapped), the averaged beta distribution of a beta-binomial fit, or the posterior
    predictive one. NaN where the pool has no prediction interval.

    Raises:
        DataError: A threshold outside (0, 1), or an unknown direction.
    """
    if not 0.0 < threshold < 1.0:
        raise DataError(f"threshold {threshold!r} is not between 0 and 1")
    if direction not in ("above", "below"):
        raise DataError(f"direction {direction!r} is neither 'above' nor 'below'")
    above = _probability_above(pooled, threshold)
    return above if direction == "above" else 1.0 - above


def _probability_above(pooled: Pooled, threshold: float) -> float:
    measure: SingleArmMeasure = pooled.measure  # type: ignore[assignment]  # of one arm, by kind
    limit = float(transform(threshold, measure=measure, n=pooled.n_harmonic))
    if pooled.bayes is not None:
        values, chances = zip(*pooled.bayes.predictive, strict=True)
        return float(1.0 - np.interp(limit, values, chances))
    method: PiMethod = "HTS" if pooled.pi_method == "HTS" else "V"
    df = float(prediction_df(pooled.k, method))
    if not np.isfinite(pooled.se) or pooled.se <= 0 or df < 1:
        return NAN
    if np.isfinite(pooled.rho):
        return beta_binomial.probability_above(
            pooled.estimate, pooled.se, pooled.rho, df, float(expit(limit))
        )
    if not np.isfinite(pooled.tau2):
        return NAN
    return float(beyond(pooled.estimate, pooled.se, pooled.tau2, df, limit))
