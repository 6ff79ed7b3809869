"""For the site: doctests as code blocks, and roles of Sphinx as plain code."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension

_EXAMPLE = re.compile(r"^(>>> .*(?:\n(?!\s*$).+)*)", re.MULTILINE)
_ROLE = re.compile(r":(?:class|func|mod|meth):`~?([^`]+)`")


class Docstrings(Extension):
    """Changes docstrings before they are rendered, not the code."""

    def on_object(self, *, obj: Any, **_: Any) -> None:
        """Called by griffe for every function, class and attribute."""
        if obj.docstring is not None:
            text = _ROLE.sub(r"`\1`", obj.docstring.value)
            obj.docstring.value = _EXAMPLE.sub(r"```pycon\n\1\n```", text)
