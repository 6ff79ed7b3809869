"""The pool without each study in turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike

from carmeta.domain.analysis import SensitivityRow
from carmeta.measures import check_counts, study_name
from carmeta.sensitivity.refit import PoolOptions, refit


def leave_one_out(
    xi: ArrayLike,
    ni: ArrayLike,
    *,
    slab: Sequence[str] | None = None,
    **options: Unpack[PoolOptions],
) -> tuple[SensitivityRow, ...]:
    """Refit without each of the k studies; row i leaves out study i.

    The options are those of :func:`carmeta.api.pool`; with two studies each row is a single
    study's exact interval. GLMM and BB are refitted like any other model.

    Raises:
        DataError: As ``pool``.
    """
    x, _ = check_counts(xi, ni, slab)
    k = x.shape[-1]
    if k < 2:
        return ()
    labels = list(slab) if slab is not None else [study_name(i, None) for i in range(k)]
    return refit("leave-one-out", xi, ni, ~np.eye(k, dtype=bool), labels, slab, **options)
