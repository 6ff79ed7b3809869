"""Whatever the counts: a result whose numbers make sense, or an error that a user can read."""

from __future__ import annotations

import math
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from carmeta.api.two_arm import pool_two_arm
from carmeta.domain.result import Pooled
from carmeta.errors import CarmetaError

# What may be NaN, and the note that must then be there.
EXPLAINED = {
    "pi_lb": {"no-prediction-interval", "single-study"},
    "tau2": {"single-study"},
    "i2": {"single-study"},
    "h2": {"single-study", "no-heterogeneity-test"},
    "stat": {"zero-se"},
    "p": {"zero-se"},
}


@st.composite
def studies(draw: st.DrawFn, most: int = 60) -> tuple[list[int], ...]:
    k = draw(st.integers(1, 6))
    n1, n2 = ([draw(st.integers(1, most)) for _ in range(k)] for _ in range(2))
    ai, ci = ([draw(st.integers(0, n)) for n in arm] for arm in (n1, n2))
    return ai, n1, ci, n2


def check(fit: Pooled, k: int) -> None:
    notes = {note.code for note in (*fit.fallbacks, *fit.cautions)}
    for name in ("estimate", "se", "ci_lb", "ci_ub"):
        assert math.isfinite(getattr(fit, name)), (name, fit)
    for name, reasons in EXPLAINED.items():
        fixed = fit.model in ("MH", "PETO") and name == "pi_lb"
        assert fixed or not math.isnan(getattr(fit, name)) or notes & reasons, (name, fit)
    assert fit.ci_lb <= fit.estimate <= fit.ci_ub
    low, high = (-1.0, 1.0) if fit.measure == "RD" else (0.0, math.inf)
    for value in (fit.back.estimate, fit.back.ci_lb, fit.back.ci_ub):
        assert low <= value <= high
    assert fit.back.ci_lb <= fit.back.estimate <= fit.back.ci_ub
    if fit.weights:
        assert len(fit.weights) == k
        assert all(weight >= 0.0 for weight in fit.weights)
        assert math.isclose(sum(fit.weights), 1.0, abs_tol=1e-9)
    if not math.isnan(fit.tau2):
        assert fit.tau2 >= 0.0
        assert 0.0 <= fit.i2 <= 100.0
    assert 0.0 <= (fit.q_pval if math.isnan(fit.lrt) else fit.lrt_pval) <= 1.0


@given(
    studies(),
    st.sampled_from(["OR", "RR", "RD"]),
    st.sampled_from(["IV", "MH"]),
    st.sampled_from(["EE", "DL", "PM", "REML", "ML", "HE", "HS", "SJ", "EB"]),
    st.sampled_from(["z", "t", "knha", "adhoc"]),
    st.sampled_from(["only0", "all", "if0all", "none"]),
)
@settings(max_examples=300, deadline=None)
def test_effects_and_mantel_haenszel(
    arms: tuple[list[int], ...], measure: str, model: str, method: str, test: str, to: str
) -> None:
    with suppress(CarmetaError):  # anything else is a bug
        options = {"method": method, "test": test} if model == "IV" else {}
        fit = pool_two_arm(*arms, measure=measure, model=model, to=to, **options)
        check(fit, len(arms[0]))


@given(studies(), st.sampled_from([None, True, False]))
@settings(max_examples=100, deadline=None)
def test_peto(arms: tuple[list[int], ...], drop00: bool | None) -> None:
    with suppress(CarmetaError):  # anything else is a bug
        fit = pool_two_arm(*arms, model="PETO", drop00=drop00)
        check(fit, len(arms[0]))


@given(studies(most=25), st.sampled_from(["UM.RS", "UM.FS"]), st.booleans())
@settings(max_examples=40, deadline=None)
def test_glmm(arms: tuple[list[int], ...], form: str, drop00: bool) -> None:
    with suppress(CarmetaError):  # anything else is a bug
        fit = pool_two_arm(*arms, model="GLMM", form=form, drop00=drop00)
        check(fit, len(arms[0]))
