"""Words in records and configurations: checked against what the review declares.

The review's words come as the context of a validation; without them, as where a program
makes a record by itself, any word is taken.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import AfterValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

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


def declared(section: str) -> Any:
    """What makes a text a word of a section: to stand in ``Annotated[str, ...]``."""

    def check(value: str, info: ValidationInfo) -> str:
        words = words_of(info)
        if words is not None and value not in (allowed := words.allowed(section)):
            raise undeclared(value, section, allowed)
        return value

    return AfterValidator(check), WithJsonSchema({"type": "string", SECTION: section})
