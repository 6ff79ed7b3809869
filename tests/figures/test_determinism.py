"""The same bytes whatever the hash seed, time zone, locale and working folder."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from carmeta.report.files import render_all
from tests.figures import synthetic

ROOT = Path(__file__).parents[2]
CODE = """
import hashlib, json, sys
import pytest
from tests.figures import synthetic
from carmeta.report.files import render_all
analysis = synthetic.analysis(outcomes=(synthetic.outcome(9), synthetic.outcome(4, subgroups=True)))
files = render_all(analysis, jobs=2)
print(json.dumps({name: hashlib.sha256(raw).hexdigest() for name, raw in files.items()}))
"""


def hashes(folder: Path, **environment: str) -> dict[str, str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=folder, env=env, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_two_runs_in_different_surroundings(tmp_path: Path) -> None:
    one = hashes(ROOT, PYTHONHASHSEED="0", TZ="UTC", LC_ALL="C.UTF-8")
    two = hashes(
        tmp_path, PYTHONHASHSEED="4711", TZ="Asia/Kolkata", LC_ALL="de_DE.UTF-8", LANG="tr_TR",
        MPLCONFIGDIR=str(tmp_path / "mpl"), SOURCE_DATE_EPOCH="86400",
    )  # fmt: skip
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []
    outcomes = (synthetic.outcome(9), synthetic.outcome(4, subgroups=True))
    here = render_all(synthetic.analysis(outcomes=outcomes), jobs=1)
    assert {name: hashlib.sha256(raw).hexdigest() for name, raw in here.items()} == one
