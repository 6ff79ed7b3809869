"""Drafts put into the folder of a review: all of them or none, and never over a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from carmeta.domain.evidence import Mark
from carmeta.errors import DataError, OutputError
from carmeta.sourcefile import Diagnostic


def check_free(folder: Path, ids: Mapping[str, str]) -> None:
    """Raise DataError with every record that is there already."""
    there = [folder / f"{key}.yaml" for key in ids]
    problems = [
        Diagnostic("IMP005", "error", Mark(path.as_posix()), "exists already; it is left as it is",
                   "rename the study in the file, move the record, or ignore the lines")
        for path in there
        if path.exists() or path.is_symlink()
    ]  # fmt: skip
    if problems:
        raise DataError(f"{len(problems)} of the studies have a record", diagnostics=problems)


def put_drafts(folder: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write the drafts; what was written is taken back where one cannot be.

    Raises OutputError.
    """
    written: list[Path] = []
    try:
        for key, text in texts.items():
            path = folder / f"{key}.yaml"
            with path.open("x", encoding="utf-8", newline="\n") as file:
                written.append(path)
                file.write(text)
    except BaseException as error:
        for path in written:
            path.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        where = error.filename or folder
        text = f"{where}: cannot be written: {error.strerror}; no draft is written"
        raise OutputError(text) from error
    return written
