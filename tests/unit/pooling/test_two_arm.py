"""Two-arm closed forms: identities that hold whatever the software."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carmeta.errors import ConfigError, DataError
from carmeta.pooling.two_arm import (
    breslow_day,
    cochran_mantel_haenszel,
    fixed_heterogeneity,
    mantel_haenszel,
    peto,
    peto_effects,
)
from carmeta.pooling.two_arm_effects import (
    TwoArmCounts,
    apply_zero_rule,
    back_transform,
    study_names,
    two_arm_effects,
    validate_counts,
)

COUNTS = validate_counts([3, 0, 7, 12], [20, 15, 31, 60], [5, 2, 7, 20], [18, 16, 29, 66])


def swapped(counts: TwoArmCounts) -> TwoArmCounts:
    return TwoArmCounts(counts.ci, counts.n2i, counts.ai, counts.n1i)


def inverted(counts: TwoArmCounts) -> TwoArmCounts:
    return TwoArmCounts(counts.bi, counts.n1i, counts.di, counts.n2i)


@st.composite
def tables(draw: st.DrawFn) -> TwoArmCounts:
    k = draw(st.integers(2, 6))
    sizes = [[draw(st.integers(1, 400)) for _ in range(k)] for _ in range(2)]
    events = [[draw(st.integers(0, n)) for n in arm] for arm in sizes]
    return validate_counts(events[0], sizes[0], events[1], sizes[1])


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        (([3.5], [10], [2], [9]), "study 1: ai 3.5 is not a whole number"),
        (([3], [10], [-2], [9]), "study 1: ci -2 is negative"),
        (([3, 11], [10, 10], [2, 2], [9, 9]), "study 2: ai 11 exceeds n1i 10"),
        (([3], [10], [10], [9]), "study 1: ci 10 exceeds n2i 9"),
        (([0], [0], [2], [9]), "study 1: n1i 0 is below 1"),
        (([np.nan], [10], [2], [9]), "study 1: ai is missing"),
        (([3], [np.inf], [2], [9]), "study 1: n1i inf is not a number"),
        (([], [], [], []), "no studies to pool"),
        (([1, 2], [9, 9], [1], [9]), "counts of different length: ai 2, n1i 2, ci 1, n2i 1"),
        ((["many"], [9], [1], [9]), "study 1: ai 'many' is not a number of patients"),
    ],
)
def test_impossible_counts_are_named(arms: tuple[list[float], ...], message: str) -> None:
    with pytest.raises(DataError, match=message.replace(".", r"\.")):
        validate_counts(*arms)


def test_messages_use_the_labels() -> None:
    with pytest.raises(DataError, match=r"study 2 \(Smith 2020\): ai 11 exceeds n1i 10"):
        validate_counts([1, 11], [10, 10], [1, 1], [9, 9], ["Roe 2019", "Smith 2020"])
    with pytest.raises(DataError, match="1 labels for 2 studies"):
        study_names(["Roe 2019"], 2)


def test_zero_rules_choose_their_studies() -> None:
    changed = {rule: apply_zero_rule(COUNTS, 0.5, rule)[1] for rule in ("only0", "all", "if0all")}
    assert changed["only0"].tolist() == [False, True, False, False]
    assert changed["all"].all()
    assert changed["if0all"].all()
    full = validate_counts([3, 4], [9, 9], [1, 2], [9, 9])
    assert not apply_zero_rule(full, 0.5, "if0all")[1].any()
    assert not apply_zero_rule(COUNTS, 0.5, "none")[1].any()
    assert not apply_zero_rule(COUNTS, 0.0, "all")[1].any()
    used, _ = apply_zero_rule(COUNTS, 0.25, "only0")
    assert used.n1i.tolist() == [20, 15.5, 31, 60]


def test_wrong_options_are_named() -> None:
    with pytest.raises(ConfigError, match="to = 'some' is not one of"):
        apply_zero_rule(COUNTS, 0.5, "some")
    with pytest.raises(ConfigError, match="add = -1"):
        apply_zero_rule(COUNTS, -1, "only0")
    with pytest.raises(ConfigError, match="measure = 'HR'"):
        two_arm_effects(COUNTS, measure="HR")
    with pytest.raises(ConfigError, match="measure = 'HR'"):
        mantel_haenszel(COUNTS, measure="HR")


def test_effects_that_do_not_exist_are_nan() -> None:
    got = two_arm_effects(COUNTS, measure="OR", to="none")
    assert np.isnan(got.yi).tolist() == [False, True, False, False]
    both = validate_counts([0, 3], [9, 9], [0, 2], [9, 9])
    assert np.isnan(two_arm_effects(both, measure="RD", drop00=True).vi).tolist() == [True, False]


def test_risk_ratio_variance_keeps_its_digits() -> None:
    # One patient in a million without the event: 1/a - 1/n would lose half the digits.
    n = 10**6
    got = two_arm_effects(validate_counts([n - 1], [n], [n - 2], [n]), measure="RR")
    want = 1 / ((n - 1) * n) + 2 / ((n - 2) * n)
    assert got.vi[0] == pytest.approx(want, rel=1e-14)


@given(tables())
def test_swapping_arms_changes_the_sign(counts: TwoArmCounts) -> None:
    for measure in ("OR", "RR", "RD"):
        one, two = (two_arm_effects(c, measure=measure) for c in (counts, swapped(counts)))
        np.testing.assert_allclose(one.yi, -two.yi, atol=1e-12)
        np.testing.assert_allclose(one.vi, two.vi, rtol=1e-12)
        one, two = (mantel_haenszel(c, measure=measure) for c in (counts, swapped(counts)))
        np.testing.assert_allclose(one.estimate, -two.estimate, atol=1e-10)
        np.testing.assert_allclose(one.se, two.se, rtol=1e-7)
    one, two = peto(counts), peto(swapped(counts))
    np.testing.assert_allclose(one.estimate, -two.estimate, atol=1e-10)


@given(tables())
def test_odds_ratios_do_not_care_what_is_called_an_event(counts: TwoArmCounts) -> None:
    for pool in (lambda c: mantel_haenszel(c, measure="OR"), peto):
        one, two = pool(counts), pool(inverted(counts))
        np.testing.assert_allclose(one.estimate, -two.estimate, atol=1e-10)
        np.testing.assert_allclose(one.se, two.se, rtol=1e-10)


@pytest.mark.parametrize("measure", ["OR", "RR"])
def test_mantel_haenszel_of_one_table_is_its_own_effect(measure: str) -> None:
    one = validate_counts([3], [20], [5], [18])
    effect = two_arm_effects(one, measure=measure)
    pool = mantel_haenszel(one, measure=measure)
    assert float(pool.estimate) == pytest.approx(effect.yi[0], rel=1e-13)
    assert float(pool.se) == pytest.approx(np.sqrt(effect.vi[0]), rel=1e-13)


def test_a_batch_is_its_members() -> None:
    rng = np.random.default_rng(4)
    n1, n2 = rng.integers(5, 60, (2, 7, 9))
    batch = validate_counts(rng.binomial(n1, 0.3), n1, rng.binomial(n2, 0.4), n2)
    for measure in ("OR", "RR", "RD"):
        whole = mantel_haenszel(batch, measure=measure)
        spread = fixed_heterogeneity(two_arm_effects(batch, measure=measure), whole.estimate)
        for i in range(7):
            one = TwoArmCounts(batch.ai[i], batch.n1i[i], batch.ci[i], batch.n2i[i])
            single = mantel_haenszel(one, measure=measure)
            assert whole.estimate[i] == pytest.approx(float(single.estimate), rel=1e-13)
            assert whole.se[i] == pytest.approx(float(single.se), rel=1e-13)
            alone = fixed_heterogeneity(two_arm_effects(one, measure=measure), single.estimate)
            assert spread.q[i] == pytest.approx(float(alone.q), rel=1e-12)
    assert peto(batch).estimate.shape == (7,)
    assert cochran_mantel_haenszel(batch).stat.shape == (7,)
    assert breslow_day(batch).p.shape == (7,)


def test_studies_without_information_get_no_weight() -> None:
    more = validate_counts([*COUNTS.ai, 0], [*COUNTS.n1i, 50], [*COUNTS.ci, 0], [*COUNTS.n2i, 40])
    for measure in ("OR", "RR"):
        assert mantel_haenszel(more, measure=measure).weights[-1] == 0.0
        assert float(mantel_haenszel(more, measure=measure).estimate) == pytest.approx(
            float(mantel_haenszel(COUNTS, measure=measure).estimate), rel=1e-14
        )
    assert mantel_haenszel(more, measure="RD").weights[-1] > 0.0
    assert peto(more).weights[-1] == 0.0
    assert np.isnan(peto_effects(more).yi[-1])


def test_nothing_to_estimate_is_nan_and_not_a_warning() -> None:
    none = validate_counts([0, 0], [9, 8], [0, 0], [7, 6])
    for measure in ("OR", "RR", "RD"):
        pool = mantel_haenszel(none, measure=measure)
        assert np.isnan(pool.se)
        assert np.isnan(pool.estimate)
    assert np.isnan(peto(none).estimate)
    assert breslow_day(none).df == 0


def test_against_statsmodels() -> None:
    from statsmodels.stats.contingency_tables import StratifiedTable

    c = validate_counts([3, 1, 7, 12], [20, 15, 31, 60], [5, 2, 7, 20], [18, 16, 29, 66])
    stacked = [[[a, b], [x, d]] for a, b, x, d in zip(c.ai, c.bi, c.ci, c.di, strict=True)]
    table = StratifiedTable([np.array(t) for t in stacked])
    pool = mantel_haenszel(c, measure="OR")
    assert float(pool.estimate) == pytest.approx(float(np.log(table.oddsratio_pooled)), rel=1e-12)
    assert float(pool.se) == pytest.approx(float(table.logodds_pooled_se), rel=1e-12)
    assert float(cochran_mantel_haenszel(c).stat) == pytest.approx(
        table.test_null_odds(correction=True).statistic, rel=1e-12
    )
    assert float(cochran_mantel_haenszel(c, correct=False).stat) == pytest.approx(
        table.test_null_odds(correction=False).statistic, rel=1e-12
    )
    for adjust in (False, True):
        assert float(breslow_day(c, tarone=adjust).stat) == pytest.approx(
            table.test_equal_odds(adjust=adjust).statistic, rel=1e-10
        )


@pytest.mark.parametrize(
    ("value", "measure"), list(product([-800.0, 0.0, 800.0], ["OR", "RR", "RD"]))
)
def test_back_transforms_stay_in_range(value: float, measure: str) -> None:
    got = back_transform(value, measure)
    assert np.isfinite(got)
    assert (-1.0 <= got <= 1.0) if measure == "RD" else got >= 0.0
