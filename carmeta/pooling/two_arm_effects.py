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
from carmeta.domain.counts import as_numbers, study_names
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
    ``to="none"``, or a dropped double-zero study); ``corrected`` marks the studies whose
    counts were changed by the zero-cell rule.
    """

    yi: Floats
    vi: Floats
    corrected: Bools


def validate_counts(
    ai: ArrayLike, n1i: ArrayLike, ci: ArrayLike, n2i: ArrayLike, slab: Sequence[str] | None = None
) -> TwoArmCounts:
    """Check two-arm counts, each ``(..., k)`` of one shape, and return them as floats.

    Raises DataError that names the first study and the value that is not a whole number,
    is negative, exceeds its denominator, or belongs to an empty arm.
    """
    arrays = [
        np.atleast_1d(as_numbers(given, name, slab))
        for name, given in zip(_COUNT_NAMES, (ai, n1i, ci, n2i), strict=True)
    ]
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        sizes = ", ".join(
            f"{name} {array.shape[-1]}" for name, array in zip(_COUNT_NAMES, arrays, strict=True)
        )
        raise DataError(f"counts of different length: {sizes}")
    counts = TwoArmCounts(*arrays)
    if counts.ai.shape[-1] == 0:
        raise DataError("no studies to pool")
    _require_valid(counts, study_names(slab, counts.ai.shape[-1]))
    return counts


def _require_valid(counts: TwoArmCounts, names: tuple[str, ...]) -> None:
    arrays = (counts.ai, counts.n1i, counts.ci, counts.n2i)
    for name, array in zip(_COUNT_NAMES, arrays, strict=True):
        least = 1.0 if name in ("n1i", "n2i") else 0.0
        with np.errstate(invalid="ignore"):
            checks = (
                (~np.isfinite(array), "is not a finite number"),
                (array < 0.0, "is negative"),
                (array != np.rint(array), "is not a whole number"),
                (array < least, "leaves the arm without patients"),
            )
        for wrong, what in checks:
            if wrong.any():
                at = _first(wrong)
                raise DataError(f"{names[at[-1]]}: {name} = {array[at]:g} {what}")
    for events, n, pair in (
        (counts.ai, counts.n1i, ("ai", "n1i")),
        (counts.ci, counts.n2i, ("ci", "n2i")),
    ):
        wrong = events > n
        if wrong.any():
            at = _first(wrong)
            raise DataError(
                f"{names[at[-1]]}: {pair[0]} = {events[at]:g} exceeds {pair[1]} = {n[at]:g}"
            )


def _first(wrong: Bools) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(wrong)[0])


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
    gone = ~(np.isfinite(yi) & np.isfinite(vi) & (vi > 0.0)) | counts.silent(measure, drop00)
    return TwoArmEffects(
        np.where(gone, np.nan, yi), np.where(gone, np.nan, vi), np.asarray(corrected)
    )


def back_transform(value: ArrayLike, measure: str) -> Floats:
    """From the analysis scale to ratios (OR, RR: at least 0) or differences (RD: -1..1)."""
    return np.asarray(TWO_ARM[measure].inverse(np.asarray(value, dtype=float)))
