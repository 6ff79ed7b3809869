"""Prediction intervals of Nagashima, Noma & Furukawa 2019, as the pimeta package prints them.

Data: ten trials of antihypertensive treatment (Riley, Higgins & Deeks 2011, BMJ 342:d549,
figure 1), as pimeta 1.1.3 distributes them; results from its vignette of 17 September 2019
(25,000 draws, so that its limits carry a Monte Carlo error of about 0.01).
"""

from __future__ import annotations

import numpy as np
import pytest

from carmeta.pooling.intervals import beyond
from carmeta.pooling.inverse_variance import fit_one

YI = np.array([0.00, 0.10, -0.40, -0.80, -0.63, 0.22, -0.34, -0.51, 0.03, -0.81])
SEI = np.array(
    [
        0.42347717, 0.21939179, 0.02551067, 0.19898325, 0.30102594,
        0.30102594, 0.07142988, 0.10204269, 0.12245123, 0.30102594,
    ]
)  # fmt: skip


def test_mean_and_heterogeneity() -> None:
    fit = fit_one(YI, SEI**2, method="DL", test="z", i2_method="Q")
    assert float(fit.estimate) == pytest.approx(-0.3341, abs=5e-5)
    assert float(fit.tau2) == pytest.approx(0.0282, abs=5e-5)
    assert float(fit.heterogeneity.i2) == pytest.approx(70.5, abs=0.05)


def test_higgins_thompson_spiegelhalter_interval() -> None:
    fit = fit_one(YI, SEI**2, method="DL", test="z", pi_method="HTS")
    assert float(fit.pi_lb) == pytest.approx(-0.7598, abs=5e-5)
    assert float(fit.pi_ub) == pytest.approx(0.0917, abs=5e-5)
    below = 1.0 - beyond(fit.estimate, fit.se, fit.tau2, 8, 0.0)
    assert float(below) == pytest.approx(0.9460, abs=5e-5)


def test_bootstrap_interval() -> None:
    """-0.8807 to 0.2240 in print; ours has its own draws."""
    fit = fit_one(YI, SEI**2, method="DL", pi_method="bootstrap", seed=1)
    assert float(fit.pi_lb) == pytest.approx(-0.8807, abs=0.015)
    assert float(fit.pi_ub) == pytest.approx(0.2240, abs=0.015)


def test_bootstrap_interval_of_cisapride_trials() -> None:
    """Thirteen trials (Hartung & Knapp 2001, table I): odds ratio 0.533 to 33.692."""
    m1 = np.array([15, 12, 29, 42, 14, 44, 14, 29, 10, 17, 38, 19, 21.0])
    n1 = np.array([16, 16, 34, 56, 22, 54, 17, 58, 14, 26, 44, 29, 38.0])
    m2 = np.array([9, 1, 18, 31, 6, 17, 7, 23, 3, 6, 12, 22, 19.0])
    n2 = np.array([16, 16, 34, 56, 22, 55, 15, 58, 15, 27, 45, 30, 38.0])
    # pimeta adds 0.5 to every cell (its first effect is 2.098986 with se 0.9847737).
    a, b, c, d = (v + 0.5 for v in (m1, n1 - m1, m2, n2 - m2))
    yi, vi = np.log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d
    assert yi[0] == pytest.approx(2.098986, abs=5e-7)
    fit = fit_one(yi, vi, method="DL", pi_method="bootstrap", seed=1)
    assert np.exp(fit.estimate) == pytest.approx(4.141, abs=5e-4)
    assert float(fit.tau2) == pytest.approx(0.718, abs=5e-4)
    assert float(fit.pi_lb) == pytest.approx(np.log(0.533), abs=0.04)
    assert float(fit.pi_ub) == pytest.approx(np.log(33.692), abs=0.04)
