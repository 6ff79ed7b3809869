"""Edits of a YAML text in place.

Nodes know where they stand in the text, so that an edit touches the characters of its key and
value alone: comments, order, quotes and layout of everything else stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BREAK: Final = "\n\r\x85\u2028\u2029"  # what ends a line in YAML
_LINE_END: Final = re.compile(f"\r\n|[{_BREAK}]")
_LINE_START: Final = re.compile(f"(?<=[{_BREAK}])(?=[^{_BREAK}])")  # of a line that is not blank
_REMARK: Final = re.compile(f"[ ]+#[^{_BREAK}]*")
_STEP: Final = re.compile(r"(?P<name>[^\[]+)(?:\[(?P<key>[^=]+)=(?P<value>.*)\])?")

Edit = tuple[int, int, str]  # from, to, what stands there afterwards


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a mapping with its value."""

    key: Any
    value: Any

    @property
    def name(self) -> str:
        """The key's text."""
        return str(self.key.value)

    @property
    def start(self) -> int:
        """Where the key begins."""
        return int(self.key.start_mark.index)


Moves = Sequence[tuple[Entry, Sequence[str]]]  # each with its new place, of two steps or more


class Text:
    """A YAML text and its nodes; the text that it was made of, and by which edits.

    Raises:
        yaml.YAMLError: The text is no YAML.
    """

    def __init__(self, text: str, before: Text | None = None, edits: Sequence[Edit] = ()) -> None:
        self.text = text
        self.root = yaml.compose(text, Loader=_LOADER)
        found = _LINE_END.search(text)
        self.newline = found.group() if found else "\n"
        self._before = before
        self._edits = edits

    def mappings(self, pattern: str) -> list[Any]:
        """The mappings at the places of a pattern such as ``cohorts.*.patients``."""
        found = [self.root]
        for step in pattern.split(".") if pattern else ():
            found = [child for node in found for child in _children(node, step)]
        return [node for node in found if isinstance(node, yaml.MappingNode)]

    def edited(self, edits: Sequence[Edit]) -> Text:
        """The text after edits, none of which may overlap."""
        if not edits:
            return self
        text, ordered = self.text, sorted(edits)
        for start, end, new in reversed(ordered):
            text = text[:start] + new + text[end:]
        return Text(text, self, ordered)

    def origin(self, place: int) -> tuple[int, int]:
        """Line and column, from 1, in the text before all edits; of the edit for what is new."""
        if self._before is None:
            lines = _LINE_END.split(self.text[:place])
            return len(lines), len(lines[-1]) + 1
        grown = 0
        for start, end, new in self._edits:
            if place < start + grown:
                break
            if place < start + grown + len(new):
                return self._before.origin(start)
            grown += len(new) - (end - start)
        return self._before.origin(place - grown)

    def comments(self) -> list[tuple[str, int]]:
        """All comments, each with its place: what stands between the tokens of YAML."""
        found, end = [], 0
        comment = re.compile(f"#[^{_BREAK}]*")
        for token in yaml.scan(self.text, Loader=_LOADER):
            between = comment.finditer(self.text, end, max(end, token.start_mark.index))
            found += [(one.group().rstrip(), one.start()) for one in between]
            end = max(end, token.end_mark.index)
        return found

    def end(self, node: Any) -> int:
        """Where a node's own characters end: before comments and blank lines that follow."""
        if isinstance(node, yaml.ScalarNode):
            end = int(node.end_mark.index)
            return len(self.text[:end].rstrip()) if node.style in ("|", ">") else end
        if node.flow_style or not node.value:
            return int(node.end_mark.index)
        last = node.value[-1]
        return self.end(last[1] if isinstance(node, yaml.MappingNode) else last)

    def renamed(self, entry: Entry, name: str) -> Edit:
        """A key under another name."""
        return entry.start, entry.key.end_mark.index, name

    def replaced(self, node: Any, value: str) -> Edit:
        """Another text in the place of a scalar, within its quotes."""
        quote = node.style if node.style in ("'", '"') else ""
        return node.start_mark.index, self.end(node), f"{quote}{value}{quote}"

    def inserted(self, mapping: Any, before: Entry | None, line: str) -> Edit:
        """``key: value`` before an entry, or first in a mapping."""
        if mapping.flow_style:
            start = before.start if before else mapping.start_mark.index + 1
            return start, start, f"{line}, " if mapping.value else line
        first = before.key if before else mapping
        start, indent = first.start_mark.index, " " * first.start_mark.column
        return start, start, f"{line}{self.newline}{indent}"

    def removed(self, mapping: Any, entry: Entry) -> Edit:
        """A mapping without an entry; its comments stay, on lines of their own."""
        listed = entries(mapping)
        place = next(i for i, other in enumerate(listed) if other.start == entry.start)
        end = self.end(entry.value)
        if len(listed) == 1:
            return mapping.start_mark.index, self.end(mapping), "{}"
        if mapping.flow_style and place:
            return self.end(listed[place - 1].value), end, ""
        whole = end + len(self._remark(end))
        comments = self._comments_within(entry.start, whole)
        if comments and not mapping.flow_style:
            indent = " " * entry.key.start_mark.column
            return entry.start, whole, f"{self.newline}{indent}".join(comments)
        if place == 0:  # between braces, or behind a dash
            gap = self.text[end : listed[1].start]
            return entry.start, end if "#" in gap else listed[1].start, ""
        return self._lines_of(entry, end)

    def nested(self, mapping: Any, moves: Moves, *, wrap: bool) -> Iterator[Edit]:
        """Entries at new places below one new key, which stands where the first of them did.

        Between braces if everything fits on one line and has no comment. With ``wrap`` a
        scalar becomes a list of one.
        """
        first = moves[0][0]
        end = self.end(first.value)
        if mapping.flow_style or all(self._on_one_line(entry) for entry, _ in moves):
            yield first.start, end, self._in_flow(_tree(moves), wrap)
        else:
            block = self._in_block(_tree(moves), first.key.start_mark.column, wrap)
            yield first.start, end + len(self._remark(end)), block
        for entry, _ in moves[1:]:
            end = self.end(entry.value)
            if mapping.flow_style:
                yield self.removed(mapping, entry)
            else:
                yield self._lines_of(entry, end + len(self._remark(end)))

    def _comments_within(self, start: int, end: int) -> list[str]:
        if "#" not in self.text[start:end]:
            return []
        return [comment for comment, place in self.comments() if start <= place < end]

    def _remark(self, end: int) -> str:
        """The comment behind a value on its line, with the space before it; else empty."""
        found = _REMARK.match(self.text, end)
        return found.group() if found else ""

    def _lines_of(self, entry: Entry, end: int) -> Edit:
        """The lines of an entry, none of which holds anything else, are gone."""
        after = _LINE_END.search(self.text, end)
        start = entry.start - entry.key.start_mark.column
        return start, after.end() if after else len(self.text), ""

    def _on_one_line(self, entry: Entry) -> bool:
        end = self.end(entry.value)
        return not _LINE_END.search(self.text, entry.start, end) and not self._remark(end)

    def _in_flow(self, tree: dict[str, Any], wrap: bool) -> str:
        return ", ".join(
            f"{name}: {{{self._in_flow(below, wrap)}}}"
            if isinstance(below, dict)
            else f"{name}: {self._value(below.value, wrap)}"
            for name, below in tree.items()
        )

    def _value(self, node: Any, wrap: bool) -> str:
        """A value as it is written; quoted where between braces it would mean another thing."""
        written = self.text[node.start_mark.index : self.end(node)]
        if not isinstance(node, yaml.ScalarNode):
            return written
        if not node.style and re.search(r"[,\[\]{}]|:$", written):
            escaped = written.replace("\\", "\\\\").replace('"', '\\"')
            written = f'"{escaped}"'
        return f"[{written}]" if wrap else written

    def _in_block(self, tree: dict[str, Any], indent: int, wrap: bool) -> str:
        lines = []
        for name, below in tree.items():
            if isinstance(below, dict):
                inner = self._in_block(below, indent + 2, wrap)
                lines.append(f"{name}:{self.newline}{' ' * (indent + 2)}{inner}")
                continue
            end = self.end(below.value)
            if wrap and self._is_short(below.value):
                lines.append(f"{name}: {self._value(below.value, wrap)}{self._remark(end)}")
                continue
            written = self.text[below.key.end_mark.index : end + len(self._remark(end))]
            deeper = " " * (indent - below.key.start_mark.column)
            lines.append(name + _LINE_START.sub(deeper, written))
        return f"{self.newline}{' ' * indent}".join(lines)

    def _is_short(self, node: Any) -> bool:
        broken = _LINE_END.search(self.text, node.start_mark.index, self.end(node))
        return isinstance(node, yaml.ScalarNode) and not broken


def entries(mapping: Any) -> list[Entry]:
    """The entries of a mapping in the order of the text."""
    return [Entry(key, value) for key, value in mapping.value]


def entry_of(mapping: Any, name: str) -> Entry | None:
    """The entry of a key, or None."""
    return next((entry for entry in entries(mapping) if entry.name == name), None)


def _children(node: Any, step: str) -> list[Any]:
    found = _STEP.fullmatch(step)
    assert found is not None, step
    name, key, value = found.group("name", "key", "value")
    if isinstance(node, yaml.MappingNode):
        listed = [entry.value for entry in entries(node) if name in ("*", entry.name)]
    else:
        listed = list(node.value) if name == "*" and isinstance(node, yaml.SequenceNode) else []
    return [child for child in listed if key is None or _says(child, key, value)]


def _says(node: Any, key: str, value: str) -> bool:
    entry = entry_of(node, key) if isinstance(node, yaml.MappingNode) else None
    return entry is not None and entry.value.value == value


def _tree(moves: Moves) -> dict[str, Any]:
    """New places as nested keys, each with the entry that goes there."""
    tree: dict[str, Any] = {}
    for entry, place in moves:
        below = tree
        for step in place[:-1]:
            below = below.setdefault(step, {})
        below[place[-1]] = entry
    return tree
