"""Which evidence an analysis asks for: the sections of a configuration that make the counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from carmeta.domain.lists import ByOutcome, Listed
from carmeta.domain.words import (
    AttributeName,
    CategoryCode,
    EventCode,
    GroupCode,
    OutcomeCode,
    PopulationCode,
    RoleCode,
    ScaleCode,
    Vocabulary,
    words_of,
)
from carmeta.vocabulary import Accept, OverlapPolicy, Unit

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.\-]*$", max_length=80)]
CohortKey = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.\-]*/[a-z0-9][a-z0-9.\-]*$")]


class Section(BaseModel):
    """Strict and closed, like the records."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def refused(
    section: Section, problems: Sequence[tuple[tuple[str | int, ...], str]]
) -> ValidationError:
    """What fields of a section do not go together, each with its place."""
    details = [
        InitErrorDetails(
            type=PydanticCustomError("together", "{text}", {"text": text}), loc=place, input=None
        )
        for place, text in problems
    ]
    return ValidationError.from_exception_data(type(section).__name__, details)


class Include(Section):
    """Which cohorts may enter; what is not listed asks for nothing in particular."""

    roles: Listed[RoleCode] = ()  # those that are usual in the review
    secondary: bool = False
    studies: Listed[Id] = ()
    products: Listed[str] = ()
    cohorts: Listed[CohortKey] = ()
    units: Listed[Unit] = ("patients",)
    attributes: Annotated[dict[AttributeName, Listed[str]], Field(min_length=1)] = Field(
        default_factory=dict, description="Values of what the review declares of cohorts."
    )


class Populations(Section):
    """Populations in order of preference; one that is not listed is not used."""

    order: Listed[PopulationCode] = ()  # the review's usual order
    by_outcome: ByOutcome[Listed[PopulationCode]] = Field(default_factory=dict)


class CountRules(Section):
    """Which kinds of count are accepted, and which of several fitting ones is used."""

    accept: Listed[Accept] = ("printed", "summed", "patients", "percent", "percent-several")
    inferred: bool = True
    several: Literal["nearest", "lowest", "highest"] = "nearest"


class Overlap(Section):
    """How a set of cohorts without shared patients is picked."""

    policy: OverlapPolicy = "patients"


class Definitions(Section):
    """What counts as an outcome, and by which scales; without a list every scale."""

    without: ByOutcome[Listed[CategoryCode]] = Field(
        default_factory=dict, description="Categories of response that do not count."
    )
    scales: Annotated[dict[EventCode, Listed[ScaleCode]], Field(min_length=1)] = Field(
        default_factory=dict, description="By event."
    )
    among: ByOutcome[GroupCode] = Field(
        default_factory=dict, description="One group; must be named for what is assayed."
    )


class EvidenceRules(Section):
    """What the harmoniser is asked for.

    Outcomes, roles and populations that are not given are the usual ones of the review whose
    words are the context of the validation.
    """

    outcomes: Listed[OutcomeCode] = ()
    include: Include = Include()
    populations: Populations = Populations()
    counts: CountRules = CountRules()
    overlap: Overlap = Overlap()
    definitions: Definitions = Definitions()

    @model_validator(mode="after")
    def _of_the_review(self, info: ValidationInfo) -> EvidenceRules:
        words = words_of(info)
        if words is not None:
            self._fill(words)
            self._check_groups(words)
        return self

    def _fill(self, words: Vocabulary) -> None:
        """Put in what is usual, without its counting as given."""
        if "outcomes" not in self.model_fields_set:
            self.__dict__["outcomes"] = words.usual("outcomes")
        if "roles" not in self.include.model_fields_set:
            self.__dict__["include"] = _with(self.include, roles=words.usual("roles"))
        if "order" not in self.populations.model_fields_set:
            self.__dict__["populations"] = _with(self.populations, order=words.usual("populations"))

    def _check_groups(self, words: Vocabulary) -> None:
        lacking = [
            i
            for i, outcome in enumerate(self.outcomes)
            if words.outcome(outcome).assayed and outcome not in self.definitions.among
        ]
        if lacking:
            text = (
                f"{self.outcomes[lacking[0]]} is conditional on a group: name it under "
                f"definitions.among ({', '.join(words.groups)})"
            )
            raise refused(self, [(("outcomes", i), text) for i in lacking])

    @property
    def by_name(self) -> frozenset[str]:
        """Every cohort (``study/cohort``) that the whole run asks for by name."""
        return frozenset(self.include.cohorts)

    def order(self, outcome: str) -> tuple[str, ...]:
        """Populations for an outcome, from the preferred one on."""
        own = self.populations.by_outcome.get(outcome)
        return self.populations.order if own is None else own


S = TypeVar("S", bound=Section)


def _with(section: S, **values: object) -> S:
    """A copy that holds these values and says of itself that they were not given."""
    copy = section.model_copy()
    copy.__dict__.update(values)
    return copy
