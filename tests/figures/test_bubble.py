"""The bubble plot: every cohort, the line and its band, and nothing over anything."""

from __future__ import annotations

import re

import pytest

from carmeta.report.bubble_plot import bubble
from carmeta.report.canvas import save
from carmeta.report.forest_spec import WIDTHS
from tests.figures import boxes, synthetic


@pytest.mark.parametrize("k", [4, 9, 40])
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_overlaps_and_nothing_leaves_the_page(k: int, width: str) -> None:
    figure = bubble(*synthetic.regressed(k), width=width)
    page = boxes.measure(figure)
    assert boxes.problems(page) == []
    assert len([mark for mark in page.marks if mark.what.startswith("point:")]) == k
    assert page.mark("fit")
    assert page.mark("band")


def test_few_cohorts_are_all_named() -> None:
    outcome, _ = pair = synthetic.regressed(9)
    shown = boxes.measure(bubble(*pair)).written()
    assert {row.count.slab for row in outcome.rows} <= set(shown)


def test_the_axis_has_the_unit_and_the_text_says_what_is_seen() -> None:
    figure = bubble(*synthetic.regressed(9))
    assert "Median age, years" in boxes.measure(figure).written()
    svg = save(figure, "svg").decode()
    (alt,) = re.findall("<desc>(.*?)</desc>", svg)
    assert "9 cohorts" in alt
    assert "odds ratio" in alt
    assert "years" in alt


def test_area_is_by_weight() -> None:
    outcome, regression = synthetic.regressed(9)
    page = boxes.measure(bubble(outcome, regression))
    sizes = {
        point.slab: page.mark(f"point:{point.slab}").x1 - page.mark(f"point:{point.slab}").x0
        for point in regression.points
    }
    big, other = sorted(regression.points, key=lambda point: -point.weight)[:2]
    assert (sizes[other.slab] / sizes[big.slab]) ** 2 == pytest.approx(
        other.weight / big.weight, rel=1e-3
    )
