"""The texts of a review that begins: its words, its first configuration, its products."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from carmeta.domain.record import SCHEMA
from carmeta.domain.words import Vocabulary
from carmeta.sourcefile.writing import scalar

_REVIEW: Final = """\
# yaml-language-server: $schema=.schema/review.schema.json
# The words of this review: those of the packs, and its own. `carmeta words` lists them with the
# file of each, `carmeta packs` the packs there are, and `carmeta schema --write` tells editors
# of a new word.
schema: {schema}
title: {title}
packs: [{packs}]

# Words of its own, which go before those of the packs. Each of these lines adds one as soon as
# the "# " before it is taken away; the next of its kind goes into the same braces.
"""
_CONFIG: Final = """\
# yaml-language-server: $schema=../.schema/config.schema.json
# The main analysis: `carmeta pool` runs it. It says only what differs from the defaults, which
# `carmeta config show` spells out; a line that is commented out is an example.
schema: {schema}
name: primary
title: {title}
# question: What is asked?
"""
PRODUCTS: Final = f"""\
# yaml-language-server: $schema=../.schema/products.schema.json
# What cohorts were given, once: a record names it by its id, as `product: an-id`.
# An item: {{id: an-id, label: Its name, aliases: [Trade name], attributes: {{}}}}
schema: {SCHEMA}
products: []
"""


def review_text(title: str, packs: Sequence[str], words: Vocabulary) -> str:
    """``review.yaml``; ``words`` are those of the packs."""
    head = _REVIEW.format(schema=SCHEMA, title=scalar(title), packs=", ".join(map(scalar, packs)))
    return head + "".join(
        f"# {section}: {{{word}}}  # {why}\n" for section, word, why in _offers(words)
    )


def _offers(words: Vocabulary) -> Iterator[tuple[str, str, str]]:
    """Words that could be added: the section, how it is written there, and what it is."""
    yield "outcomes", "alive-1y: Alive after one year", "a count, as papers print it"
    for event in [*words.events][:1]:
        label = scalar(f"{words.events[event].label} of grade 4 or 5")
        word = f"{event}_ge4: {{label: {label}, event: {event}, grade: 4}}"
        yield "outcomes", word, "by an event and its lowest grade"
    for order in [*words.categories.values()][:1]:
        lowest = order[:2][-1]
        word = f"{lowest}_up: {{label: {lowest} or better, response: {lowest}}}"
        yield "outcomes", word, "by best response, this category or a better one"
    yield "events", "fever: {label: fever, terms: [Pyrexia]}", "graded; terms as papers print them"
    yield "scales", "our-scale: Our scale", "grades events; `events: [..]` for only those"
    yield "roles", "third-arm: third arms", "what a cohort is in the comparison"
    within = next(iter(words.populations), "")
    yield "populations", f"our-set: {{label: our set, within: [{within}]}}", "divided by"
    for ladder, order in [*words.categories.items()][:1]:
        word = f"our-cat: {{label: our category, below: {order[0]}}}"
        yield "ladders", f"{ladder}: {{categories: {{{word}}}}}", "a category of response"
    if not words.ladders:
        word = "ours: {label: Ours, categories: {good: good response, poor: poor response}}"
        yield "ladders", word, "categories of response, the deepest first"
    yield "moderators", "weight: {label: Median weight, unit: kg, cuts: [70]}", "for subgroups"
    yield "characteristics", "weight: Weight (median)", "in the table of studies"
    yield "attributes", "centre: {label: Centre, of: cohort, column: Centre}", "or of: product"
    answers = '{"yes": {label: "yes", sign: good}, "no": {label: "no", sign: bad}}'
    word = f"our-tool: {{label: Our tool, answers: {answers}, items: {{masked: Masked readers}}}}"
    yield "bias_tools", word, "for the risk of bias"


def config_text(title: str, words: Vocabulary) -> str:
    """``configs/primary.yaml``: every usual outcome of the packs, the others as comments."""
    usual = [code for code in words.usual("outcomes") if not words.terms[code].assayed]
    head = _CONFIG.format(schema=SCHEMA, title=scalar(title))
    return head + "".join((*_outcomes(words, usual), *_examples(words, usual)))


def _outcomes(words: Vocabulary, usual: Sequence[str]) -> Iterator[str]:
    yield "outcomes:\n" if usual else "# outcomes: those that review.yaml declares\n"
    width = max((len(scalar(code)) for code in words.outcomes), default=0)
    for code, term in words.terms.items():
        if code in usual:
            yield f"  - {scalar(code):{width}}  # {term.label}\n"
        else:
            why = "; needs definitions.among" if term.assayed else ""
            yield f"  # - {scalar(code)}  # {term.label}{why}\n"


def _examples(words: Vocabulary, usual: Sequence[str]) -> Iterator[str]:
    roles = ", ".join(words.usual("roles"))
    populations = ", ".join(words.usual("populations"))
    yield f"# include: {{roles: [{roles}]}}  # which cohorts\n"
    yield f"# populations: {{order: [{populations}]}}  # of a cohort's, the first there is\n"
    yield "# subgroup: design  # or product, phase, country, or a moderator of the review\n"
    if usual:
        yield f"# thresholds: {{{scalar(usual[0])}: {{value: 0.5, direction: above}}}}\n"
