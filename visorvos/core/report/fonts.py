"""Fonts for text on pictures, in any script."""

from __future__ import annotations

import unicodedata
from contextlib import suppress
from functools import lru_cache

from PIL import ImageFont


@lru_cache(maxsize=1024)
def find_font(text: str, size: int) -> ImageFont.FreeTypeFont:
    """A font that has all characters of a text, or as many as possible.

    Pillow's own font is used for ASCII, DejaVu Sans of matplotlib or an installed font for the rest.

    Args:
        text: the text to draw.
        size: its height in pixels.
    """
    default = ImageFont.load_default(size)
    if text.isascii() and isinstance(default, ImageFont.FreeTypeFont):
        return default
    needed = {ord(character) for character in text if unicodedata.category(character)[0] not in "CZ"}
    fonts = _characters()
    return ImageFont.truetype(max(fonts, key=lambda file: len(needed & fonts[file])), size)


@lru_cache(maxsize=1)
def _characters() -> dict[str, frozenset[int]]:
    """The characters of each font file: DejaVu Sans first, then installed fonts, upright sans-serif ones first."""
    from matplotlib import font_manager, ft2font  # takes up to a second

    def order(file: str) -> tuple[bool, bool, str]:
        return "Sans" not in file, "Regular" not in file, file

    files = [font_manager.findfont("DejaVu Sans"), *sorted(font_manager.findSystemFonts(), key=order)]
    found = {}
    for file in files:
        # Emoji fonts of fixed size fail in either library.
        with suppress(OSError, RuntimeError):
            ImageFont.truetype(file, 20)
            found[file] = frozenset(ft2font.FT2Font(file).get_charmap())
    return found
