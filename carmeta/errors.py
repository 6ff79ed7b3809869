"""The exceptions of carmeta: one base, caught once in the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class CarmetaError(Exception):
    """Base of every error that a user can cause.

    ``exit_code`` follows the table in the documentation of the command line:
    1 findings, 2 usage or configuration, 3 estimation failed. ``diagnostics`` holds the
    places in files (`carmeta.sourcefile.Diagnostic`), where there are any.
    """

    exit_code = 2

    def __init__(self, message: str, *, hint: str = "", diagnostics: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.diagnostics = tuple(diagnostics)


class ConfigError(CarmetaError):
    """A configuration that is not valid, or names nothing."""


class RecordError(CarmetaError):
    """A study record that cannot be used; the diagnostics carry the places."""

    exit_code = 1


class DataError(CarmetaError):
    """Counts or effects that no model can be fitted to; names study and value."""


class EstimationError(CarmetaError):
    """A model that was asked for could not be fitted, and no fallback applies."""

    exit_code = 3


class OutputError(CarmetaError):
    """A place that cannot be written, or lies outside the output folder."""
