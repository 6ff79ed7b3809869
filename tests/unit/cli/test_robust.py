"""Input that made a command hang, fill the memory or end with a traceback."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ONE = "study,events,n,group\nA,3,20,x\nB,10,30,x\nC,4,12,y\nD,7,25,y\n"
TWO = "study,events,n,events2,n2,group\nA,3,20,5,22,x\nB,9,30,4,28,x\nC,2,12,3,15,y\nD,4,9,5,8,y\n"
ALPHA = Path("studies/alpha-1.yaml")


@pytest.fixture
def quick() -> Iterator[None]:
    """The test takes seconds at most, on a slow machine too."""
    began = time.perf_counter()
    yield
    assert time.perf_counter() - began < 4


@pytest.fixture(params=[ONE, TWO], ids=["one arm", "two arms"])
def counts(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "counts.csv"
    path.write_text(request.param)
    return path


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("infused: {n: 33,", "infused: {n: 1000000,"),
        ('count: 14, percent: "42"', 'count: 14, of: 2147483648, percent: "42"'),
        ('{count: 14, percent: "42"}', '{of: 2147483648, percent: "42"}'),
        ('{count: 14, percent: "42"}', '{of: 999999999999999999, percent: "<1"}'),
        (
            'any: {count: 14, percent: "42"}',
            'any: {of: 2147483648, percent: "42", ci: {lb: "41", ub: "43"}}',
        ),
    ],
)  # fmt: skip
def test_a_large_denominator_is_no_work(cli, golden_review: Path, old: str, new: str) -> None:
    text = ALPHA.read_text()
    assert old in text
    ALPHA.write_text(text.replace(old, new).replace("        of: 33\n", ""))
    assert cli("validate").code in (0, 1)
    assert cli("audit").code in (0, 1)


@pytest.mark.usefixtures("quick")
def test_grim_shows_an_interval_where_many_counts_fit(cli) -> None:
    ran = cli("grim", "73%", "9999999", "--format", "json")
    rows = json.loads(ran.out)
    direct = [row for row in rows if row["fits"].startswith("by rounding")]
    assert [row["count"] for row in direct] == [7_250_000, 7_349_999]
    assert "first of 100000" in direct[0]["fits"]
    assert "last of 100000" in direct[1]["fits"]
    assert len(rows) == 4
    assert ran.code == 0
    assert len(cli("grim", "73%", "9999999").out.splitlines()) == 5
    assert cli("grim", "73%", "1" + "0" * 30).code == 2


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--add", "1e308", "--to", "all"], "add"),
        (["--add", "1e20"], "add"),
        (["--add", "1e-300"], "add"),
        (["--add", "nan"], "add"),
        (["--add", "-1"], "add"),
        (["--level", "0.9999999999999999"], "level"),
        (["--level", "1e-300"], "level"),
        (["--level", "nan"], "level"),
    ],
)
@pytest.mark.parametrize("extra", [[], ["--json"], ["--model", "GLMM"]])
def test_numbers_that_leave_the_floats(
    cli, counts: Path, arguments: list[str], word: str, extra: list[str]
) -> None:
    ran = cli("pool", "--csv", counts, *arguments, *extra)
    assert ran.code == 2
    assert word in ran.err
    assert ran.out == ""


def test_a_level_of_a_configuration_has_the_same_limits(cli, golden_review: Path) -> None:
    config = Path("configs/tiny.yaml")
    config.write_text(config.read_text() + "level: 0.9999999999999999\n")
    ran = cli("pool", config)
    assert ran.code == 2
    assert "level" in ran.err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a FIFO")
@pytest.mark.usefixtures("quick")
def test_what_is_no_file_is_refused_by_name(cli, golden_review: Path) -> None:
    os.mkfifo("studies/pipe.yaml")
    os.mkfifo("configs/pipe.yaml")
    os.mkfifo("pipe.csv")
    for arguments, name in (
        (["validate"], "studies/pipe.yaml"),
        (["pool", "configs/tiny.yaml"], "studies/pipe.yaml"),
        (["pool", "configs/pipe.yaml"], "configs/pipe.yaml"),
        (["pool", "--csv", "pipe.csv"], "pipe.csv"),
        (["pool", "--csv", "studies"], "studies"),
        (["pool", "--csv", "/dev/zero"], "/dev/zero"),
    ):
        ran = cli(*arguments)
        assert ran.code in (1, 2)
        assert name in ran.out + ran.err
        assert "not a file" in ran.out + ran.err


@pytest.mark.parametrize("value", ["{id: x}", "{label: {a: b}, label: {a: b}}", "[{id: x}]"])
@pytest.mark.parametrize("key", ["id", "label", "products"])
def test_a_register_with_a_key_twice(cli, golden_review: Path, key: str, value: str) -> None:
    register = Path("studies/_products.yaml")
    indent = "" if key == "products" else "    "
    item = "  - id: prod-a\n    label: A\n    target: BCMA\n    binder: x\n    costimulation: y\n"
    register.write_text(f"products:\n{item}{indent}{key}: {value}\n")
    for command in (["validate"], ["pool", "configs/tiny.yaml"], ["audit"], ["studies"]):
        ran = cli(*command)
        assert ran.code in (1, 2)
        assert f"the key '{key}' a second time" in ran.out + ran.err
