"""Exact test that a few groups share one proportion (Fisher-Freeman-Halton)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

MAX_TABLES = 2_000_000

# Tables as probable as the observed one count as extreme; R's fisher.test uses the same slack.
_RELATIVE_SLACK = 1e-7


def fisher_freeman_halton(xi: ArrayLike, ni: ArrayLike) -> float | None:
    """Two-sided exact P value of a 2 x k table, given both margins.

    The sum of the multivariate hypergeometric probabilities of all tables no more probable
    than the observed one (Freeman & Halton 1951, Biometrika 38:141-149).

    Args:
        xi: Events of each group, ``(k,)``.
        ni: Patients of each group, ``(k,)``.

    Returns:
        The P value in 0..1, or None where more than ``MAX_TABLES`` tables would be listed.
    """
    events = [int(x) for x in np.asarray(xi)]
    sizes = [int(n) for n in np.asarray(ni)]
    if math.prod(n + 1 for n in sizes) > MAX_TABLES:
        return None
    observed = _log_weight(events, sizes)
    weights = np.array([_log_weight(table, sizes) for table in _tables(sizes, sum(events))])
    whole = _log_choose(sum(sizes), sum(events))
    extreme = weights <= observed + math.log1p(_RELATIVE_SLACK)
    return min(1.0, math.fsum(np.exp(weights[extreme] - whole)))


def _log_choose(n: int, x: int) -> float:
    return float(gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1))


def _log_weight(events: Sequence[int], sizes: Sequence[int]) -> float:
    return sum(_log_choose(n, x) for n, x in zip(sizes, events, strict=True))


def _tables(sizes: Sequence[int], total: int) -> Iterator[tuple[int, ...]]:
    """Every way to spread ``total`` events over the groups."""
    if len(sizes) == 1:
        if total <= sizes[0]:
            yield (total,)
        return
    rest = sum(sizes[1:])
    for first in range(max(0, total - rest), min(sizes[0], total) + 1):
        for others in _tables(sizes[1:], total - first):
            yield (first, *others)
