"""What is suggested for a word that is not known: a slip of the hand, never another meaning."""

from __future__ import annotations

from typing import get_args

import pytest

from carmeta.sourcefile import suggest
from carmeta.vocabulary import Method
from tests.words import MYELOMA

OUTCOMES, POPULATIONS = [*MYELOMA.outcomes], [*MYELOMA.populations]
CATEGORIES, BIAS_ITEMS = MYELOMA.allowed("categories"), [*MYELOMA.bias_tools]
TERMS = ("hypertension", "hyperkalaemia", "infection", "neutropenia", "leukopenia")

SLIPS = [
    ("infsued", POPULATIONS, "infused"),
    ("infusd", POPULATIONS, "infused"),
    ("Infused", POPULATIONS, "infused"),
    ("orrr", OUTCOMES, "orr"),
    ("ORR", OUTCOMES, "orr"),
    ("crs-any", OUTCOMES, "crs_any"),
    ("crsge3", OUTCOMES, "crs_ge3"),
    ("cart", ("car-t", "comparator"), "car-t"),
    ("Scr", CATEGORIES, "sCR"),
    ("gama-3", ("gamma-3", "gamma-4"), "gamma-3"),
    ("cuont", ("count", "of"), "count"),
    ("neutropena", TERMS, "neutropenia"),
    ("rob2", BIAS_ITEMS, "rob-2"),
]  # fmt: skip
MEANINGS = [
    ("mitt", ("infused", "itt")),
    ("CRi", CATEGORIES),
    ("CRh", CATEGORIES),
    ("VGPRu", CATEGORIES),
    ("infection_ge3", ("orr", "nt_ge3")),
    ("crs_ge2", OUTCOMES),
    ("crs_all", OUTCOMES),
    ("mrd_pos", OUTCOMES),
    ("pfs", OUTCOMES),
    ("icu", ("orr", "cr")),
    ("robins-i", BIAS_ITEMS),
    ("bispecific", ("car-t", "comparator", "salvage")),
    ("age", ("salvage", "phase", "dose")),
    ("GLM", ("GLMM", "IV")),
    ("FE", get_args(Method)),
    ("lowest", ("latest", "earliest")),
    ("hypotension", TERMS),
    ("hypokalaemia", TERMS),
    ("leukemia", TERMS),
    ("arm-b", ("arm-a", "arm-c1")),
    ("karmma-2", ("karmma-3", "karmma")),
    ("untreated", ("treated",)),
    ("label", ("level", "title")),
    ("", POPULATIONS),
    ("-", POPULATIONS),
]


@pytest.mark.parametrize(("word", "known", "meant"), SLIPS)
def test_a_slip_is_recognised_and_the_list_stays(word: str, known, meant: str) -> None:
    told = suggest(word, known, lead="allowed")
    assert told == f"did you mean '{meant}'? allowed: {', '.join(known)}"


@pytest.mark.parametrize(("word", "known"), MEANINGS)
def test_another_meaning_is_never_suggested(word: str, known) -> None:
    assert suggest(word, known) == f"known: {', '.join(known)}"


def test_two_words_that_are_as_near_are_not_chosen_between() -> None:
    assert suggest("colour", ("colours", "colourr")) == "known: colours, colourr"


def test_long_lists_of_names_give_way_to_where_they_stand() -> None:
    known = [f"study{chr(97 + i)}{chr(97 + j)}xyz" for i in range(26) for j in range(4)]
    told = suggest("studyaaxy", known, otherwise="see `carmeta studies`")
    assert told == "did you mean 'studyaaxyz'? see `carmeta studies`"
    assert suggest("nothing", known, otherwise="see `carmeta studies`") == "see `carmeta studies`"
    assert suggest("nothing", []) == ""
