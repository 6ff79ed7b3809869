"""What a configuration counts, before anything is pooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from carmeta.config import AnalysisConfig, load_config
from carmeta.domain.analysis import ArmPair
from carmeta.domain.evidence import Count, Harmonised
from carmeta.domain.record import Review
from carmeta.domain.words import Vocabulary
from carmeta.errors import ConfigError, RecordError
from carmeta.harmonise import harmonise, paired
from carmeta.pipeline.choices import check_choices
from carmeta.pipeline.comparison import pairs_of
from carmeta.pipeline.sets import harmonised_set, named
from carmeta.records import Loaded, load_review
from carmeta.vocabulary import OUTSIDE

_NAMED: Final = 10  # cohorts that are named where nothing at all is pooled


@dataclass(frozen=True, slots=True)
class Counted:
    """The counts of a configuration: of cohorts, each with the id of its set (empty without
    sets), or of the two arms of a comparison, each pair with its outcome."""

    name: str
    title: str
    words: Vocabulary
    cohorts: tuple[tuple[str, Count], ...] = ()
    pairs: tuple[tuple[str, ArmPair], ...] = ()


def counted(config_path: Path, *, studies: Path) -> Counted:
    """Load and harmonise, as `run` does.

    Raises ConfigError and RecordError as `run` does.
    """
    config, review = usable(load_review(studies), config_path)
    check_choices(config, review, config_path)
    harmonised = harmonised_for(config, review)
    if not any(one.counts for one in harmonised):
        raise nothing(config, config_path, harmonised)
    if config.comparison:
        pairs = tuple(
            (outcome, pair)
            for outcome in config.outcomes
            for pair in pairs_of(config, harmonised[0], outcome)
        )
        return Counted(config.name, config.title, review.words, pairs=pairs)
    cohorts = tuple(
        (part, count)
        for part, one in zip(parts_of(config), harmonised, strict=True)
        for count in one.counts
    )
    return Counted(config.name, config.title, review.words, cohorts)


def usable(loaded: Loaded, config_path: Path) -> tuple[AnalysisConfig, Review]:
    """The configuration, in the words of the review, and the records.

    Raises ConfigError or RecordError with every diagnostic.
    """
    if loaded.words.words is None:
        raise _unusable(loaded)
    config = load_config(config_path, loaded.words.words)
    if loaded.review is None:
        raise _unusable(loaded)
    return config, loaded.review


def _unusable(loaded: Loaded) -> RecordError:
    errors = [d for d in loaded.diagnostics if d.severity == "error"]
    noun = "problem" if len(errors) == 1 else "problems"
    return RecordError(f"{len(errors)} {noun} in the records", diagnostics=errors)


def nothing(config: AnalysisConfig, path: Path, harmonised: Sequence[Harmonised]) -> ConfigError:
    """That nothing is pooled, with whatever was left out and why."""
    out = sorted((e for one in harmonised for e in one.excluded), key=lambda e: e.kind in OUTSIDE)
    said = dict.fromkeys(f"{'/'.join(filter(None, (e.study, e.cohort)))}: {e.reason}" for e in out)
    listed = [*said][:_NAMED]
    more = [f"and {len(said) - _NAMED} more"] if len(said) > _NAMED else []
    return ConfigError(
        f"{path}: no cohort reports any of the outcomes {', '.join(config.outcomes)} "
        "in the way that was asked for",
        hint="; ".join((*listed, *more)) or "see 'carmeta studies' for what the records hold",
    )


def harmonised_for(config: AnalysisConfig, review: Review) -> list[Harmonised]:
    """The counts that the question is about: of each set, of the arms, or of all cohorts."""
    if config.comparison:
        pairs = [(pair.treatment, pair.control) for pair in config.comparison.pairs]
        arms = [arm for pair in pairs for arm in pair]
        return [paired(review, harmonise(review, named(config, arms)), pairs)]
    if config.sets:
        return [harmonised_set(config, review, part) for part in config.sets]
    return [harmonise(review, config)]


def parts_of(config: AnalysisConfig) -> list[str]:
    """Ids of the sets of cohorts, in the order of what is harmonised."""
    return [part.id for part in config.sets] or [""]
