"""`carmeta import`: sheets of counts to drafts."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.unit.importing.shared import KNOWN, counted, needs, put, records, zipped

LONG = """Study,Outcome,Arm,Events,N,Year,Notes
Alpha,Overall response,new,8,10,2019,x
Alpha,Overall response,old,5,11,2019,
Alpha,cr,new,2,10,2019,
Beta,orr,new,3,9,2020,
"""
TWO_ARMS = "author,ai,n1i,ci,n2i\nAlpha 2019,8,10,5,11\nBeta 2020,3,9,4,8\n"
AGAINST = (
    "--design", "randomised", "--outcome", "orr", "--population", "itt",
    "--role", "treatment=car-t", "--role", "control=comparator",
)  # fmt: skip
WIDE = "Study,n,ORR,cr events,cr n\nAlpha,10,8,2,9\nBeta,9,3,1,9\n"


def test_a_long_sheet(cli, here) -> None:
    put(here / "counts.csv", LONG)
    options = ("--design", "randomised", "--role", "new=car-t", "--role", "old=comparator")
    ran = cli("import", "counts.csv", *options, "--population", "itt")
    assert ran.code == 0, ran.err
    assert counted(here) == [
        ("Alpha", "new", "orr", 8, 10), ("Alpha", "new", "cr", 2, 10),
        ("Alpha", "old", "orr", 5, 11), ("Beta", "new", "orr", 3, 9),
    ]  # fmt: skip
    found = records(here)["alpha"]
    assert (found["status"], found["trial"]["design"]) == ("draft", "randomised")
    assert (found["trial"]["year"], found["reports"][0]["year"]) == (2019, 2019)
    assert [cohort["role"] for cohort in found["cohorts"]] == ["car-t", "comparator"]
    cell = found["cohorts"][0]["proportions"][1]
    assert cell["at"] == {
        "section": "counts.csv, as imported", "row": "4", "column": "D 'Events', E 'N'",
    }  # fmt: skip
    assert found["cohorts"][0]["populations"]["itt"]["n"] == 10
    assert cli("validate", "studies").code == 0


@pytest.mark.parametrize(
    "text",
    [
        "Study,Outcome,Events,N,%\nAlpha,orr,8,10,80\n",
        "Study,ORR events,ORR n,ORR %\nAlpha,8,10,80\n",
    ],
)
def test_a_count_and_its_percentage_are_one_number(cli, here, text: str) -> None:
    put(here / "counts.csv", text)
    ran = cli("import", "counts.csv", *KNOWN, "--year", "2020")
    assert ran.code == 0, ran.err
    (cohort,) = records(here)["alpha"]["cohorts"]
    (number,) = cohort["proportions"]
    assert (number["count"], number["of"], number["percent"]) == (8, 10, "80")
    assert "%" in number["at"]["column"]


def test_arms_that_a_line_sets_against_each_other_are_disjoint(cli, here) -> None:
    put(here / "counts.csv", TWO_ARMS)
    ran = cli("import", "counts.csv", *AGAINST)
    assert ran.code == 0, ran.err
    first, second = records(here)["alpha-2019"]["cohorts"]
    assert "lineage" not in first
    assert second["lineage"] == {"disjoint_from": [first["id"]]}


def test_what_was_guessed_is_shown_and_written(cli, here) -> None:
    put(here / "counts.csv", LONG)
    ran = cli("import", "counts.csv", *KNOWN, "--format", "json")
    assert ran.code == 0, ran.err
    holds = {row["heading"]: row["holds"] for row in json.loads(ran.out)}
    assert holds == {
        "Study": "study", "Outcome": "outcome", "Arm": "arm", "Events": "events", "N": "n",
        "Year": "year", "Notes": "ignored",
    }  # fmt: skip
    mapping = yaml.safe_load((here / "counts.mapping.yaml").read_text())
    assert mapping["outcomes"] == {"Overall response": "orr", "cr": "cr", "orr": "orr"}
    assert "not carried over" in ran.err
    assert "column G 'Notes'" in (here / "counts.import-report.md").read_text()


def test_two_arms_in_columns(cli, here) -> None:
    put(here / "counts.csv", TWO_ARMS)
    ran = cli("import", "counts.csv", *AGAINST)
    assert ran.code == 0, ran.err
    assert counted(here) == [
        ("Alpha 2019", "treatment", "orr", 8, 10), ("Alpha 2019", "control", "orr", 5, 11),
        ("Beta 2020", "treatment", "orr", 3, 9), ("Beta 2020", "control", "orr", 4, 8),
    ]  # fmt: skip
    assert records(here)["alpha-2019"]["reports"][0]["year"] == 2019
    assert "year 2019 is taken from the name" in (here / "counts.import-report.md").read_text()


def test_a_wide_sheet(cli, here) -> None:
    put(here / "counts.csv", WIDE.replace(",", ";"))
    ran = cli("import", "counts.csv", *KNOWN)
    assert ran.code == 0, ran.err
    assert counted(here) == [
        ("Alpha", "Alpha", "orr", 8, 10), ("Alpha", "Alpha", "cr", 2, 9),
        ("Beta", "Beta", "orr", 3, 9), ("Beta", "Beta", "cr", 1, 9),
    ]  # fmt: skip
    # 10 and 9 patients cannot both be the population: the size is left to the reader.
    assert "populations" not in records(here)["alpha"]["cohorts"][0]
    assert "10 and 9" in (here / "counts.import-report.md").read_text()


@needs("openpyxl")
def test_every_sheet_of_a_workbook(cli, here) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(str(here / "counts.xlsx")) as book:
        for title, rows in {
            "Notes": [("about", "this"), ("a", "b")],
            "Response": [("Study", "Events", "N"), ("Alpha", 8, 10)],
            "Deep": [("Study", "cr events", "cr n"), ("Alpha", 2, 10)],
        }.items():
            sheet = book.add_worksheet(title)
            for i, row in enumerate(rows):
                sheet.write_row(i, 0, row)
    ran = cli("import", "counts.xlsx", *KNOWN, "--outcome", "orr")
    assert ran.code == 0, ran.err
    assert counted(here) == [("Alpha", "Alpha", "orr", 8, 10), ("Alpha", "Alpha", "cr", 2, 10)]
    places = [c["at"]["section"] for c in records(here)["alpha"]["cohorts"][0]["proportions"]]
    assert places == [
        "counts.xlsx, sheet 'Response', as imported", "counts.xlsx, sheet 'Deep', as imported",
    ]  # fmt: skip
    assert "sheet 'Notes'" in (here / "counts.import-report.md").read_text()


def test_nothing_is_written_before_everything_is_known(cli, here) -> None:
    put(here / "counts.csv", "Study,Outcome,Events,N\nAlpha,Moved,3,10\n")
    ran = cli("import", "counts.csv")
    assert ran.code == 2
    assert not records(here)
    assert "error[IMP001] outcome 'Moved' is not declared" in ran.err
    assert "allowed: orr, cr, " in ran.err
    assert "declared in " in ran.err
    for what in ("--role", "--population", "--design", "--year"):
        assert what in ran.err
    # The mapping is there, with the open questions in it.
    mapping = yaml.safe_load((here / "counts.mapping.yaml").read_text())
    assert mapping["outcomes"] == {"Moved": None}
    assert mapping["study"]["role"] is None


@pytest.mark.parametrize("named", [False, True])
def test_an_edited_mapping_is_used(cli, here, named: bool) -> None:
    put(here / "counts.csv", "Study,Outcome,Events,N,Late\nAlpha,Moved,3,10,1\nAlpha,Odd,9,9,1\n")
    assert cli("import", "counts.csv", *KNOWN).code == 2
    path = here / "counts.mapping.yaml"
    mapping = yaml.safe_load(path.read_text())
    mapping["outcomes"] = {"Moved": "orr", "Odd": "ignored"}
    path.write_text(yaml.safe_dump(mapping, sort_keys=False))
    ran = cli("import", "counts.csv", *(("--mapping", path) if named else ()))
    assert ran.code == 0, ran.err
    assert named or "read by counts.mapping.yaml" in ran.err
    assert counted(here) == [("Alpha", "Alpha", "orr", 3, 10)]
    assert "'Odd'" in (here / "counts.import-report.md").read_text()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("outcomes: {Moved: mitt}", "IMP001"),
        ("study: {role: bispecifik}", "IMP001"),
        ("columns: []", "SCH001"),
        ("tables: [{file: counts.csv, columns: [{column: A, heading: Trial, holds: study}]}]",
         "IMP006"),
        ("tables: [{file: other.csv, columns: [{column: A, heading: Study, holds: study}]}]",
         "IMP006"),
        ("tables: [{file: counts.csv, columns: [{column: ZZ, heading: Study, holds: study}]}]",
         "IMP006"),
        ("tables: [{file: counts.csv, columns: [{column: A, heading: Study, holds: stdy}]}]",
         "SCH004"),
        ("nothing", "YML"),
    ],
)  # fmt: skip
def test_a_mapping_that_does_not_fit(cli, here, change: str, message: str) -> None:
    put(here / "counts.csv", "Study,Outcome,Events,N\nAlpha,Moved,3,10\n")
    put(here / "m.yaml", change + "\n")
    ran = cli("import", "counts.csv", "--mapping", "m.yaml", *KNOWN)
    assert ran.code == 2
    assert message in ran.err
    assert "m.yaml" in ran.err or "counts.csv" in ran.err
    assert not records(here)


def test_dry_run_writes_nothing(cli, here) -> None:
    put(here / "counts.csv", LONG)
    ran = cli("import", "counts.csv", *KNOWN, "--dry-run")
    assert ran.code == 0, ran.err
    assert "column G 'Notes'" in ran.err
    assert sorted(path.name for path in here.rglob("*")) == ["counts.csv", "review.yaml", "studies"]


def test_no_record_is_ever_replaced(cli, here) -> None:
    put(here / "counts.csv", "Study,Events,N\nAlpha,3,10\nBeta,4,10\n")
    put(here / "studies" / "beta.yaml", "mine")
    ran = cli("import", "counts.csv", *KNOWN, "--outcome", "orr")
    assert ran.code == 2
    assert "error[IMP005]" in ran.err
    assert [path.name for path in (here / "studies").iterdir()] == ["beta.yaml"]
    assert (here / "studies" / "beta.yaml").read_text() == "mine"


def test_rows_that_disagree_are_refused_and_repeats_are_told(cli, here) -> None:
    head = "Study,Events,N,Year\n"
    put(
        here / "counts.csv", head + "Alpha,3,10,2001\nAlpha,4,10,2001\nBeta,1,9,2001\nBeta,1,9,2002"
    )
    ran = cli("import", "counts.csv", *KNOWN, "--outcome", "orr")
    assert ran.code == 2
    assert ran.err.count("error[IMP003]") == 2
    put(here / "again.csv", head + "Alpha,3,10,2001\nAlpha,3,10,2001\n")
    assert cli("import", "again.csv", *KNOWN, "--outcome", "orr").code == 0
    assert counted(here) == [("Alpha", "Alpha", "orr", 3, 10)]
    assert "the same again" in (here / "again.import-report.md").read_text()


def test_rows_without_counts_and_sums_are_listed(cli, here) -> None:
    put(here / "counts.csv", "Study,Events,N\nAlpha,3,10\nBeta,,\nTotal,3,10\n")
    ran = cli("import", "counts.csv", *KNOWN, "--outcome", "orr")
    assert ran.code == 0, ran.err
    assert list(records(here)) == ["alpha"]  # no count, no draft
    report = (here / "counts.import-report.md").read_text()
    assert "Beta" in report
    assert "'Total'" in report


def test_a_percentage_stays_as_printed(cli, here) -> None:
    put(here / "counts.csv", "Study,Percent,N\nAlpha,73.30,10\nBeta,101,9\n")
    ran = cli("import", "counts.csv", *KNOWN, "--outcome", "orr")
    assert ran.code == 2
    assert "error[IMP007] Beta: Percent 101" in ran.err
    put(here / "share.csv", "Study,Percent,N\nAlpha,0.733,10\nBeta,0.5%,200\n")
    ran = cli("import", "share.csv", *KNOWN, "--outcome", "orr")
    assert (ran.code, ran.err.count("may be a share")) == (2, 1)
    put(here / "more.csv", "Study,Percent,N\nAlpha,73.30,10\n")
    assert cli("import", "more.csv", *KNOWN, "--outcome", "orr").code == 0
    assert records(here)["alpha"]["cohorts"][0]["proportions"][0]["percent"] == "73.30"


def test_an_assayed_outcome_needs_more_than_a_count(cli, here) -> None:
    put(here / "counts.csv", "Study,Outcome,Events,N\nA,mrd_neg,3,10\nA,orr,8,10\n")
    assert cli("import", "counts.csv", *KNOWN).code == 0
    assert counted(here) == [("A", "A", "orr", 8, 10)]
    assert "without its assay" in (here / "counts.import-report.md").read_text()


def test_a_review_without_words(cli, here) -> None:
    (here / "review.yaml").unlink()
    put(here / "counts.csv", "Study,Events,N\nA,3,10\n")
    ran = cli("import", "counts.csv", *KNOWN, "--outcome", "orr")
    assert ran.code in (1, 2)
    assert "review.yaml" in ran.err
    assert not (here / "counts.mapping.yaml").exists()


def test_a_column_that_could_be_another_is_asked_for(cli, here) -> None:
    put(here / "counts.csv", "Study,Events,N,Events,N\nA,3,10,4,11\n")
    ran = cli("import", "counts.csv", *KNOWN, "--outcome", "orr")
    assert ran.code == 2
    assert ran.err.count("error[IMP008]") == 2
    assert "columns B 'Events' and D 'Events' could be the same thing" in ran.err
    path = here / "counts.mapping.yaml"
    mapping = yaml.safe_load(path.read_text())
    for column, use in zip(
        mapping["tables"][0]["columns"], ("", "one", "one", "two", "two"), strict=True
    ):
        column["holds"] = {"Events": "events", "N": "n"}.get(column["heading"], "study")
        column |= {"arm": use} if use else {}
    path.write_text(yaml.safe_dump(mapping))
    assert cli("import", "counts.csv", *KNOWN, "--outcome", "orr").code == 0
    assert counted(here) == [("A", "one", "orr", 3, 10), ("A", "two", "orr", 4, 11)]


def test_places_name_the_file_and_no_folder(cli, here) -> None:
    (here / "data").mkdir()
    put(here / "data" / "counts.csv", "Study,Events,N\nA,3,10\n")
    ran = cli("import", here / "data" / "counts.csv", *KNOWN, "--outcome", "orr")
    assert ran.code == 0, ran.err
    assert records(here)["a"]["cohorts"][0]["proportions"][0]["at"]["section"] == (
        "counts.csv, as imported"
    )
    assert (here / "data" / "counts.mapping.yaml").is_file()
    put(here / "counts.csv", "Study,Events,N\nB,3,10\n")
    ran = cli("import", "counts.csv", "data/counts.csv", *KNOWN, "--outcome", "orr")
    assert (ran.code, "two files are called counts.csv" in ran.err) == (2, True)


def test_identifiers_of_a_sheet(cli, here) -> None:
    line = "A b,3,10,https://doi.org/10.1000/X,nct01234567,safety\n"
    put(here / "counts.csv", "Study,Events,N,DOI,NCT,Population\n" + line)
    ran = cli("import", "counts.csv", *KNOWN, "--outcome", "orr")
    assert ran.code == 0, ran.err
    found = records(here)["a-b"]
    assert found["reports"][0]["doi"] == "10.1000/X"
    assert found["trial"]["registry"] == "NCT01234567"
    assert found["cohorts"][0]["proportions"][0]["population"] == "safety"
    put(here / "bad.csv", "Study,Events,N,DOI,NCT,Year\nC,3,10,x,NCT1,19\n")
    ran = cli("import", "bad.csv", *KNOWN, "--outcome", "orr")
    assert (ran.code, ran.err.count("error[IMP007]")) == (2, 3)


# -- hostile ------------------------------------------------------------------------------

NAMES = [
    "../../etc/passwd", "..", "/", "=cmd|' /C calc'!A0", "a: [b", "'\"", "NO", "1e6", "12:30",
    "x\x07y", "{{ evil }}", "\u202eabc", "&anchor", "# comment", "x" * 100, "con", "2020-01-01",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_hostile_names_of_studies(cli, here, name: str) -> None:
    import csv
    import io

    text = io.StringIO()
    csv.writer(text).writerows([("Study", "Events", "N"), (name, 3, 10)])
    put(here / "counts.csv", text.getvalue())
    before = set(here.parent.rglob("*"))
    ran = cli("import", "counts.csv", *KNOWN, "--outcome", "orr")
    assert "bug" not in ran.err
    new = set(here.parent.rglob("*")) - before
    assert all(path.parent in (here, here / "studies") for path in new)
    if ran.code == 0:
        assert len(records(here)) == 1
        assert cli("validate", "studies").code == 0
    else:
        assert ran.code == 2
        assert not records(here)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\n\n", bytes(range(256)) * 10, b"\x00" * 100, b"Study,Events,N\n", b"PK\x03\x04 x",
        b"Study|Events|N\nA|1|2\n", b"\xff\xfeS\x00t\x00", b"a,b\n1,2\n", b'Study,Events,N\n"A,1,2',
        b"Study,Events,N\nA,1\n", b"Study,Events,N\nA,11,10\n", b"Study,Events,N\nA,x,10\n",
        b"Study,Events,N,Study\nA,1,10,B\n", b"<?xml version='1.0'?><a/>", b"<COCHRANE_REVIEW>",
        b"TY  - JOUR\n", b"Study,Events,N\n,1,2\n", b"\xd0\xcf\x11\xe0" + bytes(100),
    ],
)  # fmt: skip
def test_files_that_hold_no_counts_are_refused(cli, here, content: bytes) -> None:
    put(here / "file.csv", content)
    ran = cli("import", "file.csv", *KNOWN, "--outcome", "orr")
    assert ran.code == 2, ran.err
    assert "file.csv" in ran.err
    assert "bug" not in ran.err
    assert not records(here)


def test_words_of_options_that_the_file_does_not_have(cli, here) -> None:
    put(here / "counts.csv", LONG)
    for option, item in (("--role", "nwe=car-t"), ("--outcome", "Overall=orr")):
        ran = cli("import", "counts.csv", *KNOWN, option, item)
        assert ran.code == 2
        assert f"{option} {item}: '{item.split('=')[0]}' is no {option[2:]} of the file" in ran.err
    assert "there are: Overall response, cr, orr" in ran.err


def test_standard_input(cli, here, monkeypatch) -> None:
    import io
    import sys

    text = b"Study,Events,N\nAlpha,3,10\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    ran = cli("import", "-", *KNOWN, "--outcome", "orr")
    assert ran.code == 0, ran.err
    at = records(here)["alpha"]["cohorts"][0]["proportions"][0]["at"]
    assert at["section"] == "<stdin>, as imported"
    assert (here / "stdin.mapping.yaml").is_file()


def test_drafts_are_all_written_or_none(cli, here, monkeypatch) -> None:
    from pathlib import Path

    put(here / "counts.csv", "Study,Events,N\nAlpha,3,10\nBeta,4,10\n")
    own = Path.open

    def full(path: Path, mode: str = "r", **more: object):
        if path.name == "beta.yaml" and mode == "x":
            raise OSError(28, "No space left on device", str(path))
        return own(path, mode, **more)

    monkeypatch.setattr(Path, "open", full)
    ran = cli("import", "counts.csv", *KNOWN, "--outcome", "orr")
    assert (ran.code, "No space left" in ran.err) == (2, True)
    assert not list((here / "studies").iterdir())


def test_usage(cli, here) -> None:
    put(here / "counts.csv", "Study,Events,N\nA,1,10\n")
    for arguments, told in (
        (("nope.csv",), "nope.csv"),
        (("counts.csv", "--studies", "nowhere"), "nowhere"),
        (("counts.csv", "--role", "oncologist"), "salvage"),
        (("counts.csv", "--outcome", "mitt"), "orr"),
        (("counts.csv", "--design", "rct"), "randomised"),
        (("counts.csv", "--mapping", "nope.yaml"), "nope.yaml"),
        (("studies",), "studies"),
    ):
        ran = cli("import", *arguments)
        assert (ran.code, told in ran.err) == (2, True), ran.err
        assert not records(here)


@needs("openpyxl")
def test_a_workbook_that_unpacks_to_too_much(cli, here, monkeypatch) -> None:
    from carmeta.importing import sheet

    monkeypatch.setattr(sheet, "MAX_UNPACKED", 100)
    put(here / "counts.xlsx", zipped({"[Content_Types].xml": b"0" * 1000}))
    ran = cli("import", "counts.xlsx", *KNOWN)
    assert (ran.code, "unpacks to more than" in ran.err) == (2, True)


def test_a_huge_file_is_refused(cli, here, monkeypatch) -> None:
    from carmeta.importing import sheet

    monkeypatch.setattr(sheet, "MAX_BYTES", 1000)
    put(here / "counts.csv", "Study,Events,N\n" + "A,1,10\n" * 1000)
    ran = cli("import", "counts.csv", *KNOWN, "--outcome", "orr")
    assert ran.code == 2
    assert "larger than" in ran.err
