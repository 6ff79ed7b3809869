"""Commands on configurations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from carmeta.cli.complete import config_paths
from carmeta.cli.layout import PRIMARY, STUDIES
from carmeta.cli.studies import Folder, words_of
from carmeta.cli.tables import Format, write_rows

Step = str | int


def show(
    config: Annotated[
        Path, typer.Argument(help="A configuration.", autocompletion=config_paths)
    ] = PRIMARY,
    folder: Folder = STUDIES,
    format: Annotated[Format, typer.Option("--format", help="Form of the output.")] = "table",
) -> int:
    """Show a configuration with every default.

    Beside each value stands where it comes from.
    """
    from carmeta.config import load_config, resolved
    from carmeta.sourcefile import load_source

    plain = resolved(load_config(config, words_of(folder)))
    source, _ = load_source(config)
    written = source.marks if source is not None else {}
    rows = []
    for path, value in _leaves(plain):
        origin = str(written[path].value) if path in written else "default"
        rows.append({"key": _dotted(path), "value": value, "from": origin})
    write_rows(rows, {"key": "Key", "value": "Value", "from": "From"}, format)
    return 0


def _leaves(value: Any, path: tuple[Step, ...] = ()) -> Iterator[tuple[tuple[Step, ...], Any]]:
    """Every value that is not a group of others; a list of plain values is one value."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*path, index))
    else:
        yield path, value


def _dotted(path: tuple[Step, ...]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.lstrip(".")
