"""Paths: the cache folder, links resolved, and names from files that become parts of paths."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

HOME_VARIABLE = "VISORVOS_HOME"
_MAX_BYTES = 200
"""File systems allow 255; some files are written under a name with a suffix added."""


def cache_folder() -> Path:
    """The folder for files that can be downloaded or built again: ``$VISORVOS_HOME``, or the platform's cache."""
    named = os.environ.get(HOME_VARIABLE)
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("visorvos", appauthor=False))


def in_other_case(path: Path) -> Path | None:
    """The entry of the same folder whose name differs from the path's only in upper and lower case, if there is one."""
    entries = path.parent.iterdir() if path.parent.is_dir() else ()
    return next((entry for entry in entries if entry != path and entry.name.lower() == path.name.lower()), None)


def is_safe_name(name: str) -> bool:
    """Whether a name can be one level of a path: printable, not hidden, and without separators."""
    return (
        name.isprintable()
        and 0 < len(name.encode()) <= _MAX_BYTES
        and not name.startswith(".")
        and not any(character in name for character in "/\\:")
    )


def is_safe_path(path: str) -> bool:
    """Whether a relative path consists of safe names separated by slashes."""
    return all(map(is_safe_name, path.split("/")))


def real_path(path: Path) -> Path:
    """The path with links resolved. Unlike `Path.resolve`, accepts links that form a loop."""
    return Path(os.path.realpath(path))
