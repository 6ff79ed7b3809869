"""Write the golden files anew: `make golden`. Read the difference before committing it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
RUNS = ("tiny", "two-arms")
# What a reader can check by hand; pages and pictures have tests of their own.
KEPT = ("counts.csv", "decisions.csv", "excluded.csv", "findings.csv", "pooled.csv", "summary.md")


def run(folder: Path) -> None:
    """Pool the tiny review in a copy of it."""
    shutil.copytree(HERE / "review", folder, dirs_exist_ok=True)
    for name in RUNS:
        command = [sys.executable, "-m", "carmeta", "pool", f"configs/{name}.yaml", "--quiet"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Replace the kept files by what the code writes now."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        run(folder)
        for name in RUNS:
            target = HERE / "expected" / name
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
            for kept in KEPT:
                shutil.copyfile(folder / "outputs" / name / kept, target / kept)


if __name__ == "__main__":
    main()
