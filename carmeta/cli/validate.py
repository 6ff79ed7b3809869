"""`carmeta validate`: everything that is wrong in records and configurations, at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from carmeta.cli import terminal
from carmeta.cli.diagnostics import OutputFormat, print_diagnostics
from carmeta.cli.studies import STUDIES

if TYPE_CHECKING:
    from carmeta.domain.evidence import Finding
    from carmeta.records import Loaded
    from carmeta.sourcefile import Diagnostic

_RECORD_KEYS = frozenset({"cohorts", "trial", "reports", "products"})


def validate(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Files or folders; studies/ and configs/ if none is given."),
    ] = None,
    output_format: Annotated[
        OutputFormat, typer.Option("--output-format", help="Form of the output.")
    ] = "text",
    audit: Annotated[
        bool, typer.Option("--audit/--no-audit", help="Also hold printed numbers together.")
    ] = True,
) -> int:
    """Check records and configurations.

    Checked are the text, the schema, references between records, and printed numbers.

    Exit code 1 if anything is an error. Findings that a record acknowledges are not told;
    those that ask for nothing only with --verbose.
    """
    records, configs = _sorted_out(paths or [STUDIES, Path("configs")])
    diagnostics: list[Diagnostic] = []
    checked = len(configs)
    for folder, only in records.items():
        loaded = _load(folder, only)
        checked += len(loaded.sources) if only is None else len(only)
        diagnostics += loaded.diagnostics
        if audit and loaded.review is not None:
            diagnostics += _audited(loaded, folder, only)
    for path in configs:
        diagnostics += _check_config(path)
    print_diagnostics(diagnostics, fmt=output_format)
    sys.stdout.flush()
    return _summary(diagnostics, checked)


def _sorted_out(paths: Sequence[Path]) -> tuple[dict[Path, list[Path] | None], list[Path]]:
    """Folders of records with the files that were named (None for all), and configurations."""
    records: dict[Path, list[Path] | None] = {}
    configs: list[Path] = []
    for path in paths:
        if path.is_dir():
            files = sorted(path.glob("*.yaml"))
            if files and not any(_is_record(file) for file in files):
                configs += files
            else:
                records[path] = None
        elif path.exists() and not _is_record(path):
            configs.append(path)
        else:
            named = records.setdefault(path.parent, [])
            if named is not None:
                named.append(path)
    return records, list(dict.fromkeys(configs))


def _is_record(path: Path) -> bool:
    """A record by its name or content; what cannot be told apart is checked as a record."""
    from carmeta.sourcefile import load_source

    if path.stem.startswith("_"):
        return True
    source, _ = load_source(path, partial=True)
    if source is None:
        return path.parent.name != "configs"
    return bool(_RECORD_KEYS & source.data.keys()) or path.parent.name == STUDIES.name


def _load(folder: Path, only: list[Path] | None) -> Loaded:
    from carmeta.domain.evidence import Mark
    from carmeta.records import load_review
    from carmeta.sourcefile import Diagnostic

    loaded = load_review(folder, only=only)
    absent = [path for path in only or [] if not path.exists()]
    loaded.diagnostics.extend(
        Diagnostic("YML001", "error", Mark(path.as_posix()), "there is no such file")
        for path in absent
    )
    return loaded


def _audited(loaded: Loaded, folder: Path, only: list[Path] | None) -> list[Diagnostic]:
    """Findings of the audit that no record acknowledges; those of no consequence on request."""
    from carmeta.audit import audit

    assert loaded.review is not None
    stems = None if only is None else {path.stem for path in only}
    return [
        _as_diagnostic(finding, loaded, folder)
        for finding in audit(loaded.review)
        if not finding.acknowledged
        and (finding.severity != "info" or terminal.settings.verbose)
        and (stems is None or finding.study in stems)
    ]


def _as_diagnostic(finding: Finding, loaded: Loaded, folder: Path) -> Diagnostic:
    from carmeta.domain.evidence import Mark
    from carmeta.records import locate
    from carmeta.sourcefile import Diagnostic

    message = f"{finding.where}: {finding.message}"
    source = loaded.sources.get(finding.study)
    assert loaded.review is not None
    study = next((item for item in loaded.review.studies if item.id == finding.study), None)
    if source is None or study is None:  # a finding about several studies
        mark = finding.mark or Mark(folder.as_posix())
        return Diagnostic(finding.code, finding.severity, mark, message, finding.hint)
    mark = finding.mark or source.mark(locate(study, finding.cohort, finding.subject))
    line = source.line(mark.line)
    return Diagnostic(finding.code, finding.severity, mark, message, finding.hint, line)


def _check_config(path: Path) -> list[Diagnostic]:
    from carmeta.config import load_config
    from carmeta.domain.evidence import Mark
    from carmeta.errors import ConfigError
    from carmeta.sourcefile import Diagnostic

    try:
        load_config(path)
    except ConfigError as error:
        told = list(error.diagnostics)
        return told or [
            Diagnostic("CFG001", "error", Mark(path.as_posix()), error.message, error.hint)
        ]
    return []


def _summary(diagnostics: Sequence[Diagnostic], checked: int) -> int:
    files = "1 file" if checked == 1 else f"{checked} files"
    counts = {
        severity: sum(item.severity == severity for item in diagnostics)
        for severity in ("error", "warning", "info")
    }
    told = [
        f"{count} {severity}{'s' if count > 1 and severity != 'info' else ''}"
        for severity, count in counts.items()
        if count
    ]
    terminal.say(f"{files} checked: {', '.join(told) or 'nothing to say'}")
    return 1 if counts["error"] else 0
