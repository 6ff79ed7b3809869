from __future__ import annotations

import io

from rich.console import Console

from carmeta.report.console import headline
from tests.figures import synthetic


def shown(analysis: object, width: int = 160) -> str:
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=False, color_system=None).print(
        headline(analysis)
    )
    return out.getvalue()


def test_a_line_for_every_outcome_with_both_models() -> None:
    text = shown(synthetic.analysis())
    line = next(line for line in text.splitlines() if line.strip().startswith("ORR"))
    for part in ("9", "529/649", "80.8 (62.2 to 91.5)", "21.9 to 98.4", "1.210", "91%", "REML, HK"):
        assert part in line
    assert "\x1b" not in text


def test_text_is_never_markup() -> None:
    analysis = synthetic.analysis(text="[bold red]x[/bold red] [/]")
    assert "[bold red]x[/bold red] [/]" in shown(analysis)


def test_fallbacks_are_told() -> None:
    text = shown(synthetic.analysis(outcomes=(synthetic.outcome(1),)))
    assert "alone: its exact Clopper-Pearson interval" in text
    assert "not estimable" in text


def test_comparisons_alone() -> None:
    assert "3.47 (2.24 to 5.39)" in shown(synthetic.analysis(outcomes=()))
