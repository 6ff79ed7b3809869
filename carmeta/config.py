"""An analysis in a short file: it says only what differs from the defaults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from carmeta.domain.lists import ByOutcome, Filled, Listed
from carmeta.domain.models import UNASKED, Kind
from carmeta.domain.record import SCHEMA, SchemaVersion, record_kind
from carmeta.domain.request import Problem, Request, check, request
from carmeta.domain.rules import CohortKey, EvidenceRules, Id, Section, refused
from carmeta.domain.words import ModeratorCode, Vocabulary
from carmeta.errors import ConfigError
from carmeta.sourcefile import Diagnostic, SourceFile, load_source, suggest, validate
from carmeta.vocabulary import (
    I2Method,
    Method,
    ModelCode,
    PiMethod,
    Sharing,
    SingleArmMeasure,
    Test,
    TwoArmMeasure,
)


class ModelSpec(Section):
    """One model; what is not said is the model's default."""

    model: ModelCode
    measure: SingleArmMeasure | None = None  # of one arm; a comparison names its own
    method: Method | None = None
    test: Test | None = None


class Threshold(Section):
    """Ask for the probability that a new study lies beyond a value."""

    value: Annotated[float, Field(gt=0, lt=1)]
    direction: Literal["above", "below"] = "above"


class CohortSet(Section):
    """A named set of cohorts, analysed on its own."""

    id: Id
    label: str
    cohorts: Listed[CohortKey]


class ArmPairSpec(Section):
    """Two arms to compare."""

    treatment: CohortKey
    control: CohortKey


class Comparison(Section):
    """Two-arm comparisons."""

    pairs: Filled[ArmPairSpec]
    measures: Listed[TwoArmMeasure] = ("OR", "RR", "RD")


class Sensitivity(Section):
    """Which refits accompany the headline."""

    leave_one_out: bool = True
    candidates: bool = True
    influence: bool = True  # of each study on the IV pool; funnel, Baujat; small studies
    evidence: bool = True  # other readings, populations, overlaps, counts; one at a time


class AnalysisConfig(EvidenceRules):
    """A whole analysis. Every field but `name` and `title` has a default."""

    schema_version: SchemaVersion = SCHEMA
    name: Id
    title: str
    question: str = ""
    models: Filled[ModelSpec] | None = None
    rare_below: Annotated[float, Field(ge=0, lt=1)] = 0.05
    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    pi_method: PiMethod | None = None
    i2_method: I2Method | None = None
    subgroup: ModeratorCode | None = None
    subgroup_tau2: Sharing | None = None
    regression: Listed[ModeratorCode] = ()
    sets: Listed[CohortSet] = ()
    comparison: Comparison | None = None
    thresholds: ByOutcome[Threshold] = Field(default_factory=dict)
    sensitivity: Sensitivity = Sensitivity()

    @model_validator(mode="after")
    def _consistent(self) -> AnalysisConfig:
        wrong: list[tuple[tuple[str | int, ...], str]] = []
        if self.sets and self.comparison:
            wrong.append((("comparison",), "'sets' and 'comparison' cannot be combined"))
        for key in ("sets", "comparison"):
            if getattr(self, key) and self.include.cohorts:
                text = f"name cohorts under '{key}' or under 'include', not both"
                wrong.append(((key,), text))
        if wrong:
            raise refused(self, wrong)
        return self

    @property
    def by_name(self) -> frozenset[str]:
        """Every cohort that the run asks for by name, in whichever set."""
        return super().by_name.union(*(part.cohorts for part in self.sets))

    @property
    def specs(self) -> tuple[ModelSpec, ...]:
        """The models in use: those named, or the default of the question."""
        if self.models:
            return self.models
        codes = UNASKED["two arms" if self.comparison else "one arm"]
        return tuple(ModelSpec(model=code) for code in codes)

    def asked(self, spec: ModelSpec, **further: Any) -> dict[str, Any]:
        """The options that one of the models is asked for, by the engine's names."""
        whole = {"pi_method": self.pi_method, "i2_method": self.i2_method, "level": self.level}
        return spec.model_dump() | whole | further

    @property
    def requests(self) -> tuple[Request, ...]:
        """One request a model of a single-arm analysis, the headline first.

        Raises:
            ConfigError: What a model cannot honour; `load_config` says where it stands.
        """
        return tuple(request("one arm", self.asked(spec)) for spec in self.specs)

    @property
    def subgroup_request(self) -> Request:
        """The headline model by levels of the moderator."""
        asked = self.asked(self.specs[0], tau2=self.subgroup_tau2)
        return request("one arm", asked, grouped=True)

    @property
    def regression_request(self) -> Request:
        """The headline model on a moderator, effects and all limits on the logit scale.

        What concerns the pool alone (prediction, I2) is not asked of it.
        """
        spec = self.specs[0]
        return request(_REGRESSED[spec.model], self.regressed(spec))

    def regressed(self, spec: ModelSpec) -> dict[str, Any]:
        """The options of a model on a moderator, by the engine's names."""
        return spec.model_dump() | {"measure": "PLO", "level": self.level}

    def contrasts(self) -> tuple[Request, ...]:
        """One request a measure and model of a comparison of two arms."""
        measures = self.comparison.measures if self.comparison else ()
        return tuple(
            request("two arms", self.asked(spec, measure=measure))
            for measure in measures
            for spec in self.specs
        )


def load_config(path: Path, words: Vocabulary) -> AnalysisConfig:
    """Read a configuration and check it, in the words of its review.

    Raises:
        ConfigError: with every diagnostic (file, line, column, what is allowed).
    """
    if not path.exists():
        known = sorted(other.as_posix() for other in path.parent.glob("*.yaml"))
        told = suggest(path.as_posix(), known)
        raise ConfigError(f"{path}: there is no such configuration", hint=told)
    source, diagnostics = load_source(path)
    if source is None:
        raise _failed(path, diagnostics)
    kind = record_kind(source.data)
    if kind:
        told = f"`carmeta validate {path}` checks it; a configuration has 'name' and 'title'"
        raise ConfigError(f"{path} is {kind}, not a configuration", hint=told)
    config, problems = validate(AnalysisConfig, source, words)
    if config is None or problems:
        raise _failed(path, problems)
    problems = [*_misnamed(config, source, path.stem), *_unfit(config, source, words)]
    if problems:
        raise _failed(path, problems)
    return config


def _misnamed(config: AnalysisConfig, source: SourceFile, stem: str) -> Iterator[Diagnostic]:
    if config.name != stem:
        yield source.diagnostic(
            "CFG010",
            ("name",),
            f"name '{config.name}' differs from the file name",
            hint=f"write 'name: {stem}'",
        )


# The models that can be fitted on a moderator.
_REGRESSED: Final[dict[str, Kind]] = {"GLMM": "regression of counts", "IV": "regression"}
# Keys that concern the pool of single arms only, and those that sets of cohorts, which are not
# pooled, do not heed either.
_POOL_KEYS: Final = (
    "rare_below", "subgroup", "subgroup_tau2", "regression", "thresholds", "sensitivity",
)  # fmt: skip
_MODEL_KEYS: Final = ("models", "pi_method", "i2_method", *_POOL_KEYS)
# Arms of a comparison have no patient in common, so there is no overlap to decide.
_COMPARED_KEYS: Final = ("overlap", *_POOL_KEYS)


def _unfit(config: AnalysisConfig, source: SourceFile, words: Vocabulary) -> Iterator[Diagnostic]:
    """What no model, or not the model named, can honour."""
    seen: set[tuple[str | int, ...]] = set()
    other, keys = ("comparison", _COMPARED_KEYS) if config.comparison else ("sets", _MODEL_KEYS)
    for key in keys if getattr(config, other) else ():
        if key in config.model_fields_set:
            text = f"'{key}' has no effect beside '{other}'"
            yield source.diagnostic("CFG012", (key,), text, hint=f"remove it, or '{other}'")
    for where, why, hint in _idle(config):
        text = f"'{where[-1]}' has no effect {why}"
        yield source.diagnostic("CFG012", where, text, hint=hint)
    for where, cohort in _twice(config):
        text = f"'{cohort}' stands in this comparison already: its patients would count twice"
        yield source.diagnostic("CFG014", where, text, hint="each arm belongs to one pair")
    for i in _same_request(config):
        text = "this model is asked for already, with the same measure, method and test"
        yield source.diagnostic("CFG015", ("models", i), text, hint="remove it")
    for where in _unasked(config, words):
        text = f"'{where[-1]}' is for an outcome that is not among the outcomes"
        hint = f"outcomes: {', '.join(config.outcomes)}"
        yield source.diagnostic("CFG013", where, text, hint=hint)
    if config.subgroup is not None and words.uncut(config.subgroup):
        name = config.subgroup
        text = f"'{name}' is a number: it makes no subgroups"
        hint = f"give it 'cuts' in review.yaml, or write 'regression: [{name}]'"
        yield source.diagnostic("CFG016", ("subgroup",), text, hint=hint)
    for where, problem in _problems(config):
        if where not in seen:
            seen.add(where)
            text = f"'{problem.value}' {problem.why}"
            yield source.diagnostic("CFG011", where, text, hint=problem.hint)


def _twice(config: AnalysisConfig) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Arms that a comparison names a second time."""
    seen: set[str] = set()
    for i, pair in enumerate(config.comparison.pairs if config.comparison else ()):
        for role, cohort in (("treatment", pair.treatment), ("control", pair.control)):
            if cohort in seen:
                yield ("comparison", "pairs", i, role), cohort
            seen.add(cohort)


def _same_request(config: AnalysisConfig) -> Iterator[int]:
    """Models that come to the request of an earlier one, defaults spelled out."""
    kind: Kind = "two arms" if config.comparison else "one arm"
    further = {"measure": config.comparison.measures[0]} if config.comparison else {}
    asks = [check(kind, config.asked(spec, **further))[0] for spec in config.specs]
    yield from (i for i, ask in enumerate(asks) if ask is not None and ask in asks[:i])


def _idle(config: AnalysisConfig) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """Keys that other keys leave nothing to do, why, and what helps."""
    for i, spec in enumerate(config.specs if config.comparison else ()):
        if spec.measure is not None:
            hint = "remove it: 'comparison.measures' names the measures"
            yield ("models", i, "measure"), "beside 'comparison'", hint
    if "rare_below" in config.model_fields_set and any(s.model == "BB" for s in config.specs):
        yield ("rare_below",), "where the beta-binomial model is asked for anyway", "remove it"
    rules = config.counts
    if "several" in rules.model_fields_set and "percent-several" not in rules.accept:
        hint = "add 'percent-several' to 'counts.accept', or remove it"
        yield ("counts", "several"), "where several fitting counts are not accepted", hint
    wanted = config.populations
    if "order" in wanted.model_fields_set and set(config.outcomes) <= set(wanted.by_outcome):
        yield ("populations", "order"), "where every outcome has an order of its own", "remove it"


def _unasked(config: AnalysisConfig, words: Vocabulary) -> Iterator[tuple[str | int, ...]]:
    """Keys that concern outcomes which the configuration does not ask for."""
    events = {words.outcome(outcome).event for outcome in config.outcomes}
    asked = config.definitions
    yield from (("definitions", "scales", event) for event in asked.scales if event not in events)
    for place, outcomes in (
        (("definitions", "without"), [*asked.without]),
        (("definitions", "among"), [*asked.among]),
        (("populations", "by_outcome"), [*config.populations.by_outcome]),
        (("thresholds",), [*config.thresholds]),
    ):
        yield from ((*place, outcome) for outcome in outcomes if outcome not in config.outcomes)


def _problems(config: AnalysisConfig) -> Iterator[tuple[tuple[str | int, ...], Problem]]:
    for i, spec in enumerate(config.specs):
        head = i == 0 and config.subgroup is not None and not config.comparison
        asked = config.asked(spec)
        if config.comparison:
            checks = [check("two arms", asked | {"measure": m}) for m in config.comparison.measures]
        elif head or (i == 0 and config.subgroup_tau2 is not None):
            checks = [check("one arm", asked | {"tau2": config.subgroup_tau2}, grouped=head)]
        else:
            checks = [check("one arm", asked)]
        if i == 0 and config.regression and not (config.comparison or config.sets):
            checks.append(_regression(config, spec))
        for _, problems in checks:
            yield from ((_place(config, i, problem), problem) for problem in problems)


def _regression(
    config: AnalysisConfig, spec: ModelSpec
) -> tuple[Request | None, tuple[Problem, ...]]:
    if spec.model not in _REGRESSED:
        why = "has no regression on moderators, which the headline model is to have"
        return None, (Problem("model", spec.model, why, (*_REGRESSED,)),)
    return check(_REGRESSED[spec.model], config.regressed(spec))


def _place(config: AnalysisConfig, model: int, problem: Problem) -> tuple[str | int, ...]:
    """Where a field of a request stands in the configuration."""
    if problem.field == "measure" and config.comparison:
        named = "measures" in config.comparison.model_fields_set
        return ("comparison", "measures") if named else ("models", model, "model")
    if problem.field in ModelSpec.model_fields:
        return ("models", model, problem.field)
    return ("subgroup_tau2",) if problem.field == "tau2" else (problem.field,)


def resolved(config: AnalysisConfig) -> dict[str, Any]:
    """The configuration with every default spelled out, as plain values.

    >>> resolved(AnalysisConfig(name="x", title="X"))["models"][1]["test"]
    'adhoc'
    """
    plain = config.model_dump(mode="json", exclude={"schema_version"})
    plain = {key: plain[key] for key in ("name", "title", "question")} | plain
    asks = config.contrasts() if config.comparison else config.requests
    asks = asks[: len(config.specs)]  # a comparison has them once a measure
    own = [key for key in ModelSpec.model_fields if key != "measure" or not config.comparison]
    plain["models"] = [{key: getattr(ask, key) for key in own} for ask in asks]
    for key in ("pi_method", "i2_method"):
        plain[key] = plain[key] or getattr(asks[0], key)
    if config.subgroup is not None:
        plain["subgroup_tau2"] = config.subgroup_request.tau2
    return plain


def _failed(path: Path, diagnostics: list[Diagnostic]) -> ConfigError:
    count = len(diagnostics)
    noun = "problem" if count == 1 else "problems"
    return ConfigError(f"{path}: {count} {noun} in the configuration", diagnostics=diagnostics)
