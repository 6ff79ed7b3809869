from __future__ import annotations

import doctest
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carmeta.report import numbers

NAN, INF = math.nan, math.inf


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(numbers).failed == 0


@pytest.mark.parametrize(
    ("value", "digits", "factor", "shown"),
    [
        (0.125, 0, 100, "13"),  # 1/8: half away from zero, as by hand
        (0.145, 1, 100, "14.5"),  # 0.145 * 100 is 14.499999999999998 in binary
        (0.0005, 3, 1, "0.001"),
        (-0.0004, 3, 1, "0.000"),  # no sign before zero
        (-0.25, 1, 1, "−0.3"),
        (1.0, 1, 100, "100.0"),
        (NAN, 1, 100, "–"),
        (INF, 1, 1, "∞"),
        (-INF, 1, 1, "−∞"),
        (1e-300, 2, 1, "0.00"),
        (123456.789, 1, 1, "123456.8"),
    ],
)
def test_fixed(value: float, digits: int, factor: int, shown: str) -> None:
    assert numbers.fixed(value, digits, factor) == shown


@given(st.integers(0, 400), st.integers(1, 400))
def test_percent_of_a_count_rounds_as_fractions_do(xi: int, ni: int) -> None:
    xi = min(xi, ni)
    tenths = (2000 * xi + ni) // (2 * ni)  # half up in whole numbers
    exact_tie = (2000 * xi + ni) % (2 * ni) == 0
    shown = numbers.fixed(xi / ni, 1, 100)
    allowed = {f"{tenths // 10}.{tenths % 10}"}
    if exact_tie and float(xi / ni) * ni != xi:  # the float lies on the other side of the tie
        allowed.add(f"{(tenths - 1) // 10}.{(tenths - 1) % 10}")
    assert shown in allowed


@pytest.mark.parametrize(
    ("p", "shown"),
    [
        (0.5, "= 0.50"), (0.0496, "= 0.050"), (0.0504, "= 0.050"), (0.2, "= 0.20"),
        (0.0099, "= 0.010"), (0.001, "= 0.001"), (0.00099, "< 0.001"), (0.0, "< 0.001"),
        (0.995, "> 0.99"), (NAN, "not estimable"),
    ],
)  # fmt: skip
def test_p_value(p: float, shown: str) -> None:
    assert numbers.p_value(p) == shown


def test_p_value_without_leading_zero() -> None:
    assert numbers.p_value(0.03, leading_zero=False) == "= .03"
    assert numbers.p_value(0.0001, leading_zero=False) == "< .001"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (1e-9, "<0.001"), (0.0005, "0.001"), (0.4126, "0.413"), (12.34, "12.3"),
     (NAN, "–"), (INF, "∞")],
)  # fmt: skip
def test_variance(value: float, shown: str) -> None:
    assert numbers.variance(value) == shown


def test_intervals() -> None:
    assert numbers.interval(0.5, 0.75, numbers.PERCENT) == "(50.0 to 75.0)"
    assert numbers.interval(0.5, 0.75, numbers.PERCENT, numbers.DASH) == "(50.0–75.0)"
    assert numbers.interval(0.5, 0.75, numbers.PERCENT, numbers.COMMA) == "[50.0, 75.0]"
    assert numbers.interval(NAN, NAN, numbers.PERCENT) == "not estimable"
    assert numbers.estimate(2.5, 1.25, 5, numbers.RATIO) == "2.50 (1.25 to 5.00)"


def test_counts_set_off_thousands_from_five_digits() -> None:
    assert [numbers.count(n) for n in (0, 9999, 10000, 1234567)] == [
        "0", "9999", "10\u202f000", "1\u202f234\u202f567",
    ]  # fmt: skip


def test_levels_and_degrees() -> None:
    assert [numbers.level(v) for v in (0.95, 0.9, 0.975)] == ["95", "90", "97.5"]
    assert [numbers.degrees(v) for v in (8.0, 5.43, INF, NAN)] == ["8", "5.4", "∞", "–"]


def test_digits_are_checked() -> None:
    with pytest.raises(ValueError, match="0 to 6"):
        numbers.PERCENT.with_digits(7)
