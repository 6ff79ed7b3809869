"""Counts of one arm to effect sizes on a named measure, and back to proportions.

=======  ==============================================  ========================
measure  yi                                              vi
=======  ==============================================  ========================
PLO      log(x / (n - x))                                1/x + 1/(n - x)
PLN      log(x / n)                                      1/x - 1/n
PR       x / n                                           x (n - x) / n^3
PAS      asin(sqrt(x / n))                               1 / (4n)
PFT      mean of asin(sqrt(x/(n+1))), asin(sqrt((x+1)/(n+1)))  1 / (4n + 2)
=======  ==============================================  ========================

PFT is the double arcsine of Freeman & Tukey (1950) halved, so that it is on the scale of PAS.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NoReturn, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from carmeta.errors import DataError
from carmeta.vocabulary import SingleArmMeasure

Floats = NDArray[np.float64]
To = Literal["only0", "all", "if0all", "none"]

SINGLE_ARM_MEASURES: Final[tuple[str, ...]] = get_args(SingleArmMeasure)
# The arcsines are defined at 0 and n and are never added to.
_ARCSINES: Final = ("PAS", "PFT")

PFT_WARNING: Final = (
    "the Freeman-Tukey back-transform needs one sample size for all studies and can mislead "
    "(Schwarzer 2019); the harmonic mean was used"
)


def check_counts(
    xi: ArrayLike, ni: ArrayLike, slab: Sequence[str] | None = None
) -> tuple[Floats, Floats]:
    """Return ``xi`` and ``ni`` as arrays of one shape ``(..., k)``, or say which is wrong.

    Args:
        xi: Events, whole numbers in 0..ni.
        ni: Patients, whole numbers of 1 or more.
        slab: Labels of the k studies, for the messages.

    Raises:
        DataError: No studies, lengths that differ, NaN, negative, not whole, or xi > ni.
    """
    try:
        x, n = np.asarray(xi, dtype=float), np.asarray(ni, dtype=float)
    except (TypeError, ValueError) as error:
        raise DataError(f"counts are not numbers: {error}") from None
    if x.ndim == 0 or n.ndim == 0:
        raise DataError("xi and ni are lists of counts, one entry a study")
    if x.shape[-1] != n.shape[-1]:
        raise DataError(f"xi has {x.shape[-1]} studies and ni has {n.shape[-1]}")
    if x.shape[-1] == 0:
        raise DataError("no studies: at least one is needed")
    if slab is not None and len(slab) != x.shape[-1]:
        raise DataError(f"slab names {len(slab)} studies, the counts have {x.shape[-1]}")
    x, n = np.broadcast_arrays(x, n)
    # One look suffices for sound counts; only wrong ones are searched for their reason.
    whole = (x == np.floor(x)) & (n == np.floor(n)) & np.isfinite(n)
    if not bool((whole & (x >= 0) & (n >= 1) & (x <= n)).all()):
        _refuse(x, n, slab)
    return x, n


def _refuse(x: Floats, n: Floats, slab: Sequence[str] | None) -> NoReturn:
    """Raise for the first count that is not possible, by the first rule it breaks."""
    rules = (
        (~np.isfinite(x), "events {x:g} is not a number"),
        (~np.isfinite(n), "n {n:g} is not a number"),
        (x != np.floor(x), "events {x:g} is not a whole number"),
        (n != np.floor(n), "n {n:g} is not a whole number"),
        (x < 0, "events {x:g} is negative"),
        (n < 1, "n {n:g} is below 1"),
        (x > n, "events {x:g} exceeds n {n:g}"),
    )
    bad, text = next((b, t) for b, t in rules if bool(b.any()))
    where = tuple(int(i) for i in np.argwhere(bad)[0])
    name = study_name(where[-1], slab)
    batch = f" (data set {where[:-1]})" if len(where) > 1 else ""
    raise DataError(f"{name}{batch}: " + text.format(x=x[where], n=n[where]))


def study_name(index: int, slab: Sequence[str] | None) -> str:
    """What messages call the study at ``index`` (from 0): its label, or its number."""
    return f"study {index + 1}" if slab is None else f"study {index + 1} ({slab[index]})"


def effect_sizes(
    xi: ArrayLike,
    ni: ArrayLike,
    *,
    measure: SingleArmMeasure = "PLO",
    add: float = 0.5,
    to: To = "only0",
) -> tuple[Floats, Floats]:
    """Effect sizes and sampling variances, arrays ``(..., k)``.

    ``add`` goes to events and to non-events: of the studies with no events or no
    non-events (``only0``), of every study (``all``), of every study of a data set that has
    such a one (``if0all``), or of none. PAS and PFT are never added to, except by ``all``.

    Raises:
        DataError: Wrong counts, an unknown measure or rule, or a variance that would be 0
            or infinite because nothing was added.
    """
    if measure not in SINGLE_ARM_MEASURES:
        allowed = ", ".join(SINGLE_ARM_MEASURES)
        raise DataError(f"unknown measure {measure!r} for one arm; one of {allowed}")
    if not (np.isfinite(add) and add >= 0):
        raise DataError(f"add {add!r} is not a number of 0 or more")
    x, n = check_counts(xi, ni)
    extra = _addition(x, n, measure, add, to)
    a, b = x + extra, n - x + extra
    total = a + b
    if measure == "PAS":
        return np.arcsin(np.sqrt(a / total)), 1.0 / (4.0 * total)
    if measure == "PFT":
        first, second = np.sqrt(a / (total + 1.0)), np.sqrt((a + 1.0) / (total + 1.0))
        return 0.5 * (np.arcsin(first) + np.arcsin(second)), 1.0 / (4.0 * total + 2.0)
    edge = (a == 0) | (b == 0)
    if bool(edge.any()):
        where = tuple(int(i) for i in np.argwhere(edge)[0])
        raise DataError(
            f"{study_name(where[-1], None)}: {x[where]:g} of {n[where]:g} has no usable "
            f"variance on measure {measure} without a continuity correction",
            hint="use to='only0', or a model that needs no correction (GLMM)",
        )
    if measure == "PLO":
        return np.log(a / b), 1.0 / a + 1.0 / b
    if measure == "PLN":
        return np.log(a / total), b / (a * total)
    return a / total, a * b / total**3


def _addition(x: Floats, n: Floats, measure: str, add: float, to: str) -> Floats:
    zero = (x == 0) | (x == n)
    if to == "all":
        return np.full(x.shape, add)
    if measure in _ARCSINES or to == "none":
        return np.zeros(x.shape)
    if to == "only0":
        return np.where(zero, add, 0.0)
    if to == "if0all":
        return np.where(zero.any(axis=-1, keepdims=True), add, 0.0) * np.ones(x.shape)
    raise DataError(f"unknown rule to={to!r}; one of only0, all, if0all, none")


def back_transform(
    value: ArrayLike, *, measure: SingleArmMeasure = "PLO", ni: ArrayLike | None = None
) -> Floats:
    """Proportions in 0..1 of values on a measure's scale; NaN stays NaN.

    Limits beyond the range of the measure are cut at 0 or 1. For PFT ``ni`` gives the
    sample sizes whose harmonic mean enters Miller's inverse (Miller 1978, eq. 3).

    Raises:
        DataError: An unknown measure, or PFT without ``ni``.
    """
    y = np.asarray(value, dtype=float)
    if measure == "PLO":
        return np.asarray(expit(y))
    if measure == "PLN":
        return np.asarray(np.exp(np.minimum(y, 0.0)))
    if measure == "PR":
        return np.asarray(np.clip(y, 0.0, 1.0))
    if measure == "PAS":
        return np.asarray(np.sin(np.clip(y, 0.0, np.pi / 2.0)) ** 2)
    if measure != "PFT":
        raise DataError(f"unknown measure {measure!r} for one arm")
    if ni is None:
        raise DataError("the back-transform of PFT needs the sample sizes ni")
    return _miller(y, harmonic_mean(ni))


def transform(
    p: ArrayLike, *, measure: SingleArmMeasure = "PLO", n: ArrayLike | None = None
) -> Floats:
    """Proportions in 0..1 on a measure's scale; infinite where the scale has no end there.

    ``n`` is the sample size that PFT needs. No continuity correction.
    """
    value = np.asarray(p, dtype=float)
    if measure == "PLO":
        return np.asarray(logit(value))
    if measure == "PLN":
        return np.where(value > 0, np.log(np.where(value > 0, value, 1.0)), -np.inf)
    if measure == "PR":
        return value.copy()
    if measure == "PAS":
        return np.asarray(np.arcsin(np.sqrt(value)))
    if measure != "PFT" or n is None:
        raise DataError(f"measure {measure!r} needs a sample size, or does not exist")
    size = np.asarray(n, dtype=float)
    first = np.sqrt(value * size / (size + 1.0))
    second = np.sqrt((value * size + 1.0) / (size + 1.0))
    return np.asarray(0.5 * (np.arcsin(first) + np.arcsin(np.minimum(second, 1.0))))


def harmonic_mean(ni: ArrayLike) -> float:
    """Harmonic mean of sample sizes."""
    n = np.asarray(ni, dtype=float)
    return float(n.size / (1.0 / n).sum())


def _miller(y: Floats, n: float) -> Floats:
    """Miller 1978: p for the averaged double arcsine ``y`` of ``n`` patients.

    Outside the values that 0 and n events give, the answer is 0 or 1.
    """
    low = 0.5 * np.arcsin(np.sqrt(1.0 / (n + 1.0)))
    high = 0.5 * (np.arcsin(np.sqrt(n / (n + 1.0))) + np.pi / 2.0)
    inside = np.clip(y, low, high)
    sine = np.sin(2.0 * inside)
    root = 1.0 - (sine + (sine - 1.0 / sine) / n) ** 2
    p = 0.5 * (1.0 - np.sign(np.cos(2.0 * inside)) * np.sqrt(np.maximum(root, 0.0)))
    return np.where(y <= low, 0.0, np.where(y >= high, 1.0, p))
