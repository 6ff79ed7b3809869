"""Outcomes against moderators, one at a time: from the record to every file (#9.1)."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from carmeta.api import effects
from carmeta.api.regression import predict, regress, regress_counts
from carmeta.domain.analysis import Analysis
from carmeta.domain.moderators import MetaRegression
from carmeta.pipeline import run
from carmeta.report import console, csvfiles, reproduce, summary
from carmeta.report.contents_regression import sentences
from carmeta.report.files import render_all
from carmeta.report.methods import Methods

AT = {"table": "1"}
XI = [28, 15, 16, 15, 20, 70, 85, 31]
NI = [33, 17, 20, 22, 25, 97, 97, 40]
AGES = ["57", "61", "60.5", "66", "63", "70", "58", "NR"]
PHASE = ["1", "1", "2", "2", "2", "1", "2", "1"]
REVIEW = """\
title: T
packs: [imwg]
roles: {treated: treated}
moderators: {age: {label: Median age, unit: years, cuts: [62]}}
"""
Runner = Callable[..., Analysis]


def record(i: int, xi: int, age: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"s{i}", "label": f"S{i}",
        "trial": {"design": "single-arm", "year": 2010 + i, "phase": PHASE[i]},
        "reports": [{"id": f"r{i}", "authors": "A B", "title": "T", "journal": "J", "year": 2020}],
        "cohorts": [
            {"id": "all", "label": f"S{i}", "role": "treated",
             "populations": {"itt": {"n": NI[i], "at": AT}},
             "proportions": [{"outcome": "orr", "population": "itt", "at": AT, "count": xi}],
             "characteristics": [{"name": "age", "value": age, "at": AT}] if age else []}
        ],
    }  # fmt: skip


@pytest.fixture
def analysed(tmp_path: Path) -> Runner:
    (tmp_path / "studies").mkdir()
    (tmp_path / "review.yaml").write_text(REVIEW, encoding="utf-8")

    def analyse(keys: str, xi: list[int] = XI, ages: list[str] = AGES) -> Analysis:
        for i, (x, age) in enumerate(zip(xi, ages, strict=True)):
            path = tmp_path / "studies" / f"s{i}.yaml"
            path.write_text(json.dumps(record(i, x, age)), encoding="utf-8")
        text = (
            f"name: mine\ntitle: Mine\noutcomes: [orr]\nsensitivity: {{influence: false}}\n{keys}"
        )
        (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
        return run(tmp_path / "mine.yaml", studies=tmp_path / "studies")

    return analyse


def fitted(analysis: Analysis) -> MetaRegression:
    (found,) = analysis.outcomes[0].regressions
    return found


KNOWN = [float(age) for age in AGES[:-1]]


def test_the_headline_model_is_fitted(analysed: Runner) -> None:
    found = fitted(analysed("regression: [age]\n"))
    want = regress_counts(XI[:-1], NI[:-1], {"age": KNOWN}, "~ age")
    (slope,) = found.effects
    assert (found.model, found.method, found.test) == ("GLMM", "ML", "t")
    assert slope.estimate == pytest.approx(want.coefficients[1].estimate, rel=1e-9)
    assert (slope.p, slope.df) == pytest.approx((want.coefficients[1].p, 5))
    assert slope.ratio == pytest.approx(math.exp(slope.estimate))
    assert slope.ratio_ub == pytest.approx(math.exp(slope.ci_ub))
    assert (found.tau2, found.r2, found.k) == pytest.approx((want.tau2, want.r2, 7))
    point = found.curve[len(found.curve) // 2]
    (mean,) = predict(want, {"age": [point.value]})
    assert mean.back is not None
    assert (point.estimate, point.ci_lb, point.ci_ub) == pytest.approx(
        (mean.back.estimate, mean.back.ci_lb, mean.back.ci_ub), rel=1e-8
    )
    assert (found.curve[0].value, found.curve[-1].value) == (57, 70)


def test_inverse_variance_is_fitted_where_it_is_the_headline(analysed: Runner) -> None:
    found = fitted(analysed("models: [{model: IV, method: DL, test: knha}]\nregression: [age]\n"))
    sizes = effects(XI[:-1], NI[:-1])
    want = regress(sizes.yi, sizes.vi, {"age": KNOWN}, "~ age", method="DL", test="knha")
    assert (found.model, found.method, found.test) == ("IV", "DL", "knha")
    assert found.effects[0].ci_lb == pytest.approx(want.coefficients[1].ci_lb, rel=1e-9)
    assert [point.weight for point in found.points] == pytest.approx(want.weights)


def test_a_category_is_set_against_its_reference(analysed: Runner) -> None:
    found = fitted(analysed("regression: [phase]\n"))
    want = regress_counts(XI, NI, {"phase": [f"phase {p}" for p in PHASE]}, "~ phase")
    assert (found.unit, found.reference, found.curve) == ("", "phase 1", ())
    assert [effect.category for effect in found.effects] == ["phase 2"]
    assert found.effects[0].estimate == pytest.approx(want.coefficients[1].estimate, rel=1e-8)
    assert found.omnibus is not None
    assert found.omnibus.p == pytest.approx(want.terms[0].p, rel=1e-8)


def test_who_has_no_value_is_left_out_by_name(analysed: Runner) -> None:
    analysis = analysed("regression: [age]\n")
    assert len(analysis.outcomes[0].rows) == 8
    (who,) = fitted(analysis).left_out
    assert who.startswith("S7 (")
    assert "'NR'" in who
    assert "S7" in sentences(analysis.outcomes[0])[0]


@pytest.mark.parametrize(
    ("ages", "why"),
    [
        (["57", "61", "60", "", "", "", "", "NR"], "fewer than four cohorts"),
        (["61"] * 8, "every cohort has the same"),
        ([""] * 8, "no cohort has a value"),
    ],
)
def test_too_little_is_not_fitted_and_is_said(analysed: Runner, ages: list[str], why: str) -> None:
    analysis = analysed("regression: [age]\n", ages=ages)
    found = fitted(analysis)
    assert found.effects == ()
    assert math.isnan(found.tau2)
    assert why in found.refusal
    assert why in sentences(analysis.outcomes[0])[0]
    text = csvfiles.write(*table(analysis)).decode()
    assert why in text


def test_a_model_without_a_maximum_is_said(analysed: Runner) -> None:
    analysis = analysed("regression: [phase]\n", xi=[0, 0, 16, 15, 20, 0, 85, 0])
    found = fitted(analysis)
    assert found.effects == ()
    assert "converge" in found.refusal


def test_no_events_at_all_is_no_traceback(analysed: Runner) -> None:
    assert fitted(analysed("regression: [age]\n", xi=[0] * 8)).refusal


def test_levels_of_cuts_as_subgroups_in_their_order(analysed: Runner) -> None:
    (one,) = analysed("subgroup: age\n").outcomes
    assert [group.level for group in one.subgroups] == [
        "age < 62 years", "age ≥ 62 years", "not reported",
    ]  # fmt: skip
    assert any("S7" in note and "'NR'" in note for note in one.notes)


def table(analysis: Analysis) -> tuple[Any, Any]:
    (raw,) = [raw for raw in csvfiles.all_raw(analysis) if raw.name == "regression"]
    return raw.columns, raw.rows


def test_it_is_in_every_file(analysed: Runner) -> None:
    analysis = analysed("regression: [age, phase]\n")
    age, phase = analysis.outcomes[0].regressions
    files = render_all(analysis, word=False, excel=False)
    rows = list(csv.DictReader(io.StringIO(files["regression.csv"].decode())))
    assert [(row["moderator"], row["category"]) for row in rows] == [
        ("age", ""), ("phase", "phase 2"),
    ]  # fmt: skip
    assert float(rows[0]["estimate"]) == pytest.approx(age.effects[0].estimate, rel=1e-9)
    assert float(rows[1]["odds_ratio"]) == pytest.approx(phase.effects[0].ratio, rel=1e-9)
    assert "S7" in rows[0]["left_out"]
    document = json.loads(files["results.json"])
    assert document["outcomes"][0]["regressions"][0]["unit"] == "years"
    assert files["bubble_orr_age.svg"].count(b"point:") == 7
    assert b"<desc>" in files["bubble_orr_age.svg"]
    drawn = list(csv.DictReader(io.StringIO(files["bubble_orr_age.csv"].decode())))
    assert [row["label"] for row in drawn if row["row"] == "study"] == [f"S{i}" for i in range(7)]
    assert "bubble_orr_phase.svg" not in files
    page = files["report.html"].decode()
    assert 'id="regression"' in page
    assert "figure-bubble_orr_age" in page
    assert "Thompson SG, Higgins JPT" in page
    assert "regression.csv" in page
    assert "## Meta-regression" in files["summary.md"].decode()
    assert "mods" in files["reproduce.R"].decode()
    assert "\\begin" in files["tables.tex"].decode()
    assert "Meta-regression" in files["tables.tex"].decode()


def test_the_reader_is_told_what_it_is_worth(analysed: Runner) -> None:
    analysis = analysed("regression: [age]\n")
    text = dict(Methods(analysis).paragraphs)["Meta-regression"]
    assert "averages of cohorts" in text
    assert "fewer than ten" in text
    caption = console.headline(analysis).caption
    assert "Median age" in str(caption)
    assert "S7" in str(caption)


def test_nothing_of_it_where_nobody_asks(analysed: Runner) -> None:
    analysis = analysed("")
    files = render_all(analysis, figures=False, word=False, excel=False)
    assert "regression.csv" not in files
    assert "Meta-regression" not in files["report.html"].decode()
    assert "Meta-regression" not in summary.markdown(analysis).decode()
    assert "mods" not in reproduce.script(analysis).decode()
