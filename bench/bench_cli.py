"""How long commands take, warm: `make bench`.

Each command runs in a process of its own, as people run it; the best and the median of the
repetitions are told beside the budget. Nothing fails here: tests are no place for clocks.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def seconds(arguments: list[str], repetitions: int) -> list[float]:
    """Wall-clock seconds of each repetition, after one that warms the caches."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    times = []
    for _ in range(repetitions + 1):
        begin = time.perf_counter()
        ran = subprocess.run(
            [sys.executable, "-m", "carmeta", *arguments],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        if ran.returncode not in (0, 1):  # 1: findings
            raise SystemExit(f"carmeta {' '.join(arguments)}: exit code {ran.returncode}")
        times.append(time.perf_counter() - begin)
    return times[1:]


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
            ("carmeta pool --csv", ["pool", "--csv", "examples/counts.csv"], 5, 2.0),
            ("carmeta pool (primary, every output)", primary, 3, 8.0),
        ]
        print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores\n")
        print("| command | best, s | median, s | budget, s |")
        print("| --- | --: | --: | --: |")
        for label, arguments, repetitions, budget in cases:
            times = seconds(arguments, repetitions)
            best, median = min(times), statistics.median(times)
            print(f"| `{label}` | {best:.2f} | {median:.2f} | {budget:g} |", flush=True)


if __name__ == "__main__":
    main()
