from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from carmeta import __version__
from carmeta.cli import main

ROOT = Path(__file__).parents[3]


def test_version_and_help(cli) -> None:
    assert cli("--version").out == f"carmeta {__version__}\n"
    assert cli("--help").out == cli().out
    assert "Commands:" in cli("-h").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["poool"], "Did you mean 'pool'?"),
        (["pool", "--modell", "IV"], "--model"),
        (["pool", "--model", "XX"], "'XX'"),
        (["pool", "--measure", "RR"], "--measure works only with --csv"),
        (["pool", "--csv", "x.csv", "configs/primary.yaml"], "CONFIG works only without --csv"),
        (["grim", "73%"], "Missing argument 'n'"),
        (["grim", "73%", "-1"], "-1"),
        (["grim", "abc", "10"], "abc"),
        (["show"], "Missing argument 'study'"),
    ],
)
def test_wrong_usage_is_exit_2(cli, arguments: list[str], words: str) -> None:
    ran = cli(*arguments)
    assert ran.code == 2
    assert ran.err.startswith("error: ")
    assert words.lower() in ran.err.lower()
    assert ran.out == ""


def test_a_bug_is_one_line_and_exit_70(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a\nb")

    monkeypatch.setattr("carmeta.rounding.fitting_counts", broken)
    ran = cli("grim", "73", "128")
    assert ran.code == 70
    assert ran.err.splitlines()[0] == "error: a bug in carmeta: KeyError: 'a\\nb'"
    assert "--debug" in ran.err
    with pytest.raises(KeyError):
        main(["grim", "73", "128", "--debug"])


def test_an_interrupt_is_quiet(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("carmeta.rounding.fitting_counts", interrupted)
    ran = cli("grim", "73", "128")
    assert (ran.code, ran.out, ran.err) == (130, "", "")


def test_a_folder_of_somebody_else_is_not_replaced(cli, golden_review: Path) -> None:
    thesis = golden_review / "thesis"
    thesis.mkdir()
    (thesis / "chapter.txt").write_text("years of work")
    ran = cli("pool", "configs/two-arms.yaml", "--output", "thesis")
    assert (ran.code, ran.out) == (2, "")
    assert "not a run of carmeta" in ran.err
    assert [path.name for path in thesis.iterdir()] == ["chapter.txt"]


def test_a_pdf_without_the_package_is_refused_before_any_work(
    cli, golden_review: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    ran = cli("pool", "configs/two-arms.yaml", "--pdf")
    assert (ran.code, ran.out) == (2, "")
    assert "report.pdf needs the package typst" in ran.err
    assert "pip install 'carmeta[pdf]'" in ran.err
    assert not (golden_review / "outputs" / "two-arms").exists()
    assert cli("pool", "--csv", "counts.csv", "--pdf").code == 2


def test_a_pdf_is_written_and_listed_where_asked(cli, golden_review: Path) -> None:
    pytest.importorskip("typst", reason="typst is not installed: pip install 'carmeta[pdf]'")
    assert cli("pool", "configs/two-arms.yaml", "--pdf", "--jobs", 1).code == 0
    folder = golden_review / "outputs" / "two-arms"
    manifest = json.loads((folder / "manifest.json").read_text())
    raw = (folder / "report.pdf").read_bytes()
    assert raw.startswith(b"%PDF-")
    assert manifest["outputs"]["report.pdf"]["bytes"] == len(raw)


def test_studies_and_show(cli, golden_review: Path) -> None:
    rows = json.loads(cli("studies", "--format", "json").out)
    assert [(row["study"], row["cohorts"], row["patients"]) for row in rows] == [
        ("alpha-1", 1, 33), ("beta-2", 2, 128), ("gamma-3", 3, 90),
    ]  # fmt: skip
    shown = list(csv.DictReader(io.StringIO(cli("show", "gamma-3", "--format", "csv").out)))
    orr = next(row for row in shown if row["what"] == "orr")
    assert orr["printed"] == "41 of 60 (68%)"
    assert orr["where"] == "gamma-2022, Table 2, row 'ORR'"
    assert json.loads(cli("show", "gamma-3", "--format", "json").out)["id"] == "gamma-3"
    ran = cli("show", "gama-3")
    assert (ran.code, ran.out) == (2, "")
    assert "did you mean 'gamma-3'?" in ran.err


def test_show_prints_every_cell_with_its_own_denominator(cli, golden_review: Path) -> None:
    path = golden_review / "studies" / "alpha-1.yaml"
    path.write_text(path.read_text() + SHOWN)
    rows = list(csv.DictReader(io.StringIO(cli("show", "alpha-1", "--format", "csv").out)))
    found = [(row["what"], row["printed"]) for row in rows if row["cohort"] == "more"]
    assert found == [
        ("patients", "20"),
        ("response CR", "5 of 18"),
        ("response PR", "4 of 20 (20%)"),
        ("MRD− NGS 1e-5 all", "3 of 4 (75%)"),
        ("crs any grade", "50% of 10"),
        ("crs grade >=3", "not reported"),
        ("median pfs", "8.8 months (2-12)"),
        ("Median age", "61 (33-80)"),
    ]


SHOWN = """  - id: more
    label: more
    role: car-t
    populations:
      infused: {n: 20, at: {}}
    response:
      - population: infused
        of: 20
        at: {}
        categories: {CR: {count: 5, of: 18}, PR: {count: 4, percent: "20"}}
    toxicity:
      - event: crs
        population: infused
        at: {}
        grades: {any: {percent: "50", of: 10}, ">=3": {missing: not-reported}}
    times:
      - {endpoint: pfs, value: "8.8", unit: months, range: 2-12, at: {}}
    characteristics:
      - {name: age, label: Median age, value: "61", range: 33-80, at: {}}
    assayed:
      - {outcome: mrd_neg, population: evaluable, assay: NGS, depth: "1e-5", among: all, at: {},
         count: 3, of: 4, percent: "75"}
"""


def test_config_show_spells_out_every_default(cli, golden_review: Path) -> None:
    rows = json.loads(cli("config", "show", "configs/tiny.yaml", "--format", "json").out)
    found = {row["key"]: (row["value"], row["from"]) for row in rows}
    assert found["name"] == ("tiny", "configs/tiny.yaml:3:7")
    assert found["level"] == (0.95, "default")
    assert found["models[1].test"] == ("adhoc", "default")


def test_a_new_study_is_valid_and_never_replaces_one(cli, golden_review: Path) -> None:
    assert cli("new", "study", "my-trial").code == 0
    path = golden_review / "studies" / "my-trial.yaml"
    assert cli("validate", path, "--no-audit").out == ""
    ran = cli("validate", "studies/my-trial.yaml")
    assert (ran.code, ran.out.partition(": ")[0]) == (0, "studies/my-trial.yaml:7:9")
    assert "warning[DRA001] my-trial/status: " in ran.out
    path.write_text("mine")
    ran = cli("new", "study", "my-trial")
    assert (ran.code, path.read_text()) == (2, "mine")
    assert "exists already" in ran.err
    assert cli("new", "study", "../evil").code == 2


def test_explain_ends_in_printed_cells(cli, golden_review: Path) -> None:
    ran = cli("explain", "orr", "beta-2", "--config", "configs/tiny.yaml")
    assert ran.code == 0
    assert "73%" in ran.out
    assert "overview-2021, Table 2, row 'ORR'" in ran.out
    ran = cli("explain", "orr", "alpha-9", "--config", "configs/tiny.yaml")
    assert (ran.code, ran.out) == (2, "")


def test_grim(cli) -> None:
    ran = cli("grim", "73%", "128", "--format", "csv")
    assert [row["count"] for row in csv.DictReader(io.StringIO(ran.out))] == ["93", "94"]
    assert ran.code == 0
    ran = cli("grim", "20", "8")
    assert ran.code == 1
    assert "no whole number of 8 patients" in ran.err


def test_audit(cli, golden_review: Path) -> None:
    ran = cli("audit", "beta-2", "--format", "json")
    assert ran.code == 0
    findings = json.loads(ran.out)
    assert {item["code"] for item in findings} >= {"GRM006"}
    assert all(item["place"].startswith("studies/beta-2.yaml:") for item in findings)
    assert cli("audit", "beta").code == 2


def test_what_leaves_a_pool_is_told_with_its_place(cli, golden_review: Path) -> None:
    path = golden_review / "studies" / "alpha-1.yaml"
    path.write_text(path.read_text() + LOST)
    last = path.read_text().count("\n")
    ran = cli("validate", "studies")
    told = [line.partition(":") for line in ran.out.splitlines() if "POP004] alpha-1" in line]
    assert (ran.code, [place for place, _, _ in told]) == (0, ["studies/alpha-1.yaml"] * 2)
    assert told[0][2].startswith(f"{last - 4}:66: warning[POP004] alpha-1/small/crs_ge3: 40% of")
    assert told[1][2].startswith(f"{last - 2}:9: warning[POP004] alpha-1/small/orr: 50% of")
    note = "  - {code: POP004, cohort: small, reason: The abstract does not say how many.}\n"
    path.write_text(path.read_text() + "acknowledged:\n" + note)
    ran = cli("validate", "studies")
    assert "POP004] alpha-1" not in ran.out
    assert "2 acknowledged" in ran.err


LOST = """  - id: small
    label: small
    role: car-t
    lineage: {disjoint_from: [all]}
    toxicity:
      - {event: crs, population: safety, at: {}, grades: {">=3": {percent: "40"}}}
    proportions:
      - {outcome: orr, population: infused, percent: "50", at: {}}
    characteristics:
      - {name: bridging, percent: "50", at: {}}
"""


@pytest.mark.parametrize("kind", ["study", "products", "reports", "config", "review"])
def test_the_committed_schemas_are_current(cli, kind: str) -> None:
    committed = ROOT / ".schema" / f"{kind}.schema.json"
    studies = ROOT / "studies"
    assert cli("schema", kind, "--studies", studies).out == committed.read_text(), "make docs"


def test_formats_of_a_table(cli, golden_review: Path) -> None:
    (golden_review / "studies" / "alpha-1.yaml").write_text(
        (golden_review / "studies" / "alpha-1.yaml")
        .read_text()
        .replace("label: Alpha-1", "label: '=SUM(A1) | [bold]x[/bold]'")
    )
    assert "=SUM(A1) | [bold]x[/bold]" in cli("studies").out
    record = next(csv.DictReader(io.StringIO(cli("studies", "--format", "csv").out)))
    assert not record["label"].startswith("=")
    assert "\\|" in cli("studies", "--format", "md").out
    assert json.loads(cli("studies", "--format", "json").out)[0]["label"].startswith("=SUM")


def test_quiet_leaves_data_and_errors(cli, golden_review: Path) -> None:
    assert cli("validate", "-q").err == ""
    assert "error: " in cli("show", "x", "-q").err


def test_github_annotations(cli, golden_review: Path) -> None:
    path = golden_review / "studies" / "alpha-1.yaml"
    path.write_text(path.read_text().replace("role: car-t", "role: 50%"))
    ran = cli("validate", "studies", "--output-format", "github")
    assert ran.out.startswith(
        "::error file=studies/alpha-1.yaml,line=12,col=11,title=SCH004::'50%25' is not a value"
    )
    found = json.loads(cli("validate", "studies", "--output-format", "json").out)
    assert (found[0]["line"], found[0]["code"]) == (12, "SCH004")


def test_diff(cli, tmp_path: Path) -> None:
    for name, text in (("a", "x,1.5\n"), ("b", "x,1.6\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pooled.csv").write_text(text)
    assert cli("diff", tmp_path / "a", tmp_path / "a").code == 0
    ran = cli("diff", tmp_path / "a", tmp_path / "b")
    assert ran.code == 1
    assert "pooled.csv" in ran.out
    assert cli("diff", tmp_path / "a", tmp_path / "none").code == 2


def carmeta(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    base = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    return subprocess.run(
        [sys.executable, "-m", "carmeta", *arguments],
        cwd=ROOT, env=base | environment, capture_output=True, check=False,
    )  # fmt: skip


def test_piped_output_is_plain_even_on_a_build_server() -> None:
    ran = carmeta("grim", "73", "128", GITHUB_ACTIONS="true")
    assert b"\x1b" not in ran.stdout + ran.stderr
    assert b"\x1b" not in carmeta("show", "nothing", GITHUB_ACTIONS="true").stderr
    assert b"\x1b" in carmeta("show", "nothing", FORCE_COLOR="1").stderr
    assert b"\x1b" not in carmeta("show", "nothing", FORCE_COLOR="1", NO_COLOR="1").stderr


def test_a_terminal_without_unicode() -> None:
    ran = carmeta("show", "karmma-3", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert ran.returncode == 0
    ran.stdout.decode("ascii")


def test_a_reader_that_goes_away() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "carmeta", "show", "salvage-msk-sinai"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 141


# A pool needs numpy and scipy's special functions (and typer, for an argument, pydantic).
UNUSED = {"pymare", "sympy", "pandas", "statsmodels", "matplotlib", "yaml", "jinja2"}
ENGINE = ["pool", "--csv", "examples/counts.csv", "--model", "IV"]
HEAVY = {"numpy", "scipy", "pandas", "matplotlib", "statsmodels", "pymare", "rich", "pydantic"}


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["--help"], HEAVY | {"yaml"}),
        (["pool", "--help"], HEAVY - {"pydantic"} | {"yaml"}),
        (["validate"], HEAVY - {"rich", "pydantic", "scipy", "numpy"}),
        (["studies"], HEAVY - {"rich", "pydantic"}),
        (ENGINE, UNUSED),
        ([*ENGINE, "--format", "json"], UNUSED | {"rich"}),
        (["pool", "--csv", "examples/counts.csv", "--model", "GLMM"], UNUSED),
    ],
)
def test_heavy_imports_only_where_they_are_needed(arguments: list[str], absent: set[str]) -> None:
    program = (
        "import sys; from carmeta.cli import main; main(sys.argv[1:]);"
        "print(*sorted({n.split('.')[0] for n in sys.modules}), file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = set(ran.stderr.splitlines()[-1].split())
    assert "carmeta" in loaded
    assert not loaded & absent


def test_patients_of_a_study_are_those_of_its_disjoint_cohorts(cli) -> None:
    rows = json.loads(cli("studies", "--studies", ROOT / "studies", "--format", "json").out)
    patients = {row["study"]: row["patients"] for row in rows}
    assert patients["legend-2"] == 74  # sites RJ, JS, CZ and Xi'an are disjoint
    assert patients["karmma-3"] == 386  # two randomised arms
    assert patients["nci-bcma"] == 24  # the dose levels are parts of it
    assert patients["salvage-msk-sinai"] == 140  # all treated; lines of therapy are no patients


def test_what_was_left_out_is_told_after_a_run(cli, golden_review: Path) -> None:
    path = golden_review / "studies" / "gamma-3.yaml"
    text = path.read_text()
    ran = cli("pool", "configs/tiny.yaml", "--jobs", 1)
    assert ran.code == 0
    folder = golden_review / "outputs" / "tiny"
    listed = list(csv.DictReader(io.StringIO((folder / "excluded.csv").read_text())))
    assert listed, text
    for row in listed:
        assert row["label"] in ran.err
