"""The parts of a citation as people copy it, as far as they are clear.

    Authors. Title. Journal 2021;1:2-3. doi:10.1000/x

Nothing is guessed: where a text can be read in two ways, the part stays open.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_DOI: Final = re.compile(r"\b10\.\d{4,9}/[^\s;,]+")
_DOI_SAID: Final = re.compile(
    r"\(?(?:https?://(?:dx\.)?doi\.org/|\bdoi[:\s]\s*)?\b10\.\d{4,9}/[^\s;,]+[;,]?", re.IGNORECASE
)
_IDS: Final = re.compile(r"\b(?:PMID|PMCID)\b:?\s*\w+[.;]?|\bEpub\b.*$", re.IGNORECASE)
_YEAR: Final = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
# `2021;1:2-3`, `2021 Jan 3;20(1):31-42`, `2021`: at the end.
_ISSUE: Final = re.compile(
    r"(?<!\d)(?P<year>(?:19|20)\d\d)(?: [A-Z][a-z]{2}(?: \d{1,2})?)?"
    r"(?:; ?(?P<volume>\d[\w ]*(?:\([\w ]+\))?) ?: ?(?P<pages>[A-Za-z]?\d+(?:[-–][A-Za-z]?\d+)?))?"
    r"\.?$"
)
_ET_AL: Final = re.compile(r"(?P<authors>[^.]+?,? et al\.)\s+")
_NAME: Final = r"[^\W\d][\w’'-]*(?: [^\W\d][\w’'-]*)* [A-Z]{1,4}(?: (?:Jr|Sr|II|III|2nd|3rd))?"
_NAMES: Final = re.compile(rf"(?P<authors>{_NAME}(?:, {_NAME})*)\.\s+")
_SENTENCE: Final = re.compile(r"(?<=[.?!])\s+")


@dataclass(frozen=True, slots=True)
class Citation:
    """The parts of a citation; None is what is not clear."""

    authors: str | None = None
    title: str | None = None
    journal: str | None = None
    year: int | None = None
    volume: str | None = None
    pages: str | None = None
    doi: str | None = None


def cited(text: str) -> Citation:
    """Take a citation apart.

    >>> found = cited("A, et al. Title. Journal 2021;1:2-3. doi:10.1000/x")
    >>> found.authors, found.title, found.journal, found.year, found.doi
    ('A, et al.', 'Title', 'Journal', 2021, '10.1000/x')
    """
    plain = " ".join(text.split())
    dois = {_trimmed(doi) for doi in _DOI.findall(plain)}
    doi = dois.pop() if len(dois) == 1 else None
    plain = _IDS.sub("", _DOI_SAID.sub("", plain)).strip(" ;,")
    years = set(_YEAR.findall(plain))
    issue = _ISSUE.search(plain)
    if issue is None or (issue["volume"] is None and len(years) > 1):
        authors, _ = _by(plain)
        return Citation(authors, year=int(years.pop()) if len(years) == 1 else None, doi=doi)
    authors, rest = _by(plain[: issue.start()].strip())
    title, journal = _named(rest) if authors else (None, None)
    year, volume, pages = issue.group("year", "volume", "pages")
    if journal is None:
        volume = pages = None  # of which journal?
    return Citation(authors, title, journal, int(year), volume, pages, doi)


def _trimmed(doi: str) -> str:
    """Without the punctuation of the sentence that it stands in."""
    doi = doi.rstrip(".")
    while doi.endswith(")") and doi.count(")") > doi.count("("):
        doi = doi[:-1].rstrip(".")
    return doi


def _by(text: str) -> tuple[str | None, str]:
    """The authors and what follows them."""
    found = _ET_AL.match(text) or _NAMES.match(text)
    return (found["authors"], text[found.end() :]) if found else (None, text)


def _named(text: str) -> tuple[str | None, str | None]:
    """Title and journal, where they are two sentences: of three, who can tell."""
    parts = _SENTENCE.split(text)
    if len(parts) != 2:
        return None, None
    title, journal = parts
    return title.removesuffix("."), journal.removesuffix(".")
