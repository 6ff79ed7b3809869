"""The BCG example of Viechtbauer 2010 (J Stat Softw 36(3), section 3.1), as printed there.

Thirteen vaccine trials (Colditz 1994, table 1) on the log risk ratio; REML unless said.
"""

from __future__ import annotations

import numpy as np
import pytest

from carmeta.pooling.inverse_variance import fit_one

TPOS = np.array([4, 6, 3, 62, 33, 180, 8, 505, 29, 17, 186, 5, 27.0])
TNEG = np.array([119, 300, 228, 13536, 5036, 1361, 2537, 87886, 7470, 1699, 50448, 2493, 16886.0])
CPOS = np.array([11, 29, 11, 248, 47, 372, 10, 499, 45, 65, 141, 3, 29.0])
CNEG = np.array([128, 274, 209, 12619, 5761, 1079, 619, 87892, 7232, 1600, 27197, 2338, 17825.0])
N1, N2 = TPOS + TNEG, CPOS + CNEG
YI = np.log((TPOS / N1) / (CPOS / N2))
VI = 1 / TPOS - 1 / N1 + 1 / CPOS - 1 / N2


def test_random_effects_model() -> None:
    fit = fit_one(YI, VI, test="z")
    assert float(fit.estimate) == pytest.approx(-0.7145, abs=5e-5)
    assert float(fit.se) == pytest.approx(0.1798, abs=5e-5)
    assert float(fit.stat) == pytest.approx(-3.9744, abs=1e-4)
    assert float(fit.ci_lb) == pytest.approx(-1.0669, abs=5e-5)
    assert float(fit.ci_ub) == pytest.approx(-0.3622, abs=5e-5)


def test_heterogeneity() -> None:
    fit = fit_one(YI, VI, test="z")
    assert float(fit.tau2) == pytest.approx(0.3132, abs=5e-5)
    assert float(fit.heterogeneity.i2) == pytest.approx(92.22, abs=5e-3)
    assert float(fit.heterogeneity.h2) == pytest.approx(12.86, abs=5e-3)
    assert float(fit.heterogeneity.q) == pytest.approx(152.2330, abs=5e-5)
    assert float(fit.tau2_ci_lb) == pytest.approx(0.1197, abs=5e-5)
    assert float(fit.tau2_ci_ub) == pytest.approx(1.1115, abs=1e-4)


def test_average_risk_ratio() -> None:
    fit = fit_one(YI, VI, test="z")
    limits = np.exp([float(fit.estimate), float(fit.ci_lb), float(fit.ci_ub)])
    np.testing.assert_allclose(limits, [0.4894, 0.3441, 0.6962], atol=5e-5)
