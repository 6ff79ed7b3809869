"""The pool as studies come in, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike

from carmeta.domain.analysis import SensitivityRow
from carmeta.errors import DataError
from carmeta.measures import check_counts, study_name
from carmeta.sensitivity.refit import PoolOptions, refit


def cumulative(
    xi: ArrayLike,
    ni: ArrayLike,
    *,
    order: Sequence[float] | None = None,
    slab: Sequence[str] | None = None,
    **options: Unpack[PoolOptions],
) -> tuple[SensitivityRow, ...]:
    """Refit with the first one, two, ... k studies; a row is labelled by its last study.

    ``order`` gives each study's place (a year, say); ties keep the order of the input, and
    so does None. The first row is a single study's exact interval.

    Raises:
        DataError: As ``pool``; an order of another length, or not finite.
    """
    x, n = check_counts(xi, ni, slab)
    k = x.shape[-1]
    ranks = np.arange(k)
    if order is not None:
        key = np.asarray(order, dtype=float)
        if key.shape != (k,) or not bool(np.isfinite(key).all()):
            raise DataError(f"order needs one number for each of {k} studies")
        ranks = np.argsort(key, kind="stable")
    names = list(slab) if slab is not None else [study_name(i, None) for i in range(k)]
    sorted_names = [names[i] for i in ranks]
    present = np.tri(k, dtype=bool)
    return refit(
        "cumulative", x[ranks], n[ranks], present, sorted_names,
        None if slab is None else sorted_names, **options,
    )  # fmt: skip
