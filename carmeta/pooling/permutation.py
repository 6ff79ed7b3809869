"""Permutation tests of the mean effect and of moderators, refitted at every permutation.

For the mean the signs of the effects are flipped (Follmann and Proschan 1999): under no
effect the two arms of a study, or the sides of a symmetric effect, could be exchanged. For
moderators the rows of the design are permuted against the effects (Higgins and Thompson
2004). All fits of one call are batches of the same kernels as any other fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from math import factorial, prod
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from carmeta.arrays import Floats
from carmeta.errors import ConfigError
from carmeta.pooling.regression import columns_contrast, fit_wls, wald
from carmeta.vocabulary import Method, Test

MAX_EXACT: Final = 50_000  # all of 2^15 sign flips, or of 8! = 40,320 orders
ITERATIONS: Final = 10_000  # Monte Carlo SE of a p value of 0.05: 0.002
_CHUNK: Final = 4_096  # fits at once: bounds the memory whatever the number of permutations
# Refits of permutations that are equal in exact arithmetic differ by rounding; a statistic
# this close below the observed one counts as equal to it.
_TIE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Permutation:
    """p values by permutation.

    ``p`` has one entry a coefficient, ``(p,)``; ``p_omnibus`` is that of all moderators
    together (for a mean alone, of the mean). ``count`` permutations were fitted, the
    observed one among them; where they are all there are, ``exact`` is true and the smallest
    p possible is ``smallest``.
    """

    p: Floats
    p_omnibus: float
    stat: Floats
    exact: bool
    count: int
    smallest: float


def permutation_test(
    yi: ArrayLike,
    vi: ArrayLike,
    x: ArrayLike | None = None,
    *,
    method: Method = "REML",
    test: Test = "z",
    moderators: list[int] | None = None,
    max_exact: int = MAX_EXACT,
    iterations: int = ITERATIONS,
    seed: int = 0,
) -> Permutation:
    """Two-sided permutation test of effects ``yi`` ``(k,)`` with variances ``vi``.

    Without ``x`` the mean is tested by sign flips, with it every coefficient of the design
    ``(k, p)`` by row permutations, and ``moderators`` (columns, default all that vary)
    together. Where there are at most ``max_exact`` distinct permutations all are used,
    otherwise the observed one and ``iterations - 1`` drawn from ``default_rng(seed)``.
    The statistic is that of ``test`` after refitting tau2 by ``method``.
    """
    y, v = np.asarray(yi, dtype=np.float64), np.asarray(vi, dtype=np.float64)
    if iterations < 1 or max_exact < 1:
        raise ConfigError("iterations and max_exact of a permutation test are at least 1")
    if x is None:
        return _flip_signs(y, v, method, test, max_exact, iterations, seed)
    design = np.asarray(x, dtype=np.float64)
    columns = moderators
    if columns is None:
        columns = [j for j in range(design.shape[1]) if np.ptp(design[:, j]) > 0.0]
    if not columns:
        raise ConfigError("the design has no moderator to permute")
    return _permute_rows(y, v, design, columns, method, test, max_exact, iterations, seed)


def _flip_signs(
    y: Floats,
    v: Floats,
    method: Method,
    test: Test,
    max_exact: int,
    iterations: int,
    seed: int,
) -> Permutation:
    k = y.size
    exact = 2**k <= max_exact
    if exact:
        # y and -y have the same absolute statistic: the first sign is left alone
        codes = np.arange(2 ** (k - 1))
        bits = (codes[:, None] >> np.arange(k)) & 1
        signs = 1.0 - 2.0 * bits.astype(np.float64)
    else:
        rng = np.random.default_rng(seed)
        signs = 1.0 - 2.0 * rng.integers(0, 2, size=(iterations, k)).astype(np.float64)
        signs[0] = 1.0
    ones = np.ones((k, 1))
    stats = np.concatenate(
        [
            _statistics(part * y, v, ones, [0], method, test)[0][:, 0]
            for part in _parts(signs, _CHUNK)
        ]
    )
    p = _share(np.abs(stats), abs(stats[0]))
    count = 2**k if exact else iterations
    smallest = 2.0 / count if exact else 1.0 / count
    return Permutation(np.array([p]), p, stats[:1], exact, count, smallest)


def _permute_rows(
    y: Floats,
    v: Floats,
    design: Floats,
    columns: list[int],
    method: Method,
    test: Test,
    max_exact: int,
    iterations: int,
    seed: int,
) -> Permutation:
    rows, kind, sizes = np.unique(design, axis=0, return_inverse=True, return_counts=True)
    kind = kind.reshape(-1)
    total = factorial(y.size) // prod(factorial(int(size)) for size in sizes)
    exact = total <= max_exact
    if exact:
        orders: Iterator[list[int]] = _arrangements(list(map(int, sizes)))
    else:
        rng = np.random.default_rng(seed)
        orders = (list(rng.permutation(kind)) for _ in range(iterations - 1))
    observed = _statistics(y, v, design[None], columns, method, test)
    collected = [observed]
    while chunk := list(islice(orders, _CHUNK)):
        collected.append(_statistics(y, v, rows[np.array(chunk)], columns, method, test))
    stats = np.concatenate([np.abs(part[0]) for part in collected])
    omnibus = np.concatenate([part[1] for part in collected])
    if exact:  # the observed order is among the arrangements
        stats, omnibus = stats[1:], omnibus[1:]
    shares = [_share(stats[:, j], abs(observed[0][0, j])) for j in range(design.shape[1])]
    count = total if exact else iterations
    return Permutation(
        np.array(shares),
        _share(omnibus, observed[1][0]),
        observed[0][0],
        exact,
        count,
        float(np.mean(stats[:, columns[0]] >= stats[:, columns[0]].max() * (1.0 - _TIE))),
    )


def _statistics(
    y: Floats, v: Floats, design: Floats, columns: list[int], method: Method, test: Test
) -> tuple[Floats, Floats]:
    """Coefficients over their SE ``(b, p)`` and the omnibus statistic ``(b,)``."""
    fit = fit_wls(y, v, design, method=method, test=test)
    se = np.sqrt(np.diagonal(fit.cov, axis1=-2, axis2=-1))
    whole = wald(fit.beta, fit.cov, columns_contrast(columns, design.shape[-1]), fit.df)
    return fit.beta / se, np.asarray(whole.stat)


def _share(stats: Floats, observed: float) -> float:
    return float(np.mean(stats >= observed - _TIE * max(1.0, abs(observed))))


def _parts(array: Floats, size: int) -> Iterator[Floats]:
    for start in range(0, array.shape[0], size):
        yield array[start : start + size]


def _arrangements(sizes: list[int]) -> Iterator[list[int]]:
    """Distinct orders of a multiset: ``sizes[i]`` copies of each ``i``, in sorted order."""
    current = [kind for kind, size in enumerate(sizes) for _ in range(size)]
    while True:
        yield list(current)
        # next order in lexicographic sequence (Knuth, TAOCP 7.2.1.2, algorithm L)
        j = len(current) - 2
        while j >= 0 and current[j] >= current[j + 1]:
            j -= 1
        if j < 0:
            return
        last = len(current) - 1
        while current[last] <= current[j]:
            last -= 1
        current[j], current[last] = current[last], current[j]
        current[j + 1 :] = reversed(current[j + 1 :])
