"""What each study does to the pool: deletion diagnostics and Baujat's plot.

Viechtbauer & Cheung 2010 for inverse variance; for a GLMM, which metafor refuses here, the
same quantities from refits without each study.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtri, ndtri

from carmeta.api.regression import check_effects
from carmeta.arrays import Bools, Floats
from carmeta.domain.counts import study_names
from carmeta.domain.request import request
from carmeta.errors import DataError, EstimationError
from carmeta.measures import check_counts, effect_sizes
from carmeta.pooling import glmm
from carmeta.pooling.batch import many_counts
from carmeta.pooling.inverse_variance import IvFit, fit_batch
from carmeta.vocabulary import Method, SingleArmMeasure, Test


@dataclass(frozen=True, slots=True)
class Influence:
    """Diagnostics of k studies; every array is ``(k,)``, analysis scale.

    ``rstudent`` deleted residual over its standard error; ``dffits``, ``dfbetas`` change of
    the mean in standard errors; ``cook`` its square over the full fit's variance;
    ``cov_ratio`` variance without the study over variance with it; ``hat`` weight in 0..1;
    ``baujat_x`` squared Pearson residual, ``baujat_y`` squared change of the mean over its
    variance without the study. ``notes`` name studies whose deletion left nothing to fit;
    their entries are NaN.
    """

    slab: tuple[str, ...]
    model: str
    rstudent: Floats
    dffits: Floats
    cook: Floats
    cov_ratio: Floats
    tau2_del: Floats
    q_del: Floats
    hat: Floats
    dfbetas: Floats
    influential: Bools
    baujat_x: Floats
    baujat_y: Floats
    estimate_del: Floats
    lrt_del: Floats | None = None  # of the GLMM, in the place of q_del
    notes: tuple[str, ...] = ()


def notable(k: int) -> dict[str, float]:
    """From where on the size of a diagnostic of k studies is notable.

    Rules of thumb of Viechtbauer & Cheung 2010, section 4. A deleted residual alone makes no
    study influential.
    """
    return {
        "rstudent": float(ndtri(0.975)),
        "dffits": 3.0 * float(np.sqrt(1.0 / (k - 1))),
        "cook": float(chdtri(1.0, 0.5)),
        "hat": 3.0 / k,
        "dfbetas": 1.0,
    }


def influence(
    xi: ArrayLike,
    ni: ArrayLike,
    *,
    measure: SingleArmMeasure | None = None,
    model: Literal["IV", "GLMM"] | None = None,
    method: Method | None = None,
    test: Test | None = None,
    slab: Sequence[str] | None = None,
) -> Influence:
    """Influence of each study on the pool of single-arm counts, IV (default) or GLMM.

    Raises:
        DataError: Fewer than three studies, or counts that are not possible.
        ConfigError: A model without influence diagnostics, or an option it cannot honour: no
            test enters the refits of a GLMM.
        EstimationError: The full GLMM has no maximum.
    """
    options = {"measure": measure, "model": model, "method": method, "test": test}
    ask = request("influence", options)
    x, n = check_counts(xi, ni, slab)
    if ask.model == "IV":
        yi, vi = effect_sizes(x, n, measure=ask.measure, slab=slab)
        return influence_of_effects(yi, vi, method=ask.method, test=ask.test, slab=slab)
    return _by_refit(x, n, _three(x.shape[-1], slab))


def _three(k: int, slab: Sequence[str] | None) -> tuple[str, ...]:
    """The names of three studies or more; raises DataError for fewer."""
    if k < 3:
        raise DataError(f"influence needs three studies or more, there are {k}")
    return study_names(slab, k)


def influence_of_effects(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    method: Method | None = None,
    test: Test | None = None,
    slab: Sequence[str] | None = None,
) -> Influence:
    """Influence for any effects ``(k,)`` with their variances (two-arm ones, say).

    Raises:
        DataError: Fewer than three studies, or effects that are not finite.
        ConfigError: A method or test that does not exist.
    """
    ask = request("influence", {"method": method, "test": test})
    y, v, _ = check_effects(yi, vi, slab)
    names = _three(y.size, slab)
    others = ~np.eye(y.size, dtype=bool)
    full = fit_batch(y, v, method=ask.method, test=ask.test)
    without = fit_batch(y, v, method=ask.method, test=ask.test, mask=others)
    scale = _scale(without, v, others)
    move = full.estimate - without.estimate
    total = v + without.tau2
    # Variance that the full mean would have at the tau2 without the study.
    at_deleted = 1.0 / (1.0 / (v + without.tau2[:, None])).sum(axis=1)
    hat = full.weights
    cook = move**2 / full.se**2
    dffits = move / np.sqrt(hat * scale * total)
    dfbetas = move / np.sqrt(scale * at_deleted)
    return Influence(
        slab=names,
        model="IV",
        rstudent=(y - without.estimate) / np.sqrt(scale * total + without.se**2),
        dffits=dffits,
        cook=cook,
        cov_ratio=without.se**2 / full.se**2,
        tau2_del=without.tau2,
        q_del=without.heterogeneity.q,
        hat=hat,
        dfbetas=dfbetas,
        influential=_flag(dffits, cook, hat, dfbetas),
        baujat_x=(y - full.estimate) ** 2 / (v + full.tau2),
        baujat_y=move**2 / without.se**2,
        estimate_del=without.estimate,
    )


def _scale(fit: IvFit, v: Floats, present: Bools) -> Floats:
    """Hartung-Knapp's factor of each fit: its variance over the one that the weights give."""
    w = present / (v + fit.tau2[:, None])
    return np.asarray(fit.se**2 * w.sum(axis=1))


def _flag(dffits: Floats, cook: Floats, hat: Floats, dfbetas: Floats) -> Bools:
    k = hat.size
    # NaN, where nothing was left to fit, is no flag.
    moved, pulled = np.nan_to_num(dffits), np.nan_to_num(dfbetas)
    beyond = notable(k)
    flags: Bools = np.abs(moved) > beyond["dffits"]
    flags |= np.nan_to_num(cook) > beyond["cook"]
    flags |= hat > beyond["hat"]
    flags |= np.abs(pulled) > beyond["dfbetas"]
    return flags


def _by_refit(x: Floats, n: Floats, names: tuple[str, ...]) -> Influence:
    """The GLMM fitted again without each study, all in one batch."""
    k = x.size
    full = glmm.fit_glmm(x, n)
    if not bool(full.usable):
        raise EstimationError("the binomial-normal model has no maximum on these counts")
    without = many_counts(x, n, mask=~np.eye(k, dtype=bool))
    lost = ~np.isfinite(without.se)
    notes = tuple(
        f"without {names[i]} the binomial-normal model has no maximum" for i in np.flatnonzero(lost)
    )
    left = np.where(lost, np.nan, without.estimate)
    y, v = effect_sizes(x, n)
    move = full.estimate - left
    dfbetas = move / without.se
    cook = move**2 / full.se**2
    return Influence(
        slab=names,
        model="GLMM",
        rstudent=(y - left) / np.sqrt(v + without.tau2 + without.se**2),
        dffits=dfbetas,
        cook=cook,
        cov_ratio=without.se**2 / full.se**2,
        tau2_del=without.tau2,
        q_del=np.full(k, np.nan),
        hat=full.shares,
        dfbetas=dfbetas,
        influential=_flag(dfbetas, cook, full.shares, dfbetas),
        baujat_x=(y - full.estimate) ** 2 / (v + full.tau2),
        baujat_y=move**2 / without.se**2,
        estimate_del=left,
        lrt_del=without.lrt,
        notes=notes,
    )
