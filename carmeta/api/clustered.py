"""A pooled mean whose standard error allows for cohorts of one trial being alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from numpy.typing import ArrayLike

from carmeta.api.regression import regress
from carmeta.domain.result import Pooled
from carmeta.measures import back_transform
from carmeta.vocabulary import SingleArmMeasure


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
        measure=pooled.measure,
        method=pooled.method,  # type: ignore[arg-type]  # the estimator that made `pooled`
        level=pooled.level,
        cluster=cluster,
        slab=slab,
    )
    mean = fit.coefficients[0]
    ni = [pooled.n_harmonic]
    measure = cast(SingleArmMeasure, pooled.measure)
    limits = back_transform([mean.ci_lb, mean.ci_ub], measure=measure, ni=ni)
    return replace(
        pooled,
        test="CR2",
        se=mean.se,
        stat=mean.stat,
        df=mean.df,
        p=mean.p,
        ci_lb=mean.ci_lb,
        ci_ub=mean.ci_ub,
        back=replace(pooled.back, ci_lb=float(limits[0]), ci_ub=float(limits[1])),
    )
