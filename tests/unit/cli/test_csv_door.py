"""`pool --csv` with the files that people have: what is understood, said, and refused."""

from __future__ import annotations

import importlib.util
import io
import json
from pathlib import Path

import pytest

from carmeta.config import AnalysisConfig
from carmeta.errors import DataError
from carmeta.importing.headings import find_columns

ROWS = [("A", 3, 20), ("B", 10, 30), ("C", 4, 12), ("D", 7, 25)]
ARMS = [("A", 3, 20, 5, 22), ("B", 10, 30, 14, 28), ("C", 4, 12, 6, 15)]
needs_openpyxl = pytest.mark.skipif(
    importlib.util.find_spec("openpyxl") is None,
    reason="openpyxl is not installed: pip install 'carmeta[excel]'",
)


def table(heading: str, rows=ROWS, separator: str = ",") -> str:
    lines = [heading, *(separator.join(map(str, row)) for row in rows)]
    return "\n".join(lines) + "\n"


@pytest.fixture
def pool(cli, tmp_path: Path):
    def run(text: str | bytes, *arguments: object, name: str = "counts.csv"):
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return cli("pool", "--csv", path, "--model", "IV", *arguments)

    return run


def numbers(ran) -> dict:
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    for study in found["studies"]:
        study.pop("further", None)
    return found


# -- headings -----------------------------------------------------------------------------

ONE_ARM = [
    "Study,Events,N", "STUDY,events,Total", "slab,xi,ni", "Author,event,n", "trial,r,size",
    "study,x,patients", "Study,Cases,total", "study,responders,N", " study , events , n ",
]  # fmt: skip
TWO_ARMS = [
    "study,events,n,events2,n2", "Study,Events1,N1,Events2,N2", "slab,ai,n1i,ci,n2i",
    "author,event.e,n.e,event.c,n.c", "Study,Event.E,N.E,Event.C,N.C",
    "study,events_1,n_1,events_2,n_2",
]  # fmt: skip


@pytest.mark.parametrize("heading", ONE_ARM)
def test_names_of_columns_of_one_arm(pool, heading: str) -> None:
    assert numbers(pool(table(heading), "--json")) == numbers(
        pool(table("study,events,n"), "--json")
    )


@pytest.mark.parametrize("heading", TWO_ARMS)
def test_names_of_columns_of_two_arms(pool, heading: str) -> None:
    plain = numbers(pool(table("study,events,n,events2,n2", ARMS), "--json"))
    assert numbers(pool(table(heading, ARMS), "--json")) == plain
    assert plain["measure"] == "OR"


@pytest.mark.parametrize(
    ("heading", "message"),
    [
        ("study,cases,responders,n", "'cases' and 'responders' could both be the column 'events'"),
        ("study,events,total,patients", "'total' and 'patients' could both be the column 'n'"),
        ("study,Events,events,n", "the column 'events' stands twice, first as 'Events'"),
        ("study,events,n,ai", ""),
        ("study,events,n,ci", ""),  # a confidence interval, not a second arm
        ("study,ai,n1i,ci", "no column 'n2i'"),
        ("study,event.e,n.e,event.c,n", "no column 'n.c'"),
        ("study,events,n,evnts2", "unknown column 'evnts2'"),
        ("study,events,n,event2", "unknown column 'event2'"),
        ("study,evnts,n", "no column 'events'"),
        ("events,n,year", "no column 'study'"),
    ],
)
def test_a_heading_that_could_be_two_things_is_refused(heading: str, message: str) -> None:
    names = heading.split(",")
    if not message:
        assert not find_columns(names, "x:1", None).two_arm
        return
    with pytest.raises(DataError, match="x:1: ") as told:
        find_columns(names, "x:1", None)
    assert message in told.value.message
    assert told.value.hint


def test_the_very_word_is_meant_before_another(pool) -> None:
    rows = [(name, "Doe", xi, ni, 99) for name, xi, ni in ROWS]
    ran = pool(table("study,author,events,n,total", rows), "--json")
    assert numbers(ran) == numbers(pool(table("study,events,n"), "--json"))
    assert "further columns (for --group): author, total" in ran.err


def test_what_was_guessed_is_said_in_one_line(pool) -> None:
    ran = pool(table("Author;Cases;Total;Country", [(*row, "x") for row in ROWS], ";"))
    assert [line for line in ran.err.splitlines() if " is read with " in line] == [
        ran.err.splitlines()[0]
    ]
    assert ran.err.splitlines()[0].endswith(
        "counts.csv is read with separator semicolon; study = Author, events = Cases, n = Total; "
        "further columns (for --group): Country"
    )
    assert " is read with " not in pool(table("study,events,n")).err


# -- further columns and groups -----------------------------------------------------------

WIDE = table(
    "study,events,n,Country,age", [(*row, c, 60) for row, c in zip(ROWS, "xxyy", strict=True)]
)


def test_further_columns_are_kept_and_can_be_groups(pool) -> None:
    ran = pool(WIDE, "--json")
    found = json.loads(ran.out)
    assert found["studies"][2]["further"] == {"Country": "y", "age": "60"}
    assert "groups" not in found
    grouped = json.loads(pool(WIDE, "--group", "country", "--json").out)
    plain = pool(WIDE.replace("Country", "group"), "--json")
    assert grouped["groups"] == json.loads(plain.out)["groups"]
    assert grouped["group_test"] == json.loads(plain.out)["group_test"]


def test_another_column_than_group_can_be_asked_for(pool) -> None:
    text = table(
        "study,events,n,group,arm",
        [(*row, g, a) for row, g, a in zip(ROWS, "xxyy", "pqpq", strict=True)],
    )
    assert set(json.loads(pool(text, "--json").out)["groups"]) == {"x", "y"}
    assert set(json.loads(pool(text, "--group", "arm", "--json").out)["groups"]) == {"p", "q"}


def test_a_group_that_is_no_column(cli, pool) -> None:
    ran = pool(WIDE, "--group", "contry")
    assert (ran.code, ran.out) == (2, "")
    assert "has no such column" in ran.err
    assert "did you mean 'Country'? columns: Country, age" in ran.err
    assert "no further columns" in pool(table("study,events,n"), "--group", "x").err
    assert "--group works only with --csv" in cli("pool", "--group", "x").err
    ran = pool(WIDE.replace(",x,", ",,", 1), "--group", "Country")
    assert ":2:8: error[CSV005] A: no group: 'Country' is empty" in ran.err


# -- separators and numbers ---------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        table("study;events;n", separator=";"),
        table("study;events;n", [(s, f"{x},0", f"{n},00") for s, x, n in ROWS], ";"),
        table("study\tevents\tn", [(s, f"{x},0", f"{n},0") for s, x, n in ROWS], "\t"),
        table("study,events,n", [(s, f"{x}.0", n) for s, x, n in ROWS]),
        table("study;events;n;comment, free", [(*row, "a, b") for row in ROWS], ";"),
        "sep=;\n" + table("study;events;n", separator=";"),
        "\n;;\n" + table("study;events;n;;", [(*row, "", "") for row in ROWS], ";"),
        table('"",study,events,n', [(i, *row) for i, row in enumerate(ROWS)]),
    ],
)
def test_what_spreadsheets_of_all_countries_write(pool, text: str) -> None:
    found, plain = numbers(pool(text, "--json")), numbers(pool(table("study,events,n"), "--json"))
    assert found == plain


@pytest.mark.parametrize(
    ("cell", "code", "message"),
    [
        ("12,5", "CSV008", "A: Cases is no whole number and looks like a percentage: '12,5'"),
        ("45%", "CSV008", "A: Cases looks like a percentage: '45%'"),
        ("45.5", "CSV008", "looks like a percentage: '45.5'"),
        ("0,45", "CSV008", "looks like a percentage: '0,45'"),
        ("", "CSV002", "A: Cases is empty"),
        ("NA", "CSV002", "A: Cases is no whole number: 'NA'"),
        ("1.000", "CSV002", "thousands set apart: '1.000'"),
        ("1,234", "CSV002", "thousands set apart: '1,234'"),
        ("145,5", "CSV002", "A: Cases is no whole number: '145,5'"),
    ],
)
def test_what_is_no_count_is_told_with_its_column_and_line(
    pool, cell: str, code: str, message: str
) -> None:
    ran = pool(f"Author;Cases;Total\nA;{cell};20\nB;10;30\n")
    assert (ran.code, ran.out) == (2, "")
    lines = ran.err.splitlines()
    told = next(line for line in lines if "error[" in line)
    assert f"counts.csv:2:3: error[{code}] " in told
    assert message in told
    assert f"2 | A;{cell};20" in lines
    assert "  |   ^" in lines
    if code == "CSV008":
        assert "= help: write the number of patients" in ran.err


def test_the_line_of_an_error_stands_as_it_is(pool) -> None:
    ran = pool('study , events,n\n"Smith, J ""x""",  x ,20\n')
    assert (
        "counts.csv:2:20: error[CSV002] Smith, J \"x\": events is no whole number: 'x'" in ran.err
    )
    assert '2 | "Smith, J ""x""",  x ,20' in ran.err


def test_an_error_in_a_value_over_two_lines_has_its_own_line(pool) -> None:
    ran = pool('study,events,n\n"A\nB",x,20\nC,y,3\n')
    assert "counts.csv:3:4: error[CSV002]" in ran.err
    assert "counts.csv:4:3: error[CSV002]" in ran.err


def test_percentages_of_whole_numbers_are_suspected(pool) -> None:
    ran = pool("study,events,n\nA,45,20\n")
    assert "A: events 45 exceeds n 20" in ran.err
    assert "not percentages" in ran.err


# -- lines that are no study --------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["Total", "SUMME", "Overall", "Pooled", "Pooled (random effects)", "Gesamt", "All studies"],
)
def test_a_line_of_sums_is_warned_of(pool, name: str) -> None:
    ran = pool(table("study,events,n", [*ROWS, (name, 24, 87)]))
    assert ran.code == 0
    assert f"warning: line 6, '{name}', is pooled as a study: its counts are the sum" in ran.err
    ran = pool(table("study,events,n", [*ROWS, (name, 24, 88)]))
    assert f"warning: line 6, '{name}', is pooled as a study: it may be a sum" in ran.err


def test_a_trial_whose_name_begins_alike_is_none(pool) -> None:
    rows = [("SUMMIT-1", 3, 20), ("TOTALIS", 2, 9), ("Alliance", 3, 8), ("Allred", 1, 5)]
    assert "warning" not in pool(table("study,events,n", rows)).err


# -- the model ----------------------------------------------------------------------------


def test_without_a_model_it_is_that_of_a_configuration(cli, tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    path.write_text(table("study,events,n"))
    specs = AnalysisConfig(name="x", title="X").specs
    found = json.loads(cli("pool", "--csv", path, "--json").out)
    assert [found["model"], *(one["model"] for one in found["beside"])] == [s.model for s in specs]
    for spec, result in zip(specs, [found, *found["beside"]], strict=True):
        alone = json.loads(cli("pool", "--csv", path, "--json", "--model", spec.model).out)
        assert alone["estimate"] == result["estimate"]
        assert "beside" not in alone
    table_rows = cli("pool", "--csv", path, "--format", "csv").out.splitlines()
    assert [line.split(",")[0] for line in table_rows] == ["row", "overall", "overall"]
    path.write_text(table("study,events,n,events2,n2", ARMS))
    found = json.loads(cli("pool", "--csv", path, "--json").out)
    assert (found["model"], "beside" in found) == ("IV", False)


def test_a_model_that_cannot_have_an_option_is_left_out_and_said(cli, tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    path.write_text(table("study,events,n"))
    ran = cli("pool", "--csv", path, "--measure", "PFT", "--json")
    assert json.loads(ran.out)["model"] == "IV"
    assert "note: without GLMM: --measure PFT is not for model GLMM of one arm" in ran.err
    refused = cli("pool", "--csv", path, "--measure", "RR")
    assert (refused.code, refused.out) == (2, "")
    assert "--measure RR is not for model IV of one arm" in refused.err


def test_a_model_beside_that_cannot_be_fitted_is_said(cli, tmp_path: Path, monkeypatch) -> None:
    from carmeta.api import single_arm
    from carmeta.errors import EstimationError

    fit = single_arm.fit

    def failing(counts, ask):
        if ask.model == "IV":
            raise EstimationError("no luck")
        return fit(counts, ask)

    monkeypatch.setattr(single_arm, "fit", failing)
    path = tmp_path / "counts.csv"
    path.write_text(table("study,events,n"))
    ran = cli("pool", "--csv", path, "--json")
    assert (ran.code, json.loads(ran.out)["model"]) == (0, "GLMM")
    assert "note: IV beside it could not be fitted: no luck" in ran.err
    assert cli("pool", "--csv", path, "--model", "IV").code == 3


# -- Excel --------------------------------------------------------------------------------


def workbook(rows, *, titles: tuple[str, ...] = ("Counts",)) -> bytes:
    import xlsxwriter

    target = io.BytesIO()
    book = xlsxwriter.Workbook(target)
    for title in titles:
        sheet = book.add_worksheet(title)
        for i, row in enumerate(rows if title == titles[-1] else ()):
            sheet.write_row(i, 0, row)
    book.close()
    return target.getvalue()


HEAD = ("Study", "Events", "Total", "Country")
SHEET = [HEAD, *((*row, "x") for row in ROWS)]


@needs_openpyxl
def test_a_sheet_of_excel(pool) -> None:
    plain = numbers(pool(table("study,events,n"), "--json"))
    ran = pool(workbook(SHEET), "--json", name="counts.xlsx")
    assert numbers(ran) == plain
    assert "study = Study, events = Events, n = Total; further columns" in ran.err
    ran = pool(workbook([(), *SHEET], titles=("Notes", "Counts")), "--json", name="a.xlsx")
    assert numbers(ran) == plain
    assert "read with sheet 'Counts' of 2" in ran.err


@needs_openpyxl
def test_what_is_wrong_in_a_sheet_has_its_cell(pool) -> None:
    rows = [HEAD, ("A", 0.45, 20, "x"), ("B", "12", 30, "x"), ("C", 3, None, "x"), ("D", 9, 3, "")]
    ran = pool(workbook(rows), name="counts.xlsx")
    assert (ran.code, ran.out) == (2, "")
    told = [line.split(": ", 1)[1] for line in ran.err.splitlines() if "error[" in line]
    assert told == [
        "error[CSV008] cell B2: A: Events is no whole number and looks like a percentage: '0.45'",
        "error[CSV002] cell C4: C: Total is empty",
        "error[CSV004] cell B5: D: Events 9 exceeds Total 3",
    ]
    assert "counts.xlsx:2:2: " in ran.err


@needs_openpyxl
@pytest.mark.parametrize("raw", [b"PK\x03\x04 nothing", workbook([])])
def test_a_workbook_without_a_table(pool, raw: bytes) -> None:
    ran = pool(raw, name="counts.xlsx")
    assert (ran.code, ran.out) == (2, "")
    assert "error: " in ran.err
    assert "bug" not in ran.err


def test_excel_without_openpyxl_says_what_to_install(pool, monkeypatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "openpyxl" else find(name, *a)
    )
    ran = pool(workbook(SHEET), name="counts.xlsx")
    assert (ran.code, ran.out) == (2, "")
    assert "counts.xlsx: reading Excel needs the package openpyxl" in ran.err
    assert "pip install 'carmeta[excel]'" in ran.err


def test_an_old_workbook_is_refused(pool) -> None:
    ran = pool(b"\xd0\xcf\x11\xe0" + bytes(100), name="counts.xls")
    assert ran.code == 2
    assert "save it as .xlsx or CSV" in ran.err
