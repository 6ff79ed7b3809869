"""`carmeta validate`: everything that is wrong in records and configurations, at once."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from carmeta.cli import terminal
from carmeta.cli.diagnostics import OutputFormat, print_diagnostics
from carmeta.cli.layout import CONFIGS, REVIEW, STUDIES, existing, parts

if TYPE_CHECKING:
    from carmeta.domain.evidence import Finding
    from carmeta.records import Loaded
    from carmeta.sourcefile import Diagnostic


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

    Checked are the text, the schema, references between records, printed numbers, and that
    records hold what configurations name: those in the folder that is given (of several, the
    one beside the configuration's), or else in studies/.

    Exit code 1 if anything is an error. Findings that a record acknowledges are only counted;
    those that ask for nothing are told with --verbose.
    """
    from carmeta.records import load_review

    records, configs = _sorted_out(existing(paths or [], (STUDIES, CONFIGS)))
    diagnostics: list[Diagnostic] = []
    checked, settled = len(configs), 0
    whole: dict[Path, Loaded] = {}
    for folder, only in records.items():
        loaded = load_review(folder, only=only)
        if only is None:
            whole[folder] = loaded
        checked += len(loaded.sources) if only is None else len(only)
        told = loaded.diagnostics
        diagnostics += [replace(told[0], severity="warning")] if _is_new(loaded) else told
        if audit and loaded.review is not None:
            findings = _audited(loaded, only)
            settled += sum(bool(finding.acknowledged) for finding in findings)
            diagnostics += [
                _as_diagnostic(finding, loaded) for finding in findings if not finding.acknowledged
            ]
    for path in configs:
        diagnostics += _check_config(path, _asked(path, list(records), whole))
    print_diagnostics(diagnostics, fmt=output_format)
    sys.stdout.flush()
    return _summary(diagnostics, checked, settled)


def _is_new(loaded: Loaded) -> bool:
    """Whether all that is wrong is that the review has no records yet."""
    return [item.code for item in loaded.diagnostics] == ["REC002"]


def _sorted_out(paths: Sequence[Path]) -> tuple[dict[Path, list[Path] | None], list[Path]]:
    """Folders of records with the files that were named (None for all), and configurations."""
    records: dict[Path, list[Path] | None] = {}
    configs: list[Path] = []
    for path in _of_reviews(paths):
        if path.is_dir():
            files = sorted(path.glob("*.yaml"))
            if files and not any(_is_record(file) for file in files):
                configs += files
            else:
                records[path] = None
        elif not _is_record(path):
            configs.append(path)
        else:
            named = records.setdefault(path.parent, [])
            if named is not None:
                named.append(path)
    return records, list(dict.fromkeys(configs))


def _of_reviews(paths: Sequence[Path]) -> Iterator[Path]:
    """The paths; of a folder with a review, or its review.yaml, what the review holds."""
    for path in paths:
        root = path.parent if path.name == REVIEW.name else path
        if path.name == REVIEW.name or (root / REVIEW).exists():
            yield from parts(root, (STUDIES, CONFIGS))
        else:
            yield path


def _is_record(path: Path) -> bool:
    """A record by its name or content; what cannot be told apart is checked as a record."""
    from carmeta.domain.record import record_kind
    from carmeta.sourcefile import load_source

    if path.stem.startswith("_"):
        return True
    source, _ = load_source(path, partial=True)
    if source is None:
        return path.parent.name != CONFIGS.name
    return bool(record_kind(source.data)) or path.parent.name == STUDIES.name


def _audited(loaded: Loaded, only: list[Path] | None) -> list[Finding]:
    """Findings of the audit; those that ask for nothing only with --verbose."""
    from carmeta.audit import audit

    assert loaded.review is not None
    stems = None if only is None else {path.stem for path in only}
    return [
        finding
        for finding in audit(loaded.review, loaded.sources)
        if (finding.severity != "info" or terminal.settings.verbose)
        and (stems is None or finding.record in stems)
    ]


def _as_diagnostic(finding: Finding, loaded: Loaded) -> Diagnostic:
    from carmeta.sourcefile import Diagnostic

    assert finding.mark is not None
    message = f"{finding.where}: {finding.message}"
    line = loaded.sources[finding.record].line(finding.mark.line)
    return Diagnostic(finding.code, finding.severity, finding.mark, message, finding.hint, line)


def _asked(config: Path, folders: list[Path], whole: dict[Path, Loaded]) -> Loaded:
    """The records that hold what a configuration names; that none can be asked is said.

    ``whole`` are the folders that were read, which this adds to.
    """
    from carmeta.records import load_review

    if len(folders) > 1:
        beside = config.resolve().parent.parent
        folders = [folder for folder in folders if folder.resolve().parent == beside]
    folder = folders[0] if folders else STUDIES
    if folder not in whole:
        whole[folder] = load_review(folder)
    loaded = whole[folder]
    if loaded.words.words is None:
        terminal.say(f"{config} is not checked: the words of its review are not usable")
    elif loaded.review is None and not _is_new(loaded):
        terminal.say(f"names in {config} are not checked: the records in {folder} are not usable")
    return loaded


def _check_config(path: Path, loaded: Loaded) -> list[Diagnostic]:
    from carmeta.config import load_config
    from carmeta.domain.evidence import Mark
    from carmeta.errors import ConfigError
    from carmeta.pipeline.choices import check_choices
    from carmeta.sourcefile import Diagnostic

    words, review = loaded.words.words, loaded.review
    if words is None:
        return []
    try:
        config = load_config(path, words)
        if review is not None:
            check_choices(config, review, path)
    except ConfigError as error:
        told = list(error.diagnostics)
        return told or [
            Diagnostic("CFG001", "error", Mark(path.as_posix()), error.message, error.hint)
        ]
    return []


def _summary(diagnostics: Sequence[Diagnostic], checked: int, settled: int) -> int:
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
    acknowledged = f"; {settled} acknowledged in the records" if settled else ""
    terminal.say(f"{files} checked: {', '.join(told) or 'nothing to say'}{acknowledged}")
    return 1 if counts["error"] else 0
