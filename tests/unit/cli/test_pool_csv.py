from __future__ import annotations

import io
import json
import math
from pathlib import Path

import pytest

from carmeta import api
from carmeta.api import subgroups, two_arm

ONE = "study,events,n\nA,3,20\nB,10,30\nC,0,12\nD,7,25\n"
TWO = "study,events,n,events2,n2\nA,3,20,5,22\nB,10,30,14,28\nC,0,12,0,15\n"
KEYS = (
    "k", "estimate", "se", "ci_lb", "ci_ub", "pi_lb", "pi_ub", "tau2", "tau2_ci_lb",
    "tau2_ci_ub", "i2", "h2", "q", "q_df", "q_pval",
)  # fmt: skip


@pytest.fixture
def counts(tmp_path: Path):
    def write(text: str | bytes) -> Path:
        path = tmp_path / "counts.csv"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def same(value: float | None, expected: float) -> bool:
    return value is None if not math.isfinite(expected) else value == expected


def test_the_same_numbers_as_the_engine(cli, counts) -> None:
    ran = cli("pool", "--csv", counts(ONE), "--method", "DL", "--test", "knha", "--json")
    result = json.loads(ran.out)
    pooled = api.pool([3, 10, 0, 7], [20, 30, 12, 25], method="DL", test="knha")
    assert ran.code == 0
    for key in KEYS:
        assert same(result[key], getattr(pooled, key)), key
    for key in ("estimate", "ci_lb", "ci_ub", "pi_lb", "pi_ub"):
        assert same(result["back"][key], getattr(pooled.back, key)), key
    assert [study["study"] for study in result["studies"]] == list("ABCD")
    assert [study["weight"] for study in result["studies"]] == list(pooled.weights)


def test_two_arms(cli, counts) -> None:
    result = json.loads(cli("pool", "--csv", counts(TWO), "--model", "MH", "--json").out)
    pooled = two_arm.pool_two_arm([3, 10, 0], [20, 30, 12], [5, 14, 0], [22, 28, 15], model="MH")
    assert result["measure"] == "OR"
    for key in KEYS:
        assert same(result[key], getattr(pooled, key)), key


def test_groups(cli, counts) -> None:
    text = "study,events,n,group\nA,3,20,x\nB,10,30,x\nC,4,12,y\nD,7,25,y\n"
    ran = cli("pool", "--csv", counts(text), "--model", "GLMM", "--json")
    result = json.loads(ran.out)
    pools, test = subgroups.subgroup_counts(
        [3, 10, 4, 7], [20, 30, 12, 25], list("xxyy"), model="GLMM"
    )
    assert result["groups"]["y"]["estimate"] == pools["y"].estimate
    assert result["group_test"]["p"] == test.p
    table = cli("pool", "--csv", counts(text)).out.splitlines()
    assert [line.split()[0] for line in table] == ["Pool", "x", "y", "all", "all"]


@pytest.mark.parametrize("text", [ONE.replace(",", ";"), ONE.replace(",", "\t"), "\ufeff" + ONE,
                                  ONE.replace("\n", "\r\n"), ONE + "\n,,\n"])  # fmt: skip
def test_what_spreadsheets_write(cli, counts, text: str) -> None:
    assert json.loads(cli("pool", "--csv", counts(text), "--json").out)["k"] == 4


def test_stdin(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(ONE.encode())))
    assert json.loads(cli("pool", "--csv", "-", "--json").out)["k"] == 4


BAD = [
    ("", "the file is empty"),
    ("study,events\nA,1\n", "no column 'n'"),
    ("study,evnts,n\nA,1,2\n", "no column 'events'"),
    ("study,events,n,n\nA,1,2,2\n", "the column 'n' stands twice"),
    ("study,events,n,events2\nA,1,2,2\n", "no column 'n2'"),
    ("study,events,n\n", "no studies below the heading"),
    ("study,events,n\nA,3,2\n", ":2:3: error[CSV004] A: events 3 exceeds n 2"),
    ("study,events,n\nA,1,2\nB,-1,2\n", ":3:3: error[CSV002] B: events is no whole number: '-1'"),
    ("study,events,n\nA,1.5,2\n", "'1.5'"),
    ("study,events,n\nA,nan,2\n", "'nan'"),
    ("study,events,n\nA,\u0663,5\n", "'\u0663'"),
    ("study,events,n\nA,0,0\n", "A: n is 0"),
    ("study,events,n\nA,1\n", "2 values under 3 headings"),
    ("study,events,n\nA,1,2\n ,1,2\n", ":3:1: error[CSV006] no study name"),
    (f"study,events,n\nA,1,{'1234567890' * 3}1234567\n", "error[CSV007] A: n 123456789"),
    ("study,events,n,group\nA,1,2,\n", "A: no group"),
    ('study,events,n\n"A,1,2\n', "not CSV"),
    (b"study,events,n\n\xe9,1,2\n", ":2: not UTF-8"),
]


def test_a_study_that_stands_twice_is_said(cli, counts) -> None:
    ran = cli("pool", "--csv", counts("study,events,n\nA,1,2\nB,1,2\nA,1,3\n"), "--model", "IV")
    assert ran.code == 0
    assert "A stands in lines 2, 4: pooled as 2 studies" in ran.err


@pytest.mark.parametrize(("text", "message"), BAD)
def test_bad_counts(cli, counts, text: str | bytes, message: str) -> None:
    ran = cli("pool", "--csv", counts(text))
    assert message in ran.err
    assert "counts.csv" in ran.err
    assert (ran.code, ran.out) == (2, "")


def test_all_bad_lines_at_once(cli, counts) -> None:
    ran = cli("pool", "--csv", counts("study,events,n\nA,3,2\nB,x,2\nC,1,0\n"))
    assert [line.split(":")[1] for line in ran.err.splitlines() if "error[" in line] == list("234")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--measure", "RR"], "--measure RR is not for model IV of one arm"),
        (["--model", "MH"], "--model MH is not for one arm"),
        (["--forest", "x.gif"], "not a figure"),
        (["--level", "95"], "level"),
        (["--model", "GLMM", "--measure", "PFT"], "PFT"),
    ],
)
def test_options_that_do_not_fit(cli, counts, arguments: list[str], message: str) -> None:
    ran = cli("pool", "--csv", counts(ONE), *arguments)
    assert message in ran.err
    assert (ran.code, ran.out) == (2, "")


@pytest.mark.parametrize("text", [ONE, TWO])
def test_forest(cli, counts, tmp_path: Path, text: str) -> None:
    target = tmp_path / "forest.svg"
    ran = cli("pool", "--csv", counts(text), "--forest", target)
    assert ran.code == 0
    svg = target.read_text()
    assert svg.startswith("<?xml")
    assert ">A<" in svg
    assert f"drawn to {target}" in ran.err
    missing = cli("pool", "--csv", counts(text), "--forest", tmp_path / "no" / "forest.svg")
    assert missing.code == 2


def test_a_figure_is_replaced_only_on_demand(cli, counts, tmp_path: Path) -> None:
    figure = tmp_path / "forest.svg"
    figure.write_text("mine")
    path = counts(ONE)
    ran = cli("pool", "--csv", path, "--forest", figure)
    assert ran.code == 2
    assert "exists already" in ran.err
    assert "--force" in ran.err
    assert ran.out == ""
    assert figure.read_text() == "mine"
    assert cli("pool", "--csv", path, "--forest", figure, "--force").code == 0
    text = figure.read_text()
    assert "generated by carmeta from counts.csv" in " ".join(text.splitlines()[:3])
    assert sorted(item.name for item in tmp_path.iterdir()) == ["counts.csv", "forest.svg"]
    assert "--force works only with --csv" in cli("pool", "--force").err


def test_no_page_of_a_figure_is_written_where_one_would_be_replaced(
    cli, counts, tmp_path: Path
) -> None:
    rows = "".join(f"S{i},3,20\n" for i in range(120))
    path = counts("study,events,n\n" + rows)
    (tmp_path / "forest-2.svg").write_text("mine")
    assert cli("pool", "--csv", path, "--forest", tmp_path / "forest.svg").code == 2
    assert sorted(item.name for item in tmp_path.iterdir()) == ["counts.csv", "forest-2.svg"]


def test_a_minus_in_a_table_is_a_minus_sign(cli, tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    path.write_text("study,events,n,events2,n2\na,3,10,6,10\nb,4,20,9,20\n")
    ran = cli("pool", "--csv", path, "--measure", "RD")
    assert "\u22120.2656" in ran.out
    assert "-0.26558" in cli("pool", "--csv", path, "--measure", "RD", "--format", "csv").out


GROUPED = "study,events,n,group\nA,3,20,x\nB,10,30,x\nC,4,12,x\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--force"], "--force works only with --forest"),
        (["--format", "csv", "--json"], "--format works only without --json"),
        (["--add", "0.2", "--to", "none"], "--add 0.2"),
        (["--add", "0", "--to", "all"], "--to all"),
    ],
)
def test_an_option_that_another_leaves_without_effect_is_refused(
    cli, counts, arguments: list[str], message: str
) -> None:
    ran = cli("pool", "--csv", counts(ONE), *arguments)
    assert message in ran.err
    assert (ran.code, ran.out) == (2, "")


def test_a_group_of_one_level_is_said(cli, counts) -> None:
    ran = cli("pool", "--csv", counts(GROUPED))
    assert "note: every study is in the group 'x': there are no groups to compare" in ran.err
    refused = cli("pool", "--csv", counts(GROUPED), "--tau2", "separate")
    assert (refused.code, refused.out) == (2, "")


@pytest.mark.parametrize(
    "text", [ONE.replace("C,0,12", "C,1,12"), TWO.replace("C,0,12,0,15", "C,1,12,2,15"), TWO]
)
@pytest.mark.parametrize("option", [["--add", "0.3"], ["--to", "if0all"]])
def test_a_correction_that_nothing_needs_is_said(cli, counts, text: str, option) -> None:
    ran = cli("pool", "--csv", counts(text), *option)  # of TWO, C is dropped altogether
    assert f"note: {option[0]} has no effect: no study that is pooled has an empty cell" in ran.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "0.5 added to each cell (only0) of C"),
        (["--add", "0.3", "--to", "all"], "0.3 added to each cell (all) of A, B, C, D"),
        (["--to", "if0all"], "0.5 added to each cell (if0all) of A, B, C, D"),
    ],
)
def test_the_correction_of_one_arm_is_said(cli, counts, options: list[str], said: str) -> None:
    ran = cli("pool", "--csv", counts(ONE), "--model", "IV", *options)
    assert f"note: {said}" in ran.err
    again = cli("pool", "--csv", counts(ONE), "--model", "IV", *options, "--json")
    codes = [note["code"] for note in json.loads(again.out)["cautions"]]
    assert "continuity-correction" in codes


def test_no_correction_is_said_where_none_is_made(cli, counts) -> None:
    for options in (["--measure", "PFT"], ["--model", "GLMM"]):
        assert "added to" not in cli("pool", "--csv", counts(ONE), *options).err


RD = "study,events,n,events2,n2\nA,3,20,5,22\nB,0,15,0,16\nC,9,30,4,28\n"
LOST = "study,events,n,events2,n2\nA,3,20,5,22\nB,0,15,2,16\nC,9,30,4,28\n"


@pytest.mark.parametrize("option", [["--to", "none"], ["--add", "0"]])
def test_an_option_that_removes_a_study_has_an_effect(cli, counts, option: list[str]) -> None:
    ran = cli("pool", "--csv", counts(LOST), *option)
    assert "no OR exists for B" in ran.err
    assert "has no effect" not in ran.err
    difference = cli("pool", "--csv", counts(RD), "--measure", "RD", *option)
    assert "the RD of B has variance 0" in difference.err
    assert "has no effect" not in difference.err
    idle = cli("pool", "--csv", counts(RD), *option)  # B says nothing of the OR
    assert f"{option[0]} has no effect" in idle.err


def test_arcsines_take_nothing_added_by_its_name(cli, counts) -> None:
    plain = cli("pool", "--csv", counts(ONE), "--measure", "PAS", "--json")
    named = cli("pool", "--csv", counts(ONE), "--measure", "PAS", "--to", "none", "--json")
    assert (named.code, named.out) == (0, plain.out)
    assert "has no effect" not in named.err
    for option in (["--to", "only0"], ["--add", "0.5"]):
        ran = cli("pool", "--csv", counts(ONE), "--measure", "PAS", *option)
        assert (ran.code, ran.out) == (2, "")
        assert "defined at 0 and n" in ran.err


def test_a_group_called_all_is_not_all(cli, counts) -> None:
    path = counts("study,events,n,group\nA,3,20,all\nB,10,30,all\nC,4,12,y\nD,7,25,y\n")
    read = ("pool", "--csv", path, "--model", "IV", "--format")
    rows = [line.split(",") for line in cli(*read, "csv").out.splitlines()]
    assert rows[0][:2] == ["row", "part"]
    assert [row[:2] for row in rows[1:]] == [["group", "all"], ["group", "y"], ["overall", ""]]
    for fmt in ("table", "md"):
        lines = cli(*read, fmt).out.splitlines()
        assert sum("all studies" in line for line in lines) == 1
        assert "all studies" in lines[-1]


def test_a_study_without_a_variance_is_named(cli, counts) -> None:
    ran = cli("pool", "--csv", counts(ONE), "--to", "none")
    assert ran.code == 2
    assert "(C): 0 of 12 has no usable variance" in ran.err
    assert "to='only0'" not in ran.err


@pytest.mark.parametrize("how", ["same", "link", "page"])
def test_a_figure_never_replaces_the_counts(cli, tmp_path: Path, how: str) -> None:
    path = tmp_path / ("x-2.svg" if how == "page" else "x.svg")
    text = "study,events,n\n" + "".join(f"S{i},3,20\n" for i in range(120))
    path.write_text(text)
    target = {"same": path, "link": tmp_path / "y.svg", "page": tmp_path / "x.svg"}[how]
    if how == "link":
        target.symlink_to(path)
    ran = cli("pool", "--csv", path, "--forest", target, "--force")
    assert (ran.code, ran.out) == (2, "")
    assert "the counts" in ran.err
    assert path.read_text() == text
