"""A Markdown summary for a pull request or a job page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carmeta.report import contents, contents_choices, words
from carmeta.report.tables import to_markdown
from carmeta.report.text import markdown as escape

if TYPE_CHECKING:
    from carmeta.domain.analysis import Analysis


def markdown(analysis: Analysis, changes: tuple[str, ...] = (), link: str = "") -> bytes:
    """Headline table, caveats, findings in numbers; ``changes`` since the committed run."""
    lines = [f"# {escape(analysis.title)}", ""]
    lines += [escape(note) + "\n" for note in analysis.notes]
    if analysis.outcomes:
        lines += [to_markdown(contents.headline(analysis))]
    compared = contents.contrasts(analysis)
    if compared.rows:
        lines += [to_markdown(compared)]
    caveats = _caveats(analysis)
    if caveats:
        lines += ["## Caveats", "", *[f"- {escape(item)}" for item in caveats], ""]
    moved = [f"- {escape(item)}" for item in contents_choices.sentences(analysis)]
    if moved:
        lines += ["## Largest influence of a choice in the evidence", "", *moved, ""]
    if changes:
        lines += ["## Changes since the committed run", ""]
        lines += [*[f"- {escape(item)}" for item in changes], ""]
    lines += [_evidence(analysis), ""]
    if link:
        lines += [f"[Full report](<{link}>)", ""]
    return "\n".join(lines).encode("utf-8", "backslashreplace")


def _caveats(analysis: Analysis) -> list[str]:
    found = [
        f"{contents.outcome_name(outcome)}: {item}"
        for outcome in analysis.outcomes
        for item in (*words.fallback_sentences(outcome.headline), *contents.notes(outcome))
    ]
    found += [
        f"{words.outcome(contrast.outcome).label}, {words.measure(item.measure)}: {text}"
        for contrast in analysis.contrasts
        if len(contrast.pairs) > 1
        for item in contrast.results
        for text in words.fallback_sentences(item)
    ]
    flagged = [
        f"{words.sentence(flag)[:-1]}: {', '.join(where)}."
        for flag, where in contents.flags(analysis).items()
    ]
    return [*dict.fromkeys(found), *contents.disagreements(analysis), *flagged]


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
    left_out = len(
        {
            (item.study, item.cohort, item.outcome)
            for outcome in analysis.outcomes
            for item in outcome.excluded
        }
    )
    return (
        f"Findings of the audit: {seen}. Decisions on the evidence: {len(analysis.decisions)}. "
        f"Cohorts and outcomes not pooled: {left_out}."
    )
