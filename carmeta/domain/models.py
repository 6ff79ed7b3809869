"""What each model can honour: a table of objects that the request is held against.

In every tuple the first entry is the model's default; a model without the thing has an empty
tuple. How a model is fitted stands in ``api``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from carmeta.vocabulary import Method, ModelCode, SingleArmMeasure, TwoArmMeasure

Arms = Literal["one arm", "two arms"]
# What is modelled: counts of one arm or two, given effects, effects or counts on moderators.
Kind = Literal[
    "one arm", "two arms", "effects", "regression", "regression of counts", "three levels",
    "permutation", "influence", "small studies",
]  # fmt: skip

_METHODS: Final = ("REML", *(method for method in get_args(Method) if method != "REML"))
_WALD: Final = ("adhoc", "z", "t", "knha")
_BELIEF: Final = frozenset({"prior", "prior_scale", "mu_prior", "likelihood"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model and what it can honour.

    ``further`` names the fields of a request that not every model has; ``tau2`` how tau2 may be
    held by subgroups; ``batched`` that many data sets can be fitted in one call; ``intervals``
    that it has limits, and so a level.
    """

    code: str
    measures: tuple[str, ...]
    methods: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    pi_methods: tuple[str, ...] = ()
    i2_methods: tuple[str, ...] = ("tau2", "Q")
    tau2: tuple[str, ...] = ()
    further: frozenset[str] = frozenset()
    clusters: bool = False
    batched: bool = False
    intervals: bool = True


_ONE_ARM: Final = (
    Model(
        code="IV", measures=get_args(SingleArmMeasure), methods=_METHODS, tests=_WALD,
        pi_methods=("V", "HTS", "bootstrap"), tau2=("common", "separate"),
        further=frozenset({"add", "to", "seed"}), clusters=True, batched=True,
    ),
    Model(
        code="GLMM", measures=("PLO",), methods=("ML",), tests=("t", "z", "profile"),
        pi_methods=("V", "HTS"), tau2=("common", "separate"), further=frozenset({"estimand"}),
        batched=True,
    ),
    Model(
        code="BB", measures=("PLO",), methods=("ML",), tests=("t", "z", "profile"),
        pi_methods=("V", "HTS"), i2_methods=("Q",), tau2=("separate",), batched=True,
    ),
    Model(
        code="BAYES", measures=get_args(SingleArmMeasure), tau2=("separate",),
        further=_BELIEF | {"add", "to"},
    ),
)  # fmt: skip
_TWO_ARMS: Final = (
    Model(
        code="IV", measures=get_args(TwoArmMeasure), methods=_METHODS, tests=_WALD,
        pi_methods=("V", "HTS", "bootstrap"), tau2=("separate",),
        further=frozenset({"add", "to", "drop00", "seed"}),
    ),
    Model(
        code="MH", measures=get_args(TwoArmMeasure), methods=("EE",), tests=("z",),
        i2_methods=("Q",), tau2=("separate",), further=frozenset({"add", "to", "drop00"}),
    ),
    Model(
        code="PETO", measures=("OR",), methods=("EE",), tests=("z",), i2_methods=("Q",),
        tau2=("separate",), further=frozenset({"drop00"}),
    ),
    Model(
        code="GLMM", measures=("OR",), methods=("ML",), tests=("t", "z", "profile"),
        pi_methods=("V", "HTS"), tau2=("separate",), further=frozenset({"drop00", "form"}),
    ),
)  # fmt: skip
# Effects may be on a scale that has no name here: the measure is then empty.
_ANY: Final = ("", *get_args(SingleArmMeasure), *get_args(TwoArmMeasure))
_EFFECTS: Final = (
    Model(
        code="IV", measures=_ANY, methods=_METHODS, tests=_WALD, pi_methods=("V", "HTS"),
        tau2=("common", "separate"),
    ),
)  # fmt: skip
_REGRESSION: Final = (
    Model(
        code="IV", measures=_ANY, methods=_METHODS, tests=_WALD, pi_methods=("V", "HTS"),
        clusters=True,
    ),
)  # fmt: skip
_COUNTS: Final = (
    Model(
        code="GLMM", measures=("PLO",), methods=("ML",), tests=("t", "z"),
        pi_methods=("V", "HTS"), i2_methods=("tau2",),
    ),
)  # fmt: skip
_THREE_LEVELS: Final = (
    Model(
        code="three-level", measures=_ANY, methods=("REML", "ML"), tests=("t", "z"),
        pi_methods=("V", "HTS"), i2_methods=("tau2",),
    ),
)  # fmt: skip
_PERMUTATION: Final = (
    Model(
        code="IV",
        measures=(),
        methods=_METHODS,
        tests=_WALD,
        i2_methods=(),
        further=frozenset({"seed"}),
        intervals=False,
    ),
)

# What is pooled where no model is named, the headline first; of arrays, the first of the models.
UNASKED: Final[dict[Arms, tuple[ModelCode, ...]]] = {
    "one arm": ("GLMM", "IV"),
    "two arms": ("IV",),
}
# Influence has no limits; that of a GLMM is by refits, which no test enters.
_INFLUENCE: Final = (
    Model(
        code="IV", measures=get_args(SingleArmMeasure), methods=_METHODS, tests=_WALD,
        i2_methods=(), intervals=False,
    ),
    Model(code="GLMM", measures=("PLO",), methods=("ML",), i2_methods=(), intervals=False),
)  # fmt: skip
# A line through the effects: weighted least squares, or random effects with a tau2.
_SMALL_STUDIES: Final = (
    Model(code="lm", measures=get_args(SingleArmMeasure), i2_methods=()),
    Model(
        code="rma", measures=get_args(SingleArmMeasure), methods=_METHODS,
        tests=("z", "t", "knha", "adhoc"), i2_methods=(),
    ),
)  # fmt: skip

_ALL: Final[dict[Kind, tuple[Model, ...]]] = {
    "one arm": _ONE_ARM,
    "two arms": _TWO_ARMS,
    "effects": _EFFECTS,
    "regression": _REGRESSION,
    "regression of counts": _COUNTS,
    "three levels": _THREE_LEVELS,
    "permutation": _PERMUTATION,
    "influence": _INFLUENCE,
    "small studies": _SMALL_STUDIES,
}
MODELS: Final = {kind: {model.code: model for model in models} for kind, models in _ALL.items()}
