"""Every number that is drawn is the number of the result: as text and as a position."""

from __future__ import annotations

import csv
import io
import math
from decimal import ROUND_HALF_UP, Decimal

import pytest

from carmeta.domain.analysis import OutcomeAnalysis
from carmeta.report import sidecars, words
from carmeta.report.forest import forest, forest_spec
from carmeta.report.forest_contrast import forest_contrast
from tests.figures import boxes, synthetic

CASES = {
    "k1": lambda: synthetic.outcome(1),
    "k2": lambda: synthetic.outcome(2),
    "k9": lambda: synthetic.outcome(9),
    "k40": lambda: synthetic.outcome(40),
    "rare": lambda: synthetic.outcome(9, code="crs_ge3", rate=0.06),
    "subgroups": lambda: synthetic.outcome(7, subgroups=True),
}


def percent(value: float) -> str:
    """One decimal, half away from zero, by the decimal module on the shortest decimal."""
    return str((Decimal(repr(value)) * 100).quantize(Decimal("0.1"), ROUND_HALF_UP))


def lines_of(page: boxes.Page) -> list[str]:
    """The texts of each row, joined from left to right."""
    rows: dict[float, list[boxes.Box]] = {}
    for box in page.texts:
        key = next((y for y in rows if abs(y - box.y0) < 4.5), box.y0)
        rows.setdefault(key, []).append(box)
    return [" ".join(b.what for b in sorted(row, key=lambda b: b.x0)) for row in rows.values()]


@pytest.mark.parametrize("case", CASES)
def test_text_of_every_row(case: str) -> None:
    outcome: OutcomeAnalysis = CASES[case]()
    lines = [line for page in forest(outcome) for line in lines_of(boxes.measure(page))]
    wanted = []
    for row in outcome.rows:
        limits = f"{percent(row.proportion)} ({percent(row.ci_lb)} to {percent(row.ci_ub)})"
        wanted.append((row.count.slab, str(row.count.xi), str(row.count.ni), limits))
    pools = [] if len(outcome.rows) == 1 else [outcome.headline, *outcome.beside]
    pools += [group.pooled for group in outcome.subgroups if group.pooled]
    for fit in pools:
        back = fit.back
        text = f"{percent(back.estimate)} ({percent(back.ci_lb)} to {percent(back.ci_ub)})"
        wanted.append((text,))
    if not math.isnan(outcome.headline.back.pi_lb):
        back = outcome.headline.back
        wanted.append(("prediction interval", f"({percent(back.pi_lb)} to {percent(back.pi_ub)})"))
    for parts in wanted:
        assert any(all(part in line for part in parts) for line in lines), parts


def scale_of(page: boxes.Page) -> tuple[float, float]:
    """Points where the axis has 0 and 1, from the centres of its first and last tick label."""
    axis = page.mark("axis")
    ticks = [b for b in page.texts if b.what.isdigit() and axis.y0 - 14 < b.y0 < axis.y0]
    first, last = min(ticks, key=lambda b: b.x0), max(ticks, key=lambda b: b.x0)
    low, high = int(first.what) / 100, int(last.what) / 100
    x_low, x_high = (first.x0 + first.x1) / 2, (last.x0 + last.x1) / 2
    unit = (x_high - x_low) / (high - low)
    return x_low - low * unit, unit


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("preset", ["default", "jama", "bmj", "revman"])
def test_position_of_every_mark(case: str, preset: str) -> None:
    outcome: OutcomeAnalysis = CASES[case]()
    (figure,) = forest(outcome, preset=preset)
    page = boxes.measure(figure)
    zero, unit = scale_of(page)

    def at(value: float) -> float:
        return zero + value * unit

    for row in outcome.rows:
        interval = page.mark(f"interval:{row.count.key}")
        assert interval.x0 == pytest.approx(at(row.ci_lb), abs=0.15)
        assert interval.x1 == pytest.approx(at(row.ci_ub), abs=0.15)
        square = page.mark(f"square:{row.count.key}")
        assert (square.x0 + square.x1) / 2 == pytest.approx(at(row.proportion), abs=0.15)
        assert square.x1 - square.x0 == pytest.approx(square.y1 - square.y0, abs=0.02)
    if len(outcome.rows) == 1:
        return
    for gid, fit in [("headline", outcome.headline), ("beside:0", outcome.beside[0])]:
        diamond = page.mark(f"diamond:{gid}")
        assert diamond.x0 == pytest.approx(at(fit.back.ci_lb), abs=0.15)
        assert diamond.x1 == pytest.approx(at(fit.back.ci_ub), abs=0.15)
    dashed = page.mark("pooled-line")
    assert dashed.x0 == pytest.approx(at(outcome.headline.back.estimate), abs=0.15)
    if not math.isnan(outcome.headline.back.pi_lb):
        bar = page.mark("prediction:prediction")
        assert bar.x0 == pytest.approx(at(outcome.headline.back.pi_lb), abs=0.15)
        assert bar.x1 == pytest.approx(at(outcome.headline.back.pi_ub), abs=0.15)


def test_areas_are_proportional_to_weights() -> None:
    outcome = synthetic.outcome(9)
    page = boxes.measure(forest(outcome)[0])
    sides = {r.count.key: page.mark(f"square:{r.count.key}") for r in outcome.rows}
    heaviest = max(outcome.rows, key=lambda row: row.weight)
    largest = sides[heaviest.count.key]
    for row in outcome.rows:
        side = sides[row.count.key].x1 - sides[row.count.key].x0
        share = (side / (largest.x1 - largest.x0)) ** 2
        assert share == pytest.approx(row.weight / heaviest.weight, rel=0.02)


def test_cut_axis_has_arrows_and_a_cut_diamond() -> None:
    outcome = synthetic.outcome(9)
    (figure,) = forest(outcome, axis=(0.5, 0.85))
    page = boxes.measure(figure)
    axis = page.mark("axis")
    diamond = page.mark("diamond:headline")
    assert outcome.headline.back.ci_ub > 0.85
    assert diamond.x1 == pytest.approx(axis.x1, abs=0.01)
    low = next(row for row in outcome.rows if row.ci_lb < 0.5 < row.ci_ub)
    interval = page.mark(f"interval:{low.count.key}")
    assert interval.x0 > axis.x0  # the rest is the arrow
    arrows = [m for m in page.marks if m.what == "" and m.kind == "shape"]
    assert any(arrow.x0 == pytest.approx(axis.x0, abs=0.01) for arrow in arrows)
    outside = [row for row in outcome.rows if not 0.5 <= row.proportion <= 0.85]
    drawn = {mark.what for mark in page.marks}
    assert outside
    assert not {f"square:{row.count.key}" for row in outside} & drawn


def test_two_arms() -> None:
    contrast = synthetic.contrast()
    (figure,) = forest_contrast(contrast, "OR")
    page = boxes.measure(figure)
    line = next(text for text in lines_of(page) if "Kapok-3" in text and "181" in text)
    assert "181 254 55 132 3.47 (2.24 to 5.39)" in line
    null, ten = page.mark("null"), next(b for b in page.texts if b.what == "10")
    unit = (ten.x0 + ten.x1) / 2 - null.x0
    interval = page.mark(f"interval:{contrast.pairs[0].study}")
    back = contrast.results[0].back
    assert interval.x0 == pytest.approx(null.x0 + unit * math.log10(back.ci_lb), abs=0.15)
    assert interval.x1 == pytest.approx(null.x0 + unit * math.log10(back.ci_ub), abs=0.15)


def test_sidecar_holds_every_drawn_number() -> None:
    outcome = synthetic.outcome(9)
    beside = sidecars.forest(forest_spec(outcome)).decode()
    rows = {row["key"]: row for row in csv.DictReader(io.StringIO(beside))}
    for row in outcome.rows:
        line = rows[row.count.key]
        for name, value in (
            ("estimate", row.proportion), ("lb", row.ci_lb), ("ub", row.ci_ub),
            ("weight", row.weight),
        ):  # fmt: skip
            assert float(line[name]) == pytest.approx(value, rel=1e-9)
        assert line["shown_events"] == str(row.count.xi)
    head = outcome.headline.back
    assert float(rows["headline"]["ub"]) == pytest.approx(head.ci_ub, rel=1e-9)
    assert float(rows["prediction"]["lb"]) == pytest.approx(head.pi_lb, rel=1e-9)


def test_notes_say_what_was_done() -> None:
    text = " ".join(boxes.measure(forest(synthetic.outcome(9))[0]).written()).replace("\u00a0", " ")
    for part in (
        "τ² = 1.210 (95% CI 0.396 to 4.733, profile likelihood)", "I² = 91% (from τ²)",
        "df = 8, P < 0.001", "Clopper-Pearson 95% CI", "area proportional to information share",
        "† Count derived from the printed percentage",
        "‡ Several counts fit what is printed (Kapok: 119 to 120)",
        "§ Intention to treat", "Over the 2 combinations", "Wald t with 8 df",
        "prediction interval by t with 8 df", "ad hoc floor",
    ):  # fmt: skip
        assert part in text, part


def test_every_fallback_is_printed() -> None:
    for outcome in (synthetic.outcome(1), synthetic.outcome(2)):
        text = " ".join(boxes.measure(forest(outcome)[0]).written())
        for fallback in outcome.headline.fallbacks:
            assert words.sentence(fallback.message) in text


def test_subgroup_of_one_study_has_no_pool() -> None:
    outcome = synthetic.outcome(4, subgroups=True)
    single = [group for group in outcome.subgroups if len(group.rows) == 1]
    assert single
    page = boxes.measure(forest(outcome)[0])
    drawn = {mark.what for mark in page.marks}
    for group in outcome.subgroups:
        assert (f"diamond:subgroup:{group.level}" in drawn) == (len(group.rows) > 1)
    text = " ".join(page.written()).replace("\u00a0", " ")
    (test,) = outcome.subgroup_tests
    assert f"Difference between subgroups (product): χ²(2) = {test.stat:.2f}, P" in text


def test_alt_text_says_the_result() -> None:
    alt = forest(synthetic.outcome(9))[0].alt
    for part in (
        "9 studies", "529 of 649 patients", "80.8% (95% CI 62.2 to 91.5)",
        "95% prediction interval 21.9 to 98.4",
        "estimate: Kapok, CEDAR-1, Kapok-3, Myrtle.",
    ):  # fmt: skip
        assert part in alt, part
