"""report.html: one file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from carmeta.report import (
    caveats,
    contents,
    contents_choices,
    contents_regression,
    csvfiles,
    methods,
    numbers,
    prisma,
    words,
)
from carmeta.report import contents_evidence as evidence
from carmeta.report.tables import Table, to_html
from carmeta.report.text import clean, tie
from carmeta.vocabulary import OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import jinja2
    from markupsafe import Markup

    from carmeta.domain.analysis import Analysis
    from carmeta.domain.evidence import Count, Decision
    from carmeta.report.figures import FigureEntry


@dataclass(frozen=True, slots=True)
class Download:
    """A file that the page carries with it."""

    label: str
    name: str
    href: str  # data URI


@dataclass(frozen=True, slots=True)
class FigureView:
    """A figure with everything beside it."""

    anchor: str
    title: str
    alt: str
    images: tuple[str, ...]  # data URIs of the pages
    table: Markup
    downloads: tuple[Download, ...]
    beside: str  # files that lie beside the page, in words
    left_out: tuple[str, ...]  # what reports the outcome and is not in it


@dataclass(frozen=True, slots=True)
class Trail:
    """One count and how it came about."""

    title: str
    facts: tuple[tuple[str, str], ...]
    decisions: tuple[Decision, ...]


def render(analysis: Analysis, figures: Sequence[FigureEntry] = ()) -> bytes:
    """The page as UTF-8; the same for the same analysis and figures."""
    style, script = _asset("report.css"), _asset("report.js")
    text = methods.Methods(analysis)
    page = (
        _environment()
        .get_template("report.html")
        .render(
            analysis=analysis,
            csp=_csp(style, script),
            style=_safe(style),
            script=_safe(script),
            answers=[tie(sentence) for sentence in methods.answer(analysis)],
            caveats=caveats.caveats(analysis),
            headline=_table(contents.headline(analysis)),
            models=_table(contents.models(analysis)),
            subgroups=_table(contents.subgroups(analysis)),
            contrasts=_table(contents.contrasts(analysis)),
            **_regressions(analysis, figures),
            figures=[_figure(entry) for entry in figures if entry.kind == "main"],
            bias=_table(evidence.bias(analysis), sortable=True),
            bias_figures=[_figure(entry) for entry in figures if entry.kind == "bias"],
            flow=[_figure(entry) for entry in figures if entry.kind == "flow"],
            checklist=_table(prisma.checklist(analysis)),
            lineage=[_figure(entry) for entry in figures if entry.kind == "lineage"],
            refits=[_figure(entry) for entry in figures if entry.kind == "sensitivity"],
            methods=text.paragraphs,
            method_references=text.references(),
            studies=_table(evidence.studies(analysis), sortable=True),
            counts=_table(evidence.outcome_data(analysis), sortable=True),
            trails=trails(analysis),
            **_audit(analysis),
            **_exclusions(analysis),
            decisions=_table(evidence.decisions(analysis), sortable=True),
            sensitivity=_table(contents.sensitivity(analysis), sortable=True),
            candidates=candidates(analysis),
            choices=_table(contents_choices.top_choices(analysis)),
            choices_rest=_table(contents_choices.other_choices(analysis), sortable=True),
            small_studies=contents_choices.small_studies(analysis),
            config=_preformatted(
                json.dumps(analysis.config, ensure_ascii=False, indent=2, default=str)
            ),
        )
    )
    return page.encode("utf-8", "backslashreplace")


def _regressions(analysis: Analysis, figures: Sequence[FigureEntry]) -> dict[str, Any]:
    """Outcomes against moderators, where that is asked for."""
    return {
        "regressions": _table(contents_regression.regressions(analysis)),
        "regression_said": contents_regression.of_run(analysis),
        "regression_figures": [_figure(entry) for entry in figures if entry.kind == "regression"],
        "regression_caution": contents_regression.CAUTION,
    }


def _audit(analysis: Analysis) -> dict[str, Any]:
    """Findings that need eyes, and those that had them or only inform."""
    needs = [f for f in analysis.findings if f.severity != "info" and not f.acknowledged]
    rest = [f for f in analysis.findings if f.severity == "info" or f.acknowledged]
    return {
        "findings": _table(
            evidence.findings_table(needs, "findings", "Findings not acknowledged"), sortable=True
        ),
        "findings_rest": _table(
            evidence.findings_table(rest, "findings-rest", "Acknowledged or informative"),
            sortable=True,
        ),
        "findings_counts": (len(needs), len(rest)),
    }


def _exclusions(analysis: Analysis) -> dict[str, Any]:
    """Cohorts that a reader may miss, and those that do not belong to the question."""
    missed = [item for item in analysis.excluded if item.kind not in OUTSIDE]
    rest = [item for item in analysis.excluded if item.kind in OUTSIDE]
    return {
        "excluded": _table(
            evidence.excluded_table(analysis, missed, "excluded", "Cohorts not pooled"),
            sortable=True,
        ),
        "excluded_rest": _table(
            evidence.excluded_table(
                analysis, rest, "excluded-rest", "Outside the question or not reported"
            ),
            sortable=True,
        ),
        "excluded_counts": (len(missed), len(rest)),
    }


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("carmeta.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_finalize,
    )


def _finalize(value: Any) -> Any:
    """Control characters do not reach the page; direction marks stay in their element."""
    return clean(value) if type(value) is str else value


@lru_cache(maxsize=4)
def _asset(name: str) -> str:
    return (resources.files("carmeta.report") / "templates" / name).read_text("utf-8")


def _csp(style: str, script: str) -> str:
    """Nothing may be loaded; style and script are the two of this page."""

    def digest(content: str) -> str:
        return base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()

    return (
        "default-src 'none'; img-src data:; "
        f"style-src 'sha256-{digest(style)}'; script-src 'sha256-{digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _safe(content: str) -> Markup:
    from markupsafe import Markup

    return Markup(content)  # our own file, without anything foreign in it


def _preformatted(content: str) -> Markup:
    """Escaped text that keeps its lines."""
    from markupsafe import Markup

    lines = (str(Markup.escape(clean(line))) for line in content.split("\n"))
    return Markup("\n".join(lines))


def _table(table: Table, *, sortable: bool = False) -> Markup | None:
    return _safe(to_html(table, sortable=sortable)) if table.rows else None


def _uri(media: str, content: bytes) -> str:
    return f"data:{media};base64,{base64.b64encode(content).decode('ascii')}"


def _figure(entry: FigureEntry) -> FigureView:
    images = tuple(_uri("image/svg+xml", page) for page in entry.pages)
    main = entry.kind == "main"
    downloads = []
    if main:  # the others lie beside the page, and would be carried twice
        for number, uri in enumerate(images):
            suffix = f"_{number + 1}" if number else ""
            label = f"SVG, page {number + 1}" if len(images) > 1 else "SVG"
            downloads.append(Download(label, f"{entry.stem}{suffix}.svg", uri))
    downloads.append(Download("data as CSV", f"{entry.stem}.csv", _uri("text/csv", entry.sidecar)))
    return FigureView(
        anchor=f"figure-{entry.stem}",
        title=entry.title,
        alt=entry.alt,
        images=images,
        table=_safe(to_html(_drawn(entry))),
        downloads=tuple(downloads),
        beside=f"{entry.stem}.pdf and {entry.stem}.png" if main else f"{entry.stem}.svg",
        left_out=entry.left_out,
    )


def _drawn(entry: FigureEntry) -> Table:
    """The sidecar as a table: what is drawn, for those who cannot see it."""
    import csv
    import io

    from carmeta.report.tables import Column, row

    lines = list(csv.reader(io.StringIO(entry.sidecar.decode("utf-8"))))
    names = lines[0]
    if entry.kind in ("lineage", "bias", "flow"):
        columns = [Column(name.replace("_", " ").capitalize()) for name in names]
        relations = tuple(row(*line) for line in lines[1:])
        return Table(f"drawn-{entry.stem}", entry.title, tuple(columns), relations)
    shown = [i for i, name in enumerate(names) if name.startswith("shown_")]
    columns = [Column("Row")]
    columns += [
        Column(names[i].removeprefix("shown_").replace("_", " ").capitalize(), "right")
        for i in shown
    ]
    label = names.index("label")
    rows = tuple(row(line[label], *(line[i] for i in shown)) for line in lines[1:])
    return Table(f"drawn-{entry.stem}", f"Data of the figure: {entry.title}", tuple(columns), rows)


def candidates(analysis: Analysis) -> list[str]:
    """What the ambiguity of the printed numbers does to each estimate."""
    lines = []
    for outcome in analysis.outcomes:
        found = outcome.candidates
        if found is None or found.combinations < 2:
            continue
        how = "every combination was refitted" if found.exact else "bounds from the extremes"
        lines.append(
            f"{contents.outcome_name(outcome)}: over {numbers.count(found.combinations)} "
            f"combinations of counts that fit what is printed the estimate runs from "
            f"{numbers.percent(found.estimate_lb, 2)} to {numbers.percent(found.estimate_ub, 2)} "
            f"({how}); the lowest lower limit is {numbers.percent(found.ci_lb, 2)}, the highest "
            f"upper limit {numbers.percent(found.ci_ub, 2)}. The point estimate uses {found.rule}."
        )
    return lines


def trails(analysis: Analysis) -> list[Trail]:
    """Every count with its printed cells and the decisions about it."""
    by_key: dict[tuple[str, str, str], list[Decision]] = {}
    for item in analysis.decisions:
        by_key.setdefault((item.study, item.cohort, item.outcome), []).append(item)

    def short(code: str) -> str:
        return analysis.words.outcome(code).short

    return [
        Trail(
            f"{short(count.outcome)}, {count.slab}: {count.xi} of {count.ni}",
            _facts(count),
            tuple(by_key.get((count.study, count.cohort, count.outcome), ())),
        )
        for count in csvfiles.used_counts(analysis)
    ]


def _facts(count: Count) -> tuple[tuple[str, str], ...]:
    several = ", ".join(str(value) for value in count.candidates[:20])
    several += f", ... {count.xi_hi}" if len(count.candidates) > 20 else ""
    facts = (
        ("Printed", count.source),
        ("Derivation", words.DERIVATION_WORDS.get(count.derivation, count.derivation)),
        ("Counts that fit", several if len(count.candidates) > 1 else ""),
        ("Population", count.population_label),
        ("Definition", count.definition),
        ("Grading", count.grading),
        ("Flags", "; ".join(count.flags)),
        ("Record", f"{count.study}/{count.cohort}"),
    )
    return tuple((name, value) for name, value in facts if value)
