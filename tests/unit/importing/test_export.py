"""`carmeta export`: the counts of a configuration for other programs, and back."""

from __future__ import annotations

import csv
import json
import shutil
import xml.etree.ElementTree as ET  # of our own files
from pathlib import Path

import pytest

from carmeta.measures import effect_sizes
from carmeta.pipeline import run
from tests.unit.importing.shared import counted, needs, records


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def empty_review(root: Path) -> None:
    (root / "again" / "studies").mkdir(parents=True)
    shutil.copy(root / "review.yaml", root / "again")


def test_plain_counts(cli, golden_review) -> None:
    ran = cli("export", "configs/tiny.yaml", "--output", "out")
    assert ran.code == 0, ran.err
    found = rows(Path("out/counts.csv"))
    assert list(found[0])[:4] == ["study", "events", "n", "outcome"]
    first = {"events": "28", "n": "33", "outcome": "orr", "record": "alpha-1", "cohort": "all"}
    assert first.items() <= found[0].items()
    assert {row["outcome"] for row in found} == {"orr", "cr", "crs_any", "crs_ge3", "nt_any"}
    beta = next(row for row in found if row["record"] == "beta-2" and row["outcome"] == "orr")
    assert int(beta["lowest"]) < int(beta["highest"])
    assert rows(Path("out/orr.csv")) == [row for row in found if row["outcome"] == "orr"]


def test_pool_reads_it_back_to_the_same_numbers(cli, golden_review) -> None:
    assert cli("export", "configs/tiny.yaml", "--output", "out").code == 0
    analysis = run(Path("configs/tiny.yaml"), studies=Path("studies"), varied=False)
    for one in analysis.outcomes:
        ran = cli(
            "pool", "--csv", f"out/{one.outcome}.csv", "--json", "--model", one.headline.model
        )
        if one.headline.k == 1:
            continue  # of one study there is no pool
        assert ran.code == 0, ran.err
        again = json.loads(ran.out)
        for key in ("estimate", "ci_lb", "ci_ub"):
            want = getattr(one.headline.back, key)
            assert again["back"][key] == pytest.approx(want, rel=1e-12)


def test_pairs_of_a_comparison(cli, golden_review) -> None:
    ran = cli("export", "configs/two-arms.yaml", "--output", "out")
    assert ran.code == 0, ran.err
    found = rows(Path("out/orr.csv"))
    assert [(row["treatment"], row["control"]) for row in found] == [("car-t", "standard")]
    ran = cli("pool", "--csv", "out/orr.csv", "--measure", "RD", "--json")
    assert ran.code == 0, ran.err


def test_import_gives_the_same_counts(cli, golden_review) -> None:
    assert cli("export", "configs/tiny.yaml", "--output", "out").code == 0
    empty_review(golden_review)
    ran = cli("import", "out/counts.csv", "--studies", "again/studies", "--design", "single-arm",
              "--year", "2020")  # fmt: skip
    assert ran.code == 0, ran.err
    want = sorted(
        (r["outcome"], int(r["events"]), int(r["n"])) for r in rows(Path("out/counts.csv"))
    )
    assert sorted(row[2:] for row in counted(golden_review / "again")) == want


@needs("defusedxml")
def test_a_comparison_through_revman_and_back(cli, golden_review) -> None:
    assert cli("export", "configs/two-arms.yaml", "--output", "out").code == 0
    root = ET.parse("out/two-arms.rm5").getroot()
    assert root.tag == "COCHRANE_REVIEW"
    assert [e.get("ID") for e in root.iter("DICH_OUTCOME")] == ["CMP-001.01", "CMP-001.02"]
    empty_review(golden_review)
    ran = cli("import", "out/two-arms.rm5", "--studies", "again/studies", "--design", "randomised",
              "--population", "itt", "--year", "2020",
              "--role", "treatment=car-t", "--role", "control=comparator")  # fmt: skip
    assert ran.code == 0, ran.err
    want = [
        (row["outcome"], int(row[events]), int(row[n]))
        for row in rows(Path("out/counts.csv"))
        for events, n in (("events", "n"), ("events2", "n2"))
    ]
    assert sorted(row[2:] for row in counted(golden_review / "again")) == sorted(want)


def test_single_arms_are_logits_in_revman_and_that_is_said(cli, golden_review) -> None:
    ran = cli("export", "configs/tiny.yaml", "--output", "out")
    assert "RevMan has no proportions of one arm" in ran.err
    root = ET.parse("out/tiny.rm5").getroot()
    assert not list(root.iter("DICH_OUTCOME"))
    outcome = next(iter(root.iter("IV_OUTCOME")))
    assert "logit" in outcome.findtext("EFFECT_MEASURE")
    counts = rows(Path("out/orr.csv"))
    yi, vi = effect_sizes([int(r["events"]) for r in counts], [int(r["n"]) for r in counts])
    for data, y, v in zip(outcome.iter("IV_DATA"), yi, vi, strict=True):
        assert float(data.get("ESTIMATE")) == pytest.approx(y, rel=1e-9)
        assert float(data.get("SE")) == pytest.approx(v**0.5, rel=1e-9)


def test_nothing_is_replaced_without_force(cli, golden_review) -> None:
    assert cli("export", "configs/tiny.yaml", "--output", "out").code == 0
    before = Path("out/counts.csv").read_bytes()
    ran = cli("export", "configs/tiny.yaml", "--output", "out")
    assert ran.code == 2
    assert "exists already" in ran.err
    assert cli("export", "configs/tiny.yaml", "--output", "out", "--force").code == 0
    assert Path("out/counts.csv").read_bytes() == before


def test_names_are_no_formulas_and_no_markup(cli, golden_review) -> None:
    path = Path("studies/alpha-1.yaml")
    evil = "=cmd|' /C calc'!A0 <b>&"
    path.write_text(path.read_text().replace("label: all dose levels", f'label: "{evil}"'))
    ran = cli("export", "configs/tiny.yaml", "--output", "out")
    assert ran.code == 0, ran.err
    assert all(row["study"][:1] not in ("=", "+", "-", "@") for row in rows(Path("out/counts.csv")))
    assert ET.parse("out/tiny.rm5").getroot().tag == "COCHRANE_REVIEW"


def test_what_is_left_out_of_a_configuration_is_no_count(cli, golden_review) -> None:
    for arguments in (("configs/nope.yaml",), ("configs/tiny.yaml", "--studies", "nowhere")):
        ran = cli("export", *arguments, "--output", "out")
        assert ran.code in (1, 2)
        assert not Path("out").exists()
    assert records(Path("nowhere")) == {}
