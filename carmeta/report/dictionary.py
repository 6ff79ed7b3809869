"""columns.csv: what every column of the CSV files and every key of results.json means."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from fnmatch import fnmatch
from functools import cache
from types import NoneType
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from carmeta.domain.analysis import Analysis
from carmeta.domain.result import KEPT_WHOLE, Pooled
from carmeta.report import csvfiles, sidecars
from carmeta.report.fields import FLAG, NUMBER, TEXT, WHOLE, Field, one_of
from carmeta.report.jsonfile import LEFT_OUT, RENAMED
from carmeta.report.jsonkeys import KEYS

NAME: Final = "columns.csv"
JSON: Final = "results.json"
DICTIONARY: Final = (
    Field("file", "name of the file; * stands for what the names of one kind differ in"),
    Field("column", f"name of the column; of {JSON} the kind of object, a point and the key"),
    Field("type", f"type of its values; of {JSON} also a kind of object"),
    Field("unit", "unit of its values, where they have one"),
    Field("allowed", "range of its values, or the words that there are"),
    Field("meaning", "what it is"),
)
FILES: Final[Mapping[str, Sequence[Field]]] = {
    NAME: DICTIONARY,
    "counts.csv": csvfiles.COUNTS,
    "decisions.csv": csvfiles.DECISIONS,
    "excluded.csv": csvfiles.EXCLUDED,
    "findings.csv": csvfiles.FINDINGS,
    "pooled.csv": csvfiles.POOLED,
    "sensitivity.csv": csvfiles.SENSITIVITY,
    "regression.csv": csvfiles.REGRESSION,
    "forest_*.csv": sidecars.FOREST,
    "contrast_*.csv": sidecars.CONTRAST,
    "leave-one-out_*.csv": sidecars.SERIES,
    "cumulative_*.csv": sidecars.SERIES,
    "funnel_*.csv": sidecars.FUNNEL,
    "baujat_*.csv": sidecars.BAUJAT,
    "influence_*.csv": sidecars.INFLUENCE,
    "specification_*.csv": sidecars.SPECIFICATION,
    "bubble_*.csv": sidecars.BUBBLE,
    "lineage.csv": sidecars.LINEAGE,
    "prisma_flow.csv": sidecars.FLOW,
    "risk_of_bias.csv": sidecars.BIAS,
}
# Keys of the document that are no fields of the analysis.
_AROUND: Final[Mapping[str, Any]] = {
    "about": str, "schema_version": int, "infinite": dict[str, str],
}  # fmt: skip
_PLAIN: Final = {str: TEXT, int: WHOLE, float: NUMBER, bool: FLAG, Any: "anything"}


def explained(files: Mapping[str, bytes]) -> bytes:
    """columns.csv of a run: its files, by name, to what each of their columns and keys means."""
    headers = {
        name: next(csv.reader(io.StringIO(data.decode())))
        for name, data in files.items()
        if name.endswith(".csv")
    }
    rows: list[tuple[str, ...]] = []
    for pattern, columns in FILES.items():
        held = {
            column for name, header in headers.items() if fnmatch(name, pattern)
            for column in header
        }  # fmt: skip
        if pattern == NAME:
            held = {field.name for field in DICTIONARY}
        rows += [_row(pattern, field) for field in columns if field.name in held]
    rows += [_row(JSON, field) for field in json_fields()]
    return csvfiles.write([field.name for field in DICTIONARY], rows)


def _row(file: str, field: Field) -> tuple[str, ...]:
    return file, field.name, field.kind, field.unit, field.allowed, field.meaning


def json_fields() -> Iterator[Field]:
    """Every key of results.json behind the kind of object that has it, with its type."""
    for kind, hints in objects().items():
        for field in KEYS[kind]:
            allowed = field.allowed or _words(hints[field.name])
            name = f"{kind.__name__}.{field.name}"
            yield Field(name, field.meaning, _type(hints[field.name]), field.unit, allowed)


@cache
def objects() -> Mapping[type, Mapping[str, Any]]:
    """The kinds of object in results.json, from the outermost on: key to type."""
    found: dict[type, Mapping[str, Any]] = {}
    waiting: list[type] = [Analysis]
    while waiting:
        kind = waiting.pop(0)
        if kind not in found:
            found[kind] = _keys(kind)
            waiting += [inner for hint in found[kind].values() for inner in _inside(hint)]
    return found


def _keys(kind: Any) -> dict[str, Any]:
    """Key to type of one kind of object, as :mod:`carmeta.report.jsonfile` writes it."""
    hints = get_type_hints(kind)
    own = {field.name: hints[field.name] for field in fields(kind)}
    own = {RENAMED.get(name, name): str if name in RENAMED else own[name] for name in own}
    if kind is Analysis:
        return {**_AROUND, **{key: own[key] for key in own if key not in LEFT_OUT}}
    if kind is not Pooled:
        return own
    flat: dict[str, Any] = {}
    for name, hint in own.items():
        apart = is_dataclass(hint) and hint not in KEPT_WHOLE
        flat |= _keys(hint) if apart else {name: hint}
    return flat


def _inside(hint: Any) -> Iterator[type]:
    if is_dataclass(hint) and isinstance(hint, type):
        yield hint
    for inner in get_args(hint):
        yield from _inside(inner)


def _type(hint: Any) -> str:
    """The type in words: ``list of text``, ``Pooled or null``."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return TEXT
    if origin is dict:
        return f"object of {_type(inner[1])}"
    if origin in (tuple, Sequence):
        return f"list of {_type(inner[0])}"
    if inner:
        return " or ".join("null" if part is NoneType else _type(part) for part in inner)
    return str(hint.__name__)


def _words(hint: Any) -> str:
    found = [part for part in (hint, *get_args(hint)) if get_origin(part) is Literal]
    return one_of(found[0]) if found else ""
