"""A refit that was asked for and that too few studies do not allow is said (#8.3)."""

from __future__ import annotations

from pathlib import Path

import pytest

from carmeta.pipeline import run
from carmeta.report.methods import Methods


def sentence(text: str) -> str:
    path = Path("configs/few.yaml")
    path.write_text("name: few\ntitle: Few\n" + text)
    return " ".join(text for _, text in Methods(run(path, studies=Path("studies"))).paragraphs)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("", "Leaving out one study at a time and influence need three cohorts: not done for"),
        ("sensitivity: {influence: false}\n", "Leaving out one study at a time needs three"),
        ("sensitivity: {leave_one_out: false}\n", "Influence needs three cohorts: not done for"),
    ],
)
def test_too_few_cohorts_are_said(golden_review: Path, keys: str, words: str) -> None:
    text = sentence(f"outcomes: [orr, nt_any]\n{keys}")
    assert words in text
