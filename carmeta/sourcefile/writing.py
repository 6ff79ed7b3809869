"""Texts as YAML that the strict loader reads back as they are."""

from __future__ import annotations

import json
import re
from typing import Final

from carmeta.sourcefile.scalars import resolve

# A colon, a hash, brackets and signs at the start mean something in YAML.
_PLAIN: Final = re.compile(r"[A-Za-z0-9][\w ./()+’'≥≤%-]*")


def scalar(text: str) -> str:
    """A text on one line of YAML, quoted where it would not be read as the same text.

    >>> print(scalar("A trial (2021)"), scalar("yes: no"), scalar("010"))
    A trial (2021) "yes: no" "010"
    """
    plain = _PLAIN.fullmatch(text) and text == text.strip() and resolve(text) == text
    return text if plain else json.dumps(text, ensure_ascii=False)
