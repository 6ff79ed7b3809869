"""The text of a record to fill in, in the words of its review.

Small and valid as it stands, so that `carmeta validate` has something to say at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from carmeta.domain.record import SCHEMA
from carmeta.domain.words import NOT_REPORTED, Vocabulary
from carmeta.records.citation import Citation
from carmeta.sourcefile.writing import scalar
from carmeta.vocabulary import TrialDesign

_ASK: Final = "carmeta words"
_LISTED: Final = 8  # words that a comment lists; of more it says where they are
_ID_LENGTH: Final = 73  # of the 80 characters of an id, less "-report"

_HEAD: Final = f"""\
# yaml-language-server: $schema=../.schema/study.schema.json
# Type what the paper prints, and where. Compute nothing: percentages as text with their
# decimals, a count only if it is printed, and 'missing: not-reported' where there is none.
schema: {SCHEMA}
"""
PLACEHOLDERS: Final = {
    "authors": "First A, Second B, et al.",
    "title": "Title of the report",
    "journal": "Journal",
}


def blank_record(
    words: Vocabulary,
    *,
    id: str,
    label: str,
    design: TrialDesign,
    year: int,
    registry: str,
    report: Citation,
) -> str:
    """A draft of a study with one cohort; its numbers are placeholders.

    ``id`` is one of `domain.record`, ``label`` any printable text, ``registry`` may be empty;
    what ``report`` leaves open is a placeholder too.
    """
    parts = [
        _HEAD,
        f"id: {scalar(id)}\n",
        f"label: {scalar(label)}\n",
        "status: draft  # take this line out when done: a draft is never pooled\n",
        _trial(design, year, registry),
        _report(f"{id[:_ID_LENGTH]}-report", year, report),
        *_cohort(words, label),
    ]
    return "".join(parts)


def _trial(design: TrialDesign, year: int, registry: str) -> str:
    known = f"registry: {registry}" if registry else "# registry: NCT01234567"
    return f'trial:\n  design: {design}\n  year: {year}\n  {known}\n  # phase: "2"\n'


def _report(id: str, year: int, report: Citation) -> str:
    lines = [f"reports:\n  - id: {scalar(id)}\n"]
    for name, placeholder in PLACEHOLDERS.items():
        lines.append(f"    {name}: {scalar(getattr(report, name) or placeholder)}\n")
    lines.append(f"    year: {year}\n")
    for name in ("volume", "pages", "doi"):
        known = getattr(report, name)
        lines += [f'    {name}: "{known}"\n'] if known else []
    return "".join(lines) + ("" if report.doi else "    # doi: 10.1000/xyz\n")


def _cohort(words: Vocabulary, label: str) -> Iterator[str]:
    role = [*words.usual("roles"), *words.roles][0]
    population = [*words.whole_populations, *words.usual("populations"), *words.populations][0]
    attributes = words.allowed("cohort attributes")
    yield "cohorts:  # one item an arm, a dose level, a site\n"
    yield f"  - id: all\n    label: {scalar(label)}\n"
    yield f"    role: {scalar(role)}{_or(words.roles, role, 'roles')}\n"
    if words.allowed("product attributes"):
        yield "    # product: an-id  # of _products.yaml\n"
    if attributes:
        yield f"    # attributes: {{{scalar(attributes[0])}: text}}"
        yield f"{_or(attributes, attributes[0], 'attributes')}\n"
    yield "    populations:  # whom a number is divided by"
    yield f"{_or(words.populations, population, 'populations', lead='; or ')}\n"
    yield f'      {scalar(population)}: {{n: 10, at: {{table: "1"}}}}\n'
    yield from _proportion(words, population)
    yield from _response(words, population)
    yield from _toxicity(words, population)
    yield "    # lineage:  # who shares patients with whom\n"
    yield "    #   updates: [other-study/cohort]\n"


def _plain_outcomes(words: Vocabulary) -> tuple[str, ...]:
    """Those that need no assay, the usual ones first."""
    ordered = dict.fromkeys((*words.usual("outcomes"), *words.outcomes))
    return tuple(code for code in ordered if not words.terms[code].assayed)


def _proportion(words: Vocabulary, population: str) -> Iterator[str]:
    outcomes = _plain_outcomes(words)
    if not outcomes:
        yield "    # proportions:  # of outcomes, which review.yaml declares\n"
        return
    row = scalar(words.terms[outcomes[0]].label)
    yield f"    proportions:  # outcome: one of those that `{_ASK} outcomes` lists\n"
    yield f"      - outcome: {scalar(outcomes[0])}\n"
    yield f'        population: {scalar(population)}\n        count: 8\n        percent: "80"\n'
    yield f'        at: {{table: "2", row: {row}}}\n'


def _response(words: Vocabulary, population: str) -> Iterator[str]:
    """A table of responses in which 8 of 10 have the deepest outcome."""
    if not words.ladders:
        return
    ladder = next(iter(words.ladders))
    categories = words.categories[ladder]
    tier = next((words.tier(code, ladder) for code in words.usual("outcomes")
                 if words.tier(code, ladder)), categories[:1])  # fmt: skip
    below = categories[len(tier) : len(tier) + 1]
    counts = [f"{scalar(tier[-1])}: {{count: 8}}", *(f"{scalar(c)}: {{count: 2}}" for c in below)]
    yield f"    # response:  # best response by category: {_some(categories, 'categories')}\n"
    yield f"    #   - population: {scalar(population)}\n"
    if len(words.ladders) > 1:
        yield f"    #     criteria: {scalar(ladder)}{_or(words.ladders, ladder, 'ladders')}\n"
    yield f"    #     categories: {{{', '.join(counts)}}}\n"
    yield '    #     at: {table: "2"}\n'


def _toxicity(words: Vocabulary, population: str) -> Iterator[str]:
    if not words.events:
        return
    event = next(iter(words.events))
    fit = [name for name, term in words.scales.items() if event in (term.events or [event])]
    scales = sorted(fit, key=lambda name: not words.scales[name].events)  # its own ones first
    scale = [*scales, NOT_REPORTED][0]
    row = scalar(words.events[event].label)
    yield "    # toxicity:\n"
    yield f"    #   - event: {scalar(event)}{_or(words.allowed('events'), event, 'events')}\n"
    yield f"    #     population: {scalar(population)}\n"
    yield f"    #     scale: {scalar(scale)}{_or((*scales, NOT_REPORTED), scale, 'scales')}\n"
    yield "    #     counting: maximum-grade  # if a patient stands in one grade column only\n"
    yield '    #     grades: {any: {count: 9}, "3-4": {count: 1}, "5": {count: 0}}\n'
    yield f'    #     at: {{table: "3", row: {row}}}\n'


def _or(names: Iterable[str], used: str, section: str, lead: str = "") -> str:
    """The other words that may stand there, as a comment."""
    others = [name for name in names if name != used]
    return f"{lead or '  # or '}{_some(others, section)}" if others else ""


def _some(names: Sequence[str], section: str) -> str:
    if len(names) <= _LISTED:
        return ", ".join(names)
    return f"{', '.join(names[:_LISTED])} ... (`{_ASK} {section}`)"
