"""Formulas of moderators to design matrices: ``~ product + log(dose) + product:phase``.

A small language and not Python: nothing of a formula is ever evaluated, so that one may come
from a configuration file. Terms are joined by ``+``; ``a:b`` is an interaction, ``a*b`` both
and their main effects; ``0`` or ``-1`` takes the intercept out. A factor is a name (in
backticks if it is not a word), ``log(x)``, ``log2(x)``, ``log10(x)``, ``sqrt(x)``,
``exp(x)``, ``x^2`` or ``x^3``, or ``C(x)`` and ``C(x, ref=b)``, which take the values as
categories. Text and booleans are categories anyway, with the first in sorted order as the
reference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any, Final

import numpy as np

from carmeta.arrays import Floats
from carmeta.errors import ConfigError, DataError

Data = Mapping[str, Sequence[Any]]

_FUNCTIONS: Final = {
    "log": np.log, "log2": np.log2, "log10": np.log10, "sqrt": np.sqrt, "exp": np.exp,
}  # fmt: skip
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<name>[A-Za-z_][\w.]*)|`(?P<tick>[^`]+)`|\"(?P<quoted>[^\"]*)\""
    r"|(?P<number>\d+)|(?P<op>[-+*:^(),=~]))"
)


@dataclass(frozen=True, slots=True)
class Factor:
    """One variable of a term: its column in the data and what is done to it."""

    variable: str
    function: str = ""  # a name of _FUNCTIONS, "^2", "^3", "C", or nothing
    reference: str | None = None  # the reference category

    @property
    def label(self) -> str:
        """As it was written."""
        if self.function.startswith("^"):
            return f"{self.variable}{self.function}"
        if self.function in ("", "C"):
            return self.variable
        return f"{self.function}({self.variable})"


Term = tuple[Factor, ...]


@dataclass(frozen=True, slots=True)
class Formula:
    """Terms in order (main effects first), and whether there is an intercept."""

    terms: tuple[Term, ...]
    intercept: bool

    @property
    def variables(self) -> tuple[str, ...]:
        """Columns of the data that the formula uses."""
        return tuple(dict.fromkeys(factor.variable for term in self.terms for factor in term))


@dataclass(frozen=True, slots=True)
class Design:
    """Design matrix ``(k, p)`` with a name a column and the term each column belongs to.

    ``terms`` are labels; ``term_of`` gives the index into them, -1 for the intercept.
    ``levels`` are the categories of each categorical variable, the reference first.
    """

    x: Floats
    columns: tuple[str, ...]
    terms: tuple[str, ...]
    term_of: tuple[int, ...]
    levels: dict[str, tuple[str, ...]]


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        at, end = 0, len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None:
                raise self.error(f"cannot read {text[at:].strip()!r}")
            kind = str(match.lastgroup)
            self.tokens.append(("name" if kind == "tick" else kind, match.group(kind)))
            at = match.end()
        self.at = 0

    def error(self, what: str) -> ConfigError:
        return ConfigError(
            f"formula {self.text!r}: {what}", hint="for example ~ product + log(dose)"
        )

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def take(self) -> tuple[str, str]:
        token = self.peek()
        self.at += 1
        return token

    def want(self, value: str) -> None:
        if self.take() != ("op", value):
            raise self.error(f"{value!r} is missing")

    def formula(self) -> Formula:
        if self.peek() == ("op", "~"):
            self.take()
        terms: list[Term] = []
        intercept, sign = True, "+"
        if self.peek() == ("op", "-"):
            sign = self.take()[1]
        while True:
            kind, value = self.peek()
            if kind == "number":
                self.take()
                if value not in ("0", "1"):
                    raise self.error(f"{value} is not a term")
                intercept = (value == "1") == (sign == "+")
            elif sign == "-":
                raise self.error("only the intercept can be taken out")
            else:
                terms.extend(term for term in self.crossing() if term not in terms)
            kind, value = self.take()
            if kind == "end":
                break
            if value not in ("+", "-"):
                raise self.error(f"unexpected {value!r}")
            sign = value
        if not terms and not intercept:
            raise self.error("nothing is left to estimate")
        return Formula(tuple(sorted(terms, key=len)), intercept)

    def crossing(self) -> list[Term]:
        """``a*b*c``: every subset of the starred parts, each part an interaction."""
        parts = [self.interaction()]
        while self.peek() == ("op", "*"):
            self.take()
            parts.append(self.interaction())
        subsets = [c for size in range(1, len(parts) + 1) for c in combinations(parts, size)]
        return [tuple(dict.fromkeys(f for part in chosen for f in part)) for chosen in subsets]

    def interaction(self) -> Term:
        factors = [self.factor()]
        while self.peek() == ("op", ":"):
            self.take()
            factors.append(self.factor())
        return tuple(dict.fromkeys(factors))

    def factor(self) -> Factor:
        kind, name = self.take()
        if kind != "name":
            raise self.error(f"a moderator is expected, not {name or 'the end'!r}")
        if self.peek() == ("op", "("):
            return self.call(name)
        if self.peek() == ("op", "^"):
            self.take()
            power = self.take()[1]
            if power not in ("2", "3"):
                raise self.error(f"power {power!r} is not 2 or 3")
            return Factor(name, f"^{power}")
        return Factor(name)

    def call(self, function: str) -> Factor:
        if function != "C" and function not in _FUNCTIONS:
            raise self.error(f"unknown function {function!r}; one of C, {', '.join(_FUNCTIONS)}")
        self.want("(")
        kind, variable = self.take()
        if kind != "name":
            raise self.error(f"{function}() needs the name of a moderator")
        reference = None
        if function == "C" and self.peek() == ("op", ","):
            self.take()
            if self.take() != ("name", "ref"):
                raise self.error("C() knows only ref=")
            self.want("=")
            reference = self.take()[1]
        self.want(")")
        return Factor(variable, function, reference)


def parse_formula(text: str) -> Formula:
    """Read a one-sided formula; raises ConfigError that quotes it."""
    return _Parser(text).formula()


def is_missing(value: Any) -> bool:
    """Whether a moderator's value is absent: None, NaN, masked or empty text."""
    if value is None or value is np.ma.masked:
        return True
    return value == "" or (isinstance(value, float) and np.isnan(value))


def encode(
    formula: Formula, data: Data, *, levels: Mapping[str, tuple[str, ...]] | None = None
) -> Design:
    """Design matrix of ``data`` (columns of length k without missing values).

    Categories are coded against their reference where the model holds the margin of the
    term without them, and in full where it does not (the rule of Chambers and Hastie 1992,
    section 2.4). ``levels`` fixes the categories, as for predictions. Raises DataError for a
    column that is absent or of different length, a value that a function cannot take, or a
    category that ``levels`` does not know.
    """
    for name in formula.variables:
        if name not in data:
            known = ", ".join(map(str, data)) or "none"
            raise DataError(f"moderator {name!r} is not in the data", hint=f"columns: {known}")
    sizes = {len(data[name]) for name in formula.variables}
    if len(sizes) > 1:
        raise DataError("the moderators have different numbers of values")
    k = sizes.pop() if sizes else max((len(column) for column in data.values()), default=1)
    known_levels = _levels(formula, data, levels)
    blocks: list[Floats] = [np.ones((k, 1))] if formula.intercept else []
    columns: list[str] = ["intercept"] if formula.intercept else []
    term_of: list[int] = [-1] if formula.intercept else []
    present = {frozenset(term) for term in formula.terms}
    spanned = formula.intercept  # whether the columns so far hold the constant
    for index, term in enumerate(formula.terms):
        parts = []
        for factor in term:
            if len(term) == 1:
                full = not spanned
                spanned = spanned or factor.variable in known_levels
            else:
                full = frozenset(term) - {factor} not in present
            parts.append(_columns(factor, data[factor.variable], known_levels, full=full))
        # the first factor varies fastest, as readers of R output expect
        for chosen in product(*(range(len(names)) for _, names in reversed(parts))):
            picks = list(zip(parts, reversed(chosen), strict=True))
            column = np.prod([block[:, i] for (block, _), i in picks], axis=0)
            blocks.append(np.asarray(column, dtype=np.float64)[:, None])
            columns.append(":".join(names[i] for (_, names), i in picks))
            term_of.append(index)
    labels = tuple(":".join(factor.label for factor in term) for term in formula.terms)
    return Design(
        np.concatenate(blocks, axis=1), tuple(columns), labels, tuple(term_of), known_levels
    )


def _levels(
    formula: Formula, data: Data, given: Mapping[str, tuple[str, ...]] | None
) -> dict[str, tuple[str, ...]]:
    if given is not None:
        return dict(given)
    found: dict[str, tuple[str, ...]] = {}
    for factor in (factor for term in formula.terms for factor in term):
        column = data[factor.variable]
        text = any(isinstance(value, str | bool | np.bool_) for value in column)
        if not (factor.function == "C" or text):
            continue
        values = list(dict.fromkeys(column))
        numeric = all(isinstance(v, int | float) for v in values)
        names = [str(v) for v in (sorted(values) if numeric else sorted(values, key=str))]
        if len(names) == 1:
            raise DataError(f"moderator {factor.variable} has a single category, {names[0]!r}")
        if factor.reference is not None:
            if factor.reference not in names:
                raise DataError(
                    f"reference {factor.reference!r} is not a category of {factor.variable}: "
                    + ", ".join(names)
                )
            names.remove(factor.reference)
            names.insert(0, factor.reference)
        if factor.variable not in found or factor.reference is not None:
            found[factor.variable] = tuple(names)
    return found


def _columns(
    factor: Factor, values: Sequence[Any], levels: Mapping[str, tuple[str, ...]], *, full: bool
) -> tuple[Floats, list[str]]:
    """Columns of one factor ``(k, c)`` and their names."""
    if factor.variable in levels:
        if factor.function not in ("", "C"):
            raise DataError(f"{factor.label}: {factor.variable} holds categories, not numbers")
        names = levels[factor.variable]
        labels = [str(value) for value in values]
        for label in labels:
            if label not in names:
                raise DataError(
                    f"{label!r} is not a category of {factor.variable}: {', '.join(names)}"
                )
        shown = names if full else names[1:]
        block = np.array([[float(label == name) for name in shown] for label in labels])
        return block.reshape(len(labels), len(shown)), [f"{factor.variable}[{n}]" for n in shown]
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"moderator {factor.variable}: {error}") from error
    with np.errstate(all="ignore"):
        if factor.function.startswith("^"):
            numbers = numbers ** int(factor.function[1:])
        elif factor.function in _FUNCTIONS:
            numbers = _FUNCTIONS[factor.function](numbers)
    if not np.isfinite(numbers).all():
        at = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise DataError(f"{factor.label} does not exist for {values[at]!r} (entry {at + 1})")
    return numbers[:, None], [factor.label]
