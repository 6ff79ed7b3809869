"""What each study does to the pool, and whether small studies differ from large ones."""

from __future__ import annotations

from collections.abc import Sequence

from carmeta.domain.analysis import LEAST_TO_LEAVE_ONE_OUT, Diagnostics, Influence, StudyRow
from carmeta.domain.request import Request, request
from carmeta.errors import DataError, EstimationError
from carmeta.pipeline.fitting import as_counts
from carmeta.report import numbers
from carmeta.sensitivity.influence import influence_of_effects, notable
from carmeta.sensitivity.small_study import LEAST_STUDIES, TOO_FEW, small_study_test


def diagnose(rows: Sequence[StudyRow], asks: Sequence[Request] = ()) -> Diagnostics | None:
    """Influence of each study on the inverse-variance pool, and Peters' test.

    The pool is the first such one among ``asks``, or else the model's default: a GLMM has no
    influence diagnostics in closed form, and leave-one-out refits stand for it elsewhere in the
    run. None below three studies.
    """
    if len(rows) < LEAST_TO_LEAVE_ONE_OUT:
        return None
    small = _small_study(rows)
    slab = [row.count.slab for row in rows]
    usual = request("one arm", {"model": "IV"})
    ask = next((ask for ask in asks if ask.model == "IV"), usual)
    model = f"IV ({ask.measure}, {ask.method}, {ask.test})"
    try:
        sizes = as_counts([row.count for row in rows]).effects(ask)
        found = influence_of_effects(*sizes, method=ask.method, test=ask.test, slab=slab)
    except EstimationError as error:
        return Diagnostics(model, (), {}, small, (str(error),))
    items = tuple(
        Influence(
            slab=slab[i],
            rstudent=float(found.rstudent[i]),
            dffits=float(found.dffits[i]),
            cook_d=float(found.cook[i]),
            hat=float(found.hat[i]),
            cov_r=float(found.cov_ratio[i]),
            tau2_del=float(found.tau2_del[i]),
            q_del=float(found.q_del[i]),
            weight=row.weight,
            baujat_x=float(found.baujat_x[i]),
            baujat_y=float(found.baujat_y[i]),
            influential=bool(found.influential[i]),
        )
        for i, row in enumerate(rows)
    )
    return Diagnostics(model, items, _limits(len(rows)), small, found.notes)


def _limits(k: int) -> dict[str, tuple[float, ...]]:
    """The lines of the influence plots."""
    size = notable(k)
    return {
        "rstudent": (-size["rstudent"], size["rstudent"]),
        "dffits": (-size["dffits"], size["dffits"]),
        "cook_d": (size["cook"],),
        "hat": (size["hat"],),
    }


def _small_study(rows: Sequence[StudyRow]) -> str:
    if len(rows) < LEAST_STUDIES:
        return f"small-study effects are not tested: {TOO_FEW}"
    try:
        found = small_study_test([row.count.xi for row in rows], [row.count.ni for row in rows])
    except DataError as error:  # all studies have the same size
        return str(error)
    return (
        f"{found.name}: slope {numbers.fixed(found.slope, 2)} "
        f"(SE {numbers.fixed(found.se, 2)}), "
        f"t({numbers.degrees(found.df)}) = {numbers.statistic(found.stat)}, "
        f"P {numbers.p_value(found.p)}; {'; '.join(found.cautions)}"
    )
