"""What a review or a pack may declare: one entry a word, and what the word means."""

from __future__ import annotations

import math
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    model_validator,
)
from pydantic_core import CoreSchema

Sign = Literal["good", "open", "bad", "none"]
PERCENT: Final = "percent"  # the unit of a share of the patients

Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+\-]*$", max_length=60)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class Declared(BaseModel):
    """Strict, closed and immutable, like the records."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Term(Declared):
    """A word and how it is called in print; ``word: label`` is short for ``{label: label}``."""

    label: Label
    source: str | None = Field(None, description="Who defines it: reference in words.")
    note: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _label_alone(cls, given: Any) -> Any:
        return {"label": given} if isinstance(given, str) else given

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        written = handler(core)
        return {"anyOf": [{"type": "string", "description": "The label."}, written]}


class Category(Term):
    """A category of best response."""

    below: Word | None = Field(
        None, description="The category after which it stands; else it is the last of its ladder."
    )
    unsplit: bool = Field(
        False, description="Many tables do not print it apart from the category below it."
    )
    former: bool = Field(
        False, description="Of earlier criteria: that a table does not list it says nothing."
    )


class Ladder(Term):
    """Criteria of response: categories that exclude each other, the deepest response first."""

    categories: dict[Word, Category] = Field(min_length=1)


class Outcome(Term):
    """What is pooled, and which printed cells hold it.

    By response (the lowest category that counts, or a list of exactly those that count), by
    event and lowest grade, assayed within a group, or else printed under its own name only.
    """

    short: str | None = Field(None, description="For the columns of tables; else the label.")
    definition: str = ""
    good: bool | None = Field(
        None, description="Whether more is better; else so for responses and what is assayed."
    )
    response: Word | list[Word] | None = None
    event: Word | None = None
    grade: Annotated[int, Field(ge=1, le=5)] = Field(1, description="The lowest that counts.")
    assayed: bool = Field(False, description="Conditional on an assay, its depth and a group.")

    @model_validator(mode="after")
    def _one_way(self) -> Outcome:
        ways = [self.response is not None, self.event is not None, self.assayed]
        if sum(ways) > 1:
            raise ValueError("an outcome is made of a response, of an event or of an assay")
        if "grade" in self.model_fields_set and self.event is None:
            raise ValueError("'grade' is the lowest grade of an 'event', which is not named")
        return self


class Group(Term):
    """Patients among whom something is assayed: all, or those who have an outcome."""

    outcome: Word | None = None


class Event(Term):
    """An adverse event that is graded."""

    stem: Word | None = Field(None, description="How cells are called in findings; else its id.")
    windowed: bool = Field(False, description="Its count depends on the period of observation.")
    terms: list[Label] = Field(
        default_factory=list, description="As papers print it, in 'term' of an adverse event."
    )


class Scale(Term):
    """A grading scale; with ``events`` only for those."""

    events: list[Word] = Field(default_factory=list)


class Population(Term):
    """Patients of a cohort that numbers are printed of."""

    within: list[Word] = Field(default_factory=list, description="Populations that hold it.")
    varies: bool = Field(False, description="Who is in it differs from outcome to outcome.")


class Endpoint(Term):
    """Something that takes time; ``column`` shows its median in the table of studies."""

    column: str | None = None


class Attribute(Term):
    """What a record says of a cohort, or of the product it was given."""

    of: Literal["cohort", "product"]
    values: list[Label] | None = Field(None, description="All that are allowed; else any text.")
    column: str | None = Field(None, description="Heading in the table of studies; else not shown.")


class Trait(Term):
    """A characteristic that the table of studies shows, by the name that records use."""


class Moderator(Term):
    """What effects are set against: a characteristic or an attribute.

    Numeric with a ``unit``; ``cuts`` make it a subgroup of levels as well.
    """

    of: Word | None = Field(None, description="Its name in the records; else the word itself.")
    unit: Label | None = Field(None, description="Of a number, e.g. years; percent of a share.")
    cuts: list[float] = Field(default_factory=list, description="Where levels begin; ascending.")

    @model_validator(mode="after")
    def _levels(self) -> Moderator:
        if self.cuts and self.unit is None:
            raise ValueError("'cuts' are of a moderator with a 'unit', which is not given")
        if not all(map(math.isfinite, self.cuts)):
            raise ValueError("each of 'cuts' is a number")
        if any(b <= a for a, b in zip(self.cuts, self.cuts[1:], strict=False)):
            raise ValueError("'cuts' ascend: each is above the one before")
        return self

    def level(self, name: str, value: float) -> str:
        """The level between two of the ``cuts`` that a value lies in, in words.

        >>> Moderator(label="Age", unit="years", cuts=[65]).level("age", 65.0)
        'age ≥ 65 years'
        """
        called, unit = name.replace("-", " ").replace("_", " "), self.unit or ""
        after = "%" if unit == PERCENT else f" {unit}"
        above = [cut for cut in self.cuts if value < cut]
        below = [cut for cut in self.cuts if value >= cut]
        if not below:
            return f"{called} < {above[0]:g}{after}"
        if not above:
            return f"{called} ≥ {below[-1]:g}{after}"
        return f"{below[-1]:g} ≤ {called} < {above[0]:g}{after}"


class Answer(Term):
    """A judgement of a risk-of-bias tool."""

    sign: Sign


class BiasTool(Term):
    """A tool for the risk of bias: its items in their order and how they are answered."""

    answers: dict[Word, Answer] = Field(min_length=2)
    items: dict[Word, Term] = Field(min_length=1)


class Defaults(Declared):
    """What a configuration asks for where it does not say."""

    outcomes: list[Word] | None = None
    roles: list[Word] | None = None
    populations: list[Word] | None = None
