"""An analysis in a short file: it says only what differs from the defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from carmeta.errors import ConfigError
from carmeta.sourcefile import Diagnostic, load_source, nearest, validate
from carmeta.vocabulary import (
    Method,
    Model,
    OutcomeCode,
    PiMethod,
    Population,
    Role,
    Scale,
    Test,
    TwoArmMeasure,
    Unit,
)

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.\-]*$", max_length=80)]
CohortKey = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.\-]*/[a-z0-9][a-z0-9.\-]*$")]
Moderator = Literal[
    "product",
    "binder",
    "costimulation",
    "phase",
    "design",
    "country",
    "lymphodepletion",
    "dose",
    "treatment-class",
    "population",
    "scale",
    "derivation",
]
Accept = Literal["printed", "summed", "patients", "percent", "percent-several"]


class Section(BaseModel):
    """Strict and closed, like the records."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Include(Section):
    """Which cohorts may enter."""

    roles: tuple[Role, ...] = ("car-t",)
    secondary: bool = False
    studies: tuple[Id, ...] = ()
    products: tuple[Id, ...] = ()
    cohorts: tuple[CohortKey, ...] = ()
    units: tuple[Unit, ...] = ("patients",)
    line: Literal["first", "all"] | None = None


class Populations(Section):
    """Populations in order of preference; one that is not listed is not used."""

    order: tuple[Population, ...] = ("infused", "treated", "safety", "evaluable", "itt")
    by_outcome: dict[OutcomeCode, tuple[Population, ...]] = Field(default_factory=dict)


class CountRules(Section):
    """Which kinds of count are accepted, and which of several fitting ones is used."""

    accept: tuple[Accept, ...] = ("printed", "summed", "patients", "percent", "percent-several")
    inferred: bool = True
    several: Literal["nearest", "lowest", "highest"] = "nearest"


class Overlap(Section):
    """How a set of cohorts without shared patients is picked."""

    policy: Literal["patients", "printed", "latest", "earliest"] = "patients"


class ModelSpec(Section):
    """One model; `method` is the tau² estimator (for IV)."""

    model: Model = "GLMM"
    method: Method | None = None
    test: Test | None = None

    @property
    def resolved_method(self) -> str:
        return self.method or ("ML" if self.model in ("GLMM", "BB") else "REML")

    @property
    def resolved_test(self) -> str:
        return self.test or ("adhoc" if self.model == "IV" else "t")


class Threshold(Section):
    """Ask for the probability that a new study lies beyond a value."""

    value: Annotated[float, Field(gt=0, lt=1)]
    direction: Literal["above", "below"] = "above"


class CohortSet(Section):
    """A named set of cohorts, analysed on its own."""

    id: Id
    label: str
    cohorts: Annotated[tuple[CohortKey, ...], Field(min_length=1)]


class ArmPairSpec(Section):
    """Two arms to compare."""

    treatment: CohortKey
    control: CohortKey


class Comparison(Section):
    """Two-arm comparisons."""

    pairs: Annotated[tuple[ArmPairSpec, ...], Field(min_length=1)]
    measures: tuple[TwoArmMeasure, ...] = ("OR", "RR", "RD")


class Definitions(Section):
    """What counts as the outcome, and by which scales; empty lists accept every scale."""

    cr: Literal["cr-or-better", "cr-without-scr"] = "cr-or-better"
    crs_scales: tuple[Scale, ...] = ()
    nt_scales: tuple[Scale, ...] = ()
    mrd_among: tuple[Literal["all", "responders", "vgpr-or-better", "cr-or-better"], ...] = (
        "cr-or-better",
        "responders",
        "all",
        "vgpr-or-better",
    )


class Sensitivity(Section):
    """Which refits accompany the headline."""

    leave_one_out: bool = True
    candidates: bool = True
    influence: bool = True  # of each study on the IV pool; funnel, Baujat; small studies
    evidence: bool = True  # other readings, populations, overlaps, counts; one at a time


class AnalysisConfig(Section):
    """A whole analysis. Every field but `name` and `title` has a default."""

    name: Id
    title: str
    question: str = ""
    outcomes: Annotated[tuple[OutcomeCode, ...], Field(min_length=1)] = (
        "orr",
        "cr",
        "crs_any",
        "crs_ge3",
        "nt_any",
        "nt_ge3",
    )
    include: Include = Include()
    populations: Populations = Populations()
    counts: CountRules = CountRules()
    overlap: Overlap = Overlap()
    models: Annotated[tuple[ModelSpec, ...], Field(min_length=1)] = (
        ModelSpec(model="GLMM"),
        ModelSpec(model="IV"),
    )
    rare_below: Annotated[float, Field(ge=0, lt=1)] = 0.05
    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    pi_method: PiMethod = "V"
    i2_method: Literal["tau2", "Q"] = "tau2"
    subgroup: Moderator | None = None
    subgroup_tau2: Literal["common", "separate"] = "common"
    sets: tuple[CohortSet, ...] = ()
    comparison: Comparison | None = None
    thresholds: dict[OutcomeCode, Threshold] = Field(default_factory=dict)
    definitions: Definitions = Definitions()
    sensitivity: Sensitivity = Sensitivity()

    @model_validator(mode="after")
    def _consistent(self) -> AnalysisConfig:
        if self.sets and self.comparison:
            raise ValueError("'sets' and 'comparison' cannot be combined")
        if self.sets and self.include.cohorts:
            raise ValueError("name cohorts under 'sets' or under 'include', not both")
        return self


def load_config(path: Path) -> AnalysisConfig:
    """Read and check a configuration.

    Raises:
        ConfigError: with every diagnostic (file, line, column, what is allowed).
    """
    if not path.exists():
        known = sorted(p.name for p in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
        guess = nearest(path.name, known)
        hint = f"did you mean '{path.parent / guess}'?" if guess else ""
        raise ConfigError(f"{path}: there is no such configuration", hint=hint)
    source, diagnostics = load_source(path)
    if source is None:
        raise _failed(path, diagnostics)
    config, problems = validate(AnalysisConfig, source)
    if config is None or problems:
        raise _failed(path, problems)
    if config.name != path.stem:
        problem = source.diagnostic(
            "CFG010",
            ("name",),
            f"name '{config.name}' differs from the file name",
            hint=f"write 'name: {path.stem}'",
        )
        raise _failed(path, [problem])
    return config


def resolved(config: AnalysisConfig) -> dict[str, Any]:
    """The configuration with every default spelled out, as plain values.

    >>> resolved(AnalysisConfig(name="x", title="X"))["models"][1]["test"]
    'adhoc'
    """
    plain = config.model_dump(mode="json")
    for item, spec in zip(plain["models"], config.models, strict=True):
        item["method"] = spec.resolved_method
        item["test"] = spec.resolved_test
    return plain


def _failed(path: Path, diagnostics: list[Diagnostic]) -> ConfigError:
    count = len(diagnostics)
    noun = "problem" if count == 1 else "problems"
    return ConfigError(f"{path}: {count} {noun} in the configuration", diagnostics=diagnostics)
