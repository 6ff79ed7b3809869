"""Names that a shell completes: from those of files, so that it waits for nothing."""

from __future__ import annotations

from pathlib import Path

import typer


def study_ids(context: typer.Context, incomplete: str) -> list[str]:
    """Ids of the studies in the folder that was named, or in studies/."""
    from carmeta.cli.layout import STUDIES

    folder: Path = context.params.get("folder") or STUDIES
    names = [path.stem for path in folder.glob("[!._]*.yaml")]
    return sorted(name for name in names if name.startswith(incomplete))


def config_paths(incomplete: str) -> list[str]:
    """Configurations in the folder that is typed, or else in configs/."""
    from carmeta.cli.layout import CONFIGS

    folder = Path(incomplete.rpartition("/")[0]) if "/" in incomplete else CONFIGS
    names = [path.as_posix() for path in folder.glob("[!.]*.yaml")]
    return sorted(name for name in names if name.startswith(incomplete))


def pack_names(incomplete: str) -> list[str]:
    """The packs that come with carmeta."""
    from carmeta.records import pack_names as known

    return [name for name in known() if name.startswith(incomplete)]
