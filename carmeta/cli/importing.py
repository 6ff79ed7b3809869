"""`carmeta import`: draft records from what people have."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from carmeta.cli import terminal
from carmeta.cli.layout import REVIEW, STUDIES
from carmeta.cli.studies import Folder, words_of
from carmeta.cli.tables import Format, write_rows
from carmeta.errors import ConfigError, DataError, OutputError

if TYPE_CHECKING:
    from carmeta.importing.drafts import Drafts
    from carmeta.importing.plan import Plan
    from carmeta.importing.table import LeftOut, Reference, Table, Use
    from carmeta.importing.words import Kind, Words
    from carmeta.sourcefile import Diagnostic

_SHOWN: Final = 5  # of each kind of what is left over
_EACH: Final = "for all, or WORD=CODE for a word of the file; may be given several times."


def import_files(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="CSV or Excel of counts, RevMan 5 (.rm5), RevMan data package (.zip), "
            "Covidence's extraction CSV, references (RIS); - for stdin.",
        ),
    ],
    folder: Folder = STUDIES,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="Read the columns by this mapping.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done; write nothing.")
    ] = False,
    outcome: Annotated[
        list[str] | None, typer.Option("--outcome", help=f"Outcome: {_EACH}", metavar="CODE")
    ] = None,
    population: Annotated[
        list[str] | None, typer.Option("--population", help=f"Population: {_EACH}", metavar="CODE")
    ] = None,
    role: Annotated[
        list[str] | None,
        typer.Option("--role", help=f"Role of an arm: {_EACH}", metavar="CODE"),
    ] = None,
    design: Annotated[
        str | None, typer.Option("--design", help="Design of the studies.", metavar="CODE")
    ] = None,
    year: Annotated[
        int | None,
        typer.Option("--year", min=1900, max=2100, help="Of studies that say none themselves."),
    ] = None,
    format: Annotated[Format, typer.Option("--format", help="Form of the output.")] = "table",
) -> int:
    """Make draft records from a sheet of counts, RevMan, Covidence or references.

    What the columns hold is guessed, shown, and written beside the first file as
    NAME.mapping.yaml; edit it where it is wrong, the next import reads by it. What is not carried
    over is listed in NAME.import-report.md. No record is ever replaced, and none is written if
    anything is wrong.
    """
    from carmeta.importing.drafts import check_drafts, make_drafts
    from carmeta.importing.plan import spoken, text_of
    from carmeta.importing.reading import read_tables
    from carmeta.importing.sheet import file_name
    from carmeta.importing.words import words_for
    from carmeta.outputs.write import write_file

    if not folder.is_dir():
        raise ConfigError(f"there is no folder {folder}", hint="name it with --studies")
    vocabulary = words_of(folder)
    words = words_for(vocabulary, (folder.parent / REVIEW).as_posix())
    given: dict[Kind, Sequence[str]] = {
        "outcome": outcome or (), "population": population or (), "role": role or (),
        "design": () if design is None else (design,),
    }  # fmt: skip
    _check_given(given, words)
    tables, references, left = _read(files)
    target = mapping or _beside(files[0], ".mapping.yaml")
    is_new = mapping is None and not target.exists()
    if mapping is None and not is_new:
        terminal.say(
            f"the columns are read by {target}, which is there; move it away to guess anew"
        )
    plan, uses, problems = _plan(tables, None if is_new else target, words)
    _check_words(given, spoken(tables, uses))
    for kind, items in given.items():
        plan = plan.but(kind, items)
    if year is not None:
        plan = plan.model_copy(update={"study": plan.study.model_copy(update={"year": year})})
    _show(tables, uses, format)
    if is_new and not dry_run and tables:
        write_file(target, text_of(plan).encode())
        terminal.say(f"mapping written to {target}")
    reading = read_tables(tables, uses, plan, words)
    drafts = make_drafts(reading, references, plan, words)
    left += [*reading.left, *drafts.left]
    _tell(left, None if dry_run else _SHOWN)
    _check([*problems, *reading.problems, *drafts.problems], drafts, words, target)
    if not drafts.texts:
        names = ", ".join(file_name(path) for path in files)
        raise DataError(f"{names}: no counts that can be imported")
    check_drafts(drafts.texts, vocabulary)
    _deliver(files, folder, left, drafts, dry_run=dry_run)
    return 0


def _check_given(given: dict[Kind, Sequence[str]], words: Words) -> None:
    from carmeta.importing.plan import IGNORE

    for kind, items in given.items():
        for item in items:
            code = item.rpartition("=")[2]
            if code not in words.codes[kind] and (kind, code) != ("outcome", IGNORE):
                text = f"--{kind} {item}: '{code}' is no {kind}"
                raise ConfigError(text, hint=words.allowed(kind, code))


def _check_words(given: dict[Kind, Sequence[str]], there: Mapping[Kind, Collection[str]]) -> None:
    """Refuse a word of an option that stands nowhere in the files."""
    from carmeta.sourcefile import suggest

    for kind, items in given.items():
        for item in items:
            word, equals, _ = item.rpartition("=")
            if equals and word not in there.get(kind, ()):
                known = [*there.get(kind, ())]
                hint = suggest(word, known, lead="there are", otherwise="see the mapping")
                raise ConfigError(f"--{kind} {item}: '{word}' is no {kind} of the file", hint=hint)


def _read(files: Sequence[Path]) -> tuple[list[Table], list[Reference], list[LeftOut]]:
    from carmeta.importing.guess import recognised
    from carmeta.importing.source import read_source

    names = [path.name for path in files]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        hint = "a mapping tells files by their names: rename one, or import them one by one"
        raise ConfigError(f"two files are called {twice[0]}", hint=hint)
    sources = [read_source(path, recognised) for path in files]
    return (
        [table for source in sources for table in source.tables],
        [reference for source in sources for reference in source.references],
        [item for source in sources for item in source.left_out],
    )


def _plan(
    tables: Sequence[Table], mapping: Path | None, words: Words
) -> tuple[Plan, list[list[Use]], list[Diagnostic]]:
    """The mapping, what the columns hold by it, and where a guess could be another."""
    from carmeta.importing.plan import doubts, guessed, load_plan, planned, uses_of

    source = None
    if mapping is None:
        plan = guessed(tables, words)
    else:
        plan, source = load_plan(mapping)
    if source is not None and plan.tables:
        return plan, planned(plan, source, tables), []
    uses = [uses_of(table, words) for table in tables]
    return plan, uses, [*doubts(tables)]


def _show(tables: Sequence[Table], uses: Sequence[Sequence[Use]], fmt: Format) -> None:
    rows: list[dict[str, Any]] = [
        {"table": table.name, "column": table.column(i), "heading": table.sheet.headings[i],
         "holds": use.holds, "outcome": use.outcome, "arm": use.arm}
        for table, columns in zip(tables, uses, strict=True)
        for i, use in enumerate(columns)
    ]  # fmt: skip
    shown = {"table": "Table", "column": "Column", "holds": "Holds", "outcome": "Outcome",
             "arm": "Arm"}  # fmt: skip
    if fmt == "json":
        shown["heading"] = "Heading"
    write_rows(rows, shown, fmt)


def _beside(file: Path, ending: str) -> Path:
    name = "stdin" if str(file) == "-" else file.stem
    return (Path() if str(file) == "-" else file.parent) / f"{name}{ending}"


def _tell(left: Sequence[LeftOut], most: int | None) -> None:
    from carmeta.importing.listing import lines

    if left:
        terminal.say("not carried over:")
        for text in lines(left, most):
            terminal.say(f"  {text}")


def _check(problems: Sequence[Diagnostic], drafts: Drafts, words: Words, mapping: Path) -> None:
    """Raise DataError with everything that is wrong, or that nothing says."""
    asked = [
        f"--{kind} ({words.allowed(kind)})"
        for kind in ("outcome", "population", "role", "design")
        if kind in drafts.missing
    ]
    if drafts.without_year:
        some = ", ".join(drafts.without_year[:3]) + (", ..." if drafts.without_year[3:] else "")
        asked.append(f"--year (no year is known of {some})")
    for text in asked:
        terminal.error(f"not said by the file: {text}")
    if problems or asked:
        noun = "problem" if len(problems) == 1 else "problems"
        told = [f"{len(problems)} {noun}"] if problems else []
        told += ["something is not said"] if asked else []
        hint = f"say it with the options, or in {mapping} with --mapping" if asked else ""
        text = f"nothing is imported: {' and '.join(told)}"
        raise DataError(text, hint=hint, diagnostics=problems)


def _deliver(
    files: Sequence[Path], folder: Path, left: Sequence[LeftOut], drafts: Drafts, *, dry_run: bool
) -> None:
    from carmeta.importing.listing import TITLE, report
    from carmeta.importing.place import check_free, put_drafts
    from carmeta.importing.sheet import file_name
    from carmeta.outputs.write import write_file

    check_free(folder, drafts.texts)
    listing = _beside(files[0], ".import-report.md")
    ours = listing.is_file() and listing.read_bytes().startswith(TITLE.encode())
    if listing.exists() and not ours and not dry_run:
        raise OutputError(f"{listing}: exists already, and no import wrote it")
    count = f"{len(drafts.texts)} {'draft' if len(drafts.texts) == 1 else 'drafts'}"
    if dry_run:
        terminal.say(f"{count} would be written: {', '.join(drafts.texts)}")
        return
    written = put_drafts(folder, drafts.texts)
    text = report(left, [file_name(path) for path in files], [path.name for path in written])
    write_file(listing, text.encode(), force=True)
    terminal.say(f"{count} in {folder}; what was not carried over stands in {listing}")
    terminal.say(f"next: check them against the papers, then `carmeta validate {folder}`")
