from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carmeta.digits import difference, number_text, settle, significant


@given(st.floats(allow_nan=False))
def test_ten_digits_read_back(value: float) -> None:
    kept = significant(value)
    assert kept == pytest.approx(value, rel=5.1e-10, abs=0)
    assert significant(kept) == kept
    assert float(number_text(value)) == kept


@given(st.floats(-1e6, 1e6))
def test_eight_decimals_of_a_difference(value: float) -> None:
    kept = difference(value)
    assert abs(kept - value) <= 5.1e-9
    assert float(number_text(value, "dffits")) == kept
    assert number_text(value, "dffits").partition(".")[2].isdecimal()


@dataclasses.dataclass(frozen=True)
class Part:
    estimate: float
    dffits: float


@dataclasses.dataclass(frozen=True)
class Whole:
    first: Part
    parts: tuple[Part, ...]
    limits: dict[str, tuple[float, float]]
    k: int
    name: str
    flag: bool
    nothing: None = None


def test_every_float_of_an_analysis_is_settled() -> None:
    part = Part(1 / 3, 1 / 3)
    whole = settle(
        Whole(part, (part, Part(math.nan, math.inf)), {"dffits": (-1 / 3, 2 / 3)}, 3, "a", True)
    )
    assert whole.first == Part(0.3333333333, 0.33333333)
    assert whole.parts[0] is whole.first
    assert math.isnan(whole.parts[1].estimate)
    assert math.isinf(whole.parts[1].dffits)
    assert whole.limits == {"dffits": (-0.33333333, 0.66666667)}
    assert (whole.k, whole.name, whole.flag) == (3, "a", True)
    assert isinstance(whole.k, int)
