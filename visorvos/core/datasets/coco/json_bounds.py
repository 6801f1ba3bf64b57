"""What a JSON may ask of a parser that streams it, seen to before the parser gets it."""

from __future__ import annotations

import re

import numpy as np

__all__ = ["JsonBounds"]

_DEEPEST = 32
"""Levels of nesting; COCO has five. The parser keeps the names of all levels above for each."""
_LONGEST = 16 << 20
"""Bytes of an entry of a list at the top, which is held in memory; COCO's have some ten thousand at most."""
_LIST = 2
"""The level of such a list."""
_ESCAPED = re.compile(rb"\\.", re.DOTALL)
_QUOTE = ord('"')
_MARKS = b'[]{}"'
_OTHERS = bytes(set(range(256)) - set(_MARKS))
_LEVELS = np.zeros(256, np.int64)
_LEVELS[list(b"[{")], _LEVELS[list(b"]}")] = 1, -1


class JsonBounds:
    """Follows the nesting of a JSON, chunk by chunk, at a small part of the parser's cost."""

    def __init__(self) -> None:
        self._depth = 0
        self._quotes = 0
        self._cut = b""
        """The backslash that the chunk before ended with."""
        self._length = 0
        """Bytes of the chunks since one that an entry began or ended in."""

    def fault(self, chunk: bytes) -> str | None:
        """What is wrong with the next bytes, as the end of a sentence; None where nothing is."""
        text = _ESCAPED.sub(b"", self._cut + chunk)
        self._cut = b"\\" if text.endswith(b"\\") else b""
        marks = np.frombuffer(text.translate(None, _OTHERS), np.uint8)
        quotes = self._quotes + np.cumsum(marks == _QUOTE)
        # Brackets after an odd number of quotes are letters of a text.
        depths = self._depth + np.cumsum(np.where(quotes % 2, 0, _LEVELS[marks]))
        if len(marks):
            self._quotes, self._depth = int(quotes[-1]), int(depths[-1])
        if depths.max(initial=0) > _DEEPEST:
            return "it is nested too deep"
        self._length = 0 if depths.min(initial=_LIST + 1) <= _LIST else self._length + len(chunk)
        return "an entry of it is longer than can be meant" if self._length > _LONGEST else None
