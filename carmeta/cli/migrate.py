"""`carmeta migrate`: files of an older schema version brought to this one."""

from __future__ import annotations

import codecs
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from carmeta.cli import terminal
from carmeta.cli.layout import CONFIGS, REVIEW, STUDIES, existing, parts

if TYPE_CHECKING:
    from carmeta.migrations import Kind
    from carmeta.sourcefile import Diagnostic, SourceFile


@dataclass(frozen=True, slots=True)
class _Old:
    """A file of an older version, as it stands and as it is to be."""

    path: Path
    before: str
    after: str


def migrate(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Files, folders of files, or the folder of a review; "
            "review.yaml, studies/ and configs/ if none is given."
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 if a file is old.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; show what would change.")
    ] = False,
) -> int:
    """Bring records, registers and configurations to the schema version of this carmeta.

    Comments, order, quotes and layout stay. All files are written, or none: what cannot be
    read or carried over, and a file of a newer version, is told with its place (exit code 1).
    """
    from carmeta.cli.diagnostics import print_diagnostics
    from carmeta.domain.record.base import SCHEMA
    from carmeta.outputs import check_free, write_file

    files = list(dict.fromkeys(_files(existing(paths or [], (REVIEW, STUDIES, CONFIGS)))))
    old: list[_Old] = []
    diagnostics: list[Diagnostic] = []
    for path in files:
        found, problems = _read(path)
        diagnostics += problems
        old += [found] if found is not None else []
    if diagnostics:
        print_diagnostics(diagnostics)
        terminal.say("nothing is written")
        return 1
    if dry_run:
        terminal.emit("".join(line for file in old for line in _difference(file)))
    if check or dry_run:
        for file in old:
            terminal.say(f"{file.path} is older than schema version {SCHEMA}")
    else:
        for file in old:
            check_free(file.path, force=True)
        for file in old:
            write_file(file.path, _encoded(file), force=True)
    named = "1 file" if len(files) == 1 else f"{len(files)} files"
    done = "old" if check or dry_run else f"brought to schema version {SCHEMA}"
    terminal.say(f"{named} read, {len(old)} {done}")
    return 1 if check and old else 0


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    """The files of folders, and of the folders of a review."""
    for path in paths:
        if not path.is_dir():
            yield path
        elif inside := parts(path):
            yield from _files(inside)
        else:
            yield from sorted(file for file in path.glob("*.yaml") if file.name[0] != ".")


def _read(path: Path) -> tuple[_Old | None, list[Diagnostic]]:
    """A file if it is old, or what is wrong with it; neither for one that is up to date."""
    from carmeta.domain.evidence import Mark
    from carmeta.migrations import NotMigrated, migrate
    from carmeta.sourcefile import Diagnostic, load_source

    source, problems = load_source(path)
    if source is None:
        return None, problems
    kind = _kind(source)
    if kind is None:
        terminal.say(f"{path} is no record and no configuration: left as it is")
        return None, []
    try:
        after = migrate(source.text, kind)
    except NotMigrated as error:
        return None, [
            Diagnostic(
                one.code,
                "error",
                Mark(path.as_posix(), one.line, one.column),
                one.message,
                one.hint,
                source.line(one.line),
            )
            for one in error.obstacles
        ]
    return None if after == source.text else _Old(path, source.text, after), []


def _kind(source: SourceFile) -> Kind | None:
    from carmeta.domain.record import record_kind

    if source.path.name == REVIEW.name:
        return "review"
    kind = record_kind(source.data)
    if kind == "a register":
        return "products" if "products" in source.data else "reports"
    if kind:
        return "study"
    return "config" if "name" in source.data else None


def _difference(file: _Old) -> Iterator[str]:
    name = file.path.as_posix()
    before, after = (text.splitlines(keepends=True) for text in (file.before, file.after))
    for line in difflib.unified_diff(before, after, name, name):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _encoded(file: _Old) -> bytes:
    """The new text; with the mark of byte order, if the file had one."""
    had = file.path.read_bytes().startswith(codecs.BOM_UTF8)
    return (codecs.BOM_UTF8 if had else b"") + file.after.encode()
