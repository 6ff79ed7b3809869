"""Which figures a run has, under which names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from carmeta.report import contents, csvfiles, sidecars, words
from carmeta.report.bias_plot import bias_summary
from carmeta.report.canvas import save
from carmeta.report.figures_sensitivity import Picture, regression_figures, sensitivity_figures
from carmeta.report.forest import forest_spec
from carmeta.report.forest_contrast import contrast_spec
from carmeta.report.forest_draw import draw
from carmeta.report.forest_series import series_spec
from carmeta.report.jobs import Job, page_name, unused
from carmeta.report.left_out import of_outcome
from carmeta.report.lineage_plot import lineage
from carmeta.report.prisma import flow, flow_diagram
from carmeta.report.text import slug

if TYPE_CHECKING:
    from carmeta.domain.analysis import Analysis, OutcomeAnalysis
    from carmeta.report.forest_spec import ForestSpec


Kind = Literal["main", "sensitivity", "regression", "lineage", "bias", "flow"]
if TYPE_CHECKING:
    # Stem of the file names, what is drawn, title, kind, what is left out.
    _Figure = tuple[str, ForestSpec, str, Kind, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class FigureEntry:
    """A figure as the report shows it: pages as SVG, with what stands beside them."""

    stem: str
    title: str
    alt: str
    pages: tuple[bytes, ...]  # SVG
    sidecar: bytes  # CSV
    kind: Kind
    left_out: tuple[str, ...] = ()  # what reports the outcome and is not in it, as sentences


@dataclass(frozen=True, slots=True)
class FigureJob:
    """A figure to be saved: what is quick here, what is slow in a helper (if anything).

    Sensitivity figures belong to the page and are written as SVG only.
    """

    light: Job
    heavy: Job | None
    title: str
    kind: Kind
    left_out: tuple[str, ...] = ()


def jobs(analysis: Analysis) -> list[FigureJob]:
    """One job a figure, in the order of the report; names are unique."""
    found: list[FigureJob] = []
    stems: set[str] = set()
    for stem, spec, title, kind, left_out in _figures(analysis):
        unique = unused(stem, stems)
        heavy = Job(unique, spec, ("pdf", "png")) if kind == "main" else None
        found.append(FigureJob(Job(unique, spec, ("svg",)), heavy, title, kind, left_out))
    return found


def _figures(analysis: Analysis) -> Iterator[_Figure]:
    for outcome in analysis.outcomes:
        yield from _of_outcome(outcome)
    for contrast in analysis.contrasts:
        label = contrast.term.label
        for measure in dict.fromkeys(item.measure for item in contrast.results):
            measured = words.measure(measure)
            stem = f"contrast_{slug(contrast.outcome)}_{slug(measure)}"
            yield stem, contrast_spec(contrast, measure), f"{label}: {measured}", "main", ()
    for outcome in analysis.outcomes:
        for kind in ("leave-one-out", "cumulative"):
            if any(item.kind == kind for item in outcome.sensitivity):
                spec = series_spec(outcome, kind)
                yield f"{kind}_{slug(outcome.key)}", spec, spec.title, "sensitivity", ()


def _of_outcome(outcome: OutcomeAnalysis) -> Iterator[_Figure]:
    stem = f"forest_{slug(outcome.key)}"
    title = contents.outcome_name(outcome)
    left_out = tuple(group.sentence(outcomes=False) for group in of_outcome(outcome))
    yield stem, forest_spec(outcome), title, "main", left_out
    moderators = list(dict.fromkeys(group.moderator for group in outcome.subgroups))
    if len(moderators) > 1:
        for name in moderators:
            by = words.moderator_name(name).lower()
            yield (
                f"{stem}_by-{slug(name)}",
                forest_spec(outcome, by=name),
                f"{title} by {by}",
                "main",
                left_out,
            )


def pictures(analysis: Analysis) -> tuple[list[FigureEntry], dict[str, bytes]]:
    """What is no forest plot: shared patients, risk of bias, flow, diagnostics, regressions."""
    found = [_lineage(analysis), _bias(analysis), _flow(analysis)]
    entries = [entry for entry in found if entry is not None]
    entries += _drawn(sensitivity_figures(analysis), "sensitivity")
    entries += _drawn(regression_figures(analysis), "regression")
    files: dict[str, bytes] = {}
    for entry in entries:
        files |= {f"{entry.stem}.svg": entry.pages[0], f"{entry.stem}.csv": entry.sidecar}
    return entries, files


def _drawn(pictures: Iterable[Picture], kind: Kind) -> Iterator[FigureEntry]:
    for picture in pictures:
        drawing = picture.drawing
        pages = (save(drawing, "svg"),)
        yield FigureEntry(
            picture.stem, drawing.title_text, drawing.alt, pages, picture.sidecar, kind
        )


def _bias(analysis: Analysis) -> FigureEntry | None:
    if not any(study.items for study in analysis.bias):
        return None
    drawing = bias_summary(analysis.bias)
    items = [(study, item) for study in analysis.bias for item in study.items]
    beside = csvfiles.sheet(sidecars.BIAS, items)
    page = save(drawing, "svg")
    return FigureEntry("risk_of_bias", "Risk of bias", drawing.alt, (page,), beside, "bias")


def _flow(analysis: Analysis) -> FigureEntry:
    drawing = flow_diagram(analysis)
    known = flow(analysis)
    rows: list[tuple[str, str, int]] = [
        ("reports", "read", known.reports),
        ("studies", "in this run", known.studies),
        ("cohorts", "that report an outcome", known.cohorts),
        *(("cohorts not pooled", reason, n) for reason, n in known.left_out),
        *(("cohorts pooled", label, k) for label, k, _ in known.pooled),
        *(("patients pooled", label, n) for label, _, n in known.pooled),
    ]
    beside = csvfiles.sheet(sidecars.FLOW, rows)
    title = "Flow of reports and cohorts"
    return FigureEntry("prisma_flow", title, drawing.alt, (save(drawing, "svg"),), beside, "flow")


def _lineage(analysis: Analysis) -> FigureEntry | None:
    if not analysis.lineage_edges:
        return None
    title = "Cohorts that share patients"
    names = {item.study: item.label or item.study for item in analysis.studies}
    try:
        drawing = lineage(analysis.lineage_nodes, analysis.lineage_edges, title=title, names=names)
    except ValueError:  # only disjoint cohorts: nothing to draw
        return None
    page = save(drawing, "svg")
    labels = {node.key: node.label for node in analysis.lineage_nodes}
    rows = [(e.a, labels[e.a], e.kind, e.b, labels[e.b]) for e in analysis.lineage_edges]
    beside = csvfiles.sheet(sidecars.LINEAGE, rows)
    return FigureEntry("lineage", title, drawing.alt, (page,), beside, "lineage")


def light(job: FigureJob) -> tuple[FigureEntry, dict[str, bytes]]:
    """The SVG pages and the sidecar, as an entry of the report and as files."""
    drawn = draw(job.light.spec)
    pages = tuple(save(page, "svg") for page in drawn)
    stem = job.light.stem
    beside = sidecars.forest(job.light.spec)
    files = {page_name(stem, number, "svg"): page for number, page in enumerate(pages)}
    files[f"{stem}.csv"] = beside
    alt = drawn[0].alt
    return FigureEntry(stem, job.title, alt, pages, beside, job.kind, job.left_out), files
