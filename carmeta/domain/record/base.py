"""What every part of a record is made of: strict models, and the forms of their texts.

Percentages and limits are text, so that ``3`` and ``3.0`` stay different.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticKnownError


def _share_of_all(percent: str) -> str:
    if not percent.startswith("<") and float(percent) > 100:
        raise PydanticKnownError("less_than_equal", {"le": 100})
    return percent


Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.\-]*$", max_length=80)]
CohortRef = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.\-]*(/[a-z0-9][a-z0-9.\-]*)?$")]
Parts = Annotated[list[CohortRef], Field(min_length=1)]
PercentText = Annotated[
    str, Field(pattern=r"^(<\s*1|\d{1,3}(\.\d{1,4})?)$"), AfterValidator(_share_of_all)
]
NumberText = Annotated[str, Field(pattern=r"^-?\d+(\.\d+)?$")]
LimitText = Annotated[str, Field(pattern=r"^(-?\d+(\.\d+)?|NE)$")]
GradeKey = Annotated[str, Field(pattern=r"^(any|[1-5]|[1-4]-[2-5]|>=[2-5]|<=[1-4])$")]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
CountInt = Annotated[int, Field(ge=0, le=10_000_000)]


# Of records and configurations; `carmeta migrate` brings older ones up to it.
SCHEMA: Final = 2
SchemaVersion = Annotated[int, Field(ge=SCHEMA, le=SCHEMA, alias="schema")]


class Model(BaseModel):
    """Strict, closed and immutable: an unknown key is an error, nothing is converted."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
