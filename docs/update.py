"""Write the generated pages of this folder anew: `make docs`."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

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
    (HERE / "cli.md").write_text(cli_page(), encoding="utf-8", newline="\n")
    readme = HERE.parent / "README.md"
    text = with_headline(readme.read_text(encoding="utf-8"))
    readme.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
