"""Every option of `carmeta pool --csv` changes a result, is refused, or is said to do nothing.

The table is held against the command, so a new option without a line here fails.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

from carmeta.cli.app import app
from carmeta.domain.models import MODELS, Kind
from carmeta.domain.request import check
from carmeta.vocabulary import I2Method, Measure, Method, PiMethod, Sharing, Test, To

# Values of the options that are handed to the engine; the others say where things go.
VALUES: dict[str, tuple[Any, ...]] = {
    "measure": get_args(Measure),
    "method": get_args(Method),
    "test": get_args(Test),
    "pi_method": get_args(PiMethod),
    "i2_method": get_args(I2Method),
    "level": (0.8,),
    "add": (0.0, 0.3),
    "to": get_args(To),
    "tau2": get_args(Sharing),
}
ELSEWHERE = {"config", "studies", "output", "jobs", "pdf", "csv", "model", "group", "forest",
             "force", "format", "json"}  # fmt: skip
COMMON = {"quiet", "verbose", "debug", "help"}
# What a result repeats of the request.
REPEATED = {"measure", "model", "method", "test", "level", "i2_method", "pi_method",
            "method_words", "tau2_ci_method", "weights_kind"}  # fmt: skip

COUNTS: dict[Kind, dict[str, list[tuple[int, ...]]]] = {
    "one arm": {
        "spread": [(9, 23), (8, 26), (5, 9), (15, 120), (7, 8), (0, 12)],
        "alike": [(3, 20), (9, 60), (0, 12), (4, 25), (6, 44), (8, 60)],
        "full cells": [(3, 20), (20, 30), (2, 12), (7, 25), (9, 9 + 50), (1, 31)],
        "no events": [(0, 20), (0, 30), (0, 12)],
        "two": [(3, 20), (20, 30)],
        "one": [(3, 20)],
    },
    "two arms": {
        "spread": [(6, 24, 95, 124), (77, 183, 60, 135), (70, 138, 101, 147), (92, 173, 144, 193),
                   (79, 99, 13, 17), (0, 12, 3, 12)],
        "alike": [(3, 20, 5, 22), (9, 60, 14, 61), (0, 12, 1, 11), (4, 25, 6, 24), (6, 44, 9, 40)],
        "full cells": [(3, 20, 9, 22), (20, 30, 4, 31), (7, 25, 8, 21), (9, 44, 30, 40)],
        "empty margin": [(0, 20, 3, 22), (0, 30, 4, 31), (0, 12, 3, 12)],
        "two": [(3, 20, 9, 22), (20, 30, 4, 31)],
        "one": [(3, 20, 9, 22)],
    },
}  # fmt: skip
HEADINGS: dict[Kind, str] = {"one arm": "study,events,n", "two arms": "study,events,n,events2,n2"}
LEVELS = {"no groups": "", "groups": "xxyyyx", "one group": "zzzzzz"}

Ask = Callable[..., tuple[int, Any, str]]
SEEN: dict[tuple[Any, ...], tuple[int, Any, str]] = {}  # the same call gives the same answer


@pytest.fixture
def ask(cli, tmp_path: Path) -> Ask:
    """Exit code, result without what it repeats, and messages."""

    def asked(kind: Kind, data: str, groups: str, **options: Any) -> tuple[int, Any, str]:
        key = (kind, data, groups, *options.items())
        if key not in SEEN:
            SEEN[key] = fresh(kind, data, groups, options)
        return SEEN[key]

    def fresh(kind: Kind, data: str, groups: str, options: dict[str, Any]) -> tuple[int, Any, str]:
        path = tmp_path / "counts.csv"
        group = LEVELS[groups]
        lines = [HEADINGS[kind] + (",group" if group else "")]
        for i, row in enumerate(COUNTS[kind][data]):
            lines.append(",".join(map(str, [f"S{i}", *row, *group[i : i + 1]])))
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        given = [
            word
            for name, value in options.items()
            for word in (f"--{name.replace('_', '-')}", str(value))
        ]
        ran = cli("pool", "--csv", path, "--json", *given)
        return ran.code, told(json.loads(ran.out)) if ran.code == 0 else None, ran.err

    return asked


def told(result: dict[str, Any]) -> dict[str, Any]:
    groups = {name: told(one) for name, one in result.get("groups", {}).items()}
    test = {k: v for k, v in result.get("group_test", {}).items() if k != "tau2"}
    rest = {k: v for k, v in result.items() if k not in REPEATED}
    return rest | {"groups": groups, "group_test": test}


@cache
def options_of_pool() -> set[str]:
    command = typer.main.get_command(app).commands["pool"]  # type: ignore[attr-defined]  # a group
    return {parameter.name for parameter in command.params}


def test_the_table_has_every_option() -> None:
    assert options_of_pool() - COMMON == set(VALUES) | ELSEWHERE


QUICK = ("IV", "MH", "PETO")  # the others take most of the time
CASES = [
    pytest.param(
        kind, model, option, marks=() if model in QUICK else pytest.mark.slow,
    )
    for kind in COUNTS
    for model in MODELS[kind]
    for option in VALUES
]  # fmt: skip
# Data of which nothing is left to choose: a note says so, whatever was asked for.
DEGENERATE = ("no events", "one")


@pytest.mark.parametrize(("kind", "model", "option"), CASES)
def test_an_option_changes_something_or_is_refused(
    ask: Ask, kind: Kind, model: str, option: str
) -> None:
    """An option that a model has changes its result on some data; no other is accepted."""
    groups = "groups" if option == "tau2" else "no groups"
    default = check(kind, {"model": model}, grouped=groups == "groups")[0]
    plain = {data: ask(kind, data, groups, model=model) for data in COUNTS[kind]}
    for value in VALUES[option]:
        if value == getattr(default, option):
            continue
        if check(kind, {"model": model, option: value}, grouped=groups == "groups")[0] is None:
            code, _, messages = ask(kind, "spread", groups, model=model, **{option: value})
            assert code == 2
            assert f"--{option.replace('_', '-')} {value}" in messages
            continue
        effects = []
        for data, (code, result, _) in plain.items():
            if code == 0:
                code, other, messages = ask(kind, data, groups, model=model, **{option: value})
                effects.append(code != 0 or other != result)
                if not effects[-1] and data in DEGENERATE:
                    assert "note: " in messages, (value, data)
        assert any(effects), value


@pytest.mark.parametrize("kind", COUNTS)
@pytest.mark.parametrize("option", ["add", "to"])
@pytest.mark.parametrize("measure", get_args(Measure))
def test_a_correction_always_says_what_it_did(
    ask: Ask, kind: Kind, option: str, measure: str
) -> None:
    for model in MODELS[kind]:
        if check(kind, {"model": model, "measure": measure})[0] is None:
            continue
        for data in COUNTS[kind]:
            code, plain, _ = ask(kind, data, "no groups", model=model, measure=measure)
            for value in VALUES[option] if code == 0 else ():
                given = {"model": model, "measure": measure, option: value}
                default = check(kind, {"model": model, "measure": measure})[0]
                if value == getattr(default, option) or check(kind, given)[0] is None:
                    continue
                code, result, messages = ask(kind, data, "no groups", **given)
                every = all(0 in row or row[0] == row[1] for row in COUNTS[kind][data])
                if option == "to" and every and value != "none":
                    continue  # each study has an empty cell, and the rules add alike
                silent = code == 0 and result == plain
                said = (f"note: --{option} has no effect", "alone: its", "exact Clopper-Pearson")
                assert not silent or any(text in messages for text in said), (value, data, model)


@pytest.mark.parametrize("kind", COUNTS)
def test_groups_of_one_level_are_said(ask: Ask, kind: Kind) -> None:
    for model in MODELS[kind]:
        _, plain, _ = ask(kind, "spread", "no groups", model=model)
        code, result, messages = ask(kind, "spread", "one group", model=model)
        assert (code, result) == (0, plain)
        assert "no groups to compare" in messages
