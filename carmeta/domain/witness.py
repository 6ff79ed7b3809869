"""What a second program needs to repeat a fit, kept while a run asks for it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from carmeta.arrays import Floats


@dataclass(frozen=True, slots=True)
class IvPool:
    """An inverse-variance fit of k effects on p columns, with what came out of it.

    ``yi`` and ``vi`` have k values, ``design`` k rows of p; ``estimates`` and ``ses`` have p.
    ``method`` is "given" where tau2 came from elsewhere. ``tau2_limits`` are Q-profile limits
    at ``level``; empty where there are none.
    """

    outcome: str
    yi: tuple[float, ...]
    vi: tuple[float, ...]
    design: tuple[tuple[float, ...], ...]
    method: str
    test: str
    tau2: float
    estimates: tuple[float, ...]
    ses: tuple[float, ...]
    level: float
    tau2_limits: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class StudyInterval:
    """The exact limits, in 0..1, of ``xi`` of ``ni`` patients."""

    outcome: str
    slab: str
    xi: int
    ni: int
    level: float
    ci_lb: float
    ci_ub: float


@dataclass(frozen=True, slots=True)
class _Witness:
    outcome: str
    pools: list[IvPool]


_WITNESS: Final[ContextVar[_Witness | None]] = ContextVar("witness", default=None)


@contextmanager
def _as(witness: _Witness | None) -> Iterator[None]:
    token = _WITNESS.set(witness)
    try:
        yield
    finally:
        _WITNESS.reset(token)


@contextmanager
def witnessing(outcome: str = "") -> Iterator[list[IvPool]]:
    """Keep every inverse-variance pool that is fitted inside, under the name of ``outcome``."""
    pools: list[IvPool] = []
    with _as(_Witness(outcome, pools)):
        yield pools


@contextmanager
def about(outcome: str) -> Iterator[None]:
    """Name the outcome that the fits inside are about, if any are kept at all."""
    here = _WITNESS.get()
    with _as(None if here is None else _Witness(outcome, here.pools)):
        yield


def witnessed() -> bool:
    """Whether fits are kept at present."""
    return _WITNESS.get() is not None


def tell(
    yi: Floats,
    vi: Floats,
    design: Floats,
    *,
    method: str,
    test: str,
    tau2: Floats,
    estimates: Floats,
    ses: Floats,
    level: float = 0.95,
    tau2_limits: tuple[float, ...] = (),
) -> None:
    """Keep this fit of ``(k,)`` effects on a ``(k, p)`` design, where fits are kept."""
    here = _WITNESS.get()
    if here is None:
        return
    rows = tuple(tuple(row) for row in design.tolist())
    limits = tau2_limits if all(math.isfinite(limit) for limit in tau2_limits) else ()
    here.pools.append(
        IvPool(
            here.outcome, tuple(yi.tolist()), tuple(vi.tolist()), rows, method, test, float(tau2),
            tuple(estimates.tolist()), tuple(ses.tolist()), level, limits,
        )
    )  # fmt: skip
