"""Whatever stands in a file: a record, or diagnostics with their places; never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from carmeta.domain.record import StudyRecord
from carmeta.sourcefile import Diagnostic, load_source, validate
from carmeta.sourcefile.scalars import Refused, resolve

GOLDEN = Path(__file__).parents[1] / "golden" / "review" / "studies"
RECORD = (GOLDEN / "alpha-1.yaml").read_text()
# What makes YAML surprising.
PIECES = [
    "- ", ": ", "\n", "  ", "&a ", "*a ", "? ", "{", "}", "[", "]", "'", '"', "|\n", ">-\n", "#",
    "---\n", "...\n", "!!int ", "\t", ",", "%", "\u2028", "\x85", "<<: ", "@", "`", "\\", "\r",
    "null", "~", "010", "1e6", ".inf", "yes", "\ufeff", "\x00", "🜁",
]  # fmt: skip


def checked(path: Path) -> list[Diagnostic]:
    source, found = load_source(path, partial=True)
    if source is not None:
        model, wrong = validate(StudyRecord, source)
        assert (model is None) == bool(wrong)
        found = found + wrong
    lines = path.read_bytes().count(b"\n") + path.read_bytes().count(b"\r") + 3
    for item in found:
        assert item.severity == "error"
        assert item.message
        assert "Input should" not in item.message
        assert 0 <= item.mark.line <= lines + RECORD.count("\n") * 100
    return found


@given(data=st.binary(max_size=400))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    path.write_bytes(data)
    checked(path)


@given(
    edits=st.lists(
        st.tuples(
            st.integers(0, len(RECORD)), st.integers(0, 12), st.sampled_from(PIECES) | st.text()
        ),
        min_size=1,
        max_size=8,
    )
)
def test_a_record_with_anything_done_to_it(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[int, int, str]]
) -> None:
    text = RECORD
    for position, cut, piece in edits:
        text = text[:position] + piece + text[position + cut :]
    path = tmp_path_factory.getbasetemp() / "edited.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    checked(path)


plain_data = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(min_size=1, max_size=10), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(data=st.dictionaries(st.text(min_size=1, max_size=10), plain_data, max_size=4))
def test_what_is_read_is_what_any_yaml_parser_reads(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, object]
) -> None:
    path = tmp_path_factory.getbasetemp() / "plain.yaml"
    # Double quotes around all text leave nothing to interpret.
    text = yaml.safe_dump(data, default_style='"', allow_unicode=True, sort_keys=False)
    path.write_text(text, encoding="utf-8", newline="\n")
    source, found = load_source(path)
    if source is None:
        assert found  # tags of numbers, control characters: refused
        return
    assert source.data == yaml.safe_load(text)


@given(text=st.text(alphabet="0123456789.eExXoO+-_:/%~ aTrue", max_size=12))
def test_a_number_is_read_only_where_its_text_can_be_given_back(text: str) -> None:
    value = resolve(text)
    if isinstance(value, bool | Refused | str) or value is None:
        return
    assert float(text) == value
    if isinstance(value, int):
        assert str(value) == text or text == "-0"
