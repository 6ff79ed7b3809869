"""What of a citation is clear, and what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carmeta.records.citation import Citation, cited

CLEAR = {
    "A, et al. Title. Journal 2021;1:2-3. doi:10.1000/x": Citation(
        "A, et al.", "Title", "Journal", 2021, "1", "2-3", "10.1000/x"
    ),
    "Smith AB, Jones C. A trial: first part. Lancet Oncol. 2019 Jan 3;20(1):31–42. "
    "https://doi.org/10.1016/S1470-2045(18)30864-7.": Citation(
        "Smith AB, Jones C", "A trial: first part", "Lancet Oncol", 2019, "20(1)", "31–42",
        "10.1016/S1470-2045(18)30864-7",
    ),
    "van der Berg A, O'Neil B, et al. Does it work? Blood 2020;135:1-9": Citation(
        "van der Berg A, O'Neil B, et al.", "Does it work?", "Blood", 2020, "135", "1-9", None
    ),
    "Smith A. Title. J Clin Oncol 2022": Citation(
        "Smith A", "Title", "J Clin Oncol", 2022, None, None, None
    ),
    "Smith A, et al. Title. Blood 2022;140(Suppl 1):e12. PMID: 123": Citation(
        "Smith A, et al.", "Title", "Blood", 2022, "140(Suppl 1)", "e12", None
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", CLEAR)
def test_what_is_clear(text: str) -> None:
    assert cited(text) == CLEAR[text]


UNCLEAR = {
    # A title of two sentences, or a journal with points: who can tell.
    "Smith A. Title. More of it. Journal 2021;1:2": ("Smith A", None, None, 2021),
    "Smith A, et al. Title. N. Engl. J. Med. 2021;1:2": ("Smith A, et al.", None, None, 2021),
    # No form of a citation, but one year.
    "Smith, A. (2021). Title. Journal, 1, 2-3": (None, None, None, 2021),
    "Smith 2019": (None, None, None, 2019),
    # Two years.
    "Trial of 1999 and 2001": (None, None, None, None),
    "12019 patients": (None, None, None, None),
    "something": (None, None, None, None),
    "": (None, None, None, None),
    "Title of the thing. Journal 2021;1:2": (None, None, None, 2021),
}


@pytest.mark.parametrize("text", UNCLEAR)
def test_what_is_not_clear_stays_open(text: str) -> None:
    found = cited(text)
    assert (found.authors, found.title, found.journal, found.year) == UNCLEAR[text]


@pytest.mark.parametrize(
    ("text", "doi"),
    [
        ("x doi:10.1000/abc.", "10.1000/abc"),
        ("x DOI 10.1000/abc; y", "10.1000/abc"),
        ("x (doi: 10.1000/a(b)c)", "10.1000/a(b)c"),
        ("http://dx.doi.org/10.1000/abc", "10.1000/abc"),
        ("10.1000/abc", "10.1000/abc"),
        ("doi:10.1/abc", None),
        ("doi:10.1000/a doi:10.1000/b", None),
    ],
)
def test_a_doi(text: str, doi: str | None) -> None:
    assert cited(text).doi == doi


@given(st.text(max_size=300))
def test_any_text_is_a_citation_of_some_kind(text: str) -> None:
    cited(text)
