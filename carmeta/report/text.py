"""Making foreign text harmless for each output: it always arrives as text."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# Characters that a spreadsheet reads as the start of a formula (OWASP, CSV injection).
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z")
# Formatting characters that reorder or hide what follows; joiners and marks shape letters.
_JOINERS: Final = frozenset("\u200c\u200d")
_MARKDOWN: Final = re.compile(r"([\\`*_\[\]#|<>~$&]|^(?:[+=-]|\d+(?=[.)](?:\s|$))))")
_LATEX: Final = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "'": r"\textquotesingle{}",
    "\u2212": r"\ensuremath{-}",
    "\u2265": r"\ensuremath{\geq}",
    "\u2264": r"\ensuremath{\leq}",
    "\u00b2": r"\textsuperscript{2}",
    "\u03c4": r"\ensuremath{\tau}",
    "\u03c7": r"\ensuremath{\chi}",
    "\u221e": r"\ensuremath{\infty}",
    "\u2020": r"\textdagger{}",
    "\u2021": r"\textdaggerdbl{}",
    "\u00a7": r"\S{}",
    "\u00b6": r"\P{}",
    "\u2013": "--",
    "\u2014": "---",
    "\u202f": r"\,",
    "\u00a0": "~",
    "\u2016": r"\textbardbl{}",
    "\u2192": r"\ensuremath{\rightarrow}",
}


def clean(text: str) -> str:
    """Text without control characters: line ends and tabs become spaces, others U+FFFD.

    XML, and with it SVG, Word and Excel, cannot hold them at all.
    """
    if text.isprintable():
        return text
    out = []
    for char in text:
        category = unicodedata.category(char)
        if char in "\n\r\t\v\f\x85\u2028\u2029":
            out.append(" ")
        elif category in ("Cc", "Cs") or char in "\ufffe\uffff":
            out.append("\ufffd")
        else:
            out.append(char)
    return "".join(out)


def plain(text: str) -> str:
    """Clean text for drawing: without invisible formatting (direction overrides, zero-width
    spaces), letters and their marks composed where one character stands for both."""
    if text.isascii() and text.isprintable():
        return text
    kept = (char for char in clean(text) if char in _JOINERS or unicodedata.category(char) != "Cf")
    return unicodedata.normalize("NFC", "".join(kept))


def tie(text: str) -> str:
    """No line break around a relation sign."""
    for sign in "=<>":
        text = text.replace(f" {sign} ", f"\u00a0{sign}\u00a0")
    return text


def csv_cell(text: str) -> str:
    """A text cell that no spreadsheet takes for a formula; numbers stay as they are.

    A leading apostrophe marks it as text, the way spreadsheets themselves do.
    """
    if text.startswith(_FORMULA_STARTS) and not _NUMBER.match(text):
        return "'" + text
    return text


def markdown(text: str) -> str:
    """Text that GitHub-flavoured Markdown shows as it is, also inside a table cell."""
    return _MARKDOWN.sub(_escape, clean(text))


def _escape(match: re.Match[str]) -> str:
    found = match.group(1)
    return found + "\\" if found.isdigit() else "\\" + found


def latex(text: str) -> str:
    """Text that LaTeX (with inputenc utf8 and textcomp) sets as it is."""
    return "".join(_LATEX.get(char, char) for char in clean(text))


def r_string(text: str) -> str:
    """An R string literal; everything beyond ASCII as an escape."""
    out = []
    for char in clean(text):
        code = ord(char)
        if char in '"\\':
            out.append("\\" + char)
        elif 32 <= code < 127:
            out.append(char)
        else:
            out.append(f"\\U{{{code:x}}}")
    return '"' + "".join(out) + '"'


def slug(text: str) -> str:
    """A safe part of a file name: lower-case ASCII letters, digits, ``-`` and ``_``.

    Never empty, never longer than 60 characters.
    """
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[^a-z0-9_]+", "-", ascii_text.lower()).strip("-")[:60] or "unnamed"
