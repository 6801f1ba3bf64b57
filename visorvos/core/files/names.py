"""Names from files that are to become parts of paths, and where paths lead."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["is_safe_name", "real_path"]

_LONGEST = 200


def is_safe_name(name: str) -> bool:
    """Whether a name may be one level of a path: it leads nowhere else, is not hidden, and can be shown."""
    return (
        0 < len(name) <= _LONGEST
        and not name.startswith(".")
        and name.isprintable()
        and not any(character in name for character in "/\\:")
    )


def real_path(path: Path) -> Path:
    """Where a path leads, links followed; one that leads in a circle is left as it is."""
    return Path(os.path.realpath(path))
