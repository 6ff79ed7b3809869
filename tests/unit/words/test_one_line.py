"""A word that nobody declared is refused, with its place; one line in review.yaml, and it is known.

The whole way: what `validate` refuses it then accepts, and the run knows what the word means.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from carmeta.domain.analysis import Analysis
from carmeta.pipeline.run import run

REVIEW = """\
schema: 2
title: Three invented trials
packs: [lugano, car-t, car-t-toxicity, rob-2]
defaults: {outcomes: [orr]}
"""
STUDY = """\
schema: 2
id: trial-%(i)s
label: Trial %(i)s
trial: {phase: "2", design: single-arm, year: 202%(i)s}
reports:
  - {id: report-%(i)s, authors: Invented A, title: Invented, journal: J Made Up, year: 202%(i)s}
cohorts:
  - id: all
    label: all
    role: car-t
    product: prod-x
    attributes: {line: all}
    populations: {infused: {n: 50, at: {table: "1"}}}
    response:
      - population: infused
        at: {table: "2"}
        categories: {CR: {count: 2%(i)s}, PR: {count: 10}, SD: {count: 5}, NR: {count: 3}}
    toxicity:
      - event: crs
        population: infused
        scale: lee-2014
        counting: maximum-grade
        grades: {any: {count: 30}, "3": {count: 4}, "4": {count: %(i)s}, "5": {count: 0}}
        at: {table: "3"}
    times:
      - {endpoint: pfs, value: "6.1", unit: months, at: {table: "2"}}
    characteristics:
      - {name: age, value: "5%(i)s.5", at: {table: "1"}}
risk_of_bias:
  - tool: rob-2
    judgements: [{item: overall-bias, judgement: low, support: Said so.}]
"""
PRODUCTS = """\
schema: 2
products:
  - {id: prod-x, label: product X, attributes: {target: CD19}}
"""
CONFIG = """\
schema: 2
name: mine
title: Mine
outcomes: [orr]
"""
TRIAL = "studies/trial-1.yaml"


@dataclass(frozen=True)
class Case:
    """A word in a file, the line that declares it, and what shows that a run knows it.

    ``changes`` are (file, old text, new text); the last one has the word.
    """

    changes: tuple[tuple[str, str, str], ...]
    word: str
    line: str
    known: Callable[[Analysis], bool]
    code: str = "SCH004"


def counts(analysis: Analysis, outcome: str) -> list[tuple[int, int]]:
    rows = next(one for one in analysis.outcomes if one.outcome == outcome).rows
    return [(row.count.xi, row.count.ni) for row in rows]


ASKED = "outcomes: [orr]"
MORE = "    times:\n"
CASES = {
    "outcome, by a plain count": Case(
        (
            ("configs/mine.yaml", ASKED, "outcomes: [cr_6mo]"),
            (TRIAL, MORE, "    proportions:\n      - {outcome: cr_6mo, population: infused, "
             'count: 15, at: {table: "2"}}\n' + MORE),
        ),
        "cr_6mo",
        "outcomes: {cr_6mo: {label: Complete response at six months, good: true}}",
        lambda done: counts(done, "cr_6mo") == [(15, 50)],
    ),
    "outcome, by event and grade": Case(
        (("configs/mine.yaml", ASKED, "outcomes: [crs_ge4]"),),
        "crs_ge4",
        'outcomes: {crs_ge4: {label: "CRS, grade ≥4", event: crs, grade: 4}}',
        lambda done: counts(done, "crs_ge4") == [(1, 50), (2, 50), (3, 50)],
    ),
    "outcome, by categories of response": Case(
        (("configs/mine.yaml", ASKED, "outcomes: [sd_better]"),),
        "sd_better",
        "outcomes: {sd_better: {label: Stable disease or better, response: SD}}",
        lambda done: counts(done, "sd_better") == [(36, 50), (37, 50), (38, 50)],
    ),
    "scale": Case(
        (
            ("configs/mine.yaml", ASKED, "outcomes: [crs_any]"),
            (TRIAL, "scale: lee-2014", "scale: msk-2016"),
        ),
        "msk-2016",
        "scales: {msk-2016: {label: MSK 2016, events: [crs]}}",
        lambda done: done.outcomes[0].rows[0].count.grading == "MSK 2016",
    ),
    "role": Case(
        (
            (TRIAL, "role: car-t", "role: car-nk"),
            ("configs/mine.yaml", ASKED, ASKED + "\ninclude: {roles: [car-t, car-nk]}"),
        ),
        "car-nk",
        "roles: {car-nk: CAR-NK cohorts}",
        lambda done: [row.count.role for row in done.outcomes[0].rows].count("car-nk") == 1,
    ),
    "category": Case(
        (
            ("configs/mine.yaml", ASKED, "outcomes: [orr, cr]"),
            (TRIAL, "CR: {count: 21}", "CRu: {count: 7}, CR: {count: 14}"),
        ),
        "CRu",
        "ladders: {lugano: {categories: {CRu: {label: complete response unconfirmed, below: CR}}}}",
        lambda done: (counts(done, "orr")[0], counts(done, "cr")[0]) == ((31, 50), (14, 50)),
    ),
    "moderator": Case(
        (("configs/mine.yaml", ASKED, ASKED + "\nsubgroup: age"),),
        "age",
        "moderators: {age: {label: Median age, unit: years, cuts: [52]}}",
        lambda done: len(done.outcomes[0].subgroups) == 2,
    ),
    "bias tool": Case(
        ((TRIAL, "tool: rob-2\n    judgements: [{item: overall-bias",
          "tool: quips\n    judgements: [{item: study-attrition"),),
        "quips",
        "bias_tools: {quips: {label: QUIPS, items: {study-attrition: Study attrition}, "
        "answers: {low: {label: low, sign: good}, high: {label: high, sign: bad}}}}",
        lambda done: (done.bias[0].tool_label, done.bias[0].items[0].label)
        == ("QUIPS", "Study attrition"),
    ),
    "population": Case(
        ((TRIAL, "infused: {n: 50",
          'leukapheresed: {n: 60, at: {table: "1"}}, infused: {n: 50'),),
        "leukapheresed",
        "populations: {leukapheresed: {label: leukapheresed, within: [itt]}}",
        lambda done: done.words.population("leukapheresed") == "leukapheresed",
    ),
    "event": Case(
        (
            (TRIAL, "scale: lee-2014", "scale: ctcae"),
            (TRIAL, "event: crs", "event: cardiac-event"),
        ),
        "cardiac-event",
        "events: {cardiac-event: cardiac event}",
        lambda done: done.words.stem("cardiac-event") == "cardiac-event",
    ),
    "endpoint": Case(
        ((TRIAL, "endpoint: pfs", "endpoint: ttnt"),),
        "ttnt",
        "endpoints: {ttnt: {label: time to next treatment, column: Median TTNT}}",
        lambda done: done.studies[0].values["Median TTNT"] == "6.1 months",
    ),
    "attribute": Case(
        ((TRIAL, "{line: all}", "{line: all, vein-to-vein: 30 days}"),),
        "vein-to-vein",
        "attributes: {vein-to-vein: {label: Vein to vein, of: cohort, column: Vein to vein}}",
        lambda done: done.studies[0].values["Vein to vein"] == "30 days",
    ),
    "value of an attribute": Case(
        ((TRIAL, "{line: all}", "{line: second}"),),
        "second",
        "attributes: {line: {values: [first, second, all]}}",
        lambda done: done.outcomes[0].rows[0].count.moderators["line"] == "second",
        code="REC042",
    ),
}  # fmt: skip


@pytest.fixture
def review(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three small trials, as the working directory."""
    for folder in ("studies", "configs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "review.yaml").write_text(REVIEW, encoding="utf-8")
    (tmp_path / "studies" / "_products.yaml").write_text(PRODUCTS, encoding="utf-8")
    for i in (1, 2, 3):
        path = tmp_path / "studies" / f"trial-{i}.yaml"
        path.write_text(STUDY % {"i": i}, encoding="utf-8")
    (tmp_path / "configs" / "mine.yaml").write_text(CONFIG, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("kind", CASES)
def test_refused_declared_in_one_line_and_known(cli, review: Path, kind: str) -> None:
    case = CASES[kind]
    assert cli("validate", "--no-audit").code == 0, "the review is right before the word"
    for file, old, new in case.changes:
        path = review / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    refused = cli("validate", "--no-audit")
    assert refused.code == 1
    told = [line for line in refused.out.splitlines() + refused.err.splitlines()
            if f"error[{case.code}]" in line and f"'{case.word}'" in line]  # fmt: skip
    assert told
    assert all(line.split(":")[1].isdigit() for line in told)

    assert "\n" not in case.line
    with (review / "review.yaml").open("a", encoding="utf-8") as file:
        file.write(case.line + "\n")

    accepted = cli("validate", "--no-audit")
    assert accepted.code == 0, accepted.out + accepted.err
    done = run(Path("configs/mine.yaml"), studies=Path("studies"), varied=False)
    assert case.known(done)
