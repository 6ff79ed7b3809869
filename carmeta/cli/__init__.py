"""The command line: commands, exit codes, messages; no arithmetic.

Exit codes: 0 fine, 1 findings or differences, 2 usage or configuration, 3 estimation failed,
70 a bug in carmeta; 130 interrupted, 141 the reader of a pipe went away.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Final

EXIT_BUG: Final = 70
EXIT_INTERRUPTED: Final = 130
EXIT_BROKEN_PIPE: Final = 141
_ISSUES: Final = "run again with --debug and report what it prints"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; every error of a user is told in plain words."""
    from carmeta.cli import terminal

    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments or bool(os.environ.get("CARMETA_DEBUG"))
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except (BrokenPipeError, terminal.PipeClosed):
        # The interpreter flushes stdout once more at exit; let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:
        if debug:
            raise
        return _unexpected(error)
    return code


def _run(arguments: list[str]) -> int:
    from carmeta.cli import terminal
    from carmeta.cli.app import run_app
    from carmeta.errors import CarmetaError

    terminal.reset()
    try:
        return run_app(arguments)
    except CarmetaError as error:
        if terminal.settings.debug:
            raise
        from carmeta.cli.diagnostics import print_diagnostics

        if error.diagnostics:
            print_diagnostics(error.diagnostics, stream=sys.stderr)
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
