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
    assert of("April 18, 2020") == []
    assert of("2021-01-01") == ["DAT001"]
    assert of("2019-04-18", "2019-03-01") == ["DAT002"]
