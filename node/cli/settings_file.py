"""The tillmesh.toml that `init` and `join` leave behind: what -s said is set, everything else is shown with its default."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from node.config import FILE_NAME, SETTINGS, example_file
from node.setting import read_value


def write_settings(directory: Path, settings: Mapping[str, str]) -> None:
    """Writes the file unless there is one: what a person wrote is never replaced. settings: checked by `load` before."""
    chosen = {name: read_value(SETTINGS[name], text) for name, text in settings.items()}
    try:
        with (directory / FILE_NAME).open("x", encoding="utf-8") as file:
            file.write(example_file(chosen))
    except FileExistsError:
        return
