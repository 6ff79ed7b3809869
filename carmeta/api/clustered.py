"""A pooled mean whose standard error allows for cohorts of one trial being alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from numpy.typing import ArrayLike

from carmeta.api.assemble import back_of
from carmeta.api.regression import regress
from carmeta.domain.result import Mean, Pooled


def robust_to_clusters(
    pooled: Pooled,
    yi: ArrayLike,
    vi: ArrayLike,
    cluster: Sequence[Any],
    slab: Sequence[str] | None = None,
) -> Pooled:
    """The same estimate with CR2 limits on Satterthwaite degrees of freedom.

    The cluster-robust variance of Bell & McCaffrey (2002) with the small-sample test of
    Pustejovsky & Tipton (2018); see ``pooling.robust``. ``cluster`` names the trial of each
    cohort, in their order; tau2, heterogeneity and prediction limits stay those of ``pooled``.

    Raises:
        DataError: Fewer than two clusters, or another number of labels than of cohorts.
    """
    fit = regress(
        yi,
        vi,
        {},
        "~ 1",
        measure=pooled.measure,  # type: ignore[arg-type]  # the one that made `pooled`
        method=pooled.method,  # type: ignore[arg-type]  # the estimator that made `pooled`
        level=pooled.level,
        cluster=cluster,
        slab=slab,
    )
    mean = fit.coefficients[0]
    limits = back_of((mean.estimate, mean.ci_lb, mean.ci_ub), pooled.measure, pooled.n_harmonic)
    assert limits is not None
    back = replace(pooled.back, ci_lb=limits.ci_lb, ci_ub=limits.ci_ub)
    robust = Mean(
        pooled.estimate, mean.se, mean.stat, mean.df, mean.p, mean.ci_lb, mean.ci_ub
    )  # fmt: skip
    return replace(pooled, test="CR2", mean=robust, back=back)
