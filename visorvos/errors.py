"""The one error that a user is meant to read."""

from __future__ import annotations

__all__ = ["VisorVosError", "explain_import_error", "listed"]


class VisorVosError(Exception):
    """Something the user can mend: what is wrong and where, and what to do about it.

    Args:
        message: what is wrong, naming the file, frame or option, as one sentence.
        remedy: what to do about it, as one sentence.
    """

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}"


def explain_import_error(error: ImportError) -> VisorVosError | None:
    """The sentence for a library that the system lacks, or None for any other import error.

    OpenCV's wheels load libGL and GLib from the system; slim containers come without them.
    """
    text = str(error)
    if "libGL" in text:
        package = "libgl1"
    elif "libgthread" in text or "libglib" in text:
        package = "libglib2.0-0"
    else:
        return None
    return VisorVosError(
        f"OpenCV cannot be loaded: {text}.",
        f"Install the system package that holds it, on Debian and Ubuntu: apt-get install {package}",
    )


def listed(items: list[str], most: int, separator: str = ", ") -> str:
    """The first ``most`` items, for a sentence, and how many more there are."""
    shown = separator.join(items[:most])
    more = len(items) - most
    return shown if more <= 0 else f"{shown}{separator.lstrip(',')}and {more} more"
