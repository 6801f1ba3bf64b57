"""Names from files that are to become parts of paths."""

from __future__ import annotations

__all__ = ["is_safe_name"]

_LONGEST = 200


def is_safe_name(name: str) -> bool:
    """Whether a name may be one level of a path: it leads nowhere else, is not hidden, and can be shown."""
    return (
        0 < len(name) <= _LONGEST
        and not name.startswith(".")
        and name.isprintable()
        and not any(character in name for character in "/\\:")
    )
