"""The bubble plot: an outcome against a numeric moderator, with the fitted line and its band."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from carmeta.domain.words.terms import PERCENT
from carmeta.report import canvas as cv
from carmeta.report import chart, contents, numbers, words
from carmeta.report.contents_regression import axis, inside, per
from carmeta.report.forest import axis_title
from carmeta.report.forest_spec import WIDTHS, Width
from carmeta.report.plots import Point, draw_points
from carmeta.report.text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carmeta.domain.analysis import OutcomeAnalysis
    from carmeta.domain.moderators import MetaRegression, RegressionPoint

_BAND: Final = "#e3e8ee"
_LARGEST: Final = 9.0  # radius in points
_LARGEST_OF_MANY: Final = 6.0
_MANY: Final = 15


def bubble(outcome: OutcomeAnalysis, fit: MetaRegression, *, width: Width = "1.5") -> cv.Drawing:
    """Circles by weight, the fitted mean and its confidence limits, in percent.

    ``fit`` is a regression of the outcome on a number. Raises ValueError where there is no line:
    for categories, and where nothing is fitted.
    """
    if not fit.curve:
        raise ValueError(f"{fit.moderator}: there is no line to draw")
    title = f"{contents.outcome_name(outcome)} by {inside(fit)}"
    values = [point.value for point in fit.points]
    shares = [point.proportion for point in fit.points]
    shares += [limit for mean in fit.curve for limit in (mean.ci_lb, mean.ci_ub)]
    with cv.settings():
        plot = chart.Chart(
            plain(title),
            chart.linear(values, plain(axis(fit))),
            chart.linear(
                shares, plain(axis_title(outcome.term.label, numbers.PERCENT, outcome)), factor=100
            ),
            width=WIDTHS[width],
            notes=_notes(fit),
            alt=_alt(title, fit),
        )
        upper = [(mean.value, mean.ci_ub) for mean in fit.curve]
        lower = [(mean.value, mean.ci_lb) for mean in fit.curve]
        plot.area([*upper, *reversed(lower)], fill=_BAND, gid="band")
        plot.path([(m.value, m.estimate) for m in fit.curve], gid="fit", free=True)
        return draw_points(plot, _circles(fit.points))


def _circles(points: Sequence[RegressionPoint]) -> list[Point]:
    """Area by weight; all alike where the model has none."""
    heaviest = max((p.weight for p in points if not math.isnan(p.weight)), default=math.nan)
    largest = _LARGEST if len(points) <= _MANY else _LARGEST_OF_MANY
    return [
        Point(p.slab, p.value, p.proportion)
        if math.isnan(p.weight)
        else Point(p.slab, p.value, p.proportion, largest * math.sqrt(p.weight / heaviest))
        for p in points
    ]


def _notes(fit: MetaRegression) -> list[str]:
    level = numbers.level(fit.level)
    kind = "its information share in the pool" if fit.model == "GLMM" else "its weight"
    text = f"Line and band: mean with {level}% confidence limits. Area of a circle: {kind}."
    return [text, words.sentence(f"{per(fit)}; {len(fit.points)} cohorts")]


def _alt(title: str, fit: MetaRegression) -> str:
    low, high = (numbers.plain(end([p.value for p in fit.points])) for end in (min, max))
    first, last = (numbers.percent(mean.estimate) for mean in (fit.curve[0], fit.curve[-1]))
    unit = "%" if fit.unit == PERCENT else f" {fit.unit}"
    who = f"{len(fit.points)} cohorts with {inside(fit)} from {low} to {high}{unit}"
    return f"{title}: bubble plot of {who}. The line runs from {first} to {last}: {per(fit)}."
