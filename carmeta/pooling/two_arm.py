"""Two-arm counts without a random effect: Mantel-Haenszel, Peto, and tests of strata.

Both are closed forms over the counts themselves and need no correction of single empty
cells. Every function works along the last axis, so a leading batch axis costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import chdtrc

from carmeta.arrays import Floats, Ints
from carmeta.errors import ConfigError
from carmeta.pooling.two_arm_effects import TwoArmCounts, TwoArmEffects

# A variance that is zero in exact arithmetic can come out as a rounding residue of either
# sign; below this fraction of its largest term it is taken as zero, i.e. not estimable.
_VARIANCE_FLOOR: Final = 1e-13


@dataclass(frozen=True, slots=True)
class FixedPool:
    """Common effect of two-arm studies on the analysis scale.

    ``estimate`` and ``se`` have the batch shape ``(...)`` and are NaN where the counts do not
    determine them; ``weights`` is ``(..., k)`` and sums to 1.
    """

    estimate: Floats
    se: Floats
    weights: Floats


@dataclass(frozen=True, slots=True)
class FixedHeterogeneity:
    """Cochran's Q of the studies' own effects around a common one; all of shape ``(...)``.

    ``df`` counts the studies that have an effect, less one. ``i2`` (percent) and ``h2`` are
    those from Q (Higgins and Thompson 2002).
    """

    q: Floats
    df: Ints
    p: Floats
    i2: Floats
    h2: Floats


def mantel_haenszel(counts: TwoArmCounts, *, measure: str = "OR") -> FixedPool:
    """Mantel-Haenszel estimate with the standard error that is consistent in both limits.

    Odds ratio: Mantel and Haenszel 1959, variance of Robins, Breslow and Greenland 1986.
    Risk ratio: Greenland and Robins 1985. Risk difference: Greenland and Robins 1985 with
    the variance of Sato, Greenland and Robins 1989.
    """
    pools = {"OR": _mh_odds_ratio, "RR": _mh_risk_ratio, "RD": _mh_risk_difference}
    if measure not in pools:
        raise ConfigError(f"measure = {measure!r} is not one of OR, RR, RD")
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate, variance, weights = pools[measure](counts)
        se = np.sqrt(variance)
        bad = ~(np.isfinite(estimate) & np.isfinite(se) & (se > 0.0))
        total = weights.sum(axis=-1, keepdims=True)
        shares = np.where(total > 0.0, weights / total, np.nan)
    return FixedPool(np.where(bad, np.nan, estimate), np.where(bad, np.nan, se), shares)


def _mh_odds_ratio(counts: TwoArmCounts) -> tuple[Floats, Floats, Floats]:
    n = counts.n1i + counts.n2i
    r, s = counts.ai * counts.di / n, counts.bi * counts.ci / n
    p, q = (counts.ai + counts.di) / n, (counts.bi + counts.ci) / n
    r_sum, s_sum = r.sum(axis=-1), s.sum(axis=-1)
    variance = (
        (p * r).sum(axis=-1) / (2 * r_sum**2)
        + (p * s + q * r).sum(axis=-1) / (2 * r_sum * s_sum)
        + (q * s).sum(axis=-1) / (2 * s_sum**2)
    )
    return np.log(r_sum) - np.log(s_sum), variance, s


def _mh_risk_ratio(counts: TwoArmCounts) -> tuple[Floats, Floats, Floats]:
    n = counts.n1i + counts.n2i
    r, s = counts.ai * counts.n2i / n, counts.ci * counts.n1i / n
    events = counts.ai + counts.ci
    numerator = (counts.n1i * counts.n2i * events - counts.ai * counts.ci * n) / n**2
    r_sum, s_sum = r.sum(axis=-1), s.sum(axis=-1)
    return np.log(r_sum) - np.log(s_sum), numerator.sum(axis=-1) / (r_sum * s_sum), s


def _mh_risk_difference(counts: TwoArmCounts) -> tuple[Floats, Floats, Floats]:
    a, c, n1, n2 = counts.ai, counts.ci, counts.n1i, counts.n2i
    n = n1 + n2
    weights = n1 * n2 / n
    total = weights.sum(axis=-1)
    estimate = ((a * n2 - c * n1) / n).sum(axis=-1) / total
    p = ((n1**2 * c - n2**2 * a + n1 * n2 * (n2 - n1) / 2) / n**2).sum(axis=-1)
    q = ((a * counts.di + c * counts.bi) / (2 * n)).sum(axis=-1)
    numerator = estimate * p + q
    numerator = np.where(numerator > _VARIANCE_FLOOR * np.maximum(np.abs(q), 1e-300), numerator, 0)
    return estimate, numerator / total**2, weights


def peto(counts: TwoArmCounts) -> FixedPool:
    """Peto's one-step log odds ratio (Yusuf et al. 1985): sum of O - E over sum of V.

    Consistent near an odds ratio of 1 with balanced arms; biased for large effects
    (Greenland and Salvan 1990).
    """
    excess, variance = _peto_terms(counts)
    total = variance.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = excess.sum(axis=-1) / total
        se = np.sqrt(1.0 / total)
        shares = variance / total[..., None]
    bad = ~(total > 0.0)
    return FixedPool(
        np.where(bad, np.nan, estimate),
        np.where(bad, np.nan, se),
        np.where(bad[..., None], np.nan, shares),
    )


def _peto_terms(counts: TwoArmCounts) -> tuple[Floats, Floats]:
    n = counts.n1i + counts.n2i
    events = counts.ai + counts.ci
    excess = counts.ai - counts.n1i * (events / n)
    variance = counts.n1i * counts.n2i * (events / n) * ((n - events) / n) / (n - 1.0)
    return excess, variance


def peto_effects(counts: TwoArmCounts) -> TwoArmEffects:
    """Peto's log odds ratio of every study and its variance; NaN for double-zero studies."""
    excess, variance = _peto_terms(counts)
    gone = ~(variance > 0.0)
    safe = np.where(gone, 1.0, variance)
    return TwoArmEffects(
        np.where(gone, np.nan, excess / safe),
        np.where(gone, np.nan, 1.0 / safe),
        np.zeros_like(gone),
        np.zeros_like(gone),
    )


def fixed_heterogeneity(effects: TwoArmEffects, estimate: Floats) -> FixedHeterogeneity:
    """Q, its p value, I2 and H2 of the studies' effects around ``estimate`` (shape ``(...)``).

    Studies without an effect (NaN) do not count. With fewer than two effects Q is 0 on 0
    degrees of freedom, p is 1, and H2 is NaN.
    """
    present = np.isfinite(effects.yi) & np.isfinite(effects.vi)
    yi = np.where(present, effects.yi, 0.0)
    wi = np.where(present, 1.0 / np.where(present, effects.vi, 1.0), 0.0)
    df = np.maximum(present.sum(axis=-1) - 1, 0)
    q = (wi * (yi - np.asarray(estimate)[..., None]) ** 2).sum(axis=-1)
    q = np.where(df > 0, q, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(df > 0, chdtrc(np.maximum(df, 1), q), 1.0)
        i2 = np.where(q > 0.0, np.clip(100.0 * (q - df) / q, 0.0, 100.0), 0.0)
        h2 = np.where(df > 0, q / np.maximum(df, 1), np.nan)
    return FixedHeterogeneity(q, df, p, i2, h2)


@dataclass(frozen=True, slots=True)
class ChiSquare:
    """A chi-square statistic with its degrees of freedom and p value, of shape ``(...)``."""

    stat: Floats
    df: Ints
    p: Floats


def cochran_mantel_haenszel(counts: TwoArmCounts, *, correct: bool = True) -> ChiSquare:
    """Test of no association in all strata together (Mantel and Haenszel 1959).

    ``correct`` takes half an event from the difference, but not more than there is of it.
    NaN where no study has both events and non-events.
    """
    excess, variance = _peto_terms(counts)
    gap = np.abs(excess.sum(axis=-1))
    if correct:
        gap = np.maximum(gap - 0.5, 0.0)
    total = variance.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        stat = np.where(total > 0.0, gap**2 / total, np.nan)
    return ChiSquare(stat, np.ones(stat.shape, dtype=np.int64), np.asarray(chdtrc(1, stat)))


def breslow_day(counts: TwoArmCounts, *, tarone: bool = True) -> ChiSquare:
    """Test that the odds ratios of the strata are equal (Breslow and Day 1980, eq. 4.32).

    The expected table of each study has its margins and the Mantel-Haenszel odds ratio;
    ``tarone`` subtracts Tarone's (1985) correction. Studies without events, or with only
    events, in both arms do not count. NaN where the Mantel-Haenszel odds ratio is not finite.
    """
    common = np.exp(mantel_haenszel(counts, measure="OR").estimate)[..., None]
    used = ~counts.uninformative
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = _expected_events(counts, common)
        events = counts.ai + counts.ci
        variance = 1.0 / (
            1.0 / expected
            + 1.0 / (counts.n1i - expected)
            + 1.0 / (events - expected)
            + 1.0 / (counts.n2i - events + expected)
        )
        gap = counts.ai - expected
        stat = np.where(used, gap**2 / variance, 0.0).sum(axis=-1)
        if tarone:
            left = np.where(used, gap, 0.0).sum(axis=-1)
            stat = stat - left**2 / np.where(used, variance, 0.0).sum(axis=-1)
    df = np.maximum(used.sum(axis=-1) - 1, 0)
    stat = np.where(df > 0, stat, 0.0)
    return ChiSquare(stat, df, np.where(df > 0, chdtrc(np.maximum(df, 1), stat), 1.0))


def _expected_events(counts: TwoArmCounts, odds_ratio: Floats) -> Floats:
    """Events of the treatment arm, given both margins, that have exactly this odds ratio.

    The root of ``(1 - r) e^2 + (r (n1 + t) + n2 - t) e - r n1 t = 0`` that fits a table, t
    being the events of both arms; in the form that does not cancel as r nears 1.
    """
    t = counts.ai + counts.ci
    b = odds_ratio * (counts.n1i + t) + counts.n2i - t
    root = np.sqrt(b**2 + 4.0 * (1.0 - odds_ratio) * odds_ratio * counts.n1i * t)
    return np.asarray(2.0 * odds_ratio * counts.n1i * t / (b + root))
