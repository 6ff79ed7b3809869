"""The exact test of equal proportions against R's fisher.test (R 4.2.2)."""

import pytest

from carmeta.pooling.freeman_halton import fisher_freeman_halton

# fisher.test(rbind(x, n - x))$p.value
R = [
    ([5, 8, 2], [5, 9, 3], 0.404411764705882),
    ([7, 8], [8, 9], 1.0),
    ([3, 2, 2], [5, 9, 3], 0.222542163718634),
    ([1, 9, 3, 0], [10, 12, 7, 5], 0.00253729224744191),
    ([0, 0, 0], [4, 6, 2], 1.0),
]


@pytest.mark.parametrize(("xi", "ni", "p"), R)
def test_agrees_with_r(xi, ni, p):
    assert fisher_freeman_halton(xi, ni) == pytest.approx(p, rel=1e-10)


def test_too_many_tables_are_left_to_an_approximation():
    assert fisher_freeman_halton([50, 60, 70], [200, 200, 200]) is None
