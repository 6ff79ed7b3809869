"""`validate` refuses the names in a configuration that `pool` refuses, all at once (#8.3)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

HEAD = "name: mine\ntitle: Mine\noutcomes: [orr]\n"
PAIR = "comparison:\n  pairs:\n    - {treatment: gamma-3/car-t, control: gamma-3/standard}\n"
REFUSED = {
    "CFG020": "sets:\n  - {id: x, label: X, cohorts: [alpha-1/al]}\n",
    "CFG021": PAIR,
    "CFG022": PAIR.replace("gamma-3/standard", "gamma-3/first-20")
    + "include: {roles: [car-t, comparator]}\n",
    "CFG023": "sets:\n  - {id: x, label: X, cohorts: [alpha-1/all, beta-2/all]}\n",
}
BROKEN = Path("studies/alpha-1.yaml")


def write(keys: str, path: str = "configs/mine.yaml") -> Path:
    text = HEAD.replace("mine", Path(path).stem) + keys
    Path(path).write_text(text, encoding="utf-8")
    return Path(path)


def told(cli: Any, *paths: object) -> list[dict[str, Any]]:
    ran = cli("validate", *paths, "--no-audit", "--output-format", "json")
    found = json.loads(ran.out)
    assert ran.code == (1 if any(item["severity"] == "error" for item in found) else 0)
    return found


@pytest.mark.parametrize("code", REFUSED)
@pytest.mark.parametrize("paths", [(), ("configs/mine.yaml",), ("studies", "configs/mine.yaml")])
def test_names_that_pool_refuses_are_refused(cli, golden_review, code: str, paths) -> None:
    path = write(REFUSED[code])
    found = told(cli, *paths)
    assert {item["code"] for item in found} == {code}
    assert all(item["file"] == str(path) and item["line"] > 3 for item in found)
    ran = cli("pool", path)
    assert ran.code == 2
    assert all(item["message"] in ran.err for item in found)


def test_every_name_of_every_configuration_at_once(cli, golden_review: Path) -> None:
    write("include: {studies: [alpa-1, betta-2]}\n")
    write("include: {products: [nothing]}\n", "configs/other.yaml")
    names = [item["message"].split("'")[1] for item in told(cli)]
    assert names == ["alpa-1", "betta-2", "nothing"]


def test_the_records_that_are_named_are_those_that_are_asked(cli, golden_review: Path) -> None:
    shutil.copytree("studies", "other/studies")
    shutil.copy("review.yaml", "other")
    Path("other/studies/beta-2.yaml").unlink()
    path = write("include: {studies: [beta-2]}\n")
    assert told(cli, path) == []
    assert [item["code"] for item in told(cli, "other/studies", path)] == ["CFG020"]


def test_of_several_folders_the_one_beside_the_configuration(cli, golden_review: Path) -> None:
    shutil.copytree("studies", "other/studies")
    shutil.copy("review.yaml", "other")
    Path("other/studies/beta-2.yaml").unlink()
    path = write("include: {studies: [beta-2]}\n")
    assert told(cli, "other/studies", "studies", path) == []
    Path("other/configs").mkdir()
    path = write("include: {studies: [beta-2]}\n", "other/configs/mine.yaml")
    assert [item["code"] for item in told(cli, "studies", "other/studies", path)] == ["CFG020"]


@pytest.mark.parametrize("paths", [(), ("configs/mine.yaml",)])
def test_names_that_cannot_be_checked_are_said_to_be_so(cli, golden_review, paths) -> None:
    write("include: {studies: [alpa-1]}\n")
    BROKEN.write_text(BROKEN.read_text().replace("role: car-t", "role: cart"))
    ran = cli("validate", *paths)
    assert "CFG020" not in ran.out
    assert "names in configs/mine.yaml are not checked" in ran.err
    assert "studies" in ran.err
    shutil.rmtree("studies")
    ran = cli("validate", "configs/mine.yaml")
    assert "names in configs/mine.yaml are not checked" in ran.err
    assert ran.code == 0
