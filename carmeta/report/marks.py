"""Footnote marks: one symbol a meaning, handed out in the order of first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from carmeta.report import words

if TYPE_CHECKING:
    from carmeta.domain.evidence import Count

DAGGER: Final = "\u2020"
DOUBLE_DAGGER: Final = "\u2021"
_FLAG_MARKS: Final = "\u00a7\u00b6\u2016#"


class Marks:
    """The marks of one figure or table and what they say."""

    def __init__(self) -> None:
        self._percent = False
        self._several: list[str] = []
        self._flags: dict[str, str] = {}

    def events(self, count: Count) -> str:
        """The mark behind a number of events; empty for a printed or summed count."""
        if count.derivation == "percent":
            self._percent = True
            return DAGGER
        if count.derivation == "percent-several" or len(count.candidates) > 1:
            self._several.append(f"{count.slab}: {count.xi_lo} to {count.xi_hi}")
            return DOUBLE_DAGGER
        return ""

    def label(self, count: Count) -> str:
        """The marks behind a study's name, one for each flag."""
        return "".join(self._flag(flag) for flag in count.flags)

    def _flag(self, flag: str) -> str:
        if flag not in self._flags:
            number = len(self._flags)
            if number < len(_FLAG_MARKS):
                self._flags[flag] = _FLAG_MARKS[number]
            else:
                # After the classical marks, letters: a, b, ..., z, aa, ab, ...
                letters = number - len(_FLAG_MARKS)
                prefix = chr(96 + letters // 26) if letters >= 26 else ""
                self._flags[flag] = prefix + chr(97 + letters % 26)
        return self._flags[flag]

    def notes(self) -> list[str]:
        """One sentence a mark used."""
        notes = []
        if self._percent:
            notes.append(
                f"{DAGGER} Count derived from the printed percentage: the only one that fits."
            )
        if self._several:
            listed = "; ".join(dict.fromkeys(self._several))
            notes.append(f"{DOUBLE_DAGGER} Several counts fit what is printed ({listed}).")
        notes += [f"{mark} {words.sentence(flag)}" for flag, mark in self._flags.items()]
        return notes
