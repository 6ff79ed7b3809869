"""RevMan, Covidence and RIS files as sources of drafts."""

from __future__ import annotations

import zipfile

import pytest

from tests.unit.importing import sources
from tests.unit.importing.shared import KNOWN, counted, needs, put, records, zipped

ARMS = (
    "--design", "randomised", "--population", "itt", "--role", "New=car-t",
    "--role", "Old=comparator",
)  # fmt: skip
DICHOTOMOUS = [
    ("New", "orr", 8, 10), ("Old", "orr", 5, 11), ("New", "orr", 0, 12), ("Old", "orr", 3, 13),
]  # fmt: skip


def report(here, stem: str) -> str:
    return (here / f"{stem}.import-report.md").read_text(encoding="utf-8")


@needs("defusedxml")
def test_a_revman_5_file(cli, here) -> None:
    put(here / "review.rm5", sources.RM5)
    ran = cli("import", "review.rm5", *ARMS, "--outcome", "1.1 Overall response=orr",
              "--outcome", "1.4 By dose=cr")  # fmt: skip
    assert ran.code == 0, ran.err
    found = records(here)
    assert list(found) == ["one-only", "two"]
    assert [row[1:] for row in counted(here)][:2] == DICHOTOMOUS[:2]
    assert ("Two", "New", "orr", 0, 12) in counted(here)
    one = found["one-only"]
    assert one["trial"]["registry"] == "NCT00000001"
    assert one["reports"][0] == {
        "id": "one-only-report", "authors": "Alpha A", "title": "The first", "journal": "Journal",
        "year": 2001, "doi": "10.1000/one",
    }  # fmt: skip
    at = one["cohorts"][0]["proportions"][0]["at"]
    line = 1 + next(i for i, text in enumerate(sources.RM5.splitlines()) if 'EVENTS_1="8"' in text)
    assert at == {
        "section": "review.rm5, as imported", "row": f"XML line {line}",
        "column": "EVENTS_1, TOTAL_1",
    }  # fmt: skip
    told = report(here, "review")
    for what in ("1.2 Pain", "1.3 Survival", "O-E", "continuous", "Three", "subgroup 'Low'"):
        assert what in told
    # One stands in both subgroups, which are its parts; Two in one, which is all of it.
    assert [row for row in counted(here) if row[2] == "cr"] == [
        ("Two", "New", "cr", 0, 12), ("Two", "Old", "cr", 2, 13),
    ]  # fmt: skip
    assert cli("validate", "studies").code == 0


@needs("defusedxml")
@needs("defusedxml")
def test_what_records_have_no_place_for_is_listed(cli, here) -> None:
    text = sources.RM5.replace(
        'NAME="Two" YEAR="2002"/>',
        'NAME="Two" YEAR="2002"><IDENTIFIERS><IDENTIFIER TYPE="OTHER" VALUE="EudraCT 7"/>'
        '<IDENTIFIER TYPE="NCT" VALUE="NCT01234567"/></IDENTIFIERS></STUDY>',
    ).replace(
        'STUDY_ID="STD-One" TOTAL_1="10" TOTAL_2="11"/>',
        'STUDY_ID="STD-One" TOTAL_1="10" TOTAL_2="11"><FOOTNOTE>by mail</FOOTNOTE></DICH_DATA>'
        '<QUALITY_ITEM_DATA_ENTRY RESULT="YES" STUDY_ID="STD-One"/>',
        1,
    )
    put(here / "review.rm5", text)
    ran = cli("import", "review.rm5", *ARMS, "--outcome", "1.1 Overall response=orr",
              "--outcome", "1.4 By dose=ignored")  # fmt: skip
    assert ran.code == 0, ran.err
    listed = report(here, "review")
    for said in ("Two: OTHER EudraCT 7", "by mail", "1 judgements"):
        assert said in listed
    assert records(here)["two"]["trial"]["registry"] == "NCT01234567"


def test_outcomes_of_a_review_that_are_not_declared(cli, here) -> None:
    put(here / "review.rm5", sources.RM5)
    ran = cli("import", "review.rm5", *ARMS)
    assert ran.code == 2
    assert "error[IMP001] OUTCOME: outcome '1.4 By dose' is not declared" in ran.err
    # The name without its number is a declared word.
    assert "'1.1 Overall response'" not in ran.err


BOMB = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><COCHRANE_REVIEW>&b;</COCHRANE_REVIEW>"""
OUTSIDE = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<COCHRANE_REVIEW>&a;</COCHRANE_REVIEW>"""


@needs("defusedxml")
@pytest.mark.parametrize(
    "text",
    [BOMB, OUTSIDE, sources.RM5[:900], "<COCHRANE_REVIEW/>", sources.RM5.replace("STD-One", "x", 1),
     sources.RM5.replace('EVENTS_1="8"', 'EVENTS_1="11"'),
     sources.RM5.replace('EVENTS_1="8"', 'EVENTS_1="8.5"'),
     sources.RM5.replace("UTF-8", "nonsense"), "<a>" * 100_000],
)  # fmt: skip
def test_hostile_xml(cli, here, text: str) -> None:
    put(here / "review.rm5", text)
    ran = cli("import", "review.rm5", *ARMS, "--outcome", "1.1 Overall response=orr",
              "--outcome", "1.4 By dose=cr")  # fmt: skip
    assert ran.code == 2
    assert "review.rm5" in ran.err
    assert "bug" not in ran.err
    assert not records(here)


@needs("defusedxml")
def test_events_and_non_events_swapped_is_said(cli, here) -> None:
    put(here / "review.rm5", sources.RM5.replace('SWAP_EVENTS="NO"', 'SWAP_EVENTS="YES"'))
    ran = cli("import", "review.rm5", *ARMS, "--outcome", "1.1 Overall response=orr",
              "--outcome", "1.4 By dose=cr")  # fmt: skip
    assert ran.code == 0
    assert "events and non-events are swapped" in report(here, "review")


@needs("rispy")
@pytest.mark.parametrize("nested", [False, True])
def test_a_data_package(cli, here, nested: bool) -> None:
    raw = zipped(sources.PACKAGE)
    put(here / "CD1.zip", zipped({"CD1/CD1-files/CD1-data.zip": raw}) if nested else raw)
    ran = cli("import", "CD1.zip", *ARMS)
    assert ran.code == 0, ran.err
    assert [row[1:] for row in counted(here)] == DICHOTOMOUS
    one = records(here)["one"]
    assert one["reports"][0]["doi"] == "10.1000/one"
    at = one["cohorts"][0]["proportions"][0]["at"]
    assert at["section"] == "CD1.zip/CD1-data-rows.csv, as imported"
    assert (at["row"], at["column"]) == ("2", "L 'Experimental cases', M 'Experimental N'")
    told = report(here, "CD1")
    for what in ("1.2 Pain", "1.3 Survival", "CD1-risk-of-bias.csv", "Weight"):
        assert what in told


def test_a_data_package_that_does_not_say_its_types(cli, here) -> None:
    members = {name: text for name, text in sources.PACKAGE.items() if "settings" not in name}
    put(here / "CD1.zip", zipped(members))
    ran = cli("import", "CD1.zip", *ARMS)
    assert (ran.code, records(here)) == (2, {})
    assert "overall-estimates-and-settings.csv" in ran.err


@pytest.mark.parametrize(
    "members",
    [{}, {"x.txt": "y"}, {"../../evil-data-rows.csv": "Study\nA\n"},
     {"CD1-data-rows.csv": "", "CD1-overall-estimates-and-settings.csv": ""},
     {"CD1-parameters.csv": "a", **sources.PACKAGE}],
)  # fmt: skip
def test_hostile_archives(cli, here, members: dict[str, str]) -> None:
    put(here / "CD1.zip", zipped(members))
    ran = cli("import", "CD1.zip", *ARMS)
    assert (ran.code, records(here)) == (2, {})
    assert "CD1.zip" in ran.err
    assert "bug" not in ran.err


def test_an_archive_that_unpacks_to_too_much(cli, here, monkeypatch) -> None:
    from carmeta.importing import package

    monkeypatch.setattr(package, "MAX_UNPACKED", 1000)
    put(here / "CD1.zip", zipped(sources.PACKAGE | {"CD1-study-results.csv": b"0" * 10_000}))
    ran = cli("import", "CD1.zip", *ARMS)
    assert (ran.code, records(here)) == (2, {})
    assert "unpacks to more than" in ran.err


def test_a_broken_archive(cli, here) -> None:
    raw = bytearray(zipped(sources.PACKAGE))
    raw[60:90] = bytes(30)
    put(here / "CD1.zip", bytes(raw))
    ran = cli("import", "CD1.zip", *ARMS)
    assert ran.code == 2
    assert "bug" not in ran.err
    with zipfile.ZipFile(here / "CD2.zip", "w") as archive:
        archive.writestr("a", "b")
    assert cli("import", "CD2.zip").code == 2


def test_covidence(cli, here) -> None:
    put(here / "covidence.csv", sources.COVIDENCE)
    ran = cli("import", "covidence.csv", *KNOWN)
    assert ran.code == 0, ran.err
    assert counted(here) == [
        ("Alpha 2019", "Alpha 2019", "orr", 8, 10), ("Beta 2020", "Beta 2020", "orr", 3, 9),
    ]  # fmt: skip
    assert records(here)["alpha-2019"]["reports"][0]["title"] == "The first"
    told = report(here, "covidence")
    assert "extraction by Reviewer One" in told
    assert "no consensus" in told
    assert "'Country'" in told


def test_covidence_without_a_consensus(cli, here) -> None:
    put(here / "covidence.csv", sources.COVIDENCE.replace("Consensus", "Reviewer Three"))
    ran = cli("import", "covidence.csv", *KNOWN)
    assert (ran.code, records(here)) == (2, {})
    assert "error[IMP003] Alpha 2019" in ran.err
    assert "no consensus" in ran.err


@needs("rispy")
def test_references_beside_counts(cli, here) -> None:
    put(here / "counts.csv", "Study,Events,N\nAlpha 2019,3,10\n")
    put(here / "refs.ris", sources.RIS)
    ran = cli("import", "counts.csv", "refs.ris", *KNOWN, "--outcome", "orr")
    assert ran.code == 0, ran.err
    assert list(records(here)) == ["alpha-2019"]
    assert records(here)["alpha-2019"]["reports"][0] == {
        "id": "alpha-2019-report", "authors": "Alpha, Ann; Gamma, Gus",
        "title": "The first of its kind", "journal": "Journal of Examples", "year": 2019,
        "volume": "3", "pages": "1-9", "doi": "10.1000/first",
    }  # fmt: skip
    assert "Delta 2018" in report(here, "counts")


@needs("rispy")
def test_references_alone_begin_drafts(cli, here) -> None:
    put(here / "refs.ris", sources.RIS)
    ran = cli("import", "refs.ris", "--design", "single-arm", "--role", "salvage")
    assert ran.code == 0, ran.err
    assert list(records(here)) == ["alpha-2019", "delta-2018"]
    assert records(here)["delta-2018"]["reports"][0]["journal"] == "not in the import"
    assert cli("validate", "studies").code == 0


@needs("rispy")
def test_references_are_no_drafts_where_a_sheet_has_no_counts(cli, here) -> None:
    put(here / "counts.csv", "Study,Events,N\nTotal,3,10\n")
    put(here / "refs.ris", sources.RIS)
    ran = cli("import", "counts.csv", "refs.ris", *KNOWN, "--outcome", "orr")
    assert (ran.code, records(here)) == (2, {})
    assert "no counts that can be imported" in ran.err


def test_what_a_package_is_missing_is_said(cli, here, monkeypatch) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec",
        lambda name, *a: None if name in ("rispy", "defusedxml") else find(name, *a),
    )  # fmt: skip
    for name, text in (("a.rm5", sources.RM5), ("a.ris", sources.RIS)):
        ran = cli("import", put(here / name, text), *ARMS)
        assert ran.code == 2
        assert "pip install 'carmeta[import]'" in ran.err
