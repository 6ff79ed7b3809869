"""What is asked of the engine: one immutable request with one set of defaults.

Configuration, command line and functions build it from the options that were named, and every
model receives it whole. What a model cannot honour is refused here and nowhere else, as
problems that carry the field's name, so that each caller can say where it stands.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any, Final, TypedDict, get_args

from carmeta.domain.models import MODELS, Kind, Model
from carmeta.errors import ConfigError
from carmeta.vocabulary import (
    ARCSINES,
    Estimand,
    I2Method,
    Likelihood,
    Measure,
    Method,
    ModelCode,
    PiMethod,
    Sharing,
    TauPrior,
    Test,
    To,
    TwoArmForm,
)

# Quantiles of a level nearer to 0 or 1 than this are rounding.
_LEAST_TAIL: Final = 1e-9
# A correction is a share of a patient: far more than one drowns the counts, and with next to
# none the variance of an empty cell leaves the floats.
_MOST_ADDED: Final = 100.0
_LEAST_ADDED: Final = 1e-6
# Priors with which both likelihoods were seen to agree; farther out the grid of the binomial
# one, which ends at a tau of 300, loses more than half a percent of a limit.
_FARTHEST_MEAN: Final = 100.0
_LEAST_SPREAD, _MOST_SPREAD = 1e-6, 1e6
_LEAST_SCALE: Final = 1e-6
_MOST_SCALE: Final = {"half-normal": 50.0, "half-cauchy": 10.0}


class Options(TypedDict, total=False):
    """The options of the engine by name; one that is left out or None has its default.

    Attributes:
        measure: Scale of the effects. One arm: PLO (logit), PFT (double arcsine), PAS
            (arcsine), PR (raw), PLN (log); two arms: OR, RR, RD.
        model: ``IV`` inverse variance; ``GLMM`` binomial-normal by maximum likelihood; one arm
            also ``BB`` beta-binomial and ``BAYES`` on a deterministic grid; two arms also
            ``MH`` Mantel-Haenszel and ``PETO``.
        method: Estimator of tau2 (IV): REML, EE, DL, PM, ML, HE, HS, SJ, EB.
        test: Of the mean. IV: adhoc, z, t, knha; GLMM and BB: t, z, profile.
        pi_method: ``V`` t with k-1, ``HTS`` t with k-2, ``bootstrap`` (IV only).
        i2_method: I2 and H2 from ``tau2`` or from ``Q`` (the likelihood ratio where a model has
            it).
        level: Of every interval, inside (0, 1).
        add: Continuity correction of events and of non-events.
        to: Which studies get it: ``only0`` those with an empty cell, ``all``, ``if0all`` all as
            soon as one has an empty cell, ``none``.
        drop00: Two arms. None: studies without events are dropped for OR and RR, studies in
            which everybody has the event for OR. True: both are, for every measure. False: none
            is.
        form: Of the two-arm GLMM: ``UM.RS`` random or ``UM.FS`` fixed study intercepts.
        tau2: Of subgroups: ``common`` to all levels or ``separate``.
        estimand: ``marginal`` adds the mean over the population of studies (GLMM of one arm).
        prior: Of tau (BAYES): half-normal or half-cauchy, on the analysis scale.
        prior_scale: Its scale from 1e-6 on, to 50 of a half-normal and 10 of a half-cauchy.
        mu_prior: Mean, within 100 of 0, and standard deviation, 1e-6 to 1e6, of a normal
            prior of the mean; None is flat.
        likelihood: BAYES: ``binomial`` (default for PLO) or ``normal`` on effect sizes.
        seed: Of what is drawn at random.
    """

    measure: Measure | None
    model: ModelCode | None
    method: Method | None
    test: Test | None
    pi_method: PiMethod | None
    i2_method: I2Method | None
    level: float | None
    add: float | None
    to: To | None
    drop00: bool | None
    form: TwoArmForm | None
    tau2: Sharing | None
    estimand: Estimand | None
    prior: TauPrior | None
    prior_scale: float | None
    mu_prior: tuple[float, float] | None
    likelihood: Likelihood | None
    seed: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request that a model can honour. Fields without a default here have the model's.

    A thing that the model does not have (the estimator of a Bayesian model, say) is "".
    """

    kind: Kind
    measure: Measure
    model: ModelCode
    method: Method
    test: Test
    pi_method: PiMethod
    i2_method: I2Method
    tau2: Sharing
    level: float = 0.95
    add: float = 0.5
    to: To = "only0"
    drop00: bool | None = None
    form: TwoArmForm = "UM.RS"
    estimand: Estimand = "median"
    prior: TauPrior = "half-normal"
    prior_scale: float = 1.0
    mu_prior: tuple[float, float] | None = None
    likelihood: Likelihood = "binomial"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """An option that cannot be honoured: its field, what was asked, why not, what is allowed."""

    field: str
    value: Any
    why: str
    allowed: tuple[str, ...] = ()

    @property
    def hint(self) -> str:
        return f"allowed: {', '.join(self.allowed)}" if self.allowed else ""

    def __str__(self) -> str:
        named = self.field if self.value is None else f"{self.field} = {self.value!r}"
        return "; ".join(part for part in (f"{named} {self.why}", self.hint) if part)


def request(
    kind: Kind,
    asked: Mapping[str, Any],
    *,
    grouped: bool = False,
    clustered: bool = False,
    batched: bool = False,
) -> Request:
    """The request that the options ask for.

    ``grouped``: for subgroups; ``clustered``: with labels of clusters; ``batched``: for many
    data sets at once.

    Raises:
        ConfigError: With every option that does not exist or cannot be honoured.
    """
    found, problems = check(kind, asked, grouped=grouped, clustered=clustered, batched=batched)
    if found is None:
        raise ConfigError(". ".join(str(problem) for problem in problems))
    return found


def check(
    kind: Kind,
    asked: Mapping[str, Any],
    *,
    grouped: bool = False,
    clustered: bool = False,
    batched: bool = False,
) -> tuple[Request | None, tuple[Problem, ...]]:
    """The request, or None and every problem with what was asked."""
    given = {name: value for name, value in asked.items() if value is not None}
    problems = [*_unknown(given), *_values(given)]
    code = given.get("model", next(iter(MODELS[kind])))
    model = MODELS[kind].get(code) if isinstance(code, str) else None
    if model is None:
        problems.append(
            Problem("model", code, f"is not for {_WHAT.get(kind, kind)}", (*MODELS[kind],))
        )
        return None, tuple(problems)
    chosen = _choices(model)
    for name, allowed in chosen.items():
        if name in given and given[name] not in allowed:
            problems.append(Problem(name, given[name], _not_for(kind, model), allowed))
    problems += _further(kind, model, given)
    whole = {name: (allowed or ("",))[0] for name, allowed in chosen.items()} | given
    if not problems:
        whole |= _dependent(model, whole, given)
        problems += _together(model, whole, given)
        problems += _circumstances(model, whole, given, grouped, clustered, batched)
    if problems:
        return None, tuple(problems)
    return Request(**whole | {"kind": kind, "model": code}), ()


_WHAT: Final[dict[Kind, str]] = {
    "effects": "given effects", "regression": "a regression", "permutation": "a permutation test",
    "regression of counts": "a regression of counts", "small studies": "a small-study test",
}  # fmt: skip
_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "to": get_args(To),
    "form": get_args(TwoArmForm),
    "estimand": get_args(Estimand),
    "prior": get_args(TauPrior),
    "likelihood": get_args(Likelihood),
}
# Fields that only some models have; what the others have by choice is in their tuples.
_FURTHER: Final = (*_WORDS, "add", "drop00", "prior_scale", "mu_prior", "seed")


def _choices(model: Model) -> dict[str, tuple[str, ...]]:
    return {
        "measure": model.measures, "method": model.methods, "test": model.tests,
        "pi_method": model.pi_methods, "i2_method": model.i2_methods, "tau2": model.tau2,
    }  # fmt: skip


def _not_for(kind: Kind, model: Model) -> str:
    return f"is not for model {model.code} of {_WHAT.get(kind, kind)}"


def _unknown(given: Mapping[str, Any]) -> Iterator[Problem]:
    known = tuple(field.name for field in fields(Request) if field.name != "kind")
    for name in given:
        if name not in known:
            yield Problem(name, None, "is no option", known)


def _values(given: Mapping[str, Any]) -> Iterator[Problem]:
    """Values that no model could use."""
    for name, words in _WORDS.items():
        if name in given and given[name] not in words:
            yield Problem(name, given[name], "does not exist", words)
    for name, fits, what in _RANGES:
        if name in given and not fits(given[name]):
            yield Problem(name, given[name], f"is not {what}")


def is_number(value: Any) -> bool:
    """Whether it is a finite number and no truth value."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _normal(value: Any) -> bool:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        return False
    if not all(is_number(part) for part in value):
        return False
    mean, sd = (float(part) for part in value)
    return abs(mean) <= _FARTHEST_MEAN and _LEAST_SPREAD <= sd <= _MOST_SPREAD


_OWN: Final = {field.name: field.default for field in fields(Request)}  # defaults of no model
_RANGES: Final = (
    ("level", lambda v: is_number(v) and _LEAST_TAIL <= v <= 1 - _LEAST_TAIL,
     "between 0 and 1 (0.95 for 95%; at most 0.999999999)"),
    ("add", lambda v: is_number(v) and (v == 0 or _LEAST_ADDED <= v <= _MOST_ADDED),
     f"0, or from {_LEAST_ADDED:f} to {_MOST_ADDED:g}"),
    ("drop00", lambda v: isinstance(v, bool), "true or false"),
    ("seed", lambda v: _whole(v) and v >= 0, "a whole number of 0 or more"),
    ("prior_scale", lambda v: is_number(v) and _LEAST_SCALE <= v <= max(_MOST_SCALE.values()),
     f"from {_LEAST_SCALE:f} to {max(_MOST_SCALE.values()):g}"),
    ("mu_prior", _normal,
     (f"a mean within {_FARTHEST_MEAN:g} of 0, "
      f"a deviation from {_LEAST_SPREAD:f} to {_MOST_SPREAD:,.0f}")),
)  # fmt: skip


def _further(kind: Kind, model: Model, given: Mapping[str, Any]) -> Iterator[Problem]:
    """Fields that the model does not have at all."""
    lacking = [name for name in _FURTHER if name not in model.further]
    for name in lacking if model.intervals else (*lacking, "level"):
        if name in given:
            yield Problem(name, given[name], _not_for(kind, model))


def _dependent(model: Model, whole: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults that follow from other choices."""
    found: dict[str, Any] = {}
    if whole["method"] == "EE" and "i2_method" not in given:
        found["i2_method"] = "Q"  # without tau2 there is no other
    if "likelihood" not in given:
        found["likelihood"] = "binomial" if whole["measure"] == "PLO" else "normal"
    if "to" in model.further and "to" not in given and _as_they_are(model, {**whole, **found}):
        found["to"] = "none"
    return found


def _as_they_are(model: Model, whole: Mapping[str, Any]) -> str:
    """Why 0 and n events need nothing added to them, or empty."""
    if "likelihood" in model.further and whole["likelihood"] == "binomial":
        return "the binomial likelihood takes 0 and n events as they are, and nothing is added"
    if whole["measure"] in ARCSINES:
        return "arcsines are defined at 0 and n: nothing is added unless 'to' is all"
    return ""


def _together(
    model: Model, whole: Mapping[str, Any], given: Mapping[str, Any]
) -> Iterator[Problem]:
    """Options each of which the model has, but not at once."""
    if whole["method"] == "EE":
        for name, allowed in (("i2_method", ("Q",)), ("pi_method", ("V", "HTS"))):
            if whole[name] and whole[name] not in allowed:
                yield Problem(name, whole[name], "is not for method EE", allowed)
    # Where nothing is drawn, the default may still be called by its name.
    seed = given.get("seed", _OWN["seed"])
    drawn = whole["pi_method"] == "bootstrap" or "bootstrap" not in model.pi_methods
    if seed != _OWN["seed"] and not drawn:
        yield Problem("seed", seed, "is for pi_method 'bootstrap', and nothing is drawn")
    if "likelihood" in model.further:
        yield from _beliefs(whole)
    yield from _corrections(model, whole, given)


def _beliefs(whole: Mapping[str, Any]) -> Iterator[Problem]:
    """A likelihood on another scale, and a scale that is too wide for its prior."""
    if whole["likelihood"] == "binomial" and whole["measure"] != "PLO":
        why = f"is on the logit scale, not for measure {whole['measure']}"
        yield Problem("likelihood", "binomial", why, ("normal",))
    prior = whole.get("prior", _OWN["prior"])
    scale = whole.get("prior_scale", _OWN["prior_scale"])
    if scale > _MOST_SCALE[prior]:
        yield Problem("prior_scale", scale, f"is above {_MOST_SCALE[prior]:g} for prior {prior}")


def _corrections(
    model: Model, whole: Mapping[str, Any], given: Mapping[str, Any]
) -> Iterator[Problem]:
    """Continuity corrections of what needs none."""
    why = _as_they_are(model, whole) if "to" in model.further else ""
    allowed = ("none",) if whole["likelihood"] == "binomial" else ("all", "none")
    if not why or given.get("to") in allowed:
        yield from _nothing_added(whole, given)
        return
    for name in ("add", "to"):
        if name in given:
            hint = allowed if name == "to" else ()
            yield Problem(name, given[name], f"has no effect: {why}", hint)


def _nothing_added(whole: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[Problem]:
    """Halves of a continuity correction whose other half adds nothing."""
    if "add" in given and whole.get("to") == "none":
        yield Problem("add", given["add"], "has no effect with to = 'none', which adds nothing")
    elif "to" in given and given["to"] != "none" and given.get("add") == 0:
        yield Problem("to", given["to"], "has no effect with add = 0, which adds nothing")


def _circumstances(
    model: Model,
    whole: Mapping[str, Any],
    given: Mapping[str, Any],
    grouped: bool,
    clustered: bool,
    batched: bool,
) -> Iterator[Problem]:
    """What subgroups, clusters and batches cannot have."""
    if "tau2" in given and not grouped:
        yield Problem("tau2", given["tau2"], "is for subgroups, and there are none")
    if clustered and not model.clusters:
        yield Problem("cluster", None, f"is not for model {model.code}")
    if clustered and "test" in given:
        yield Problem("test", given["test"], "is not for clusters, whose test is CR2")
    if batched and not model.batched:
        yield Problem("model", model.code, "cannot be fitted to many data sets at once")
    single = ("", "tau2 common to subgroups") if grouped and whole["tau2"] == "common" else ()
    if batched:
        single = ("profile", "many data sets at once")
    if single:
        for name, value in (
            ("test", single[0]), ("pi_method", "bootstrap"), ("estimand", "marginal"),
        ):  # fmt: skip
            if value and whole.get(name) == value:
                yield Problem(name, value, f"is not for {single[1]}")
