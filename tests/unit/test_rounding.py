from __future__ import annotations

import time
from itertools import islice

import pytest

from carmeta.errors import DataError
from carmeta.rounding import (
    fitting_counts,
    fitting_denominators,
    how_printed,
    joint_counts,
    joint_denominators,
)


@pytest.mark.parametrize(
    ("percent", "n", "counts"),
    [
        ("85", 33, (28,)),
        ("73", 128, (93, 94)),
        ("0", 33, (0,)),
        ("0", 400, (0, 1, 2)),
        ("100", 33, (33,)),
        ("100", 400, (398, 399, 400)),
        ("12", 8, (1,)),  # 12.5, tie down or to even
        ("13", 8, (1,)),  # 12.5, tie up
        ("37", 8, (3,)),
        ("38", 8, (3,)),
        ("81.0", 79, (64,)),
        ("81.00", 79, ()),
        ("81.01", 79, (64,)),
        ("<1", 225, (1, 2)),
        ("< 1", 101, (1,)),
        ("<1", 100, ()),  # 1 of 100 is one percent, not below it
    ],
)
def test_counts_that_fit_by_rounding_once(percent, n, counts):
    fit = fitting_counts(percent, n)
    assert tuple(fit.counts) == counts
    assert fit.how == ("direct" if counts else "none")


@pytest.mark.parametrize(("percent", "n", "x"), [("7", 62, 4), ("36", 62, 22), ("90", 38, 34)])
def test_counts_that_fit_only_by_rounding_twice(percent, n, x):
    fit = fitting_counts(percent, n)
    assert (tuple(fit.counts), fit.how) == ((x,), "double-rounding")


def test_decimals_are_part_of_the_number():
    assert tuple(fitting_counts("3", 100).counts) == (3,)
    assert tuple(fitting_counts("3.0", 100).counts) == (3,)
    assert tuple(fitting_counts("3", 300).counts) == (8, 9, 10)
    assert tuple(fitting_counts("3.0", 300).counts) == (9,)


@pytest.mark.parametrize(("percent", "n"), [("20", 8), ("40", 8), ("101", 50), ("50", 0)])
def test_impossible_percentages_fit_nothing(percent, n):
    fit = fitting_counts(percent, n)
    assert not fit.counts
    assert fit.how == "none"


def test_cutting_decimals_off_is_reported_but_is_no_fit():
    fit = fitting_counts("16.4", 79)  # 13 of 79 is 16.456
    assert not fit.counts
    assert tuple(fit.truncated) == (13,)
    assert fit.nearest == 13
    assert not fitting_counts("85", 33).truncated


@pytest.mark.parametrize(
    ("percent", "n", "nearest"),
    [
        ("20", 8, 2),  # 2 is 25%, 1 is 12.5%
        ("73", 128, 93),  # 72.66 against 73.44
        ("50", 1, 0),  # equally far: the smaller
        ("50", 0, 0),
        ("999", 7, 7),
        ("<1", 1000, 5),
        ("<1", 62, 0),
    ],
)
def test_nearest(percent, n, nearest):
    assert fitting_counts(percent, n).nearest == nearest


@pytest.mark.parametrize(
    ("count", "percent", "n", "how"),
    [
        (28, "85", 33, "direct"),
        (4, "7", 62, "double-rounding"),
        (129, "65", 200, "direct"),
        (645, "65", 1000, "direct"),
        (6446, "65", 10000, "double-rounding"),  # others fit directly, this one only so
        (6440, "65", 10000, "none"),
        (13, "16.4", 79, "truncated"),
        (2, "20", 8, "none"),
        (2, "<1", 225, "direct"),
        (3, "<1", 225, "none"),
    ],
)
def test_how_one_count_could_have_been_printed(count, percent, n, how):
    assert how_printed(count, percent, n) == how


def test_a_percent_sign_is_allowed():
    assert tuple(fitting_counts("73%", 128).counts) == (93, 94)


@pytest.mark.parametrize("text", ["", "x", "-1", "73,4", "1e1", "NE", "1.23456", "<2"])
def test_text_that_is_no_percentage(text):
    with pytest.raises(DataError, match="is not a percentage"):
        fitting_counts(text, 10)


def test_negative_denominator():
    with pytest.raises(DataError, match="not possible"):
        fitting_counts("10", -1)


def test_joint_denominators():
    # 42, 83, 92 and 17 percent stand in one column of 12 patients.
    assert tuple(joint_denominators(["42", "83", "92", "17"], 23)) == (12,)
    assert tuple(joint_denominators(["20", "40"], 10)) == (5, 10)
    assert tuple(joint_denominators(["7"], 62, n_min=62)) == ()
    assert tuple(joint_denominators(["7"], 62, n_min=62, double_rounding=True)) == (62,)
    with pytest.raises(DataError):
        joint_denominators(["7"], 5, n_min=0)
    assert tuple(joint_denominators(["101", "50"], 10**15)) == ()
    assert tuple(joint_denominators([], 3)) == (1, 2, 3)


@pytest.mark.parametrize(
    ("count", "percent", "n_max", "denominators"),
    [
        (28, "85", 66, (33,)),
        (13, "16.4", 200, ()),  # of 79 it is 16.456, of 80 16.25
        (1, "50", 10, (2,)),
        (1, "33", 10, (3,)),
        (0, "0", 4, (1, 2, 3, 4)),
        (0, "3", 9, ()),
        (2, "0", 403, (400, 401, 402, 403)),
        (5, "100", 9, (5,)),
        (2, "<1", 203, (201, 202, 203)),
        (0, "<1", 9, ()),
        (3, "101", 9, ()),
    ],
)
def test_denominators_that_fit_a_count(count, percent, n_max, denominators):
    assert tuple(fitting_denominators(count, percent, n_max)) == denominators


def test_what_fits_is_an_interval_however_many_patients_there_are():
    began = time.perf_counter()
    n = 2**31
    fit = fitting_counts("73", n)
    assert (fit.counts[0], fit.counts[-1]) == (-(-145 * n // 200), 147 * n // 200)
    assert fit.nearest == round(0.73 * n)
    assert fit.truncated[0] == fit.counts[-1] + 1
    assert len(fitting_counts("<1", 10**15).counts) == 10**13 - 1
    assert how_printed(n // 2, "50", n) == "direct"
    assert len(fitting_denominators(10**9, "50", 10**15)) > 10**7
    assert tuple(islice(joint_denominators(["42", "83", "92", "17"], 10**15), 2)) == (12, 24)
    assert next(joint_denominators(["0.0001", "33.3333"], 10**15, n_min=10**14)) == 10**14
    assert time.perf_counter() - began < 0.2


def test_joint_counts():
    assert joint_counts(["73", "27"], 128) == ((93, 34), (93, 35), (94, 34), (94, 35))
    assert joint_counts(["73", "27"], 128, total=128) == ((93, 35), (94, 34))
    assert joint_counts(["73", "27"], 128, total=130) == ()
    assert joint_counts(["20", "80"], 8) == ()
    assert joint_counts([], 8) == ((),)


def test_joint_counts_refuses_to_guess():
    with pytest.raises(DataError, match="100000 combinations"):
        joint_counts(["50"] * 4, 10_000)
