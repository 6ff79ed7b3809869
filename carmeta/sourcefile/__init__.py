"""Strict YAML with the place of every value, and schema errors told in words."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from carmeta.sourcefile.model import Diagnostic, SourceFile
from carmeta.sourcefile.reading import NotAFile, read_file
from carmeta.sourcefile.suggestion import suggest

if TYPE_CHECKING:
    from carmeta.sourcefile.loader import load_source
    from carmeta.sourcefile.validation import validate

__all__ = [
    "Diagnostic",
    "NotAFile",
    "SourceFile",
    "load_source",
    "read_file",
    "suggest",
    "validate",
]

# Loaded when first asked for: counts in a CSV file need no YAML and no pydantic.
_HOME: Final = {
    "load_source": "carmeta.sourcefile.loader",
    "validate": "carmeta.sourcefile.validation",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'carmeta.sourcefile' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)
