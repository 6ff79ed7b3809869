"""`carmeta explain`: from a pooled number back to the printed cells."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from carmeta.cli import terminal
from carmeta.cli.complete import config_paths, study_ids
from carmeta.cli.layout import PRIMARY, STUDIES
from carmeta.cli.studies import Folder
from carmeta.errors import ConfigError

if TYPE_CHECKING:
    from carmeta.domain.analysis import Analysis
    from carmeta.domain.evidence import DataPath
    from carmeta.report.explain import Step, Where


def explain(
    outcome: Annotated[
        str, typer.Argument(help="Code of an outcome; of a set of cohorts: outcome_set.")
    ],
    cohort: Annotated[
        str | None,
        typer.Argument(help="A study, or study/cohort; all if left out.", autocompletion=study_ids),
    ] = None,
    config: Annotated[
        Path,
        typer.Option("--config", "-c", help="The configuration.", autocompletion=config_paths),
    ] = PRIMARY,
    folder: Folder = STUDIES,
    format: Annotated[
        Literal["table", "json"], typer.Option("--format", help="A tree, or JSON.")
    ] = "table",
) -> int:
    """Walk from a pooled number back to every printed cell.

    Through weights, effect sizes, counts and decisions, as a tree.
    """
    from carmeta.pipeline import run
    from carmeta.records import load_review
    from carmeta.report.explain import as_json

    loaded = load_review(folder)

    def where(study: str, path: DataPath) -> str:
        return str(loaded.sources[study].mark(path))

    with terminal.progress() as tell:
        analysis = run(config, studies=folder, progress=tell, loaded=loaded, varied=False)
    step = _explained(analysis, outcome, cohort or "", where)
    if format == "json":
        from carmeta.cli.tables import write_json

        write_json(as_json(step))
    else:
        terminal.show(_tree(step))
    return 0


def _explained(analysis: Analysis, key: str, cohort: str, where: Where) -> Step:
    """The steps behind an outcome and cohort, pooled or not.

    Raises:
        ConfigError: if the run has no such outcome, or the outcome no such cohort.
    """
    from carmeta.report.explain import explain, explain_absence
    from carmeta.sourcefile import suggest

    found = next((one for one in analysis.pools if one.key == key), None)
    try:
        if found is None:
            return explain_absence(analysis, key, cohort, where)
        return explain(analysis, found, cohort, where)
    except KeyError:
        pass
    if found is None:
        known, said = [one.key for one in analysis.pools], f"'{key}' is not in {analysis.name}"
    else:
        known = sorted({c.study for c in found.counts} | {e.study for e in found.excluded})
        said = f"'{cohort}' reports nothing of {key}"
    raise ConfigError(said, hint=suggest(cohort if found else key, known))


def _tree(step: Step) -> Any:
    from rich.text import Text
    from rich.tree import Tree

    def grow(one: Step, branch: Tree | None) -> Tree:
        at = f" [{one.at}]" if one.at else ""
        label = Text(terminal.safe(one.text + at))
        node = Tree(label) if branch is None else branch.add(label)
        for child in one.steps:
            grow(child, node)
        return node

    return grow(step, None)
