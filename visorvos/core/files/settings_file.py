"""The resolved settings beside the outputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from visorvos import __version__
from visorvos.core.files.atomic import write_text

__all__ = ["SETTINGS_FILE", "write_settings", "yaml_text"]

SETTINGS_FILE = "settings.yaml"


def write_settings(folder: Path, command: str, values: Mapping[str, object]) -> Path:
    """Writes what a command ran with, in a form that ``--config`` takes.

    Args:
        folder: where the command's outputs go.
        command: its name.
        values: option by name, of YAML's types: ``settings.model_dump(mode="json")``.

    Returns:
        The file.

    Raises:
        VisorVosError: where it cannot be written.
    """
    path = folder / SETTINGS_FILE
    write_text(path, yaml_text(command, values))
    return path


def yaml_text(command: str, values: Mapping[str, object]) -> str:
    """The content of that file."""
    body = yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)
    return f"# visorvos {command}, version {__version__}\n{body}"
