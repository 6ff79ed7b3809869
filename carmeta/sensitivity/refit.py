"""The same analysis on subsets of its studies: one batch where it can be, else one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, TypedDict, Unpack, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carmeta.api import SingleArmModel, pool
from carmeta.api.batch import pool_many
from carmeta.api.single_arm import FEW_STUDIES
from carmeta.domain.analysis import SensitivityRow
from carmeta.domain.result import NAN, Back, Pooled
from carmeta.measures import back_transform, check_counts
from carmeta.pooling import batch
from carmeta.pooling.batch import Many
from carmeta.vocabulary import Method, PiMethod, SingleArmMeasure, Test

Bools = NDArray[np.bool_]
_BATCHED: Final = ("IV", "GLMM")


class PoolOptions(TypedDict, total=False):
    """Options of :func:`carmeta.api.pool` that a refit passes on."""

    measure: SingleArmMeasure
    model: SingleArmModel
    method: Method
    test: Test | None
    pi_method: PiMethod
    i2_method: Literal["tau2", "Q"]
    level: float
    add: float
    to: Literal["only0", "all", "if0all", "none"]


def refit(
    kind: str,
    xi: ArrayLike,
    ni: ArrayLike,
    present: Bools,
    labels: Sequence[str],
    slab: Sequence[str] | None,
    **options: Unpack[PoolOptions],
) -> tuple[SensitivityRow, ...]:
    """Fit each row of ``present`` (subsets, k) and label it.

    Raises:
        DataError: As :func:`carmeta.api.pool`.
    """
    x, n = check_counts(xi, ni, slab)
    many = None
    if _can_batch(options):
        many = pool_many(x, n, mask=present, with_tau2_ci=True, **cast("Any", options))
    rows = []
    for i, label in enumerate(labels):
        keep = present[i]
        if many is not None and int(many.status[i]) <= batch.BOUNDARY and keep.sum() >= FEW_STUDIES:
            pooled = _pooled(many, i, options)
        else:
            names = None if slab is None else [s for s, k in zip(slab, keep, strict=True) if k]
            pooled = pool(x[keep], n[keep], slab=names, **options)
        rows.append(SensitivityRow(kind, label, pooled))
    return tuple(rows)


def _can_batch(options: PoolOptions) -> bool:
    """Whether the batch engine does all of it; the other scales carry cautions of their own."""
    return (
        options.get("model", "IV") in _BATCHED
        and options.get("measure", "PLO") == "PLO"
        and options.get("test") != "profile"
        and options.get("pi_method", "V") != "bootstrap"
    )


def _pooled(many: Many, i: int, options: PoolOptions) -> Pooled:
    """One row of a batch as the result that a single fit would have given."""
    model = options.get("model", "IV")
    method = options.get("method", "REML") if model == "IV" else "ML"
    test = options.get("test") or ("adhoc" if model == "IV" else "t")
    equal = method == "EE"
    i2_method = "Q" if equal else options.get("i2_method", "tau2")
    at = {name: float(getattr(many, name)[i]) for name in Many.__slots__}
    k = int(at["k"])
    raw = [at[name] for name in ("estimate", "ci_lb", "ci_ub", "pi_lb", "pi_ub")]
    return Pooled(
        k=k, measure="PLO", model=model, method=method, test=test,
        pi_method=options.get("pi_method", "V"), i2_method=i2_method,
        level=options.get("level", 0.95), estimate=at["estimate"], se=at["se"],
        stat=at["estimate"] / at["se"] if at["se"] > 0 else NAN, df=at["df"], p=at["p"],
        ci_lb=at["ci_lb"], ci_ub=at["ci_ub"], pi_lb=at["pi_lb"], pi_ub=at["pi_ub"],
        tau2=at["tau2"], tau2_ci_lb=at["tau2_ci_lb"], tau2_ci_ub=at["tau2_ci_ub"],
        tau2_ci_method="none" if equal else "QP" if model == "IV" else "PL",
        i2=at["i2"], h2=at["h2"], q=at["q"], q_df=k - 1, q_pval=at["q_pval"],
        back=Back(*(float(v) for v in back_transform(raw))), loglik=at["loglik"],
        q_kind="Cochran" if model == "IV" else "LRT",
    )  # fmt: skip
