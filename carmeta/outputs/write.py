"""Where a run may be written, and whether it needs to be."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from carmeta.errors import OutputError
from carmeta.outputs.exchange import locked, recover, replace, write_new
from carmeta.outputs.manifest import MANIFEST, holdings, same_bytes, settled, with_manifest


def write_run(
    folder: Path,
    files: Mapping[str, bytes],
    *,
    root: Path,
    manifest: Mapping[str, Any],
    allow_outside: bool = False,
) -> None:
    """Replace ``folder`` by ``files`` and a ``manifest.json``, whole or not at all.

    A run in place that is the same but for the last digits stays as it is; see `settled`.

    Args:
        folder: Where the run belongs. Must be new, empty, or hold an earlier run and nothing
            else, hidden or not.
        files: Name, with ``/`` for subfolders, to content.
        root: The folder of all runs; ``folder`` lies below it unless ``allow_outside``.
        manifest: See `manifest_of`; the hashes of ``files`` are added under ``outputs``.
        allow_outside: The user has named the folder on the command line.

    Raises:
        OutputError: A name or place that is not allowed, or a disk that cannot be written.
            The earlier run is untouched in every case.
    """
    content = with_manifest(files, manifest)
    target = _checked_target(folder, root, allow_outside=allow_outside)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with locked(target.parent):
            recover(target)
            _check_replaceable(target, folder)
            if target.exists():
                content = settled(target, content)
                if same_bytes(target, content):
                    return
            replace(target, content)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {_reason(error)}") from error


def write_file(path: Path, data: bytes, *, force: bool = False) -> None:
    """Write one file whole or not at all; an existing one is replaced only by ``force``.

    Raises:
        OutputError: It exists, is no regular file, or cannot be written.
    """
    check_free(path, force=force)
    fresh = path.with_name(f".{path.name}.writing-{os.getpid()}")
    try:
        try:
            write_new(fresh, data)
            fresh.replace(path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {_reason(error)}") from error


def check_free(path: Path, *, force: bool) -> None:
    """Raise OutputError where `write_file` would replace what it must not."""
    if not os.path.lexists(path):
        return
    if path.is_symlink() or not path.is_file():
        raise OutputError(f"{path}: is not a file that can be replaced")
    if not force:
        raise OutputError(f"{path}: exists already", hint="give another name, or --force")


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


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
    held = holdings(target)
    if not held.foreign:
        return
    # What lies deepest says more than the folder that it lies in.
    names = sorted(
        name for name in held.foreign if not any(n.startswith(name + "/") for n in held.foreign)
    )
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    if held.hashes is None:
        raise OutputError(
            f"{folder}: is not a run of carmeta (no {MANIFEST} of one), and holds {shown}",
            hint="choose a new or empty folder with --output",
        )
    raise OutputError(
        f"{folder}: holds what no run wrote: {shown}",
        hint="a run replaces its whole folder; move these elsewhere first",
    )
