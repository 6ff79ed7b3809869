"""The closed form of carmeta.rounding against rounding every count with decimal.Decimal."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from carmeta.rounding import (
    fitting_counts,
    fitting_denominators,
    how_printed,
    joint_counts,
    joint_denominators,
)

TWICE = (ROUND_HALF_UP, ROUND_HALF_EVEN)
TIES = (ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_HALF_DOWN)


def quantum(decimals: int) -> Decimal:
    return Decimal(1).scaleb(-decimals)


def rounded(value: Decimal, decimals: int) -> set[Decimal]:
    return {value.quantize(quantum(decimals), rounding=tie) for tie in TIES}


def rounded_twice(value: Decimal, decimals: int, tie: str) -> Decimal:
    once = value.quantize(quantum(decimals + 1), rounding=tie)
    return once.quantize(quantum(decimals), rounding=tie)


def exact(x: int, n: int) -> Decimal:
    # 28 significant digits: far more than the 4 + 1 decimals that are compared. A ratio with
    # a denominator below 10,000 that is no tie differs from one by more than 1e-10.
    return Decimal(100 * x) / Decimal(n)


def brute_force(percent: str, n: int) -> tuple[tuple[int, ...], str, tuple[int, ...]]:
    printed = Decimal(percent)
    decimals = len(percent.partition(".")[2])
    direct = tuple(x for x in range(n + 1) if printed in rounded(exact(x, n), decimals))
    twice = tuple(
        x
        for x in range(n + 1)
        if x in direct or any(rounded_twice(exact(x, n), decimals, tie) == printed for tie in TWICE)
    )
    counts = direct or twice
    cut = tuple(
        x
        for x in range(n + 1)
        if x not in counts
        and exact(x, n).quantize(quantum(decimals), rounding=ROUND_DOWN) == printed
    )
    return counts, "direct" if direct else "double-rounding" if twice else "none", cut


@st.composite
def percents(draw):
    decimals = draw(st.integers(0, 2))
    digits = draw(st.integers(0, 100 * 10**decimals))
    return f"{digits / 10**decimals:.{decimals}f}"


@given(percents(), st.integers(1, 300))
def test_fits_equal_a_count_by_count_search(percent, n):
    fit = fitting_counts(percent, n)
    assert (tuple(fit.counts), fit.how, tuple(fit.truncated)) == brute_force(percent, n)


@given(st.integers(1, 500), st.data(), st.integers(0, 3), st.sampled_from(TIES))
def test_a_correctly_rounded_percentage_always_gives_its_count_back(n, data, decimals, tie):
    x = data.draw(st.integers(0, n))
    printed = exact(x, n).quantize(quantum(decimals), rounding=tie)
    fit = fitting_counts(str(printed), n)
    assert fit.how == "direct"
    assert x in fit.counts


@given(percents(), st.integers(0, 300))
def test_nearest_is_nearest(percent, n):
    fit = fitting_counts(percent, n)
    wanted = Fraction(percent)
    distances = [abs(Fraction(100 * x, n) - wanted) for x in range(n + 1)] if n else [Fraction(0)]
    assert fit.nearest == distances.index(min(distances))
    assert not fit.counts or fit.nearest in fit.counts


@given(st.integers(1, 40), st.data())
def test_joint_counts_are_the_products_that_add_up(n, data):
    counts = data.draw(st.lists(st.integers(0, n), min_size=1, max_size=3))
    texts = [f"{round(Fraction(100 * x, n))}" for x in counts]
    options = [fitting_counts(text, n).counts for text in texts]
    expected = tuple(c for c in product(*options) if sum(c) == sum(counts))
    assert joint_counts(texts, n, total=sum(counts)) == expected
    assert tuple(counts) in expected
    assert n in joint_denominators(texts, 40)


@given(percents() | st.just("<1"), st.integers(0, 60))
def test_denominators_of_a_count_equal_a_search(percent, count):
    searched = [n for n in range(1, 150) if count in _direct(percent, n)]
    assert list(fitting_denominators(count, percent, 149)) == searched
    assert searched == [n for n in range(1, 150) if how_printed(count, percent, n) == "direct"]


def _direct(percent, n):
    fit = fitting_counts(percent, n)
    return fit.counts if fit.how == "direct" else ()


@given(st.lists(percents() | st.just("<1"), max_size=3), st.integers(1, 150), st.booleans())
def test_joint_denominators_equal_a_search(texts, n_min, twice):
    allowed = ("direct", "double-rounding") if twice else ("direct",)
    searched = [
        n
        for n in range(n_min, 250)
        if all(fitting_counts(text, n).how in allowed for text in texts)
    ]
    assert list(joint_denominators(texts, 249, n_min=n_min, double_rounding=twice)) == searched
