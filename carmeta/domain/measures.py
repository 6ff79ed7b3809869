"""The measures, one object each: effect and variance, the way there and back, range, words.

=======  ==============================================  ========================
measure  yi                                              vi
=======  ==============================================  ========================
PLO      log(x / (n - x))                                1/x + 1/(n - x)
PLN      log(x / n)                                      1/x - 1/n
PR       x / n                                           x (n - x) / n^3
PAS      asin(sqrt(x / n))                               1 / (4n)
PFT      mean of asin(sqrt(x/(n+1))), asin(sqrt((x+1)/(n+1)))  1 / (4n + 2)
OR       log of (a d) / (b c)                            1/a + 1/b + 1/c + 1/d
RR       log of (a / n1) / (c / n2)                      1/a - 1/n1 + 1/c - 1/n2
RD       a / n1 - c / n2                                 a b / n1^3 + c d / n2^3
=======  ==============================================  ========================

PFT is the double arcsine of Freeman & Tukey (1950) halved, so that it is on the scale of PAS.
OR: Woolf 1955; RR: Katz 1978. A new measure is one entry here and its code in the vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from carmeta.arrays import Floats
from carmeta.vocabulary import ARCSINES

_LARGEST_LOG: Final = 709.0  # exp overflows above 709.78


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What one-arm and two-arm measures share.

    ``low`` and ``high`` bound the analysis scale; limits beyond them are cut on the way back.
    """

    code: str
    words: str
    short: str  # of the analysis scale, for narrow places
    low: float = -np.inf
    high: float = np.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class OneArm(Measure):
    """``effect`` of events and non-events (with what was added) gives yi and vi.

    ``forward`` and ``inverse`` lead from a proportion to the scale and back; the second
    argument is a sample size, which only PFT looks at. ``caution`` is told with every result.
    """

    effect: Callable[[Floats, Floats], tuple[Floats, Floats]]
    forward: Callable[[Floats, Floats], Floats]
    inverse: Callable[[Floats, float], Floats]
    sized: bool = False  # whether the way back needs a sample size
    caution: str = ""

    @property
    def at_edges(self) -> bool:
        """Whether 0 and n events have an effect as they are."""
        return self.code in ARCSINES


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoArm(Measure):
    """``effect`` of the four cells gives yi and vi; ``inverse`` leads from the analysis scale.

    ``silent`` names the studies that say nothing of the measure, and are dropped by default:
    those with ``no`` events in either arm, those with ``only`` events in both.
    """

    effect: Callable[[Floats, Floats, Floats, Floats], tuple[Floats, Floats]]
    inverse: Callable[[Floats], Floats]
    silent: tuple[str, ...] = ()


# -- one arm ------------------------------------------------------------------------------


def _logit(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    return np.log(a / b), 1.0 / a + 1.0 / b


def _log(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    return np.log(a / (a + b)), b / (a * (a + b))


def _raw(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    return a / (a + b), a * b / (a + b) ** 3


def _arcsine(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    return np.arcsin(np.sqrt(a / (a + b))), 1.0 / (4.0 * (a + b))


def _double_arcsine(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    n = a + b
    first, second = np.sqrt(a / (n + 1.0)), np.sqrt((a + 1.0) / (n + 1.0))
    return 0.5 * (np.arcsin(first) + np.arcsin(second)), 1.0 / (4.0 * n + 2.0)


def logit(p: Floats) -> Floats:
    """log(p / (1 - p)); infinite at 0 and 1."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(p) - np.log1p(-p))


def expit(y: Floats) -> Floats:
    """1 / (1 + exp(-y)) without overflow."""
    small = np.exp(-np.abs(y))
    return np.asarray(np.where(y >= 0, 1.0, small) / (1.0 + small))


def _log_forward(p: Floats, n: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(p))


def _double_forward(p: Floats, n: Floats) -> Floats:
    second = np.sqrt((p * n + 1.0) / (n + 1.0))
    first = np.sqrt(p * n / (n + 1.0))
    return np.asarray(0.5 * (np.arcsin(first) + np.arcsin(np.minimum(second, 1.0))))


def _miller(y: Floats, n: float) -> Floats:
    """Miller 1978, eq. 3: p for the averaged double arcsine ``y`` of ``n`` patients.

    Outside the values that 0 and n events give, the answer is 0 or 1.
    """
    low = 0.5 * np.arcsin(np.sqrt(1.0 / (n + 1.0)))
    high = 0.5 * (np.arcsin(np.sqrt(n / (n + 1.0))) + np.pi / 2.0)
    inside = np.clip(y, low, high)
    sine = np.sin(2.0 * inside)
    root = 1.0 - (sine + (sine - 1.0 / sine) / n) ** 2
    p = 0.5 * (1.0 - np.sign(np.cos(2.0 * inside)) * np.sqrt(np.maximum(root, 0.0)))
    return np.where(y <= low, 0.0, np.where(y >= high, 1.0, p))


ONE_ARM: Final[dict[str, OneArm]] = {
    measure.code: measure
    for measure in (
        OneArm(
            code="PLO", words="logit-transformed proportion", short="logit",
            effect=_logit, forward=lambda p, n: logit(p), inverse=lambda y, n: expit(y),
        ),
        OneArm(
            code="PFT", words="Freeman-Tukey double-arcsine transformed proportion",
            short="double arcsine",
            effect=_double_arcsine, forward=_double_forward, inverse=_miller,
            sized=True,
            caution="the Freeman-Tukey back-transform needs one sample size for all studies and "
            "can mislead (Schwarzer 2019); the harmonic mean was used",
        ),
        OneArm(
            code="PAS", words="arcsine-transformed proportion", short="arcsine",
            low=0.0, high=np.pi / 2.0,
            effect=_arcsine, forward=lambda p, n: np.arcsin(np.sqrt(p)),
            inverse=lambda y, n: np.sin(np.clip(y, 0.0, np.pi / 2.0)) ** 2,
        ),
        OneArm(
            code="PR", words="untransformed proportion", short="raw", low=0.0, high=1.0,
            effect=_raw, forward=lambda p, n: p.copy(), inverse=lambda y, n: np.clip(y, 0.0, 1.0),
        ),
        OneArm(
            code="PLN", words="log-transformed proportion", short="log", high=0.0,
            effect=_log, forward=_log_forward, inverse=lambda y, n: np.exp(np.minimum(y, 0.0)),
        ),
    )
}  # fmt: skip


# -- two arms -----------------------------------------------------------------------------


def _log_odds_ratio(a: Floats, b: Floats, c: Floats, d: Floats) -> tuple[Floats, Floats]:
    return np.log(a / b) - np.log(c / d), 1 / a + 1 / b + 1 / c + 1 / d


def _log_risk_ratio(a: Floats, b: Floats, c: Floats, d: Floats) -> tuple[Floats, Floats]:
    n1, n2 = a + b, c + d
    # 1/a - 1/n1 written without the subtraction, which cancels when a is near n1
    return np.log(a / n1) - np.log(c / n2), b / (a * n1) + d / (c * n2)


def _risk_difference(a: Floats, b: Floats, c: Floats, d: Floats) -> tuple[Floats, Floats]:
    n1, n2 = a + b, c + d
    return a / n1 - c / n2, a * b / n1**3 + c * d / n2**3


def _exp(y: Floats) -> Floats:
    return np.asarray(np.exp(np.minimum(y, _LARGEST_LOG)))


TWO_ARM: Final[dict[str, TwoArm]] = {
    measure.code: measure
    for measure in (
        TwoArm(
            code="OR", words="odds ratio", short="log OR",
            effect=_log_odds_ratio, inverse=_exp, silent=("no", "only"),
        ),
        TwoArm(
            code="RR", words="risk ratio", short="log RR",
            effect=_log_risk_ratio, inverse=_exp, silent=("no",),
        ),
        TwoArm(
            code="RD", words="risk difference", short="RD", low=-1.0, high=1.0,
            effect=_risk_difference, inverse=lambda y: np.clip(y, -1.0, 1.0),
        ),
    )
}  # fmt: skip

MEASURES: Final[dict[str, Measure]] = {**ONE_ARM, **TWO_ARM}
