"""Pool anybody's counts of one arm: effects and models composed, with every fallback named.

The functions of this module take plain sequences and return the frozen results of
:mod:`carmeta.domain.result`. Pipeline and command line call the same ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Unpack

import numpy as np
from numpy.typing import ArrayLike

from carmeta.api.single_arm import Counts, fit
from carmeta.arrays import Floats
from carmeta.domain.counts import study_names
from carmeta.domain.measures import expit
from carmeta.domain.request import Options, is_number, request
from carmeta.domain.result import NAN, Pooled
from carmeta.errors import ConfigError, DataError
from carmeta.measures import check_counts, effect_sizes, transform
from carmeta.pooling import beta_binomial
from carmeta.pooling.exact import StudyInterval, study_limits
from carmeta.pooling.intervals import beyond, prediction_df
from carmeta.vocabulary import PiMethod, SingleArmMeasure, To


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
    measure: SingleArmMeasure | None = None,
    add: float | None = None,
    to: To | None = None,
    slab: Sequence[str] | None = None,
) -> Effects:
    """Effect sizes and variances of single-arm counts.

    Args:
        xi: Events of each study; whole numbers in 0..ni.
        ni: Patients of each study; whole numbers of 1 or more.
        measure: Scale of the effects, as :class:`carmeta.domain.request.Options` says.
        add: Continuity correction, as said there.
        to: Which studies get it, as said there.
        slab: Study labels, used in messages.

    Raises:
        DataError: Counts that are not possible, named by study and value.
        ConfigError: An option that does not exist or that the measure cannot honour.

    >>> effects([3, 0], [10, 12]).yi.round(3).tolist()
    [-0.847, -3.219]
    """
    ask = request("one arm", {"measure": measure, "add": add, "to": to})
    yi, vi = effect_sizes(xi, ni, measure=ask.measure, add=ask.add, to=ask.to, slab=slab)
    return Effects(ask.measure, yi, vi, study_names(slab, yi.shape[-1]))


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
        DataError: Counts that are not possible.
        ConfigError: An unknown method, or a level outside (0, 1).
    """
    x, n = check_counts(xi, ni, slab)
    low, high = study_limits(x, n, level=level, method=method)
    return x / n, low, high


def pool(
    xi: ArrayLike,
    ni: ArrayLike,
    *,
    slab: Sequence[str] | None = None,
    cluster: Sequence[Any] | None = None,
    **options: Unpack[Options],
) -> Pooled:
    """Pool proportions of one arm.

    Args:
        xi: Events of each study; whole numbers in 0..ni.
        ni: Patients of each study; whole numbers of 1 or more.
        slab: Study labels, used in messages.
        cluster: The trial of each cohort (IV only): standard error, test and limits of the
            mean are then CR2 with Satterthwaite degrees of freedom. Moderators have
            functions of their own: ``regress`` and ``regress_counts``.
        options: As :class:`carmeta.domain.request.Options` says: ``model`` IV (default),
            GLMM, BB or BAYES; ``measure``, ``method``, ``test``, ``pi_method``,
            ``i2_method``, ``level``, ``add``, ``to`` and what single models have.

    Returns:
        A :class:`~carmeta.domain.result.Pooled`. One study alone, or no events (or only
        events) in any study, are answered by exact binomial limits, two studies are
        flagged; ``fallbacks`` says so each time.

    Raises:
        DataError: Counts that are not possible.
        ConfigError: An option that does not exist or that the model cannot honour.
        EstimationError: An iteration that did not converge and has no fallback.

    >>> result = pool([8, 15, 20], [20, 30, 25], model="GLMM")
    >>> round(result.back.estimate, 3)
    0.577
    """
    counts = one_data_set(xi, ni, slab)
    ask = request("one arm", options, clustered=cluster is not None)
    pooled = fit(counts, ask)
    if cluster is None or pooled.method == "exact":
        return pooled
    from carmeta.api.clustered import robust_to_clusters  # with all of the regression

    return robust_to_clusters(pooled, *counts.effects(ask), cluster, slab)


def one_data_set(xi: ArrayLike, ni: ArrayLike, slab: Sequence[str] | None = None) -> Counts:
    """Checked counts of one data set.

    Raises:
        DataError: Counts that are not possible.
    """
    x, n = check_counts(xi, ni, slab)
    if x.ndim != 1:
        raise DataError("pool takes one data set; batches go through carmeta.pooling.batch")
    return Counts(x, n, None if slab is None else tuple(str(name) for name in slab))


def probability_beyond(
    pooled: Pooled, threshold: float, *, direction: Literal["above", "below"] = "above"
) -> float:
    """Probability that a new study's proportion lies beyond ``threshold`` (0..1, exclusive).

    The predictive distribution is the one of the prediction interval: t with k-1 (V) or
    k-2 (HTS) degrees of freedom and variance ``tau2 + se^2`` (V also where the interval was
    bootstrapped), the averaged beta distribution of a beta-binomial fit, or the posterior
    predictive one. NaN where the pool has no prediction interval.

    Raises:
        ConfigError: A threshold outside (0, 1), or an unknown direction.
    """
    if not (is_number(threshold) and 0.0 < threshold < 1.0):
        raise ConfigError(f"threshold {threshold!r} is not between 0 and 1")
    if direction not in ("above", "below"):
        raise ConfigError(f"direction {direction!r} is neither 'above' nor 'below'")
    above = _probability_above(pooled, threshold)
    return above if direction == "above" else 1.0 - above


def _probability_above(pooled: Pooled, threshold: float) -> float:
    limit = float(transform(threshold, measure=pooled.measure, n=pooled.n_harmonic))
    if pooled.bayes is not None:
        values, chances = zip(*pooled.bayes.predictive, strict=True)
        return float(1.0 - np.interp(limit, values, chances))
    method: PiMethod = "HTS" if pooled.pi_method == "HTS" else "V"
    df = float(prediction_df(pooled.k, method))
    if not np.isfinite(pooled.se) or pooled.se <= 0 or df < 1:
        return NAN
    if np.isfinite(pooled.rho):
        return beta_binomial.probability_above(
            pooled.estimate, pooled.se, pooled.rho, df, float(expit(np.asarray(limit)))
        )
    if not np.isfinite(pooled.tau2):
        return NAN
    return float(beyond(pooled.estimate, pooled.se, pooled.tau2, df, limit))
