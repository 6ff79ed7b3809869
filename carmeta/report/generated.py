"""The line at the head of a generated text file that says so.

CSV has none: most readers take a comment line for data. The manifest beside them lists them.
JSON says it under its first key, ``about``.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Final

# Ending -> what stands around the line, and the line that it comes after.
_FORMS: Final = {
    ".md": ("<!-- ", " -->", 0),
    ".html": ("<!-- ", " -->", 1),  # below the document type
    ".svg": ("<!-- ", " -->", 1),  # below the XML declaration
    ".tex": ("% ", "", 0),
    ".r": ("# ", "", 0),
}

_FOREIGN: Final = re.compile(r"[^\w ./:,+-]")


def marked(name: str, data: bytes, notice: str) -> bytes:
    """The file with the notice in its first or second line, where its format has comments."""
    form = _FORMS.get(PurePath(name).suffix.lower())
    if form is None:
        return data
    left, right, after = form
    # A file's name is anybody's text: no sign of it may mean something in any of the formats.
    text = _FOREIGN.sub("_", notice).replace("--", "- -")
    line = f"{left}{text}{right}\n".encode("ascii", "backslashreplace")
    lines = data.split(b"\n", after)
    return b"\n".join([*lines[:after], line + lines[after]])
