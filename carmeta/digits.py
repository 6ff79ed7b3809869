"""How many digits of a number are kept, once for everything that is written.

Beyond the tenth significant digit two processors differ, and nobody reads. What is a
difference of two fits carries the rounding of both however small it is, so of it a fixed
number of decimals is kept.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Final, TypeVar

T = TypeVar("T")

DIGITS: Final = 10
DECIMALS: Final = 8
# Fields and columns that hold differences: changes of an estimate, residuals, influence.
DIFFERENCES: Final = frozenset({"shift", "rstudent", "dffits", "cook_d", "baujat_x", "baujat_y"})


def significant(value: float) -> float:
    """A number cut to ten significant digits; NaN and infinities stay.

    >>> significant(1 / 3), significant(1e300), significant(-0.0)
    (0.3333333333, 1e+300, 0.0)
    """
    return float(format(float(value), f".{DIGITS}g")) + 0.0


def difference(one: float, other: float = 0.0) -> float:
    """``one - other`` with eight decimals.

    >>> difference(0.3, 0.1), difference(1e-12)
    (0.2, 0.0)
    """
    return round(float(one) - float(other), DECIMALS) + 0.0


def number_text(value: float, name: str = "") -> str:
    """A number for CSV, of the column ``name``; empty for NaN, ``inf`` for infinity.

    >>> [number_text(value) for value in (1 / 3, 50.0, float("nan"), -0.0)]
    ['0.3333333333', '50', '', '0']
    >>> number_text(1 / 3, "shift")
    '0.33333333'
    """
    if math.isnan(value):
        return ""
    if name in DIFFERENCES and math.isfinite(value):
        return f"{difference(value):.{DECIMALS}f}"
    return format(significant(value), f".{DIGITS}g")


def settle(value: T, name: str = "") -> T:
    """The same analysis with the digits that are kept, in every float of it.

    Goes through dataclasses, tuples, lists and dicts. What was one object stays one.
    """
    settled: T = _Settler().settle(value, name)
    return settled


class _Settler:
    def __init__(self) -> None:
        self.done: dict[int, Any] = {}

    def settle(self, value: Any, name: str) -> Any:
        if isinstance(value, float):
            return difference(value) if name in DIFFERENCES else significant(value)
        if isinstance(value, tuple | list | dict) or (
            dataclasses.is_dataclass(value) and not isinstance(value, type)
        ):
            if id(value) not in self.done:
                self.done[id(value)] = self._inside(value, name)
            return self.done[id(value)]
        return value

    def _inside(self, value: Any, name: str) -> Any:
        if isinstance(value, dict):
            return {key: self.settle(item, str(key)) for key, item in value.items()}
        if isinstance(value, tuple | list):
            return type(value)(self.settle(item, name) for item in value)
        names = [field.name for field in dataclasses.fields(value)]
        parts = {each: self.settle(getattr(value, each), each) for each in names}
        return dataclasses.replace(value, **parts)
