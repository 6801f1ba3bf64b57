"""The error that users read, and three helpers that write its sentences."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence


class VisorVosError(Exception):
    """An error that the user can fix.

    Args:
        message: one sentence that names the file, frame or option and says what is wrong with it.
        remedy: one sentence that says what to do, best with the command to type.
    """

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}"


def explain_import_error(error: ImportError) -> VisorVosError | None:
    """Describes a missing system library; None for any other import error.

    OpenCV's wheels load libGL and GLib from the system, which slim containers do not have.
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
        f"Install the system package that provides it. On Debian and Ubuntu: apt-get install {package}",
    )


def did_you_mean(word: str, known: Iterable[str], main: Mapping[str, str] | None = None) -> str:
    """A question that names the known word nearest to a misspelled one, after a space; "" if none is near.

    Args:
        word: what was given.
        known: the known words.
        main: the word to suggest in place of a known one.
    """
    near = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean {(main or {}).get(near[0], near[0])}?" if near else ""


def counted(number: int, noun: str) -> str:
    """A number and its noun, such as "1 object" or "2 objects"."""
    return f"{number} {noun}{'s' * (number != 1)}"


def listed(items: Sequence[str], max_shown: int, separator: str = ", ") -> str:
    """The first ``max_shown`` items joined for a sentence, and the number of those left out."""
    shown = separator.join(items[:max_shown])
    more = len(items) - max_shown
    return shown if more <= 0 else f"{shown}{separator.lstrip(',')}and {more} more"
