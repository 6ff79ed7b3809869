"""JSON Schema of a model in draft 7, which editors' YAML support reads."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import BaseModel

from carmeta.domain.words import SECTION, Vocabulary


def draft7(
    model: type[BaseModel], *, title: str, words: Vocabulary | None = None
) -> dict[str, Any]:
    """The schema of a model, in the words of a review where they are given.

    Pydantic writes draft 2020-12; of what our models use only the place of the definitions
    differs. Titles made from field names are left out: editors show the descriptions.
    """
    worded = _worded(_plain(model), words)
    return {"$schema": "http://json-schema.org/draft-07/schema#", **worded, "title": title}


@cache
def _plain(model: type[BaseModel]) -> Any:
    """The schema of a model whichever its words; never changed by who reads it."""
    schema = model.model_json_schema(ref_template="#/definitions/{model}")
    definitions = schema.pop("$defs", {})
    return _closed(_without_titles({**schema, "definitions": definitions}))


def _without_titles(schema: Any, *, named: bool = False) -> Any:
    """Drop the key 'title', except where it is the name of a property."""
    if isinstance(schema, list):
        return [_without_titles(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _without_titles(value, named=key in ("properties", "definitions") and not named)
        for key, value in schema.items()
        if named or key != "title"
    }


def _worded(schema: Any, words: Vocabulary | None) -> Any:
    """The words of its section in the place of the section's name; without words any text."""
    if isinstance(schema, list):
        return [_worded(item, words) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _worded(value, words) for key, value in schema.items() if key != SECTION}
    section = schema.get(SECTION)
    allowed = words.allowed(section) if words is not None and isinstance(section, str) else ()
    return plain | ({"enum": list(allowed)} if allowed else {})


def _closed(schema: Any) -> Any:
    """A mapping whose keys follow a pattern has no other keys."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _closed(value) for key, value in schema.items()}
    return plain | ({"additionalProperties": False} if "patternProperties" in schema else {})
