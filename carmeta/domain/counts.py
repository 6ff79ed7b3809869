"""Numbers that are counts, and what messages call the study they belong to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from carmeta.arrays import Floats
from carmeta.errors import DataError

# The largest study that is supported: a sum over patients, as the likelihoods have it, keeps
# the digits there that its differences need (a tenth of where the first model loses them).
MOST_PATIENTS: Final = 10**9
TOO_MANY: Final = f"more than {MOST_PATIENTS:,}, the largest study that is supported"
_NUMBERS: Final = "iuf"  # numpy's kinds of whole numbers and floats
_PLAIN: Final = frozenset({int, float, np.int64, np.float64})  # nothing to look for among these
# What numpy would make a number of.
_TIMES: Final = (np.datetime64, np.timedelta64, dt.date, dt.timedelta)
_NO_NUMBERS: Final = (bool, np.bool_, str, bytes, complex, np.complexfloating)


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


def as_numbers(
    values: ArrayLike,
    what: str,
    slab: Sequence[str] | None = None,
    *,
    of: str = "a number of patients",
) -> Floats:
    """Any kind of number as floats; the caller looks at their values.

    A truth value, a text or a time is no number, though numpy would make one of it; what is
    masked is not there.

    Raises:
        DataError: Names the study (the place on the last axis) and the value.
    """
    if isinstance(values, np.ndarray):
        plain = values.dtype.kind in _NUMBERS and not np.ma.is_masked(values)
    else:
        plain = isinstance(values, list | tuple) and _PLAIN.issuperset(map(type, values))
    try:
        if not plain:
            _require_numbers(values, what, slab, of)
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{what} is not a list of numbers: {error}") from None


def _require_numbers(values: Any, what: str, slab: Sequence[str] | None, of: str) -> None:
    for index, value in _leaves(values):
        if value is np.ma.masked:
            told = "is masked"
        elif isinstance(value, _TIMES):
            told = f"{value} is a time, not {of}"
        elif isinstance(value, _NO_NUMBERS):
            shown = value.item() if isinstance(value, np.generic) else value
            told = f"{shown!r} is not {of}"
        else:
            continue
        name = study_name(index, slab if slab and index < len(slab) else None)
        raise DataError(f"{name}: {what} {told}")


def _leaves(values: Any, last: int = 0) -> Iterator[tuple[int, Any]]:
    """The single values with their place on the last axis."""
    if isinstance(values, np.ndarray) and values.ndim == 0:
        yield last, values[()]
    elif hasattr(values, "__iter__") and not isinstance(values, str | bytes):
        for index, value in enumerate(values):
            yield from _leaves(value, index)
    else:
        yield last, values


def require_counts(
    x: Floats,
    n: Floats,
    slab: Sequence[str] | None = None,
    names: tuple[str, str] = ("events", "n"),
) -> None:
    """Nothing, if ``x`` events of ``n`` patients, arrays ``(..., k)`` of one shape, are possible.

    Raises:
        DataError: For the first count that is not, by the first rule that it breaks.
    """
    # One look suffices for sound counts; only wrong ones are searched for their reason.
    whole = (x == np.floor(x)) & (n == np.floor(n))
    if bool((whole & (x >= 0) & (n >= 1) & (x <= n) & (n <= MOST_PATIENTS)).all()):
        return
    events, patients = names
    rules = (
        (np.isnan(x), f"{events} is missing"),
        (np.isnan(n), f"{patients} is missing"),
        (np.isinf(x), f"{events} {{x:g}} is not a number"),
        (np.isinf(n), f"{patients} {{n:g}} is not a number"),
        (x != np.floor(x), f"{events} {{x:g}} is not a whole number"),
        (n != np.floor(n), f"{patients} {{n:g}} is not a whole number"),
        (x < 0, f"{events} {{x:g}} is negative"),
        (n < 1, f"{patients} {{n:g}} is below 1"),
        (n > MOST_PATIENTS, f"{patients} {{n:g}} is {TOO_MANY}"),
        (x > n, f"{events} {{x:g}} exceeds {patients} {{n:g}}"),
    )
    bad, text = next((b, t) for b, t in rules if bool(b.any()))
    where = tuple(int(i) for i in np.argwhere(bad)[0])
    batch = f" (data set {where[:-1]})" if len(where) > 1 else ""
    told = text.format(x=x[where], n=n[where])
    raise DataError(f"{study_name(where[-1], slab)}{batch}: {told}")
