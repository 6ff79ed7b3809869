"""results.json: the whole run."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any, Final

from carmeta.domain.result import Pooled

if TYPE_CHECKING:
    from carmeta.domain.analysis import Analysis

SCHEMA_VERSION = 1
# What the second opinion is asked, and the words of the review: no results.
LEFT_OUT: Final = ("iv_pools", "words")
RENAMED: Final = {"term": "outcome"}  # a term is told by its code
# A run of more whole numbers than this (counts that fit a percentage of millions) is told by
# its ends.
_MANY: Final = 100


def results(analysis: Analysis) -> bytes:
    """Everything in the analysis as JSON.

    Numbers are written as they stand (the shortest text that reads back as the same float):
    those of a run carry the digits of `carmeta.digits`. A number that does not exist is null;
    an infinite one is null too and its path stands in ``infinite`` with its sign, because JSON
    has no infinities. More than a hundred consecutive whole numbers are ``first`` and ``last``.
    """
    infinite: dict[str, str] = {}
    body = _plain(analysis, "", infinite)
    for name in LEFT_OUT:
        del body[name]
    head = {"about": analysis.provenance.notice, "schema_version": SCHEMA_VERSION}
    document = {**head, **body, "infinite": infinite}
    text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False)
    return (text + "\n").encode("utf-8", "backslashreplace")


def _plain(value: Any, path: str, infinite: dict[str, str]) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        if isinstance(value, Pooled):
            held = value.flat()
        else:
            names = [RENAMED.get(field.name, field.name) for field in dataclasses.fields(value)]
            held = {name: getattr(value, name) for name in names}
        return {
            name: _plain(item, f"{path}.{name}".lstrip("."), infinite)
            for name, item in held.items()
        }
    if isinstance(value, dict):
        return {str(key): _plain(item, f"{path}.{key}", infinite) for key, item in value.items()}
    if isinstance(value, range) and len(value) > _MANY:
        return {"first": value[0], "last": value[-1]}
    if isinstance(value, (list, tuple, range)):
        return [_plain(item, f"{path}[{i}]", infinite) for i, item in enumerate(value)]
    if isinstance(value, (set, frozenset)):
        return [_plain(item, path, infinite) for item in sorted(value, key=str)]
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        return _plain(value.tolist(), path, infinite)
    if isinstance(value, float):
        if math.isinf(value):
            infinite[path] = "inf" if value > 0 else "-inf"
        return value if math.isfinite(value) else None
    return str(value)
