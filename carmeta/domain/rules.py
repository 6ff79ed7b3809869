"""Which evidence an analysis asks for: the sections of a configuration that make the counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, LiteralString

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from carmeta.domain.lists import ByOutcome, Listed
from carmeta.vocabulary import (
    Accept,
    MrdGroup,
    OutcomeCode,
    OverlapPolicy,
    Population,
    Role,
    Scale,
    Unit,
)

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.\-]*$", max_length=80)]
CohortKey = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.\-]*/[a-z0-9][a-z0-9.\-]*$")]


class Section(BaseModel):
    """Strict and closed, like the records."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def refused(
    section: Section, problems: Sequence[tuple[tuple[str | int, ...], LiteralString]]
) -> ValidationError:
    """What fields of a section do not go together, each with its place."""
    details = [
        InitErrorDetails(type=PydanticCustomError("together", text), loc=place, input=None)
        for place, text in problems
    ]
    return ValidationError.from_exception_data(type(section).__name__, details)


class Include(Section):
    """Which cohorts may enter; what is not listed asks for nothing in particular."""

    roles: Listed[Role] = ("car-t",)
    secondary: bool = False
    studies: Listed[Id] = ()
    products: Listed[str] = ()
    cohorts: Listed[CohortKey] = ()
    units: Listed[Unit] = ("patients",)
    line: Literal["first", "all"] | None = None


class Populations(Section):
    """Populations in order of preference; one that is not listed is not used."""

    order: Listed[Population] = ("infused", "treated", "safety", "evaluable", "itt")
    by_outcome: ByOutcome[Listed[Population]] = Field(default_factory=dict)


class CountRules(Section):
    """Which kinds of count are accepted, and which of several fitting ones is used."""

    accept: Listed[Accept] = ("printed", "summed", "patients", "percent", "percent-several")
    inferred: bool = True
    several: Literal["nearest", "lowest", "highest"] = "nearest"


class Overlap(Section):
    """How a set of cohorts without shared patients is picked."""

    policy: OverlapPolicy = "patients"


class Definitions(Section):
    """What counts as the outcome, and by which scales; without a list every scale."""

    cr: Literal["cr-or-better", "cr-without-scr"] = "cr-or-better"
    crs_scales: Listed[Scale] = ()
    nt_scales: Listed[Scale] = ()
    mrd_among: MrdGroup | None = None  # one group; must be named where mrd_neg is pooled


class EvidenceRules(Section):
    """What the harmoniser is asked for."""

    outcomes: Listed[OutcomeCode] = (
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
    definitions: Definitions = Definitions()

    @model_validator(mode="after")
    def _group_named(self) -> EvidenceRules:
        if "mrd_neg" in self.outcomes and self.definitions.mrd_among is None:
            text = (
                "mrd_neg is conditional on a group: name it as definitions.mrd_among "
                "(all, responders, vgpr-or-better or cr-or-better)"
            )
            raise refused(self, [(("outcomes", self.outcomes.index("mrd_neg")), text)])
        return self

    @property
    def by_name(self) -> frozenset[str]:
        """Every cohort (``study/cohort``) that the whole run asks for by name."""
        return frozenset(self.include.cohorts)

    def order(self, outcome: str) -> tuple[str, ...]:
        """Populations for an outcome, from the preferred one on."""
        own = self.populations.by_outcome.get(outcome)  # type: ignore[call-overload]  # any text may be asked
        return self.populations.order if own is None else own

    def scales(self, outcome: str) -> tuple[str, ...]:
        """Grading scales accepted for an outcome; empty: all."""
        if outcome.startswith("crs"):
            return self.definitions.crs_scales
        return self.definitions.nt_scales if outcome.startswith("nt") else ()
