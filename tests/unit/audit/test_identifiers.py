from __future__ import annotations

import pytest

TRIAL = {"design": "single-arm", "registry": "NCT02215967", "other_registries": ["ChiCTR-1"]}


@pytest.mark.parametrize(
    ("value", "codes"),
    [
        ("NCT02215967", []),
        ("ChiCTR-1", []),
        ("NCT022115967", ["IDS001"]),
        ("NCT0221596", ["IDS001"]),
        ("nct02215967", ["IDS001"]),
        ("NCT02546167", ["IDS002"]),
        ("EudraCT 2017-1", ["IDS002"]),
    ],
)
def test_registry_numbers(make, value, codes):
    item = {"value": value, "at": {"table": "2"}}
    found = make.run(make.study(make.cohort(), trial=TRIAL, identifiers=[item]))
    assert [one.code for one in found] == codes


def test_a_slip_of_one_digit_is_recognised(make):
    item = {"value": "NCT022115967", "at": {"table": "2"}}
    found = make.run(make.study(make.cohort(), trial=TRIAL, identifiers=[item]))
    assert found[0].message == (
        "NCT022115967 has 9 digits, a registry number has eight; NCT02215967 is meant"
    )
    assert found[0].printed == ("paper, Table 2: NCT022115967", "record: NCT02215967")


def test_without_a_registered_trial_nothing_is_compared(make):
    item = {"value": "NCT02546167", "at": {"table": "2"}}
    trial = {"design": "single-arm"}
    assert make.run(make.study(make.cohort(), trial=trial, identifiers=[item])) == ()


def test_data_cutoffs(make, clean):
    def of(*dates):
        cells = [
            make.proportion(outcome, count=5, data_cutoff=date)
            for outcome, date in zip(("orr", "cr"), dates, strict=False)
        ]
        return make.codes(make.study(make.cohort(proportions=cells)))

    assert of("2019-04-18", "2019-04-18") == []
    assert of("2020") == []
    assert of("2021-01-01") == ["DAT001"]
    assert of("2019-04-18", "2019-03-01") == ["DAT002"]


def dated(make, cell=None, own=None, **report):
    """One cohort of a document of 2020, by the data cutoff of a cell or of the cohort."""
    printed = make.proportion(count=5, **({"data_cutoff": cell} if cell else {}))
    cohort = make.cohort(proportions=[printed], **({"data_cutoff": own} if own else {}))
    paper = {"id": "paper", "authors": "A", "title": "T", "journal": "J", "year": 2020}
    return make.run(make.study(cohort, reports=[paper | report]))


def test_a_cutoff_is_held_against_the_date_of_publication(make):
    for published, cutoff, expected in (
        ("2020-06-15", "2020-06-16", ["DAT001"]),
        ("2020-06-15", "2020-06-15", []),
        ("2020-06", "2020-07-01", ["DAT001"]),
        ("2020-06", "2020-06-30", []),
        (None, "2020-12-31", []),
        (None, "2021", ["DAT001"]),
    ):
        more = {"published": published} if published else {}
        assert [one.code for one in dated(make, cutoff, **more)] == expected
        (*own,) = dated(make, own=cutoff, **more)
        assert [one.code for one in own] == expected
        assert all(one.path == ("cohorts", 0, "data_cutoff") for one in own)
    (found,) = dated(make, "2020-06-16", published="2020-06-15")
    assert found.message == "a data cutoff of 2020-06-16, published 2020-06-15"


def updated(make, late, early, years=(2020, 2020), cites=False):
    """Two documents, one cohort of each: the first is declared to update the second."""

    def one(name, doc, cutoff, **more):
        cell = make.proportion(count=5, at={"doc": doc}, **({"cites": "X"} if cites else {}))
        dates = {"data_cutoff": cutoff} if cutoff else {}
        return make.cohort(name, None, proportions=[cell | {"of": 20}], **dates, **more)

    paper = {"authors": "A", "title": "T", "journal": "J"}
    reports = [paper | {"id": doc, "year": year} for doc, year in zip("ab", years, strict=True)]
    return [
        (one.code, one.cohort, one.path)
        for one in make.run(
            make.study(
                one("late", "a", late, lineage={"updates": ["early"]}),
                one("early", "b", early), reports=reports,
            )
        )
    ]  # fmt: skip


def test_an_update_is_later_than_what_it_updates(make):
    wrong = [("DAT003", "late", ("cohorts", 0, "lineage", "updates", 0))]
    assert updated(make, "2019-06", "2019-01") == []
    assert updated(make, "2019-01", "2019-06") == wrong
    assert updated(make, "2019", "2019-06") == []  # open
    assert updated(make, None, None, years=(2021, 2020)) == []
    assert updated(make, None, None, years=(2020, 2021)) == wrong
    assert updated(make, None, None, years=(2020, 2021), cites=True) == []  # whose dates?
    assert updated(make, None, "2018-05", years=(2017, 2021)) == wrong
