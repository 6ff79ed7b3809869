"""What must hold of every pool, on counts that nobody chose."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carmeta.api import pool
from carmeta.domain.result import Pooled

EXACT = {"single-study", "all-zero", "all-events", "one-patient-studies"}


@st.composite
def counts(draw: st.DrawFn, least: int = 1) -> tuple[list[int], list[int]]:
    n = draw(st.lists(st.integers(1, 400) | st.integers(1, 6), min_size=least, max_size=9))
    x = [draw(st.integers(0, m) | st.sampled_from([0, m])) for m in n]
    return x, n


OPTIONS = st.sampled_from(
    [
        {},
        {"method": "DL", "test": "knha"},
        {"method": "PM", "test": "z", "pi_method": "HTS"},
        {"method": "ML", "measure": "PAS"},
        {"measure": "PFT"},
        {"measure": "PLN"},
        {"measure": "PR"},
        {"model": "GLMM"},
        {"model": "GLMM", "test": "profile"},
        {"model": "BB"},
    ]
)


def codes(pooled: Pooled) -> set[str]:
    return {f.code for f in pooled.fallbacks}


@settings(max_examples=150, deadline=None)
@given(counts(), OPTIONS)
def test_limits_are_ordered_and_inside(data: tuple[list[int], list[int]], options: Any) -> None:
    pooled = pool(*data, **options)
    back = pooled.back
    assert 0.0 <= back.ci_lb <= back.ci_ub <= 1.0
    assert back.ci_lb - 1e-9 <= back.estimate <= back.ci_ub + 1e-9
    if not math.isnan(back.pi_lb):
        assert 0.0 <= back.pi_lb <= back.pi_ub <= 1.0
    if codes(pooled) & EXACT:
        return
    assert math.isfinite(pooled.estimate)
    assert math.isfinite(pooled.se)
    assert pooled.q >= 0.0 or pooled.lrt >= 0.0
    if pooled.model in ("IV", "GLMM"):
        assert pooled.tau2 >= 0.0
        assert not math.isnan(pooled.tau2_ci_ub)


@settings(max_examples=60, deadline=None)
@given(counts(2), OPTIONS, st.randoms(use_true_random=False))
def test_the_order_of_studies_does_not_matter(
    data: tuple[list[int], list[int]], options: Any, random: Any
) -> None:
    pairs = list(zip(*data, strict=True))
    random.shuffle(pairs)
    a = pool(*data, **options)
    b = pool([x for x, _ in pairs], [n for _, n in pairs], **options)
    assert codes(a) == codes(b)
    assert a.back.estimate == pytest.approx(b.back.estimate, rel=1e-6, abs=1e-9)
    assert a.back.ci_ub == pytest.approx(b.back.ci_ub, rel=1e-5, abs=1e-8)
    assert a.tau2 == pytest.approx(b.tau2, rel=1e-4, abs=1e-7, nan_ok=True)


@settings(max_examples=60, deadline=None)
@given(counts(2), st.sampled_from([{}, {"model": "GLMM"}, {"model": "BB"}, {"measure": "PAS"}]))
def test_events_and_non_events_mirror(data: tuple[list[int], list[int]], options: Any) -> None:
    x, n = data
    a = pool(x, n, **options)
    b = pool([m - e for e, m in zip(x, n, strict=True)], n, **options)
    assert a.back.estimate == pytest.approx(1.0 - b.back.estimate, abs=1e-6)
    assert a.back.ci_lb == pytest.approx(1.0 - b.back.ci_ub, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(counts(2), st.sampled_from(["DL", "REML", "ML", "PM", "HE"]))
def test_inverse_variance_means_lie_between_the_studies(
    data: tuple[list[int], list[int]], method: Any
) -> None:
    from carmeta.api import effects

    pooled = pool(*data, method=method, test="z")
    if codes(pooled) & EXACT:
        return
    yi = effects(*data).yi
    assert yi.min() - 1e-9 <= pooled.estimate <= yi.max() + 1e-9


@settings(max_examples=40, deadline=None)
@given(counts(2), OPTIONS)
def test_a_higher_level_is_a_wider_interval(
    data: tuple[list[int], list[int]], options: Any
) -> None:
    narrow, wide = pool(*data, level=0.8, **options), pool(*data, level=0.99, **options)
    assert wide.back.ci_lb <= narrow.back.ci_lb + 1e-12
    assert wide.back.ci_ub >= narrow.back.ci_ub - 1e-12
    assert wide.estimate == narrow.estimate
