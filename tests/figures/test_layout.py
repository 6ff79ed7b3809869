"""Nothing overlaps and nothing leaves the page, at every k, with every kind of label."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest
from matplotlib.lines import Line2D

from carmeta.errors import OutputError
from carmeta.report.canvas import MINIMUM_TEXT, save
from carmeta.report.forest import forest
from carmeta.report.forest_spec import WIDTHS
from tests.figures import boxes, gallery, synthetic

PRESETS = ("default", "jama", "bmj", "revman")
LABELS = {"short": synthetic.SHORT, "long": synthetic.LONG, "scripts": synthetic.SCRIPTS}


def check(figures: list) -> None:
    found = [text for figure in figures for text in boxes.problems(boxes.measure(figure))]
    assert not found, "\n".join(found[:20])


@pytest.mark.parametrize(
    "k", [1, 3, 9, 40, *(pytest.param(k, marks=pytest.mark.slow) for k in (2, 17, 60, 120))]
)
@pytest.mark.parametrize("labels", LABELS)
def test_forest_at_every_size(k: int, labels: str) -> None:
    check(forest(synthetic.outcome(k, labels=LABELS[labels])))


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(
    "labels", ["short", pytest.param("long", marks=pytest.mark.slow), "scripts"]
)
@pytest.mark.parametrize("k", [1, 9])
def test_forest_in_every_preset(preset: str, labels: str, k: int) -> None:
    check(forest(synthetic.outcome(k, labels=LABELS[labels]), preset=preset))
    check(forest(synthetic.outcome(k, labels=LABELS[labels], subgroups=True), preset=preset))


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("width", WIDTHS)
def test_forest_in_every_width(preset: str, width: str) -> None:
    figures = forest(synthetic.outcome(9), preset=preset, width=width)
    check(figures)
    assert [figure.get_size_inches()[0] * 72 for figure in figures] == [
        pytest.approx(WIDTHS[width])
    ]


@pytest.mark.parametrize("name", sorted(gallery.FIGURES))
def test_gallery(name: str) -> None:
    check(gallery.FIGURES[name]())


@pytest.mark.parametrize("name", sorted(gallery.FIGURES))
def test_no_text_below_seven_points(name: str) -> None:
    sizes = [
        text.get_fontsize() for figure in gallery.FIGURES[name]() for text in boxes.texts(figure)
    ]
    assert min(sizes) >= MINIMUM_TEXT


TOOLS = (("jbi-case-series",), ("rob-2",), ("jbi-case-series", "rob-2"))


@pytest.mark.parametrize("tools", TOOLS)
@pytest.mark.parametrize(
    "preset", [PRESETS[0], *(pytest.param(name, marks=pytest.mark.slow) for name in PRESETS[1:])]
)
@pytest.mark.parametrize("labels", LABELS)
def test_forest_with_risk_of_bias(preset: str, labels: str, tools: tuple[str, ...]) -> None:
    for outcome in (
        synthetic.outcome(9, labels=LABELS[labels]),
        synthetic.outcome(9, labels=LABELS[labels], subgroups=True),
    ):
        judged = synthetic.bias(outcome, tools)
        figures = forest(outcome, preset=preset, bias=judged, bias_signs=True)
        check(figures)
        for figure in figures:
            page = boxes.measure(figure)
            header = next(text for text in page.texts if text.what.startswith(("Study", "Source")))
            beside = [t.x0 - header.x1 for t in page.texts if abs(t.y0 - header.y0) < 2]
            assert min(gap for gap in beside if gap > -1) > 3
            signs = [mark for mark in page.marks if mark.what.startswith("bias:")]
            shown = [text for text in page.texts if text.what not in ("+", "?", "\u2212", "/")]
            for index, sign in enumerate(signs):
                others = [*shown, *signs[index + 1 :]]
                others += [m for m in page.marks if m.what.split(":")[0] in ("interval", "square")]
                assert not [other for other in others if sign.overlap(other) > 0]
                assert sign.x1 <= page.width


def test_risk_of_bias_is_what_was_judged() -> None:
    outcome = synthetic.outcome(9)
    judged = synthetic.bias(outcome, ("jbi-case-series", "rob-2"))
    (figure,) = forest(outcome, preset="revman", bias=judged)
    found = {
        artist.get_gid().removeprefix("bias:"): artist
        for artist in figure.get_children()
        if (artist.get_gid() or "").startswith("bias:")
    }
    assert set(found) == {
        f"{study.study}/all:{item.item}" for study in judged for item in study.items
    }
    page = boxes.measure(figure)
    meant = {"yes": "+", "low": "+", "no": "\u2212", "high": "\u2212", "unclear": "?",
             "some-concerns": "?", "not-applicable": "/"}  # fmt: skip
    for study in judged:
        for item in study.items:
            circle = page.mark(f"bias:{study.study}/all:{item.item}")
            inside = [text.what for text in page.texts if text.overlap(circle) > 0]
            assert inside == ([meant[item.judgement]] if item.judgement else [])
    legend = " ".join(page.written())
    assert "RoB 2 (" in legend
    assert "Clear criteria for inclusion" in legend


def test_risk_of_bias_only_where_asked() -> None:
    outcome = synthetic.outcome(9)
    judged = synthetic.bias(outcome)
    nobody = [study for study in judged if not study.tool]
    plain = {preset: save(forest(outcome, preset=preset)[0], "svg") for preset in PRESETS}
    assert save(forest(outcome, bias=judged)[0], "svg") == plain["default"]
    for options in (
        {"bias": judged, "bias_signs": False}, {"bias_signs": True}, {"bias": nobody},
    ):  # fmt: skip
        assert save(forest(outcome, preset="revman", **options)[0], "svg") == plain["revman"]


def test_risk_of_bias_needs_room() -> None:
    outcome = synthetic.outcome(9)
    with pytest.raises(ValueError, match="do not fit"):
        forest(outcome, width="single", bias=synthetic.bias(outcome), bias_signs=True)


def test_hostile_labels() -> None:
    check(forest(synthetic.outcome(9, labels=synthetic.HOSTILE)))


@pytest.mark.parametrize("scale", ["percent", "proportion", "per1000"])
@pytest.mark.parametrize("digits", [None, 0, 3])
def test_forest_in_every_scale(scale: str, digits: int | None) -> None:
    check(forest(synthetic.outcome(9, code="crs_ge3", rate=0.06), scale=scale, digits=digits))


def test_extra_columns() -> None:
    check(forest(synthetic.outcome(9), extra=("product", "year"), benchmark=0.5))


def test_too_many_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        forest(synthetic.outcome(9), width="single", extra=("product", "year", "population"))


def test_height_follows_rows_and_pages_follow_height() -> None:
    one, nine = (forest(synthetic.outcome(k))[0].get_size_inches()[1] for k in (2, 9))
    assert nine > one
    assert len(forest(synthetic.outcome(40))) == 1
    pages = forest(synthetic.outcome(120))
    assert len(pages) == 3
    drawn = [text.get_text() for page in pages for text in boxes.texts(page)]
    assert drawn.count("Study") == 3  # the header stands on every page
    assert sum(text.startswith("95% prediction interval") for text in drawn) == 1


def test_every_study_is_drawn_once() -> None:
    outcome = synthetic.outcome(120)
    gids = [
        artist.get_gid()
        for page in forest(outcome)
        for artist in page.get_children()
        if (artist.get_gid() or "").startswith("square:")
    ]
    assert sorted(gids) == sorted(f"square:{row.count.key}" for row in outcome.rows)


def test_one_baseline_a_row() -> None:
    (figure,) = forest(synthetic.outcome(9))
    baselines = {text.get_text(): text.get_position()[1] for text in boxes.texts(figure)}
    row = synthetic.outcome(9).rows[3].count
    assert baselines[row.slab] == baselines[str(row.xi)] == baselines[str(row.ni)]


def test_decimals_are_aligned() -> None:
    (figure,) = forest(synthetic.outcome(9))
    column = [t for t in boxes.texts(figure) if re.fullmatch(r"\d+\.\d\)", t.get_text())]
    assert len(column) >= 11
    assert {t.get_horizontalalignment() for t in column} == {"right"}
    assert len({round(t.get_position()[0], 6) for t in column}) == 1


def test_digits_have_one_width() -> None:
    from carmeta.report.canvas import text_width

    for bold in (False, True):
        widths = {round(text_width(digit * 10, 8, bold), 6) for digit in "0123456789"}
        assert len(widths) == 1


def test_missing_glyphs_are_errors() -> None:
    with pytest.raises(OutputError, match="U\\+65E5"):
        forest(synthetic.outcome(2, labels=("日本の研究", "other")))


def test_text_is_literal() -> None:
    (figure,) = forest(synthetic.outcome(2, labels=("$5 and $6", r"\alpha $x^2$")))
    page = boxes.measure(figure)
    assert "$5 and $6" in page.written()
    assert r"\alpha $x^2$" in page.written()


def test_contrast_of_colours_with_white() -> None:
    from carmeta.report import canvas
    from carmeta.report.forest_spec import PRESETS as KNOWN

    def luminance(colour: str) -> float:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    used = {canvas.BLACK, canvas.GREY, canvas.RULE, canvas.BLUE, canvas.VERMILLION, canvas.GREEN}
    for preset in KNOWN.values():
        used |= {preset.square, preset.diamond, preset.prediction}
    for colour in used:
        assert 1.05 / (luminance(colour) + 0.05) >= 3, colour


def test_butt_caps() -> None:
    (figure,) = forest(synthetic.outcome(9))
    lines = [artist for artist in figure.get_children() if isinstance(artist, Line2D)]
    assert {line.get_solid_capstyle() for line in lines} == {"butt"}


def test_no_null_line_for_proportions() -> None:
    (figure,) = forest(synthetic.outcome(9))
    assert "null" not in {artist.get_gid() for artist in figure.get_children()}


def test_prediction_limits_that_do_not_exist_are_said_and_not_drawn() -> None:
    head = synthetic.outcome(2).headline
    without = replace(head, back=replace(head.back, pi_lb=math.nan, pi_ub=math.nan))
    (figure,) = forest(replace(synthetic.outcome(2), headline=without))
    page = boxes.measure(figure)
    assert "not estimable" in page.written()
    assert not [mark for mark in page.marks if mark.what.startswith("prediction")]
