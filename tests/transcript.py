"""Pages that say what to type: it is done, and what they show comes out."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

FENCE = re.compile(r"^( *)```(.*?)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
MORE = "[...]"  # on a line of its own any lines, else any text
Shell = Callable[[list[str], Path], str]


def steps(page: Path) -> Iterator[tuple[str, str, str]]:
    """In order: ('run', command, what it prints) or ('write', file, text)."""
    for _, head, body in FENCE.findall(page.read_text(encoding="utf-8")):
        titled = re.search(r'title="([^"]+)"', head)
        if titled:
            yield "write", titled[1], body
        elif head.startswith("console"):
            for block in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
                line, _, printed = block.partition("\n")
                yield "run", line.split("  #")[0].strip(), printed


def shell(programs: Path) -> Shell:
    """Run commands as somebody does who has installed carmeta into ``programs``."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "FORCE_COLOR")}
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"

    def run(words: list[str], folder: Path) -> str:
        ran = subprocess.run(
            words, cwd=folder, env=kept | {"PATH": path}, check=False, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
        )  # fmt: skip
        return ran.stdout

    return run


def follow(
    page: Path, folder: Path, run: Shell, *, skip: Callable[[str], bool] = lambda line: False
) -> None:
    """Do in an empty folder what a page says; every command prints what the page shows.

    ``cd`` changes the folder for what comes after it.
    """
    assert list(folder.iterdir()) == []
    for kind, what, text in steps(page):
        if kind == "write":
            (folder / what).write_text(text, encoding="utf-8")
        elif what.startswith("cd "):
            folder = folder / what.removeprefix("cd ")
        elif not skip(what):
            printed = run(shlex.split(what), folder)
            assert fits(text, printed), f"$ {what}\nshown:\n{text}\nprinted:\n{printed}"


def fits(shown: str, printed: str) -> bool:
    """Whether the lines are the same, but for those that are left out."""
    pattern = "".join(
        r"(?:.*\n)*"
        if line.strip() == MORE
        else ".*".join(map(re.escape, line.rstrip().split(MORE))) + r"[ \t]*\n"
        for line in shown.splitlines()
    )
    return re.fullmatch(pattern, printed) is not None
