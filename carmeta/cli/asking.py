"""Questions to whoever sits at the terminal, and texts that are taken as an answer."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final, TypeVar

import typer

from carmeta.errors import ConfigError

T = TypeVar("T")

LABEL_LENGTH: Final = 300


def can_ask() -> bool:
    """Whether somebody sees a question and can answer it."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str, take: Callable[[str], T], *, default: str | None = None) -> T:
    """Ask until ``take``, which raises ConfigError for what it refuses, has an answer.

    The question goes to stderr: stdout is for data.

    Raises:
        KeyboardInterrupt: nobody answers any more.
    """

    def taken(answer: str) -> T:
        try:
            return take(answer)
        except ConfigError as error:
            more = f"; {error.hint}" if error.hint else ""
            raise typer.BadParameter(f"{error.message}{more}") from error

    try:
        answer: T = typer.prompt(
            question, default=default, show_default=bool(default), value_proc=taken, err=True
        )
    except typer.Abort:
        raise KeyboardInterrupt from None
    return answer


def text(given: str, what: str, *, least: int = 1, most: int = LABEL_LENGTH) -> str:
    """A text on one line, blanks tidied.

    Raises:
        ConfigError: It has fewer or more characters than that, or nobody could print it.
    """
    tidy = " ".join(given.split())
    if not least <= len(tidy) <= most:
        raise ConfigError(f"{what} has {len(tidy)} characters", hint=f"{least} to {most}")
    strange = next((sign for sign in tidy if not sign.isprintable()), "")
    if strange:
        raise ConfigError(f"{what} holds a character that cannot be printed: {strange!a}")
    return tidy
