"""Which whole numbers of patients fit a printed percentage.

The idea is the GRIM test (Brown & Heathers 2017, Soc Psychol Personal Sci 8:363): a
percentage of n patients can take only n + 1 values, so a printed one either names its count,
or several counts, or none. Everything here is exact integer arithmetic.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from carmeta.errors import DataError

How = Literal["direct", "double-rounding", "none"]

_PERCENT: Final = re.compile(r"(\d{1,3})(?:\.(\d{1,4}))?")
_BELOW_ONE: Final = re.compile(r"<\s*1")

# Half a unit of the last printed decimal, in hundredths of that unit; and what rounding to
# the decimal after it can add to that.
_HALF_UNIT: Final = 50
_FIRST_ROUNDING: Final = 5

# Counts that a printed number may stand for; they are added and compared as sets.
_MAX_TELLING: Final = 2000
# More combinations than this are not a reconstruction but a guess.
_MAX_COMBINATIONS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Fit:
    """The counts out of ``n`` that a printed percentage allows.

    Attributes:
        percent: the percentage as printed, e.g. ``"73"``, ``"3.0"`` or ``"<1"``.
        n: the denominator, in patients.
        counts: every whole number that fits, an interval; empty if none does.
        how: ``direct`` if they fit by rounding once (ties up, down or to even), or
            ``double-rounding`` if only by rounding to one more decimal first (ties up or to
            even), or ``none``.
        truncated: counts that do not fit, but whose percentage begins with the printed
            digits: they fit only if decimals were cut off, not rounded.
    """

    percent: str
    n: int
    counts: range
    how: How
    truncated: range

    @property
    def nearest(self) -> int:
        """The whole number whose exact percentage is closest to the printed one.

        It is one of `counts` wherever there are any. Of two at equal distance, the smaller.
        ``<1`` is read as 0.5 for this purpose. 0 if n is 0.
        """
        if self.n == 0:
            return 0
        digits, decimals = _parse(self.percent)
        if digits is None:
            digits, decimals = 5, 1
        # The whole numbers around percent * n / 100; where counts fit, at their nearest end.
        hundred = _unit(decimals) // 100  # percent, in units of the last decimal
        below = digits * self.n // hundred
        low, high = (self.counts[0], self.counts[-1]) if self.counts else (0, self.n)
        around = {min(max(x, low), high) for x in (below, below + 1)}
        return min(around, key=lambda x: (abs(x * hundred - digits * self.n), x))


def fitting_counts(percent: str, n: int) -> Fit:
    """All whole numbers x in 0..n for which 100 x / n is printed as `percent`.

    Args:
        percent: as printed, 0 to 100 with up to four decimals, or ``<1`` (above zero and
            below one percent). Decimals matter: ``3`` and ``3.0`` are different.
        n: denominator in patients, 0 or more.

    Raises:
        DataError: the text is no percentage, or n is negative.

    >>> fitting_counts("85", 33).counts
    range(28, 29)
    >>> list(fitting_counts("73", 128).counts)
    [93, 94]
    >>> fit = fitting_counts("7", 62)
    >>> list(fit.counts), fit.how
    ([4], 'double-rounding')
    >>> fit = fitting_counts("16.4", 79)
    >>> list(fit.counts), fit.how, list(fit.truncated)
    ([], 'none', [13])
    """
    if n < 0:
        raise DataError(f"a denominator of {n} patients is not possible")
    digits, decimals = _parse(percent)
    if digits is None:
        # 0 < 100 x / n < 1; a zero is printed as 0, not as <1.
        below = range(1, -(-n // 100))
        return Fit(percent, n, below, "direct" if below else "none", range(0))
    how: How = "direct"
    counts = _between(_once(digits), decimals, n)
    if not counts:
        how = "double-rounding"
        counts = _between(_twice(digits), decimals, n)
    cut = _between(_cut_off(digits), decimals, n)
    # What is cut off to the percentage begins at it, so whatever also fits stands first.
    cut = range(max(cut.start, counts.stop), cut.stop) if counts else cut
    return Fit(percent, n, counts, how if counts else "none", cut)


def how_printed(count: int, percent: str, n: int) -> How | Literal["truncated"]:
    """How a count of n could have come to be printed as that percentage.

    Other than `fitting_counts`, which prefers counts that fit by rounding once, this looks at
    one count on its own.

    Raises:
        DataError: the text is no percentage, or n is negative.

    >>> how_printed(13, "16.4", 79), how_printed(4, "7", 62), how_printed(10, "16.4", 79)
    ('truncated', 'double-rounding', 'none')
    """
    fit = fitting_counts(percent, n)
    digits, decimals = _parse(percent)
    if count in fit.counts:
        return fit.how
    if digits is not None and count in _between(_twice(digits), decimals, n):
        return "double-rounding"
    return "truncated" if count in fit.truncated else "none"


def telling_counts(percent: str, ns: Iterable[int]) -> frozenset[int] | None:
    """Every count that fits a percentage of any of the denominators.

    None if more than 2000 fit, as of 200,000 patients: then it says nothing about a count.

    Raises:
        DataError: as `fitting_counts`.

    >>> telling_counts("50", [10, 12]), telling_counts("50", [10**9])
    (frozenset({5, 6}), None)
    """
    fits = [fitting_counts(percent, n).counts for n in ns]
    if sum(fit.stop - fit.start for fit in fits) > _MAX_TELLING:
        return None
    return frozenset(count for fit in fits for count in fit)


def fitting_denominators(count: int, percent: str, n_max: int) -> range:
    """All denominators n in 1..n_max of which `count` is printed as `percent` by rounding once.

    Raises:
        DataError: the text is no percentage.

    >>> list(fitting_denominators(181, "81", 1000))
    [223, 224]
    """
    digits, decimals = _parse(percent)
    if digits is None:
        return range(100 * count + 1, n_max + 1) if count else range(0)
    # |100 count / n - percent| <= half a unit, solved for n.
    low, high = _once(digits)[:2]
    hundredths = count * _unit(decimals)
    first = max(-(-hundredths // high), count, 1)
    if low > 0:
        return range(first, min(hundredths // low, n_max) + 1)
    return range(first, n_max + 1)


def joint_denominators(
    percents: Sequence[str], n_max: int, *, n_min: int = 1, double_rounding: bool = False
) -> Iterator[int]:
    """Every denominator in n_min..n_max for which each of the percentages fits some count.

    Ascending, and found one at a time: from 10^(decimals + 2) patients on all of them fit.
    The percentages are printed for the same patients, whose number is not. Rounding twice
    counts as a fit only if `double_rounding` is true.

    Raises:
        DataError: a text is no percentage, or n_min is below 1.

    >>> list(joint_denominators(["58", "83", "67"], 30))
    [12, 24]
    """
    if n_min < 1:
        raise DataError(f"the smallest denominator must be 1 or more, not {n_min}")
    window = _twice if double_rounding else _once
    parsed = [_parse(percent) for percent in percents]
    return _joint(
        [(None if digits is None else window(digits), decimals) for digits, decimals in parsed],
        n_min,
        n_max,
    )


def _joint(windows: Sequence[tuple[_Window | None, int]], n: int, n_max: int) -> Iterator[int]:
    """The leapfrog: each percentage in turn names the next denominator that it fits."""
    if any(window and window.low > _unit(decimals) for window, decimals in windows):
        return  # above 100%
    while n <= n_max:
        following = max((_next_fit(n, *each) for each in windows), default=n)
        if following == n:
            yield n
            n += 1
        else:
            n = following


def _next_fit(n: int, window: _Window | None, decimals: int) -> int:
    """The smallest denominator from n on for which a count fits."""
    if window is None:  # 1 of 101 is the first that is below one percent
        return max(n, 101)
    unit = _unit(decimals)
    x = max(-(-window.low * n // unit), 0)  # the first count that is not too small
    # It fits, or the denominator must grow until it does: to x * unit / high, or just beyond.
    wanted = -(-x * unit // window.high) if window.closed else x * unit // window.high + 1
    return max(n, wanted)


def joint_counts(
    percents: Sequence[str], n: int, total: int | None = None
) -> tuple[tuple[int, ...], ...]:
    """Every combination of counts that fits several percentages of the same n.

    Args:
        percents: as printed, in order.
        n: denominator in patients.
        total: what the counts add up to, where that is printed (n itself if the percentages
            are of a complete partition); None if they need not add to anything.

    Returns:
        Combinations in the order of `percents`, ascending; empty if none fits.

    Raises:
        DataError: a text is no percentage, or more than 100,000 combinations fit.

    >>> joint_counts(["73", "27"], 128, total=128)
    ((93, 35), (94, 34))
    """
    options = [fitting_counts(percent, n).counts for percent in percents]
    if not all(options):
        return ()
    found: list[tuple[int, ...]] = []
    for combination in _combinations(options, total):
        if len(found) == _MAX_COMBINATIONS:
            raise DataError(
                f"more than {_MAX_COMBINATIONS} combinations of counts fit "
                f"{len(percents)} percentages of {n}",
                hint="give the printed total, or fewer percentages at a time",
            )
        found.append(combination)
    return tuple(found)


def _parse(percent: str) -> tuple[int | None, int]:
    """Digits without the point and number of decimals; digits None for ``<1``."""
    text = percent.strip().removesuffix("%").rstrip()
    if _BELOW_ONE.fullmatch(text):
        return None, 0
    match = _PERCENT.fullmatch(text)
    if match is None:
        raise DataError(
            f"{percent!r} is not a percentage",
            hint="write it as printed: '73', '3.0' or '<1'",
        )
    whole, fraction = match.group(1), match.group(2) or ""
    return int(whole + fraction), len(fraction)


class _Window(NamedTuple):
    """Percentages low <= p <= high (p < high if not closed), in hundredths of the last decimal."""

    low: int
    high: int
    closed: bool


def _unit(decimals: int) -> int:
    """Unit for which x * unit / n is 100 x / n in hundredths of the last decimal."""
    return int(10 ** (decimals + 4))


def _between(window: _Window, decimals: int, n: int) -> range:
    """Counts x in 0..n whose percentage of n lies in the window."""
    if n == 0:
        return range(0)
    unit = _unit(decimals)
    low = -(-window.low * n // unit)
    high = window.high * n
    last = high // unit if window.closed else -(-high // unit) - 1
    return range(max(low, 0), min(last, n) + 1)


def _once(digits: int) -> _Window:
    """|100 x / n - percent| <= half a unit of the last decimal.

    Closed at both ends, so that a tie is accepted whichever way it went.
    """
    return _Window(100 * digits - _HALF_UNIT, 100 * digits + _HALF_UNIT, closed=True)


def _twice(digits: int) -> _Window:
    """What rounding to one more decimal first brings to the percentage.

    6.45 becomes 6.5 and then 7; 6.52 becomes 6.5 and then 6, if ties go to even. Rounding to
    two more decimals first reaches nothing that rounding to one more does not.
    """
    low = 100 * digits - _HALF_UNIT - _FIRST_ROUNDING
    if digits % 2:
        return _Window(low, 100 * digits + _HALF_UNIT, closed=True)
    # A first rounding exactly at its own tie goes up, and then away from an even number.
    return _Window(low, 100 * digits + _HALF_UNIT + _FIRST_ROUNDING, closed=False)


def _cut_off(digits: int) -> _Window:
    """Whether percent <= 100 x / n < percent + one unit of the last decimal."""
    return _Window(100 * digits, 100 * digits + 100, closed=False)


def _combinations(options: Sequence[range], total: int | None) -> Iterator[tuple[int, ...]]:
    """All choices of one number of each option, adding to the total if one is given."""
    # Bounds on what the options from i on can add: what cannot reach the total is not tried.
    least, most = [0], [0]
    for option in reversed(options):
        least.append(least[-1] + option[0])
        most.append(most[-1] + option[-1])
    least.reverse()
    most.reverse()

    def extend(i: int, chosen: tuple[int, ...], rest: int) -> Iterator[tuple[int, ...]]:
        if i == len(options):
            if total is None or rest == 0:
                yield chosen
            return
        low, high = options[i][0], options[i][-1]
        if total is not None:
            low, high = max(low, rest - most[i + 1]), min(high, rest - least[i + 1])
        for x in range(low, high + 1):
            yield from extend(i + 1, (*chosen, x), rest - x)

    return extend(0, (), total or 0)
