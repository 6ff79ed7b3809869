"""From a YAML file to plain data with marks, or to diagnostics.

Built on the parser's events rather than on a composed tree: events still show anchors,
aliases and tags, and need no recursion, so that depth can be bounded.
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Any, Final

import yaml

from carmeta.domain.evidence import DataPath, Mark, Step
from carmeta.sourcefile.model import Diagnostic, Marks, SourceFile
from carmeta.sourcefile.reading import NotAFile, read_file
from carmeta.sourcefile.scalars import Refused, resolve
from carmeta.sourcefile.syntax import explain

# The C parser is about ten times faster; a PyYAML built without libyaml has only the other.
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_BYTES: Final = 4_000_000  # a large record is below 200 kB
MAX_DEPTH: Final = 40  # a record needs eight levels
_MAX_TABS_TOLD: Final = 10

# libyaml's idea of a line end, so that its line numbers and ours agree.
_LINE_END: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
# What XML 1.0, and so Word and Excel, cannot hold; escapes ("\0") bring it into quoted text.
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")


def load_source(path: Path, *, partial: bool = False) -> tuple[SourceFile | None, list[Diagnostic]]:
    """Read a YAML file strictly.

    Returns the file and no diagnostics, or None and everything that is wrong with it. With
    ``partial`` a file whose structure could be read is returned beside its diagnostics (the
    refused values as text), so that its schema can be checked in the same run. Never raises
    for what the file holds or for a file that cannot be read.
    """
    text, problems = _read(path)
    if text is None:
        return None, problems
    builder = _Builder(path, text)
    builder.build()
    if builder.failed or (builder.problems and not partial):
        return None, builder.problems
    source = SourceFile(path, text, builder.data, builder.marks, builder.lines)
    return source, builder.problems


def _read(path: Path) -> tuple[str | None, list[Diagnostic]]:
    def fail(code: str, message: str, hint: str = "", mark: Mark | None = None) -> list[Diagnostic]:
        return [Diagnostic(code, "error", mark or Mark(path.as_posix()), message, hint)]

    try:
        raw = read_file(path, MAX_BYTES + 1)
    except NotAFile as error:
        return None, fail("YML002", f"{error}: a YAML file is expected")
    except FileNotFoundError:
        return None, fail("YML001", "there is no such file")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return None, fail("YML001", f"cannot be read: {reason}")
    if len(raw) > MAX_BYTES:
        return None, fail("YML005", f"larger than {MAX_BYTES // 1_000_000} MB: not a record")
    raw = raw.removeprefix(codecs.BOM_UTF8)  # as Windows editors write it
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        here = Mark(path.as_posix(), 1, 1)
        return None, fail("YML004", "UTF-16", "save the file with the encoding UTF-8", here)
    try:
        return raw.decode("utf-8"), []
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8")
        lines = _LINE_END.split(before)
        mark = Mark(path.as_posix(), len(lines), len(lines[-1]) + 1)
        message = f"not UTF-8: byte 0x{raw[error.start]:02x}"
        return None, fail("YML003", message, "save the file with the encoding UTF-8", mark)


class _Builder:
    """One pass over the events of one file."""

    def __init__(self, path: Path, text: str) -> None:
        self.file = path.as_posix()
        self.text = text
        self.lines = tuple(_LINE_END.split(text))
        self.marks: dict[DataPath, Marks] = {}
        self.problems: list[Diagnostic] = []
        self.failed = False  # no usable structure
        self.data: Any = None

    def build(self) -> None:
        self._check_characters()
        if self.failed:
            return
        try:
            self._consume()
        except yaml.YAMLError as error:
            told = explain(error, self.lines)
            self._fatal("YML009", told.line, told.column, told.message, told.hint)
        if self.failed:
            return
        if () not in self.marks:
            self._fatal(
                "YML006", 0, 0, "the file is empty", "see `carmeta schema` for what belongs here"
            )
        elif not isinstance(self.data, dict):
            self._fatal(
                "YML018",
                self.marks[()].value.line,
                self.marks[()].value.column,
                "the file must hold 'key: value' lines at its top level",
            )

    def _problem(self, code: str, line: int, column: int, message: str, hint: str = "") -> None:
        mark = Mark(self.file, line, column)
        source = self.lines[line - 1] if 1 <= line <= len(self.lines) else ""
        self.problems.append(Diagnostic(code, "error", mark, message, hint, source))

    def _fatal(self, code: str, line: int, column: int, message: str, hint: str = "") -> None:
        self._problem(code, line, column, message, hint)
        self.failed = True

    def _check_characters(self) -> None:
        tabs = 0
        for number, line in enumerate(self.lines, start=1):
            if "\t" in line and tabs < _MAX_TABS_TOLD:
                tabs += 1
                self._fatal(
                    "YML007",
                    number,
                    line.index("\t") + 1,
                    "a tab character",
                    "YAML is indented with spaces; replace the tab",
                )
        found = _CONTROL.search(self.text)
        if found:
            before = _LINE_END.split(self.text[: found.start()])
            self._fatal(
                "YML008",
                len(before),
                len(before[-1]) + 1,
                f"the control character U+{ord(found.group()):04X}",
                "delete it",
            )

    def _consume(self) -> None:
        stack = _Stack(self)
        documents = 0
        for event in yaml.parse(self.text, Loader=_LOADER):
            start: Any = event.start_mark
            line, column = start.line + 1, start.column + 1
            if isinstance(event, yaml.ScalarEvent):
                self._check_node(event, line, column)
                stack.scalar(event, line, column)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._check_node(event, line, column)
                if stack.depth >= MAX_DEPTH:
                    self._fatal("YML014", line, column, f"nested deeper than {MAX_DEPTH} levels")
                    return
                stack.open(isinstance(event, yaml.MappingStartEvent), line, column)
            elif isinstance(event, yaml.CollectionEndEvent):
                stack.close()
            elif isinstance(event, yaml.AliasEvent):
                self._problem(
                    "YML011", line, column, f"the alias *{event.anchor}", "write the value out"
                )
                stack.plain(None, "", line, column)
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._fatal(
                        "YML013",
                        line,
                        column,
                        "a second document in the same file",
                        "one file, one record: move it to a file of its own",
                    )
                    return
                if event.version or event.tags:
                    where = next(i for i, text in enumerate(self.lines, 1) if text[:1] == "%")
                    self._fatal("YML019", where, 1, "a YAML directive", "delete the line")
                    return

    def _check_node(self, event: Any, line: int, column: int) -> None:
        if event.anchor is not None:
            self._problem(
                "YML011",
                line,
                column,
                f"the anchor &{event.anchor}",
                "anchors and aliases are not used here; write the value out",
            )
        if event.tag is not None:
            self._problem(
                "YML012", line, column, f"the tag {event.tag}", "delete the tag; quote text instead"
            )


class _Stack:
    """The open mappings and lists, and where the next node goes."""

    def __init__(self, builder: _Builder) -> None:
        self.builder = builder
        self.containers: list[Any] = []
        self.paths: list[DataPath] = []
        # For the innermost mapping: its pending key and place; None while a key is expected.
        self.keys: list[tuple[Step, Mark] | None] = []
        self.skipping = 0  # inside a mapping or list that was used as a key

    @property
    def depth(self) -> int:
        return len(self.containers) + self.skipping

    def scalar(self, event: yaml.ScalarEvent, line: int, column: int) -> None:
        if self.skipping:
            return
        text: str = event.value
        is_plain = not event.style
        if not is_plain and (found := _CONTROL.search(text)):
            self.builder._problem(
                "YML008",
                line,
                column,
                f"text with the control character U+{ord(found.group()):04X}",
            )
        if self._wants_key():
            self._key(text, line, column, is_plain=is_plain)
        elif is_plain and event.tag is None:
            self._resolved(text, line, column)
        else:
            self.plain(text, text, line, column)

    def _resolved(self, text: str, line: int, column: int) -> None:
        builder = self.builder
        if text == "":
            subject = self._subject()
            builder._problem(
                "YML017",
                line,
                column,
                f"{subject} has no value",
                "leave the line out, or write the value (0 is a value)",
            )
            self.plain(None, text, line, column)
            return
        value = resolve(text)
        if isinstance(value, Refused):
            builder._problem("YML015", line, column, value.reason, value.hint)
            value = text
        self.plain(value, text, line, column)

    def _subject(self) -> str:
        pending = self.keys[-1] if self.keys else None
        return f"'{pending[0]}'" if pending and isinstance(pending[0], str) else "a list item"

    def _wants_key(self) -> bool:
        return (
            bool(self.containers)
            and isinstance(self.containers[-1], dict)
            and (self.keys[-1] is None)
        )

    def _key(self, text: str, line: int, column: int, *, is_plain: bool) -> None:
        container, path = self.containers[-1], self.paths[-1]
        mark = Mark(self.builder.file, line, column)
        if is_plain and text == "<<":
            self.builder._problem("YML016", line, column, "a merge key", "write the values out")
        elif text == "":
            self.builder._problem("YML016", line, column, "an empty key")
        if text in container:
            first = self.builder.marks[(*path, text)].key
            self.builder._problem(
                "YML010",
                line,
                column,
                f"the key '{text}' a second time",
                f"it stands in line {first.line} already; only one of the two can hold",
            )
        self.keys[-1] = (text, mark)

    def plain(self, value: Any, raw: str | None, line: int, column: int) -> DataPath:
        """Put a finished value, or a container just opened, where it belongs."""
        mark = Mark(self.builder.file, line, column)
        if not self.containers:
            self.builder.data = value
            self.builder.marks[()] = Marks(mark, mark, raw)
            return ()
        container = self.containers[-1]
        if isinstance(container, list):
            step: Step = len(container)
            key_mark = mark
            container.append(value)
        else:
            pending = self.keys[-1]
            if pending is None:  # an alias or a container as a key
                self.builder._problem("YML016", line, column, "a key that is not a plain word")
                self.keys[-1] = ("", mark)
                return (*self.paths[-1], "")
            step, key_mark = pending
            self.keys[-1] = None
            if step in container:  # a duplicate, told already: the first one stays
                return (*self.paths[-1], step, "")
            container[step] = value
        path = (*self.paths[-1], step)
        self.builder.marks[path] = Marks(key_mark, mark, raw)
        return path

    def open(self, is_mapping: bool, line: int, column: int) -> None:
        if self.skipping or self._wants_key():
            if not self.skipping:
                self.plain(None, None, line, column)
            self.skipping += 1
            return
        container: Any = {} if is_mapping else []
        path = self.plain(container, None, line, column)
        self.containers.append(container)
        self.paths.append(path)
        self.keys.append(None)

    def close(self) -> None:
        if self.skipping:
            self.skipping -= 1
            return
        self.containers.pop()
        self.paths.pop()
        self.keys.pop()
