"""Forest plots of refits: leave-one-out and cumulative analyses, models side by side."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from carmeta.report import numbers, words
from carmeta.report.forest import axis_title, option
from carmeta.report.forest_draw import draw
from carmeta.report.forest_rows import interval_gaps, interval_parts, model_note
from carmeta.report.forest_spec import (
    PLOT,
    PRESETS,
    WIDTHS,
    Cell,
    Column,
    ForestSpec,
    Mark,
    Preset,
    Row,
    Width,
    linear_axis,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carmeta.domain.analysis import OutcomeAnalysis
    from carmeta.domain.result import Pooled
    from carmeta.report.canvas import Drawing

_TITLES: Final = {
    "leave-one-out": ("leaving out each study in turn", "Left out"),
    "cumulative": ("adding one study at a time", "Added"),
    "overlap": ("other sets of cohorts without shared patients", "Set"),
    "models": ("models side by side", "Model"),
}


def forest_series(
    outcome: OutcomeAnalysis,
    kind: str = "leave-one-out",
    *,
    preset: str = "default",
    width: Width = "double",
    scale: str = "percent",
    digits: int | None = None,
    axis: tuple[float, float] | None = None,
    rows_a_page: int | None = None,
) -> list[Drawing]:
    """The refits of one kind below each other, with the primary estimate for comparison.

    ``kind`` is one of the kinds of ``outcome.sensitivity`` or ``models``. Raises ValueError
    where there is nothing of that kind.
    """
    spec = series_spec(
        outcome, kind, preset=preset, width=width, scale=scale, digits=digits, axis=axis
    )
    return draw(spec, rows_a_page)


def series_spec(
    outcome: OutcomeAnalysis,
    kind: str = "leave-one-out",
    *,
    preset: str = "default",
    width: Width = "double",
    scale: str = "percent",
    digits: int | None = None,
    axis: tuple[float, float] | None = None,
) -> ForestSpec:
    """Rows and columns of that figure."""
    style = option(PRESETS, preset, "preset")
    shown = option(numbers.SCALES, scale, "scale").with_digits(digits)
    fits = _fits(outcome, kind)
    if not fits:
        raise ValueError(f"no sensitivity analyses of kind {kind!r} for {outcome.outcome}")
    what, header = _TITLES.get(kind, (kind, kind.capitalize()))
    label = outcome.term.label
    head = outcome.headline
    rows = [_row(name, fit, "square", shown, style) for name, fit in fits]
    if kind != "models":
        rows.append(_row(words.pool_label(head), head, "diamond", shown, style))
    edges = [v for row in rows if row.mark for v in (row.mark.lb, row.mark.ub) if not math.isnan(v)]
    return ForestSpec(
        title=f"{label}: {what}",
        preset=style,
        width=option(WIDTHS, width, "width"),
        columns=_columns(header, style, shown, head),
        rows=tuple(rows),
        axis=linear_axis(edges, shown, axis_title(label, shown, outcome), axis),
        dashed=head.back.estimate,
        notes=_notes(fits, head, kind),
        alt=_alt(label, what, fits, head),
    )


def _fits(outcome: OutcomeAnalysis, kind: str) -> list[tuple[str, Pooled]]:
    if kind == "models":
        models = (outcome.headline, *outcome.beside)
        return [(words.pool_label(fit), fit) for fit in models]
    return [(item.label, item.pooled) for item in outcome.sensitivity if item.kind == kind]


def _columns(header: str, style: Preset, scale: numbers.Scale, head: Pooled) -> tuple[Column, ...]:
    level = numbers.level(head.level)
    left, right = style.interval.left, style.interval.right
    quantity = {"percent": "Rate, %", "proportion": "Proportion", "per1000": "Rate per 1000"}
    return (
        Column("study", (header,), "left"),
        Column("k", ("Cohorts",)),
        Column(PLOT, ()),
        Column("tau2", (words.TAU2,)),
        Column("i2", (words.I2,)),
        Column(
            "estimate",
            (quantity[scale.name], f"{left}{level}% CI{right}"),
            gaps=interval_gaps(style),
        ),
    )


def _row(name: str, fit: Pooled, glyph: str, scale: numbers.Scale, style: Preset) -> Row:
    back = fit.back
    parts = interval_parts(back.ci_lb, back.ci_ub, scale, style)
    diamond = glyph == "diamond"
    return Row(
        "pool" if diamond else "study",
        name,
        cells={
            "k": Cell((numbers.count(fit.k),)),
            "tau2": Cell((numbers.variance(fit.tau2),)),
            "i2": Cell((numbers.i_squared(fit.i2),)),
            "estimate": Cell((numbers.show(back.estimate, scale), *parts)),
        },
        mark=Mark("diamond" if diamond else "square", back.estimate, back.ci_lb, back.ci_ub),
        bold=diamond,
        rule=diamond,
        gap=7.0 if diamond else 0.0,
        key="headline" if diamond else name,
    )


def _notes(fits: Sequence[tuple[str, Pooled]], head: Pooled, kind: str) -> tuple[str, ...]:
    notes = [f"{name}: {item}" for name, fit in fits for item in words.fallback_sentences(fit)]
    shown = [fit for _, fit in fits] if kind == "models" else [head]
    notes += [model_note(fit, prediction=False) for fit in shown if not words.is_exact(fit)]
    return (*dict.fromkeys(notes), "Squares and lines: refits with their CI; dashed line: primary.")


def _alt(label: str, what: str, fits: Sequence[tuple[str, Pooled]], head: Pooled) -> str:
    low = min(fits, key=lambda item: item[1].back.estimate)
    high = max(fits, key=lambda item: item[1].back.estimate)
    return (
        f"{label}, {what}: estimates run from {numbers.percent(low[1].back.estimate)} "
        f"({low[0]}) to {numbers.percent(high[1].back.estimate)} ({high[0]}); primary "
        f"estimate {numbers.percent(head.back.estimate)}."
    )
