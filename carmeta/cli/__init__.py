"""The command line: commands, exit codes, messages; no arithmetic.

Exit codes: 0 fine, 1 findings or differences, 2 usage or configuration, or a file or stream that
cannot be read or written, 3 estimation failed, 70 a bug in carmeta; 130 interrupted, 141 the
reader of a pipe went away.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TextIO, cast

from carmeta.errors import CarmetaError, OutputError

EXIT_BUG: Final = 70
EXIT_INTERRUPTED: Final = 130
EXIT_BROKEN_PIPE: Final = 141
_ISSUES: Final = "run again with --debug and report what it prints"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; every error of a user is told in plain words."""
    from carmeta.cli import terminal

    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments or bool(os.environ.get("CARMETA_DEBUG"))
    if sys.stderr is None:  # closed by the caller: messages go nowhere, and never to stdout
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  for good
    if sys.stdout is None:
        terminal.error(f"{terminal.CANNOT_WRITE}: it is closed")
        return OutputError.exit_code
    stdout = sys.stdout
    sys.stdout = cast("TextIO", terminal.Guarded(stdout))
    try:
        code = _run(arguments)
    except (BrokenPipeError, terminal.PipeClosed):
        terminal.discard(stdout)
        return EXIT_BROKEN_PIPE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:
        if debug:
            raise
        return _unexpected(error)
    finally:
        sys.stdout = stdout
    return code


def _run(arguments: list[str]) -> int:
    from carmeta.cli import terminal
    from carmeta.cli.app import run_app

    terminal.reset()
    try:
        code = run_app(arguments)
        sys.stdout.flush()
        return code
    except CarmetaError as error:
        if terminal.settings.debug:
            raise
        from carmeta.cli.diagnostics import print_diagnostics

        if error.diagnostics:
            print_diagnostics(error.diagnostics, aside=True)
        terminal.error(error.message, hint=error.hint)
        return error.exit_code


def _unexpected(error: Exception) -> int:
    from carmeta.cli import terminal

    if isinstance(error, OSError) and error.filename is not None:
        terminal.error(f"{error.filename}: {error.strerror or error}")
        return 2
    summary = " ".join(str(error).split())[:200]
    terminal.error(f"a bug in carmeta: {type(error).__name__}: {summary}", hint=_ISSUES)
    return EXIT_BUG
