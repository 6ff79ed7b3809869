from __future__ import annotations

from pathlib import Path

import pytest

from carmeta.records import Loaded, load_review
from tests.words import declare

PRODUCTS = (
    "products:\n  - {id: prod-a, label: A, attributes: {target: BCMA, binder: murine scFv}}\n"
)
REPORTS = """reports:
  - {id: shared-2020, authors: Doe, title: T, journal: J, year: 2020}
"""
HEAD = """id: toy
label: Toy
trial: {design: single-arm}
reports:
  - {id: toy-2020, authors: Doe, title: T, journal: J, year: 2020}
  - shared-2020
cohorts:
  - id: all
    label: all
    role: car-t
    product: prod-a
    populations:
      infused: {n: 28, at: {table: "1"}}
"""
HEAD_LINES = HEAD.count("\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of records in a review with the words of the myeloma review."""
    found = declare(tmp_path) / "studies"
    found.mkdir()
    return found


def load(folder: Path, body: str = "", **others: str) -> Loaded:
    files = {"_products": PRODUCTS, "_reports": REPORTS, "toy": HEAD + body, **others}
    declare(folder.parent)
    for stem, text in files.items():
        (folder / f"{stem}.yaml").write_text(text)
    return load_review(folder)


def told(loaded: Loaded) -> list[str]:
    return [
        f"{Path(d.mark.file).name}:{d.mark.line - HEAD_LINES}:{d.mark.column} {d.code} {d.message}"
        for d in loaded.diagnostics
    ]


def test_a_sound_folder(folder: Path) -> None:
    loaded = load(folder)
    assert loaded.diagnostics == []
    assert loaded.review is not None
    assert [study.id for study in loaded.review.studies] == ["toy"]
    assert set(loaded.review.products) == {"prod-a"}
    assert set(loaded.review.reports) == {"shared-2020", "toy-2020"}
    assert set(loaded.sources) == {"toy", "_products", "_reports"}


CELL = "    proportions:\n      - {outcome: orr, population: %s, %s, at: {table: '2'}}\n"
BODIES = [
    (CELL % ("infused", "count: 28"), []),
    (CELL % ("infused", "count: 29"),
     ["toy.yaml:2:52 REC031 count 29 exceeds n 28 (population infused)"]),
    (CELL % ("infused", "count: 11, of: 10"),
     ["toy.yaml:2:52 REC030 count 11 exceeds its denominator 10"]),
    (CELL % ("infused", "count: 28, of: 30"), []),
    (CELL % ("safety", "count: 3"),
     [("toy.yaml:2:51 REC032 count 3 has no denominator: population 'safety' is not declared in "
      "cohort 'all'")]),
    (CELL % ("safety", "count: 3, of: 5"), []),
    # Papers print percentages without saying of how many; the harmoniser leaves them out.
    (CELL % ("safety", "percent: '3'"), []),
    (CELL % ("everyone", "count: 3"),
     ["toy.yaml:2:36 SCH004 'everyone' is not a value of 'population'"]),
    (("    response:\n      - at: {}\n        population: infused\n        of: 20\n"
     "        categories: {CR: {count: 21}, PR: {count: 22, of: 25}}\n"),
     ["toy.yaml:5:34 REC030 count 21 exceeds its denominator 20"]),
    (("    toxicity:\n      - at: {}\n        event: crs\n        population: infused\n"
     "        grades: {any: {count: 29}, 3-4: {count: 2, of: 1}}\n"),
     ["toy.yaml:5:31 REC031 count 29 exceeds n 28 (population infused)",
      "toy.yaml:5:49 REC030 count 2 exceeds its denominator 1"]),
    ("    characteristics:\n      - {name: age, count: 3, of: 2, at: {}}\n",
     ["toy.yaml:2:28 REC030 count 3 exceeds its denominator 2"]),
    ("    lineage: {part_of: [all, al, toy/all, other/all]}\n",
     ["toy.yaml:1:25 REC027 cohort 'all' refers to itself",
      "toy.yaml:1:30 REC023 there is no cohort 'al' in study 'toy'",
      "toy.yaml:1:34 REC027 cohort 'all' refers to itself",
      "toy.yaml:1:43 REC022 there is no study 'other'"]),
    (("    lineage: {updates: [b]}\n"
      "  - {id: b, label: b, role: car-t, lineage: {updates: [all]}}\n"),
     [("toy.yaml:1:25 REC028 'all' and 'b' cannot each hold the other: "
       "toy/all is an earlier report of toy/b, and toy/b is an earlier report of toy/all"),
      ("toy.yaml:2:56 REC028 'b' and 'all' cannot each hold the other: "
       "toy/b is an earlier report of toy/all, and toy/all is an earlier report of toy/b")]),
    ("    lineage: {covered_by: [[al, toy/b], [other/all]]}\n",
     ["toy.yaml:1:29 REC023 there is no cohort 'al' in study 'toy'",
      "toy.yaml:1:33 REC023 there is no cohort 'b' in study 'toy'",
      "toy.yaml:1:42 REC022 there is no study 'other'"]),
    ("ranges:\n  - {outcome: orr, cohorts: [all, al], lb: '1', ub: '2', at: {}}\n",
     ["toy.yaml:2:35 REC023 there is no cohort 'al' in study 'toy'"]),
    ("    data_cutoff: '2021-02-31'\n",
     ["toy.yaml:1:18 SCH007 there is no day 2021-02-31"]),
    (CELL % ("infused", "count: 2, data_cutoff: '2021-02-31'"),
     ["toy.yaml:2:68 SCH007 there is no day 2021-02-31"]),
    (CELL % ("infused", "count: 2, data_cutoff: 'April 2021'"),
     ["toy.yaml:2:68 SCH005 'April 2021' is not a value of 'data_cutoff'"]),
    ("    note: {}\n", ["toy.yaml:1:11 SCH003 'note' must be text, not 'key: value' lines"]),
    ("    patients: {where: {site: a}}\n",
     ["toy.yaml:1:15 REC024 a cohort of individual patients, but the record lists none"]),
    (("    patients: {where: {site: b, sit: a}}\n"
     "patients: {at: [], population: infused, rows: [{id: p1, site: a}, {id: p1, site: c}]}\n"),
     ["toy.yaml:1:30 REC026 no patient has site: b",
      "toy.yaml:1:33 REC025 no patient has 'sit'",
      "toy.yaml:2:72 REC013 the id 'p1' a second time"]),
    ("  - {id: all, label: again, role: car-t}\n",
     ["toy.yaml:1:10 REC011 the id 'all' a second time"]),
    (("    assayed:\n      - {outcome: mrd_neg, population: infused, assay: NGS, depth: '1e-5',\n"
     "         among: all, count: 1, at: {doc: toy-2021}}\n"),
     ["toy.yaml:3:42 REC021 the report 'toy-2021' is not among this file's reports"]),
    (("contrasts:\n  - {outcome: orr, treatment: all, control: none, measure: OR, estimate: '2',\n"
     "     at: {}}\n"),
     ["toy.yaml:2:45 REC023 there is no cohort 'none' in study 'toy'"]),
    ("acknowledged:\n  - {code: GRM001, cohort: alle, reason: x}\n",
     ["toy.yaml:2:28 REC023 there is no cohort 'alle' in study 'toy'"]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), BODIES)
def test_what_makes_a_record_unusable(folder: Path, body: str, expected: list[str]) -> None:
    loaded = load(folder, body)
    assert told(loaded) == expected
    assert (loaded.review is None) == bool(expected)


PARTS = """    lineage: {{partitions: [[p, q]]}}
    proportions:
      - {{outcome: orr, population: safety, count: {count}, at: {{}}}}
  - {{id: p, label: p, role: car-t, populations: {{safety: {{n: 6, at: {{}}}}}}}}
  - {{id: q, label: q, role: car-t, populations: {{safety: {{n: 22, at: {{}}}}}}}}
"""


def test_the_sizes_of_the_parts_are_a_denominator(folder: Path) -> None:
    assert told(load(folder, PARTS.format(count=28))) == []
    assert told(load(folder, PARTS.format(count=29))) == [
        "toy.yaml:3:51 REC031 count 29 exceeds n 28: sum of the parts 6 + 22 (population safety)"
    ]


def test_ids_of_registers(folder: Path) -> None:
    twice = PRODUCTS + PRODUCTS.split("\n", 1)[1]
    loaded = load(folder, _products=twice.replace("prod-a", "prod-b"))
    assert [(d.code, d.hint) for d in loaded.diagnostics] == [
        ("REC012", "it stands in line 2 already"),
        ("REC020", "known: prod-b"),
    ]


def test_a_report_is_described_once(folder: Path) -> None:
    again = REPORTS + "  - {id: toy-2020, authors: D, title: T, journal: J, year: 2020}\n"
    loaded = load(folder, _reports=again)
    assert [d.code for d in loaded.diagnostics] == ["REC015"]
    loaded = load(folder, _reports="reports: []\n")
    assert [d.code for d in loaded.diagnostics] == ["REC021"]


def test_a_register_that_cannot_be_read_is_told_once(folder: Path) -> None:
    loaded = load(folder, _products="products: 3\n")
    assert [d.code for d in loaded.diagnostics] == ["SCH003"]


def test_a_reference_to_a_record_with_errors_is_not_an_error_too(folder: Path) -> None:
    loaded = load(folder, "    lineage: {part_of: [broken/x]}\n", broken="id: broken\n")
    assert {Path(d.mark.file).stem for d in loaded.diagnostics} == {"broken"}


def test_file_name_and_id(folder: Path) -> None:
    loaded = load(folder, tox=HEAD.replace("toy-2020", "tox-2020"))
    assert [d.code for d in loaded.diagnostics] == ["REC010"]
    assert Path(loaded.diagnostics[0].mark.file).name == "tox.yaml"


def test_names_of_files(folder: Path) -> None:
    loaded = load(folder, _product="products: []\n")
    (folder / "more.yml").write_text("id: more\n")
    loaded = load_review(folder)
    assert [(d.code, d.hint) for d in loaded.diagnostics] == [
        ("REC004", "did you mean '_products.yaml'? known: _products.yaml, _reports.yaml"),
        ("REC003", "rename it to more.yaml"),
    ]


def test_folders_that_are_none(folder: Path) -> None:
    declare(folder)
    (folder / "file").write_text("")
    (folder / "empty").mkdir()
    (folder / "only").mkdir()
    (folder / "only" / "_products.yaml").write_text(PRODUCTS)
    for name, code in (("none", "REC001"), ("file", "REC001"), ("empty", "REC002"),
                       ("only", "REC002")):  # fmt: skip
        loaded = load_review(folder / name)
        assert loaded.review is None
        assert [(d.code, Path(d.mark.file).name) for d in loaded.diagnostics] == [(code, name)]


def test_only_the_files_that_were_asked_for_are_told_of(folder: Path) -> None:
    load(folder, broken="id: broken\n")
    assert load_review(folder, only=[folder / "toy.yaml"]).diagnostics == []
    found = load_review(folder, only=[folder / "broken.yaml"]).diagnostics
    assert {Path(d.mark.file).stem for d in found} == {"broken"}


def test_a_refused_value_is_told_once(folder: Path) -> None:
    loaded = load(folder, CELL % ("infused", "count: 010"))
    assert [d.code for d in loaded.diagnostics] == ["YML015"]
