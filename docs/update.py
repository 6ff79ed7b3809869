"""Write the generated pages of this folder anew: `make docs`."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carmeta.report.fields import Field

HERE = Path(__file__).parent

HEAD = """# Command line

Written by `make docs` from the commands themselves.

- Data go to stdout, messages and progress to stderr. Piped output is plain; `NO_COLOR` and
  `FORCE_COLOR` are respected.
- Every command takes `-q` (no messages), `-v` (more of them) and `--debug` (tracebacks).
- Exit codes: 0 fine; 1 findings, or runs that differ; 2 usage, configuration or counts that
  cannot be used, output that cannot be written; 3 an estimation failed; 70 a bug in carmeta;
  130 interrupted; 141 the reader of a pipe went away.
- What the codes of messages mean stands in [diagnostics.md](diagnostics.md).
"""


def commands() -> list[str]:
    """All commands, groups resolved, e.g. `config show`."""
    import typer

    from carmeta.cli.app import app

    def walk(command: object, prefix: str) -> list[str]:
        inner = getattr(command, "commands", None)
        if not inner:
            return [prefix]
        return [name for key, sub in inner.items() for name in walk(sub, f"{prefix} {key}".strip())]

    return walk(typer.main.get_command(app), "")


def help_of(command: str) -> str:
    """The help text of a command, 100 columns wide."""
    from carmeta.cli import main

    os.environ["COLUMNS"] = "100"
    with contextlib.redirect_stdout(io.StringIO()) as out:
        main([*command.split(), "--help"])
    return out.getvalue().rstrip()


def cli_page() -> str:
    """The page on the command line."""
    parts = [HEAD]
    for command in commands():
        text = help_of(command)
        lines = "\n".join(line.rstrip() for line in text.splitlines())
        parts.append(f"## carmeta {command}\n\n```text\n{lines}\n```\n")
    return "\n".join(parts)


COLUMNS = """# Columns and keys

Written by `make docs` from the code that writes the files. A run has the same as `columns.csv`,
with what it wrote.

- CSV is UTF-8 with commas. A number that does not exist is empty, an infinite one is `inf`.
  Numbers carry ten significant digits, differences eight decimals.
- In `results.json` both are `null`; `Analysis.infinite` tells which are infinite.
- *Outcome scale*: proportions from 0 to 1, or ratios or differences of a comparison. *Analysis
  scale*: what the measure makes of them, e.g. log odds; see the
  [glossary](glossary.md#measures).
- Text that a spreadsheet would take for a formula has an apostrophe before it.
"""


def table(fields: Iterable[Field], first: str) -> list[str]:
    """Fields as a Markdown table."""
    head = [first, "type", "unit", "allowed", "meaning"]
    rows = [[f"`{f.name}`", f.kind, f.unit, f.allowed, f.meaning] for f in fields]
    lines = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in (head, *rows)]
    return [f"| {line} |" for line in (lines[0], "--- | --- | --- | --- | ---", *lines[1:])]


def columns_page() -> str:
    """The page on the columns of every CSV and the keys of results.json."""
    from carmeta.report import dictionary

    groups: dict[tuple[Field, ...], list[str]] = {}
    for name, fields in dictionary.FILES.items():
        groups.setdefault(tuple(fields), []).append(f"`{name}`")
    parts = [COLUMNS]
    for fields, names in groups.items():
        parts += [f"## {', '.join(names)}\n", *table(fields, "column"), ""]
    parts += [f"## `{dictionary.JSON}`\n", "The outermost object is `Analysis`.\n"]
    for kind, fields in groupby(dictionary.json_fields(), key=lambda f: f.name.split(".")[0]):
        short = [replace(field, name=field.name.split(".")[1]) for field in fields]
        parts += [f"### {kind}\n", *table(short, "key"), ""]
    return "\n".join(parts)


def headline() -> str:
    """The table of pooled estimates of the run of record."""
    summary = (HERE.parent / "outputs" / "primary" / "summary.md").read_text(encoding="utf-8")
    table = [line for line in summary.split("\n## ")[0].splitlines() if line.startswith("|")]
    return "\n".join(table)


def with_headline(readme: str) -> str:
    """The README with the present headline between its marks."""
    begin, end = "<!-- headline", "<!-- headline end -->"
    before, _, rest = readme.partition(begin)
    mark, _, rest = rest.partition("-->")
    after = rest.partition(end)[2]
    return f"{before}{begin}{mark}-->\n{headline()}\n{end}{after}"


def main() -> None:
    """Write every generated page."""
    for name, page in (("cli.md", cli_page()), ("columns.md", columns_page())):
        (HERE / name).write_text(page, encoding="utf-8", newline="\n")
    readme = HERE.parent / "README.md"
    text = with_headline(readme.read_text(encoding="utf-8"))
    readme.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
