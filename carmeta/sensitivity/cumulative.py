"""The pool as studies come in, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike

from carmeta.api.proportions import one_data_set
from carmeta.api.single_arm import Counts
from carmeta.domain.analysis import SensitivityRow
from carmeta.domain.counts import study_names
from carmeta.domain.request import Options, request
from carmeta.errors import DataError
from carmeta.sensitivity.refit import refit


def cumulative(
    xi: ArrayLike,
    ni: ArrayLike,
    *,
    order: Sequence[float] | None = None,
    slab: Sequence[str] | None = None,
    **options: Unpack[Options],
) -> tuple[SensitivityRow, ...]:
    """Refit with the first one, two, ... k studies; a row is labelled by its last study.

    ``order`` gives each study's place (a year, say); ties keep the order of the input, and
    so does None. The first row is a single study's exact interval.

    Raises:
        DataError: As ``pool``; an order of another length, or not finite.
    """
    ask = request("one arm", options)
    counts = one_data_set(xi, ni, slab)
    k = counts.k
    ranks = np.arange(k)
    if order is not None:
        key = np.asarray(order, dtype=float)
        if key.shape != (k,) or not bool(np.isfinite(key).all()):
            raise DataError(f"order needs one number for each of {k} studies")
        ranks = np.argsort(key, kind="stable")
    names = study_names(counts.slab, k)
    labels = [names[i] for i in ranks]
    ordered = Counts(
        counts.x[ranks], counts.n[ranks], None if counts.slab is None else tuple(labels)
    )
    return refit("cumulative", ordered, np.tri(k, dtype=bool), labels, ask)
