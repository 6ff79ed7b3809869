"""Lists of a configuration: an empty one, or an item that stands in one twice, has no effect."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from carmeta.domain.words import OutcomeCode

T = TypeVar("T")

REPEATED: Final = "repeated"  # pydantic's name for the error of an item that stands twice


def _distinct(items: tuple[T, ...]) -> tuple[T, ...]:
    """Things with an id are told apart by it."""
    keys: list[Any] = [getattr(item, "id", item) for item in items]
    twice = [i for i, key in enumerate(keys) if key in keys[:i]]
    if twice:
        found = [_twice(i, keys[i], hasattr(items[i], "id")) for i in twice]
        raise ValidationError.from_exception_data("list", found)
    return items


def _twice(index: int, key: Any, named: bool) -> InitErrorDetails:
    told = PydanticCustomError(REPEATED, "'{key}' stands in this list already", {"key": key})
    return InitErrorDetails(type=told, loc=(index, "id") if named else (index,), input=key)


# Whose items are compared by what they mean, by whoever knows that.
Filled = Annotated[
    tuple[T, ...], Field(min_length=1, json_schema_extra={"uniqueItems": True})
]  # fmt: skip
Listed = Annotated[Filled[T], AfterValidator(_distinct)]
ByOutcome = Annotated[dict[OutcomeCode, T], Field(min_length=1)]
