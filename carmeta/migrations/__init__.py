"""Files of an older schema version brought to this one.

What changed from a version to the next is data: `N.yaml` beside this file holds the operations
that make version N of the version before, by kind of file; its head explains them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

import yaml

from carmeta.domain.record.base import SCHEMA
from carmeta.migrations.edit import Edit, Entry, Text, entries, entry_of

Kind = Literal["study", "products", "reports", "config", "review"]
KEY: Final = "schema"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What could not be carried over, and where: line and column from 1 in the text given."""

    code: str
    line: int
    column: int
    message: str
    hint: str = ""


class NotMigrated(Exception):
    """A text that stays as it is, with all that is in the way."""

    def __init__(self, obstacles: list[Obstacle]) -> None:
        super().__init__("; ".join(one.message for one in obstacles))
        self.obstacles = obstacles


def migrate(text: str, kind: Kind) -> str:
    """A text of an older schema version in that of this carmeta; one of that version as it is.

    Nothing but what a rule names is changed: comments, order, quotes and layout stay.

    Raises:
        NotMigrated: It is of a newer version, or something in it could not be carried over.
        yaml.YAMLError: It is no YAML.
    """
    before = after = Text(text)
    version = _version(before)
    obstacles: list[Obstacle] = []
    for number in range(version + 1, SCHEMA + 1):
        for rule in _rules(number).get(kind, ()):
            after, found = _applied(after, rule)
            obstacles += found
    if version < SCHEMA:
        after = _stated(after)
    obstacles = obstacles or list(_lost_comments(before, after))
    if obstacles:
        raise NotMigrated(obstacles)
    return after.text


@cache
def _rules(version: int) -> Mapping[str, Any]:
    path = files("carmeta.migrations") / f"{version}.yaml"
    rules: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return rules


def _version(text: Text) -> int:
    """The version that a text states; 1 where it states none."""
    if not isinstance(text.root, yaml.MappingNode):
        raise NotMigrated([Obstacle("MIG003", 1, 1, "the file must hold 'key: value' lines")])
    entry = entry_of(text.root, KEY)
    if entry is None:
        return 1
    written = str(entry.value.value)
    line, column = text.origin(entry.value.start_mark.index)
    if not written.isdecimal() or int(written) < 1:
        told = f"'{written}' is not a schema version"
        raise NotMigrated([Obstacle("MIG003", line, column, told, f"known: 1 to {SCHEMA}")])
    if int(written) > SCHEMA:
        told = f"schema {written} is newer than this carmeta, which knows versions to {SCHEMA}"
        raise NotMigrated([Obstacle("MIG002", line, column, told, "upgrade carmeta")])
    return int(written)


def _stated(text: Text) -> Text:
    entry = entry_of(text.root, KEY)
    if entry is not None:
        return text.edited([text.replaced(entry.value, str(SCHEMA))])
    return text.edited([text.inserted(text.root, None, f"{KEY}: {SCHEMA}")])


def _lost_comments(before: Text, after: Text) -> Iterator[Obstacle]:
    """Comments for which an edit left no place: they stood between entries within braces."""
    kept = Counter(comment for comment, _ in after.comments())
    for comment, place in before.comments():
        kept[comment] -= 1
        if kept[comment] < 0:
            told = f"the comment '{comment}' would be lost"
            line, column = before.origin(place)
            yield Obstacle("MIG001", line, column, told, "move it above the braces")


def _applied(text: Text, rule: Mapping[str, Any]) -> tuple[Text, list[Obstacle]]:
    """The text after one rule, at every place that it names, and what was in the way."""
    operation = next(name for name in _OPERATIONS if name in rule)
    edits: list[Edit] = []
    obstacles: list[Obstacle] = []
    for mapping in text.mappings(rule.get("at", "")):
        for change in _OPERATIONS[operation](text, mapping, rule):
            if isinstance(change, Obstacle):
                obstacles.append(change)
            else:
                edits.append(change)
    return text.edited(edits), obstacles


def _in_the_way(text: Text, node: Any, message: str, hint: str) -> Obstacle:
    line, column = text.origin(node.start_mark.index)
    return Obstacle("MIG001", line, column, message, hint)


def _move(text: Text, mapping: Any, rule: Mapping[str, Any]) -> Iterator[Edit | Obstacle]:
    heads: dict[str, list[tuple[Entry, list[str]]]] = {}
    for entry in entries(mapping):
        if entry.name in rule["move"]:
            place = rule["move"][entry.name].split(".")
            heads.setdefault(place[0], []).append((entry, place))
    for head, moves in heads.items():
        taken = entry_of(mapping, head)
        if taken is not None:
            line, _ = text.origin(taken.start)
            for entry, place in moves:
                why = f"'{entry.name}' becomes '{'.'.join(place)}', and '{head}' is there already"
                hint = f"make one of it and of line {line}, by hand"
                yield _in_the_way(text, entry.key, why, hint)
        elif len(moves[0][1]) == 1:
            yield text.renamed(moves[0][0], head)
        else:
            yield from text.nested(mapping, moves, wrap=rule.get("list", False))


def _put(text: Text, mapping: Any, rule: Mapping[str, Any]) -> Iterator[Edit | Obstacle]:
    before = entry_of(mapping, rule["before"]) if "before" in rule else None
    for name, value in rule["put"].items():
        if entry_of(mapping, name) is None:
            yield text.inserted(mapping, before, f"{name}: {value}")


def _drop(text: Text, mapping: Any, rule: Mapping[str, Any]) -> Iterator[Edit | Obstacle]:
    for name, value in rule["drop"].items():
        entry = entry_of(mapping, name)
        if entry is not None and entry.value.value == value:
            yield text.removed(mapping, entry)


def _values(text: Text, mapping: Any, rule: Mapping[str, Any]) -> Iterator[Edit | Obstacle]:
    for name, words in rule["values"].items():
        entry = entry_of(mapping, name)
        if entry is None:
            continue
        old = entry.value.value
        if isinstance(old, str) and old in words:
            yield text.replaced(entry.value, words[old])
        elif old not in words.values():
            told = f"this '{name}' is none that can be carried over"
            yield _in_the_way(text, entry.value, told, f"known before: {', '.join(words)}")


def _prune(text: Text, mapping: Any, rule: Mapping[str, Any]) -> Iterator[Edit | Obstacle]:
    for name in rule["prune"]:
        entry = entry_of(mapping, name)
        if entry is not None and entry.value.value == []:
            yield text.removed(mapping, entry)


_Operation = Callable[[Text, Any, Mapping[str, Any]], Iterator[Edit | Obstacle]]
_OPERATIONS: Final[dict[str, _Operation]] = {
    "move": _move,
    "put": _put,
    "drop": _drop,
    "values": _values,
    "prune": _prune,
}
