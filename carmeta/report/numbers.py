"""The only place where numbers become text for people.

Displayed values are rounded once, half away from zero, from the shortest decimal that
stands for the float (so 0.125 as a percentage with no decimals is 13, as a reader who
computes 1/8 by hand expects, whatever the binary representation). What programs read is cut
by `carmeta.digits`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

MINUS: Final = "\u2212"
NOT_ESTIMABLE: Final = "not estimable"
ABSENT: Final = "\u2013"  # en dash, for a table cell without a number


@dataclass(frozen=True, slots=True)
class Scale:
    """How a proportion or a ratio is shown: factor, decimals and unit.

    ``factor`` multiplies the stored value (a proportion in 0..1 shown as percent has 100).
    """

    name: str
    factor: int
    digits: int
    unit: str  # printed in headers, e.g. "%"
    suffix: str  # printed after a number in running text, e.g. "%"

    def with_digits(self, digits: int | None) -> Scale:
        """The same scale with another number of decimals (0 to 6)."""
        if digits is None:
            return self
        if not 0 <= digits <= 6:
            raise ValueError(f"digits must be 0 to 6, not {digits}")
        return Scale(self.name, self.factor, digits, self.unit, self.suffix)


PERCENT: Final = Scale("percent", 100, 1, "%", "%")
PROPORTION: Final = Scale("proportion", 1, 3, "proportion", "")
PER_1000: Final = Scale("per1000", 1000, 0, "per 1000", " per 1000")
RATIO: Final = Scale("ratio", 1, 2, "", "")
DIFFERENCE: Final = Scale("difference", 100, 1, "percentage points", " percentage points")
SCALES: Final[dict[str, Scale]] = {scale.name: scale for scale in (PERCENT, PROPORTION, PER_1000)}


@dataclass(frozen=True, slots=True)
class IntervalStyle:
    """How an interval is written: brackets and what stands between the limits."""

    left: str
    between: str
    right: str


TO: Final = IntervalStyle("(", " to ", ")")
DASH: Final = IntervalStyle("(", "\u2013", ")")
COMMA: Final = IntervalStyle("[", ", ", "]")


def fixed(value: float, digits: int, factor: int = 1) -> str:
    """``value * factor`` with exactly ``digits`` decimals; '\u2013' for NaN.

    Rounded half away from zero on the shortest decimal of the float; a negative number
    that rounds to zero loses its sign.

    >>> fixed(0.125, 0, 100), fixed(2.675, 2), fixed(-0.04, 1), fixed(-1.5, 0)
    ('13', '2.68', '0.0', '\u22122')
    """
    if math.isnan(value):
        return ABSENT
    if math.isinf(value):
        return "\u221e" if value > 0 else MINUS + "\u221e"
    number = Decimal(repr(float(value))) * factor
    rounded = number.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    if rounded.is_zero():
        rounded = abs(rounded)
    return format(rounded, "f").replace("-", MINUS)


def plain(value: float) -> str:
    """A number of four significant digits without trailing zeros, in no scale of its own.

    >>> plain(61.0), plain(60.5), plain(57.325), plain(-0.0)
    ('61', '60.5', '57.33', '0')
    """
    if math.isnan(value):
        return ABSENT
    if value == int(value):
        return count(int(value))
    digits = min(12, max(1, 3 - math.floor(math.log10(abs(value)))))
    return fixed(value, digits).rstrip("0").rstrip(".")


def ratio_scale(low: float, high: float) -> Scale:
    """Two decimals, and more where the limits of a ratio are so near to 1 that they need them.

    >>> [ratio_scale(*pair).digits for pair in ((0.5, 1.2), (0.97, 1.02), (1.0001, 1.0004))]
    [2, 3, 5]
    """
    far = max((abs(math.log(x)) for x in (low, high) if 0.0 < x < math.inf), default=1.0)
    return RATIO.with_digits(min(6, max(2, 1 - math.floor(math.log10(far)))) if far else 2)


def show(value: float, scale: Scale) -> str:
    """A stored value on a display scale, without its unit."""
    return fixed(value, scale.digits, scale.factor)


def percent(value: float, digits: int = 1) -> str:
    """A proportion as percent, with the sign: ``72.7%``."""
    text = fixed(value, digits, 100)
    return text if text == ABSENT else text + "%"


def interval(low: float, high: float, scale: Scale, style: IntervalStyle = TO) -> str:
    """Two limits as text, or 'not estimable' where both are NaN."""
    if math.isnan(low) and math.isnan(high):
        return NOT_ESTIMABLE
    return style.left + bare_interval(low, high, scale, style) + style.right


def bare_interval(low: float, high: float, scale: Scale, style: IntervalStyle = TO) -> str:
    """Two limits without brackets."""
    if math.isnan(low) and math.isnan(high):
        return NOT_ESTIMABLE
    return show(low, scale) + style.between + show(high, scale)


def estimate(value: float, low: float, high: float, scale: Scale, style: IntervalStyle = TO) -> str:
    """``72.7 (55.4 to 86.2)``."""
    return f"{show(value, scale)} {interval(low, high, scale, style)}"


def level(value: float) -> str:
    """A confidence level as its percentage: 0.95 is ``95``, 0.975 is ``97.5``."""
    text = fixed(value, 3, 100)
    return text.rstrip("0").rstrip(".")


def p_value(p: float, *, leading_zero: bool = True) -> str:
    """A P value with its relation sign, e.g. ``= 0.03`` or ``< 0.001``.

    Two decimals from 0.01 up, three below or where two would hide on which side of 0.05
    it lies (the JAMA manual of style, 11th edition, 19.5).

    >>> p_value(0.0314), p_value(0.0496), p_value(0.0004), p_value(0.9999)
    ('= 0.03', '= 0.050', '< 0.001', '> 0.99')
    """
    if math.isnan(p):
        return "not estimable"
    if p < 0.001:
        text = "< 0.001"
    elif p > 0.99:
        text = "> 0.99"
    else:
        digits = 3 if p < 0.01 or 0.045 <= p < 0.055 else 2
        text = "= " + fixed(p, digits)
    return text if leading_zero else text.replace("0.", ".", 1)


def variance(value: float) -> str:
    """tau2 with three decimals below 10; a positive value never shown as zero.

    >>> variance(0.0), variance(0.00004), variance(0.4126), variance(14.26)
    ('0', '<0.001', '0.413', '14.3')
    """
    if math.isnan(value):
        return ABSENT
    if math.isinf(value):
        return fixed(value, 0)
    if value == 0:
        return "0"
    if 0 < value < 0.0005:
        return "<0.001"
    return fixed(value, 3 if value < 10 else 1)


def variance_interval(low: float, high: float, style: IntervalStyle = TO) -> str:
    """The limits of tau2 without brackets, or 'not estimable'."""
    if math.isnan(low) and math.isnan(high):
        return NOT_ESTIMABLE
    return variance(low) + style.between + variance(high)


def i_squared(value: float) -> str:
    """I2 (given in percent, 0..100) without decimals: ``72%``."""
    text = fixed(value, 0)
    return text if text == ABSENT else text + "%"


def statistic(value: float) -> str:
    """A test statistic, two decimals."""
    return fixed(value, 2)


def degrees(value: float) -> str:
    """Degrees of freedom: whole where they are whole, else one decimal."""
    if math.isnan(value):
        return ABSENT
    if math.isinf(value):
        return "\u221e"
    return fixed(value, 0 if value == int(value) else 1)


def weight(share: float) -> str:
    """A weight (share in 0..1) as percent with one decimal; '\u2013' where there is none."""
    return fixed(share, 1, 100)


def count(value: int) -> str:
    """A whole number; thousands are set off by a thin space from 10 000 on."""
    digits = str(abs(value))
    if len(digits) > 4:
        digits = f"{abs(value):,}".replace(",", "\u202f")
    return (MINUS if value < 0 else "") + digits
