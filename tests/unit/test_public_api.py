from __future__ import annotations

import pytest

import carmeta


@pytest.mark.parametrize("name", carmeta.__all__)
def test_public_names(name: str) -> None:
    value = getattr(carmeta, name)
    assert value.__name__ == name
    assert value.__doc__
    assert name in dir(carmeta)


def test_names_that_are_not_there() -> None:
    assert set(carmeta._HOME) == set(carmeta.__all__)
    with pytest.raises(AttributeError, match="no attribute 'pol'"):
        _ = carmeta.pol
