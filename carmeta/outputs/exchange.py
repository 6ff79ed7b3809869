"""Put one folder in the place of another at once, and clear what killed runs left.

Everything is written into a hidden folder beside the target and flushed to disk; then the two
are exchanged. A run that is killed leaves the previous one as it was, and what it left beside
is swept away by the next run. Nothing is removed but what the manifest in its folder lists.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from carmeta.errors import OutputError
from carmeta.outputs.manifest import MANIFEST, holdings

_LOCK_SECONDS: Final = 30.0  # a write takes well under a second
_AT_FDCWD: Final = -100  # <fcntl.h>
_RENAME_EXCHANGE: Final = 2  # <linux/fs.h>
_RENAME_SWAP: Final = 2  # <sys/stdio.h>, macOS


def replace(target: Path, content: Mapping[str, bytes]) -> None:
    """Make ``target`` hold ``content`` and nothing else; its manifest comes first.

    Raises:
        OutputError: Something that is no output of a run came into the folder meanwhile.
        OSError: The disk cannot be written. ``target`` is as it was in both cases.
    """
    fresh = target.with_name(f".{target.name}.writing-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        fresh.mkdir()
        for name, data in content.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_new(path, data)
        for path in sorted({fresh, *(item for item in fresh.rglob("*") if item.is_dir())}):
            _sync(path)
        if target.exists():
            _swap(fresh, target)
            if late := holdings(fresh).foreign:
                _swap(fresh, target)
                raise OutputError(f"{target}: {min(late)} came into it while the run was written")
        else:
            fresh.rename(target)
        _sync(target.parent)
    finally:
        # What is here now is the earlier run, or the remains of a failed one.
        discard(fresh)


def write_new(path: Path, data: bytes) -> None:
    """Write a file that is not there yet, through to the disk."""
    with path.open("xb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())


def discard(folder: Path) -> None:
    """Remove a run, or the remains of one: what its manifest lists and no more."""
    with contextlib.suppress(OSError):
        held = holdings(folder)
        if held.foreign == {MANIFEST} and not (folder / MANIFEST).stat().st_size:
            (folder / MANIFEST).unlink()  # killed before it, the first file, held a byte
        # The manifest last, so that a kill in between leaves what can be told from others.
        for name in sorted(held.own, key=lambda name: (name == MANIFEST, name)):
            (folder / name).unlink()
        for name in sorted(held.folders, key=len, reverse=True):
            (folder / name).rmdir()
        folder.rmdir()


def recover(target: Path) -> None:
    """Clear what killed runs left. Called under the lock, so nobody is writing."""
    previous = _previous(target)
    if previous.is_dir():
        if target.exists():
            discard(previous)
        elif holdings(previous).hashes is not None:
            previous.rename(target)
    start = f".{target.name}.writing-"
    for left in list(target.parent.iterdir()):
        if left.name.startswith(start) and left.is_dir() and not left.is_symlink():
            discard(left)


def _previous(target: Path) -> Path:
    return target.with_name(f".{target.name}.previous")


def _swap(one: Path, target: Path) -> None:
    """Exchange two folders, in one step where the system can."""
    if _exchange(one, target):
        return
    previous = _previous(target)  # `recover` heals a kill between the steps
    target.rename(previous)
    try:
        one.rename(target)
    except BaseException:
        previous.rename(target)
        raise
    previous.rename(one)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False where the system or the disk cannot."""
    try:
        library = ctypes.CDLL(ctypes.util.find_library("c") or None, use_errno=True)
        if sys.platform == "linux":
            code = library.renameat2(
                _AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE
            )
        elif sys.platform == "darwin":
            code = library.renamex_np(os.fsencode(one), os.fsencode(other), _RENAME_SWAP)
        else:
            return False
    except (OSError, AttributeError):
        return False
    return bool(code == 0)


def _sync(folder: Path) -> None:
    """Flush a folder's entries; some systems cannot open folders, and need no flush."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One writer at a time below ``folder``; the lock ends with the process that holds it."""
    try:
        import fcntl
    except ImportError:  # not a POSIX system: the exchange alone must do
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        deadline = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise OutputError(
                        f"{folder}: another run is writing here", hint="try again when it is done"
                    ) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(handle)
