"""Effects and models composed, for anybody's counts; pipeline and command line call the same."""

from carmeta.api.proportions import (
    Effects,
    effects,
    pool,
    probability_beyond,
    study_intervals,
)

__all__ = [
    "Effects",
    "effects",
    "pool",
    "probability_beyond",
    "study_intervals",
]
