"""Funnel, Baujat, influence and bubble plots: points that somebody else computed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from carmeta.report import canvas as cv
from carmeta.report import chart, numbers
from carmeta.report.forest_spec import WIDTHS, Width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carmeta.domain.analysis import OutcomeAnalysis

_NAMED: Final = 40  # more points than that are not all labelled, only the outlying ones


@dataclass(frozen=True, slots=True)
class Point:
    """A labelled point; ``weight`` in 0..1 scales its area, NaN for none."""

    label: str
    x: float
    y: float
    weight: float = math.nan


@dataclass(frozen=True, slots=True)
class Curve:
    """A fitted line with its confidence limits, as points from left to right."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    lb: tuple[float, ...] = ()
    ub: tuple[float, ...] = ()


def funnel(outcome: OutcomeAnalysis, *, width: Width = "1.5") -> cv.Drawing:
    """Proportions against the size of the study (log scale), large studies on top.

    For proportions the standard error depends on the proportion itself, so that the usual
    funnel is asymmetric by construction; size is the recommended axis (Hunter et al. 2014,
    J Clin Epidemiol 67:897-903).
    """
    points = [Point(row.count.slab, row.proportion, float(row.count.ni)) for row in outcome.rows]
    label = outcome.term.label
    head = outcome.headline.back.estimate
    alt = (
        f"Funnel plot of {label}: {len(points)} studies, proportion against number of patients; "
        f"pooled estimate {numbers.percent(head)}."
    )
    with cv.settings():
        plot = chart.Chart(
            f"{label}: study size and proportion",
            chart.linear([*(p.x for p in points), head], f"{label}, % of patients", factor=100),
            chart.logarithmic([point.y for point in points], "Patients (log scale)"),
            width=WIDTHS[width],
            notes=("Dashed line: primary pooled estimate. Asymmetry has many causes.",),
            alt=alt,
        )
        if not math.isnan(head):
            plot.keep_free(head)
            ends = [(head, plot.y.low), (head, plot.y.high)]
            plot.path(ends, colour=cv.GREY, width=0.7, dashes=(3, 2), gid="pooled-line")
        return _points(plot, points)


def effect_funnel(
    points: Sequence[Point],
    centre: float,
    *,
    title: str,
    effect: str,
    region: Sequence[tuple[float, float]] = (),
    width: Width = "1.5",
) -> cv.Drawing:
    """Effects (x, analysis scale) against standard errors (y, large ones at the bottom).

    ``region`` is the outline of the expected region, from whoever computed it.
    """
    with cv.settings():
        edges = [point.x for point in points] + [x for x, _ in region]
        plot = chart.Chart(
            title,
            chart.linear(edges, effect),
            chart.linear([point.y for point in points], "Standard error", zero=True, down=True),
            width=WIDTHS[width],
            alt=f"{title}: funnel plot of {len(points)} studies around {numbers.fixed(centre, 2)}.",
        )
        if region:
            plot.area(list(region), fill="#eef1f4", gid="region")
        plot.keep_free(centre)
        ends = [(centre, plot.y.low), (centre, plot.y.high)]
        plot.path(ends, colour=cv.GREY, width=0.7, dashes=(3, 2), gid="pooled-line")
        return _points(plot, points)


def baujat(points: Sequence[Point], *, title: str, width: Width = "1.5") -> cv.Drawing:
    """Contribution to heterogeneity (x) against influence on the pooled result (y).

    Baujat B et al. 2002, Stat Med 21:2641-52.
    """
    most = max(points, key=lambda point: point.x * point.y)
    with cv.settings():
        plot = chart.Chart(
            title,
            chart.linear([p.x for p in points], "Contribution to heterogeneity (Q)", zero=True),
            chart.linear([p.y for p in points], "Influence on the pooled estimate", zero=True),
            width=WIDTHS[width],
            alt=f"{title}: Baujat plot of {len(points)} studies; most notable: {most.label}.",
        )
        return _points(plot, points)


def bubble(
    points: Sequence[Point],
    curve: Curve | None,
    *,
    title: str,
    x: str,
    y: str,
    percent: bool = True,
    width: Width = "1.5",
) -> cv.Drawing:
    """Outcome against a moderator, area by weight, with the fitted line and its limits."""
    band = [*curve.lb, *curve.ub] if curve else []
    with cv.settings():
        plot = chart.Chart(
            title,
            chart.linear([p.x for p in points], x),
            chart.linear(
                [p.y for p in points] + band,
                y,
                factor=100 if percent else 1,
                limits=(0.0, 1.0) if percent else None,
            ),
            width=WIDTHS[width],
            alt=f"{title}: {len(points)} studies; {y} against {x}.",
        )
        if curve:
            if curve.lb:
                upper = list(zip(curve.x, curve.ub, strict=True))
                lower = list(zip(curve.x, curve.lb, strict=True))
                plot.area([*upper, *reversed(lower)], fill="#e3e8ee", gid="band")
            plot.path(list(zip(curve.x, curve.y, strict=True)), gid="fit")
        return _points(plot, points)


def _points(plot: chart.Chart, points: Sequence[Point]) -> cv.Drawing:
    heaviest = max((p.weight for p in points if not math.isnan(p.weight)), default=math.nan)
    drawable = [p for p in points if math.isfinite(p.x) and math.isfinite(p.y)]
    for point in drawable:
        radius = 2.6
        if not math.isnan(point.weight):
            radius = max(2.0, 9.0 * math.sqrt(point.weight / heaviest))
        plot.dot(point.x, point.y, radius=radius, gid=f"point:{point.label}")
    unnamed = drawable if len(drawable) <= _NAMED else _outlying(drawable)
    for far in (False, True):  # whoever finds room nearby takes it first
        unnamed = [point for point in unnamed if not _named(plot, point, heaviest, far)]
    return plot.figure


def _named(plot: chart.Chart, point: Point, heaviest: float, far: bool) -> bool:
    radius = 2.6 if math.isnan(point.weight) else 9.0 * math.sqrt(point.weight / heaviest)
    return plot.name(point.x, point.y, point.label, gap=max(4.0, radius + 1.5), far=far)


def _outlying(points: Sequence[Point]) -> list[Point]:
    """The few points with the most extreme x and y, in their own order."""
    by_x = sorted(points, key=lambda point: point.x)
    by_y = sorted(points, key=lambda point: point.y)
    chosen = {id(p) for p in (*by_x[:4], *by_x[-4:], *by_y[:3], *by_y[-3:])}
    return [point for point in points if id(point) in chosen]
