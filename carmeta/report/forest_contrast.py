"""The forest plot of a comparison of two arms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from carmeta.report import alt, left_out, numbers, words
from carmeta.report.forest import option
from carmeta.report.forest_draw import draw
from carmeta.report.forest_rows import interval_gaps, interval_parts, model_note
from carmeta.report.forest_spec import (
    PLOT,
    PRESETS,
    WIDTHS,
    Axis,
    Cell,
    Column,
    ForestSpec,
    Glyph,
    Mark,
    Preset,
    Row,
    Width,
    difference_axis,
    log_axis,
)
from carmeta.report.marks import Marks

if TYPE_CHECKING:
    from carmeta.domain.analysis import ArmPair, ContrastAnalysis
    from carmeta.domain.evidence import Count
    from carmeta.domain.result import Back, Pooled
    from carmeta.report.canvas import Drawing


def forest_contrast(
    contrast: ContrastAnalysis,
    measure: str,
    *,
    preset: str = "default",
    width: Width = "double",
    digits: int | None = None,
    title: str | None = None,
    rows_a_page: int | None = None,
) -> list[Drawing]:
    """Forest plot of two arms on one measure (OR, RR or RD; risk difference in percent points).

    Raises ValueError for a measure that was not analysed, or columns that do not fit.
    """
    spec = contrast_spec(contrast, measure, preset=preset, width=width, digits=digits, title=title)
    return draw(spec, rows_a_page)


def contrast_spec(
    contrast: ContrastAnalysis,
    measure: str,
    *,
    preset: str = "default",
    width: Width = "double",
    digits: int | None = None,
    title: str | None = None,
) -> ForestSpec:
    """Rows, columns and notes of a two-arm forest plot."""
    style = option(PRESETS, preset, "preset")
    results = [item for item in contrast.results if item.measure == measure]
    if not results:
        raise ValueError(f"no result on {measure!r} for {contrast.outcome}")
    base = numbers.DIFFERENCE if measure == "RD" else numbers.RATIO
    scale = base.with_digits(digits)
    marks = Marks()
    head = results[0]
    single = len(contrast.pairs) == 1
    rows = [_pair_row(pair, head, scale, style, marks, single) for pair in contrast.pairs]
    if not single:
        rows += _pool_rows(contrast, results, scale, style)
    term = contrast.term
    measured = words.measure(measure)
    return ForestSpec(
        title=f"{term.label}: {measured}" if title is None else title,
        preset=style,
        width=option(WIDTHS, width, "width"),
        columns=_columns(contrast, style, measured, head, single),
        rows=tuple(rows),
        axis=_axis(rows, measure, measured, term.event_is_good),
        dashed=None if single or not head.estimable else head.back.estimate,
        notes=tuple(_notes(contrast, results, style, marks, single)),
        alt=alt.contrast(contrast, head),
    )


def _columns(
    contrast: ContrastAnalysis, style: Preset, measured: str, head: Pooled, single: bool
) -> tuple[Column, ...]:
    treated = _arm([pair.treatment for pair in contrast.pairs], "Treatment")
    control = _arm([pair.control for pair in contrast.pairs], "Control")
    left, right = style.interval.left, style.interval.right
    level = numbers.level(head.level)
    known = [
        Column("study", (style.study_header,), "left"),
        Column("a", ("Events",), spanner=treated),
        Column("n1", ("Total",), spanner=treated),
        Column("c", ("Events",), spanner=control),
        Column("n2", ("Total",), spanner=control),
    ]
    weight = [] if single else [Column("weight", ("Weight,", "%"))]
    estimate = Column(
        "estimate", (measured.capitalize(), f"{left}{level}% CI{right}"), gaps=interval_gaps(style)
    )
    plot = Column(PLOT, ())
    if style.columns[-1] == PLOT:
        return (*known, *weight, estimate, plot)
    if style.columns.index("estimate") < style.columns.index(PLOT):
        return (*known, estimate, plot, *weight)
    return (*known, plot, *weight, estimate)


def _arm(counts: list[Count], otherwise: str) -> str:
    """The arm's product, where all studies have the same one."""
    products = {count.product for count in counts}
    return (products.pop() if len(products) == 1 else "") or otherwise


def _pair_row(
    pair: ArmPair,
    head: Pooled,
    scale: numbers.Scale,
    style: Preset,
    marks: Marks,
    single: bool,
) -> Row:
    back = head.back if single else pair.effects.get(head.measure)
    # A study that was dropped has no weight to show.
    weight = math.nan if single or back is None else pair.weights.get(head.measure, math.nan)
    label_marks = dict.fromkeys(marks.label(pair.treatment) + marks.label(pair.control))
    cells = {
        "a": Cell((numbers.count(pair.treatment.xi),), marks.events(pair.treatment)),
        "n1": Cell((numbers.count(pair.treatment.ni),)),
        "c": Cell((numbers.count(pair.control.xi),), marks.events(pair.control)),
        "n2": Cell((numbers.count(pair.control.ni),)),
        "estimate": _estimate(back, scale, style),
        "weight": Cell((numbers.weight(weight),)),
    }
    mark = None
    if back is not None:
        mark = Mark("square", back.estimate, back.ci_lb, back.ci_ub, weight)
    return Row("study", pair.slab, "".join(label_marks), cells, mark, key=pair.study)


def _pool_rows(
    contrast: ContrastAnalysis, results: list[Pooled], scale: numbers.Scale, style: Preset
) -> list[Row]:
    rows: list[Row] = []
    for index, pooled in enumerate(results):
        back = pooled.back
        cells = {"estimate": _estimate(back, scale, style)}
        if index == 0:
            used = contrast.shown(pooled)
            arms = (
                ("a", sum(pair.treatment.xi for pair in used)),
                ("n1", sum(pair.treatment.ni for pair in used)),
                ("c", sum(pair.control.xi for pair in used)),
                ("n2", sum(pair.control.ni for pair in used)),
            )
            cells |= {key: Cell((numbers.count(value),)) for key, value in arms}
        rows.append(
            Row(
                "pool",
                words.pool_label(pooled),
                "",
                cells,
                _diamond(pooled, "open-diamond" if index else "diamond"),
                bold=index == 0,
                rule=index == 0,
                gap=0.0 if index else 7.0,
                keep=True,
                key=f"beside:{index - 1}" if index else "headline",
            )
        )
    head = results[0]
    label = f"{numbers.level(head.level)}% prediction interval"
    if math.isnan(head.back.pi_lb):
        cell = Cell((numbers.NOT_ESTIMABLE,))
        return [*rows, Row("prediction", label, cells={"estimate": cell}, key="prediction")]
    parts = interval_parts(head.back.pi_lb, head.back.pi_ub, scale, style)
    mark = Mark("bar", head.back.estimate, head.back.pi_lb, head.back.pi_ub)
    cells = {"estimate": Cell(("", *parts))}
    return [*rows, Row("prediction", label, cells=cells, mark=mark, key="prediction")]


def _diamond(pooled: Pooled, glyph: Glyph) -> Mark | None:
    back = pooled.back
    return Mark(glyph, back.estimate, back.ci_lb, back.ci_ub) if pooled.estimable else None


def _estimate(back: Back | None, scale: numbers.Scale, style: Preset) -> Cell:
    if back is None or math.isnan(back.estimate):
        return Cell((numbers.NOT_ESTIMABLE,))
    parts = interval_parts(back.ci_lb, back.ci_ub, scale, style)
    return Cell((numbers.show(back.estimate, scale), *parts))


def _axis(rows: list[Row], measure: str, measured: str, good: bool) -> Axis:
    values = [
        value for row in rows if row.mark for value in (row.mark.lb, row.mark.estimate, row.mark.ub)
    ]
    if measure == "RD":
        axis = difference_axis(values, f"{measured.capitalize()}, percentage points")
    else:
        axis = log_axis(values, f"{measured.capitalize()} (log scale)")
    control, treatment = ("Favours control", "Favours treatment")
    left, right = (control, treatment) if good else (treatment, control)
    return Axis(
        axis.low,
        axis.high,
        axis.ticks,
        axis.tick_labels,
        axis.title,
        axis.log,
        axis.null,
        left=left,
        right=right,
    )


def _notes(
    contrast: ContrastAnalysis, results: list[Pooled], style: Preset, marks: Marks, single: bool
) -> list[str]:
    notes: list[str] = []
    for pooled in results:
        line = words.heterogeneity(pooled, style.interval, leading_zero=style.leading_zero)
        if line and not single:
            notes.append(f"Heterogeneity ({words.model_short(pooled)}): {line}.")
    notes += dict.fromkeys(text for item in results for text in words.fallback_sentences(item))
    if single:
        notes.append("One comparison: shown, not pooled.")
    else:
        notes += [model_note(i, prediction=i is results[0]) for i in results if i.estimable]
    notes += [f"Published: {words.sentence(text)}" for text in contrast.published]
    notes += filter(None, [left_out.missed(contrast)])
    return notes + marks.notes()
