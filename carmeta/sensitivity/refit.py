"""The same analysis on subsets of its studies: one batch where it can be, else one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from carmeta.api.assemble import FEW_STUDIES, assemble
from carmeta.api.batch import fit_many
from carmeta.api.single_arm import Counts, fit
from carmeta.arrays import Bools
from carmeta.domain.analysis import SensitivityRow
from carmeta.domain.request import Request
from carmeta.domain.result import NAN, Back, Between, Heterogeneity, Mean, Pooled
from carmeta.measures import back_transform
from carmeta.pooling import batch
from carmeta.pooling.batch import Many

_BATCHED: Final = ("IV", "GLMM")


def refit(
    kind: str,
    counts: Counts,
    present: Bools,
    labels: Sequence[str],
    ask: Request,
) -> tuple[SensitivityRow, ...]:
    """Fit each row of ``present`` (subsets, k) and label it."""
    batched = _batched(counts, present, ask) if _can_batch(ask) else [None] * len(labels)
    return tuple(
        SensitivityRow(kind, label, found or fit(counts.of(keep), ask))
        for label, keep, found in zip(labels, present, batched, strict=True)
    )


def _can_batch(ask: Request) -> bool:
    """Whether the batch engine does all of it; the other scales carry cautions of their own."""
    return (
        ask.model in _BATCHED
        and ask.measure == "PLO"
        and ask.test != "profile"
        and ask.pi_method != "bootstrap"
        and ask.estimand != "marginal"
    )


def _batched(counts: Counts, present: Bools, ask: Request) -> list[Pooled | None]:
    """The rows of a batch as single fits would give them, without weights.

    None where so few studies, or such counts, have notes of their own.
    """
    many = fit_many(counts.x, counts.n, ask, mask=present, with_tau2_ci=True)
    plain = (many.status <= batch.BOUNDARY) & (present.sum(axis=-1) >= FEW_STUDIES)
    if ask.model == "IV":
        plain &= ~(present & counts.corrected(ask)).any(axis=-1)
    drawn = [getattr(many, name) for name in ("estimate", "ci_lb", "ci_ub", "pi_lb", "pi_ub")]
    backs = back_transform(np.stack(drawn, axis=-1), measure=ask.measure).tolist()
    sizes = (many.k / (present / counts.n).sum(axis=-1)).tolist()
    names = Many.__slots__
    rows = zip(*(getattr(many, name).tolist() for name in names), strict=True)
    return [
        _pooled(dict(zip(names, row, strict=True)), ask, Back(*back), n) if fits else None
        for row, back, n, fits in zip(rows, backs, sizes, plain, strict=True)
    ]


def _pooled(at: dict[str, float], ask: Request, back: Back, n: float) -> Pooled:
    k, iv = int(at["k"]), ask.model == "IV"
    stat = at["estimate"] / at["se"] if at["se"] > 0 else NAN
    numbers = [at[name] for name in ("df", "p", "ci_lb", "ci_ub")]
    limits = "none" if ask.method == "EE" else "QP" if iv else "PL"
    spread = Heterogeneity(
        i2=at["i2"], h2=at["h2"],
        i2_method="LRT" if ask.i2_method == "Q" and not iv else ask.i2_method,
        q=at["q"], q_df=k - 1 if iv else NAN, q_pval=at["q_pval"],
        lrt=at["lrt"], lrt_df=NAN if iv else k - 1, lrt_pval=at["lrt_pval"],
    )  # fmt: skip
    return assemble(
        ask, k, Mean(at["estimate"], at["se"], stat, *numbers), heterogeneity=spread,
        between=Between(at["tau2"], at["tau2_ci_lb"], at["tau2_ci_ub"], limits),
        pi=(at["pi_lb"], at["pi_ub"]), loglik=at["loglik"], n=n if iv else NAN, back=back,
    )  # fmt: skip
