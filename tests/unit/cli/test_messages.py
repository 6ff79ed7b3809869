"""What somebody types who does not know the words yet, and what is said to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.test_bad_input import ALPHA, CONFIG, edit


def with_cell(cell: str) -> str:
    return (
        "    proportions:\n      - outcome: orr\n        population: infused\n        at: {}\n"
        + "".join(f"        {part}\n" for part in cell.split(", ", 1))
    )


NUMBERS = [
    ('percent: "733"', "'percent' must be at most 100, not '733'", ""),
    ('percent: "100.1"', "'percent' must be at most 100, not '100.1'", ""),
    ("percent: NR", "'NR' is not a value of 'percent'", "write 'missing: not-reported' instead"),
    ('percent: "n/a"', "'n/a' is not a value of 'percent'", "write 'missing: not-reported'"),
    ("count: NR", "'count' must be a whole number, not 'NR'", "write 'missing: not-reported'"),
    ("count: 83/101", "'count' must be a whole number, not '83/101'", "write 'count: 83, of: 101'"),
    ('count: "83 / 101"', "not '83 / 101'", "write 'count: 83, of: 101'"),
    ('percent: "83/101"', "'83/101' is not a value of 'percent'", "write 'count: 83, of: 101'"),
    ("count: 83 (82%)", "not '83 (82%)'", "write 'count: 83, percent: \"82\"'"),
    ("percent: 45%", "'45%' is not a value of 'percent'", 'without the sign, e.g. "3.0"'),
    ('percent: "45,5"', "'45,5' is not a value of 'percent'", 'with a point: "45.5"'),
]


@pytest.mark.parametrize(("cell", "message", "hint"), NUMBERS)
def test_numbers_as_papers_print_them(
    cli, golden_review: Path, cell: str, message: str, hint: str
) -> None:
    ALPHA.write_text(ALPHA.read_text() + with_cell(cell))
    ran = cli("validate", ALPHA)
    assert ran.code == 1
    assert message in ran.out
    assert hint in ran.out
    assert "input should" not in ran.out.lower()


def test_a_percentage_of_a_hundred_is_one(cli, golden_review: Path) -> None:
    ALPHA.write_text(ALPHA.read_text() + with_cell('percent: "100.0"'))
    assert "SCH" not in cli("validate", ALPHA).out


WORDS = [
    (ALPHA, "population: infused", "population: fitt", "infused, treated, safety", "mean"),
    (ALPHA, "sCR: {", "CRi: {", "sCR, CR, nCR, VGPR", "mean"),
    (ALPHA, "role: car-t", "role: vaccine", "car-t, experimental, comparator", "mean"),
    (CONFIG, "[orr,", "[sepsis_ge3,", "allowed: orr, cr", "mean"),
    (ALPHA, "population: infused", "population: infsued", "mean 'infused'? allowed: inf", ""),
    (ALPHA, "label: Alpha-1", "lable: Alpha-1", "did you mean 'label'? known here: ack", ""),
    (CONFIG, "outcomes:", "outcome:", "did you mean 'outcomes'? known here: comp", ""),
    (ALPHA, "product: prod-a", "product: prod-z", "known: prod-a, prod-b", "mean"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "old", "new", "hint", "never"), WORDS)
def test_the_allowed_words_always_stand_there(
    cli, golden_review: Path, path: Path, old: str, new: str, hint: str, never: str
) -> None:
    edit(path, old, new)
    told = cli("validate", path).out
    assert hint in told
    assert not never or never not in told


def test_robins_i_is_not_rob_2(cli, golden_review: Path) -> None:
    extra = (
        "risk_of_bias: [{tool: robins-i, judgements: [{item: x, judgement: low, support: x}]}]\n"
    )
    ALPHA.write_text(ALPHA.read_text() + extra)
    told = cli("validate", ALPHA).out
    assert "did you mean" not in told
    assert "rob-2" in told


@pytest.mark.parametrize("name", ["Abecma", "bb2121", "product a"])
def test_a_trade_name_points_to_the_id(cli, golden_review: Path, name: str) -> None:
    products = Path("studies/_products.yaml")
    edit(products, "label: Product A", "label: Product A, aliases: [bb2121, Abecma]")
    edit(ALPHA, "product: prod-a", f"product: {name}")
    ran = cli("validate", ALPHA)
    assert f"error[REC020] the product '{name}' is not an id of _products.yaml" in ran.out
    assert f"help: '{name}' is another name of 'prod-a': write prod-a" in ran.out
    edit(ALPHA, f"product: {name}", "product: prod-a")
    CONFIG.write_text(f"name: tiny\ntitle: T\ninclude: {{products: ['{name}']}}\n")
    ran = cli("pool", CONFIG)
    assert ran.code == 2
    assert f"there is no product '{name}' in the records" in ran.err
    assert f"'{name}' is another name of 'prod-a'" in ran.err


LEVELS = [("level: 95", "for 95% write 0.95"), ("rare_below: 5", "for 5% write 0.05"),
          ("thresholds: {orr: {value: 50}}", "for 50% write 0.5")]  # fmt: skip


@pytest.mark.parametrize(("line", "hint"), LEVELS)
def test_a_percentage_where_a_share_is_wanted(
    cli, golden_review: Path, line: str, hint: str
) -> None:
    CONFIG.write_text(f"name: tiny\ntitle: T\n{line}\n")
    ran = cli("pool", CONFIG)
    assert (ran.code, ran.out) == (2, "")
    assert ":3:" in ran.err
    assert hint in ran.err


def test_the_level_of_a_printed_interval_is_in_percent(cli, golden_review: Path) -> None:
    cell = 'percent: "50", ci: {lb: "1", ub: "2", level: 0.95}'
    ALPHA.write_text(ALPHA.read_text() + with_cell(cell))
    assert "in percent: 95" in cli("validate", ALPHA).out


@pytest.mark.parametrize("command", ["pool", "config show"])
@pytest.mark.parametrize("name", ["alpha-1", "_products", "_reports"])
def test_a_record_given_as_a_configuration_is_recognised(
    cli, golden_review: Path, command: str, name: str
) -> None:
    ran = cli(*command.split(), f"studies/{name}.yaml")
    assert (ran.code, ran.out) == (2, "")
    what = "a register" if name.startswith("_") else "a study record"
    assert f"error: studies/{name}.yaml is {what}, not a configuration" in ran.err
    assert f"`carmeta validate studies/{name}.yaml`" in ran.err
    assert "SCH" not in ran.err


@pytest.mark.parametrize("key", ["cohorts", "products", "reports"])
def test_a_configuration_with_a_key_of_records_is_one_all_the_same(
    cli, golden_review: Path, key: str
) -> None:
    CONFIG.write_text(f"name: tiny\ntitle: T\n{key}: [alpha-1/all]\n")
    assert f":3:1: error[SCH001] unknown key '{key}'" in cli("pool", CONFIG).err
    assert f":3:1: error[SCH001] unknown key '{key}'" in cli("validate", CONFIG).out


SETS = "sets: [{id: a, label: b, cohorts: [alpha-1/all]}]\n"
PAIRS = "comparison: {pairs: [{treatment: alpha-1/all, control: beta-2/all}]}\n"
PLACED = [
    (SETS + PAIRS, "configs/tiny.yaml:4:13: error[SCH007] 'sets' and 'comparison' cannot"),
    ("include: {cohorts: [alpha-1/all]}\n" + SETS, "tiny.yaml:4:7: error[SCH007] name cohorts"),
    ("include: {cohorts: [alpha-1/all]}\n" + PAIRS, "tiny.yaml:4:13: error[SCH007] name cohorts"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "message"), PLACED)
def test_what_is_wrong_with_a_configuration_has_its_line(
    cli, golden_review: Path, lines: str, message: str
) -> None:
    CONFIG.write_text("name: tiny\ntitle: T\n" + lines)
    ran = cli("pool", CONFIG)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


def test_a_title_that_is_missing_is_asked_for_with_what_it_is(cli, golden_review: Path) -> None:
    CONFIG.write_text("# a comment\nname: tiny\n")
    ran = cli("pool", CONFIG)
    assert "configs/tiny.yaml:2:1: error[SCH002] the key 'title' is missing" in ran.err


def test_a_file_that_is_not_there_is_a_mistake_of_usage(cli, golden_review: Path) -> None:
    ran = cli("validate", "nope.yaml", ALPHA, "nowhere")
    assert (ran.code, ran.out) == (2, "")
    assert "error: there is no file or folder nope.yaml, nowhere" in ran.err
    ran = cli("validate", "studies/alpa-1.yaml", "--output-format", "json")
    assert (ran.code, ran.out) == (2, "")
    assert "did you mean 'studies/alpha-1.yaml'?" in ran.err


def test_validate_outside_a_review(cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = cli("validate")
    assert (ran.code, ran.out) == (2, "")
    assert "there is no folder studies or configs here" in ran.err


def test_validate_needs_no_configurations(cli, golden_review: Path) -> None:
    for path in Path("configs").iterdir():
        path.unlink()
    Path("configs").rmdir()
    assert cli("validate").code == 0


def test_a_byte_order_mark_is_no_error(cli, golden_review: Path) -> None:
    before = json.loads(cli("studies", "--format", "json").out)
    for path in (ALPHA, CONFIG):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert json.loads(cli("studies", "--format", "json").out) == before
    assert cli("config", "show", CONFIG).code == 0


@pytest.mark.parametrize("group", ["new", "config"])
def test_a_group_of_commands_without_one_prints_its_help(cli, group: str) -> None:
    ran = cli(group)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == cli(group, "--help").out
    assert "Commands:" in ran.out


def test_a_study_that_is_not_there_lists_those_that_are(cli, golden_review: Path) -> None:
    for command in ("show", "audit"):
        ran = cli(command, "alpa-1")
        assert "did you mean 'alpha-1'? known: alpha-1, beta-2, gamma-3" in ran.err
        assert "known: alpha-1, beta-2, gamma-3" in cli(command, "alpha-2").err
        assert "mean" not in cli(command, "alpha-2").err
