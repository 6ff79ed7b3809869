"""`carmeta new study`: a record to fill in, in the words of its review."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, get_args

import typer

from carmeta.cli import asking, terminal
from carmeta.cli.layout import STUDIES
from carmeta.cli.schema import SCHEMAS, write_schemas
from carmeta.cli.studies import Folder, words_of
from carmeta.errors import ConfigError, OutputError
from carmeta.vocabulary import REGISTRY_NUMBER, TrialDesign

if TYPE_CHECKING:
    from carmeta.records.citation import Citation

_ID: Final = re.compile(r"[a-z0-9][a-z0-9.\-]{0,79}")
_REGISTRY: Final = re.compile(REGISTRY_NUMBER)
_EARLIEST, _LATEST = 1900, 2100
_DESIGN: Final[TrialDesign] = "single-arm"
_DESIGNS: Final[tuple[TrialDesign, ...]] = get_args(TrialDesign)
_CITATION_LENGTH: Final = 3000


def study(
    id: Annotated[str, typer.Argument(help="Id of the study: lower case, digits, hyphens.")],
    folder: Folder = STUDIES,
    label: Annotated[
        str | None, typer.Option("--label", help="Its name in print.", show_default="the id")
    ] = None,
    nct: Annotated[
        str | None, typer.Option("--nct", help="Its registration, e.g. NCT01234567.")
    ] = None,
    design: Annotated[
        TrialDesign | None,
        typer.Option("--design", metavar="DESIGN", help="E.g. randomised.", show_default=_DESIGN),
    ] = None,
    cite: Annotated[
        str | None,
        typer.Option(
            "--cite", help="The report, as 'Authors. Title. Journal 2021;1:2-3. doi:10.1000/x'."
        ),
    ] = None,
    year: Annotated[
        int | None,
        typer.Option(
            "--year",
            min=_EARLIEST,
            max=_LATEST,
            help="Of the report.",
            show_default="the citation's, or this year",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
) -> int:
    """Write a record to fill in.

    It is valid as it stands, and a draft. At a terminal what the options do not say is asked
    for. An existing record is never replaced.
    """
    from carmeta.records.blank import blank_record
    from carmeta.records.citation import cited

    path = _place(folder, id)
    words = words_of(folder)
    called = id if label is None else _label(label)
    registry = "" if nct is None else _registry(nct)
    quoted = "" if cite is None else _citation(cite)
    if asking.can_ask() and not yes:
        called = asking.ask("Label", _label, default=id) if label is None else called
        if nct is None:
            registry = asking.ask("Registration (NCT number, if any)", _registry, default="")
        if design is None:
            question = f"Design ({', '.join(_DESIGNS)})"
            design = asking.ask(question, _design, default=_DESIGN)
        if cite is None:
            quoted = asking.ask("Citation of the report (if at hand)", _citation, default="")
        if year is None and cited(quoted).year is None:
            year = asking.ask("Year of the report", _year, default=str(_this_year()))
    report = cited(quoted)
    _tell(quoted, report, year)
    text = blank_record(
        words,
        id=id,
        label=called,
        design=design or _DESIGN,
        year=year or report.year or _this_year(),
        registry=registry,
        report=report,
    )
    if not (folder.parent / SCHEMAS / "study.schema.json").exists():  # the first line points there
        write_schemas(folder.parent, words)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise _there(path) from None
    terminal.say(f"{path} written: fill it in, then `carmeta validate`")
    return 0


def _place(folder: Path, id: str) -> Path:
    """Where the record goes; what speaks against it is said before anything is asked."""
    if not _ID.fullmatch(id):
        hint = "lower case letters, digits, '-' and '.', e.g. my-trial"
        raise ConfigError(f"'{id}' cannot be an id", hint=hint)
    if not folder.is_dir():
        hint = "`carmeta init` begins a review; or name the folder with --studies"
        raise ConfigError(f"there is no folder {folder}", hint=hint)
    path = folder / f"{id}.yaml"
    if path.exists():
        raise _there(path)
    return path


def _there(path: Path) -> OutputError:
    return OutputError(f"{path} exists already; it is left as it is")


def _this_year() -> int:
    return date.today().year


def _label(given: str) -> str:
    return asking.text(given, "the label")


def _registry(given: str) -> str:
    found = given.strip().upper()
    if found and not _REGISTRY.fullmatch(found):
        text = f"{given!a} is no number of ClinicalTrials.gov"
        raise ConfigError(text, hint="NCT and eight digits; others go under other_registries")
    return found


def _design(given: str) -> TrialDesign:
    from carmeta.sourcefile import suggest

    if given not in _DESIGNS:
        raise ConfigError(f"{given!a} is no design", hint=suggest(given, _DESIGNS))
    return given


def _citation(given: str) -> str:
    return asking.text(given, "--cite", least=0, most=_CITATION_LENGTH)


def _year(given: str) -> int:
    if not re.fullmatch(r"\d{4}", given) or not _EARLIEST <= int(given) <= _LATEST:
        raise ConfigError(f"{given!a} is no year", hint=f"{_EARLIEST} to {_LATEST}")
    return int(given)


def _tell(quoted: str, report: Citation, year: int | None) -> None:
    """What of a citation is not clear, and where it contradicts what was given."""
    if not quoted:
        return
    names = ("authors", "title", "journal", "year")
    unclear = [name for name in names if getattr(report, name) is None]
    if year is not None and "year" in unclear:
        unclear.remove("year")
    if unclear:
        terminal.say(f"not clear from the citation: {', '.join(unclear)}; placeholders stand there")
    if year is not None and report.year not in (None, year):
        terminal.say(f"the citation says {report.year}, --year says {year}, which goes first")
