"""The commands put together.

Command modules import nothing heavy at their top, so that `carmeta --help` stays quick.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Annotated, Any, Final

import typer

from carmeta.cli import terminal
from carmeta.cli.config import show as show_config
from carmeta.cli.evidence import audit, grim
from carmeta.cli.explain import explain
from carmeta.cli.export import export
from carmeta.cli.importing import import_files
from carmeta.cli.init import init
from carmeta.cli.migrate import migrate
from carmeta.cli.new import study as new_study
from carmeta.cli.pool import pool
from carmeta.cli.runs import diff
from carmeta.cli.schema import schema
from carmeta.cli.studies import show, studies
from carmeta.cli.validate import validate
from carmeta.cli.words import packs, words

app = typer.Typer(
    name="carmeta",
    help="Meta-analysis of trials: from the printed table cell to the pooled estimate.",
    no_args_is_help=False,
    rich_markup_mode=None,  # plain help: nothing of rich is loaded for it
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
new_app = typer.Typer(help="Begin something new.")
config_app = typer.Typer(help="Look at configurations.")

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No messages, only data and errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="More messages.")]
Debug = Annotated[bool, typer.Option("--debug", help="Traceback of an error.")]
_COMMON: Final = {"quiet": Quiet, "verbose": Verbose, "debug": Debug}

# BadParameter is public; the class of all usage errors above it is not everywhere.
_UsageError: Final[Any] = typer.BadParameter.__mro__[1]


def run_app(arguments: list[str]) -> int:
    """Parse and run; returns the exit code. Errors other than of usage are raised."""
    command = typer.main.get_command(app)
    try:
        result = command.main(args=arguments, prog_name="carmeta", standalone_mode=False)
    except _UsageError as error:
        path = error.ctx.command_path if error.ctx else "carmeta"
        terminal.error(error.format_message(), hint=f"see '{path} --help'")
        return 2
    return result if isinstance(result, int) else 0


def _with_common(function: Callable[..., int | None]) -> Callable[..., int | None]:
    """Give a command `-q`, `-v` and `--debug`."""

    @functools.wraps(function)
    def command(**arguments: Any) -> int | None:
        for name in _COMMON:
            if arguments.pop(name):
                setattr(terminal.settings, name, True)
        try:
            code = function(**arguments)
            sys.stdout.flush()
        except BrokenPipeError as error:
            raise terminal.PipeClosed from error  # typer would exit with 1 for it
        return code

    signature = inspect.signature(function, eval_str=True)
    common = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
        for name, kind in _COMMON.items()
    ]
    own = list(signature.parameters.values())
    changed = signature.replace(parameters=own + common)
    vars(command)["__signature__"] = changed
    command.__annotations__ = {
        parameter.name: parameter.annotation for parameter in changed.parameters.values()
    }
    return command


def _version(wanted: bool) -> None:
    if wanted:
        from carmeta import __version__

        terminal.emit(f"carmeta {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Debug = False,
) -> None:
    terminal.settings.debug = debug
    _help_alone(context)


@new_app.callback(invoke_without_command=True)
@config_app.callback(invoke_without_command=True)
def _help_alone(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        terminal.emit(context.get_help())


def _add(group: typer.Typer, name: str, function: Callable[..., int | None]) -> None:
    group.command(name)(_with_common(function))


_add(app, "init", init)
_add(app, "pool", pool)
_add(app, "validate", validate)
_add(app, "audit", audit)
_add(app, "grim", grim)
_add(app, "studies", studies)
_add(app, "show", show)
_add(app, "packs", packs)
_add(app, "words", words)
_add(app, "explain", explain)
_add(app, "import", import_files)
_add(app, "export", export)
_add(new_app, "study", new_study)
app.add_typer(new_app, name="new")
_add(app, "schema", schema)
_add(app, "migrate", migrate)
_add(config_app, "show", show_config)
app.add_typer(config_app, name="config")
_add(app, "diff", diff)
