"""How long commands take, warm: `make bench`.

Each command runs in a process of its own, as people run it; the best and the median of the
repetitions are told beside the budget. The pool of a CSV file is run in pairs with Rscript and
metafor doing the same, where there is an R. Nothing fails here: tests are no place for clocks.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENGINE = ["pool", "--csv", "examples/counts.csv", "--model", "IV"]
PAIRS = 15
# The pool of all studies with its intervals; carmeta adds the groups and the test between them.
METAFOR = """
suppressMessages(library(metafor))
pool <- rma(measure = "PLO", xi = events, ni = n, data = read.csv("examples/counts.csv"),
            method = "REML", test = "adhoc")
print(pool)
print(confint(pool))
print(predict(pool, transf = transf.ilogit))
"""


def once(command: list[str]) -> float:
    """Wall-clock seconds of a process."""
    begin = time.perf_counter()
    ran = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if ran.returncode not in (0, 1):  # 1: findings
        raise SystemExit(f"{' '.join(command)}: exit code {ran.returncode}")
    return time.perf_counter() - begin


def seconds(arguments: list[str], repetitions: int) -> list[float]:
    """Seconds of each repetition of a command of carmeta, after one that warms the caches."""
    command = [sys.executable, "-m", "carmeta", *arguments]
    return [once(command) for _ in range(repetitions + 1)][1:]


def against_metafor() -> str:
    """Whole processes in pairs: what Rscript takes over what carmeta takes."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        return "no Rscript here: not compared with metafor"
    theirs, ours = [rscript, "-e", METAFOR], [sys.executable, "-m", "carmeta", *ENGINE]
    pairs = [(once(ours), once(theirs)) for _ in range(PAIRS + 1)][1:]
    ratios = sorted(r / c for c, r in pairs)
    mine, other = (statistics.median(side) for side in zip(*pairs, strict=True))
    return (
        f"`carmeta {' '.join(ENGINE)}` {mine:.2f} s, Rscript with metafor {other:.2f} s (medians "
        f"of {PAIRS} pairs): metafor takes {statistics.median(ratios):.2f} times as long "
        f"({ratios[0]:.2f} to {ratios[-1]:.2f})"
    )


def main() -> None:
    """Print a table in Markdown."""
    with tempfile.TemporaryDirectory() as scratch:
        primary = ["pool", "configs/primary.yaml", "--output", f"{scratch}/primary"]
        cases = [
            ("carmeta --help", ["--help"], 10, 0.25),
            ("carmeta pool --help", ["pool", "--help"], 10, 0.25),
            ("carmeta grim 73% 128", ["grim", "73%", "128"], 10, 0.25),
            ("carmeta studies", ["studies"], 5, 1.0),
            ("carmeta validate", ["validate"], 5, 1.0),
            ("carmeta pool --csv", ENGINE, 5, 1.0),
            ("carmeta pool (primary, every output)", primary, 3, 8.0),
        ]
        print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores\n")
        print("| command | best, s | median, s | budget, s |")
        print("| --- | --: | --: | --: |")
        for label, arguments, repetitions, budget in cases:
            times = seconds(arguments, repetitions)
            best, median = min(times), statistics.median(times)
            print(f"| `{label}` | {best:.2f} | {median:.2f} | {budget:g} |", flush=True)
    print(f"\n{against_metafor()}")


if __name__ == "__main__":
    main()
