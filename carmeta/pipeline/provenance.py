"""What went into a run: hashes of the inputs and versions, and no wall-clock time."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from carmeta.domain.analysis import Provenance
from carmeta.records.words import PACKS

_PACKAGES = ("numpy", "scipy", "pandas", "statsmodels", "pymare", "pydantic", "matplotlib")


def provenance(config_path: Path, studies: Path, words: Sequence[Path]) -> Provenance:
    """Hashes of the configuration, of every record and of the files that the review's ``words``
    are from, and the versions that computed.
    """
    inputs = {f"configs/{config_path.name}": _sha256(config_path)}
    for path in words:
        inputs[f"packs/{path.name}" if path.parent == PACKS else path.name] = _sha256(path)
    for path in sorted(studies.glob("[!.]*.yaml")):  # hidden files are not read
        inputs[f"studies/{path.name}"] = _sha256(path)
    versions = {name: _version(name) for name in _PACKAGES}
    versions["python"] = ".".join(platform.python_version_tuple()[:2])
    return Provenance(
        carmeta=_version("carmeta"),
        versions=versions,
        inputs=inputs,
        config_path=f"configs/{config_path.name}",
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
