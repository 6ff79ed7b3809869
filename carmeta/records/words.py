"""Read the words of a review: ``review.yaml`` and the packs that it names.

A pack lends words; what ``review.yaml`` declares itself goes before, field by field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from carmeta.domain.evidence import DataPath, Mark
from carmeta.domain.record.base import SCHEMA, SchemaVersion
from carmeta.domain.words import Vocabulary
from carmeta.domain.words.terms import Label
from carmeta.errors import ConfigError
from carmeta.records.wording import consistent
from carmeta.sourcefile import Diagnostic, SourceFile, load_source, suggest, validate
from carmeta.sourcefile.model import Marks
from carmeta.vocabulary import REVIEW

BASE: Final = "trial"  # the pack that every review has
PACKS: Final = Path(__file__).parents[1] / "packs"
_SECTIONS: Final = tuple(name for name in Vocabulary.model_fields if name != "defaults")
_INNER: Final = ("categories", "items", "answers")  # of a ladder, of a tool
SECTIONS: Final = (*_SECTIONS, *_INNER)
_HEAD: Final = ("schema", "title", "packs", "label", "source")  # of a file, not of its words


class ReviewFile(Vocabulary):
    """``review.yaml``: what the review is called, the packs it uses and its own words."""

    schema_version: SchemaVersion = SCHEMA
    title: Label
    packs: list[str] = Field(default_factory=list, description="See `carmeta packs`.")


@dataclass(frozen=True, slots=True)
class Entry:
    """A word as it is declared: in a section, or within ``of``, a word of one; and where."""

    section: str
    word: str
    of: str
    label: str
    mark: Mark


@dataclass(frozen=True)
class Words:
    """The words of a review, or None and what is wrong; and the files that they are from."""

    words: Vocabulary | None
    title: str = ""
    files: tuple[Path, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    merged: SourceFile | None = field(default=None, repr=False)  # all the files as one


@dataclass(frozen=True, slots=True)
class _Merged(SourceFile):
    """Several files as one, each value with the place that it has in its own file."""

    files: Mapping[str, SourceFile] = field(default_factory=dict, repr=False)

    def diagnostic(self, *given: Any, **more: Any) -> Diagnostic:
        told = SourceFile.diagnostic(self, *given, **more)
        own = self.files[told.mark.file]
        line = own.line(told.mark.line)
        return Diagnostic(told.code, told.severity, told.mark, told.message, told.hint, line)


def pack_names() -> tuple[str, ...]:
    """The packs that come with carmeta."""
    return tuple(sorted(path.stem for path in PACKS.glob("*.yaml")))


def read_pack(name: str) -> SourceFile:
    """The file of a pack. Raises ConfigError, with those there are, if there is none."""
    source, _ = load_source(PACKS / f"{name}.yaml") if name in pack_names() else (None, ())
    if source is None:
        told = suggest(name, pack_names(), lead="packs")
        raise ConfigError(f"there is no pack '{name}'", hint=told)
    return source


def entries(source: SourceFile) -> Iterator[Entry]:
    """The words that a valid file declares, section by section."""
    for section in _SECTIONS:
        terms = source.data.get(section) or {}
        for word, term in terms.items():
            path: DataPath = (section, word)
            yield Entry(section, word, "", _full(term)["label"], source.key_mark(path))
        for inner in _INNER:
            for word, term in terms.items():
                for own, given in (_full(term).get(inner) or {}).items():
                    mark = source.key_mark((section, word, inner, own))
                    yield Entry(inner, own, word, _full(given)["label"], mark)


def load_words(root: Path) -> Words:
    """The words of the review in the folder ``root``. Raises nothing for what files hold."""
    path = root / REVIEW
    if not path.exists():
        return Words(None, diagnostics=(_absent(path),))
    own, problems = load_source(path)
    if own is None:
        return Words(None, files=(path,), diagnostics=tuple(problems))
    names = own.data.get("packs")
    listed = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    problems = list(_unknown(own, listed))
    known = [name for name in dict.fromkeys((BASE, *listed)) if name in pack_names()]
    packs = []
    for name in known:
        pack, wrong = load_source(PACKS / f"{name}.yaml")
        problems += wrong
        packs += [pack] if pack is not None else []
    problems += _contradicting(own, packs)
    problems += _renamed(own, packs)
    merged = _merge([*packs, own])
    found, wrong = validate(ReviewFile, merged)
    problems += wrong
    if found is not None:
        problems += consistent(found, merged)
    files = (path, *(pack.path for pack in packs))
    if found is None or problems:
        return Words(None, files=files, diagnostics=tuple(problems))
    shared = {name: getattr(found, name) for name in Vocabulary.model_fields}
    return Words(Vocabulary.model_construct(**shared), found.title, files, merged=merged)


def _absent(path: Path) -> Diagnostic:
    message = f"there is no {REVIEW}: it names the packs and the words of the review"
    hint = f"it stands beside the folder of records, in {path.parent}; `carmeta init` writes one"
    return Diagnostic("WRD001", "error", Mark(path.as_posix()), message, hint)


def _unknown(own: SourceFile, listed: Sequence[str]) -> Iterator[Diagnostic]:
    for i, name in enumerate(listed):
        at: DataPath = ("packs", i)
        if name not in pack_names():
            told = suggest(name, pack_names(), lead="packs")
            yield own.diagnostic("WRD002", at, f"there is no pack '{name}'", hint=told)
        elif name in listed[:i]:
            yield own.diagnostic("WRD002", at, f"the pack '{name}' a second time", hint="remove it")


def _contradicting(own: SourceFile, packs: Sequence[SourceFile]) -> Iterator[Diagnostic]:
    """Words that two packs declare differently and the review does not settle."""
    first: dict[tuple[str, str], SourceFile] = {}
    for pack in packs:
        for section, terms in pack.data.items():
            for word, term in terms.items() if _is_section(section, terms) else ():
                before = first.setdefault((section, word), pack)
                settled = own.data.get(section)
                if isinstance(settled, dict) and word in settled:
                    continue
                if _full(before.data[section][word]) != _full(term):
                    text = (
                        f"the packs {before.path.stem} and {pack.path.stem} declare '{word}' of "
                        f"{section} differently"
                    )
                    told = f"declare '{word}' under '{section}' here, as this review means it"
                    yield own.diagnostic("WRD003", ("packs",), text, hint=told)


def _is_section(name: str, terms: Any) -> bool:
    return name not in (*_HEAD, "defaults") and isinstance(terms, dict)


def _full(term: Any) -> Any:
    return {"label": term} if isinstance(term, str) else term


def _merge(files: Sequence[SourceFile]) -> _Merged:
    """The files one over the other, the last one on top; what heads a pack is left out."""
    data: dict[str, Any] = {}
    marks: dict[DataPath, Marks] = {}
    own = files[-1]
    for source in files:
        for key, value in source.data.items():
            if source is own and key == "outcomes" and isinstance(value, dict):
                data[key] = _unnamed(data.get(key, {}), value)
            if source is own or key not in _HEAD:
                _put(data, key, value)
        marks |= {
            path: mark
            for path, mark in source.marks.items()
            if path and (source is own or path[0] not in _HEAD)
        }
    marks[()] = own.marks[()]
    by_name = {source.path.as_posix(): source for source in files}
    return _Merged(own.path, own.text, data, marks, own.lines, by_name)


_MEANING: Final = ("response", "event", "grade", "assayed")  # of an outcome


def _differs(before: dict[str, Any], given: dict[str, Any]) -> bool:
    """Whether an outcome of a pack is given another meaning."""
    return any(key in given and given[key] != before.get(key) for key in _MEANING)


def _renamed(own: SourceFile, packs: Sequence[SourceFile]) -> Iterator[Diagnostic]:
    """Outcomes of a pack with another meaning, which the pack's label would not tell."""
    given = own.data.get("outcomes")
    for code, term in given.items() if isinstance(given, dict) else ():
        for pack in packs:
            before = _full(pack.data.get("outcomes", {}).get(code, {}))
            here = _full(term)
            if before and isinstance(here, dict) and _differs(before, here) and "label" not in here:
                text = f"'{code}' means something else here than in the pack {pack.path.stem}"
                told = "give it a label of its own, so that no table calls it by the pack's"
                yield own.diagnostic("WRD007", ("outcomes", code), text, hint=told, at_key=True)
                break


def _unnamed(before: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The packs' outcomes without the names that the review's own take the place of."""
    left = dict(before)
    for code, term in given.items():
        known, here = _full(before.get(code)), _full(term)
        if isinstance(known, dict) and isinstance(here, dict) and "label" in here:
            gone = ("short", "definition") if _differs(known, here) else ("short",)
            left[code] = {key: value for key, value in known.items() if key not in gone}
    return left


def _put(into: dict[str, Any], key: str, value: Any) -> None:
    before = into.get(key)
    if key == "values" and isinstance(before, list) and isinstance(value, list):
        into[key] = list(dict.fromkeys((*before, *value)))  # a review adds to a pack's
        return
    if isinstance(before, dict) or (before is not None and isinstance(value, dict)):
        before, value = _full(before), _full(value)
    if isinstance(before, dict) and isinstance(value, dict):
        merged = dict(before)
        for name, inner in value.items():
            _put(merged, name, inner)
        into[key] = merged
    else:
        into[key] = value
