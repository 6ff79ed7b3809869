"""`carmeta packs` and `carmeta words`: which words there are, and where each is declared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from carmeta.cli.complete import pack_names
from carmeta.cli.layout import STUDIES
from carmeta.cli.studies import Folder, declared
from carmeta.cli.tables import Format, write_rows

if TYPE_CHECKING:
    from carmeta.records.words import Entry

_COLUMNS: Final = {"section": "Section", "word": "Word", "of": "Of", "label": "Label"}


def packs(
    name: Annotated[
        str | None,
        typer.Argument(help="A pack, to see its words.", autocompletion=pack_names),
    ] = None,
    format: Annotated[Format, typer.Option("--format", help="Form of the output.")] = "table",
) -> int:
    """List the packs of words that come with carmeta, or the words of one.

    A review names those it uses under `packs` in review.yaml.
    """
    from carmeta.records import pack_names as known
    from carmeta.records import read_pack
    from carmeta.records.words import entries

    if name is not None:
        _write([*entries(read_pack(name))], _COLUMNS, format)
        return 0
    sources = {pack: read_pack(pack) for pack in known()}
    rows = [
        {"pack": pack, "label": source.data.get("label"), "words": len([*entries(source)]),
         "source": source.data.get("source")}
        for pack, source in sources.items()
    ]  # fmt: skip
    columns = {"pack": "Pack", "label": "Label", "words": "Words", "source": "Source"}
    write_rows(rows, columns, format, right=("words",))
    return 0


def words(
    section: Annotated[
        str | None, typer.Argument(help="Only these words, e.g. outcomes or categories.")
    ] = None,
    folder: Folder = STUDIES,
    format: Annotated[Format, typer.Option("--format", help="Form of the output.")] = "table",
) -> int:
    """List the words of this review, with the file that each comes from.

    Those of review.yaml itself go before those of the packs that it names.
    """
    from carmeta.errors import ConfigError
    from carmeta.records.words import SECTIONS, entries
    from carmeta.sourcefile import suggest

    if section is not None and section not in SECTIONS:
        told = suggest(section, SECTIONS, lead="sections")
        raise ConfigError(f"there is no section '{section}'", hint=told)
    _, source = declared(folder)
    chosen = [entry for entry in entries(source) if section in (None, entry.section)]
    _write(chosen, {**_COLUMNS, "from": "From"}, format)
    return 0


def _write(found: Sequence[Entry], columns: dict[str, str], fmt: Format) -> None:
    write_rows([_row(entry) for entry in found], columns, fmt)


def _row(entry: Entry) -> dict[str, Any]:
    place = entry.mark.file.rpartition("/")[2]
    return {
        "section": entry.section, "word": entry.word, "of": entry.of or None,
        "label": entry.label, "from": f"{place}:{entry.mark.line}:{entry.mark.column}",
    }  # fmt: skip
