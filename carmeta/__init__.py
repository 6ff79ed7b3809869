"""carmeta: meta-analysis of what CAR-T trials print, from the table cell to the forest plot.

The engine for anybody's counts is here; everything else is behind the command line.

>>> import carmeta
>>> result = carmeta.pool([8, 15, 20], [20, 30, 25], model="GLMM")
>>> f"{result.back.estimate:.3f}"
'0.576'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from carmeta.api import pool, probability_beyond, study_intervals
    from carmeta.api_models import pool_two_arm
    from carmeta.api_regression import predict, regress, regress_counts
    from carmeta.api_subgroups import subgroup_counts, subgroup_test
    from carmeta.domain.result import Pooled

__version__ = "0.1.0"

__all__ = [
    "Pooled",
    "pool",
    "pool_two_arm",
    "predict",
    "probability_beyond",
    "regress",
    "regress_counts",
    "study_intervals",
    "subgroup_counts",
    "subgroup_test",
]

# Loaded when first asked for: `carmeta --help` needs no numpy.
_HOME: Final[dict[str, str]] = {
    "Pooled": "carmeta.domain.result",
    "pool": "carmeta.api",
    "pool_two_arm": "carmeta.api_models",
    "predict": "carmeta.api_regression",
    "probability_beyond": "carmeta.api",
    "regress": "carmeta.api_regression",
    "regress_counts": "carmeta.api_regression",
    "study_intervals": "carmeta.api",
    "subgroup_counts": "carmeta.api_subgroups",
    "subgroup_test": "carmeta.api_subgroups",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'carmeta' has no attribute '{name}'")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
