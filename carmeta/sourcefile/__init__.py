"""Strict YAML with the place of every value, and schema errors told in words."""

from __future__ import annotations

from carmeta.sourcefile.loader import load_source
from carmeta.sourcefile.model import Diagnostic, SourceFile, nearest
from carmeta.sourcefile.reading import NotAFile, read_file
from carmeta.sourcefile.validation import validate

__all__ = [
    "Diagnostic",
    "NotAFile",
    "SourceFile",
    "load_source",
    "nearest",
    "read_file",
    "validate",
]
