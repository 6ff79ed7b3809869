"""Every column and key that a run writes is explained, and nothing else is."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from carmeta.domain.analysis import Analysis
from carmeta.pipeline import run
from carmeta.report import figures, sidecars
from carmeta.report.files import render_all
from tests.figures import synthetic

REVIEW = Path(__file__).parents[2] / "golden" / "review"
KINDS = {"text", "whole number", "number", "boolean"}


def analyses() -> Iterator[Analysis]:
    """Runs that together have every table and every figure."""
    tiny = run(REVIEW / "configs" / "tiny.yaml", studies=REVIEW / "studies")
    first = tiny.outcomes[0]
    yield replace(tiny, outcomes=(first,), bias=tuple(synthetic.bias(first)))
    yield run(REVIEW / "configs" / "two-arms.yaml", studies=REVIEW / "studies")
    grouped = synthetic.outcome(4, subgroups=True)
    refits = (*grouped.sensitivity, *(replace(r, kind="cumulative") for r in grouped.sensitivity))
    against, _ = synthetic.regressed(9)
    made = synthetic.analysis(outcomes=(replace(grouped, sensitivity=refits), against))
    yield replace(made, contrasts=(synthetic.contrasts(),))


def files_of(analysis: Analysis) -> dict[str, bytes]:
    """What such a run writes, without drawing the forest plots."""
    files = render_all(analysis, figures=False, word=False, excel=False)
    del files["columns.csv"]
    files |= figures.pictures(analysis)[1]
    for job in figures.jobs(analysis):
        files[f"{job.light.stem}.csv"] = sidecars.forest(job.light.spec)
    return files


@pytest.fixture(scope="module")
def written() -> list[dict[str, bytes]]:
    return [files_of(analysis) for analysis in analyses()]


def read(raw: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(raw.decode())))


def entries(files: dict[str, bytes]) -> list[dict[str, str]]:
    from carmeta.report import dictionary

    return read(dictionary.explained(files))


def test_a_run_writes_its_dictionary() -> None:
    files = render_all(synthetic.analysis(), figures=False, word=False, excel=False)
    rows = read(files["columns.csv"])
    assert list(rows[0]) == ["file", "column", "type", "unit", "allowed", "meaning"]
    assert {row["file"] for row in rows} >= {"counts.csv", "results.json", "columns.csv"}


def test_every_column_has_its_entry_and_no_other_is_there(written: list[dict[str, bytes]]) -> None:
    for files in written:
        told = [(row["file"], row["column"]) for row in entries(files)]
        assert len(told) == len(set(told))
        mine = {entry for entry in told if entry[0] not in ("results.json", "columns.csv")}
        headers = {
            name: csv.DictReader(io.StringIO(raw.decode())).fieldnames or ()
            for name, raw in files.items()
            if name.endswith(".csv")
        }
        matched = {
            (pattern, column)
            for name, columns in headers.items()
            for column in columns
            for pattern in {file for file, _ in mine if fnmatch(name, file)}
        }
        for name, columns in headers.items():
            (pattern,) = {file for file, _ in mine if fnmatch(name, file)}
            assert {(pattern, column) for column in columns} <= mine, name
        assert mine == matched


def test_no_entry_is_of_a_column_that_nothing_writes(written: list[dict[str, bytes]]) -> None:
    from carmeta.report import dictionary

    told = {(row["file"], row["column"]) for files in written for row in entries(files)}
    declared = {
        (file, column.name) for file, columns in dictionary.FILES.items() for column in columns
    }
    assert declared == {entry for entry in told if entry[0] != "results.json"}


def test_every_entry_is_whole(written: list[dict[str, bytes]]) -> None:
    for row in entries(written[0]):
        assert row["meaning"].strip(), row
        assert not row["meaning"].endswith("."), row
        if row["file"] != "results.json":
            assert row["type"] in KINDS, row


def keys(value: Any, kind: str, told: dict[str, str]) -> Iterator[str]:
    """Keys of a JSON value that is said to be of a kind, found in the dictionary or not."""
    if value is None:
        return
    kind = kind.removesuffix(" or null")
    if kind.startswith("list of "):
        if isinstance(value, dict):  # a long run of whole numbers, by its ends
            assert set(value) == {"first", "last"}
            return
        for item in value:
            yield from keys(item, kind.removeprefix("list of "), told)
    elif kind.startswith("object of "):
        for item in value.values():
            yield from keys(item, kind.removeprefix("object of "), told)
    elif kind[0].isupper():
        for key, item in value.items():
            name = f"{kind}.{key}"
            yield name
            assert name in told, name
            yield from keys(item, told[name], told)
    elif kind != "anything":
        wanted = {"text": str, "whole number": int, "number": (int, float), "boolean": bool}
        assert any(isinstance(value, wanted[part]) for part in kind.split(" or ")), (kind, value)


def test_every_key_of_the_json_has_its_entry(written: list[dict[str, bytes]]) -> None:
    seen: set[str] = set()
    for files in written:
        told = {
            row["column"]: row["type"] for row in entries(files) if row["file"] == "results.json"
        }
        seen |= set(keys(json.loads(files["results.json"]), "Analysis", told))
    assert {key for key in seen if key.startswith("Analysis.")} == {
        key for key in told if key.startswith("Analysis.")
    }


def test_every_entry_of_the_json_is_a_key() -> None:
    """Statically: the dictionary has the fields of the dataclasses that are written."""
    from carmeta.report import dictionary

    for kind, fields in dictionary.objects().items():
        named = {column.name for column in dictionary.KEYS[kind]}
        assert named == set(fields), kind.__name__
    assert set(dictionary.KEYS) == set(dictionary.objects())


RANGES = {"0 to 1": (0, 1), "0 to 100": (0, 100), "0 or more": (0, None), "1 or more": (1, None)}


def test_the_values_are_of_the_type_and_in_the_range_that_is_told(
    written: list[dict[str, bytes]],
) -> None:
    checked = 0
    for files in written:
        for row in entries(files):
            values = [
                line[row["column"]]
                for name, raw in files.items()
                if fnmatch(name, row["file"]) and name.endswith(".csv")
                for line in read(raw)
            ]
            for value in filter(None, values):
                checked += 1
                if row["type"] == "boolean":
                    assert value in ("true", "false"), row
                elif row["type"] == "whole number":
                    assert value == str(int(value)), row
                elif row["type"] == "number":
                    float(value)
                if row["allowed"] in RANGES:
                    low, high = RANGES[row["allowed"]]
                    assert low <= float(value) <= (float(value) if high is None else high), row
                elif row["type"] == "text" and row["allowed"]:
                    assert value in row["allowed"].split(", "), row
    assert checked > 1000
