"""The summary says what a configuration asks for beyond the pools: subgroups and thresholds."""

from __future__ import annotations

import math
from dataclasses import replace

from carmeta.domain.analysis import Beyond
from carmeta.report import summary, words
from tests.figures import synthetic


def test_subgroups_with_the_test_between_them() -> None:
    outcome = synthetic.outcome(9, subgroups=True)
    text = summary.markdown(synthetic.analysis(outcomes=(outcome,))).decode()
    part = text.partition("## Subgroups\n")[2].partition("\n## ")[0]
    for group in outcome.subgroups:
        assert group.label in part
    for sentence in words.subgroup_tests(outcome):
        assert sentence.partition(":")[0] in part
    assert len(part.strip().splitlines()) == 1  # short: a line an outcome


def test_thresholds() -> None:
    asked = (Beyond(0.5, "above", 0.93), Beyond(0.9, "below", math.nan))
    outcome = replace(synthetic.outcome(9), beyond=asked)
    text = summary.markdown(synthetic.analysis(outcomes=(outcome,))).decode()
    part = text.partition("## Thresholds\n")[2].partition("\n## ")[0]
    assert "above 50" in part
    assert "93" in part
    assert "below 90" in part
    assert "not estimable" in part


def test_nothing_is_said_of_what_is_not_asked_for() -> None:
    outcome = replace(synthetic.outcome(9), beyond=())
    text = summary.markdown(synthetic.analysis(outcomes=(outcome,))).decode()
    assert "Subgroups" not in text
    assert "Thresholds" not in text
