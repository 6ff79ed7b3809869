"""The meta-regressions of a run against metafor and lme4, on one published data set."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from carmeta.config import AnalysisConfig
from carmeta.domain.evidence import Count
from carmeta.domain.moderators import MetaRegression
from carmeta.domain.words import Vocabulary
from carmeta.domain.words.terms import Moderator
from carmeta.pipeline.fitting import pooled
from carmeta.pipeline.outcome import study_rows
from carmeta.pipeline.regression import meta_regressions

pytestmark = pytest.mark.reference
PINS: dict[str, Any] = json.loads(
    Path(__file__).with_name("regression.json").read_text(encoding="utf-8")
)
FITS = PINS["fits"]
REML_REL, GLMM_REL = 1e-9, 1e-6
NUMERIC = ("latitude", "year")
WORDS = Vocabulary(moderators={n: Moderator(label=n, unit="unit") for n in NUMERIC})


def counts() -> list[Count]:
    found = []
    for i, (xi, ni) in enumerate(zip(PINS["xi"], PINS["ni"], strict=True)):
        found.append(
            Count(
                f"s{i}", "all", f"{PINS['slab'][i]} {i}", "", "tb", xi, ni, (xi,), "itt",
                "printed", "Table",
                moderators={"allocation": PINS["data"]["allocation"][i]},
                numbers={name: float(PINS["data"][name][i]) for name in NUMERIC},
            )
        )  # fmt: skip
    return found


@cache
def fitted(model: str) -> dict[str, MetaRegression]:
    spec: Any = ({"model": model},)
    config = AnalysisConfig.model_validate(
        {"name": "x", "title": "X", "models": spec, "regression": tuple(FITS),
         "outcomes": ("tb",)}
    )  # fmt: skip
    given = counts()
    rows = study_rows(config, given, pooled(given, config.requests[0]))
    return {one.moderator: one for one in meta_regressions(config, rows, WORDS)}


def close(ours: Sequence[float], theirs: Sequence[float], rel: float, scale: Any = 0.0) -> None:
    a, b = np.asarray(ours), np.asarray(theirs)
    assert (np.abs(a - b) <= rel * np.maximum(np.abs(b), scale)).all(), (a, b)


def test_the_pins_say_what_made_them() -> None:
    assert {"R", "metafor", "lme4", "numDeriv"} <= set(PINS["versions"])


@pytest.mark.parametrize("name", FITS)
def test_inverse_variance(name: str) -> None:
    want, found = FITS[name]["iv"], fitted("IV")[name]
    assert (found.method, found.test, found.k) == ("REML", "adhoc", 13)
    rows = np.array(want["coef"])[1:]
    got = [(e.estimate, e.se, e.stat, e.p, e.ci_lb, e.ci_ub) for e in found.effects]
    close(got, rows, 10 * REML_REL, scale=rows[:, 1:2])
    assert [e.ratio for e in found.effects] == pytest.approx(
        [math.exp(row[0]) for row in rows], rel=1e-8
    )
    close([found.tau2], [want["tau2"]], REML_REL)
    close([found.tau2_ci_lb, found.tau2_ci_ub], want["tau2_qp"], REML_REL, scale=1e-3)
    close([found.r2], [want["r2"]], 10 * REML_REL, scale=1.0)
    assert found.omnibus is not None
    close([found.omnibus.stat, found.omnibus.p], [want["qm"], want["qm_pval"]], 100 * REML_REL)
    close([point.weight for point in found.points], want["weights"], REML_REL)


def test_the_line_and_its_band() -> None:
    found = fitted("IV")["latitude"]
    ours = {round(p.value, 9): (p.estimate, p.ci_lb, p.ci_ub) for p in found.curve}
    for at, *want in FITS["latitude"]["iv"]["line"]:
        close(ours[at], want, 1e-8)


@pytest.mark.parametrize("name", FITS)
def test_binomial_normal(name: str) -> None:
    want, found = FITS[name]["glmm"], fitted("GLMM")[name]
    assert (found.method, found.test, found.k) == ("ML", "t", 13)
    se = np.sqrt(np.diag(np.array(want["cov"])))[1:]
    close([e.estimate for e in found.effects], want["beta"][1:], GLMM_REL, scale=se)
    close([e.se for e in found.effects], se, GLMM_REL)
    close([found.tau2], [want["tau2"]], GLMM_REL)
    close([found.r2], [want["r2"]], 10 * GLMM_REL, scale=1.0)
