"""The diagnostics of a run are those of the library, and the figures show them."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace
from pathlib import Path

import pytest

from carmeta.digits import settle
from carmeta.pipeline import run
from carmeta.pipeline.diagnostics import diagnose
from carmeta.report import numbers
from carmeta.sensitivity.influence import influence
from carmeta.sensitivity.small_study import TOO_FEW, small_study_test
from tests.figures import synthetic

ROOT = Path(__file__).parents[3]
FIELDS = {
    "rstudent": "rstudent", "dffits": "dffits", "cook_d": "cook", "hat": "hat",
    "cov_r": "cov_ratio", "tau2_del": "tau2_del", "q_del": "q_del",
    "baujat_x": "baujat_x", "baujat_y": "baujat_y",
}  # fmt: skip

UNTESTED = f"small-study effects are not tested: {TOO_FEW}"


def test_every_outcome_of_the_primary_run_has_the_numbers_of_the_library(analysis):
    for outcome in analysis("primary").outcomes:
        counts = [row.count for row in outcome.rows]
        xi, ni = [c.xi for c in counts], [c.ni for c in counts]
        wanted = influence(xi, ni, model="IV", method="REML")
        found = outcome.diagnostics.influence
        assert [item.slab for item in found] == [c.slab for c in counts]
        for ours, theirs in FIELDS.items():
            values = [getattr(item, ours) for item in found]
            assert values == pytest.approx(getattr(wanted, theirs).tolist(), rel=1e-12)
        assert [item.influential for item in found] == wanted.influential.tolist()
        assert sum(item.hat for item in found) == pytest.approx(1.0, rel=1e-12)
        assert [item.weight for item in found] == [row.weight for row in outcome.rows]
        assert outcome.diagnostics.small_study == UNTESTED  # nine cohorts at most


def test_limits_are_the_rules_of_thumb():
    limits = diagnose(synthetic.outcome(9).rows).limits
    assert limits["rstudent"] == pytest.approx((-1.959963984540054, 1.959963984540054), rel=1e-12)
    assert limits["dffits"] == pytest.approx((-3 / math.sqrt(8), 3 / math.sqrt(8)), rel=1e-12)
    assert limits["cook_d"] == pytest.approx((0.454936423119573,), rel=1e-9)  # median of chi2(1)
    assert limits["hat"] == pytest.approx((1 / 3,), rel=1e-12)


def test_two_studies_have_no_diagnostics():
    assert diagnose(synthetic.outcome(2).rows) is None
    assert diagnose(synthetic.outcome(3).rows) is not None


def test_peters_from_ten_studies_on():
    rows = synthetic.outcome(10).rows
    found = diagnose(rows).small_study
    wanted = small_study_test([r.count.xi for r in rows], [r.count.ni for r in rows])
    slope, stat = numbers.fixed(wanted.slope, 2), numbers.fixed(wanted.stat, 2)
    assert found.startswith(f"Peters-type regression on 1/n: slope {slope} (SE ")
    assert f"t(8) = {stat}, P " in found
    assert "proves no publication bias" in found
    assert diagnose(rows[:9]).small_study == UNTESTED


def test_studies_of_one_size_cannot_be_regressed_on_it():
    rows = synthetic.outcome(12).rows
    same = [replace(r, count=replace(r.count, xi=5 + i % 4, ni=20)) for i, r in enumerate(rows)]
    assert "same 1/n" in diagnose(same).small_study


def test_subsets_of_one_cohort_have_none(analysis):
    assert all(o.diagnostics is None for o in analysis("legend2-subsets").outcomes)


def test_the_switch(tmp_path, analysis):
    config = tmp_path / "few.yaml"
    config.write_text(
        "name: few\ntitle: Few\noutcomes: [orr]\n"
        "sensitivity: {influence: false, leave_one_out: false, evidence: false}\n"
    )
    (outcome,) = run(config, studies=ROOT / "studies").outcomes
    assert outcome.diagnostics is None
    assert analysis("primary").config["sensitivity"]["influence"] is True


def test_figures_of_the_primary_run_carry_these_numbers(analysis):
    from carmeta.report.figures_sensitivity import sensitivity_figures

    primary = settle(analysis("primary"))
    found = {picture.stem: picture for picture in sensitivity_figures(primary)}
    kinds = ("funnel", "baujat", "influence", "specification")
    assert set(found) == {f"{kind}_{o.outcome}" for kind in kinds for o in primary.outcomes}

    def rows(stem):
        return list(csv.DictReader(io.StringIO(found[stem].sidecar.decode())))

    for outcome in primary.outcomes:
        name, items = outcome.outcome, outcome.diagnostics.influence
        assert [float(r["baujat_x"]) for r in rows(f"baujat_{name}")] == pytest.approx(
            [item.baujat_x for item in items], rel=1e-11
        )
        shown = rows(f"influence_{name}")
        for field in ("rstudent", "dffits", "cook_d", "cov_r", "tau2_del", "q_del", "hat"):
            assert [float(r[field]) for r in shown] == pytest.approx(
                [getattr(item, field) for item in items], rel=1e-11
            )
        assert [int(r["ni"]) for r in rows(f"funnel_{name}")] == [r.count.ni for r in outcome.rows]
        curve = rows(f"specification_{name}")
        assert len(curve) == 1 + len(outcome.beside) + len(outcome.sensitivity)
        estimates = [float(r["estimate"]) for r in curve]
        assert estimates == sorted(estimates)
        (head,) = [r for r in curve if r["primary"] == "true"]
        assert float(head["estimate"]) == pytest.approx(outcome.headline.back.estimate, rel=1e-11)
        assert head["shown_shift"] == "0.0"
