"""Which whole numbers of patients fit a printed percentage.

The idea is the GRIM test (Brown & Heathers 2017, Soc Psychol Personal Sci 8:363): a
percentage of n patients can take only n + 1 values, so a printed one either names its count,
or several counts, or none. Everything here is exact integer arithmetic.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from carmeta.errors import DataError

How = Literal["direct", "double-rounding", "none"]

_PERCENT: Final = re.compile(r"(\d{1,3})(?:\.(\d{1,4}))?")
_BELOW_ONE: Final = re.compile(r"<\s*1")

# Half a unit of the last printed decimal, in hundredths of that unit; and what rounding to
# the decimal after it can add to that.
_HALF_UNIT: Final = 50
_FIRST_ROUNDING: Final = 5

# More combinations than this are not a reconstruction but a guess.
_MAX_COMBINATIONS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Fit:
    """The counts out of ``n`` that a printed percentage allows.

    Attributes:
        percent: the percentage as printed, e.g. ``"73"``, ``"3.0"`` or ``"<1"``.
        n: the denominator, in patients.
        counts: every whole number that fits, ascending; empty if none does.
        how: ``direct`` if they fit by rounding once (ties up, down or to even), or
            ``double-rounding`` if only by rounding to one more decimal first (ties up or to
            even), or ``none``.
        truncated: counts that do not fit, but whose percentage begins with the printed
            digits: they fit only if decimals were cut off, not rounded.
    """

    percent: str
    n: int
    counts: tuple[int, ...]
    how: How
    truncated: tuple[int, ...]

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
        candidates: Sequence[int] = self.counts
        if not candidates:
            # The two whole numbers around percent * n / 100, within 0..n.
            below = min(digits * self.n // 10 ** (decimals + 2), self.n)
            candidates = (below, min(below + 1, self.n))
        return min(candidates, key=lambda x: (abs(x * 10 ** (decimals + 2) - digits * self.n), x))


def fitting_counts(percent: str, n: int) -> Fit:
    """All whole numbers x in 0..n for which 100 x / n is printed as `percent`.

    Args:
        percent: as printed, 0 to 100 with up to four decimals, or ``<1`` (above zero and
            below one percent). Decimals matter: ``3`` and ``3.0`` are different.
        n: denominator in patients, 0 or more.

    Raises:
        DataError: the text is no percentage, or n is negative.

    >>> fitting_counts("85", 33).counts
    (28,)
    >>> fitting_counts("73", 128).counts
    (93, 94)
    >>> fit = fitting_counts("7", 62)
    >>> fit.counts, fit.how
    ((4,), 'double-rounding')
    >>> fit = fitting_counts("16.4", 79)
    >>> fit.counts, fit.how, fit.truncated
    ((), 'none', (13,))
    """
    if n < 0:
        raise DataError(f"a denominator of {n} patients is not possible")
    digits, decimals = _parse(percent)
    if digits is None:
        # 0 < 100 x / n < 1; a zero is printed as 0, not as <1.
        below = tuple(range(1, -(-n // 100))) if n else ()
        return Fit(percent, n, below, "direct" if below else "none", ())
    how: How = "direct"
    counts = _once(digits, decimals, n)
    if not counts:
        how = "double-rounding"
        counts = _twice(digits, decimals, n)
    cut = tuple(x for x in _truncating(digits, decimals, n) if x not in counts)
    return Fit(percent, n, tuple(counts), how if counts else "none", cut)


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
    if digits is not None and count in _twice(digits, decimals, n):
        return "double-rounding"
    return "truncated" if count in fit.truncated else "none"


def joint_denominators(
    percents: Sequence[str], n_max: int, *, n_min: int = 1, double_rounding: bool = False
) -> tuple[int, ...]:
    """Every denominator in n_min..n_max for which each of the percentages fits some count.

    The percentages are printed for the same patients, whose number is not. Rounding twice
    counts as a fit only if `double_rounding` is true.

    Raises:
        DataError: a text is no percentage, or n_min is below 1.

    >>> joint_denominators(["58", "83", "67"], 30)
    (12, 24)
    """
    if n_min < 1:
        raise DataError(f"the smallest denominator must be 1 or more, not {n_min}")
    allowed = {"direct", "double-rounding"} if double_rounding else {"direct"}
    return tuple(
        n
        for n in range(n_min, n_max + 1)
        if all(fitting_counts(percent, n).how in allowed for percent in percents)
    )


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


def _once(digits: int, decimals: int, n: int) -> range:
    """Counts x in 0..n with |100 x / n - percent| <= half a unit of the last decimal.

    The interval is closed at both ends, so that a tie is accepted whichever way it went.
    """
    if n == 0:
        return range(0)
    unit = 10 ** (decimals + 4)  # x * unit / n is 100 x / n in hundredths of the last decimal
    low = -(-((100 * digits - _HALF_UNIT) * n) // unit)
    high = (100 * digits + _HALF_UNIT) * n // unit
    return range(max(low, 0), min(high, n) + 1)


def _twice(digits: int, decimals: int, n: int) -> range:
    """Counts x in 0..n that rounding to one more decimal first brings to the percentage.

    6.45 becomes 6.5 and then 7; 6.52 becomes 6.5 and then 6, if ties go to even. Rounding to
    two more decimals first reaches nothing that rounding to one more does not.
    """
    if n == 0:
        return range(0)
    unit = 10 ** (decimals + 4)
    low = -(-((100 * digits - _HALF_UNIT - _FIRST_ROUNDING) * n) // unit)
    to_even = _FIRST_ROUNDING if digits % 2 == 0 else 0
    above = (100 * digits + _HALF_UNIT + to_even) * n
    # A first rounding exactly at its own tie goes up, and then away from an even number.
    high = -(-above // unit) - 1 if to_even else above // unit
    return range(max(low, 0), min(high, n) + 1)


def _truncating(digits: int, decimals: int, n: int) -> range:
    """Counts x in 0..n with percent <= 100 x / n < percent + one unit of the last decimal."""
    if n == 0:
        return range(0)
    unit = 10 ** (decimals + 2)
    low = -(-(digits * n) // unit)
    high = -(-((digits + 1) * n) // unit) - 1
    return range(max(low, 0), min(high, n) + 1)


def _combinations(
    options: Sequence[tuple[int, ...]], total: int | None
) -> Iterator[tuple[int, ...]]:
    """All choices of one number of each option, adding to the total if one is given."""
    # Bounds on what the options from i on can still add: branches beyond them are cut.
    least, most = [0], [0]
    for option in reversed(options):
        least.append(least[-1] + option[0])
        most.append(most[-1] + option[-1])
    least.reverse()
    most.reverse()

    def extend(i: int, chosen: tuple[int, ...], rest: int) -> Iterator[tuple[int, ...]]:
        if total is not None and not least[i] <= rest <= most[i]:
            return
        if i == len(options):
            yield chosen
            return
        for x in options[i]:
            yield from extend(i + 1, (*chosen, x), rest - x)

    return extend(0, (), total or 0)
