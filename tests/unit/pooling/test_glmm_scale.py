"""Moderators far from zero, or in large or small units, are fitted like any other (#9.1)."""

from __future__ import annotations

import numpy as np
import pytest

from carmeta.api.regression import regress_counts

XI = [28, 15, 16, 15, 20, 70, 85, 31, 60]
NI = [33, 17, 20, 22, 25, 97, 97, 40, 82]
Z = np.array([-2, -1, 0.5, 1, 0, 2, 1.5, -0.5, 0.3])


@pytest.mark.parametrize(
    ("start", "step"), [(2015, 1), (4.5e8, 1e8), (3e-5, 1e-5), (2.015e7, 1), (62, 5)]
)
def test_neither_origin_nor_unit_of_a_moderator_matters(start: float, step: float) -> None:
    want = regress_counts(XI, NI, {"x": Z.tolist()}, "~ x")
    fit = regress_counts(XI, NI, {"x": (start + step * Z).tolist()}, "~ x")
    one, other = want.coefficients[1], fit.coefficients[1]
    assert other.estimate * step == pytest.approx(one.estimate, rel=1e-7)
    assert other.se * step == pytest.approx(one.se, rel=1e-7)
    assert other.p == pytest.approx(one.p, rel=1e-7)
    assert (fit.tau2, fit.loglik) == pytest.approx((want.tau2, want.loglik), rel=1e-7)
