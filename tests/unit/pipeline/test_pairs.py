"""Nothing leaves a comparison in silence: arms without partner, cohorts in no pair (#8.3)."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from carmeta.domain.analysis import Analysis
from carmeta.errors import ConfigError
from carmeta.pipeline import run
from carmeta.report import caveats, left_out, prisma

HEAD = """\
name: two
title: Two
outcomes: [orr, cr]
include: {roles: [car-t, comparator]}
populations: {order: [itt, infused]}
comparison:
  pairs:
    - {treatment: gamma-3/car-t, control: gamma-3/standard}
    - {treatment: delta-4/car-t, control: delta-4/standard}
"""
AT = 'at: {{table: "2", row: {}}}'
LINE = '      - {{outcome: {}, population: itt, count: {}, percent: "{}", ' + AT + "}}\n"
NO_CR = LINE.format("cr", "1, of: 30", 3, "CR")
ORR = LINE.format("orr", "41, of: 60", 68, "ORR")


def add(*without: str, name: str = "delta-4", change: tuple[str, str] = ("", "")) -> None:
    """Another trial like Gamma-3, without some of its lines."""
    text = Path("studies/gamma-3.yaml").read_text()
    for line in without:
        assert line in text
        text = text.replace(line, "")
    if change[0]:
        assert change[0] in text
        text = text.replace(*change)
    text = text.replace("gamma-3", name).replace("Gamma-3", name.title())
    text = text.replace("the-first-one", "gamma-3")
    Path(f"studies/{name}.yaml").write_text(text.replace("gamma-20", f"{name}-20"))


def analysed(text: str = HEAD) -> Analysis:
    Path("configs/two.yaml").write_text(text)
    return run(Path("configs/two.yaml"), studies=Path("studies"))


def refused(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        analysed(text)
    return caught.value


def test_an_arm_whose_partner_has_no_count_is_named(golden_review: Path) -> None:
    add(NO_CR)
    found = analysed()
    cr = next(one for one in found.contrasts if one.outcome == "cr")
    assert [pair.study for pair in cr.pairs] == ["gamma-3"]
    out = {(e.outcome, e.study, e.cohort): e for e in found.excluded}
    lost = out["cr", "delta-4", "car-t"]
    assert lost.kind == "unpaired"
    assert "standard arm" in lost.reason
    assert "does not report" in lost.reason
    assert ("orr", "delta-4", "car-t") not in out
    said = " ".join(group.sentence() for group in left_out.of_run(found))
    assert "nothing of delta-4 is pooled" in said


def test_a_partner_that_is_refused_is_named_with_the_reason(golden_review: Path) -> None:
    add(change=(NO_CR, NO_CR.replace("population: itt", "population: evaluable")))
    out = {(e.outcome, e.study, e.cohort): e for e in analysed().excluded}
    assert out["cr", "delta-4", "standard"].kind == "not-selected"
    assert out["cr", "delta-4", "car-t"].kind == "unpaired"
    assert out["cr", "delta-4", "standard"].reason in out["cr", "delta-4", "car-t"].reason


def test_an_outcome_that_ends_without_a_pair_keeps_its_account(golden_review: Path) -> None:
    add(NO_CR)
    text = HEAD.replace("    - {treatment: gamma-3/car-t, control: gamma-3/standard}\n", "")
    found = analysed(text)
    assert [one.outcome for one in found.contrasts] == ["orr"]
    out = {(e.outcome, e.study, e.cohort): e.kind for e in found.excluded}
    assert out["cr", "delta-4", "car-t"] == "unpaired"
    assert out["orr", "gamma-3", ""] == "outside"
    assert any("omplete response" in text and "no pair" in text for text in caveats.caveats(found))


def test_nothing_at_all_to_compare_is_refused_with_the_names(golden_review: Path) -> None:
    add(NO_CR, ORR)
    text = HEAD.replace("    - {treatment: gamma-3/car-t, control: gamma-3/standard}\n", "")
    said = refused(text)
    assert "delta-4/car-t" in f"{said} {said.hint}"
    assert "delta-4/standard" in f"{said} {said.hint}"


def test_cohorts_in_no_pair_are_not_called_chosen(golden_review: Path) -> None:
    add()
    found = analysed()
    in_pairs = {
        (study, arm) for study in ("gamma-3", "delta-4") for arm in ("car-t", "standard")
    }  # fmt: skip
    for decision in found.decisions:
        chosen = decision.rule != "outside"
        assert ((decision.study, decision.cohort) in in_pairs) == chosen
    named = {(e.study, e.cohort) for e in found.excluded}
    assert {"alpha-1", "beta-2"} <= {study for study, _ in named}
    assert ("gamma-3", "first-20") in named
    assert "gamma-3/first-20" not in {node.key for node in found.lineage_nodes}


def test_a_count_that_is_not_compared_is_not_called_derived(golden_review: Path) -> None:
    """Its decisions stand, and one after them says that it was dropped."""
    add(NO_CR)
    own = [
        d
        for d in analysed().decisions
        if (d.study, d.cohort, d.outcome) == ("delta-4", "car-t", "cr")
    ]
    assert own[-1].action == "dropped"
    assert own[-1].rule == "unpaired"


def test_a_pair_that_reports_nothing_asked_for_is_said(golden_review: Path) -> None:
    add(change=("outcome: orr", "outcome: vgpr"))
    record = Path("studies/delta-4.yaml")
    record.write_text(record.read_text().replace("outcome: cr,", "outcome: scr,"))
    said = [text for text in caveats.caveats(analysed()) if "delta-4" in text.lower()]
    assert len(said) == 1
    assert "none of the outcomes" in said[0]
    assert "delta-4/car-t" in said[0]
    assert "delta-4/standard" in said[0]


@pytest.mark.parametrize(
    ("include", "key"),
    [
        ("roles: [car-t, comparator], studies: [gamma-3]", "include.studies"),
        ("roles: [car-t, comparator], products: [prod-a]", "include.products"),
        ("roles: [car-t, comparator], attributes: {line: [first]}", "include.attributes.line"),
        ("roles: [car-t, comparator], units: [instances]", "include.units"),
    ],
)
def test_arms_that_the_configuration_leaves_out_are_refused(
    golden_review: Path, include: str, key: str
) -> None:
    add()
    found = refused(HEAD.replace("roles: [car-t, comparator]", include)).diagnostics
    assert found
    assert {item.code for item in found} == {"CFG021"}
    assert all(key in item.message for item in found)
    assert all(item.mark.line in (8, 9) for item in found)


def test_so_are_cohorts_of_a_set(golden_review: Path) -> None:
    text = HEAD.split("comparison")[0].replace("include: {roles: [car-t, comparator]}\n", "")
    text += "sets:\n  - {id: a, label: A, cohorts: [gamma-3/car-t, gamma-3/standard]}\n"
    (found,) = refused(text).diagnostics
    assert found.code == "CFG021"
    assert "gamma-3/standard" in found.message


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("include: {cohorts: [gamma-3/car-t]}\n", "cohorts"),
        ("overlap: {policy: latest}\n", "overlap"),
    ],
)
def test_keys_that_pairs_make_idle_are_refused(golden_review: Path, lines: str, words: str) -> None:
    add()
    text = HEAD.replace("include: {roles: [car-t, comparator]}\n", "") + lines
    assert any(words in item.message for item in refused(text).diagnostics)


def test_arms_of_two_pairs_that_share_patients_are_refused_at_their_place(
    golden_review: Path,
) -> None:
    updates = "updates: [first-20"
    add(change=(updates, f"{updates}, the-first-one/car-t"))
    (found,) = refused(HEAD).diagnostics
    assert found.code == "CFG022"
    assert (found.mark.line, found.mark.column) == (9, 19)
    assert "gamma-3/car-t" in found.message
    assert "twice" in found.message


def test_arms_of_one_pair_must_be_disjoint(golden_review: Path) -> None:
    text = HEAD.replace("    - {treatment: delta-4/car-t, control: delta-4/standard}\n", "")
    text = text.replace("control: gamma-3/standard", "control: gamma-3/first-20")
    (found,) = refused(text).diagnostics
    assert found.code == "CFG022"
    assert "disjoint_from" in found.hint


def test_the_files_of_the_run_say_it(cli: Any, golden_review: Path) -> None:
    add(NO_CR)
    Path("configs/two.yaml").write_text(HEAD)
    ran = cli("pool", "configs/two.yaml", "--jobs", "1")
    assert ran.code == 0
    assert "CAR-T arm (CR)" in ran.out + ran.err
    folder = Path("outputs/two")
    with (folder / "excluded.csv").open(newline="") as file:
        kinds = {(r["outcome"], r["study"], r["cohort"]): r["kind"] for r in csv.DictReader(file)}
    assert kinds["cr", "delta-4", "car-t"] == "unpaired"
    assert "nothing of delta-4 is pooled" in (folder / "summary.md").read_text()
    page, forest = (folder / name for name in ("report.html", "contrast_cr_or.svg"))
    assert "The other arm, Delta-4: standard arm, does not report it" in page.read_text()
    assert "Reported but not pooled: Delta-4: CAR-T arm" in forest.read_text()


def test_the_flow_counts_every_cohort_once(golden_review: Path) -> None:
    """A study that is out as a whole is one exclusion and as many cohorts as it has."""
    add(NO_CR)
    found = analysed()
    known = prisma.flow(found)
    cohorts = {
        count.key for c in found.contrasts for p in c.pairs for count in (p.treatment, p.control)
    }
    assert len(cohorts) == 4
    assert known.cohorts == 4 + sum(number for _, number in known.left_out)
    # first-20 twice, and the three cohorts of the two other studies
    assert known.cohorts == 4 + 2 + 3


def test_explain_walks_a_comparison_to_its_cells(cli: Any, golden_review: Path) -> None:
    add(NO_CR)
    Path("configs/two.yaml").write_text(HEAD)
    ran = cli("explain", "orr", "--config", "configs/two.yaml")
    assert ran.code == 0
    for word in ("odds ratio", "41 of 60", "12 of 30", "printed-count", "studies/delta-4.yaml:"):
        assert word in ran.out
    ran = cli("explain", "cr", "delta-4", "--config", "configs/two.yaml")
    assert ran.code == 0
    assert "does not report it" in ran.out
    ran = cli("explain", "orr", "gamma-3", "--config", "configs/two.yaml")
    assert "delta-4" not in ran.out
    ran = cli("explain", "orr", "beta-2/low-dose", "--config", "configs/two.yaml")
    assert "not one of the cohorts" in ran.out
    assert "73%" not in ran.out  # of the other cohort of Beta-2
    ran = cli("explain", "or", "--config", "configs/two.yaml")
    assert ran.code == 2
    assert "orr" in ran.err
