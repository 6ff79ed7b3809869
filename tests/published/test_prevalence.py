"""Two published reviews of one proportion, pooled from their counts to the printed digit.

The counts are the files of ``examples/``; its README says where each comes from.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from carmeta.api.proportions import pool, study_intervals

EXAMPLES = Path(__file__).parents[2] / "examples"
FENG = EXAMPLES / "feng_2019.csv"
OPIOID = EXAMPLES / "harrer_2021_opioid.csv"


def counts(path: Path) -> tuple[list[int], list[int], list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return (
        [int(row["events"]) for row in rows],
        [int(row["n"]) for row in rows],
        [row["study"] for row in rows],
    )


def printed(value: float, text: str) -> None:
    """The value, rounded as the text is, reads as the text."""
    digits = len(text.partition(".")[2])
    assert f"{value:.{digits}f}" == text, (value, text)


class TestFeng2019:
    """Medicine 98(8):e14596, abstract: depression after myocardial infarction, in per cent."""

    def test_counts_of_the_abstract(self) -> None:
        events, n, _ = counts(FENG)
        assert (len(n), sum(events), sum(n)) == (19, 3818, 12315)
        shares = [100 * x / total for x, total in zip(events, n, strict=True)]
        printed(min(shares), "9.17")
        printed(max(shares), "65.88")

    def test_pooled(self) -> None:
        events, n, names = counts(FENG)
        fit = pool(events, n, slab=names, measure="PFT", method="DL", test="z", i2_method="Q")
        printed(100 * fit.back.estimate, "28.70")
        printed(100 * fit.back.ci_lb, "22.39")
        printed(100 * fit.back.ci_ub, "35.46")
        printed(fit.i2, "98.4")

    def test_command_line(self, cli: Any) -> None:
        ran = cli(
            "pool", "--csv", FENG, "--measure", "PFT", "--model", "IV", "--method", "DL",
            "--test", "z", "--json",
        )  # fmt: skip
        back = json.loads(ran.out)["back"]
        printed(100 * back["estimate"], "28.70")
        printed(100 * back["ci_lb"], "22.39")
        printed(100 * back["ci_ub"], "35.46")


class TestHarrer2021:
    """Doing Meta-Analysis with R, section 4.2.6: random intercept logistic regression, t."""

    def test_studies(self) -> None:
        events, n, _ = counts(OPIOID)
        assert (len(n), sum(events), sum(n)) == (15, 41364, 434385)
        limits = study_intervals(events, n)
        rows = (
            ("0.1002", "0.0962", "0.1042"),
            ("0.0998", "0.0811", "0.1211"),
            ("0.1162", "0.0978", "0.1368"),
            ("0.0710", "0.0654", "0.0770"),
            ("0.1176", "0.1150", "0.1204"),
        )
        for i, row in enumerate(rows):
            for values, text in zip(limits, row, strict=True):
                printed(values[i], text)

    def test_pooled(self) -> None:
        events, n, names = counts(OPIOID)
        fit = pool(events, n, slab=names, model="GLMM", test="t", i2_method="Q")
        printed(fit.back.estimate, "0.0944")
        printed(fit.back.ci_lb, "0.0836")
        printed(fit.back.ci_ub, "0.1066")
        printed(fit.tau2, "0.0558")
        printed(fit.tau2**0.5, "0.2362")
        heterogeneity = fit.heterogeneity
        printed(heterogeneity.q_wald, "838.21")
        printed(heterogeneity.lrt, "826.87")
        assert heterogeneity.lrt_df == 14
        printed(heterogeneity.i2, "98.3")
        printed((heterogeneity.q_wald / 14) ** 0.5, "7.74")  # H is of the Wald test in the book

    def test_command_line(self, cli: Any) -> None:
        ran = cli("pool", "--csv", OPIOID, "--model", "GLMM", "--test", "t", "--json")
        result = json.loads(ran.out)
        printed(result["back"]["estimate"], "0.0944")
        printed(result["back"]["ci_lb"], "0.0836")
        printed(result["back"]["ci_ub"], "0.1066")
        printed(result["tau2"], "0.0558")
