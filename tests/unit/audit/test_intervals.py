from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carmeta.audit.intervals import (
    METHODS,
    agresti_coull,
    clopper_pearson,
    normal_quantile,
    reproduces,
    wald,
    wilson,
)
from carmeta.domain.record import PrintedInterval

AT = {"section": "Results"}


def interval(lb, ub, method="not-reported"):
    return {"lb": lb, "ub": ub, "method": method}


@given(st.integers(1, 400), st.data(), st.sampled_from([90, 95, 99]))
def test_limits_against_statsmodels(n, data, level):
    from statsmodels.stats.proportion import proportion_confint

    x = data.draw(st.integers(0, n))
    for ours, name in (
        (clopper_pearson, "beta"),
        (wilson, "wilson"),
        (agresti_coull, "agresti_coull"),
        (wald, "normal"),
    ):
        expected = proportion_confint(x, n, alpha=1 - level / 100, method=name)
        found = ours(x, n, level)
        if name in ("normal", "agresti_coull"):  # statsmodels cuts these at 0 and 1
            found = tuple(min(max(limit, 0.0), 1.0) for limit in found)
        assert found == pytest.approx(expected, abs=1e-9), name


def test_normal_quantile():
    assert normal_quantile(95) == pytest.approx(1.9599639845400545, abs=1e-12)


@pytest.mark.parametrize(
    ("x", "n", "lb", "ub", "method"),
    [
        # Raje 2019, Table 3 and text: exact limits
        (28, 33, "68", "95", "clopper-pearson"),
        (28, 33, "68.1", "94.9", "clopper-pearson"),
        (1, 3, "1", "91", "clopper-pearson"),
        (3, 3, "29", "100", "clopper-pearson"),
        # Rodriguez-Otero 2023, Table 2: Wald limits
        (181, 254, "66", "77", "wald"),
        (55, 132, "33", "50", "wald"),
        (98, 254, "33", "45", "wald"),
    ],
)
def test_published_intervals_by_their_stated_method(make, clean, x, n, lb, ub, method):
    assert clean(n=n, proportions=[make.proportion(count=x, ci=interval(lb, ub, method))])


def test_another_method_is_named(make, only):
    cell = make.proportion(count=28, ci=interval("73", "97", "clopper-pearson"))
    found = only(n=33, proportions=[cell])
    assert found.code == "CIV001"
    assert found.message == (
        "clopper-pearson gives 68.1 to 94.9 for 28 in 33, not 73 to 97; wald would"
    )


def test_no_method_reproduces_the_limits(make, only, clean):
    assert clean(n=33, proportions=[make.proportion(count=28, ci=interval("68", "95"))])
    found = only(n=33, proportions=[make.proportion(count=28, ci=interval("60", "99"))])
    assert (found.code, found.severity) == ("CIV002", "warning")
    stated = only(n=33, proportions=[make.proportion(count=28, ci=interval("60", "99", "wilson"))])
    assert stated.code == "CIV001"
    assert "nor does another" in stated.message


def test_limits_rounded_twice(make, only):
    # 7 of 132: the lower Wald limit is 1.48%, printed as 2; no count is printed.
    cell = make.proportion("cr", percent="5.3", ci=interval("2", "9", "wald"))
    found = only(n=132, proportions=[cell])
    assert (found.code, found.severity) == ("CIV003", "info")
    assert "7 in 132" in found.message


def test_every_candidate_count_is_tried(make):
    cell = make.proportion(percent="73", ci=interval("65.8", "81.1", "wald"))
    assert make.codes(make.study(make.cohort(n=128, proportions=[cell]))) == ["GRM006"]
    assert reproduces("wald", 93, 128, PrintedInterval(lb="65.8", ub="81.1")) == "no"
    assert reproduces("wald", 94, 128, PrintedInterval(lb="65.8", ub="81.1")) == "yes"


def test_wald_limits_may_be_cut_at_zero():
    for lb in ("0", "-4"):
        assert reproduces("wald", 1, 33, PrintedInterval(lb="-3", ub="9")) == "yes"
        assert reproduces("wald", 1, 33, PrintedInterval(lb=lb, ub="9")) == (
            "yes" if lb == "0" else "no"
        )


def test_every_method_is_tested_here():
    assert set(METHODS) == {
        "clopper-pearson", "wald", "wilson", "agresti-coull", "wald with continuity correction",
    }  # fmt: skip
    low, high = METHODS["wald with continuity correction"](10, 20, 95)
    assert (low, high) == pytest.approx((0.5 - 0.219130 - 0.025, 0.5 + 0.219130 + 0.025), abs=1e-6)


@pytest.mark.parametrize("limits", [("86", "95"), ("60", "84"), ("95", "68")])
def test_estimate_outside_its_limits(make, only, limits):
    cell = make.proportion(count=28, percent="85", ci=interval(*limits))
    assert only(n=33, proportions=[cell]).code == "CIV004"


def time(**fields):
    return {"endpoint": "pfs", "value": "11.8", "unit": "months", "at": AT} | fields


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({"ci": interval("6.2", "17.8", "kaplan-meier")}, []),
        ({"ci": interval("6.2", "NE", "kaplan-meier")}, []),
        ({"ci": interval("NE", "NE")}, []),
        ({"value": "NR", "ci": interval("6.2", "7")}, []),
        ({"ci": interval("12.0", "17.8")}, ["CIV004"]),
        ({"range": "1-12"}, []),
        ({"range": "12-20"}, ["CIV004"]),
    ],
)
def test_times_within_their_limits(make, fields, codes):
    assert make.codes(make.study(make.cohort(times=[time(**fields)]))) == codes


def test_median_outside_its_range(make, only, clean):
    assert clean(characteristics=[make.trait("age", value="60", range="35-78")])
    found = only(characteristics=[make.trait("age", value="60", range="61-78")])
    assert (found.code, found.subject) == ("CIV004", "age")


def test_hazard_ratio_is_central_on_the_log_scale(only, clean):
    ratio = {"statistic": "hazard-ratio", "unit": "ratio"}
    assert clean(times=[time(value="0.49", ci=interval("0.38", "0.65"), **ratio)])
    found = only(times=[time(value="0.49", ci=interval("0.28", "0.65"), **ratio)])
    assert found.code == "CIV005"


def contrast(make, **fields):
    item = {
        "outcome": "orr", "treatment": "a", "control": "b", "measure": "OR", "estimate": "3.47",
        "ci": interval("2.24", "5.39"), "at": AT,
    } | fields  # fmt: skip
    arms = [
        make.cohort("a", 254, proportions=[make.proportion(count=181)]),
        make.cohort("b", 132, proportions=[make.proportion(count=55)]),
    ]
    arms[0]["lineage"] = {"disjoint_from": ["b"]}
    return make.codes(make.study(*arms, contrasts=[item]))


def test_contrast_against_the_counts(make):
    assert contrast(make) == []
    assert contrast(make, measure="RR", estimate="1.71", ci=interval("1.38", "2.12")) == []
    turned = contrast(make, estimate="0.29", ci=interval("0.19", "0.45"))
    assert turned == ["CIV006"]
    assert contrast(make, estimate="3.47", ci=interval("3.50", "5.39")) == ["CIV004"]
    assert contrast(make, measure="RD", estimate="0.30", ci=interval("0.20", "0.40")) == []
