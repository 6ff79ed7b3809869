"""`carmeta new study`: a record to fill in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

import typer

from carmeta.cli import terminal
from carmeta.cli.studies import STUDIES, Folder
from carmeta.errors import ConfigError, OutputError

_ID: Final = re.compile(r"^[a-z0-9][a-z0-9.\-]{0,79}$")

# Small and valid as it stands, so that `carmeta validate` has something to say at once.
_TEMPLATE: Final = """\
# yaml-language-server: $schema=../carmeta/schema/study.schema.json
# Type what the paper prints, and where. Compute nothing: percentages as text with their
# decimals, a count only if it is printed, and 'missing: not-reported' where there is none.
id: {id}
label: {label}
status: draft                  # take this line out when done: a draft is never pooled
trial:
  design: single-arm           # or randomised, retrospective-cohort
  phase: "1"
  year: {year}
  # registry: NCT01234567
reports:
  - id: {id}-report
    authors: First A, Second B, et al.
    title: Title of the report
    journal: Journal
    year: {year}
    # doi: 10.1000/xyz
cohorts:
  - id: all
    label: {label}
    role: car-t                # or comparator, salvage
    # product: ide-cel         # an id of studies/_products.yaml
    populations:               # who a numerator may be divided by
      infused: {{n: 10, at: {{table: "1"}}}}
    proportions:
      - {{outcome: orr, population: infused, count: 8, percent: "80",
         at: {{table: "2", row: Overall response}}}}
    # response:                # best response by category: sCR CR VGPR PR MR SD PD NE
    #   - population: infused
    #     categories: {{CR: {{count: 3}}, VGPR: {{count: 2}}, PR: {{count: 3}}, SD: {{count: 2}}}}
    #     at: {{table: "2"}}
    # toxicity:
    #   - event: crs           # or neurotoxicity, adverse-event
    #     population: infused
    #     scale: lee-2014      # cartox, astct, ctcae, penn, not-reported
    #     counting: maximum-grade   # if a patient stands in one grade column only
    #     grades: {{any: {{count: 9}}, "3-4": {{count: 1}}, "5": {{count: 0}}}}
    #     at: {{table: "3", row: Cytokine release syndrome}}
    # lineage:                 # who shares patients with whom
    #   updates: [other-study/cohort]
"""


def study(
    id: Annotated[str, typer.Argument(help="Id of the study: lower case, digits, hyphens.")],
    folder: Folder = STUDIES,
    year: Annotated[int, typer.Option("--year", min=1900, max=2100, help="Of the report.")] = 2024,
) -> int:
    """Write a record to fill in.

    An existing record is never replaced.
    """
    if not _ID.match(id):
        raise ConfigError(
            f"'{id}' cannot be an id", hint="lower case letters, digits, '-' and '.', e.g. my-trial"
        )
    path: Path = folder / f"{id}.yaml"
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {folder}", hint="name it with --studies")
    text = _TEMPLATE.format(id=id, label=id, year=year)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise OutputError(f"{path} exists already; it is left as it is") from None
    terminal.say(f"{path} written: fill it in, then `carmeta validate`")
    return 0
