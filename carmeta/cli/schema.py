"""The JSON Schemas, for editors and other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from carmeta.cli.tables import write_json

if TYPE_CHECKING:
    from pydantic import BaseModel

Kind = Literal["study", "products", "reports", "config"]


def schema(
    kind: Annotated[Kind, typer.Argument(help="Which kind of file.")] = "study",
) -> int:
    """Print the JSON Schema (draft 7) for editors."""
    from carmeta.config import AnalysisConfig
    from carmeta.domain.record import ProductRegister, ReportRegister, StudyRecord
    from carmeta.sourcefile.jsonschema import draft7

    models: dict[Kind, type[BaseModel]] = {
        "study": StudyRecord,
        "products": ProductRegister,
        "reports": ReportRegister,
        "config": AnalysisConfig,
    }
    write_json(draft7(models[kind], title=f"carmeta {kind}"))
    return 0
