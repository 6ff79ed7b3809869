"""References in RIS, as reference managers, Covidence and RevMan write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from carmeta.errors import DataError
from carmeta.importing.table import Reference
from carmeta.vocabulary import DOI

_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_DOI: Final = re.compile(DOI)


def read_ris(text: str, name: str) -> list[Reference]:
    """The references of a file; DataError if it holds none, or is not RIS.

    A study is called by the `NS` of RevMan where there is one, and else by the first author's
    family name and the year.
    """
    import rispy

    try:
        entries = rispy.loads(text)
    except Exception as error:  # whatever broken lines make of a parser
        raise DataError(f"{name}: not RIS that can be read: {error}") from error
    found = [_reference(entry, f"{name}, reference {i}") for i, entry in enumerate(entries, 1)]
    named = [reference for reference in found if reference.names]
    if not named:
        raise DataError(
            f"{name}: no references with an author and a year",
            hint="a reference begins with 'TY  - ' and ends with 'ER  - '",
        )
    return named


def doi_of(text: str) -> str:
    """The DOI in a text, without what links put before it; empty if there is none."""
    found = _DOI.search(text)
    return found[0].rstrip(".,;") if found else ""


def _reference(entry: dict[str, Any], where: str) -> Reference:
    authors = [str(author).strip() for author in (*entry.get("authors", ()),)]
    authors = authors or [str(author) for author in entry.get("first_authors", ())]
    year = _YEAR.search(str(entry.get("year") or entry.get("publication_year") or ""))
    first = re.split(r"[,\s]", authors[0])[0] if authors else ""
    own = entry.get("unknown_tag", {}).get("NS", [])
    names = [*own, " ".join(part for part in (first, year[0] if year else "") if part)]
    pages = _pages(str(entry.get("start_page", "")), str(entry.get("end_page", "")))
    fields = {
        "authors": "; ".join(authors),
        "title": _first(entry, ("title", "primary_title")),
        "journal": _first(
            entry, ("journal_name", "secondary_title", "alternate_title3", "alternate_title1")
        ),
        "year": year[0] if year else "",
        "volume": _first(entry, ("volume",)),
        "pages": pages,
        "doi": doi_of(str(entry.get("doi", ""))),
    }
    known = {key: value for key, value in fields.items() if value}
    return Reference(tuple(dict.fromkeys(name for name in names if name)), known, where)


def _first(entry: dict[str, Any], keys: Sequence[str]) -> str:
    return next((str(entry[key]).strip() for key in keys if entry.get(key)), "")


def _pages(start: str, end: str) -> str:
    return f"{start}-{end}" if start and end and "-" not in start else start
