"""`carmeta migrate`: texts of schema version 1 in, of version 2 out (#9.1)."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

import pytest
import yaml

from carmeta.domain.record.base import SCHEMA
from carmeta.migrations import Kind, NotMigrated, migrate

STUDY = """\
# A record, with its comments.

id: old-1   # as in the register
label: 'Old 1'
trial:    {phase: "1", design: single-arm,
           countries: [Nowhere]}
reports:
- {id: old-2019, title: Old}
cohorts:
- id: all
  role: car-t
  # The dose is a range.
  dose: 50-800, by level
  lymphodepletion: Flu/Cy
  # Who may be divided by.
  populations:
    infused: {n: 33, at: {table: "1"}}
  line: first

  treatment_class: 'CAR-T'
  patients: {where: {site: A, crs_grade: ">=3"}}
  mrd:
  # One entry a row.
  - population: evaluable  # who was assessed
    percent: "93"
  - {population: evaluable, count: 3}
  - {}
  response:
  - criteria: IMWG
    population: infused
  - population: infused
    criteria: IMWG  # as the Methods say
    of: 33
  - {population: infused, criteria: "IMWG, modified", of: 33}
  toxicity:
  - {event: crs, population: infused, patients: {where: {crs_grade: 2}}}
  characteristics:
  - name: mild
    patients:
      where:
        crs_grade: "<=2"
  - {criteria: IMWG}
patients:
  at: [{table: "1"}]
  crs_at: {table: "2"}
  scale: cartox
  rows:
  - {id: P1, crs_grade: 2, attributes: {age: 61}}
  - id: P2
    crs_grade: 0
risk_of_bias:
- tool: jbi-case-series
  judgements:
  - {item: criteria, judgement: "yes"}
  - {item: condition-measured, judgement: "no"}
- tool: rob-2
  judgements:
  - item: "overall"
    judgement: low
"""
STUDY_2 = """\
# A record, with its comments.

schema: 2
id: old-1   # as in the register
label: 'Old 1'
trial:    {phase: "1", design: single-arm,
           countries: [Nowhere]}
reports:
- {id: old-2019, title: Old}
cohorts:
- id: all
  role: car-t
  # The dose is a range.
  attributes: {dose: "50-800, by level", lymphodepletion: Flu/Cy, line: first, treatment-class: 'CAR-T'}
  # Who may be divided by.
  populations:
    infused: {n: 33, at: {table: "1"}}

  patients: {where: {site: A, crs: ">=3"}}
  assayed:
  # One entry a row.
  - outcome: mrd_neg
    population: evaluable  # who was assessed
    percent: "93"
  - {outcome: mrd_neg, population: evaluable, count: 3}
  - {outcome: mrd_neg}
  response:
  - population: infused
  - population: infused
    # as the Methods say
    of: 33
  - {population: infused, criteria_note: "IMWG, modified", of: 33}
  toxicity:
  - {event: crs, population: infused, patients: {where: {crs: 2}}}
  characteristics:
  - name: mild
    patients:
      where:
        crs: "<=2"
  - {criteria: IMWG}
patients:
  at: [{table: "1"}]
  graded: {crs: {at: {table: "2"}, scale: cartox}}
  population: infused
  rows:
  - {id: P1, grades: {crs: 2}, attributes: {age: 61}}
  - id: P2
    grades: {crs: 0}
risk_of_bias:
- tool: jbi-case-series
  judgements:
  - {item: inclusion-criteria, judgement: "yes"}
  - {item: condition-measured, judgement: "no"}
- tool: rob-2
  judgements:
  - item: "overall-bias"
    judgement: low
"""  # noqa: E501  one line, as it is written
PRODUCTS = """\
products:
  - {id: a, target: BCMA, at: [{section: B}], binder: "murine, scFv", costimulation: 4-1BB}
  - id: b
    target: BCMA          # as the label says
    binder: >-
      two domains,

      two epitopes
    costimulation: CD28
    # Where it stands.
    at: []
"""
PRODUCTS_2 = """\
schema: 2
products:
  - {id: a, attributes: {target: BCMA, binder: "murine, scFv", costimulation: 4-1BB}, at: [{section: B}]}
  - id: b
    attributes:
      target: BCMA          # as the label says
      binder: >-
        two domains,

        two epitopes
      costimulation: CD28
    # Where it stands.
    at: []
"""  # noqa: E501  one line, as it is written
CONFIG = """\
name: old
include: {line: first}
definitions:
  crs_scales: [lee-2014]  # Lee only
  mrd_among: responders
  nt_scales: [ctcae]
  cr: cr-without-scr
"""
CONFIG_2 = """\
schema: 2
name: old
include: {attributes: {line: [first]}}
definitions:
  scales:
    crs: [lee-2014]  # Lee only
    neurotoxicity: [ctcae]
  among: {mrd_neg: responders}
  without: {cr: [sCR]}
"""
TEXTS: list[tuple[Kind, str, str]] = [
    ("study", STUDY, STUDY_2),
    ("products", PRODUCTS, PRODUCTS_2),
    ("config", CONFIG, CONFIG_2),
    ("reports", "reports: []\n", "schema: 2\nreports: []\n"),
    ("review", "schema: 1\ntitle: T\n", "schema: 2\ntitle: T\n"),
    ("config", "name: a\ndefinitions: {cr: cr-or-better}\n", "schema: 2\nname: a\n"),
    (
        "config",
        "name: a\ndefinitions:\n  # The usual.\n  cr: cr-or-better # or better\ntitle: A\n",
        "schema: 2\nname: a\n# The usual.\n# or better\ntitle: A\n",
    ),
    (
        "config",
        "name: a\ndefinitions: {cr: cr-or-better, mrd_among: all}",
        "schema: 2\nname: a\ndefinitions: {among: {mrd_neg: all}}",
    ),
    (
        "config",
        "name: a\ninclude:\n  line: first # line\n  roles: [x]\n",
        "schema: 2\nname: a\ninclude:\n  attributes:\n    line: [first] # line\n  roles: [x]\n",
    ),
]


@pytest.mark.parametrize(("kind", "old", "new"), TEXTS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_an_old_text_becomes_the_new_one_and_that_stays(
    kind: Kind, old: str, new: str, newline: str
) -> None:
    old, new = old.replace("\n", newline), new.replace("\n", newline)
    assert migrate(old, kind) == new
    assert migrate(new, kind) == new
    yaml.safe_load(new)


def obstacles(text: str, kind: Kind) -> list[tuple[int, int, str]]:
    with pytest.raises(NotMigrated) as raised:
        migrate(text, kind)
    return [(one.line, one.column, one.message) for one in raised.value.obstacles]


def test_a_newer_text_is_refused() -> None:
    [(line, column, message)] = obstacles(f"# x\nschema: {SCHEMA + 1}\nname: a\n", "config")
    assert (line, column) == (2, 9)
    assert message.startswith(f"schema {SCHEMA + 1} is newer than this carmeta")
    assert "'two' is not a schema version" in obstacles("schema: two\n", "config")[0][2]


def test_all_that_is_in_the_way_is_named_where_it_stands() -> None:
    text = STUDY.replace("  role: car-t\n", "  role: car-t\n  attributes: {x: y}\n")
    text = text.replace("item: criteria", "item: cryteria")
    found = obstacles(text, "study")
    lines = text.splitlines()
    names = ["dose", "lymphodepletion", "line", "treatment_class", "cryteria"]
    assert [lines[line - 1][column - 1 :].split(":")[0] for line, column, _ in found[:4]] == names[
        :4
    ]
    assert all("'attributes' is there already" in message for _, _, message in found[:4])
    [(line, column, message)] = found[4:]
    assert lines[line - 1][column - 1 :].startswith("cryteria")
    assert "none that can be carried over" in message


def test_a_comment_that_has_no_place_is_an_obstacle_and_not_lost() -> None:
    text = "name: a\ndefinitions: {\n  mrd_among: all, # who\n  cr: cr-or-better }\n"
    assert obstacles(text, "config") == [(3, 19, "the comment '# who' would be lost")]


def test_every_older_version_has_its_rules() -> None:
    folder = Path(migrate.__code__.co_filename).parent
    versions = sorted(int(path.stem) for path in folder.glob("*.yaml"))
    assert versions == list(range(2, SCHEMA + 1))


@pytest.fixture
def old_review(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A review of version 1 as the working directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("studies", "configs"):
        Path(name).mkdir()
    Path("studies/old-1.yaml").write_bytes(codecs.BOM_UTF8 + STUDY.encode())
    Path("studies/_products.yaml").write_text(PRODUCTS, encoding="utf-8")
    Path("configs/old.yaml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


def held(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_review_is_brought_up_whole(cli, old_review: Path) -> None:
    before = held(old_review)
    assert cli("migrate", "--check").code == 1
    shown = cli("migrate", "--dry-run")
    assert shown.code == 0
    assert "+schema: 2\n" in shown.out
    assert "-  mrd_among: responders\n" in shown.out
    assert held(old_review) == before
    ran = cli("migrate", old_review)
    assert (ran.code, ran.out) == (0, "")
    assert "3 files read, 3 brought to schema version 2" in ran.err
    assert Path("studies/old-1.yaml").read_bytes() == codecs.BOM_UTF8 + STUDY_2.encode()
    assert Path("configs/old.yaml").read_text(encoding="utf-8") == CONFIG_2
    after = held(old_review)
    assert cli("migrate", "--check").code == 0
    assert cli("migrate").code == 0
    assert held(old_review) == after


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        ("id: x\ncohorts: [\n", "3:1", "YML009"),
        ("id: x\nid: y\ncohorts: []\n", "2:1", "YML010"),
        ("schema: 3\nid: x\ncohorts: []\n", "1:9", "MIG002"),
        ("schema: 0\nid: x\ncohorts: []\n", "1:9", "MIG003"),
        ("id: x\ncohorts: [{mrd: [], assayed: []}]\n", "2:12", "MIG001"),
    ],
)
def test_one_file_that_cannot_be_carried_over_and_nothing_is_written(
    cli, old_review: Path, text: str, place: str, code: str
) -> None:
    Path("studies/x.yaml").write_text(text, encoding="utf-8")
    before = held(old_review)
    for options in ((), ("--check",), ("--dry-run",)):
        ran = cli("migrate", *options)
        assert ran.code == 1
        assert re.search(rf"studies/x\.yaml:{place}: error\[{code}\]", ran.out)
        assert held(old_review) == before


def test_what_is_no_record_is_left_and_what_is_not_there_is_said(cli, old_review: Path) -> None:
    Path("configs/other.yaml").write_text("a: 1\n", encoding="utf-8")
    ran = cli("migrate", "configs")
    assert "configs/other.yaml is no record and no configuration" in ran.err
    assert Path("configs/other.yaml").read_text(encoding="utf-8") == "a: 1\n"
    assert cli("migrate", "nope.yaml").code == 2
