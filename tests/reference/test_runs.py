"""The pooled results of the main job against R, on the very counts of the run of record."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from carmeta.domain.analysis import Analysis, OutcomeAnalysis
from carmeta.pipeline import run

pytestmark = pytest.mark.reference
ROOT = Path(__file__).parents[2]
PINS: dict[str, Any] = json.loads(Path(__file__).with_name("runs.json").read_text(encoding="utf-8"))
OUTCOMES = PINS["outcomes"]

REML_REL, GLMM_REL = 1e-9, 1e-6


@cache
def _analysis() -> Analysis:
    return run(ROOT / "configs" / "primary.yaml", studies=ROOT / "studies")


def outcome(name: str) -> OutcomeAnalysis:
    (found,) = [one for one in _analysis().outcomes if one.outcome == name]
    return found


def close(ours: float, theirs: float, rel: float, scale: float = 0.0) -> None:
    assert abs(ours - theirs) <= rel * max(abs(theirs), scale), (ours, theirs)


def test_every_outcome_of_the_run_is_pinned() -> None:
    assert set(OUTCOMES) == {one.outcome for one in _analysis().outcomes}
    assert {"R", "metafor", "lme4"} <= set(PINS["versions"])


@pytest.mark.parametrize("name", OUTCOMES)
def test_the_pins_are_of_todays_counts(name: str) -> None:
    pin = OUTCOMES[name]
    theirs = sorted(zip(pin["cohorts"], pin["xi"], pin["ni"], strict=True))
    ours = sorted((r.count.key, r.count.xi, r.count.ni) for r in outcome(name).rows)
    assert ours == theirs, "make pool, then make reference"


@pytest.mark.parametrize("name", OUTCOMES)
def test_reml_with_hartung_knapp(name: str) -> None:
    pin = OUTCOMES[name]
    reml = pin["reml"]
    row = dict(zip(PINS["columns"], reml["tests"]["adhoc"], strict=True))
    (ours,) = [b for b in outcome(name).beside if b.model == "IV"]
    assert (ours.method, ours.test) == ("REML", "adhoc")
    se = row["se"]
    close(ours.estimate, reml["estimate"], REML_REL, se)
    close(ours.se, se, REML_REL)
    close(ours.tau2, reml["tau2"], REML_REL)
    close(ours.tau2_ci_lb, pin["tau2_qp"][0], REML_REL, 1e-3)
    close(ours.tau2_ci_ub, pin["tau2_qp"][1], REML_REL)
    for key, value in (("ci_lb", ours.ci_lb), ("ci_ub", ours.ci_ub),
                       ("pi_v_lb", ours.pi_lb), ("pi_v_ub", ours.pi_ub)):  # fmt: skip
        close(value, row[key], REML_REL, se)
    for key, value in (("back_estimate", ours.back.estimate), ("back_ci_lb", ours.back.ci_lb),
                       ("back_ci_ub", ours.back.ci_ub)):  # fmt: skip
        close(value, row[key], REML_REL)
    close(ours.i2, reml["i2"], REML_REL)
    close(ours.q, reml["q"], 1e-12)
    close(ours.q_pval, reml["q_pval"], 1e-9)


@pytest.mark.parametrize("name", OUTCOMES)
def test_glmm(name: str) -> None:
    pin = OUTCOMES[name]["glmm"]
    ours = outcome(name).headline
    assert (ours.model, ours.test) == ("GLMM", "t")
    close(ours.estimate, pin["estimate"], GLMM_REL, pin["se"])
    close(ours.se, pin["se"], GLMM_REL)
    close(ours.tau2, pin["tau2"], GLMM_REL)
    close(ours.tau2_ci_lb, pin["tau2_ci"][0], GLMM_REL, 1e-2)
    close(ours.tau2_ci_ub, pin["tau2_ci"][1], GLMM_REL)
    close(ours.loglik, pin["loglik"], GLMM_REL)
    close(ours.lrt, OUTCOMES[name]["lrt"], 1e-10)
    expit = 1.0 / (1.0 + math.exp(-pin["estimate"]))
    close(ours.back.estimate, expit, GLMM_REL)
