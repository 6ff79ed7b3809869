import pytest

from carmeta.domain.record import Printed
from carmeta.harmonise.counts import Denominator, derive, describe, summed

N62 = Denominator(62, "")


def test_a_printed_count_stands_for_itself_whatever_its_percentage_says():
    derived = derive(Printed(count=5, percent="7"), N62)
    assert derived is not None
    assert (derived.candidates, derived.derivation) == ((5,), "printed")


@pytest.mark.parametrize(
    ("percent", "n", "candidates", "point"),
    [
        ("76", 62, (47,), 47),  # 75.8
        ("7", 62, (4,), 4),  # 6.45, only by rounding to 6.5 first
        ("73", 128, (93, 94), 93),  # 72.66 and 73.44: 93 is nearer
        ("84", 128, (107, 108), 108),  # 83.59 and 84.38: 108 is nearer
        ("5", 128, (6, 7), 6),  # 4.69 and 5.47: 6 is nearer
        ("13", 16, (2,), 2),  # 12.5, a tie
        ("0", 8, (0,), 0),
    ],
)
def test_a_percentage_gives_every_count_that_is_printed_so(percent, n, candidates, point):
    derived = derive(Printed(percent=percent), Denominator(n, ""))
    assert derived is not None
    assert derived.candidates == candidates
    assert derived.xi == point
    assert derived.derivation == ("percent" if len(candidates) == 1 else "percent-several")


def test_an_impossible_percentage_gives_no_count_and_says_so():
    derived = derive(Printed(percent="20"), Denominator(8, ""))
    assert derived is not None
    assert derived.candidates == ()
    assert derived.rule == "impossible-percentage"
    assert "8 patients is 20%" in derived.reason


def test_a_percentage_without_a_denominator_gives_no_count():
    derived = derive(Printed(percent="68"), Denominator(None, ""))
    assert derived is not None
    assert derived.rule == "no-denominator"


def test_a_missing_cell_gives_nothing():
    assert derive(Printed(missing="lost"), N62) is None


def test_sums_carry_the_uncertainty_of_their_parts():
    several = derive(Printed(percent="5"), Denominator(128, ""))
    sure = derive(Printed(count=3), Denominator(128, ""))
    assert several is not None
    assert sure is not None
    assert summed([sure, sure]) == ((6,), 6, "summed")
    assert summed([several, sure]) == ((9, 10), 9, "percent-several")


def test_cells_are_described_in_the_papers_own_figures():
    assert describe(Printed(count=197, of=225, percent="88")) == "197 of 225 (88%)"
    assert describe(Printed(percent="81", of=16)) == "81% of 16"
    assert describe(Printed(missing="not-reported")) == "not reported"
