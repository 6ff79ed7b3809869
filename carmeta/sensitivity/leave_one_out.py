"""The pool without each study in turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike

from carmeta.api.proportions import one_data_set
from carmeta.api.single_arm import Counts
from carmeta.domain.analysis import SensitivityRow
from carmeta.domain.counts import study_names
from carmeta.domain.request import Options, Request, request
from carmeta.sensitivity.refit import refit


def leave_one_out(
    xi: ArrayLike,
    ni: ArrayLike,
    *,
    slab: Sequence[str] | None = None,
    **options: Unpack[Options],
) -> tuple[SensitivityRow, ...]:
    """Refit without each of the k studies; row i leaves out study i.

    The options are those of :func:`carmeta.api.pool`; with two studies each row is a single
    study's exact interval. GLMM and BB are refitted like any other model.

    Raises:
        DataError, ConfigError: As ``pool``.
    """
    return without_each(one_data_set(xi, ni, slab), request("one arm", options))


def without_each(counts: Counts, ask: Request) -> tuple[SensitivityRow, ...]:
    """:func:`leave_one_out` of checked counts as a request asks."""
    if counts.k < 2:
        return ()
    labels = study_names(counts.slab, counts.k)
    return refit("leave-one-out", counts, ~np.eye(counts.k, dtype=bool), labels, ask)
