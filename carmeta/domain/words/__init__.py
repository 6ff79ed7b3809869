"""The words of a review: what it declares, and what follows from it."""

from carmeta.domain.words.declared import declared, words_of
from carmeta.domain.words.terms import Sign
from carmeta.domain.words.vocabulary import OutcomeTerm, Vocabulary

__all__ = ["OutcomeTerm", "Sign", "Vocabulary", "declared", "words_of"]
