"""The words that a review allows in a record, behind one object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from carmeta.domain.words import Vocabulary
from carmeta.importing.headings import folded
from carmeta.sourcefile import suggest
from carmeta.vocabulary import TrialDesign

Kind = Literal["outcome", "population", "role", "design"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Words:
    """Allowed codes of each kind, each with the names that it goes by as well.

    ``declared`` says where further ones are declared; ``assayed`` are the outcomes that mean
    nothing as a count alone.
    """

    codes: Mapping[Kind, Mapping[str, tuple[str, ...]]]
    declared: str
    assayed: frozenset[str] = frozenset()

    def find(self, kind: Kind, word: str) -> str:
        """The code that a word is, or is a name of; empty if there is none or are several."""
        found = [
            code
            for code, names in self.codes[kind].items()
            if folded(word) in {folded(code), *map(folded, names)}
        ]
        return found[0] if len(found) == 1 else ""

    def allowed(self, kind: Kind, word: str = "") -> str:
        """The allowed codes of a kind, as a hint; what ``word`` may have meant stands before."""
        codes = [*self.codes[kind]]
        listed = suggest(word, codes, lead="allowed") or f"allowed: {', '.join(codes)}"
        return listed if kind == "design" else f"{listed}; declared in {self.declared}"


def words_for(vocabulary: Vocabulary, where: str) -> Words:
    """The words of a review, which are declared in ``where``."""
    codes: dict[Kind, dict[str, tuple[str, ...]]] = {
        "outcome": {c: (term.label, term.short) for c, term in vocabulary.terms.items()},
        "population": {c: (term.label,) for c, term in vocabulary.populations.items()},
        "role": {c: (term.label,) for c, term in vocabulary.roles.items()},
        "design": dict.fromkeys(get_args(TrialDesign), ()),
    }
    assayed = frozenset(code for code, term in vocabulary.terms.items() if term.assayed)
    return Words(codes, where, assayed)
