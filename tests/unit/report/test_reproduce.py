from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from carmeta.api import pool
from carmeta.digits import significant
from carmeta.domain.analysis import Analysis, OutcomeAnalysis
from carmeta.domain.result import Pooled
from carmeta.report import reproduce
from tests.figures import synthetic

COUNTS = {
    "orr": ((14, 24), (15, 17), (50, 57), (12, 25), (94, 97), (47, 62), (57, 62), (93, 128)),
    "nt_ge3": ((3, 25), (10, 97), (0, 62), (2, 62), (4, 128), (0, 17)),
    "crs_any": ((17, 17), (5, 5), (9, 9)),
}


def fitted(code: str, **options: object) -> Pooled:
    xi, ni = zip(*COUNTS[code], strict=True)
    return pool(list(xi), list(ni), **options)


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    """Outcomes whose estimates are the package's own, so that R can be asked about them."""
    outcomes: list[OutcomeAnalysis] = []
    for code, pairs in COUNTS.items():
        items = [
            synthetic.count(f'Study {i} "quoted" \\ ≥3', x, n, outcome=code, number=i)
            for i, (x, n) in enumerate(pairs)
        ]
        beside = () if code == "crs_any" else (
            fitted(code, model="IV", method="REML", test="adhoc"),
            fitted(code, model="IV", method="DL", test="z"),
            fitted(code, model="IV", method="PM", test="knha"),
            fitted(code, model="IV", method="EE", test="z"),
            fitted(code, model="IV", measure="PAS", method="ML", test="t"),
        )  # fmt: skip
        outcomes.append(
            replace(
                synthetic.outcome(counts=items, code=code),
                beside=beside,
            )
        )
    against = [synthetic.regressed(9, model=model)[0] for model in ("GLMM", "IV")]
    return replace(synthetic.analysis(outcomes=(*outcomes, *against)), contrasts=())


def run(script: bytes, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "reproduce.R").write_bytes(script)
    return subprocess.run(
        ["Rscript", "reproduce.R"], cwd=folder, capture_output=True, text=True, check=False
    )


def test_counts_and_estimates_are_inlined(analysis: Analysis) -> None:
    script = reproduce.script(analysis).decode("ascii")
    rows = analysis.outcomes[0].rows
    assert {(row.count.xi, row.count.ni) for row in rows} == set(COUNTS["orr"])
    assert f"xi <- c({', '.join(str(row.count.xi) for row in rows)})" in script
    assert f"ni <- c({', '.join(str(row.count.ni) for row in rows)})" in script
    assert repr(significant(analysis.outcomes[0].headline.estimate)) in script
    assert re.search(r'slab <- c\("Study 0 \\"quoted\\" \\\\ \\U\{2265\}3"', script)


def test_moderators_and_their_coefficients_are_inlined(analysis: Analysis) -> None:
    script = reproduce.script(analysis).decode("ascii")
    outcome = analysis.outcomes[-1]
    age, product = outcome.regressions
    assert repr(significant(age.effects[0].estimate)) in script
    assert ", ".join(repr(significant(point.value)) for point in age.points) in script
    assert f'levels = c("{product.reference}"' in script
    assert script.count("mods = ~ z") == 4


def test_what_metafor_has_not_is_said() -> None:
    outcome = synthetic.outcome(4)
    rare = outcome.headline.but(model="BB")
    analysis = synthetic.analysis(outcomes=(replace(outcome, beside=(rare,)),))
    assert "not recomputed: %s" in reproduce.script(analysis).decode()


@pytest.mark.r
@pytest.mark.slow
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="no Rscript here")
def test_r_agrees(analysis: Analysis, tmp_path: Path) -> None:
    done = run(reproduce.script(analysis), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 differ" in done.stdout
    assert int(re.findall(r"(\d+) numbers compared", done.stdout)[0]) >= 50


@pytest.mark.r
@pytest.mark.slow
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="no Rscript here")
@pytest.mark.parametrize("field", ["estimate", "ci_ub", "tau2"])
def test_r_disagrees_with_a_number_that_is_off(
    analysis: Analysis, tmp_path: Path, field: str
) -> None:
    outcome = analysis.outcomes[0]
    off = outcome.headline.but(**{field: getattr(outcome.headline, field) + 0.002})
    spoiled = replace(analysis, outcomes=(replace(outcome, headline=off),))
    done = run(reproduce.script(spoiled), tmp_path)
    assert done.returncode == 1
    assert f"PLO by GLMM, {field}" in done.stdout
