"""Where words go: data to stdout, messages and progress to stderr, colour only to people.

Whether there is colour is decided here, from the stream and ``NO_COLOR``/``FORCE_COLOR``
alone; that a build server is running makes no difference.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

from carmeta.errors import OutputError

if TYPE_CHECKING:
    from rich.console import Console

Progress = Callable[[str, int, int], None]

CANNOT_WRITE: Final = "cannot write to standard output"
_PIPE_WIDTH: Final = 100_000  # a pipe has no width: nothing is wrapped or cut
# Escape sequences in user text could rewrite what stands on the screen.
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_RED: Final = "\x1b[1;31m"
_CYAN: Final = "\x1b[36m"
_PLAIN: Final = "\x1b[0m"


class PipeClosed(Exception):
    """Nobody reads our output any more."""


class Guarded:
    """Standard output that tells why it takes nothing, whoever writes to it."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with self._guard():
            return self._stream.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        with self._guard():
            self._stream.writelines(lines)

    def flush(self) -> None:
        with self._guard():
            self._stream.flush()

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            discard(self._stream)
            raise OutputError(f"{CANNOT_WRITE}: {error.strerror or error}") from error


@dataclass(slots=True)
class Settings:
    """What `-q`, `-v` and `--debug` say."""

    quiet: bool = False
    verbose: bool = False
    debug: bool = False


settings = Settings()


def reset() -> None:
    """Forget the settings of an earlier call in the same process."""
    settings.quiet = settings.verbose = settings.debug = False
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a sign gets a replacement, not a traceback.
        with contextlib.suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # suppressed where absent


def use_colour(stream: IO[str]) -> bool:
    """Whether a stream gets colour: a terminal does unless ``NO_COLOR``; see no-color.org."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def console(stream: IO[str]) -> Console:
    """A rich console that takes no markup from text and is plain when piped."""
    from rich.console import Console

    colour = use_colour(stream)
    return Console(
        file=stream,
        force_terminal=colour,
        color_system="auto" if colour else None,
        no_color=not colour,
        width=None if stream.isatty() else _PIPE_WIDTH,
        markup=False,
        emoji=False,
        highlight=False,
    )


def show(renderable: Any) -> None:
    """Something of rich to stdout; piped, without the blanks that fill its lines."""
    if sys.stdout.isatty():
        console(sys.stdout).print(renderable)
        return
    plain = console(sys.stdout)
    with plain.capture() as capture:
        plain.print(renderable)
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def safe(text: str) -> str:
    """Text without the control characters that a terminal would obey."""
    return _CONTROL.sub("\ufffd", text)


def emit(text: str) -> None:
    """Data to stdout, as it is."""
    sys.stdout.write(text if text.endswith("\n") or not text else text + "\n")


def tell(text: str) -> None:
    """A line to stderr. Where it cannot be written, data and exit code are still right."""
    try:
        print(text, file=sys.stderr)
    except BrokenPipeError:
        raise
    except OSError:
        discard(sys.stderr)


def discard(stream: IO[str]) -> None:
    """Let what a stream still holds go nowhere: the interpreter flushes it once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def say(message: str) -> None:
    """A message to stderr, unless `--quiet`."""
    if not settings.quiet:
        tell(safe(message))


def detail(message: str) -> None:
    """A message for `--verbose`."""
    if settings.verbose and not settings.quiet:
        tell(safe(message))


def error(message: str, *, hint: str = "") -> None:
    """What went wrong and what helps, to stderr even with `--quiet`."""
    red, cyan, plain = (_RED, _CYAN, _PLAIN) if use_colour(sys.stderr) else ("", "", "")
    tell(f"{red}error{plain}: {safe(message)}")
    if hint:
        tell(f"{cyan}help{plain}: {safe(hint)}")


@contextlib.contextmanager
def progress() -> Iterator[Progress | None]:
    """A bar on stderr for people; None where nobody watches, or with `--quiet`."""
    if settings.quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn())
    with Progress(*columns, console=console(sys.stderr), transient=True) as bar:
        task = bar.add_task("", total=None)

        def tell(what: str, done: int, total: int) -> None:
            bar.update(task, description=safe(what), completed=done, total=total)

        yield tell
