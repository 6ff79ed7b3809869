"""A cohort is called by one name everywhere, and by no name that another one has (#8.6)."""

from __future__ import annotations

import pytest

from carmeta.cells import Cells
from tests.unit.harmonise.make import cohort, rate, run, study, with_orr
from tests.words import MYELOMA


def named(*studies):
    return Cells(studies, MYELOMA).names


def test_a_label_that_one_cohort_has_is_its_name():
    assert named(study(cohort("all", label="Trial A")))["s/all"] == "Trial A"


def test_equal_labels_of_two_studies_have_the_study_before_them():
    found = named(*(study(cohort("all"), study_id=name) for name in "st"))
    assert (found["s/all"], found["t/all"]) == ("s: all", "t: all")


def test_equal_labels_within_a_study_have_the_key_behind_them():
    found = named(study(cohort("a", label="low"), cohort("b", label="low")))
    assert (found["s/a"], found["s/b"]) == ("low (s/a)", "low (s/b)")


def test_equal_labels_of_studies_have_the_id_behind_them():
    found = named(*(study(cohort("all"), study_id=name, label="Doe 2020") for name in "st"))
    assert (found["s"], found["t"]) == ("Doe 2020 (s)", "Doe 2020 (t)")
    assert found["s/all"] == "Doe 2020 (s): all"


@pytest.mark.parametrize("taken", ["s: all", "t: all"])
def test_a_name_that_is_made_is_not_taken_either(taken):
    records = [study(cohort("all"), study_id=name) for name in "st"]
    found = named(*records, study(cohort("x", label=taken), study_id="u"))
    names = [name for key, name in found.items() if "/" in key]
    assert len(set(names)) == 3


def test_counts_exclusions_and_what_ifs_use_the_name():
    def record(name):
        late = with_orr("late", 12, 20, updates=["early"])
        return study(late, with_orr("early", 5, 10), study_id=name)

    lost = [
        study(cohort("late", n=None, proportions=[rate(percent="50")]), study_id=name)
        for name in "uv"
    ]
    found = run(record("s"), record("t"), *lost)
    assert [c.slab for c in found.counts] == ["s: late", "t: late"]
    assert {e.slab for e in found.excluded} == {"s: early", "t: early", "u: late", "v: late"}
    assert {c.label for c in found.choices if c.kind == "report"} == {
        "s: early instead of s: late", "t: early instead of t: late",
    }  # fmt: skip
