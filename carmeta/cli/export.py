"""`carmeta export`: the counts of a configuration for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from carmeta.cli import terminal
from carmeta.cli.layout import PRIMARY, STUDIES
from carmeta.cli.studies import Folder


def export(
    config: Annotated[Path, typer.Argument(help="A configuration.")] = PRIMARY,
    folder: Folder = STUDIES,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The folder to write.",
            show_default="export-<name of the configuration>",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> int:
    """Write the harmonised counts of a configuration as plain CSV and for RevMan 5.

    counts.csv has a line a cohort and outcome, of a comparison a line a pair; OUTCOME.csv has
    the lines of one outcome, for `carmeta pool --csv`; NAME.rm5 is for RevMan 5.
    """
    from carmeta.exporting import rm5, tables
    from carmeta.outputs.write import check_free, write_file
    from carmeta.pipeline import counted

    found = counted(config, studies=folder)
    if found.pairs:
        files = tables.of_pairs(found.pairs)
        review = rm5.of_pairs(found.title, found.words, found.pairs)
    else:
        files = tables.of_cohorts(found.cohorts)
        review = rm5.of_cohorts(found.title, found.words, found.cohorts)
    files[f"{found.name}.rm5"] = review
    target = output or Path(f"export-{found.name}")
    for name in files:
        check_free(target / name, force=force)
    target.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        write_file(target / name, data, force=force)
        terminal.detail(f"  {target / name}  {len(data)} bytes")
    terminal.say(f"{len(files)} files in {target}")
    if not found.pairs:
        terminal.say(
            f"note: RevMan has no proportions of one arm: in {found.name}.rm5 they are generic "
            f"inverse variance ({rm5.LOGIT} and its standard error, 0.5 added to empty cells)"
        )
    several = [count for _, count in found.cohorts if count.xi_lo != count.xi_hi]
    several += [arm for _, pair in found.pairs for arm in pair.arms if arm.xi_lo != arm.xi_hi]
    if several:
        noun = "count is" if len(several) == 1 else "counts are"
        terminal.say(f"note: {len(several)} {noun} one of several that a percentage allows")
    return 0
