"""Signs of risk-of-bias judgements, shared by their own figure and the forest plot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from carmeta.report.forest_spec import SignBlock
from carmeta.report.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from carmeta.domain.analysis import StudyBias
    from carmeta.domain.words import Sign

# Sign and colour of an answer: the sign says it without the colour (Okabe & Ito).
_LOOKS: Final[dict[Sign | None, tuple[str, str]]] = {
    "good": ("+", "#8fd3b6"),
    "open": ("?", "#f4d58d"),
    "bad": ("\u2212", "#f0a888"),
    "none": ("/", "#e4e6e9"),
    None: ("", "#ffffff"),
}
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def look(sign: Sign | None) -> tuple[str, str]:
    """Sign and colour; an empty circle where nothing was judged."""
    return _LOOKS[sign]


def used(studies: Iterable[StudyBias]) -> list[str]:
    """The signs that these studies carry, each with what it means."""
    items = [item for study in studies for item in study.items]
    meanings: dict[str, list[str]] = {}
    for sign, (mark, _) in _LOOKS.items():
        for word in dict.fromkeys(item.answer for item in items if item.sign == sign):
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
        name = members[0].tool_label or tool
        if len(tools) > 1:
            name += f" ({', '.join(plain(item.slab) for item in members)})"
        items = "; ".join(
            f"{letter}\u00a0{plain(item.label)}"
            for letter, item in zip(_LETTERS, members[0].items, strict=False)
        )
        legend.append(f"Risk of bias, {name}: {items}.")
    legend.append(f"Signs: {'; '.join(used(assessed))}.")
    signs = {
        item.study: tuple((answer.item, answer.sign) for answer in item.items) for item in assessed
    }
    return SignBlock("Risk of bias", tuple(_LETTERS[:most]), signs, tuple(legend))
