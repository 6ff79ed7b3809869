"""`carmeta explain`: from a pooled number back to the printed cells."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from carmeta.cli import terminal
from carmeta.cli.studies import STUDIES, Folder
from carmeta.errors import ConfigError

if TYPE_CHECKING:
    from carmeta.domain.analysis import Analysis, OutcomeAnalysis
    from carmeta.report.explain import Step


def explain(
    outcome: Annotated[str, typer.Argument(help="e.g. orr, crs_ge3; with a set: orr_site.")],
    cohort: Annotated[
        str | None, typer.Argument(help="A study, or study/cohort; all if left out.")
    ] = None,
    config: Annotated[Path, typer.Option("--config", "-c", help="The configuration.")] = Path(
        "configs/primary.yaml"
    ),
    folder: Folder = STUDIES,
    format: Annotated[
        Literal["table", "json"], typer.Option("--format", help="A tree, or JSON.")
    ] = "table",
) -> int:
    """Walk from a pooled number back to every printed cell.

    Through weights, effect sizes, counts and decisions, as a tree.
    """
    from carmeta.pipeline import run
    from carmeta.report.explain import as_json
    from carmeta.report.explain import explain as steps_of

    with terminal.progress() as tell:
        analysis = run(config, studies=folder, progress=tell)
    found = _find(analysis, outcome)
    try:
        step = steps_of(analysis, found, cohort or "")
    except KeyError:
        raise _no_cohort(found, cohort or "") from None
    if format == "json":
        from carmeta.cli.tables import write_json

        write_json(as_json(step))
    else:
        terminal.show(_tree(step))
    return 0


def _find(analysis: Analysis, key: str) -> OutcomeAnalysis:
    from carmeta.sourcefile import nearest

    for outcome in analysis.outcomes:
        if outcome.key == key:
            return outcome
    known = [outcome.key for outcome in analysis.outcomes]
    guess = nearest(key, known)
    hint = f"did you mean '{guess}'?" if guess else f"there are {', '.join(known)}"
    raise ConfigError(f"'{key}' is not pooled in {analysis.name}", hint=hint)


def _no_cohort(outcome: OutcomeAnalysis, cohort: str) -> ConfigError:
    left_out = [e for e in outcome.excluded if cohort in (e.study, f"{e.study}/{e.cohort}")]
    if left_out:
        return ConfigError(f"'{cohort}' is not pooled for {outcome.key}: {left_out[0].reason}")
    from carmeta.sourcefile import nearest

    known = sorted({row.count.study for row in outcome.rows})
    guess = nearest(cohort, known)
    hint = f"did you mean '{guess}'?" if guess else f"there are {', '.join(known)}"
    return ConfigError(f"no cohort '{cohort}' in {outcome.key}", hint=hint)


def _tree(step: Step) -> Any:
    from rich.text import Text
    from rich.tree import Tree

    def grow(one: Step, branch: Tree | None) -> Tree:
        label = Text(terminal.safe(one.text))
        node = Tree(label) if branch is None else branch.add(label)
        for child in one.steps:
            grow(child, node)
        return node

    return grow(step, None)
