"""A Markdown summary for a pull request or a job page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carmeta.report import (
    caveats,
    contents,
    contents_choices,
    contents_regression,
    left_out,
    words,
)
from carmeta.report.tables import to_markdown
from carmeta.report.text import markdown as escape

if TYPE_CHECKING:
    from carmeta.domain.analysis import Analysis


def markdown(analysis: Analysis, changes: tuple[str, ...] = (), link: str = "") -> bytes:
    """Headline, subgroups, regressions, thresholds, caveats, findings.

    ``changes`` are those since the committed run.
    """
    lines = [f"# {escape(analysis.title)}", ""]
    lines += [escape(note) + "\n" for note in analysis.notes]
    if analysis.outcomes:
        lines += [to_markdown(contents.headline(analysis))]
    compared = contents.contrasts(analysis)
    if compared.rows:
        lines += [to_markdown(compared)]
    beyond = [
        sentence
        for outcome in analysis.outcomes
        for sentence in words.thresholds(outcome, contents.outcome_name(outcome))
    ]
    for heading, items in (
        ("Subgroups", contents.subgroup_sentences(analysis)),
        (contents_regression.HEADING, contents_regression.of_run(analysis)),
        ("Thresholds", beyond),
        ("Caveats", caveats.caveats(analysis)),
        ("Not pooled", [group.sentence() for group in left_out.of_run(analysis)]),
        ("Largest influence of a choice in the evidence", contents_choices.sentences(analysis)),
        ("Changes since the committed run", changes),
    ):
        listed = [f"- {escape(item)}" for item in items]
        if listed:
            lines += [f"## {heading}", "", *listed, ""]
    lines += [_evidence(analysis), ""]
    if link:
        lines += [f"[Full report](<{link}>)", ""]
    return "\n".join(lines).encode("utf-8", "backslashreplace")


def _evidence(analysis: Analysis) -> str:
    counted = {"error": 0, "warning": 0, "info": 0}
    for item in analysis.findings:
        counted[item.severity] += 1
    seen = ", ".join(f"{number} {name}" for name, number in counted.items() if number) or "none"
    loud = [item for item in analysis.findings if item.severity != "info"]
    if loud:
        waiting = sum(not item.acknowledged for item in loud)
        seen += (
            f" ({waiting} of the errors and warnings not acknowledged)"
            if waiting
            else " (every error and warning acknowledged with its reason)"
        )
    out = len({(item.study, item.cohort, item.outcome) for item in analysis.excluded})
    return (
        f"Findings of the audit: {seen}. Decisions on the evidence: {len(analysis.decisions)}. "
        f"Cohorts and outcomes not pooled: {out}."
    )
