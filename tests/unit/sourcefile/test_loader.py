from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from carmeta.sourcefile import SourceFile, load_source, loader
from carmeta.sourcefile.loader import MAX_BYTES, MAX_DEPTH


def read(tmp_path: Path, text: str | bytes) -> tuple[SourceFile | None, list[str]]:
    path = tmp_path / "record.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    source, diagnostics = load_source(path)
    told = [f"{d.mark.line}:{d.mark.column} {d.code} {d.message}" for d in diagnostics]
    assert all(d.mark.file == path.as_posix() for d in diagnostics)
    assert (source is None) == bool(told)
    return source, told


PLAIN = [
    ("12", 12),
    ("-3", -3),
    ("0", 0),
    ("0.5", 0.5),
    ("3.0", 3.0),
    ("true", True),
    ("false", False),
    ("null", None),
    # YAML 1.1 makes something else of each of these
    ("NO", "NO"),
    ("no", "no"),
    ("yes", "yes"),
    ("off", "off"),
    ("on", "on"),
    ("y", "y"),
    ("12:30", "12:30"),
    ("190:20:30", "190:20:30"),
    ("2022-04-18", "2022-04-18"),
    ("2022-04-18 10:00:00", "2022-04-18 10:00:00"),
    ("=", "="),
    ("<1", "<1"),
    ("1-2", "1-2"),
    ("1/2", "1/2"),
    ("73%", "73%"),
    ("3.0.1", "3.0.1"),
    ("-", None),
    ("'3.0'", "3.0"),
    ('"010"', "010"),
    ("'true'", "true"),
    ("''", ""),
    ("é – 中", "é – 中"),
]


@pytest.mark.parametrize(("written", "value"), [case for case in PLAIN if case[0] != "-"])
def test_a_scalar_is_what_it_looks_like(tmp_path: Path, written: str, value: object) -> None:
    source, told = read(tmp_path, f"a: {written}\n")
    assert told == []
    assert source is not None
    assert source.data == {"a": value}
    assert type(source.data["a"]) is type(value)


@pytest.mark.parametrize(
    "written",
    ["010", "-07", "00", "+5", "0x1F", "0o17", "0b1", "1_000", "1e6", "1E-5", "1.5e3", ".5", "-.5",
     "5.", ".inf", "-.inf", ".nan", "True", "FALSE", "Null", "~", "9" * 30, "1." + "0" * 40],
)  # fmt: skip
def test_a_scalar_that_can_be_read_in_two_ways_is_refused(tmp_path: Path, written: str) -> None:
    _, told = read(tmp_path, f"a: 1\nb: {written}\n")
    assert len(told) == 1
    assert told[0].startswith("2:4 YML015 ")


def test_keys_are_text(tmp_path: Path) -> None:
    source, _ = read(tmp_path, 'grades: {5: 1, 3-4: 2, "1": 3, true: 4, 010: 5}\n')
    assert source is not None
    assert list(source.data["grades"]) == ["5", "3-4", "1", "true", "010"]


def test_a_byte_order_mark_of_utf_8_is_no_part_of_the_text(tmp_path: Path) -> None:
    source, told = read(tmp_path, b"\xef\xbb\xbfa: 1\n")
    assert (source and source.data, told) == ({"a": 1}, [])
    assert str(source and source.mark(("a",))).endswith("record.yaml:1:4")


DEEP = f"1:{3 + MAX_DEPTH} YML014 nested deeper than {MAX_DEPTH} levels"
WRONG = [
    ("a: 1\na: 2\n", "2:1 YML010 the key 'a' a second time"),
    ("5: 1\n'5': 2\n", "2:1 YML010 the key '5' a second time"),
    ("a: {b: 1, c: 2, b: 3}\n", "1:17 YML010 the key 'b' a second time"),
    ("a: &x 1\n", "1:4 YML011 the anchor &x"),
    ("a: [1]\nb: *x\n", "2:4 YML011 the alias *x"),
    ("a: !!int '1'\n", "1:4 YML012 the tag tag:yaml.org,2002:int"),
    ("a: !python/object:os.system {}\n", "1:4 YML012 the tag !python/object:os.system"),
    ("a:\n\t- 1\n", "2:1 YML007 a tab character"),
    ("a: x\ty\n", "1:5 YML007 a tab character"),
    ("a: 1\n---\nb: 2\n", "2:1 YML013 a second document in the same file"),
    ("%YAML 1.1\n---\na: 1\n", "1:1 YML019 a YAML directive"),
    ("", "0:0 YML006 the file is empty"),
    ("# nothing\n", "0:0 YML006 the file is empty"),
    ("- a\n", "1:1 YML018 the file must hold 'key: value' lines at its top level"),
    ("text\n", "1:1 YML018 the file must hold 'key: value' lines at its top level"),
    ("a:\nb: 1\n", "1:3 YML017 'a' has no value"),
    ("a:\n  -\n  - 1\n", "2:4 YML017 a list item has no value"),
    ("<<: {a: 1}\n", "1:1 YML016 a merge key"),
    ("? [a, b]\n: 1\n", "1:3 YML016 a key that is not a plain word"),
    ("? {a: {b: 1}}\n: 1\n", "1:3 YML016 a key that is not a plain word"),
    ("'': 1\n", "1:1 YML016 an empty key"),
    ("a: b: c\n", "1:5 YML009 a ':' that is not expected here"),
    ("a: 'x\nb: 1\n", "1:4 YML009 a quotation mark that is never closed"),
    ("a: [1, 2\n", "2:1 YML009 a '[' that is not closed before this"),
    ("a: {b: 1\nc: 2}\n", "2:2 YML009 a '{' that is not closed before this"),
    ("a: 1\n b: 2\n", "2:3 YML009 a ':' that is not expected here"),
    ("a: @x\n", "1:4 YML009 the character '@' cannot begin a value"),
    ("a: 73%\nb: %x\n", "2:4 YML009 the character '%' cannot begin a value"),
    ("a: x\x07y\n", "1:5 YML008 the control character U+0007"),
    ('a: "x\\0y"\n', "1:4 YML008 text with the control character U+0000"),
    (b"a: 1\nb: \xe9t\xe9\n", "2:4 YML003 not UTF-8: byte 0xe9"),
    (b"\xef\xbb\xbfa: \xe9\n", "1:4 YML003 not UTF-8: byte 0xe9"),
    ("a: 1\n".encode("utf-16"), "1:1 YML004 UTF-16"),
    ("a: " + "[" * 100 + "]" * 100, DEEP),
    ("a: " + "[" * 100_000, DEEP),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), WRONG)
def test_what_is_refused_and_where(tmp_path: Path, text: str | bytes, expected: str) -> None:
    _, told = read(tmp_path, text)
    assert told == [expected]


@pytest.mark.parametrize(("text", "expected"), WRONG)
def test_the_slow_parser_of_pyyaml_agrees_on_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | bytes, expected: str
) -> None:
    monkeypatch.setattr(loader, "_LOADER", yaml.SafeLoader)
    _, told = read(tmp_path, text)
    assert len(told) == 1
    # Where text simply ends, the two parsers disagree on the line by one.
    if "YML009" not in expected:
        assert told[0].split(" ")[:2] == expected.split(" ")[:2]
    else:
        assert " YML009 " in told[0]


def test_everything_that_can_be_told_is_told_at_once(tmp_path: Path) -> None:
    _, told = read(tmp_path, "a: 010\nb:\nc: &x 1\na: 2\n")
    assert [line.split(" ")[1] for line in told] == ["YML015", "YML017", "YML011", "YML010"]


def test_marks_lead_back_to_every_value(tmp_path: Path) -> None:
    source, _ = read(tmp_path, "a:\n  - b: 1\n    c: 'x'\n  - {b: 3.0}\n")
    assert source is not None
    mark = source.mark(("a", 1, "b"))
    assert (mark.line, mark.column) == (4, 9)
    assert (source.key_mark(("a", 1, "b")).column) == 6
    assert source.raw(("a", 1, "b")) == "3.0"
    assert source.line(4) == "  - {b: 3.0}"
    absent = source.mark(("a", 0, "nothing", "deeper"))
    assert (absent.line, absent.column) == (2, 5)


def test_line_numbers_hold_with_windows_line_ends(tmp_path: Path) -> None:
    source, _ = read(tmp_path, "a: 1\r\nb: 2\r\n")
    assert source is not None
    assert source.mark(("b",)).line == 2
    assert source.line(2) == "b: 2"


def test_a_folder_a_missing_file_and_a_huge_file(tmp_path: Path) -> None:
    assert load_source(tmp_path)[1][0].code == "YML002"
    assert load_source(tmp_path / "none.yaml")[1][0].code == "YML001"
    assert load_source(tmp_path / "no\0name.yaml")[1][0].code == "YML001"
    huge = tmp_path / "huge.yaml"
    huge.write_bytes(b"a: 1\n" + b"#" * MAX_BYTES)
    assert load_source(huge)[1][0].code == "YML005"


def test_partial_gives_the_data_beside_the_diagnostics(tmp_path: Path) -> None:
    path = tmp_path / "record.yaml"
    path.write_text("a: 010\nb: 2\n")
    source, diagnostics = load_source(path, partial=True)
    assert source is not None
    assert source.data == {"a": "010", "b": 2}
    assert [item.code for item in diagnostics] == ["YML015"]
