"""The JSON Schemas of a review, for editors and other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, get_args

import typer

from carmeta.cli import terminal
from carmeta.cli.layout import STUDIES
from carmeta.cli.studies import Folder, words_of
from carmeta.cli.tables import write_json

if TYPE_CHECKING:
    from pydantic import BaseModel

    from carmeta.domain.words import Vocabulary

Kind = Literal["study", "products", "reports", "config", "review"]
SCHEMAS: Final = ".schema"  # the folder, beside review.yaml


def schema(
    kind: Annotated[Kind, typer.Argument(help="Which kind of file.")] = "study",
    folder: Folder = STUDIES,
    write: Annotated[
        bool, typer.Option("--write", help=f"Write all of them into {SCHEMAS}/ instead.")
    ] = False,
) -> int:
    """Print the JSON Schema (draft 7) of this review's files for editors.

    It allows the words that review.yaml and its packs declare.
    """
    words = words_of(folder)
    if write:
        write_schemas(folder.parent, words)
        terminal.say(f"{folder.parent / SCHEMAS} written: {', '.join(get_args(Kind))}")
    else:
        write_json(_schema(kind, words))
    return 0


def write_schemas(root: Path, words: Vocabulary) -> None:
    """Every schema of the review in ``root``, where the first line of its files points to."""
    folder = root / SCHEMAS
    folder.mkdir(exist_ok=True)
    for kind in get_args(Kind):
        text = json.dumps(_schema(kind, words), indent=2, ensure_ascii=False) + "\n"
        (folder / f"{kind}.schema.json").write_text(text, encoding="utf-8")


def _schema(kind: Kind, words: Vocabulary) -> dict[str, Any]:
    from carmeta.config import AnalysisConfig
    from carmeta.domain.record import ProductRegister, ReportRegister, StudyRecord
    from carmeta.records.words import ReviewFile
    from carmeta.sourcefile.jsonschema import draft7

    models: dict[Kind, type[BaseModel]] = {
        "study": StudyRecord,
        "products": ProductRegister,
        "reports": ReportRegister,
        "config": AnalysisConfig,
        "review": ReviewFile,
    }
    return draft7(models[kind], title=f"carmeta {kind}", words=words)
