"""Effect sizes of two-arm counts: odds ratio, risk ratio, risk difference.

Counts are ``ai`` events of ``n1i`` patients in the treatment arm and ``ci`` events of
``n2i`` in the control arm. OR and RR are analysed as logarithms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, get_args

import numpy as np
from numpy.typing import ArrayLike

from carmeta.arrays import Bools, Floats
from carmeta.domain.counts import as_numbers, require_counts, study_names
from carmeta.domain.measures import TWO_ARM
from carmeta.errors import ConfigError, DataError
from carmeta.vocabulary import To

ZERO_RULES: Final[tuple[str, ...]] = get_args(To)
_COUNT_NAMES: Final = ("ai", "n1i", "ci", "n2i")


@dataclass(frozen=True, slots=True)
class TwoArmCounts:
    """Valid counts as floats: four arrays of one shape ``(..., k)``, whole and in range."""

    ai: Floats
    n1i: Floats
    ci: Floats
    n2i: Floats

    @property
    def bi(self) -> Floats:
        """Patients without the event in the treatment arm, ``(..., k)``."""
        return self.n1i - self.ai

    @property
    def di(self) -> Floats:
        """Patients without the event in the control arm, ``(..., k)``."""
        return self.n2i - self.ci

    @property
    def zero_cell(self) -> Bools:
        """Studies with at least one of the four cells empty, ``(..., k)``."""
        cells = np.minimum(np.minimum(self.ai, self.bi), np.minimum(self.ci, self.di))
        return np.asarray(cells == 0.0)

    @property
    def without_events(self) -> Bools:
        """Studies in which nobody has the event, ``(..., k)``."""
        return np.asarray(self.ai + self.ci == 0.0)

    @property
    def only_events(self) -> Bools:
        """Studies in which everybody has the event, ``(..., k)``."""
        return np.asarray(self.bi + self.di == 0.0)

    @property
    def uninformative(self) -> Bools:
        """Studies of either kind, ``(..., k)``."""
        return self.without_events | self.only_events

    def silent(self, measure: str, drop00: bool | None = None) -> Bools:
        """Studies to be dropped, ``(..., k)``: those that say nothing of the measure.

        ``drop00`` True: of either kind whatever the measure; False: none.
        """
        if drop00 is not None:
            return self.uninformative & drop00
        kinds = TWO_ARM[measure].silent
        return (self.without_events & ("no" in kinds)) | (self.only_events & ("only" in kinds))

    def of(self, keep: Bools) -> TwoArmCounts:
        """Some of the studies of one data set."""
        return TwoArmCounts(self.ai[keep], self.n1i[keep], self.ci[keep], self.n2i[keep])


@dataclass(frozen=True, slots=True)
class TwoArmEffects:
    """Effect sizes on the analysis scale (log for OR and RR), each array ``(..., k)``.

    ``yi`` and ``vi`` are NaN where the effect does not exist (a zero cell with
    ``to="none"``, or a dropped double-zero study) or has variance 0 (marked in ``certain``);
    ``corrected`` marks the studies whose counts were changed by the zero-cell rule.
    """

    yi: Floats
    vi: Floats
    corrected: Bools
    certain: Bools


def validate_counts(
    ai: ArrayLike, n1i: ArrayLike, ci: ArrayLike, n2i: ArrayLike, slab: Sequence[str] | None = None
) -> TwoArmCounts:
    """Check two-arm counts, each ``(..., k)`` of one shape, and return them as floats.

    Raises DataError that names the first study and value that cannot be, as
    :func:`carmeta.domain.counts.require_counts`.
    """
    given = zip(_COUNT_NAMES, (ai, n1i, ci, n2i), strict=True)
    arrays = {name: np.atleast_1d(as_numbers(values, name, slab)) for name, values in given}
    if len({array.shape for array in arrays.values()}) > 1:
        sizes = ", ".join(f"{name} {array.shape[-1]}" for name, array in arrays.items())
        raise DataError(f"counts of different length: {sizes}")
    counts = TwoArmCounts(**arrays)
    k = counts.ai.shape[-1]
    if k == 0:
        raise DataError("no studies to pool")
    study_names(slab, k)  # as many labels as studies
    require_counts(counts.ai, counts.n1i, slab, ("ai", "n1i"))
    require_counts(counts.ci, counts.n2i, slab, ("ci", "n2i"))
    return counts


def apply_zero_rule(counts: TwoArmCounts, add: float, to: To) -> tuple[TwoArmCounts, Bools]:
    """Add ``add`` to all four cells of the studies that the rule ``to`` names.

    ``only0``: studies with an empty cell; ``all``: every study; ``if0all``: every study as
    soon as one has an empty cell; ``none``: no study. Returns the new counts and which
    studies changed, ``(..., k)``.
    """
    if to not in ZERO_RULES:
        raise ConfigError(f"to = {to!r} is not one of {', '.join(ZERO_RULES)}")
    if not (np.isfinite(add) and add >= 0.0):
        raise ConfigError(f"add = {add!r} is not a number of at least 0")
    zero = counts.zero_cell
    if to == "only0":
        changed = zero
    elif to == "all":
        changed = np.ones_like(zero)
    elif to == "if0all":
        changed = np.broadcast_to(zero.any(axis=-1, keepdims=True), zero.shape)
    else:
        changed = np.zeros_like(zero)
    if add == 0.0:
        changed = np.zeros_like(zero)
    extra = np.where(changed, add, 0.0)
    return (
        TwoArmCounts(
            counts.ai + extra, counts.n1i + 2 * extra, counts.ci + extra, counts.n2i + 2 * extra
        ),
        changed,
    )


def two_arm_effects(
    counts: TwoArmCounts,
    *,
    measure: str = "OR",
    add: float = 0.5,
    to: To = "only0",
    drop00: bool | None = False,
) -> TwoArmEffects:
    """Effect size and large-sample variance of every study.

    Studies that ``drop00`` drops (see :meth:`TwoArmCounts.silent`) get NaN. An effect that
    does not exist is NaN; the callers that pool must drop or refuse it.
    """
    if measure not in TWO_ARM:
        raise ConfigError(f"measure = {measure!r} is not one of {', '.join(TWO_ARM)}")
    used, corrected = apply_zero_rule(counts, add, to)
    with np.errstate(divide="ignore", invalid="ignore"):
        yi, vi = TWO_ARM[measure].effect(used.ai, used.bi, used.ci, used.di)
    exists = np.isfinite(yi) & np.isfinite(vi)
    gone = ~(exists & (vi > 0.0)) | counts.silent(measure, drop00)
    return TwoArmEffects(
        np.where(gone, np.nan, yi), np.where(gone, np.nan, vi), np.asarray(corrected),
        np.asarray(exists & (vi == 0.0)),
    )  # fmt: skip


def back_transform(value: ArrayLike, measure: str) -> Floats:
    """From the analysis scale to ratios (OR, RR: at least 0) or differences (RD: -1..1)."""
    return np.asarray(TWO_ARM[measure].inverse(np.asarray(value, dtype=float)))
