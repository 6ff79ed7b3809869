"""Write a run: the whole folder or nothing of it, with a manifest of what went in and out."""

from __future__ import annotations

from carmeta.outputs.manifest import MANIFEST, manifest_of
from carmeta.outputs.write import check_free, write_file, write_run

__all__ = ["MANIFEST", "check_free", "manifest_of", "write_file", "write_run"]
