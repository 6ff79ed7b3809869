"""Bytes of a file that a user named; never of a pipe or a device, which may not end."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

# A pipe without a writer would keep open() waiting; other systems have no such pipes.
_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class NotAFile(OSError):
    """A pipe, a device or a socket, where a file is expected."""


def read_file(path: Path, limit: int) -> bytes:
    """The first ``limit`` bytes of a regular file.

    Raises:
        NotAFile: It is something else; the text says what.
        OSError: It cannot be read.
        ValueError: The path cannot name a file (a NUL in it).
    """
    handle = os.open(path, _FLAGS)
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise NotAFile(f"{_kind(mode)}, not a file")
        with open(handle, "rb", closefd=False) as file:
            return file.read(limit)
    finally:
        os.close(handle)


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a pipe" if stat.S_ISFIFO(mode) else "a device"
