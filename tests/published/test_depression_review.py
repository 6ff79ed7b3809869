"""The second review of the repository, another disease, from its records to the printed digit.

Feng L et al. Medicine (Baltimore) 2019;98(8):e14596, abstract: 3818 of 12,315 patients after
myocardial infarction in 19 studies, 28.70% (95% CI 22.39 to 35.46), I2 98.4%.
"""

from __future__ import annotations

import csv
import io
import math
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from carmeta.api import effects
from carmeta.api.regression import regress
from carmeta.domain.analysis import Analysis, OutcomeAnalysis
from carmeta.domain.record import Review
from carmeta.pipeline import run
from carmeta.records import load_review
from carmeta.report import contents, contents_evidence, csvfiles, html
from carmeta.report.methods import Methods
from carmeta.report.reproduce import script
from carmeta.sensitivity.influence import influence

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "depression-after-mi"
CONFIG = EXAMPLE / "configs" / "primary.yaml"
COUNTS = ROOT / "examples" / "feng_2019.csv"


@pytest.fixture(scope="module")
def review() -> Review:
    loaded = load_review(EXAMPLE / "studies")
    assert [str(item) for item in loaded.diagnostics] == []
    assert loaded.review is not None
    return loaded.review


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return run(CONFIG, studies=EXAMPLE / "studies")


@pytest.fixture
def depression(analysis: Analysis) -> OutcomeAnalysis:
    (found,) = analysis.outcomes
    return found


def percent(value: float) -> str:
    return f"{100 * value:.2f}"


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


# -- the records ------------------------------------------------------------------------------


def test_validate_has_nothing_to_say(cli: Any) -> None:
    ran = cli("validate", EXAMPLE / "studies", *sorted(CONFIG.parent.glob("*.yaml")))
    assert (ran.code, ran.out) == (0, "")
    assert (
        ran.err.splitlines()[-1]
        == "22 files checked: nothing to say; 10 acknowledged in the records"
    )


def test_every_record_says_what_the_table_of_counts_says(review: Review) -> None:
    table = {
        row["study"]: (int(row["events"]), int(row["n"]))
        for row in rows(COUNTS.read_text(encoding="utf-8"))
    }
    found = {}
    for study in review.studies:
        (cohort,) = study.cohorts
        (cell,) = cohort.proportions
        assert (cell.outcome, cell.population) == ("depression", "assessed")
        found[study.label] = (cell.count, cohort.populations["assessed"].n)
        assert study.status == "final"
        assert study.label == f"{study.label.rpartition(' ')[0]} {study.trial.year}"
    assert found == table
    assert len(found) == 19
    assert sum(events for events, _ in table.values()) == 3818
    assert sum(n for _, n in table.values()) == 12_315


def test_every_number_names_the_row_and_the_column_that_was_read(review: Review) -> None:
    places = set()
    for study in review.studies:
        cohort = study.cohorts[0]
        cell, size = cohort.proportions[0], cohort.populations["assessed"]
        assert (cell.at.table, cell.at.column, size.at.column) == ("dat.feng2019", "depr", "n")
        assert cell.at.row == size.at.row
        assert cell.at.row is not None
        assert cell.at.row.endswith(f"({study.label.replace(' ', ', ')})")
        assert cell.cites
        assert "Feng" in cell.cites
        assert cell.at.note
        assert "not read" in cell.at.note
        places.add(cell.at.row.split()[0])
        assert study.reports == ["metadat", "feng-2019"]
    assert places == {str(number) for number in range(1, 20)}


def test_what_is_printed_of_the_patients(review: Review) -> None:
    """Spot checks, typed a second time from the data set; what is missing says so."""
    values = {
        (study.id, item.name): item.value or item.percent or item.missing
        for study in review.studies
        for item in study.cohorts[0].characteristics
    }
    assert len(values) == 19 * 3
    assert values["dickens-2007", "age"] == "60.0"
    assert values["parakh-2008", "male"] == "57"
    assert values["larsen-2014", "first-mi"] == "100"
    missing = {key for key, value in values.items() if value == "not-reported"}
    assert missing == {
        ("welin-2000", "age"), ("kurdyak-2011", "first-mi"), ("wheeler-2012", "first-mi"),
    }  # fmt: skip
    said = {study.id: study.cohorts[0].attributes for study in review.studies}
    assert sum(one["assessment"] == "questionnaire" for one in said.values()) == 14
    assert said["parakh-2008"]["assessment"] == "questionnaire and interview"
    assert {one["sample"] for id, one in said.items() if id != "larsen-2014"} == {"hospital-based"}
    designs = [study.trial.design for study in review.studies]
    assert {name: designs.count(name) for name in designs} == {
        "longitudinal": 14, "randomised": 3, "cross-sectional": 2,
    }  # fmt: skip
    assert len({country for study in review.studies for country in study.trial.countries}) == 10


def test_its_words_are_its_own() -> None:
    own = yaml.safe_load((EXAMPLE / "review.yaml").read_text(encoding="utf-8"))
    assert set(own["packs"]) <= {"jbi-prevalence"}
    assert {"outcomes", "populations", "roles", "attributes", "moderators"} <= set(own)
    assert not {"events", "ladders", "scales"} & set(own)


def test_editors_find_the_schema_of_this_review(cli: Any) -> None:
    for path in sorted(EXAMPLE.rglob("*.yaml")):
        first = path.read_text(encoding="utf-8").splitlines()[0]
        target = first.removeprefix("# yaml-language-server: $schema=")
        assert (path.parent / target).is_file(), first
    for kind in ("study", "products", "reports", "config", "review"):
        committed = EXAMPLE / ".schema" / f"{kind}.schema.json"
        ran = cli("schema", kind, "--studies", EXAMPLE / "studies")
        assert committed.read_text(encoding="utf-8") == ran.out, "run `make docs`"


# -- the pool ---------------------------------------------------------------------------------


def test_the_published_pool(depression: OutcomeAnalysis) -> None:
    head = depression.headline
    assert (head.measure, head.model, head.method, head.test) == ("PFT", "IV", "DL", "z")
    assert (len(depression.rows), depression.events, depression.patients) == (19, 3818, 12_315)
    assert percent(head.back.estimate) == "28.70"
    assert percent(head.back.ci_lb) == "22.39"
    assert percent(head.back.ci_ub) == "35.46"
    assert f"{head.i2:.1f}" == "98.4"
    shares = [row.proportion for row in depression.rows]
    assert (percent(min(shares)), percent(max(shares))) == ("9.17", "65.88")


def test_the_door_of_the_counts_gives_the_same(depression: OutcomeAnalysis, cli: Any) -> None:
    ran = cli(
        "pool", "--csv", COUNTS, "--measure", "PFT", "--model", "IV", "--method", "DL",
        "--test", "z", "--i2-method", "Q", "--format", "csv",
    )  # fmt: skip
    (row,) = rows(ran.out)
    head = depression.headline
    for name, value in (("estimate", head.back.estimate), ("ci_lb", head.back.ci_lb)):
        assert math.isclose(float(row[name]), value, rel_tol=1e-9)


def test_studies_have_their_effect_and_their_influence_on_the_scale_of_the_pool(
    depression: OutcomeAnalysis,
) -> None:
    xi, ni = ([getattr(row.count, name) for row in depression.rows] for name in ("xi", "ni"))
    sizes = effects(xi, ni, measure="PFT")
    assert [row.yi for row in depression.rows] == sizes.yi.tolist()
    assert [row.vi for row in depression.rows] == sizes.vi.tolist()
    found = depression.diagnostics
    assert found is not None
    assert found.model == "IV (PFT, DL, z)"
    wanted = influence(xi, ni, model="IV", measure="PFT", method="DL", test="z")
    assert [item.tau2_del for item in found.influence] == wanted.tau2_del.tolist()
    refits = {item.label: item.pooled.tau2 for item in depression.sensitivity}
    for item in found.influence:
        assert math.isclose(item.tau2_del, refits[f"without {item.slab}"], rel_tol=1e-9)


def test_the_way_back_from_a_number_shows_that_effect(cli: Any) -> None:
    told = cli(
        "explain", "depression", "crowe-1996", "-c", CONFIG, "--studies", EXAMPLE / "studies"
    )
    assert "double arcsine 0.3086, variance 0.0003" in told.out


def test_the_logistic_model_stands_beside_it(depression: OutcomeAnalysis) -> None:
    (beside,) = depression.beside
    assert (beside.model, beside.measure) == ("GLMM", "PLO")


# -- what is written of it --------------------------------------------------------------------


def test_no_column_is_empty(analysis: Analysis) -> None:
    tables = (
        contents_evidence.studies(analysis), contents_evidence.outcome_data(analysis),
        contents.headline(analysis), contents.models(analysis),
    )  # fmt: skip
    assert "Country" in [column.header for column in tables[0].columns]
    for table in tables:
        for index, column in enumerate(table.columns):
            assert any(cells[index].text not in ("", "\u2013") for cells in table.rows), (
                table.key, column.header,
            )  # fmt: skip


def test_the_methods_are_those_of_the_published_pool(analysis: Analysis) -> None:
    text = " ".join(content for _, content in Methods(analysis).paragraphs)
    assert "inverse-variance model of the Freeman-Tukey double-arcsine transformed" in text
    assert "DerSimonian-Laird" in text
    assert "random-intercept logistic model" in text
    for word in ("product", "infused", "response", "tox"):
        assert word not in text.casefold()


def test_that_nobody_was_judged_is_one_sentence(analysis: Analysis) -> None:
    page = html.render(analysis).decode()
    assert "The records judge the risk of bias of no study." in page
    assert page.count("not assessed") == 0
    assert contents_evidence.bias(analysis).rows == ()


def test_subgroups_and_regressions_by_words_of_the_review() -> None:
    found = run(CONFIG.with_name("moderators.yaml"), studies=EXAMPLE / "studies")
    (outcome,) = found.outcomes
    groups = {group.level: len(group.rows) for group in outcome.subgroups}
    assert groups == {"questionnaire": 14, "interview": 4, "questionnaire and interview": 1}
    regressions = {one.moderator: one for one in outcome.regressions}
    sizes = {name: one.k for name, one in regressions.items()}
    assert sizes == {"mean-age": 18, "percent-male": 19, "percent-first-mi": 17}
    # Of the logits, as every file says, though the pool is of double arcsines.
    ages = {row.count.slab: row.count.numbers.get("mean-age") for row in outcome.rows}
    used = [row.count for row in outcome.rows if ages[row.count.slab] is not None]
    sizes = effects([c.xi for c in used], [c.ni for c in used], measure="PLO")
    data = {"age": [ages[c.slab] for c in used]}
    wanted = regress(sizes.yi, sizes.vi, data, "~ age", measure="PLO", method="DL", test="z")
    (slope,) = regressions["mean-age"].effects
    assert slope.estimate == wanted.coefficients[1].estimate
    assert slope.p == wanted.coefficients[1].p


def test_the_tables_for_machines(analysis: Analysis) -> None:
    pooled = rows(csvfiles.all_csv(analysis)["pooled.csv"].decode())
    assert [(row["measure"], row["model"]) for row in pooled] == [("PFT", "IV"), ("PLO", "GLMM")]


def test_its_page_says_what_the_run_says(depression: OutcomeAnalysis) -> None:
    page = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    head, (beside,) = depression.headline.back, depression.beside
    for told in (
        f"{percent(head.estimate)}% ({percent(head.ci_lb)} to {percent(head.ci_ub)})",
        contents.estimate(beside).text.replace(" (", "% (", 1),
        f"{contents.prediction(depression.headline).text.replace(' to ', '% to ')}%",
    ):
        assert told in page


def test_inside_the_folder_no_option_is_needed(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "review"
    shutil.copytree(EXAMPLE, folder)
    monkeypatch.chdir(folder)
    assert cli("validate").code == 0
    assert "33 of 244" in cli("explain", "depression", "hanssen-2009").out


@pytest.mark.r
def test_metafor_agrees(analysis: Analysis, tmp_path: Path) -> None:
    path = tmp_path / "reproduce.R"
    path.write_bytes(script(analysis))
    rscript = shutil.which("Rscript")
    assert rscript
    ran = subprocess.run([rscript, str(path)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "PFT by double arcsine, DL, z" in ran.stdout


@pytest.mark.slow
def test_the_whole_run(cli: Any, tmp_path: Path) -> None:
    target = tmp_path / "run"
    ran = cli("pool", CONFIG, "--studies", EXAMPLE / "studies", "-o", target, "--jobs", "1")
    assert ran.code == 0, ran.err
    assert "28.7 (22.4 to 35.5)" in (target / "summary.md").read_text(encoding="utf-8")
    assert (target / "report.html").is_file()
