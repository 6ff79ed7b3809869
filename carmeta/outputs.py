"""Write a run: the whole folder or nothing of it, with a manifest of what went in and out.

Everything is written into a hidden folder beside the target and flushed to disk; then the two
are exchanged. A run that is killed leaves the previous one as it was, and what it left beside
is swept away by the next run.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import hashlib
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from carmeta.domain.analysis import Analysis
from carmeta.errors import OutputError

MANIFEST: Final = "manifest.json"
MANIFEST_FORMAT: Final = 1
_LOCK_SECONDS: Final = 30.0  # a write takes well under a second
_AT_FDCWD: Final = -100  # <fcntl.h>
_RENAME_EXCHANGE: Final = 2  # <linux/fs.h>
_RENAME_SWAP: Final = 2  # <sys/stdio.h>, macOS
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]')


def manifest_of(analysis: Analysis) -> dict[str, Any]:
    """What the manifest says of a run besides its output: config, inputs, versions.

    Holds no time, user, machine or absolute path, so that the same inputs give the same bytes.
    """
    provenance = analysis.provenance
    return {
        "name": analysis.name,
        "carmeta": provenance.carmeta,
        "config": analysis.config,
        "config_path": provenance.config_path,
        "inputs": dict(provenance.inputs),
        "versions": dict(provenance.versions),
        "second_opinion": analysis.second_opinion,
    }


def write_run(
    folder: Path,
    files: Mapping[str, bytes],
    *,
    root: Path,
    manifest: Mapping[str, Any],
    allow_outside: bool = False,
) -> None:
    """Replace ``folder`` by ``files`` and a ``manifest.json``, whole or not at all.

    Args:
        folder: Where the run belongs. Must be new, empty, or hold an earlier run and nothing
            else (hidden files apart, which are lost).
        files: Name, with ``/`` for subfolders, to content.
        root: The folder of all runs; ``folder`` lies below it unless ``allow_outside``.
        manifest: See `manifest_of`; the hashes of ``files`` are added under ``outputs``.
        allow_outside: The user has named the folder on the command line.

    Raises:
        OutputError: A name or place that is not allowed, or a disk that cannot be written.
            The earlier run is untouched in every case.
    """
    content = _with_manifest(files, manifest)
    target = _checked_target(folder, root, allow_outside=allow_outside)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target.parent):
            _recover(target)
            _check_replaceable(target, folder)
            _replace(target, content)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise OutputError(f"{folder}: cannot be written: {reason}") from error


def _with_manifest(files: Mapping[str, bytes], manifest: Mapping[str, Any]) -> dict[str, bytes]:
    seen: dict[str, str] = {}
    for name in sorted(files):
        _check_name(name)
        folded = name.casefold()
        if folded in seen:
            raise OutputError(f"'{seen[folded]}' and '{name}' are one file on some systems")
        seen[folded] = name
    parents = {str(parent) for name in files for parent in PurePosixPath(name).parents}
    clash = sorted(parents & set(files))
    if clash:
        raise OutputError(f"'{clash[0]}' is both a file and a folder")
    outputs = {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in files.items()
    }
    whole = {**manifest, "format": MANIFEST_FORMAT, "outputs": outputs}
    text = json.dumps(whole, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return {**files, MANIFEST: (text + "\n").encode()}


def _check_name(name: str) -> None:
    path = PurePosixPath(name)
    wrong = (
        not name
        or path.is_absolute()
        or _UNSAFE.search(name) is not None
        or str(path) != name
        or any(part.startswith(".") or part.endswith((".", " ")) for part in path.parts)
        or len(name.encode()) > 200
    )
    if wrong:
        raise OutputError(f"not a name for an output file: {name!r}")
    if name.casefold() == MANIFEST:
        raise OutputError(f"'{MANIFEST}' is written by the run itself")


def _checked_target(folder: Path, root: Path, *, allow_outside: bool) -> Path:
    """The real place of ``folder``, which is not a link and lies below ``root``."""
    if folder.is_symlink():
        raise OutputError(f"{folder}: is a symbolic link", hint="name the folder that it points to")
    target = folder.resolve()
    if not target.name:
        raise OutputError(f"{folder}: not a folder for a run")
    below = root.resolve() in target.parents
    if not below and not allow_outside:
        raise OutputError(
            f"{folder}: lies outside {root}", hint="name the folder with --output to allow it"
        )
    return target


def _check_replaceable(target: Path, folder: Path) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError(f"{folder}: is a file, not a folder")
    found = {
        path.relative_to(target).as_posix()
        for path in target.rglob("*")
        if not path.is_dir() and not any(p.startswith(".") for p in path.relative_to(target).parts)
    }
    if not found:
        return
    if MANIFEST not in found:
        raise OutputError(
            f"{folder}: holds files, but is not a run of carmeta (no {MANIFEST})",
            hint="choose a new or empty folder with --output",
        )
    foreign = sorted(found - _listed(target / MANIFEST, folder) - {MANIFEST})
    if foreign:
        shown = ", ".join(foreign[:3]) + (", ..." if len(foreign) > 3 else "")
        raise OutputError(
            f"{folder}: holds files that no run wrote: {shown}",
            hint="a run replaces its whole folder; move them elsewhere first",
        )


def _listed(manifest: Path, folder: Path) -> set[str]:
    try:
        return set(json.loads(manifest.read_bytes())["outputs"])
    except (ValueError, KeyError, TypeError) as error:
        raise OutputError(
            f"{folder}: its {MANIFEST} cannot be read", hint="move the folder away and run again"
        ) from error


def _replace(target: Path, content: Mapping[str, bytes]) -> None:
    fresh = target.with_name(f".{target.name}.writing-{os.getpid()}")
    try:
        fresh.mkdir()
        for name, data in content.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as handle:
                handle.write(data)
                handle.flush()
                os.fsync(handle.fileno())
        for path in sorted({fresh, *(item for item in fresh.rglob("*") if item.is_dir())}):
            _sync(path)
        if not target.exists():
            fresh.rename(target)
        elif not _exchange(fresh, target):
            _swap_in_two_steps(fresh, target)
        _sync(target.parent)
    finally:
        # What is here now is the earlier run, or the remains of a failed one.
        shutil.rmtree(fresh, ignore_errors=True)


def _previous(target: Path) -> Path:
    return target.with_name(f".{target.name}.previous")


def _swap_in_two_steps(fresh: Path, target: Path) -> None:
    """Where two folders cannot be exchanged at once: `_recover` heals a kill in between."""
    previous = _previous(target)
    target.rename(previous)
    try:
        fresh.rename(target)
    except BaseException:
        previous.rename(target)
        raise
    shutil.rmtree(previous, ignore_errors=True)


def _recover(target: Path) -> None:
    """Clear what killed runs left. Called under the lock, so nobody is writing."""
    previous = _previous(target)
    if previous.is_dir():
        if target.exists():
            shutil.rmtree(previous, ignore_errors=True)
        else:
            previous.rename(target)
    for left in target.parent.glob(f".{target.name}.writing-*"):
        shutil.rmtree(left, ignore_errors=True)


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
def _locked(folder: Path) -> Iterator[None]:
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
