"""One model of a configuration on one set of counts."""

from __future__ import annotations

from collections.abc import Sequence

from carmeta.api import pool
from carmeta.config import AnalysisConfig, ModelSpec
from carmeta.domain.evidence import Count
from carmeta.domain.result import Pooled


def fit(
    config: AnalysisConfig,
    counts: Sequence[Count],
    spec: ModelSpec,
    xi: Sequence[int] | None = None,
) -> Pooled:
    """Pool counts (``xi`` replaces their events) as the configuration asks."""
    return pool(
        list(xi) if xi is not None else [c.xi for c in counts],
        [c.ni for c in counts],
        measure="PLO",
        model=spec.model,  # type: ignore[arg-type]  # two-arm models are refused by pool itself
        method=spec.resolved_method,  # type: ignore[arg-type]  # checked by the configuration
        test=spec.resolved_test,  # type: ignore[arg-type]  # checked by the configuration
        pi_method=config.pi_method,
        i2_method=config.i2_method,
        level=config.level,
        slab=[c.slab for c in counts],
    )
