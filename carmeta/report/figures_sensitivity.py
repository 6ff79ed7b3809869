"""Funnel, Baujat, influence and bubble plots and the specification curve of every outcome."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carmeta.digits import difference
from carmeta.report import contents, csvfiles, plots, sidecars, words
from carmeta.report.bubble_plot import bubble
from carmeta.report.contents_choices import signed
from carmeta.report.curve_plot import Specification, order, specification_curve
from carmeta.report.influence_plot import Diagnostic, influence
from carmeta.report.jobs import unused
from carmeta.report.text import slug

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from carmeta.domain.analysis import Analysis, Influence, OutcomeAnalysis
    from carmeta.domain.result import Pooled
    from carmeta.report.canvas import Drawing


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
            yield Picture(unused(f"{name}_{slug(outcome.key)}", stems), *made)


def regression_figures(analysis: Analysis) -> Iterator[Picture]:
    """A bubble plot for each regression on a number; names are unique."""
    stems: set[str] = set()
    for outcome in analysis.outcomes:
        for fit in outcome.regressions:
            if fit.curve:
                stem = unused(f"bubble_{slug(outcome.key)}_{slug(fit.moderator)}", stems)
                beside = csvfiles.sheet(sidecars.BUBBLE, [*fit.points, *fit.curve])
                yield Picture(stem, bubble(outcome, fit), beside)


def _funnel(outcome: OutcomeAnalysis) -> tuple[Drawing, bytes] | None:
    if outcome.diagnostics is None:
        return None
    return plots.funnel(outcome), csvfiles.sheet(sidecars.FUNNEL, outcome.rows)


def _items(outcome: OutcomeAnalysis) -> tuple[Influence, ...]:
    return outcome.diagnostics.influence if outcome.diagnostics is not None else ()


def _baujat(outcome: OutcomeAnalysis) -> tuple[Drawing, bytes] | None:
    items = [i for i in _items(outcome) if math.isfinite(i.baujat_x) and math.isfinite(i.baujat_y)]
    if not items:
        return None
    points = [plots.Point(item.slab, item.baujat_x, item.baujat_y) for item in items]
    title = f"{contents.outcome_name(outcome)}: heterogeneity and influence of each study (Baujat)"
    return plots.baujat(points, title=title), csvfiles.sheet(sidecars.BAUJAT, items)


def _influence(outcome: OutcomeAnalysis) -> tuple[Drawing, bytes] | None:
    items = _items(outcome)
    if outcome.diagnostics is None or not items:
        return None
    columns = [
        Diagnostic(
            title,
            tuple(field.take(item) for item in items),
            outcome.diagnostics.limits.get(field.name, ()),
        )
        for field, title, _ in sidecars.MEASURES
    ]
    title = (
        f"{contents.outcome_name(outcome)}: influence of each study on the inverse-variance pool"
    )
    drawing = influence([item.slab for item in items], columns, title=title)
    return drawing, csvfiles.sheet(sidecars.INFLUENCE, items)


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
    lines = [
        _Line(label, kind, fit, head)
        for fit, kind, label in fits
        if not math.isnan(fit.back.estimate)
    ]
    if len(lines) < 2 or math.isnan(head.back.estimate):
        return None
    lines.sort(key=lambda line: order(line.drawn))
    name = contents.outcome_name(outcome)
    drawing = specification_curve(
        [line.drawn for line in lines], title=f"{name}: every refit, sorted", effect="Estimate, %"
    )
    return drawing, csvfiles.sheet(sidecars.SPECIFICATION, enumerate(lines, start=1))


@dataclass(frozen=True, slots=True)
class _Line:
    """One refit: what it is, what it changed, and the primary analysis that it stands beside."""

    label: str
    changed: str
    fit: Pooled
    head: Pooled

    @property
    def model(self) -> str:
        return words.model_short(self.fit)

    @property
    def shown(self) -> str:
        return contents.estimate(self.fit).text

    @property
    def shift(self) -> str:
        return signed(difference(self.fit.back.estimate, self.head.back.estimate))

    @property
    def drawn(self) -> Specification:
        back, choices = self.fit.back, {"Model": self.model, "Changed": self.changed}
        primary = self.fit is self.head
        return Specification(back.estimate, back.ci_lb, back.ci_ub, choices, primary)
