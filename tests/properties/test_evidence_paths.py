"""Nothing in the counts lacks a path to a printed cell."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from carmeta.domain.analysis import Analysis
from carmeta.pipeline import run
from carmeta.report.explain import as_json, explain, leaves

ROOT = Path(__file__).parents[2]
CONFIGS = sorted(path.stem for path in (ROOT / "configs").glob("*.yaml"))
DOCUMENTS = ("raje-2019", "xu-2019", "rodriguez-otero-2023", "van-oekelen-2023", "van-de-donk-2021")


@cache
def _run(name: str) -> Analysis:
    return run(ROOT / "configs" / f"{name}.yaml", studies=ROOT / "studies")


@pytest.mark.parametrize("name", CONFIGS)
def test_every_pooled_number_ends_in_printed_cells(name: str) -> None:
    analysis = _run(name)
    for outcome in analysis.outcomes:
        for row in outcome.rows:
            ends = list(leaves(explain(analysis, outcome, row.count.key)))
            assert ends, row.count.key
            assert {step.kind for step in ends} == {"cell"}
            assert any(document in step.text for step in ends for document in DOCUMENTS)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_count_of_a_comparison_has_its_decision(name: str) -> None:
    analysis = _run(name)
    decided = {(d.study, d.cohort, d.outcome) for d in analysis.decisions if d.inputs}
    for contrast in analysis.contrasts:
        for pair in contrast.pairs:
            for count in (pair.treatment, pair.control):
                assert (count.study, count.cohort, contrast.outcome) in decided


def test_the_whole_tree_names_what_was_left_out() -> None:
    analysis = _run("primary")
    tree = explain(analysis, analysis.outcomes[0])
    plain = as_json(tree)
    assert plain["kind"] == "pooled"
    left_out = [step["text"] for step in plain["steps"] if step["kind"] == "excluded"]
    assert any("CRB-402" in text for text in left_out)


def test_a_cohort_that_is_not_there_is_an_error() -> None:
    analysis = _run("primary")
    with pytest.raises(KeyError):
        explain(analysis, analysis.outcomes[0], "nowhere")
