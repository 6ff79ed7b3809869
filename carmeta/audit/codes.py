"""The findings an audit can make, from ``codes.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from carmeta.domain.evidence import Severity


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of finding; a ``code`` keeps its meaning for good."""

    code: str
    severity: Severity
    title: str
    meaning: str  # one sentence, for the documentation
    hint: str  # what usually resolves it


def _read() -> dict[str, Code]:
    table = tomllib.loads(files(__package__).joinpath("codes.toml").read_text("utf-8"))
    return {code: Code(code=code, **words) for code, words in table.items()}


CODES: Final = _read()
