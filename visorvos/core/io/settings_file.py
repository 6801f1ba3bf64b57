"""Settings in YAML files: those written beside the outputs, and those that ``--config`` reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from visorvos._version import __version__
from visorvos.core.io.archives import Location, read_bytes
from visorvos.core.io.atomic import write_file
from visorvos.errors import VisorVosError

SETTINGS_FILE = "settings.yaml"
_REMEDY = "Print a file that works: visorvos config COMMAND > options.yaml"


def write_settings(folder: Path, command: str, values: Mapping[str, object]) -> None:
    """Writes the settings that a command ran with, as a file that ``--config`` takes.

    Args:
        folder: the command's output folder.
        command: its name.
        values: option values by name, ``settings.model_dump(mode="json")``.
    """
    write_file(folder / SETTINGS_FILE, yaml_text(command, values))


def yaml_text(command: str, values: Mapping[str, object]) -> str:
    """The content of a settings file."""
    body = yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)
    return f"# visorvos {command}, version {__version__}\n{body}"


def read_settings(path: Path) -> dict[str, Any]:
    """Reads option values by name from a YAML file.

    Raises:
        VisorVosError: if it cannot be read, or is not a mapping of option names to values.
    """
    if not (path.exists() or path.is_symlink()):
        raise VisorVosError(f"Config file not found: {path}", _REMEDY)
    try:
        content = yaml.safe_load(read_bytes(Location(path)).decode())
    except RecursionError as error:
        raise VisorVosError(f"The config file {path} is nested too deeply.", _REMEDY) from error
    except (ValueError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f": see line {mark.line + 1}" if mark is not None else ""
        raise VisorVosError(f"The config file {path} cannot be read as YAML{where}.", _REMEDY) from error
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise VisorVosError(f"The config file {path} must hold one `name: value` per line.", _REMEDY)
    return content
