"""carmeta: meta-analysis of what CAR-T trials print, from the table cell to the forest plot.

The engine for anybody's counts is here; everything else is behind the command line.

>>> import carmeta
>>> result = carmeta.pool([8, 15, 20], [20, 30, 25], model="GLMM")
>>> f"{result.back.estimate:.3f}"
'0.577'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from carmeta.api.batch import pool_many
    from carmeta.api.dependence import permute, regress_three_level
    from carmeta.api.proportions import effects, pool, probability_beyond, study_intervals
    from carmeta.api.regression import predict, regress, regress_counts
    from carmeta.api.subgroups import subgroup_counts, subgroup_test
    from carmeta.api.two_arm import pool_two_arm
    from carmeta.domain.regression import Regression
    from carmeta.domain.result import Pooled
    from carmeta.sensitivity.cumulative import cumulative
    from carmeta.sensitivity.influence import influence
    from carmeta.sensitivity.leave_one_out import leave_one_out
    from carmeta.sensitivity.small_study import small_study_test, trim_fill

__version__ = "0.1.0"

__all__ = [
    "Pooled",
    "Regression",
    "cumulative",
    "effects",
    "influence",
    "leave_one_out",
    "permute",
    "pool",
    "pool_many",
    "pool_two_arm",
    "predict",
    "probability_beyond",
    "regress",
    "regress_counts",
    "regress_three_level",
    "small_study_test",
    "study_intervals",
    "subgroup_counts",
    "subgroup_test",
    "trim_fill",
]

# Loaded when first asked for: `carmeta --help` needs no numpy.
_HOME: Final[dict[str, str]] = {
    "Pooled": "carmeta.domain.result",
    "Regression": "carmeta.domain.regression",
    "cumulative": "carmeta.sensitivity.cumulative",
    "effects": "carmeta.api.proportions",
    "influence": "carmeta.sensitivity.influence",
    "leave_one_out": "carmeta.sensitivity.leave_one_out",
    "permute": "carmeta.api.dependence",
    "pool": "carmeta.api.proportions",
    "pool_many": "carmeta.api.batch",
    "pool_two_arm": "carmeta.api.two_arm",
    "predict": "carmeta.api.regression",
    "probability_beyond": "carmeta.api.proportions",
    "regress": "carmeta.api.regression",
    "regress_counts": "carmeta.api.regression",
    "regress_three_level": "carmeta.api.dependence",
    "small_study_test": "carmeta.sensitivity.small_study",
    "study_intervals": "carmeta.api.proportions",
    "subgroup_counts": "carmeta.api.subgroups",
    "subgroup_test": "carmeta.api.subgroups",
    "trim_fill": "carmeta.sensitivity.small_study",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'carmeta' has no attribute '{name}'")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
