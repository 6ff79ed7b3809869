"""Signs of risk-of-bias judgements, shared by their own figure and the forest plot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from carmeta.report import words
from carmeta.report.forest_spec import SignBlock
from carmeta.report.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from carmeta.domain.analysis import StudyBias

_GOOD: Final = ("+", "#8fd3b6")
_OPEN: Final = ("?", "#f4d58d")
_BAD: Final = ("\u2212", "#f0a888")
# Sign and colour of each judgement: the sign says it without the colour (Okabe & Ito).
_LOOKS: Final = {
    "low": _GOOD,
    "yes": _GOOD,
    "some-concerns": _OPEN,
    "unclear": _OPEN,
    "high": _BAD,
    "no": _BAD,
    "not-applicable": ("/", "#e4e6e9"),
    "": ("", "#ffffff"),
}
SIGNS: Final = {code: (*look, words.JUDGEMENTS[code]) for code, look in _LOOKS.items()}
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def sign(judgement: str) -> tuple[str, str, str]:
    """Sign, colour and word; those of "not judged" for what is not known."""
    return SIGNS.get(judgement, SIGNS[""])


def used(studies: Iterable[StudyBias]) -> list[str]:
    """The signs that these studies carry, each with what it means."""
    judgements = {item.judgement for study in studies for item in study.items}
    meanings: dict[str, list[str]] = {}
    for judgement, (mark, _, word) in SIGNS.items():
        if judgement in judgements:
            meanings.setdefault(mark, []).append(word)
    return [
        f"{mark or 'empty circle'} {' or '.join(found)}".replace(" ", "\u00a0")
        for mark, found in meanings.items()
    ]


def block(bias: Sequence[StudyBias], shown: Iterable[str]) -> SignBlock | None:
    """The lettered columns beside the rows of a forest plot and the legend below it.

    ``shown`` are the keys of the studies in the figure; None where none of them was assessed.
    Studies judged with different tools share the columns; the legend then says whose a
    letter is.
    """
    keys = set(shown)
    assessed = [item for item in bias if item.study in keys and item.tool and item.items]
    if not assessed:
        return None
    most = max(len(item.items) for item in assessed)
    if most > len(_LETTERS):
        raise ValueError(f"at most {len(_LETTERS)} items of a risk-of-bias tool, not {most}")
    tools = list(dict.fromkeys(item.tool for item in assessed))
    legend = []
    for tool in tools:
        members = [item for item in assessed if item.tool == tool]
        name = words.bias_tool(tool)
        if len(tools) > 1:
            name += f" ({', '.join(plain(item.slab) for item in members)})"
        items = "; ".join(
            f"{letter}\u00a0{plain(item.label)}"
            for letter, item in zip(_LETTERS, members[0].items, strict=False)
        )
        legend.append(f"Risk of bias, {name}: {items}.")
    legend.append(f"Signs: {'; '.join(used(assessed))}.")
    signs = {
        item.study: tuple((answer.item, answer.judgement) for answer in item.items)
        for item in assessed
    }
    return SignBlock("Risk of bias", tuple(_LETTERS[:most]), signs, tuple(legend))
