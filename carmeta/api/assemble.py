"""The only place where a ``Pooled`` is put together, whatever the model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from scipy.special import chdtrc

from carmeta.domain.measures import MEASURES, ONE_ARM, TWO_ARM
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
    PredictionInterval,
    Weights,
    WeightsKind,
)
from carmeta.errors import EstimationError
from carmeta.pooling.intervals import (
    critical,
    prediction_df,
    prediction_limits,
    two_sided_p,
)
from carmeta.pooling.tau2_solvers import ESTIMATORS

# Below this many studies a prediction interval rests on a guess of tau2 (Veroniki 2019).
FEW_STUDIES: Final = 5
Pair = tuple[float, float]
_NONE: Final = (NAN, NAN)


def wald(
    estimate: float,
    se: float,
    df: float,
    level: float,
    *,
    limits: Pair | None = None,
    stat: float | None = None,
) -> Mean:
    """A mean tested against 0 by t with ``df`` (inf: normal); other limits or another statistic
    take the place of Wald's.

    A standard error of 0 has no test.
    """
    half = float(critical(level, df)) * se
    low, high = (estimate - half, estimate + half) if limits is None else limits
    if stat is None:
        stat = estimate / se if se > 0.0 else NAN
    return Mean(estimate, se, stat, df, float(two_sided_p(stat, df)), low, high)


def predicted(ask: Request, mean: Mean, tau2: float, k: int, p: int = 1) -> Pair:
    """Prediction limits of a new study by t, from a fit of k studies with p means."""
    df = prediction_df(k, ask.pi_method, p=p)
    low, high = prediction_limits(mean.estimate, mean.se, tau2, df, ask.level)
    return float(low), float(high)


def likelihood_ratio(
    lrt: float, df: int, *, i2: float = NAN, h2: float = NAN, q_wald: float = NAN,
    i2_method: str = "Q",
) -> Heterogeneity:  # fmt: skip
    """Heterogeneity of a likelihood model: I2 and H2 as given, or from the statistic itself."""
    if i2_method == "Q":
        i2 = 100.0 * max(0.0, 1.0 - df / lrt) if lrt > 0.0 else 0.0
        h2 = lrt / df if df else NAN
        i2_method = "LRT"
    p = float(chdtrc(df, lrt)) if df > 0 else 1.0
    return Heterogeneity(
        i2=i2, h2=h2, i2_method=i2_method, lrt=lrt, lrt_df=df, lrt_pval=p, q_wald=q_wald
    )


def back_of(values: Sequence[float], measure: str, n: float = NAN) -> Back | None:
    """Estimate and limits on the scale of the outcome; None for a measure without one.

    ``n`` is the sample size that some measures need on the way back.
    """
    array = np.asarray(values, dtype=float)
    if measure in TWO_ARM:
        found = TWO_ARM[measure].inverse(array)
    elif measure in ONE_ARM and not (ONE_ARM[measure].sized and math.isnan(n)):
        found = ONE_ARM[measure].inverse(array, n)
    else:
        return None
    return Back(*(float(value) for value in found))


def not_estimable(ask: Request, k: int, error: EstimationError) -> Pooled:
    """What stands in the place of a fit of ``k`` studies that there is not: none is pooled."""
    return assemble(
        ask, 0, Mean(NAN, NAN, NAN, NAN, NAN, NAN, NAN), pooled=False,
        fallbacks=(Fallback("not-estimable", error.message),), dropped=tuple(range(k)),
    )  # fmt: skip


def assemble(
    ask: Request,
    k: int,
    mean: Mean,
    *,
    between: Between | None = None,
    heterogeneity: Heterogeneity | None = None,
    pi: Pair = _NONE,
    weights: Iterable[float] = (),
    weights_kind: WeightsKind = "none",
    n: float = NAN,
    method: str | None = None,
    test: str | None = None,
    back: Back | None = None,
    pooled: bool = True,
    fallbacks: Sequence[Fallback] = (),
    cautions: Sequence[Fallback] = (),
    dropped: tuple[int, ...] = (),
    correlation: Correlation | None = None,
    loglik: float = NAN,
    converged: bool = True,
    marginal: Back | None = None,
    bayes: BayesSummary | None = None,
) -> Pooled:
    """The result of ``ask``, with its back-transform and what few studies mean for it.

    ``method`` and ``test`` are given where they differ from what was asked; ``pooled`` is
    False where nothing was (one study, exact limits), and then no prediction is missed.
    """
    values = (mean.estimate, mean.ci_lb, mean.ci_ub, *pi)
    told, warned = _notes(ask, k, values) if pooled else ((), ())
    method = ask.method if method is None else method
    return Pooled(
        k=k,
        measure=ask.measure,
        model=ask.model,
        method=method,
        test=ask.test if test is None else test,
        level=ask.level,
        mean=mean,
        back=back or back_of(values, ask.measure, n) or Back(NAN, NAN, NAN),
        between=between or Between(),
        heterogeneity=heterogeneity or Heterogeneity(),
        prediction=PredictionInterval(*pi, ask.pi_method or ("posterior" if bayes else "")),
        shares=Weights(tuple(float(w) for w in weights), weights_kind),
        correlation=correlation or Correlation(),
        loglik=loglik,
        converged=converged,
        fallbacks=(*fallbacks, *told),
        cautions=(*cautions, *warned),
        dropped=dropped,
        n_harmonic=n,
        marginal=marginal,
        bayes=bayes,
        method_words=ESTIMATORS[method].words if method in ESTIMATORS else method,
    )


def _notes(
    ask: Request, k: int, values: Sequence[float]
) -> tuple[tuple[Fallback, ...], tuple[Fallback, ...]]:
    """Fallbacks and cautions that follow from k and the limits alone."""
    told, warned = [], []
    if k == 2:
        text = "two studies: their results should be read singly, the pool is uncertain"
        told.append(Fallback("two-studies", text))
    measure = MEASURES.get(ask.measure)
    caution = getattr(measure, "caution", "")
    if caution:
        warned.append(Fallback(f"{ask.measure.lower()}-back-transform", caution))
    predicts = not math.isnan(values[3])
    if predicts and k < FEW_STUDIES:
        text = f"a prediction interval from {k} studies is a rough guide"
        warned.append(Fallback("few-studies", text))
    if not predicts and ask.pi_method:
        text = f"no prediction interval: {ask.pi_method} needs more than {k} studies"
        warned.append(Fallback("no-prediction-interval", text))
    if measure is not None and any(v < measure.low or v > measure.high for v in values):
        where = "-1 to 1" if measure.low == -1.0 else "0 to 1"
        what = "of the risk difference" if measure.code == "RD" else f"on the {measure.code} scale"
        text = f"a limit {what} lay outside {where} and was cut there"
        warned.append(Fallback("limits-cut", text))
    return tuple(told), tuple(warned)
