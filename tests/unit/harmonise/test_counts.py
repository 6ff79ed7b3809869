import pytest

from carmeta.cells import Cells
from carmeta.harmonise.counts import derive, summed
from tests.unit.harmonise.make import cohort, rate, study
from tests.words import MYELOMA


def cell(n, **printed):
    """The cell of a printed rate of ``n`` patients."""
    cells = Cells([study(cohort(n=n, proportions=[rate(**printed)]))], MYELOMA)
    return next(found for found in cells if found.kind == "proportion")


def test_a_printed_count_stands_for_itself_whatever_its_percentage_says():
    derived = derive(cell(62, count=5, percent="7"))
    assert (derived.candidates, derived.derivation) == ((5,), "printed")


@pytest.mark.parametrize(
    ("percent", "n", "candidates", "point"),
    [
        ("76", 62, [47], 47),  # 75.8
        ("7", 62, [4], 4),  # 6.45, only by rounding to 6.5 first
        ("73", 128, [93, 94], 93),  # 72.66 and 73.44: 93 is nearer
        ("84", 128, [107, 108], 108),  # 83.59 and 84.38: 108 is nearer
        ("5", 128, [6, 7], 6),  # 4.69 and 5.47: 6 is nearer
        ("13", 16, [2], 2),  # 12.5, a tie
        ("0", 8, [0], 0),
    ],
)
def test_a_percentage_gives_every_count_that_is_printed_so(percent, n, candidates, point):
    derived = derive(cell(n, percent=percent))
    assert list(derived.candidates) == candidates
    assert derived.xi == point
    assert derived.derivation == ("percent" if len(candidates) == 1 else "percent-several")
    assert derived.kind is None


@pytest.mark.parametrize(
    ("n", "printed", "kind", "rule", "words"),
    [
        (8, {"percent": "20"}, "impossible", "impossible-percentage", "8 patients is 20%"),
        (8, {"count": 9}, "impossible", "impossible-count", "9 of 8"),
        (None, {"percent": "68"}, "no-denominator", "no-denominator", "only a percentage"),
        (None, {"count": 8}, "no-denominator", "no-denominator", "only a count"),
        (0, {"count": 0}, "no-denominator", "no-denominator", "0 patients"),
        (62, {"missing": "lost"}, "lost", "no-number", "lost"),
        (62, {"missing": "not-reported"}, "not-reported", "no-number", "not reported"),
    ],
)
def test_what_gives_no_count_says_why(n, printed, kind, rule, words):
    derived = derive(cell(n, **printed))
    assert (list(derived.candidates), derived.kind, derived.rule) == ([], kind, rule)
    assert words in derived.reason


def test_sums_carry_the_uncertainty_of_their_parts():
    several, sure = derive(cell(128, percent="5")), derive(cell(128, count=3))
    both = summed([sure, sure], 128, "rule", "why")
    assert (list(both.candidates), both.xi, both.derivation) == ([6], 6, "summed")
    mixed = summed([several, sure], 128, "rule", "why")
    assert (list(mixed.candidates), mixed.xi, mixed.derivation) == ([9, 10], 9, "percent-several")
    assert list(summed([several, sure], 9, "rule", "why").candidates) == [9]
    assert summed([sure, sure], 5, "rule", "why").kind == "impossible"


def test_cells_are_shown_in_the_papers_own_figures():
    assert cell(8, count=197, of=225, percent="88").shown() == "197 of 225 (88%)"
    assert cell(8, percent="81", of=16).shown() == "81% of 16"
    assert cell(8, missing="not-reported").shown() == "not reported"
