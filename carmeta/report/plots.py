"""Funnel and Baujat plots: points that somebody else computed."""

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
    """A labelled point with its radius on the page, in points."""

    label: str
    x: float
    y: float
    radius: float = 2.6


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
        return draw_points(plot, points)


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
        return draw_points(plot, points)


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
        return draw_points(plot, points)


def draw_points(plot: chart.Chart, points: Sequence[Point]) -> cv.Drawing:
    """The points, small ones over large ones, and their names where there is room."""
    drawable = [p for p in points if math.isfinite(p.x) and math.isfinite(p.y)]
    for point in sorted(drawable, key=lambda point: -point.radius):
        plot.dot(point.x, point.y, radius=point.radius, gid=f"point:{point.label}")
    unnamed = drawable if len(drawable) <= _NAMED else _outlying(drawable)
    for far in (False, True):  # whoever finds room nearby takes it first
        unnamed = [p for p in unnamed if not _named(plot, p, far)]
    return plot.figure


def _named(plot: chart.Chart, point: Point, far: bool) -> bool:
    gap = max(4.0, point.radius + 1.5)
    return plot.name(point.x, point.y, point.label, gap=gap, far=far)


def _outlying(points: Sequence[Point]) -> list[Point]:
    """The few points with the most extreme x and y, in their own order."""
    by_x = sorted(points, key=lambda point: point.x)
    by_y = sorted(points, key=lambda point: point.y)
    chosen = {id(p) for p in (*by_x[:4], *by_x[-4:], *by_y[:3], *by_y[-3:])}
    return [point for point in points if id(point) in chosen]
