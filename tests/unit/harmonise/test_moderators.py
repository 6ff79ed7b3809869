"""Values of declared moderators: printed ones of the cohort itself, or none and why (#9.1)."""

from __future__ import annotations

from typing import Any

import pytest

from carmeta.domain.evidence import Count
from carmeta.domain.record import Product, Review
from carmeta.domain.rules import EvidenceRules
from carmeta.domain.words.terms import Attribute, Moderator
from carmeta.harmonise import harmonise
from tests.unit.harmonise.make import AT, cohort, rate, study
from tests.words import MYELOMA

WORDS = MYELOMA.model_copy(
    update={
        "moderators": {
            "age": Moderator(label="Median age", unit="years", cuts=[60, 65]),
            "lines": Moderator(label="Lines before", of="prior-lines", unit="lines"),
            "women": Moderator(label="Women", of="female", unit="percent", cuts=[40]),
            "setting": Moderator(label="Setting"),
            "dose": Moderator(label="Dose", of="target-dose", unit="million"),
            "batch": Moderator(label="Batch", unit="number"),
        },
        "attributes": MYELOMA.attributes
        | {"target-dose": Attribute(label="Dose", of="cohort"),
           "batch": Attribute(label="Batch", of="cohort"),
           "made-by": Attribute(label="Maker", of="product")},
    }
)  # fmt: skip


def counted(*characteristics: dict[str, Any], beside: Any = (), **more: Any) -> Count:
    """The one count of a cohort with these characteristics, and of ``beside`` in another one."""
    own = [{"at": AT, **item} for item in characteristics]
    others = [{"at": AT, **item} for item in beside]
    made = study(
        cohort(proportions=[rate(count=9)], characteristics=own, **more),
        cohort("other", characteristics=others),
    )
    products = {"p": Product(id="p", label="P", attributes={"made-by": "12.5"})}
    review = Review(words=WORDS, studies=[made], products=products, reports={})
    rules = EvidenceRules.model_validate({"outcomes": ("orr",)}, context=WORDS)
    (count,) = harmonise(review, rules).counts
    return count


AGE = {"name": "age"}


@pytest.mark.parametrize(
    ("value", "number"), [("61", 61.0), ("61.5", 61.5), (" 61 ", 61.0), ("-3", -3.0)]
)
def test_the_printed_number(value: str, number: float) -> None:
    assert counted(AGE | {"value": value}).numbers["age"] == number


@pytest.mark.parametrize(
    "value", ["61-63", "NR", "61 (37-75)", "about 61", "61,5", "1e2", "nan", "inf", "<61"]
)
def test_what_is_no_number_is_none_and_is_said(value: str) -> None:
    count = counted(AGE | {"value": value})
    assert "age" not in count.numbers
    assert "age" not in count.moderators
    assert f"'{value}'" in count.unvalued["age"]
    assert "no number" in count.unvalued["age"]
    assert "Table 1" in count.unvalued["age"]


def test_several_that_differ_are_none_and_are_listed() -> None:
    count = counted(AGE | {"value": "61"}, AGE | {"value": "62", "at": {"table": "S3"}})
    assert "age" not in count.numbers
    why = count.unvalued["age"]
    assert all(text in why for text in ("several", "61", "62", "Table 1", "Table S3"))


def test_several_that_are_one_number_are_that_number() -> None:
    count = counted(AGE | {"value": "61"}, AGE | {"value": "61.0"}, AGE | {"missing": "lost"})
    assert count.numbers["age"] == 61.0
    assert "age" not in count.unvalued


def test_another_cohort_never_stands_in() -> None:
    count = counted(beside=[AGE | {"value": "61"}])
    assert "age" not in count.numbers
    assert count.unvalued["age"] == "printed for other patients only (other)"
    assert counted().unvalued["age"] == "not in the record"


def test_what_is_missing_says_so() -> None:
    assert counted(AGE | {"missing": "not-reported"}).unvalued["age"] == "not reported"


def test_by_the_name_in_the_records() -> None:
    assert counted({"name": "prior-lines", "value": "6"}).numbers["lines"] == 6.0
    assert "lines" not in counted({"name": "lines", "value": "6"}).numbers


@pytest.mark.parametrize(
    ("printed", "number"),
    [
        ({"count": 12, "of": 30, "percent": "40"}, 40.0),
        ({"percent": "40.5"}, 40.5),
        ({"value": "41"}, 41.0),
        ({"count": 12, "of": 30}, 40.0),  # both printed in one place: no percentage is guessed
    ],
)
def test_percentages(printed: dict[str, Any], number: float) -> None:
    assert counted({"name": "female", **printed}).numbers["women"] == number


@pytest.mark.parametrize("printed", [{"count": 12}, {"percent": "<1"}, {"count": 0, "of": 0}])
def test_no_percentage_without_what_it_is_of(printed: dict[str, Any]) -> None:
    count = counted({"name": "female", **printed})
    assert "women" not in count.numbers
    assert "no number" in count.unvalued["women"]


def test_a_percentage_is_no_value_of_another_unit() -> None:
    assert "no number" in counted(AGE | {"count": 12, "percent": "40"}).unvalued["age"]


@pytest.mark.parametrize(
    ("value", "level"),
    [
        ("59.9", "age < 60 years"), ("60", "60 ≤ age < 65 years"),
        ("64.9", "60 ≤ age < 65 years"), ("65", "age ≥ 65 years"),
    ],
)  # fmt: skip
def test_cuts_make_levels(value: str, level: str) -> None:
    assert counted(AGE | {"value": value}).moderators["age"] == level


def test_levels_of_percentages_and_numbers_without_cuts() -> None:
    count = counted({"name": "female", "percent": "40"}, {"name": "prior-lines", "value": "6"})
    assert count.moderators["women"] == "women ≥ 40%"
    assert count.moderators["lines"] == "6"


def test_a_category_is_the_printed_word() -> None:
    count = counted({"name": "setting", "value": "in hospital"})
    assert count.moderators["setting"] == "in hospital"
    assert "setting" not in count.numbers
    assert "no word" in counted({"name": "setting", "count": 3}).unvalued["setting"]


def test_attributes_of_cohort_and_product() -> None:
    assert counted(attributes={"target-dose": "450"}).numbers["dose"] == 450.0
    both = counted({"name": "target-dose", "value": "150"}, attributes={"target-dose": "450"})
    assert "several" in both.unvalued["dose"]
    count = counted(attributes={"target-dose": "150 to 450"})
    assert "'150 to 450'" in count.unvalued["dose"]
    assert counted(product="p").moderators["made-by"] == "12.5"


def test_an_attribute_that_is_no_number_is_no_level_either() -> None:
    assert counted(attributes={"batch": "7"}).moderators["batch"] == "7"
    count = counted(attributes={"batch": "7 to 9"})
    assert "batch" not in count.moderators
    assert "'7 to 9'" in count.unvalued["batch"]
