"""Funnel, Baujat and influence plots and the specification curve of every outcome."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from carmeta.digits import difference
from carmeta.report import contents, csvfiles, numbers, plots, words
from carmeta.report.contents_choices import signed
from carmeta.report.curve_plot import Specification, order, specification_curve
from carmeta.report.influence_plot import Diagnostic, influence
from carmeta.report.text import slug

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from carmeta.domain.analysis import Analysis, Influence, OutcomeAnalysis
    from carmeta.domain.result import Pooled
    from carmeta.report.canvas import Drawing

# Field of `Influence`, heading of its column, decimals shown.
MEASURES: Final = (
    ("rstudent", "Studentised residual", 2),
    ("dffits", "DFFITS", 2),
    ("cook_d", "Cook's distance", 2),
    ("cov_r", "Covariance ratio", 2),
    ("tau2_del", f"{words.TAU2} without it", 3),
    ("q_del", "Q without it", 1),
    ("hat", "Weight (hat value)", 2),
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing with its name and the CSV beside it."""

    stem: str
    drawing: Drawing
    sidecar: bytes


def sensitivity_figures(analysis: Analysis) -> Iterator[Picture]:
    """Every such figure that the run has numbers for, kind by kind; names are unique."""
    makers: tuple[tuple[str, Callable[[OutcomeAnalysis], tuple[Drawing, bytes] | None]], ...] = (
        ("funnel", _funnel),
        ("baujat", _baujat),
        ("influence", _influence),
        ("specification", _specification),
    )
    stems: set[str] = set()
    for name, make in makers:
        for outcome in analysis.outcomes:
            made = None if outcome.part else make(outcome)
            if made is None:
                continue
            stem = unique = f"{name}_{slug(outcome.key)}"
            number = 2
            while unique in stems:
                unique, number = f"{stem}-{number}", number + 1
            stems.add(unique)
            yield Picture(unique, *made)


def _funnel(outcome: OutcomeAnalysis) -> tuple[Drawing, bytes] | None:
    if outcome.diagnostics is None:
        return None
    rows = [
        (
            row.count.slab, row.count.xi, row.count.ni, row.proportion,
            numbers.count(row.count.ni), numbers.percent(row.proportion),
        )
        for row in outcome.rows
    ]  # fmt: skip
    columns = ("label", "xi", "ni", "proportion", "shown_patients", "shown_proportion")
    return plots.funnel(outcome), csvfiles.write(columns, rows)


def _items(outcome: OutcomeAnalysis) -> tuple[Influence, ...]:
    return outcome.diagnostics.influence if outcome.diagnostics is not None else ()


def _baujat(outcome: OutcomeAnalysis) -> tuple[Drawing, bytes] | None:
    items = [i for i in _items(outcome) if math.isfinite(i.baujat_x) and math.isfinite(i.baujat_y)]
    if not items:
        return None
    points = [plots.Point(item.slab, item.baujat_x, item.baujat_y) for item in items]
    rows = [(p.label, p.x, p.y, numbers.fixed(p.x, 2), numbers.fixed(p.y, 2)) for p in points]
    columns = (
        "label",
        "baujat_x",
        "baujat_y",
        "shown_contribution_to_heterogeneity",
        "shown_influence",
    )
    title = f"{contents.outcome_name(outcome)}: heterogeneity and influence of each study (Baujat)"
    return plots.baujat(points, title=title), csvfiles.write(columns, rows)


def _influence(outcome: OutcomeAnalysis) -> tuple[Drawing, bytes] | None:
    items = _items(outcome)
    if outcome.diagnostics is None or not items:
        return None
    columns = [
        Diagnostic(
            title,
            tuple(getattr(item, name) for item in items),
            outcome.diagnostics.limits.get(name, ()),
        )
        for name, title, _ in MEASURES
    ]
    title = (
        f"{contents.outcome_name(outcome)}: influence of each study on the inverse-variance pool"
    )
    drawing = influence([item.slab for item in items], columns, title=title)
    names = [name for name, _, _ in MEASURES]
    header = ("label", *names, "influential", *(f"shown_{name}" for name in names))
    rows = [
        (
            item.slab,
            *(getattr(item, name) for name in names),
            item.influential,
            *(numbers.fixed(getattr(item, name), digits) for name, _, digits in MEASURES),
        )
        for item in items
    ]
    return drawing, csvfiles.write(header, rows)


def _specification(outcome: OutcomeAnalysis) -> tuple[Drawing, bytes] | None:
    """The primary analysis, the models beside it, and every refit, sorted."""
    if not outcome.sensitivity:
        return None
    nothing = "nothing"
    fits = [(outcome.headline, nothing, "the primary analysis")]
    fits += [(item, nothing, f"{words.model_long(item)} instead") for item in outcome.beside]
    fits += [
        (item.pooled, words.variation(item.kind), item.label)
        for item in outcome.sensitivity
        if item.kind != "cumulative"  # the pool of the first two studies is no alternative
    ]
    head = outcome.headline
    made = [
        (_specified(fit, kind, primary=fit is head), fit, kind, label)
        for fit, kind, label in fits
        if not math.isnan(fit.back.estimate)
    ]
    if len(made) < 2 or math.isnan(head.back.estimate):
        return None
    made.sort(key=lambda item: order(item[0]))
    name = contents.outcome_name(outcome)
    drawing = specification_curve(
        [item[0] for item in made], title=f"{name}: every refit, sorted", effect="Estimate, %"
    )
    rows = [
        (
            place, label, kind, words.model_short(fit), item.primary,
            item.estimate, item.lb, item.ub,
            kind, words.model_short(fit), contents.estimate(fit).text,
            signed(difference(item.estimate, head.back.estimate)),
        )
        for place, (item, fit, kind, label) in enumerate(made, start=1)
    ]  # fmt: skip
    columns = (
        "place", "label", "changed", "model", "primary", "estimate", "lb", "ub",
        "shown_changed", "shown_model", "shown_estimate", "shown_shift",
    )  # fmt: skip
    return drawing, csvfiles.write(columns, rows)


def _specified(fit: Pooled, kind: str, *, primary: bool) -> Specification:
    choices = {"Model": words.model_short(fit), "Changed": kind}
    return Specification(fit.back.estimate, fit.back.ci_lb, fit.back.ci_ub, choices, primary)
