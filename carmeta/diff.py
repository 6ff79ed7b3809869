"""Two runs side by side: numbers to their last digit, everything else exactly.

Two processors, or two versions of a linear algebra library, differ in the last digits of a
double, and however few of these are written, one of them stands on an edge. So a number may
differ by one unit of the last digit that `carmeta.digits` keeps, and a coordinate by one of
its last decimal. What people read is rounded from these and compared exactly: a change there
is a change of what is said.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from carmeta.digits import DECIMALS, DIFFERENCES, DIGITS

# A unit of the tenth significant digit; the rest is for the floats that say so.
REL: Final = 10.0 ** (1 - DIGITS) * (1 + 1e-6)
ABS: Final = 1e-12  # for what is zero but for rounding, such as a tau² at its boundary
# A unit of the last decimal of what is a difference.
DIFFERENCE_ABS: Final = 10.0**-DECIMALS * (1 + 1e-6)
# SVG coordinates are written with six decimals; two roundings differ by one in the last.
SVG_ABS: Final = 2e-6
_MAX_TOLD: Final = 20  # a file

# What git keeps of a run; it ignores pictures of other kinds and office files.
TEXT: Final = frozenset(
    {".csv", ".json", ".md", ".html", ".svg", ".r", ".tex", ".txt", ".yaml", ".bib"}
)
_NUMBER: Final = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_DATA_URI: Final = re.compile(
    r"data:([a-z]+/[a-z0-9.+-]+)(?:;charset=[\w-]+)?;base64,([A-Za-z0-9+/=]+)"
)
# Matplotlib names clip paths and markers by a hash of their coordinates.
_SVG_ID: Final = re.compile(r"\b([mpCDh][0-9a-f]{10})\b")
# The interpreter that runs may be any that is supported: its version is told, not compared.
_IGNORED_VERSIONS: Final = frozenset({"python", "platform"})
_PYTHON: Final = re.compile(r"(?i)\b(python(?:\s|</?\w+>)+)\d+\.\d+(?:\.\d+)?")


def compare_runs(a: Path, b: Path) -> list[str]:
    """How run ``b`` differs from run ``a``; an empty list where it does not.

    Compared are the files that are kept as text (CSV, JSON, Markdown, HTML, SVG, R, LaTeX),
    by name, in order. Of the manifest the names of the outputs count, not their hashes: these
    cover PDF, PNG, Word and Excel too, whose bytes may depend on the machine. Raises OSError
    if a folder cannot be read.
    """
    left, right = _kept(a), _kept(b)
    told = [f"{name}: only in {a}" for name in sorted(left.keys() - right.keys())]
    told += [f"{name}: only in {b}" for name in sorted(right.keys() - left.keys())]
    return told + compare_files(left, right)


def compare_files(a: Mapping[str, bytes], b: Mapping[str, bytes]) -> list[str]:
    """How the files that are kept as text and are in both, by name, differ in ``b``."""
    return [
        f"{name}: {line}"
        for name in sorted(a.keys() & b.keys())
        if is_kept(name) and a[name] != b[name]
        for line in _compare_file(name, a[name], b[name])
    ]


def is_kept(name: str) -> bool:
    """Whether git keeps this file of a run."""
    return PurePosixPath(name).suffix.lower() in TEXT


def _kept(folder: Path) -> dict[str, bytes]:
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder}: there is no such run")
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and is_kept(path.name)
    }


def _compare_file(name: str, left: bytes, right: bytes) -> list[str]:
    try:
        a, b = (_PYTHON.sub(r"\1", data.decode()) for data in (left, right))
    except UnicodeDecodeError:
        return ["not text"]
    if name.endswith(".json"):
        try:
            found = list(_compare_json(_manifest(name, a), _manifest(name, b), ""))
        except ValueError:
            return ["not JSON"]
    elif name.endswith(".svg"):
        found = compare_text(_named_ids(a), _named_ids(b), absolute=SVG_ABS)
    elif name.endswith(".html"):
        found = _compare_html(a, b)
    else:
        found = compare_text(a, b)
    more = len(found) - _MAX_TOLD
    return found[:_MAX_TOLD] + ([f"... and {more} more"] if more > 0 else [])


def _manifest(name: str, text: str) -> Any:
    data = json.loads(text)
    if Path(name).name == "manifest.json" and isinstance(data, dict):
        data["outputs"] = sorted(data.get("outputs", {}))
    return data


def _compare_json(a: Any, b: Any, path: str) -> Iterator[str]:
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted(a.keys() | b.keys()):
            if path.endswith("versions") and key in _IGNORED_VERSIONS:
                continue
            here = f"{path}.{key}" if path else key
            if key not in a or key not in b:
                yield f"{here}: only in the {'first' if key in a else 'second'}"
            else:
                yield from _compare_json(a[key], b[key], here)
    elif isinstance(a, list) and isinstance(b, list):
        if len(a) != len(b):
            yield f"{path}: {len(a)} entries, then {len(b)}"
        for index, (one, other) in enumerate(zip(a, b, strict=False)):
            yield from _compare_json(one, other, f"{path}[{index}]")
    elif not _same_value(a, b, path):
        yield f"{path}: {json.dumps(a)[:80]}, then {json.dumps(b)[:80]}"


def _same_value(a: Any, b: Any, path: str) -> bool:
    numbers = (int, float)
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, int) and isinstance(b, int):
        return a == b
    if isinstance(a, numbers) and isinstance(b, numbers):
        if math.isnan(a) or math.isnan(b):
            return math.isnan(a) and math.isnan(b)
        name = path.rpartition(".")[2]
        return a == b or _close(float(a), float(b), DIFFERENCE_ABS if name in DIFFERENCES else ABS)
    return type(a) is type(b) and a == b


def _close(a: float, b: float, absolute: float) -> bool:
    if not (math.isfinite(a) and math.isfinite(b)):
        return False  # equal texts never come here; 1e999 in two hashes is no number
    return math.isclose(a, b, rel_tol=REL, abs_tol=absolute)


def compare_text(a: str, b: str, *, absolute: float = ABS) -> list[str]:
    """The lines in which two texts differ by more than the tolerance."""
    lines_a, lines_b = a.splitlines(), b.splitlines()
    told = [
        f"line {number}: {_excerpt(one, other)}"
        for number, (one, other) in enumerate(zip(lines_a, lines_b, strict=False), start=1)
        if one != other and not _same_line(one, other, absolute)
    ]
    if len(lines_a) != len(lines_b):
        told.append(f"{len(lines_a)} lines, then {len(lines_b)}")
    return told


def _same_line(a: str, b: str, absolute: float) -> bool:
    if _NUMBER.sub("0", a) != _NUMBER.sub("0", b):
        return False
    pairs = zip(_NUMBER.findall(a), _NUMBER.findall(b), strict=True)
    return all(one == other or _close_text(one, other, absolute) for one, other in pairs)


def _close_text(a: str, b: str, absolute: float) -> bool:
    if not any(mark in a + b for mark in ".eE"):
        return False  # whole numbers are counts, labels, hashes: exact
    if _decimals(a) == _decimals(b) == DECIMALS:
        absolute = max(absolute, DIFFERENCE_ABS)
    return _close(float(a), float(b), absolute)


def _decimals(number: str) -> int:
    """Decimals of a number as it is written; 0 for one with an exponent."""
    return 0 if "e" in number.lower() else len(number.partition(".")[2])


def _excerpt(a: str, b: str, width: int = 60) -> str:
    """Both lines from a little before where they part."""
    start = next(
        (i for i, (one, other) in enumerate(zip(a, b, strict=False)) if one != other),
        min(len(a), len(b)),
    )
    begin = max(0, start - 20)
    lead = "..." if begin else ""
    return f"'{lead}{a[begin : begin + width]}', then '{lead}{b[begin : begin + width]}'"


def _named_ids(svg: str) -> str:
    """Ids that matplotlib derives from coordinates, numbered in order of appearance."""
    order: dict[str, str] = {}
    return _SVG_ID.sub(lambda match: order.setdefault(match[0], f"id-{len(order)}"), svg)


def _compare_html(a: str, b: str) -> list[str]:
    """The page, and the pictures inside it as what they are."""
    images_a, images_b = _DATA_URI.findall(a), _DATA_URI.findall(b)
    told = compare_text(_DATA_URI.sub(r"data:\1", a), _DATA_URI.sub(r"data:\1", b))
    for index, ((kind, one), (_, other)) in enumerate(zip(images_a, images_b, strict=False)):
        if kind == "image/svg+xml" and one != other:
            left, right = base64.b64decode(one).decode(), base64.b64decode(other).decode()
            found = compare_text(_named_ids(left), _named_ids(right), absolute=SVG_ABS)
            told += [f"picture {index + 1}, {line}" for line in found]
    return told
