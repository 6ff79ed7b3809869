"""Numbers that are counts, and what messages call the study they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from carmeta.arrays import Floats
from carmeta.errors import DataError

_NUMBERS: Final = "iuf"  # numpy's kinds of whole numbers and floats
_PLAIN: Final = frozenset({int, float, np.int64, np.float64})  # nothing to look for among these


def study_name(index: int, slab: Sequence[str] | None) -> str:
    """What messages call the study at ``index`` (from 0): its label, or its number."""
    return f"study {index + 1}" if slab is None else f"study {index + 1} ({slab[index]})"


def study_names(slab: Sequence[str] | None, k: int) -> tuple[str, ...]:
    """Labels of k studies; ``study 1`` and so on where none are given.

    Raises:
        DataError: Another number of labels.
    """
    if slab is None:
        return tuple(f"study {i + 1}" for i in range(k))
    if len(slab) != k:
        raise DataError(f"slab has {len(slab)} labels for {k} studies")
    return tuple(str(name) for name in slab)


def as_numbers(values: ArrayLike, what: str, slab: Sequence[str] | None = None) -> Floats:
    """Counts of any kind of number as floats; the caller looks at their values.

    A truth value or a text is no number of patients, though numpy would make one of it.

    Raises:
        DataError: Names the study (the place on the last axis) and the value.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind in _NUMBERS:
        return np.asarray(values, dtype=float)
    if isinstance(values, list | tuple) and _PLAIN.issuperset(map(type, values)):
        return np.array(values, dtype=float)
    try:
        given = np.asarray(values, dtype=object)
        for index, value in _leaves(values if given.ndim < 2 else given):
            if isinstance(value, bool | np.bool_ | str | bytes | complex | np.complexfloating):
                shown = value.item() if isinstance(value, np.generic) else value
                name = study_name(index, slab if slab and index < len(slab) else None)
                raise DataError(f"{name}: {what} {shown!r} is not a number of patients")
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise DataError(f"{what} is not a list of numbers: {error}") from None


def _leaves(values: Any) -> Iterator[tuple[int, Any]]:
    """The single values with their place on the last axis."""
    if isinstance(values, np.ndarray):
        last = values.shape[-1] if values.ndim else 1
        yield from ((i % last, value) for i, value in enumerate(values.flat))
    elif hasattr(values, "__iter__") and not isinstance(values, str | bytes):
        yield from enumerate(values)
    else:
        yield 0, values
