from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from carmeta.errors import ConfigError, DataError
from carmeta.pooling.formula import encode, is_missing, parse_formula

DATA: dict[str, list[Any]] = {
    "a": ["x", "y", "z", "x", "y", "z"],
    "b": ["p", "p", "q", "q", "p", "q"],
    "n": [1, 2, 3, 4, 5.0, 6],
    "flag": [True, False, True, True, False, False],
    "prior lines": [2, 3, 4, 5, 6, 7],
}


# The columns are those of R's model.matrix, in its order, with [level] for its suffix.
@pytest.mark.parametrize(
    ("formula", "columns"),
    [
        ("~ 1", "intercept"),
        ("n", "intercept n"),
        ("~ a", "intercept a[y] a[z]"),
        ("~ 0 + a", "a[x] a[y] a[z]"),
        ("~ a - 1", "a[x] a[y] a[z]"),
        ("~ 0 + a + b", "a[x] a[y] a[z] b[q]"),
        ("~ 0 + n + a + b", "n a[x] a[y] a[z] b[q]"),
        ("~ a + n", "intercept a[y] a[z] n"),
        ("~ a*b", "intercept a[y] a[z] b[q] a[y]:b[q] a[z]:b[q]"),
        ("~ a + a:b", "intercept a[y] a[z] a[x]:b[q] a[y]:b[q] a[z]:b[q]"),
        ("~ n:a", "intercept n:a[x] n:a[y] n:a[z]"),
        ("~ n + n:a", "intercept n n:a[y] n:a[z]"),
        ("~ a*n", "intercept a[y] a[z] n a[y]:n a[z]:n"),
        ("~ b*a + n:b", "intercept b[q] a[y] a[z] b[q]:a[y] b[q]:a[z] n:b[p] n:b[q]"),
        ("~ a:b + n", "intercept n a[x]:b[p] a[y]:b[p] a[z]:b[p] a[x]:b[q] a[y]:b[q] a[z]:b[q]"),
        ("~ flag", "intercept flag[True]"),
        ("~ C(n)", "intercept n[2] n[3] n[4] n[5.0] n[6]"),
        ("~ C(a, ref=y)", "intercept a[x] a[z]"),
        ('~ C(a, ref="z")', "intercept a[x] a[y]"),
        ("~ log(n) + n^2", "intercept log(n) n^2"),
        ("~ `prior lines`", "intercept prior lines"),
        ("~ n + n", "intercept n"),
    ],
)  # fmt: skip
def test_columns(formula: str, columns: str) -> None:
    design = encode(parse_formula(formula), DATA)
    assert " ".join(design.columns) == columns
    assert design.x.shape == (6, len(design.columns))


def test_values_of_an_interaction() -> None:
    design = encode(parse_formula("~ a*b"), DATA)
    for name, column in zip(design.columns, design.x.T, strict=True):
        if ":" in name:
            one, two = name.split(":")
            product = (
                design.x[:, design.columns.index(one)] * design.x[:, design.columns.index(two)]
            )
            np.testing.assert_array_equal(column, product)


@pytest.mark.parametrize(
    ("term", "want"),
    [
        ("log(n)", np.log([1, 2, 3, 4, 5, 6])),
        ("log2(n)", np.log2([1, 2, 3, 4, 5, 6])),
        ("log10(n)", np.log10([1, 2, 3, 4, 5, 6])),
        ("sqrt(n)", np.sqrt([1, 2, 3, 4, 5, 6])),
        ("exp(n)", np.exp([1, 2, 3, 4, 5, 6])),
        ("n^3", np.array([1, 8, 27, 64, 125, 216])),
    ],
)
def test_functions(term: str, want: np.ndarray) -> None:
    np.testing.assert_allclose(encode(parse_formula(f"~ {term}"), DATA).x[:, 1], want)


def test_terms_know_their_columns() -> None:
    design = encode(parse_formula("~ a + n"), DATA)
    assert design.terms == ("a", "n")
    assert design.term_of == (-1, 0, 0, 1)
    assert design.levels == {"a": ("x", "y", "z")}


def test_predictions_keep_the_categories_of_the_fit() -> None:
    formula = parse_formula("~ C(a, ref=y) + n")
    design = encode(formula, DATA)
    row = encode(formula, {"a": ["z"], "n": [9]}, levels=design.levels)
    assert row.columns == design.columns
    assert row.x.tolist() == [[1.0, 0.0, 1.0, 9.0]]
    with pytest.raises(DataError, match="'w' is not a category of a: y, x, z"):
        encode(formula, {"a": ["w"], "n": [9]}, levels=design.levels)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("", "a moderator is expected, not 'the end'"),
        ("~ a +", "a moderator is expected, not 'the end'"),
        ("~ f(a)", "unknown function 'f'"),
        ("~ 0", "nothing is left to estimate"),
        ("~ a b", "unexpected 'b'"),
        ("~ a - b", "only the intercept can be taken out"),
        ("~ n^7", "power '7' is not 2 or 3"),
        ("~ 3", "3 is not a term"),
        ("~ C(a, levels=b)", "C() knows only ref="),
        ("~ log(a", "')' is missing"),
        ("~ __import__('os')", "cannot read"),
        ("~ a; b", "cannot read '; b'"),
    ],
)
def test_formulas_that_cannot_be_read(formula: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_formula(formula)
    assert message in str(error.value)
    assert repr(formula) in str(error.value)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("~ phase", "moderator 'phase' is not in the data"),
        ("~ log(a)", "a holds categories, not numbers"),
        ("~ C(a, ref=w)", "reference 'w' is not a category of a: x, y, z"),
        ("~ log(m)", "log(m) does not exist for -1 (entry 2)"),
        ("~ same", "moderator same has a single category, 's'"),
    ],
)
def test_data_that_do_not_fit(formula: str, message: str) -> None:
    data = {**DATA, "m": [1, -1, 1, 1, 1, 1], "same": ["s"] * 6}
    with pytest.raises(DataError) as error:
        encode(parse_formula(formula), data)
    assert message in str(error.value)


def test_missing_values() -> None:
    assert all(is_missing(value) for value in (None, "", float("nan")))
    assert not any(is_missing(value) for value in (0, "0", False, "nan"))
