"""Commands on runs that were written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from carmeta.cli import terminal
from carmeta.cli.tables import Format, write_rows


def diff(
    a: Annotated[Path, typer.Argument(help="A run, e.g. outputs/primary.")],
    b: Annotated[Path, typer.Argument(help="Another run.")],
    format: Annotated[Format, typer.Option("--format", help="Form of the output.")] = "table",
) -> int:
    """Compare two runs.

    Numbers may differ by one in their last digit, of the ten or the decimals that are written;
    everything else is compared exactly. Exit code 1 if the runs differ.
    """
    from carmeta.diff import compare_runs
    from carmeta.errors import OutputError

    try:
        differences = compare_runs(a, b)
    except OSError as error:
        raise OutputError(str(error)) from error
    if differences or format != "table":
        rows = [
            dict(zip(("file", "difference"), d.split(": ", 1), strict=True)) for d in differences
        ]
        write_rows(rows, {"file": "File", "difference": "Difference"}, format)
    if differences:
        terminal.say(f"{a} and {b} differ")
        return 1
    terminal.say(f"{a} and {b} are the same")
    return 0
