"""Words in records and configurations: checked against what the review declares.

The review's words come as the context of a validation; without them, as where a program
makes a record by itself, any word is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from carmeta.domain.words.vocabulary import Vocabulary

UNDECLARED: Final = "undeclared"  # the error's name
SECTION: Final = "x-section"  # in a JSON Schema: the section whose words are allowed there


def words_of(info: ValidationInfo) -> Vocabulary | None:
    """The words of the review that a validation belongs to."""
    return info.context if isinstance(info.context, Vocabulary) else None


def undeclared(value: str, section: str, allowed: tuple[str, ...]) -> PydanticCustomError:
    """That a word is none of a section's."""
    told = {"value": value, "section": section, "allowed": allowed}
    return PydanticCustomError(UNDECLARED, "'{value}' is not declared in {section}", told)


@dataclass(frozen=True)
class FromSection:
    """Marks a text as a word of a section: ``Annotated[str, FromSection("roles")]``."""

    section: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.with_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", SECTION: self.section}

    def _check(self, value: str, info: ValidationInfo) -> str:
        words = words_of(info)
        if words is not None and value not in (allowed := words.allowed(self.section)):
            raise undeclared(value, self.section, allowed)
        return value


OutcomeCode = Annotated[str, FromSection("outcomes")]
CategoryCode = Annotated[str, FromSection("categories")]
LadderCode = Annotated[str, FromSection("ladders")]
GroupCode = Annotated[str, FromSection("groups")]
AssayCode = Annotated[str, FromSection("assays")]
EventCode = Annotated[str, FromSection("events")]
ScaleCode = Annotated[str, FromSection("scales")]
PopulationCode = Annotated[str, FromSection("populations")]
RoleCode = Annotated[str, FromSection("roles")]
EndpointCode = Annotated[str, FromSection("endpoints")]
AttributeName = Annotated[str, FromSection("attributes")]
CohortAttribute = Annotated[str, FromSection("cohort attributes")]
ProductAttribute = Annotated[str, FromSection("product attributes")]
ModeratorCode = Annotated[str, FromSection("moderators")]
BiasToolCode = Annotated[str, FromSection("bias_tools")]
