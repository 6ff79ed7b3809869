"""What an import could not carry over, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from carmeta.importing.table import LeftOut
from carmeta.report.text import markdown

TITLE: Final = "# What `carmeta import` did not carry over"


def by_kind(left: Sequence[LeftOut]) -> dict[str, list[LeftOut]]:
    """In the order in which the kinds come up."""
    kinds: dict[str, list[LeftOut]] = {}
    for item in left:
        kinds.setdefault(item.kind, []).append(item)
    return kinds


def lines(left: Sequence[LeftOut], most: int | None = None) -> Iterator[str]:
    """For the terminal; of each kind the first ``most``."""
    for kind, items in by_kind(left).items():
        yield f"{kind} ({len(items)}):"
        yield from (f"  {item.what} [{item.where}]" for item in items[:most])
        if most is not None and len(items) > most:
            yield f"  and {len(items) - most} more"


def report(left: Sequence[LeftOut], files: Sequence[str], drafts: Sequence[str]) -> str:
    """As a page beside the mapping."""
    made = ", ".join(f"`{name}`" for name in drafts)
    out = [TITLE, "", f"Read: {', '.join(map(markdown, files))}.", "", f"Drafts: {made}."]
    for kind, items in by_kind(left).items():
        out += ["", f"## {kind[0].upper()}{kind[1:]}", ""]
        out += [f"- {_plain(item.what)} ({_plain(item.where)})" for item in items]
    if not left:
        out += ["", "Everything was carried over."]
    return "\n".join(out) + "\n"


def _plain(text: str) -> str:
    """Text on one line that is no markup; names of files keep their signs."""
    return markdown(text).replace("\\_", "_").replace("\\#", "#").replace("\\&", "&")
