"""`carmeta pool`: the main job from a configuration, or the engine on anybody's counts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from carmeta.cli import terminal
from carmeta.cli.complete import config_paths
from carmeta.cli.layout import PRIMARY, STUDIES
from carmeta.cli.tables import Format
from carmeta.errors import ConfigError
from carmeta.vocabulary import I2Method, Measure, Method, ModelCode, PiMethod, Sharing, Test, To

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carmeta.domain.analysis import Analysis

OUTPUTS: Final = Path("outputs")
_CSV: Final = "with --csv"
_CONFIG: Final = "without --csv"


def pool(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Argument(
            help="A configuration.", show_default=str(PRIMARY), autocompletion=config_paths
        ),
    ] = None,
    studies: Annotated[
        Path, typer.Option("--studies", help=f"The folder of study records, {_CONFIG}.")
    ] = STUDIES,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help=f"The folder to write, {_CONFIG}.",
            show_default="outputs/<name of the configuration>",
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", min=1, max=64, help="Processes that draw figures.")
    ] = 2,
    pdf: Annotated[
        bool,
        typer.Option("--pdf", help=f"Write report.pdf as well (needs carmeta[pdf]), {_CONFIG}."),
    ] = False,
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            help="Counts to pool, CSV or Excel: study,events,n[,events2,n2][,group], under these "
            "or other usual names; - for stdin.",
        ),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            "--group", help=f"Column to group by, {_CSV}.", show_default="group, if there is one"
        ),
    ] = None,
    measure: Annotated[
        Measure | None,
        typer.Option("--measure", help=f"Scale of the effects, {_CSV}.", show_default="PLO or OR"),
    ] = None,
    model: Annotated[
        ModelCode | None,
        typer.Option(
            "--model",
            help=f"Model, {_CSV}. By default those of a configuration that can have the options "
            "given.",
            show_default="GLMM, IV beside it; of two arms IV",
        ),
    ] = None,
    method: Annotated[
        Method | None,
        typer.Option(
            "--method", help=f"Estimator of tau2, {_CSV}.", show_default="the model's: REML or ML"
        ),
    ] = None,
    test: Annotated[
        Test | None,
        typer.Option(
            "--test",
            help=f"Test and limits of the mean, {_CSV}.",
            show_default="the model's: adhoc, t or z",
        ),
    ] = None,
    pi_method: Annotated[
        PiMethod | None,
        typer.Option("--pi-method", help=f"Prediction interval, {_CSV}.", show_default="V"),
    ] = None,
    i2_method: Annotated[
        I2Method | None,
        typer.Option("--i2-method", help=f"Definition of I2, {_CSV}.", show_default="tau2 or Q"),
    ] = None,
    level: Annotated[
        float | None,
        typer.Option("--level", help=f"Level of intervals, {_CSV}.", show_default="0.95"),
    ] = None,
    add: Annotated[
        float | None,
        typer.Option("--add", help=f"Added to zero cells, {_CSV}.", show_default="0.5"),
    ] = None,
    to: Annotated[
        To | None,
        typer.Option("--to", help=f"Which studies it is added to, {_CSV}.", show_default="only0"),
    ] = None,
    tau2: Annotated[
        Sharing | None,
        typer.Option(
            "--tau2",
            help=f"tau2 of the groups, {_CSV}.",
            show_default="common, if the model can",
        ),
    ] = None,
    forest: Annotated[
        Path | None, typer.Option("--forest", help=f"Draw to .svg, .pdf or .png, {_CSV}.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help=f"Replace the files of --forest, {_CSV}.")
    ] = False,
    format: Annotated[Format, typer.Option("--format", help="Form of the output.")] = "table",
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> int:
    """Pool the studies and write figures, tables and report.

    The main job: load, audit, harmonise, pool, render. With --csv: pool the counts of a file,
    without any records.
    """
    fmt: Format = "json" if json else format
    if fmt != format:
        _reject(_given(context, ("format",)), "without --json")
    if csv is None:
        _reject(_given(context, _CSV_OPTIONS), _CSV)
        return _run(config or PRIMARY, studies, output, jobs, fmt, pdf=pdf)
    _reject(_given(context, _CONFIG_OPTIONS), _CONFIG)
    if forest is None:
        _reject(_given(context, ("force",)), "with --forest")
    from carmeta.cli.counts import pool_file

    options = {
        "measure": measure, "model": model, "method": method, "test": test,
        "pi_method": pi_method, "i2_method": i2_method, "level": level, "add": add, "to": to,
        "tau2": tau2,
    }  # fmt: skip
    return pool_file(csv, options, group=group, forest=forest, force=force, fmt=fmt)


_CSV_OPTIONS: Final = (
    "group",
    "measure",
    "model",
    "method",
    "test",
    "pi_method",
    "i2_method",
    "level",
    "add",
    "to",
    "tau2",
    "forest",
    "force",
)
_CONFIG_OPTIONS: Final = ("config", "studies", "output", "jobs", "pdf")


def _given(context: typer.Context, names: tuple[str, ...]) -> list[str]:
    def is_given(name: str) -> bool:
        source = context.get_parameter_source(name)
        return source is not None and source.name == "COMMANDLINE"

    return [name for name in names if is_given(name)]


def _reject(names: list[str], goes: str) -> None:
    if names:
        shown = "CONFIG" if names[0] == "config" else f"--{names[0].replace('_', '-')}"
        raise ConfigError(f"{shown} works only {goes}", hint="see 'carmeta pool --help'")


def _run(
    config: Path, studies: Path, output: Path | None, jobs: int, fmt: Format, *, pdf: bool
) -> int:
    from carmeta.outputs import manifest_of, write_run
    from carmeta.pipeline import run
    from carmeta.second_opinion import ask

    if pdf:  # what is missing is said before the work, not after it
        from carmeta.report.pdf import require

        require()
    with terminal.progress() as tell:
        analysis, opinion = ask(run(config, studies=studies, progress=tell))
        from carmeta.report.files import render_all

        files = render_all(analysis, pdf=pdf, jobs=jobs, progress=tell, beside=[opinion])
    folder = output or OUTPUTS / analysis.name
    write_run(
        folder,
        files,
        root=OUTPUTS,
        manifest=manifest_of(analysis),
        allow_outside=output is not None,
    )
    _print_headline(analysis, files, fmt)
    sys.stdout.flush()
    _tell(analysis, folder, files)
    return 0


def _print_headline(analysis: Analysis, files: Mapping[str, bytes], fmt: Format) -> None:
    if fmt == "table":
        from carmeta.report.console import headline

        terminal.show(headline(analysis))
        return
    name = {"json": "results.json", "csv": "pooled.csv", "md": "summary.md"}[fmt]
    terminal.emit(files[name].decode())


def _tell(analysis: Analysis, folder: Path, files: Mapping[str, bytes]) -> None:
    from carmeta.report import caveats, left_out

    for text in caveats.lacking(analysis):
        terminal.say(text)
    for group in left_out.of_run(analysis):
        terminal.say(f"not pooled: {group.sentence()}")
    open_errors = [f for f in analysis.findings if f.severity == "error" and not f.acknowledged]
    if open_errors:
        noun = "finding" if len(open_errors) == 1 else "findings"
        terminal.say(f"{len(open_errors)} open {noun} in the evidence: see `carmeta audit`")
    terminal.say(f"{len(files) + 1} files in {folder}; begin with {folder / 'report.html'}")
    for name in sorted(files):
        terminal.detail(f"  {folder / name}  {len(files[name])} bytes")
