"""Everything a run writes, as file name to bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carmeta.digits import settle
from carmeta.report import (
    contents,
    contents_choices,
    contents_regression,
    csvfiles,
    dictionary,
    jsonfile,
    reproduce,
    summary,
)
from carmeta.report import contents_evidence as evidence
from carmeta.report.generated import marked
from carmeta.report.parallel import Helpers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from carmeta.domain.analysis import Analysis
    from carmeta.report.figures import FigureEntry
    from carmeta.report.jobs import Work
    from carmeta.report.tables import Table

    Progress = Callable[[str, int, int], None]


def render_all(
    analysis: Analysis,
    *,
    figures: bool = True,
    word: bool = True,
    excel: bool = True,
    pdf: bool = False,
    jobs: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
    beside: Sequence[Work] = (),
) -> dict[str, bytes]:
    """Draw, format and write everything: relative file name to bytes, sorted by name.

    ``jobs`` processes draw (1: this one only); see :mod:`carmeta.report.parallel` for what a
    script must look like that asks for more. ``progress`` is called as
    ``progress(what, done, total)``. The bytes do not depend on ``jobs``.

    ``beside`` is further work for the helpers, such as checks; an error of it is raised, and
    nothing is returned.

    ``pdf`` adds report.pdf, which needs the optional package typst.

    Numbers carry the digits of `carmeta.digits`, figures and text too.

    Raises OutputError for a character that no font can draw, or a PDF without typst.
    """
    analysis = settle(analysis)
    with Helpers(jobs if figures or beside else 1) as team:
        return _render(analysis, figures, word, excel, pdf, progress, team, beside)


def _render(
    analysis: Analysis,
    figures: bool,
    word: bool,
    excel: bool,
    pdf: bool,
    progress: Callable[[str, int, int], None] | None,
    team: Helpers,
    beside: Sequence[Work],
) -> dict[str, bytes]:
    steps = _Steps(progress)
    team.submit(beside, steps.job_done)
    files = csvfiles.all_csv(analysis)
    files["results.json"] = jsonfile.results(analysis)
    files["reproduce.R"] = reproduce.script(analysis)
    drawings: list[FigureEntry] = []
    if figures:
        from carmeta.report import figures as drawn

        jobs = drawn.jobs(analysis)
        heavy = [job.heavy for job in jobs if job.heavy is not None]
        steps.total = len(beside) + len(jobs) + len(heavy) + 1 + word + pdf
        # PDF and PNG take nine tenths of the time and nothing here waits for them but Word.
        team.submit(heavy, steps.job_done)
        for job in jobs:
            entry, parts = drawn.light(job)
            files |= parts
            drawings.append(entry)
            steps.done(job.light.stem)
        entries, parts = drawn.pictures(analysis)
        files |= parts
        drawings += entries
    tables = all_tables(analysis)
    files |= _documents(analysis, tables, drawings, excel)
    steps.done("report.html")
    if pdf:
        from carmeta.report import pdf as printed

        files[printed.NAME] = printed.render(analysis, drawings)
        steps.done(printed.NAME)
    for result in team.collect():
        files |= result
    if word:
        from carmeta.report import wordreport

        files["report.docx"] = wordreport.render(analysis, tables, drawings, files)
        steps.done("report.docx")
    files[dictionary.NAME] = dictionary.explained(files)
    notice = analysis.provenance.notice
    return {name: marked(name, data, notice) for name, data in sorted(files.items())}


def _documents(
    analysis: Analysis, tables: list[Table], drawings: list[FigureEntry], excel: bool
) -> dict[str, bytes]:
    from carmeta.report import html
    from carmeta.report.tables import latex_document

    files = {
        "report.html": html.render(analysis, drawings),
        "summary.md": summary.markdown(analysis),
        "tables.tex": latex_document(tables, analysis.title),
    }
    if excel:
        from carmeta.report.excel import workbook

        files["tables.xlsx"] = workbook(tables, analysis.title, csvfiles.all_raw(analysis))
    return files


def all_tables(analysis: Analysis) -> list[Table]:
    """Every table of the run that has rows, in the order of the report."""
    tables = [
        contents.headline(analysis),
        contents.models(analysis),
        contents.subgroups(analysis),
        contents_regression.regressions(analysis),
        contents.contrasts(analysis),
        evidence.studies(analysis),
        evidence.bias(analysis),
        evidence.outcome_data(analysis),
        contents_choices.choices(analysis),
        contents.sensitivity(analysis),
        evidence.findings(analysis),
        evidence.excluded(analysis),
        evidence.decisions(analysis),
    ]
    return [table for table in tables if table.rows]


class _Steps:
    """Counts what is done and tells the caller."""

    def __init__(self, progress: Progress | None) -> None:
        self.tell = progress
        self.total = 2
        self.number = 0

    def done(self, what: str) -> None:
        self.number += 1
        if self.tell is not None:
            self.tell(what, min(self.number, self.total), self.total)

    def job_done(self, job: Work) -> None:
        self.done(job.name)
