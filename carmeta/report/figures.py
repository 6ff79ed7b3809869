"""Which figures a run has, under which names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from carmeta.report import csvfiles, words
from carmeta.report.canvas import save
from carmeta.report.forest import forest_spec
from carmeta.report.forest_contrast import contrast_spec
from carmeta.report.forest_draw import draw
from carmeta.report.jobs import Job, page_name
from carmeta.report.text import slug

if TYPE_CHECKING:
    from carmeta.domain.analysis import Analysis
    from carmeta.report.forest_spec import ForestSpec


@dataclass(frozen=True, slots=True)
class FigureEntry:
    """A figure as the report shows it: pages as SVG, with what stands beside them."""

    stem: str
    title: str
    alt: str
    pages: tuple[bytes, ...]  # SVG
    sidecar: bytes  # CSV
    group: str  # key of the outcome
    kind: str  # outcome or contrast


@dataclass(frozen=True, slots=True)
class FigureJob:
    """A figure to be saved: what is quick here, what is slow in a helper."""

    light: Job
    heavy: Job
    title: str
    group: str
    kind: str


def jobs(analysis: Analysis) -> list[FigureJob]:
    """One job a figure, in the order of the report."""
    found: list[FigureJob] = []
    stems: set[str] = set()

    def add(stem: str, spec: ForestSpec, title: str, group: str, kind: str) -> None:
        number, unique = 2, stem
        while unique in stems:
            unique, number = f"{stem}-{number}", number + 1
        stems.add(unique)
        found.append(
            FigureJob(
                Job(unique, spec, ("svg",)), Job(unique, spec, ("pdf", "png")), title, group, kind
            )
        )

    for outcome in analysis.outcomes:
        stem = f"forest_{slug(outcome.key)}"
        label = words.outcome(outcome.outcome).label
        title = f"{label}, {outcome.part_label}" if outcome.part_label else label
        add(stem, forest_spec(outcome, title=_heading(outcome.part_label, label, outcome.outcome)),
            title, outcome.key, "outcome")
        moderators = list(dict.fromkeys(group.moderator for group in outcome.subgroups))
        if len(moderators) > 1:
            for name in moderators:
                add(f"{stem}_by-{slug(name)}", forest_spec(outcome, by=name), f"{title} by {name}",
                    outcome.key, "outcome")
    for contrast in analysis.contrasts:
        label = words.outcome(contrast.outcome).label
        for measure in dict.fromkeys(item.measure for item in contrast.results):
            measured = words.MEASURE_WORDS.get(measure, measure)
            add(f"contrast_{slug(contrast.outcome)}_{slug(measure)}",
                contrast_spec(contrast, measure), f"{label}: {measured}", contrast.outcome,
                "contrast")
    return found


def _heading(part: str, label: str, code: str) -> str | None:
    """The figure's own title: the default one, or with the set of cohorts in it."""
    if not part:
        return None
    definition = words.outcome(code).definition
    return f"{label} ({definition}): {part}" if definition else f"{label}: {part}"


def light(job: FigureJob) -> tuple[FigureEntry, dict[str, bytes]]:
    """The SVG pages and the sidecar, as an entry of the report and as files."""
    drawn = draw(job.light.spec)
    pages = tuple(save(page, "svg") for page in drawn)
    stem = job.light.stem
    sidecar = csvfiles.forest_sidecar(job.light.spec)
    files = {page_name(stem, number, "svg"): page for number, page in enumerate(pages)}
    files[f"{stem}.csv"] = sidecar
    entry = FigureEntry(stem, job.title, drawn[0].alt, pages, sidecar, job.group, job.kind)
    return entry, files
