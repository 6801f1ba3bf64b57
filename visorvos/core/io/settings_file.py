"""The resolved settings beside the outputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from visorvos._version import __version__
from visorvos.core.io.atomic import write_text
from visorvos.errors import VisorVosError

__all__ = ["SETTINGS_FILE", "read_settings", "write_settings", "yaml_text"]

SETTINGS_FILE = "settings.yaml"

_MOST_BYTES = 1 << 20


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


def read_settings(path: Path) -> dict[str, Any]:
    """Option by name, of such a file or of one that a person wrote; nothing in it is executed.

    Raises:
        VisorVosError: where it cannot be read, or is not of that form.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise VisorVosError(f"The config file {path} has more bytes than can be meant.", "Give a YAML file.")
        content = yaml.safe_load(text.decode())
    except RecursionError as error:
        raise VisorVosError(f"The config file {path} is nested too deep.", "Give a YAML file of options.") from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or " ".join(str(error).split())
        raise VisorVosError(f"The config file {path} cannot be read: {reason}.", "Give a YAML file.") from error
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise VisorVosError(f"The config file {path} holds no settings.", "Write one `name: value` a line.")
    return content
