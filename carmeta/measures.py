"""Counts of one arm to effect sizes on a named measure, and back to proportions.

The measures themselves stand in :mod:`carmeta.domain.measures`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from carmeta.arrays import Floats
from carmeta.domain.counts import as_numbers, require_counts, study_name
from carmeta.domain.measures import ONE_ARM, OneArm
from carmeta.errors import ConfigError, DataError

SINGLE_ARM_MEASURES: Final[tuple[str, ...]] = tuple(ONE_ARM)


def check_counts(
    xi: ArrayLike, ni: ArrayLike, slab: Sequence[str] | None = None
) -> tuple[Floats, Floats]:
    """Return ``xi`` and ``ni`` as arrays of one shape ``(..., k)``, or say which is wrong.

    Args:
        xi: Events, whole numbers in 0..ni.
        ni: Patients, whole numbers from 1 to ``domain.counts.MOST_PATIENTS``.
        slab: Labels of the k studies, for the messages.

    Raises:
        DataError: No studies, lengths that differ, NaN, masked, negative, not whole, xi > ni,
            more patients than are supported, or what is no number (truth values, text, times).
    """
    x, n = as_numbers(xi, "events", slab), as_numbers(ni, "n", slab)
    if x.ndim == 0 or n.ndim == 0:
        raise DataError("xi and ni are lists of counts, one entry a study")
    if x.shape[-1] != n.shape[-1]:
        raise DataError(f"xi has {x.shape[-1]} studies and ni has {n.shape[-1]}")
    if x.shape[-1] == 0:
        raise DataError("no studies: at least one is needed")
    if slab is not None and len(slab) != x.shape[-1]:
        raise DataError(f"slab names {len(slab)} studies, the counts have {x.shape[-1]}")
    x, n = np.broadcast_arrays(x, n)
    require_counts(x, n, slab)
    return x, n


def _measure(code: str) -> OneArm:
    if code not in ONE_ARM:
        raise ConfigError(f"unknown measure {code!r} for one arm; one of {', '.join(ONE_ARM)}")
    return ONE_ARM[code]


def effect_sizes(
    xi: ArrayLike,
    ni: ArrayLike,
    *,
    measure: str = "PLO",
    add: float = 0.5,
    to: str = "only0",
    slab: Sequence[str] | None = None,
) -> tuple[Floats, Floats]:
    """Effect sizes and sampling variances, arrays ``(..., k)``.

    ``add`` goes to events and to non-events: of the studies with no events or no
    non-events (``only0``), of every study (``all``), of every study of a data set that has
    such a one (``if0all``), or of none. PAS and PFT are never added to, except by ``all``.

    Raises:
        ConfigError: An unknown measure or rule.
        DataError: Wrong counts, or a variance that would be 0 or infinite because nothing was
            added; the study is called by its label in ``slab``.
    """
    found = _measure(measure)
    if not (np.isfinite(add) and add >= 0):
        raise ConfigError(f"add {add!r} is not a number of 0 or more")
    x, n = check_counts(xi, ni, slab)
    extra = addition(x, n, measure=measure, add=add, to=to)
    a, b = x + extra, n - x + extra
    edge = (a == 0) | (b == 0)
    if not found.at_edges and bool(edge.any()):
        where = tuple(int(i) for i in np.argwhere(edge)[0])
        raise DataError(
            f"{study_name(where[-1], slab)}: {x[where]:g} of {n[where]:g} has no usable "
            f"variance on measure {measure} without a continuity correction",
            hint="add to studies with an empty cell (only0), or use the GLMM, which needs nothing",
        )
    return found.effect(a, b)


def addition(x: Floats, n: Floats, *, measure: str, add: float, to: str) -> Floats:
    """What :func:`effect_sizes` adds to events and to non-events of each study, ``(..., k)``."""
    zero = (x == 0) | (x == n)
    if to == "all":
        return np.full(x.shape, add)
    if _measure(measure).at_edges or to == "none":
        return np.zeros(x.shape)
    if to == "only0":
        return np.where(zero, add, 0.0)
    if to == "if0all":
        return np.where(zero.any(axis=-1, keepdims=True), add, 0.0) * np.ones(x.shape)
    raise ConfigError(f"unknown rule to={to!r}; one of only0, all, if0all, none")


def back_transform(
    value: ArrayLike, *, measure: str = "PLO", ni: ArrayLike | None = None
) -> Floats:
    """Proportions in 0..1 of values on a measure's scale; NaN stays NaN.

    Limits beyond the range of the measure are cut at 0 or 1. For PFT ``ni`` gives the
    sample sizes whose harmonic mean enters Miller's inverse (Miller 1978, eq. 3).

    Raises:
        ConfigError: An unknown measure.
        DataError: PFT without ``ni``.
    """
    found = _measure(measure)
    if found.sized and ni is None:
        raise DataError(f"the back-transform of {measure} needs the sample sizes ni")
    n = harmonic_mean(ni) if found.sized and ni is not None else np.nan
    return np.asarray(found.inverse(np.asarray(value, dtype=float), n))


def transform(p: ArrayLike, *, measure: str = "PLO", n: ArrayLike | None = None) -> Floats:
    """Proportions in 0..1 on a measure's scale; infinite where the scale has no end there.

    ``n`` is the sample size that PFT needs. No continuity correction.
    """
    found = _measure(measure)
    if found.sized and n is None:
        raise DataError(f"measure {measure!r} needs a sample size")
    size = np.asarray(np.nan if n is None else n, dtype=float)
    return np.asarray(found.forward(np.asarray(p, dtype=float), size))


def harmonic_mean(ni: ArrayLike) -> float:
    """Harmonic mean of sample sizes."""
    n = np.asarray(ni, dtype=float)
    return float(n.size / (1.0 / n).sum())
