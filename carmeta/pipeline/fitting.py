"""Counts of the harmoniser as the engine takes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from carmeta.api.single_arm import Counts, fit
from carmeta.domain.evidence import Count
from carmeta.domain.request import Request
from carmeta.domain.result import Pooled


def as_counts(counts: Sequence[Count]) -> Counts:
    """Events, patients and labels; the harmoniser has checked them."""
    return Counts(
        np.array([count.xi for count in counts], dtype=float),
        np.array([count.ni for count in counts], dtype=float),
        tuple(count.slab for count in counts),
    )


def pooled(counts: Sequence[Count], ask: Request, xi: Sequence[int] | None = None) -> Pooled:
    """Pool counts (``xi`` replaces their events) as asked."""
    given = as_counts(counts)
    if xi is not None:
        given = Counts(np.array(xi, dtype=float), given.n, given.slab)
    return fit(given, ask)
