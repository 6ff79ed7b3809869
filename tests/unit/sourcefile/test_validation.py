from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from carmeta.config import AnalysisConfig
from carmeta.domain.record import ProductRegister, ReportRegister, StudyRecord
from carmeta.sourcefile import load_source, validate
from carmeta.sourcefile.jsonschema import draft7
from carmeta.sourcefile.validation import PATTERN_WORDS

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.\-]*$")]


class Base(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Leaf(Base):
    count: int | None = Field(None, ge=0)
    percent: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Leaf:
        if self.count is None and self.percent is None:
            raise ValueError("give a count or a percent")
        return self


class Tree(Base):
    id: Name
    kind: Literal["car-t", "comparator"] = "car-t"
    phase: Literal["1", "1/2"] | None = None
    flag: bool = False
    share: float = 0.5
    leaves: list[Leaf] = Field(default_factory=list)
    by_name: dict[Literal["infused", "itt"], Leaf] = Field(default_factory=dict)
    either: list[Leaf | Name] = Field(default_factory=list)
    where: dict[str, str | int | bool] = Field(default_factory=dict)
    pair: tuple[Name, ...] = ()
    required: str = Field("x", description="What it is for.")


def told(tmp_path: Path, text: str, model: type[BaseModel] = Tree) -> list[str]:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    source, problems = load_source(path)
    assert source is not None, problems
    _, diagnostics = validate(model, source)
    return [f"{d.mark.line}:{d.mark.column} {d.code} {d.message} [{d.hint}]" for d in diagnostics]


KNOWN = "known here: by_name, either, flag, id, kind, leaves, pair, phase, required, share, where"
CASES = [
    ("id: a\nlabl: x\n", [f"2:1 SCH001 unknown key 'labl' [{KNOWN}]"]),
    ("id: a\nfalg: true\n", [f"2:1 SCH001 unknown key 'falg' [did you mean 'flag'? {KNOWN}]"]),
    ("id: a\nleaves: [{cuont: 1, percent: '1'}]\n",
     ["2:11 SCH001 unknown key 'cuont' [did you mean 'count'? known here: count, percent]"]),
    ("kind: car-t\n", ["1:1 SCH002 the key 'id' is missing []"]),
    ("id: a\nkind: cart\n",
     [("2:7 SCH004 'cart' is not a value of 'kind' "
       "[did you mean 'car-t'? allowed: car-t, comparator]")]),
    ("id: a\nkind: zzz\n",
     ["2:7 SCH004 'zzz' is not a value of 'kind' [allowed: car-t, comparator]"]),
    ("id: a\nphase: 1\n", ["2:8 SCH004 1 is not a value of 'phase' [quote it: \"1\"]"]),
    ("id: a\nflag: yes\n",
     [("2:7 SCH003 'flag' must be true or false, not 'yes' "
      "[write true or false, without quotes]")]),
    ("id: A b\n", [("1:5 SCH005 'A b' is not a value of 'id' "
                   "[expected lower-case letters, digits, '-' and '.', e.g. karmma-3]")]),
    ("id: 3\n", [("1:5 SCH003 'id' must be text, not 3 "
                 "[quote it, so that it stays as printed: \"3\"]")]),
    ("id: a\nleaves: [{percent: 3.0}]\n",
     [("2:20 SCH003 'percent' must be text, not 3.0 "
      "[quote it, so that it stays as printed: \"3.0\"]")]),
    ("id: a\nleaves: [{count: '3'}]\n",
     ["2:18 SCH003 'count' must be a whole number, not '3' [remove the quotes]"]),
    ("id: a\nleaves: [{count: 3.5}]\n",
     ["2:18 SCH003 'count' must be a whole number, not 3.5 []"]),
    ("id: a\nleaves: [{count: -1}]\n", ["2:18 SCH006 'count' must be at least 0, not -1 []"]),
    ("id: a\nleaves: [{}]\n", ["2:10 SCH007 give a count or a percent []"]),
    ("id: a\nleaves: {a: 1}\n",
     ["2:9 SCH003 'leaves' must be a list, not 'key: value' lines [begin each item with '- ']"]),
    ("id: a\nby_name: {infusd: {count: 1}}\n",
     [("2:11 SCH004 unknown key 'infusd' in 'by_name' "
       "[did you mean 'infused'? allowed: infused, itt]")]),
    ("id: a\neither: [3]\n",
     [("2:10 SCH003 an item of 'either' must be 'key: value' lines or text, not 3 "
      "[quote it, so that it stays as printed: \"3\"]")]),
    ("id: a\neither: [X]\n",
     [("2:10 SCH005 'X' is not a value of an item of 'either' "
      "[expected lower-case letters, digits, '-' and '.', e.g. karmma-3]")]),
    ("id: a\neither: [{cuont: 1, percent: x}]\n",
     ["2:11 SCH001 unknown key 'cuont' [did you mean 'count'? known here: count, percent]"]),
    ("id: a\nwhere: {a: 1.5}\n",
     [("2:12 SCH003 'a' must be text, a whole number or true or false, not 1.5 "
      "[quote it, so that it stays as printed: \"1.5\"]")]),
    ("id: a\nwhere: {a: [1]}\n",
     ["2:12 SCH003 'a' must be text, a whole number or true or false, not a list []"]),
    ("id: a\nshare: x\n", ["2:8 SCH003 'share' must be a number, not 'x' []"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_errors_in_plain_words(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert told(tmp_path, text) == expected


def test_all_errors_at_once_in_the_order_of_the_lines(tmp_path: Path) -> None:
    lines = told(tmp_path, "flag: 1\nkind: x\nnope: 2\nid: a\n")
    assert [line.split(" ")[:2] for line in lines] == [
        ["1:7", "SCH003"], ["2:7", "SCH004"], ["3:1", "SCH001"],
    ]  # fmt: skip


def test_what_is_right_becomes_the_model(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(
        "id: a\nshare: 1\nflag: true\neither: [b, {count: 1}]\npair: [c, d]\n"
        "where: {a: '1', b: 1, c: true}\n"
    )
    source, _ = load_source(path)
    assert source is not None
    model, diagnostics = validate(Tree, source)
    assert diagnostics == []
    assert model == Tree(
        id="a", share=1.0, flag=True, either=["b", Leaf(count=1)], pair=("c", "d"),
        where={"a": "1", "b": 1, "c": True},
    )  # fmt: skip
    assert model is not None
    assert type(model.where["c"]) is bool


def _patterns(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        yield from schema.get("patternProperties", {})
        for value in schema.values():
            yield from _patterns(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _patterns(value)


@pytest.mark.parametrize("model", [StudyRecord, ProductRegister, ReportRegister, AnalysisConfig])
def test_every_pattern_of_the_schemas_has_words(model: type[BaseModel]) -> None:
    patterns = set(_patterns(draft7(model, title="x")))
    assert patterns
    assert patterns <= PATTERN_WORDS.keys()


def test_no_jargon_in_messages(tmp_path: Path) -> None:
    text = (
        "id: [1]\nkind: {}\nphase: [1]\nflag: 3.5\nshare: [x]\nleaves: 3\nby_name: [1]\n"
        "either: x\nwhere: 5\npair: {a: 1}\nrequired: true\n"
    )
    lines = told(tmp_path, text)
    assert len(lines) == 11
    jargon = re.compile(r"Input|input_|type=|function-|constrained|str\b|int\b|dict\b|NoneType")
    assert not [line for line in lines if jargon.search(line)]
