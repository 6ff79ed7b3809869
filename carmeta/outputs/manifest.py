"""The manifest of a run, and what of a folder belongs to the run that it lists."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from carmeta import __version__
from carmeta.diff import compare_files, is_kept
from carmeta.domain.analysis import Analysis
from carmeta.errors import OutputError

MANIFEST: Final = "manifest.json"
_FORMAT: Final = 1
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]')


def manifest_of(analysis: Analysis) -> dict[str, Any]:
    """What the manifest says of a run besides its output: config, inputs, versions.

    Holds no time, user, machine or absolute path, so that the same inputs give the same bytes.
    """
    provenance = analysis.provenance
    return {
        "about": provenance.notice,
        "name": analysis.name,
        "carmeta": provenance.carmeta,
        "config": analysis.config,
        "config_path": provenance.config_path,
        "inputs": dict(provenance.inputs),
        "versions": dict(provenance.versions),
        "second_opinion": analysis.second_opinion,
    }


def with_manifest(files: Mapping[str, bytes], manifest: Mapping[str, Any]) -> dict[str, bytes]:
    """The manifest, with the hashes of ``files``, and the files.

    Raises:
        OutputError: A name that is not safe on every system, or two that clash.
    """
    seen: dict[str, str] = {}
    for name in sorted(files):
        _check_name(name)
        folded = name.casefold()
        if folded in seen:
            raise OutputError(f"'{seen[folded]}' and '{name}' are one file on some systems")
        seen[folded] = name
    clash = sorted(_parents(files) & set(files))
    if clash:
        raise OutputError(f"'{clash[0]}' is both a file and a folder")
    outputs = {name: {"bytes": len(data), "sha256": sha256(data)} for name, data in files.items()}
    whole = {"carmeta": __version__, **manifest, "format": _FORMAT, "outputs": outputs}
    text = json.dumps(whole, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return {MANIFEST: (text + "\n").encode(), **files}


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


def sha256(data: bytes) -> str:
    """The hash that the manifest holds of a file."""
    return hashlib.sha256(data).hexdigest()


def _parents(names: Mapping[str, object] | set[str]) -> set[str]:
    return {str(parent) for name in names for parent in PurePosixPath(name).parents} - {"."}


def settled(target: Path, content: dict[str, bytes]) -> dict[str, bytes]:
    """The content, with the files of the run in place where that is the same run.

    It is where all that git keeps of the two agrees under `carmeta.diff`: then these files
    and the manifest stay as they are, and of the others those that are as the manifest says.
    Others are drawn anew, though the manifest then holds the hashes of the first drawing.

    Args:
        target: A folder that holds a run and nothing else.
        content: The new run with its manifest.
    """
    held = holdings(target)
    if held.hashes is None:
        return content
    old = {name: (target / name).read_bytes() for name in held.own}
    intact = {name for name in old if sha256(old[name]) == held.hashes.get(name)} | {MANIFEST}
    kept = {name for name in content if is_kept(name)}
    if not kept <= intact or compare_files(old, content):
        return content
    return {name: old[name] if name in intact else data for name, data in content.items()}


def same_bytes(target: Path, content: Mapping[str, bytes]) -> bool:
    """Whether a folder holds this run, to the byte, and nothing of another one."""
    held = holdings(target)
    return held.own == content.keys() and all(
        (target / name).read_bytes() == data for name, data in content.items()
    )


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a folder holds: ``own`` files and folders of a run, by its manifest, and the rest.

    All are names relative to the folder, with ``/``. ``hashes`` are those of the manifest
    (name to sha256); None if there is no manifest of carmeta.
    """

    own: frozenset[str]
    folders: frozenset[str]
    foreign: frozenset[str]
    hashes: Mapping[str, str] | None


def holdings(folder: Path) -> Holdings:
    """Look through a folder, hidden files and all; links are not followed.

    Raises:
        OSError: A part of it cannot be read.
    """
    files: set[str] = set()
    others: set[str] = set()  # folders, and what is no regular file
    for entry in _walk(folder):
        name = Path(entry.path).relative_to(folder).as_posix()
        (files if entry.is_file(follow_symlinks=False) else others).add(name)
    hashes = _hashes((folder / MANIFEST).read_bytes()) if MANIFEST in files else None
    listed = set() if hashes is None else {MANIFEST, *hashes}
    folders = frozenset(
        name for name in others & _parents(listed) if not (folder / name).is_symlink()
    )
    return Holdings(
        own=frozenset(files & listed),
        folders=folders,
        foreign=frozenset((files - listed) | (others - folders)),
        hashes=hashes,
    )


def _walk(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        found = list(entries)
    inner = [each for each in found if each.is_dir(follow_symlinks=False)]
    return found + [entry for each in inner for entry in _walk(Path(each.path))]


def _hashes(manifest: bytes) -> dict[str, str] | None:
    """Name to hash of what a manifest lists; None if it is not one of carmeta."""
    try:
        data = json.loads(manifest)
        if data["format"] != _FORMAT or not isinstance(data["carmeta"], str):
            return None
        return {name: str(entry["sha256"]) for name, entry in data["outputs"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
