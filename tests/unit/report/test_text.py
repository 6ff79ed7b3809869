from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carmeta.report import csvfiles, text


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_formulas_become_text(start: str) -> None:
    assert text.csv_cell(start + "SUM(A1)") == "'" + start + "SUM(A1)"


@pytest.mark.parametrize("number", ["-1", "+2.5", "-1e-5", "3", ".5", "-.5"])
def test_numbers_stay_numbers(number: str) -> None:
    assert text.csv_cell(number) == number


@pytest.mark.parametrize("almost", ["-1+1", "-", "+", "=1", "-1;2", "-1\n=2"])
def test_what_only_begins_like_a_number_is_text(almost: str) -> None:
    assert text.csv_cell(almost) == "'" + almost


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",))), min_size=1, max_size=4))
def test_csv_reads_back(cells: list[str]) -> None:
    raw = csvfiles.write([f"c{i}" for i in range(len(cells))], [cells])
    (_, read) = list(csv.reader(io.StringIO(raw.decode(), newline="")))
    for before, after in zip(cells, read, strict=True):
        before = before.replace("\x00", "\ufffd").replace("\r\n", "\n").replace("\r", "\n")
        assert after in (before, "'" + before)
        assert not (after[:1] in "=@\t\r" and after[:1])


def test_markdown_is_literal() -> None:
    assert text.markdown("a|b*c_d`e`[f](g)<h>#") == r"a\|b\*c\_d\`e\`\[f\](g)\<h\>\#"
    assert text.markdown("- item") == r"\- item"
    assert text.markdown("1. item") == r"1\. item"
    assert text.markdown("72.7 (55.4 to 86.2)") == "72.7 (55.4 to 86.2)"
    assert text.markdown("two\nlines") == "two lines"


def test_latex_is_literal() -> None:
    shown = text.latex(r"\input{x} $y$ 5% a_b #1 & ~ ^")
    for active in (r"\input", "$y$"):
        assert active not in shown
    assert r"\textbackslash{}input\{x\} \$y\$ 5\% a\_b \#1 \& \textasciitilde{}" in shown


def test_r_strings_are_ascii_and_quoted() -> None:
    assert text.r_string('a"b\\c\nd≥') == '"a\\"b\\\\c d\\U{2265}"'


def test_clean_and_plain() -> None:
    assert text.clean("a\x00b\x1bc\r\nd") == "a\ufffdb\ufffdc  d"
    assert text.plain("a\u202eb\u200bc\u2066d") == "abcd"
    assert text.plain("e\u0301") == "\u00e9"
    assert text.clean("plain text") == "plain text"


@given(st.text())
def test_clean_text_is_fit_for_xml(raw: str) -> None:
    cleaned = text.clean(raw)
    for char in cleaned:
        code = ord(char)
        assert (
            code in (0x20,)
            or 0x20 < code <= 0xD7FF
            or 0xE000 <= code <= 0xFFFD
            or (code >= 0x10000)
        )


@given(st.text(max_size=200))
def test_slugs_are_safe_file_names(raw: str) -> None:
    slug = text.slug(raw)
    assert slug
    assert len(slug) <= 60
    assert set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_")


def test_tie_keeps_relations_together() -> None:
    assert text.tie("P < 0.001, df = 8") == "P\u00a0<\u00a00.001, df\u00a0=\u00a08"
