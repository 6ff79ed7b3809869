"""Counts as a RevMan 5 file (`.rm5`).

Elements and attributes are those of the files that RevMan 5 writes, as in `Fleiss1993.rm5` of
the R package meta, whose `read.rm5` reads them: two arms are a DICH_OUTCOME. A proportion of one
arm has no type of its own in RevMan; it is a generic inverse variance outcome (IV_OUTCOME) of
the logit and its standard error, by `carmeta.measures` with half an event added to events and
non-events where either is 0. The pooled values are left to RevMan.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from typing import Final

from carmeta.digits import number_text
from carmeta.domain.analysis import ArmPair
from carmeta.domain.evidence import Count
from carmeta.domain.words import Vocabulary
from carmeta.measures import effect_sizes
from carmeta.report.text import clean

LOGIT: Final = "logit of the proportion"
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'
# What RevMan writes of an outcome whose pools it has yet to compute.
_OUTCOME: Final = {
    "CI_STUDY": "95", "CI_TOTAL": "95", "ESTIMABLE": "YES", "RANDOM": "YES", "SCALE": "100.0",
    "SORT_BY": "STUDY", "SUBGROUPS": "NO", "SUBGROUP_TEST": "YES", "TOTALS": "YES",
}  # fmt: skip


def of_pairs(title: str, words: Vocabulary, pairs: Iterable[tuple[str, ArmPair]]) -> bytes:
    """A comparison with a dichotomous outcome for each of ours."""
    found = [*pairs]
    root, comparison = _review(title, [(pair.slab, pair.treatment.year) for _, pair in found])
    for number, outcome in enumerate(dict.fromkeys(code for code, _ in found), start=1):
        own = [pair for code, pair in found if code == outcome]
        element = _outcome(comparison, "DICH", number, words.outcome(outcome).label, len(own))
        element.attrib |= {"EFFECT_MEASURE": "OR", "METHOD": "IV", "SWAP_EVENTS": "NO"}
        for place, label in (("1", "Experimental"), ("2", "Control")):
            ET.SubElement(element, f"GROUP_LABEL_{place}").text = label
        for place, label in (("1", ""), ("2", "")):
            ET.SubElement(element, f"GRAPH_LABEL_{place}").text = label
        for order, pair in enumerate(own, start=1):
            one, two = pair.arms
            counts = {"EVENTS_1": one.xi, "EVENTS_2": two.xi, "TOTAL_1": one.ni, "TOTAL_2": two.ni}
            _datum(element, "DICH", pair.slab, order, {k: str(v) for k, v in counts.items()})
    return _bytes(root)


def of_cohorts(title: str, words: Vocabulary, counts: Iterable[tuple[str, Count]]) -> bytes:
    """A generic inverse variance outcome for each of ours, and each set of cohorts."""
    found = [*counts]
    root, comparison = _review(title, [(count.slab, count.year) for _, count in found])
    kinds = dict.fromkeys((part, count.outcome) for part, count in found)
    for number, (part, outcome) in enumerate(kinds, start=1):
        own = [c for its, c in found if (its, c.outcome) == (part, outcome)]
        label = words.outcome(outcome).label + (f" ({part})" if part else "")
        element = _outcome(comparison, "IV", number, label, len(own))
        element.attrib |= {"METHOD": "IV", "LOG_DATA": "NO"}
        for name, text in (
            ("GROUP_LABEL_1", "Patients"), ("GROUP_LABEL_2", ""),
            ("GRAPH_LABEL_1", ""), ("GRAPH_LABEL_2", ""), ("EFFECT_MEASURE", LOGIT),
        ):  # fmt: skip
            ET.SubElement(element, name).text = text
        effects = effect_sizes([c.xi for c in own], [c.ni for c in own], measure="PLO")
        for order, (count, y, v) in enumerate(zip(own, *effects, strict=True), start=1):
            numbers = {"EFFECT_SIZE": y, "ESTIMATE": y, "SE": math.sqrt(v)}
            texts = {key: number_text(float(value)) for key, value in numbers.items()}
            totals = {"TOTAL_1": str(count.ni), "TOTAL_2": "0"}
            _datum(element, "IV", count.slab, order, texts | totals)
    return _bytes(root)


def _review(title: str, studies: Sequence[tuple[str, int]]) -> tuple[ET.Element, ET.Element]:
    """The document with its studies, and its one comparison."""
    root = ET.Element(
        "COCHRANE_REVIEW",
        {"DESCRIPTION": "", "REVMAN_SUB_VERSION": "5.4", "REVMAN_VERSION": "5", "STAGE": "R",
         "STATUS": "A", "TYPE": "INTERVENTION", "VERSION_NO": "0.0"},
    )  # fmt: skip
    cover = ET.SubElement(root, "COVER_SHEET")
    ET.SubElement(cover, "TITLE").text = clean(title)
    references = ET.SubElement(root, "STUDIES_AND_REFERENCES")
    groups = ET.SubElement(references, "STUDIES")
    included = ET.SubElement(groups, "INCLUDED_STUDIES")
    for group in ("EXCLUDED_STUDIES", "AWAITING_STUDIES", "ONGOING_STUDIES"):
        ET.SubElement(groups, group)
    for name, year in dict(studies).items():
        own = {"DATA_SOURCE": "PUB", "ID": _id(name), "NAME": clean(name)}
        study = ET.SubElement(included, "STUDY", own | {"YEAR": str(year) if year else ""})
        ET.SubElement(study, "IDENTIFIERS")
    analyses = ET.SubElement(root, "ANALYSES_AND_DATA", {"CALCULATED_DATA": "NO"})
    comparison = ET.SubElement(analyses, "COMPARISON", {"ID": "CMP-001", "NO": "1"})
    ET.SubElement(comparison, "NAME").text = clean(title)
    return root, comparison


def _outcome(comparison: ET.Element, kind: str, number: int, name: str, k: int) -> ET.Element:
    attributes = {"ID": f"CMP-001.{number:02}", "NO": str(number), "STUDIES": str(k)}
    element = ET.SubElement(comparison, f"{kind}_OUTCOME", _OUTCOME | attributes)
    element.set("DF", str(k - 1))
    ET.SubElement(element, "NAME").text = clean(name)
    return element


def _datum(outcome: ET.Element, kind: str, study: str, order: int, values: dict[str, str]) -> None:
    own = {"ESTIMABLE": "YES", "ORDER": str(order), "STUDY_ID": _id(study)}
    ET.SubElement(outcome, f"{kind}_DATA", own | values)


def _id(name: str) -> str:
    """The id of a study as RevMan makes it: a sign that is no letter or digit by its code.

    >>> _id("ISIS-2")
    'STD-ISIS_x002d_2'
    """
    signs = (s if s.isascii() and s.isalnum() else f"_x{ord(s):04x}_" for s in clean(name))
    return "STD-" + "".join(signs)


def _bytes(root: ET.Element) -> bytes:
    ET.indent(root, space="")  # an element a line, as RevMan has it
    return (_HEAD + ET.tostring(root, encoding="unicode") + "\n").encode()
