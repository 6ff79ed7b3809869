"""From pydantic's errors to diagnostics that somebody who knows medicine understands.

A location of pydantic mixes steps into the data with names of union members; the data
themselves say which is which. Of a union only the complaints of the member that the author
evidently meant are told.
"""

from __future__ import annotations

import json
import re
import types
import typing
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from carmeta.domain.evidence import DataPath, Step
from carmeta.domain.lists import REPEATED
from carmeta.domain.record.base import SCHEMA
from carmeta.domain.words import UNDECLARED, Vocabulary
from carmeta.sourcefile.model import Diagnostic, SourceFile
from carmeta.sourcefile.remedy import remedy, share_hint
from carmeta.sourcefile.suggestion import suggest
from carmeta.vocabulary import DOI, REGISTRY_NUMBER

M = TypeVar("M", bound=BaseModel)

_ABSENT: Final = object()
_MAX_SHOWN: Final = 40

# What a pattern of the schema asks for; a test holds this table against the schemas.
PATTERN_WORDS: Final[dict[str, str]] = {
    r"^[a-z0-9][a-z0-9.\-]*$": "lower-case letters, digits, '-' and '.', e.g. karmma-3",
    r"^[a-z0-9][a-z0-9.\-]*(/[a-z0-9][a-z0-9.\-]*)?$": "a cohort id, or study/cohort",
    r"^[a-z0-9][a-z0-9.\-]*/[a-z0-9][a-z0-9.\-]*$": "study/cohort, e.g. karmma-3/ide-cel",
    r"^(<\s*1|\d{1,3}(\.\d{1,4})?)$": 'a percentage as printed, without the sign, e.g. "3.0"',
    r"^-?\d+(\.\d+)?$": 'a number as printed, e.g. "3.47"',
    r"^(-?\d+(\.\d+)?|NE)$": "a number as printed, or NE",
    r"^(any|[1-5]|[1-4]-[2-5]|>=[2-5]|<=[1-4])$": "a grade: any, 1 to 5, 3-4, >=3, <=2",
    f"^{DOI}$": "a DOI such as 10.1056/NEJMoa2213614, without https://doi.org/",
    f"^{REGISTRY_NUMBER}$": "NCT and eight digits",
    r"^[A-Z]{3}\d{3}$": "a finding's code, e.g. GRM001",
    r"^(19|20)\d\d(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$": (
        'a date as far as it is known: "2021", "2021-04" or "2021-04-28"'
    ),
}

_TYPE_WORDS: Final[dict[str, str]] = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "'key: value' lines",
    "mapping_type": "'key: value' lines",
    "model_type": "'key: value' lines",
    "model_attributes_type": "'key: value' lines",
    "dataclass_type": "'key: value' lines",
    "none_required": "null",
    "path_type": "text",
    "date_type": 'a date such as "2022-04-18"',
    "date_from_datetime_parsing": 'a date such as "2022-04-18"',
}
_CONTAINERS: Final = ("'key: value' lines", "a list")


def validate(
    model: type[M], source: SourceFile, words: Vocabulary | None = None
) -> tuple[M | None, list[Diagnostic]]:
    """Check a file's data against a model, in the words of its review.

    Returns the model and no diagnostics, or None and one diagnostic for everything that is
    wrong, in the order of the lines.
    """
    try:
        # JSON mode stays strict, but lets a YAML list become a tuple.
        return model.model_validate_json(json.dumps(source.data), context=words), []
    except ValidationError as error:
        translator = _Translator(model, source)
        found = list(translator.diagnostics(_without_echoes(error.errors(include_url=False))))
    found.sort(key=lambda item: (item.mark.line, item.mark.column, item.code))
    return None, found


def _without_echoes(errors: Sequence[Any]) -> list[Any]:
    """Errors, but not that a list is too short because its items are wrong."""
    places = [error["loc"] for error in errors]
    return [
        error
        for error in errors
        if error["type"] != "too_short"
        or not any(
            len(place) > len(error["loc"]) and place[: len(error["loc"])] == error["loc"]
            for place in places
        )
    ]


@dataclass(frozen=True, slots=True)
class _Problem:
    """One error of pydantic with its location taken apart."""

    kind: str
    path: DataPath  # into the data; the last step may be absent (a missing key)
    member: tuple[DataPath, str] | None  # where a union stands, and the name of its member
    on_key: bool
    error: dict[str, Any]


class _Translator:
    def __init__(self, model: type[BaseModel], source: SourceFile) -> None:
        self.model = model
        self.source = source

    def diagnostics(self, errors: Sequence[Any]) -> Iterator[Diagnostic]:
        problems = [self._problem(error) for error in errors]
        unions: dict[DataPath, list[_Problem]] = {}
        for problem in problems:
            if problem.member is None:
                yield self._told(problem)
            else:
                unions.setdefault(problem.member[0], []).append(problem)
        for path, members in unions.items():
            yield from self._union(path, members)

    def _problem(self, error: Any) -> _Problem:
        location = list(error["loc"])
        on_key = bool(location) and location[-1] == "[key]"
        if on_key:
            location.pop()
        value: Any = self.source.data
        path: list[Step] = []
        member: tuple[DataPath, str] | None = None
        for position, step in enumerate(location):
            child = _child(value, step)
            is_last = position == len(location) - 1
            if child is not _ABSENT:
                path.append(step)
                value = child
            elif is_last and error["type"] == "missing":
                path.append(step)
            elif member is None:
                member = (tuple(path), str(step))
        return _Problem(error["type"], tuple(path), member, on_key, dict(error))

    def _union(self, path: DataPath, problems: list[_Problem]) -> Iterator[Diagnostic]:
        value = _get(self.source.data, path)
        deeper = [problem for problem in problems if not _wrong_type_at(problem, path)]
        if deeper:  # the members whose type fits, and what they miss
            by_member: dict[str, list[_Problem]] = {}
            for problem in deeper:
                assert problem.member is not None
                by_member.setdefault(problem.member[1], []).append(problem)
            # The member with the fewest complaints is the one that was meant.
            for problem in min(by_member.values(), key=len):
                yield self._told(problem)
            return
        wanted = _either(
            dict.fromkeys(_TYPE_WORDS.get(item.kind, "another value") for item in problems)
        )
        yield self.source.diagnostic(
            "SCH003",
            path,
            f"{self._subject(path)} must be {wanted}, not {_shown(value)}",
            hint=self._quote_hint(path, value) if "text" in wanted else "",
        )

    def _told(self, problem: _Problem) -> Diagnostic:
        kind, path = problem.kind, problem.path
        context: dict[str, Any] = problem.error.get("ctx") or {}
        if kind == "extra_forbidden":
            return self._unknown_key(path)
        if kind == "missing":
            return self._missing(path)
        if kind == UNDECLARED:
            return self._undeclared(problem, **context)
        if kind in ("literal_error", "enum"):
            return self._not_allowed(problem, str(context.get("expected", "")))
        if kind == "string_pattern_mismatch":
            return self._wrong_form(problem, str(context.get("pattern", "")))
        value = _get(self.source.data, path)
        subject = self._subject(path)
        if kind in _TYPE_WORDS:
            wanted = _TYPE_WORDS[kind]
            return self.source.diagnostic(
                "SCH003",
                path,
                f"{subject} must be {wanted}, not {_shown(value)}",
                hint=self._type_hint(wanted, path, value),
            )
        if path == ("schema",):
            return self._of_another_version(value)
        bound = _bound(kind, context)
        if bound:
            told = share_hint(value) if _most(context) == 1 else ""
            text = f"{subject} {bound}, not {_size(kind, value)}"
            return self.source.diagnostic("SCH006", path, text, hint=told)
        message = str(context["error"]) if "error" in context else _plain(problem.error["msg"])
        return self.source.diagnostic("SCH008" if kind == REPEATED else "SCH007", path, message)

    def _of_another_version(self, value: Any) -> Diagnostic:
        old = isinstance(value, int) and value < SCHEMA
        told = "`carmeta migrate` brings it up to it" if old else "a newer carmeta is needed"
        text = f"schema {_shown(value)}: this carmeta reads version {SCHEMA}"
        return self.source.diagnostic("SCH009", ("schema",), text, hint=told)

    def _unknown_key(self, path: DataPath) -> Diagnostic:
        key = str(path[-1])
        known = sorted(_fields_at(self.model, path[:-1]))
        present = _get(self.source.data, path[:-1])
        told = suggest(key, known, lead="known here", taken=present)
        if "schema" in _fields_at(self.model, ()) and "schema" not in self.source.data:
            told += "; `carmeta migrate` upgrades a file of an older version"
        return self.source.diagnostic(
            "SCH001", path, f"unknown key '{key}'", hint=told, at_key=True
        )

    def _missing(self, path: DataPath) -> Diagnostic:
        parent = path[:-1]
        owner = f" in {self._subject(parent)}" if parent else ""
        return self.source.diagnostic(
            "SCH002",
            parent,
            f"the key '{path[-1]}' is missing{owner}",
            hint=_description(self.model, path),
        )

    def _not_allowed(self, problem: _Problem, expected: str) -> Diagnostic:
        value = self._offending(problem)
        allowed = re.findall(r"'([^']*)'", expected)
        raw = self.source.raw(problem.path)
        if not isinstance(value, str) and raw in allowed:
            return self._bad_word("SCH004", problem, f'quote it: "{raw}"')
        return self._bad_word("SCH004", problem, suggest(str(value), allowed, lead="allowed"))

    def _undeclared(
        self, problem: _Problem, value: str, section: str, allowed: Sequence[str]
    ) -> Diagnostic:
        """A word that the review does not declare: those it does, and where to add one."""
        told = suggest(value, allowed, lead="allowed") if allowed else "none is declared yet"
        place = section.rpartition(" ")[2]
        told += f"; a new one is a line under '{place}' in review.yaml"
        return self._bad_word("SCH004", problem, told)

    def _wrong_form(self, problem: _Problem, pattern: str) -> Diagnostic:
        words = PATTERN_WORDS.get(pattern, f"the form {pattern}")
        told = "" if problem.on_key else self._remedy(problem.path)
        return self._bad_word("SCH005", problem, told or f"expected {words}")

    def _remedy(self, path: DataPath) -> str:
        return remedy(
            str(path[-1]), _get(self.source.data, path), _fields_at(self.model, path[:-1])
        )

    def _offending(self, problem: _Problem) -> Any:
        return problem.path[-1] if problem.on_key else _get(self.source.data, problem.path)

    def _bad_word(self, code: str, problem: _Problem, told: str) -> Diagnostic:
        shown = _shown(self._offending(problem))
        if problem.on_key:
            message = f"unknown key {shown} in {self._subject(problem.path[:-1])}"
        else:
            message = f"{shown} is not a value of {self._subject(problem.path)}"
        return self.source.diagnostic(code, problem.path, message, hint=told, at_key=problem.on_key)

    def _type_hint(self, wanted: str, path: DataPath, value: Any) -> str:
        if wanted == "text":
            return self._quote_hint(path, value)
        if wanted == "true or false" and isinstance(value, str):
            return "write true or false, without quotes"
        if "number" in wanted and isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value):
            return "remove the quotes"
        if "number" in wanted:
            return self._remedy(path)
        if wanted == "a list":
            return "begin each item with '- '"
        return ""

    def _quote_hint(self, path: DataPath, value: Any) -> str:
        raw = self.source.raw(path)
        if raw and not isinstance(value, str | dict | list):
            return f'quote it, so that it stays as printed: "{raw}"'
        return ""

    def _subject(self, path: DataPath) -> str:
        """What a path is called in a message: its last named step."""
        names = [step for step in path if isinstance(step, str)]
        if not names:
            return "the file"
        return f"an item of '{names[-1]}'" if isinstance(path[-1], int) else f"'{names[-1]}'"


def _wrong_type_at(problem: _Problem, path: DataPath) -> bool:
    return problem.path == path and problem.kind in _TYPE_WORDS


def _child(value: Any, step: Step) -> Any:
    if isinstance(value, dict):
        return value.get(step, _ABSENT) if isinstance(step, str) else _ABSENT
    if isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value):
        return value[step]
    return _ABSENT


def _get(value: Any, path: Iterable[Step]) -> Any:
    for step in path:
        value = _child(value, step)
    return value


def _either(words: Iterable[str]) -> str:
    listed = list(words)
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} or {listed[-1]}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return _CONTAINERS[0]
    if isinstance(value, list):
        return _CONTAINERS[1]
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    short = text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
    return f"'{short}'" if isinstance(value, str) else short


def _size(kind: str, value: Any) -> str:
    return str(len(value)) if kind.startswith(("too_", "string_too_")) else _shown(value)


def _bound(kind: str, context: dict[str, Any]) -> str:
    """A limit that was crossed, in words; empty for errors of another kind."""
    forms = {
        "greater_than_equal": ("must be at least {}", "ge"),
        "less_than_equal": ("must be at most {}", "le"),
        "greater_than": ("must be more than {}", "gt"),
        "less_than": ("must be less than {}", "lt"),
        "multiple_of": ("must be a multiple of {}", "multiple_of"),
        "too_short": ("must hold at least {} item(s)", "min_length"),
        "too_long": ("must hold at most {} item(s)", "max_length"),
        "string_too_short": ("must be at least {} character(s) long", "min_length"),
        "string_too_long": ("must be at most {} character(s) long", "max_length"),
    }
    if kind not in forms:
        return ""
    form, key = forms[kind]
    limit = context.get(key)
    return form.format(f"{limit:g}" if isinstance(limit, float) else limit)


def _most(context: dict[str, Any]) -> Any:
    return context.get("lt", context.get("le"))


def _plain(message: str) -> str:
    return re.sub(r"^(Value error, |Input should be )", "must be ", message)


def _members(annotation: Any) -> Iterator[Any]:
    """The concrete types behind Optional, Union, Annotated."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _members(get_args(annotation)[0])
    elif origin is Union or origin is types.UnionType:
        for member in get_args(annotation):
            yield from _members(member)
    elif isinstance(annotation, typing.TypeAliasType if hasattr(typing, "TypeAliasType") else ()):
        yield from _members(annotation.__value__)
    else:
        yield annotation


def _models_at(model: type[BaseModel], path: DataPath) -> list[type[BaseModel]]:
    current: list[Any] = [model]
    for step in path:
        following: list[Any] = []
        for annotation in current:
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                field = annotation.model_fields.get(str(step))
                if field is not None:
                    following.extend(_members(field.annotation))
                continue
            arguments = get_args(annotation)
            if get_origin(annotation) is dict and len(arguments) == 2:
                following.extend(_members(arguments[1]))
            elif arguments and isinstance(step, int):
                following.extend(_members(arguments[0]))
        current = following
    return [item for item in current if isinstance(item, type) and issubclass(item, BaseModel)]


def _fields_at(model: type[BaseModel], path: DataPath) -> set[str]:
    models = _models_at(model, path)
    return {f.alias or name for found in models for name, f in found.model_fields.items()}


def _description(model: type[BaseModel], path: DataPath) -> str:
    for found in _models_at(model, path[:-1]):
        field = found.model_fields.get(str(path[-1]))
        if field is not None and field.description:
            return field.description
    return ""
