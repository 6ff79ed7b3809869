"""All words of a review together, packs and its own, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, get_args

from pydantic import Field

from carmeta.domain.words.terms import (
    Attribute,
    BiasTool,
    Declared,
    Defaults,
    Endpoint,
    Event,
    Group,
    Ladder,
    Moderator,
    Outcome,
    Population,
    Scale,
    Term,
    Trait,
    Word,
)
from carmeta.vocabulary import RecordModerator

NOT_REPORTED: Final = "not-reported"  # of a scale or an assay: says that nothing is said
OTHER_EVENT: Final = "adverse-event"  # an event that the review has no word for, by its term


@dataclass(frozen=True, slots=True)
class OutcomeTerm:
    """How an outcome is called in print, and which printed cells hold it.

    ``tiers`` are the categories of best response that count, by ladder, deepest first;
    ``event`` and ``lowest`` an adverse event and its lowest grade. Neither, and not
    ``assayed``: it is printed under its own name only.
    """

    code: str
    label: str  # for headings
    short: str  # for table columns
    definition: str = ""
    event_is_good: bool = True
    tiers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    event: str = ""
    lowest: int = 0
    assayed: bool = False

    @classmethod
    def unknown(cls, code: str) -> OutcomeTerm:
        """A code outside the review's words speaks for itself."""
        return cls(code, code, code)

    @property
    def categories(self) -> frozenset[str]:
        """The categories that count in any ladder."""
        return frozenset(name for tier in self.tiers.values() for name in tier)


class Vocabulary(Declared):
    """The words that records and configurations of a review may use.

    Made of packs and of what ``review.yaml`` declares itself, which goes before.
    """

    outcomes: dict[Word, Outcome] = Field(default_factory=dict)
    ladders: dict[Word, Ladder] = Field(default_factory=dict)
    groups: dict[Word, Group] = Field(default_factory=dict)
    assays: dict[Word, Term] = Field(default_factory=dict)
    events: dict[Word, Event] = Field(default_factory=dict)
    scales: dict[Word, Scale] = Field(default_factory=dict)
    populations: dict[Word, Population] = Field(default_factory=dict)
    roles: dict[Word, Term] = Field(default_factory=dict)
    endpoints: dict[Word, Endpoint] = Field(default_factory=dict)
    attributes: dict[Word, Attribute] = Field(default_factory=dict)
    characteristics: dict[Word, Trait] = Field(default_factory=dict)
    moderators: dict[Word, Moderator] = Field(default_factory=dict)
    bias_tools: dict[Word, BiasTool] = Field(default_factory=dict)
    defaults: Defaults = Defaults()

    def allowed(self, section: str) -> tuple[str, ...]:
        """The words of a section as records and configurations may write them."""
        if section == "categories":
            return tuple(dict.fromkeys(c for ladder in self.categories.values() for c in ladder))
        if section in ("populations", "roles"):  # what is usual comes first
            return tuple(dict.fromkeys((*self.usual(section), *getattr(self, section))))
        if section in ("scales", "assays"):
            return (*getattr(self, section), NOT_REPORTED)
        if section == "events":
            return (*self.events, OTHER_EVENT)
        if section == "moderators":
            own = (*get_args(RecordModerator), *self.attributes, *self.moderators)
            return tuple(dict.fromkeys(own))
        if section.endswith(" attributes"):
            of = section.partition(" ")[0]
            return tuple(name for name, term in self.attributes.items() if term.of == of)
        return tuple(getattr(self, section))

    # --- responses -----------------------------------------------------------------------

    @cached_property
    def categories(self) -> Mapping[str, tuple[str, ...]]:
        """The categories of each ladder, deepest response first."""
        return {name: _ordered(ladder) for name, ladder in self.ladders.items()}

    def ladder(self, criteria: str | None) -> str:
        """The ladder of a table of responses: the one it names, or the review's only one."""
        return criteria or next(iter(self.ladders), "")

    def tier(self, outcome: str, criteria: str | None = None) -> tuple[str, ...]:
        """The categories of a table that count for an outcome, deepest first."""
        return self.terms[outcome].tiers.get(self.ladder(criteria), ())

    def widest(self, criteria: str | None) -> tuple[str, ...]:
        """The categories of a ladder that are a response by any outcome."""
        return max((self.tier(code, criteria) for code in self.terms), key=len, default=())

    def nested(self, criteria: str | None) -> dict[str, tuple[str, ...]]:
        """Outcomes made of a ladder's categories, those of the fewest first."""
        found = {code: self.tier(code, criteria) for code in self.terms}
        pairs = sorted(found.items(), key=lambda pair: len(pair[1]))
        return {code: tier for code, tier in pairs if tier}

    # --- outcomes ------------------------------------------------------------------------

    @cached_property
    def terms(self) -> Mapping[str, OutcomeTerm]:
        """Every outcome with what it is made of."""
        return {code: self._term(code, outcome) for code, outcome in self.outcomes.items()}

    def outcome(self, code: str) -> OutcomeTerm:
        """How an outcome is called; a code outside the words speaks for itself."""
        return self.terms.get(code) or OutcomeTerm.unknown(code)

    def _term(self, code: str, given: Outcome) -> OutcomeTerm:
        good = given.good
        return OutcomeTerm(
            code=code,
            label=given.label,
            short=given.short or given.label,
            definition=given.definition,
            event_is_good=(given.response is not None or given.assayed) if good is None else good,
            tiers=self._tiers(given.response),
            event=given.event or "",
            lowest=given.grade if given.event else 0,
            assayed=given.assayed,
        )

    def _tiers(self, response: str | list[str] | None) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for name, order in self.categories.items():
            if isinstance(response, list):
                found[name] = tuple(category for category in order if category in response)
            elif response in order:
                found[name] = order[: order.index(response) + 1]
        return {name: tier for name, tier in found.items() if tier}

    def is_part(self, group: str) -> bool:
        """Whether a group is only those who have some outcome."""
        return group in self.groups and self.groups[group].outcome is not None

    # --- events --------------------------------------------------------------------------

    @cached_property
    def _by_term(self) -> Mapping[str, str]:
        return {
            text.casefold(): name for name, event in self.events.items() for text in event.terms
        }

    def event_of(self, event: str, term: str | None) -> str:
        """The event that a row is about: its own, or the one that its term is a word for."""
        return self._by_term.get((term or "").casefold(), event) if event == OTHER_EVENT else event

    def stem(self, event: str) -> str:
        """How the cells of an event are called."""
        return (self.events[event].stem or event) if event in self.events else event

    def graded(self, event: str, lowest: int) -> OutcomeTerm | None:
        """The outcome that an event of a lowest grade is."""
        for term in self.terms.values():
            if event and (term.event, term.lowest) == (event, lowest):
                return term
        return None

    def grade_subject(self, event: str, term: str | None, grade: str) -> str:
        """The subject of a grade cell: the outcome's code where there is one."""
        lowest = 1 if grade == "any" else int(grade[2:]) if grade.startswith(">=") else 0
        name = self.event_of(event, term)
        outcome = self.graded(name, lowest) if lowest else None
        if outcome is not None:
            return outcome.code
        stem = self.stem(name) if name in self.events else term
        return f"{stem} any grade" if grade == "any" else f"{stem} grade {grade}"

    # --- how words are called --------------------------------------------------------------

    def scale(self, code: str) -> str:
        """A grading scale by its name."""
        return self.scales[code].label if code in self.scales else code.replace("-", " ")

    def population(self, code: str) -> str:
        """An analysis population in words."""
        return self.populations[code].label if code in self.populations else code

    def role(self, code: str) -> str:
        """Cohorts of a role in words."""
        return self.roles[code].label if code in self.roles else code

    def moderator(self, code: str) -> str:
        """A moderator by its name."""
        term = self.moderators.get(code) or self.attributes.get(code)
        return term.label if term else code.replace("-", " ").replace("_", " ")

    def unit(self, moderator: str) -> str:
        """The unit of a numeric moderator; empty for one of categories."""
        term = self.moderators.get(moderator)
        return (term.unit or "") if term else ""

    def uncut(self, moderator: str) -> bool:
        """Whether a moderator is a number that makes no levels."""
        return bool(self.unit(moderator)) and not self.moderators[moderator].cuts

    # --- defaults ------------------------------------------------------------------------

    def usual(self, section: str) -> tuple[str, ...]:
        """What a configuration that names none of a section means: all where none are usual.

        Of outcomes, roles, and populations, those in order of preference.
        """
        own = getattr(self.defaults, section)
        return tuple(getattr(self, section) if own is None else own)

    @cached_property
    def usual_events(self) -> tuple[str, ...]:
        """The adverse events that the usual outcomes are made of."""
        found = (self.outcome(code).event for code in self.usual("outcomes"))
        return tuple(dict.fromkeys(event for event in found if event))

    @property
    def whole_populations(self) -> tuple[str, ...]:
        """The usual populations that are the same for every outcome, the preferred first."""
        known = self.populations
        return tuple(name for name in self.usual("populations") if not known[name].varies)


def _ordered(ladder: Ladder) -> tuple[str, ...]:
    """The categories, each that says so directly below another one."""
    order = [name for name, category in ladder.categories.items() if category.below is None]
    waiting = {n: c.below for n, c in ladder.categories.items() if c.below is not None}
    while waiting:
        ready = [name for name, below in waiting.items() if below in order]
        if not ready:  # below each other, or below what is not there: the loader says so
            return (*order, *waiting)
        for name in reversed(ready):
            order.insert(order.index(waiting.pop(name) or "") + 1, name)
    return tuple(order)
