"""Commands on the printed evidence: the audit, and one percentage on its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final

import typer

from carmeta.cli import terminal
from carmeta.cli.complete import study_ids
from carmeta.cli.layout import STUDIES
from carmeta.cli.studies import Folder, read, study_of
from carmeta.cli.tables import Format, write_rows

_LISTED: Final = 100


def audit(
    study: Annotated[
        str | None, typer.Argument(help="Only this study.", autocompletion=study_ids)
    ] = None,
    folder: Folder = STUDIES,
    format: Annotated[Format, typer.Option("--format", help="Form of the output.")] = "table",
) -> int:
    """Hold the printed numbers against each other.

    Nothing is repaired. Exit code 1 if a finding of severity error is not acknowledged in its
    record.
    """
    from carmeta.audit import audit as run_audit

    review, sources = read(folder)
    if study is not None:
        study_of(review, study, folder)
    findings = [item for item in run_audit(review, sources) if study in (None, item.study)]
    columns = {
        "code": "Code",
        "severity": "Severity",
        "place": "Place",
        "where": "Where",
        "message": "Finding",
        "printed": "Printed",
        "hint": "Hint",
        "acknowledged": "Acknowledged",
    }
    if format == "table":  # the rest is too wide for a screen
        del columns["printed"], columns["hint"]
    rows = [
        {key: getattr(item, key) for key in columns if key != "place"} | {"place": str(item.mark)}
        for item in findings
    ]
    write_rows(rows, columns, format)
    open_errors = [item for item in findings if item.severity == "error" and not item.acknowledged]
    noun = "finding" if len(findings) == 1 else "findings"
    terminal.say(f"{len(findings)} {noun}, {len(open_errors)} of them open errors")
    return 1 if open_errors else 0


def grim(
    percent: Annotated[str, typer.Argument(help="As printed, e.g. 73% or 3.0.")],
    n: Annotated[int, typer.Argument(min=0, max=10**15, help="The denominator.")],
    format: Annotated[Format, typer.Option("--format", help="Form of the output.")] = "table",
) -> int:
    """Find the counts that fit a printed percentage.

    All whole numbers of patients are listed, of more than 100 the first and the last; exit
    code 1 if there is none.
    """
    from carmeta.rounding import fitting_counts

    fit = fitting_counts(percent.removesuffix("%").strip(), n)
    how = "by rounding twice" if fit.how == "double-rounding" else "by rounding"
    rows = [*_grim_rows(fit.counts, n, how)]
    rows += _grim_rows(fit.truncated, n, "only if decimals were cut off")
    columns = {"count": "Count", "of": "Of", "percent": "Percent", "fits": "Fits"}
    write_rows(rows, columns, format, right=("count", "of", "percent"))
    if not fit.counts:
        terminal.say(f"no whole number of {n} patients is printed as {fit.percent}%")
        return 1
    return 0


def _grim_rows(counts: range, n: int, fits: str) -> Iterator[dict[str, Any]]:
    """A row a count; of many counts, which are an interval, its two ends."""
    if len(counts) <= _LISTED:
        yield from (_grim_row(count, n, fits) for count in counts)
        return
    for end, count in (("first", counts[0]), ("last", counts[-1])):
        yield _grim_row(count, n, f"{fits}, {end} of {len(counts)}")


def _grim_row(count: int, n: int, fits: str) -> dict[str, Any]:
    exact = round(100 * count / n, 4) if n else 0.0
    return {"count": count, "of": n, "percent": exact, "fits": fits}
