"""PRISMA 2020: the flow of cohorts, and what the checklist still asks of the authors.

Page MJ et al., BMJ 2021;372:n71. The tool knows what became of the reports that were read;
how they were searched for and screened is for the authors to fill in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from carmeta.report import canvas as cv
from carmeta.report import chart
from carmeta.report.forest_spec import WIDTHS, Width
from carmeta.report.tables import Column, Table, row
from carmeta.report.text import plain
from carmeta.vocabulary import EXCLUSION_WORDS

if TYPE_CHECKING:
    from carmeta.domain.analysis import Analysis, OutcomeAnalysis

AUTHORS: Final = "to be filled in by the authors"

# Item, topic, and where this run answers it; empty: for the authors.
_CHECKLIST: Final[tuple[tuple[str, str, str], ...]] = (
    ("1", "Title", ""),
    ("2", "Abstract", ""),
    ("3", "Rationale", ""),
    ("4", "Objectives", "the question under the title, from the configuration"),
    ("5", "Eligibility criteria", "Methods: roles, populations and definitions of the run"),
    ("6", "Information sources", ""),
    ("7", "Search strategy", ""),
    ("8", "Selection process", ""),
    ("9", "Data collection process", "Evidence: every count with its printed cell"),
    ("10", "Data items", "Methods; Studies; Evidence"),
    ("11", "Risk of bias assessment", "Risk of bias, where the records judge it"),
    ("12", "Effect measures", "Methods: proportions, or odds and risk ratios"),
    ("13", "Synthesis methods", "Methods; the resolved configuration"),
    ("14", "Reporting bias assessment", ""),
    ("15", "Certainty assessment", ""),
    ("16", "Study selection", "the flow diagram from the reports on; Overlap and exclusions"),
    ("17", "Study characteristics", "Studies"),
    ("18", "Risk of bias in studies", "Risk of bias"),
    ("19", "Results of individual studies", "Figures and their data"),
    ("20", "Results of syntheses", "Results; Figures; Sensitivity"),
    ("21", "Reporting biases", ""),
    ("22", "Certainty of evidence", ""),
    ("23", "Discussion", ""),
    ("24", "Registration and protocol", ""),
    ("25", "Support", ""),
    ("26", "Competing interests", ""),
    ("27", "Availability of data, code and other materials", "Provenance; the files of the run"),
)


@dataclass(frozen=True, slots=True)
class Flow:
    """Numbers of the flow diagram that a run knows."""

    reports: int
    studies: int
    cohorts: int  # candidates: pooled for an outcome, or left out for a reason
    left_out: tuple[tuple[str, int], ...]  # reason in words, cohorts never pooled
    pooled: tuple[tuple[str, int, int], ...]  # outcome, cohorts, patients


def flow(analysis: Analysis) -> Flow:
    """Count reports, studies and cohorts; a cohort stands under the first reason given for it."""
    pooled = {c.key for one in analysis.pools for c in one.counts}
    reasons: dict[str, str] = {}
    for item in analysis.excluded:
        for key in item.keys:
            if key not in pooled:
                reasons.setdefault(key, EXCLUSION_WORDS[item.kind])
    counted: dict[str, int] = {}
    for reason in reasons.values():
        counted[reason] = counted.get(reason, 0) + 1
    return Flow(
        reports=len(analysis.references),
        studies=len({item.study for item in analysis.studies}),
        cohorts=len(pooled) + len(reasons),
        left_out=tuple(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))),
        pooled=tuple((_name(one), len(one.rows), one.patients) for one in analysis.outcomes),
    )


def _name(outcome: OutcomeAnalysis) -> str:
    label = outcome.term.label
    return f"{label}, {outcome.part_label}" if outcome.part else label


def checklist(analysis: Analysis) -> Table:
    """The 27 items: where the run answers them, and which are left to the authors."""
    has_bias = any(study.items for study in analysis.bias)
    rows = []
    for number, topic, answer in _CHECKLIST:
        where = answer
        if number in ("11", "18") and not has_bias:
            where = ""
        rows.append(row(number, topic, f"This report: {where}" if where else AUTHORS))
    columns = (Column("Item"), Column("Topic"), Column("Where", wide=True))
    return Table("prisma", "PRISMA 2020 checklist", columns, tuple(rows))


def flow_diagram(analysis: Analysis, *, width: Width = "double") -> cv.Drawing:
    """The PRISMA 2020 flow as a picture: authors' boxes are outlined by dashes."""
    known = flow(analysis)
    full = WIDTHS[width]
    left_width, right_width, gap = full * 0.46, full * 0.40, 34.0
    left = chart.MARGIN
    right = left + left_width + gap
    steps: list[tuple[list[str], list[str], bool]] = [
        ([f"Records identified: {AUTHORS}"], [f"Duplicates removed: {AUTHORS}"], True),
        ([f"Records screened: {AUTHORS}"], [f"Records excluded: {AUTHORS}"], True),
        (
            [f"Reports read: {known.reports}", f"Studies in this run: {known.studies}"],
            [f"Reports not retrieved, or excluded with reasons: {AUTHORS}"],
            False,
        ),
        (
            [f"Cohorts that report an outcome of the run: {known.cohorts}"],
            [
                f"Cohorts not pooled: {sum(n for _, n in known.left_out)}",
                *(f"{reason}: {n}" for reason, n in known.left_out),
            ],
            False,
        ),
        (
            [f"{label}: {k} cohorts, {n} patients" for label, k, n in known.pooled]
            or ["Compared arms: see the contrasts"],
            [],
            False,
        ),
    ]  # fmt: skip
    with cv.settings():
        wrapped = [
            (
                _lines(main, left_width),
                _lines(side, right_width) if side else [],
                authors,
            )
            for main, side, authors in steps
        ]
        heights = [max(_height(main), _height(side)) for main, side, _ in wrapped]
        canvas = cv.Canvas(full, 30 + sum(heights) + 18 * (len(heights) - 1) + 10)
        canvas.text(left, 16, "Flow of reports and cohorts (PRISMA 2020)",
                    size=chart.SIZE + 1, bold=True)  # fmt: skip
        y = 30.0
        for index, ((main, side, authors), height) in enumerate(zip(wrapped, heights, strict=True)):
            _box(canvas, left, y, left_width, _height(main), main, authors)
            if side:
                middle = y + min(_height(main), _height(side)) / 2
                dashed = authors or AUTHORS in " ".join(side)
                _box(canvas, right, y, right_width, _height(side), side, dashed)
                _arrow(canvas, (left + left_width, middle), (right, middle))
            if index + 1 < len(wrapped):
                x = left + left_width / 2
                _arrow(canvas, (x, y + _height(main)), (x, y + height + 18))
            y += height + 18
    canvas.figure.alt = "Flow diagram. " + " ".join(
        f"{'; '.join((*main, *side))}." for main, side, _ in steps
    )
    canvas.figure.title_text = "Flow of reports and cohorts"
    return canvas.figure


def _lines(texts: list[str], width: float) -> list[str]:
    return [line for text in texts for line in cv.wrap(plain(text), width - 16, chart.SMALL)]


def _height(lines: list[str]) -> float:
    return len(lines) * chart.SMALL * 1.35 + 12 if lines else 0.0


def _box(
    canvas: cv.Canvas,
    x: float,
    y: float,
    width: float,
    height: float,
    lines: list[str],
    dashed: bool,
) -> None:
    corners_x, corners_y = [x, x + width, x + width, x, x], [y, y, y + height, y + height, y]
    canvas.line(corners_x, corners_y, width=0.8, dashes=(3, 2) if dashed else None)
    for number, text in enumerate(lines):
        canvas.text(x + 8, y + 8 + (number + 0.7) * chart.SMALL * 1.35, text, size=chart.SMALL)


def _arrow(canvas: cv.Canvas, start: tuple[float, float], end: tuple[float, float]) -> None:
    canvas.line([start[0], end[0]], [start[1], end[1]], width=0.8)
    (x, y), down = end, abs(end[0] - start[0]) < 1e-9
    head = [(x, y), (x - 2.6, y - 5), (x + 2.6, y - 5)] if down else [
        (x, y), (x - 5, y - 2.6), (x - 5, y + 2.6),
    ]  # fmt: skip
    canvas.polygon(head)
