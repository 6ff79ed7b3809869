"""The mapping says what the columns hold, and reads back as it was written, whatever they say."""

from __future__ import annotations

import csv
import io

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from carmeta.importing.guess import guess
from carmeta.importing.words import words_for
from carmeta.importing.yamltext import dump
from carmeta.report.text import clean
from carmeta.sourcefile import load_source
from tests.unit.importing.shared import KNOWN, counted, put
from tests.words import MYELOMA

WORDS = words_for(MYELOMA, "review.yaml")


@pytest.mark.parametrize(
    ("headings", "held"),
    [
        ("Study,events,n", "study events n"),
        ("Author,Year,Cases,Total", "study year events n"),
        ("slab,ai,n1i,ci,n2i", "study events@treatment n@treatment events@control n@control"),
        ("Trial,Event.E,N.E,Event.C,N.C,Arm",
         "study events@treatment n@treatment events@control n@control ignored"),
        ("Study,N,ORR,CR", "study n events:ORR events:CR"),
        ("Study,ORR events,ORR n,n screened", "study events:ORR n:ORR ignored"),
        ("Study,Relapse (%),Relapse total", "study percent:Relapse n:Relapse"),
        ("Study,Events (control),N (control)", "study events@control n@control"),
        ("Study,Overall response events exp,Overall response n exp",
         "study events:Overall response@treatment n:Overall response@treatment"),
        ("Study ID,Cohort,Endpoint,Responders,Patients,NCT,DOI,Authors",
         "study arm outcome events n nct doi authors"),
        ("Total patients screened,Comments,", "ignored ignored ignored"),
    ],
)  # fmt: skip
def test_what_headings_hold(headings: str, held: str) -> None:
    uses = guess(headings.split(","), WORDS)
    shown = [
        use.holds + (f":{use.outcome}" if use.outcome else "") + (f"@{use.arm}" if use.arm else "")
        for use in uses
    ]
    assert " ".join(shown) == held


@settings(max_examples=50)
@given(st.dictionaries(st.text(max_size=30), st.text(max_size=60), max_size=4))
def test_any_text_is_read_back(tmp_path_factory, texts: dict[str, str]) -> None:
    wanted = {f"k{clean(key)}": clean(value) for key, value in texts.items()}
    path = put(tmp_path_factory.mktemp("yaml") / "x.yaml", dump({"x": 1} | wanted, "Said first."))
    source, problems = load_source(path)
    assert not problems
    assert source is not None
    assert source.data == {"x": 1} | wanted


NASTY = [
    "a: b",
    "- x",
    "#",
    "{a}",
    "'",
    '"',
    "NO",
    "1e6",
    "x\ty",
    "a\nb",
    "a\x07b",
    "\u202e",
    "é",
    "%",
]


@pytest.mark.parametrize("word", NASTY)
def test_a_mapping_of_nasty_words_is_read_again(cli, here, word: str) -> None:
    text = io.StringIO()
    rows = [("Study", "Outcome", "Arm", "Events", "N", word), ("A", word, word, 3, 10, word)]
    csv.writer(text).writerows(rows)
    put(here / "counts.csv", text.getvalue())
    assert cli("import", "counts.csv", *KNOWN).code == 2  # the outcome is not declared
    path = here / "counts.mapping.yaml"
    mapping = yaml.safe_load(path.read_text(encoding="utf-8"))
    mapping["outcomes"] = dict.fromkeys(mapping["outcomes"], "orr")
    path.write_text(dump(mapping, "Edited."), encoding="utf-8")
    ran = cli("import", "counts.csv", *KNOWN)
    assert ran.code in (0, 2), ran.err
    assert "IMP001" not in ran.err
    assert "IMP006" not in ran.err
    assert ran.code == 2 or [row[2:] for row in counted(here)] == [("orr", 3, 10)]
