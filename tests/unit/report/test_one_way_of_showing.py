"""A number is rounded and written in one way, whichever part of the report shows it."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from carmeta.domain.analysis import StudyRow
from carmeta.report import console, methods
from carmeta.report.explain import explain, leaves
from carmeta.report.forest import forest_spec
from tests.figures import synthetic


def texts(step) -> list[str]:
    return [step.text, *(text for one in step.steps for text in texts(one))]


def test_explain_rounds_as_the_report_does() -> None:
    outcome = synthetic.outcome(9)
    first = outcome.rows[0]
    # 0.1225 is a tie as printed, and below it as a binary number
    rows = (replace(first, proportion=0.1225, yi=-1.96875, vi=0.25), *outcome.rows[1:])
    outcome = replace(outcome, rows=rows)
    (row, *_) = explain(synthetic.analysis(outcomes=(outcome,)), outcome).steps
    shown = " ".join(texts(row))
    assert "12.3%" in shown
    assert "\u22121.9688" in shown


def test_a_minus_is_a_minus_sign() -> None:
    outcome = synthetic.outcome(9)
    rows = tuple(replace(row, yi=-abs(row.yi), vi=row.vi) for row in outcome.rows)
    outcome = replace(outcome, rows=rows)
    shown = texts(explain(synthetic.analysis(outcomes=(outcome,)), outcome))
    assert not [text for text in shown if " -" in text]


def test_the_share_of_the_information_has_one_name() -> None:
    outcome = synthetic.outcome(9)
    assert outcome.headline.weights_kind == "information-share"
    header = next(c.header for c in forest_spec(outcome).columns if c.key == "weight")
    assert " ".join(header) == "Information share, %"
    row: StudyRow = outcome.rows[0]
    text = explain(synthetic.analysis(outcomes=(outcome,)), outcome, row.count.key).text
    assert "information share" in text
    assert "weight" not in text


def test_the_footnote_gives_the_degrees_of_freedom_of_each_outcome() -> None:
    run = synthetic.analysis(
        outcomes=(synthetic.outcome(9), synthetic.outcome(7, code="nt_any", rate=0.2))
    )
    out = io.StringIO()
    Console(file=out, width=300, color_system=None).print(console.headline(run))
    note = " ".join(out.getvalue().split())
    assert "CI by Wald t with 8 df (ORR); Wald t with 6 df (NT)" in note


def test_the_prediction_interval_is_cited_for_what_was_done() -> None:
    outcome = synthetic.outcome(9)
    cited = {}
    for method in ("V", "HTS", "bootstrap"):
        head = outcome.headline.but(pi_method=method)
        run = synthetic.analysis(outcomes=(replace(outcome, headline=head, beside=()),))
        cited[method] = " ".join(methods.Methods(run).references())
    assert "Veroniki" in cited["V"]
    assert "Higgins JPT, Thompson SG, Spiegelhalter" not in cited["V"]
    assert "Higgins JPT, Thompson SG, Spiegelhalter" in cited["HTS"]
    assert "Nagashima" in cited["bootstrap"]


def test_steps_end_somewhere() -> None:
    outcome = synthetic.outcome(2)
    assert list(leaves(explain(synthetic.analysis(outcomes=(outcome,)), outcome)))
