"""RevMan 5 files (`.rm5`): the XML of a review, its studies and its analyses.

Elements and attributes are those of the files that RevMan 5 writes, as the example
`Fleiss1993.rm5` of the R package meta shows them: COMPARISON > DICH_OUTCOME (> DICH_SUBGROUP) >
DICH_DATA with STUDY_ID, EVENTS_1, TOTAL_1, EVENTS_2, TOTAL_2; CONT_, IV_, IPD_ and OTHER_OUTCOME
hold no events of two arms. RevMan's "statistical data" of a published review are the same.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from xml.sax.handler import ContentHandler

from carmeta.errors import DataError
from carmeta.importing.revman import (
    CONTROL,
    OTHER_DATA,
    TREATMENT,
    Row,
    analysis_name,
    without_parts,
)
from carmeta.importing.ris import doi_of
from carmeta.importing.sheet import Line, Sheet
from carmeta.importing.table import LeftOut, Reference, Source, Table, Use
from carmeta.vocabulary import REGISTRY_NUMBER

_ROOT: Final = "COCHRANE_REVIEW"
_NCT: Final = re.compile(REGISTRY_NUMBER)
_SHOWN: Final = 80  # characters of a text that is listed
_DEEPEST: Final = 200
_OTHERS: Final = {
    "CONT": "continuous", "IV": "generic inverse variance", "IPD": "O-E and variance",
    "OTHER": "other data",
}  # fmt: skip
_COUNTS: Final = ("EVENTS_1", "TOTAL_1", "EVENTS_2", "TOTAL_2")
_HEADINGS: Final = (
    "STUDY", "YEAR", "OUTCOME", "GROUP_LABEL_1", "GROUP_LABEL_2", *_COUNTS,
)  # fmt: skip
_USES: Final = {
    0: Use("study"),
    1: Use("year"),
    2: Use("outcome"),
    3: Use("arm", arm=TREATMENT),
    4: Use("arm", arm=CONTROL),
    5: Use("events", arm=TREATMENT),
    6: Use("n", arm=TREATMENT),
    7: Use("events", arm=CONTROL),
    8: Use("n", arm=CONTROL),
}
_FIELDS: Final = {
    "AU": "authors", "TI": "title", "SO": "journal", "YR": "year", "VL": "volume", "PG": "pages",
}  # fmt: skip


def read_rm5(raw: bytes, name: str) -> Source:
    """The dichotomous analyses of a file, the references of its studies, and what is left over.

    Raises DataError: not XML, entities or a document type with declarations (which are never
    read), another kind of XML, or no dichotomous data.
    """
    review = _parsed(raw, name)
    rows = [
        Row(i, one.analysis.name, review.study(one.study), one.subgroup, _where(name, one.line))
        for i, one in enumerate(review.data)
    ]
    kept, left = without_parts(rows)
    lines = [_line(review, review.data[i]) for i in kept]
    if not lines:
        raise DataError(f"{name}: no dichotomous data that can be carried over")
    sheet = Sheet(name, Line(0, _HEADINGS), lines)
    notes = [*review.notes(name), *left]
    return Source([Table(sheet, _USES, xml=True)], [*review.references(name)], notes)


def _where(name: str, line: int) -> str:
    return f"{name}, XML line {line}"


@dataclass(slots=True)
class _Analysis:
    kind: str
    line: int
    number: str
    group: str
    swapped: bool
    title: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    rows: int = 0

    @property
    def name(self) -> str:
        return analysis_name(self.group, self.number, self.title)


@dataclass(frozen=True, slots=True)
class _Data:
    analysis: _Analysis
    subgroup: str
    line: int
    study: str
    counts: tuple[str, ...]


@dataclass(slots=True)
class _Study:
    name: str
    year: str
    line: int
    registry: str = ""
    reports: list[dict[str, str]] = field(default_factory=list)


class _Review(ContentHandler):
    """What the events of the parser say, in the order of the file."""

    def __init__(self) -> None:
        super().__init__()
        self.studies: dict[str, _Study] = {}
        self.analyses: list[_Analysis] = []
        self.data: list[_Data] = []
        self._path: list[str] = []
        self._text: list[str] = []
        self._study: _Study | None = None
        self._comparison = ""
        self._subgroup = ""
        self.further: list[tuple[str, str, int]] = []  # what records have no place for
        self.judged: list[int] = []  # lines of judgements on the risk of bias

    # The names of these are those of the interface.
    def startElement(self, name: str, attrs: Any) -> None:
        if not self._path and name != _ROOT:
            raise _NotReview
        self._path.append(name)
        if len(self._path) > _DEEPEST:
            raise _NotReview
        self._text.clear()
        kind, _, part = name.rpartition("_")
        if name == "STUDY" and "ID" in attrs:
            self._study = _Study(
                _tidy(attrs.get("NAME", "")), _tidy(attrs.get("YEAR", "")), self._line
            )
            self.studies[attrs["ID"]] = self._study
        elif name == "REFERENCE" and self._study:
            self._study.reports.append({})
        elif name == "IDENTIFIER" and self._study:
            self._identifier(attrs.get("TYPE", ""), attrs.get("VALUE", ""))
        elif name == "QUALITY_ITEM_DATA_ENTRY":
            self.judged.append(self._line)
        elif name == "COMPARISON":
            self._comparison = attrs.get("NO", "")
        elif part == "OUTCOME" and (kind == "DICH" or kind in _OTHERS):
            swapped = attrs.get("SWAP_EVENTS") == "YES"
            one = _Analysis(kind, self._line, attrs.get("NO", ""), self._comparison, swapped)
            self.analyses.append(one)
            self._subgroup = ""
        elif part == "DATA" and self.analyses and (kind == "DICH" or kind in _OTHERS):
            self.analyses[-1].rows += 1
            if kind == "DICH":
                self._datum(attrs)

    def _datum(self, attrs: Any) -> None:
        counts = tuple(_tidy(attrs.get(key, "")) for key in _COUNTS)
        study = attrs.get("STUDY_ID", "")
        self.data.append(_Data(self.analyses[-1], self._subgroup, self._line, study, counts))

    def _identifier(self, kind: str, value: str) -> None:
        assert self._study is not None
        if kind == "DOI" and self._study.reports and doi_of(value):
            self._study.reports[-1].setdefault("doi", doi_of(value))
        elif kind == "CTG" or _NCT.fullmatch(_tidy(value)):
            self._study.registry = _tidy(value)
        else:
            what = f"{self._study.name}: {kind} {_tidy(value)[:_SHOWN]}"
            self.further.append(("identifiers", what, self._line))

    def characters(self, content: str) -> None:
        self._text.append(content)

    def endElement(self, name: str) -> None:
        text = _tidy("".join(self._text))
        self._text.clear()
        self._path.pop()
        above = self._path[-1] if self._path else ""
        if name == "STUDY":
            self._study = None
        elif name == "FOOTNOTE" and text:
            self.further.append(("footnotes", f"'{text[:_SHOWN]}'", self._line))
        elif self._study and above == "REFERENCE" and name in _FIELDS and text:
            self._study.reports[-1][_FIELDS[name]] = text
        elif name == "NAME" and above.endswith("_SUBGROUP"):
            self._subgroup = text
        elif name == "NAME" and above.endswith("_OUTCOME") and self.analyses:
            self.analyses[-1].title = text
        elif name.startswith("GROUP_LABEL_") and self.analyses:
            self.analyses[-1].labels[name] = text

    @property
    def _line(self) -> int:
        return int(self._locator.getLineNumber()) if self._locator else 0

    _locator: Any = None

    def study(self, key: str) -> str:
        """The name of a study; empty if the file has none of that id."""
        return self.studies[key].name if key in self.studies else ""

    def references(self, name: str) -> Iterator[Reference]:
        for study in self.studies.values():
            for fields in study.reports or [{}]:
                where = _where(name, study.line)
                yield Reference((study.name,), fields, where, study.registry)

    def notes(self, name: str) -> Iterator[LeftOut]:
        """What is not carried over, and what has to be looked at."""
        for kind, what, line in self.further:
            yield LeftOut(kind, what, _where(name, line))
        if self.judged:
            what = f"{len(self.judged)} judgements: they are of a tool that the file does not name"
            yield LeftOut("risk of bias", what, _where(name, self.judged[0]))
        for one in self.analyses:
            where = _where(name, one.line)
            if one.kind != "DICH":
                noun = "line" if one.rows == 1 else "lines"
                what = f"{one.name}: {_OTHERS[one.kind]}, {one.rows} {noun}"
                yield LeftOut(OTHER_DATA, what, where)
            elif one.swapped:
                what = f"{one.name}: events and non-events are swapped in its analysis"
                yield LeftOut("to be checked", f"{what}; the counts are taken as entered", where)


class _NotReview(Exception):
    """XML of another kind."""


def _parsed(raw: bytes, name: str) -> _Review:
    from xml.sax import SAXParseException

    import defusedxml.sax
    from defusedxml.common import DefusedXmlException

    review = _Review()
    try:
        defusedxml.sax.parse(io.BytesIO(raw), review)
    except _NotReview:
        text = f"{name}: XML, but no review of RevMan 5 ({_ROOT})"
        raise DataError(text) from None
    except DefusedXmlException:
        text = f"{name}: declares entities, which no file of RevMan does; it is not read"
        raise DataError(text) from None
    except SAXParseException as error:
        place = f"{name}:{error.getLineNumber()}:{(error.getColumnNumber() or 0) + 1}"
        raise DataError(f"{place}: not XML that can be read: {error.getMessage()}") from None
    except (LookupError, ValueError) as error:  # an encoding that does not exist
        raise DataError(f"{name}: not XML that can be read: {error}") from None
    return review


def _line(review: _Review, one: _Data) -> Line:
    study = review.studies.get(one.study)
    labels = [one.analysis.labels.get(f"GROUP_LABEL_{i}", "") for i in (1, 2)]
    values = (study.name if study else "", study.year if study else "", one.analysis.name, *labels)
    return Line(one.line, (*values, *one.counts))


def _tidy(text: str) -> str:
    return " ".join(text.split())
