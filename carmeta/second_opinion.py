"""PyMARE and statsmodels repeat the inverse-variance pools and study intervals of a run.

They are given carmeta's effects and its tau2, since PyMARE's likelihood estimators stop at
1e-6; DerSimonian-Laird and Hedges, closed forms, they compute themselves. The numbers agree
to 1e-8 or the run ends with an error. This module alone imports the two, which costs more
than all the arithmetic: it runs beside the drawing, in a process of :mod:`report.parallel`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from scipy.special import chdtri

from carmeta.domain.witness import IvPool, StudyInterval
from carmeta.errors import EstimationError

if TYPE_CHECKING:
    from carmeta.arrays import Floats
    from carmeta.domain.analysis import Analysis

TOLERANCE: Final = 1e-8
# PyMARE's name of each test; "t" is Wald's standard error with t quantiles.
_CORRECTION: Final = {
    "z": "wald",
    "t": "wald",
    "knha": "knapp-hartung",
    "adhoc": "knapp-hartung-conservative",
}


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """The questions of one run: a job that makes no file and raises where an answer differs."""

    name: ClassVar[str] = "second opinion"
    pools: tuple[IvPool, ...]
    intervals: tuple[StudyInterval, ...] = ()

    def run(self) -> dict[str, bytes]:
        """Ask both packages; raises EstimationError at the first number that differs."""
        for pool in self.pools:
            _compare(f"{pool.outcome}, IV ({pool.method}, {pool.test})", "PyMARE", _pymare(pool))
        for level in {one.level for one in self.intervals}:
            _study_intervals([one for one in self.intervals if one.level == level], level)
        return {}


def ask(analysis: Analysis) -> tuple[Analysis, SecondOpinion]:
    """The questions of an analysis, and the analysis that says they were answered alike.

    What it says holds once :meth:`SecondOpinion.run` has returned.
    """
    intervals = tuple(
        StudyInterval(
            outcome.outcome, row.count.slab, row.count.xi, row.count.ni, outcome.headline.level,
            row.ci_lb, row.ci_ub,
        )
        for outcome in analysis.outcomes
        for row in outcome.rows
    )  # fmt: skip
    parts = [
        f"{number} {noun if number == 1 else noun + 's'}"
        for number, noun in (
            (len(analysis.iv_pools), "inverse-variance pool"),
            (len(intervals), "study interval"),
        )
        if number
    ]
    says = f"{' and '.join(parts)} of this run, computed again by PyMARE and statsmodels, agree"
    opinion = SecondOpinion(analysis.iv_pools, intervals)
    return replace(analysis, second_opinion=says if parts else ""), opinion


@dataclass(frozen=True, slots=True)
class _Answer:
    """One number of ours and of theirs, and the size of an error of 1."""

    what: str
    ours: float
    theirs: float
    unit: float


def _compare(where: str, who: str, answers: Iterator[_Answer]) -> None:
    for one in answers:
        if not abs(one.ours - one.theirs) <= TOLERANCE * one.unit:
            raise EstimationError(
                f"{where}: {one.what} is {one.ours:.10g} by carmeta and {one.theirs:.10g} by {who}",
                hint="one of the two is wrong: please report the counts and the configuration",
            )


def _pymare(pool: IvPool) -> Iterator[_Answer]:
    _load_pymare()
    from pymare.estimators import DerSimonianLaird, Hedges, WeightedLeastSquares
    from pymare.stats import q_gen

    y, v, x = (np.array(part) for part in (pool.yi, pool.vi, pool.design))
    correction = _CORRECTION[pool.test]
    own = {"DL": DerSimonianLaird, "HE": Hedges}.get(pool.method)
    if own is not None:
        theirs = float(np.ravel(_fit(own(small_sample_correction=correction), y, v, x)["tau2"])[0])
        yield _Answer("tau2", pool.tau2, theirs, max(pool.tau2, float(v.min())))
    estimator = WeightedLeastSquares(tau2=pool.tau2, small_sample_correction=correction)
    found = _fit(estimator, y, v, x)
    means = np.ravel(found["fe_params"])
    ses = np.sqrt(np.diagonal(np.asarray(found["inv_cov"])[..., 0]))
    for ours, our_se, mean, se in zip(pool.estimates, pool.ses, means, ses, strict=True):
        yield _Answer("the estimate", ours, float(mean), abs(ours) + our_se)
        yield _Answer("its standard error", our_se, float(se), our_se)
    tail = 0.5 * (1.0 - pool.level)
    df = float(x.shape[0] - x.shape[1])
    for limit, share in zip(pool.tau2_limits, (tail, 1.0 - tail), strict=False):
        q, target = float(np.ravel(q_gen(y[:, None], v[:, None], x, limit))[0]), chdtri(df, share)
        # A limit of 0 is where even there Q does not reach its quantile.
        wanted = min(q, float(target)) if limit == 0.0 else float(target)
        yield _Answer(f"Q at the limit {limit:.6g} of tau2", wanted, q, wanted)


def _fit(estimator: Any, y: Floats, v: Floats, x: Floats) -> dict[str, Any]:
    """A new estimator a fit, and arrays of its own: they keep, and rescale, what they get."""
    return dict(estimator.fit(y=y[:, None].copy(), v=v[:, None].copy(), X=x.copy()).params_)


def _load_pymare() -> None:
    """Import PyMARE; on import it leaves a file open, of which Python may complain."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        import pymare.estimators  # noqa: F401  (loaded here, used by name above)


def _study_intervals(rows: list[StudyInterval], level: float) -> None:
    from statsmodels.stats.proportion import proportion_confint

    counts = np.array([row.xi for row in rows]), np.array([row.ni for row in rows])
    limits = proportion_confint(*counts, alpha=1.0 - level, method="beta")
    for row, low, high in zip(rows, *(np.asarray(side) for side in limits), strict=True):
        # Where there is nothing, or everything, that limit is not a number to statsmodels.
        pairs = [("the lower limit", row.ci_lb, 0.0 if row.xi == 0 else float(low))]
        pairs += [("the upper limit", row.ci_ub, 1.0 if row.xi == row.ni else float(high))]
        answers = (_Answer(what, ours, theirs, 1.0) for what, ours, theirs in pairs)
        _compare(f"{row.outcome}, {row.slab}", "statsmodels", answers)
