"""Names from files that are to become parts of paths, and where paths lead."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["is_safe_name", "is_safe_path", "real_path"]

_LONGEST = 200
"""Bytes; systems allow 255, and files are written under their names with something added."""
_MOST_LEVELS = 10


def is_safe_name(name: str) -> bool:
    """Whether a name may be one level of a path: it leads nowhere else, is not hidden, and can be shown."""
    return (
        name.isprintable()
        and 0 < len(name.encode()) <= _LONGEST
        and not name.startswith(".")
        and not any(character in name for character in "/\\:")
    )


def is_safe_path(path: str) -> bool:
    """Whether each of some few levels of a path, slashes between them, is a safe name."""
    levels = path.split("/")
    return len(levels) <= _MOST_LEVELS and all(map(is_safe_name, levels))


def real_path(path: Path) -> Path:
    """Where a path leads, links followed; one that leads in a circle is left as it is."""
    return Path(os.path.realpath(path))
