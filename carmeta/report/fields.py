"""A column of a CSV file or a key of the JSON, and what it means: declared where it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, get_args

TEXT: Final = "text"
WHOLE: Final = "whole number"
NUMBER: Final = "number"
FLAG: Final = "boolean"

# Units and ranges that many fields share.
PATIENTS: Final = "patients"
ANALYSIS: Final = "analysis scale"
SQUARED: Final = "analysis scale, squared"
OUTCOME: Final = "outcome scale"
SHARE: Final = "0 to 1"
NOT_NEGATIVE: Final = "0 or more"


@dataclass(frozen=True, slots=True)
class Field:
    """Its name, what it means, and where its value is in the thing that a row is of.

    ``kind`` is the type of the values, of a key of the JSON left to the dataclass. ``unit`` and
    ``allowed`` (range, or the words there are) are empty where there is nothing to say. ``of``
    is a dotted path of attributes or a function; without one the value has the field's name.
    """

    name: str
    meaning: str
    kind: str = TEXT
    unit: str = ""
    allowed: str = ""
    of: str | Callable[[Any], Any] = ""

    @property
    def path(self) -> str:
        """Where the value stands in the item; empty for what is worked out of it."""
        return self.name if self.of == "" else self.of if isinstance(self.of, str) else ""

    def take(self, item: Any) -> Any:
        """The value of an item."""
        return attrgetter(self.path)(item) if self.path else self.of(item)  # type: ignore[operator]  # a function where there is no path


def one_of(words: Any) -> str:
    """The words of a Literal, as what is allowed."""
    return ", ".join(get_args(words))


def by_attribute(fields: Iterable[Field], prefix: str = "") -> dict[str, Field]:
    """Attribute to field, of those whose value is an attribute of what ``prefix`` leads to."""
    found = ((field.path, field) for field in fields if field.path.startswith(prefix))
    return {
        path.removeprefix(prefix): field
        for path, field in found
        if path and "." not in path.removeprefix(prefix)
    }
