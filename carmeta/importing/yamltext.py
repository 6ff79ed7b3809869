"""YAML that the strict loader reads back to the same data, whatever the texts hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from carmeta.report.text import clean

# What is the same text in every version of YAML; everything else is quoted.
_PLAIN: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_WIDTH: Final = 10_000  # no text is broken over lines
_WORDS: Final = frozenset({"yes", "no", "on", "off", "true", "false", "null", "nan"})


class OneLine(dict[str, Any]):
    """A mapping that stands on one line."""


class _Dumper(yaml.SafeDumper):
    """With representers of our own."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = _PLAIN.fullmatch(text) and text not in _WORDS
    shown = clean(text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", shown, style=None if plain else '"')


def _one_line(dumper: yaml.SafeDumper, data: OneLine) -> yaml.MappingNode:
    return dumper.represent_mapping("tag:yaml.org,2002:map", data.items(), True)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(OneLine, _one_line)


def dump(data: Mapping[str, Any], comment: str) -> str:
    """The data below a comment, keys in their order; control characters in texts are replaced."""
    lines = "".join(f"# {line}\n" for line in comment.splitlines())
    body = yaml.dump(
        dict(data), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH,
    )  # fmt: skip
    return lines + str(body)
