"""Bright, distinct colors for objects, the same in all frames and clips."""

from __future__ import annotations

import colorsys
import zlib
from collections.abc import Mapping

# fmt: off
_FIRST = (
    (0, 114, 255), (255, 122, 0), (0, 190, 90), (235, 40, 130), (255, 205, 0), (85, 221, 255), (238, 0, 255),
    (119, 102, 34), (221, 170, 238), (170, 255, 0), (255, 153, 136), (221, 238, 153), (153, 51, 170), (51, 51, 255),
    (0, 119, 187), (255, 0, 51), (0, 119, 85), (0, 255, 221), (136, 170, 0), (153, 68, 102), (170, 51, 34),
    (0, 255, 85), (255, 187, 102), (255, 51, 204),
)
# Five chosen by hand, then repeatedly the color farthest in CIELAB from the previous ones.
# fmt: on
_GOLDEN = 0.618034


def bright_palette(names: Mapping[int, str]) -> bytes:
    """Colors by object id. The color of an object with a name depends on the name.

    So a class keeps its color in all clips. If two classes of a clip would have the same color, the later one in the
    alphabet gets the next free color. Objects with the same name have the same color.

    Args:
        names: object names by id, 1..255. The color of other objects depends on the id.

    Returns:
        256 RGB triples, black first.
    """
    place = {index: index - 1 for index in range(1, 256)}
    of_class: dict[str, int] = {}
    for name in sorted(set(names.values())):
        slot = zlib.crc32(name.encode()) % len(_FIRST)
        while slot in of_class.values() and len(of_class) < len(_FIRST):
            slot = (slot + 1) % len(_FIRST)
        of_class[name] = slot
    place |= {index: of_class[name] for index, name in names.items()}
    return bytes(3) + b"".join(bytes(_color(place[index])) for index in range(1, 256))


def _color(slot: int) -> tuple[int, int, int]:
    """A color of the list; after it, hues a golden angle apart in three tones."""
    if slot < len(_FIRST):
        return _FIRST[slot]
    saturation, value = ((0.85, 0.95), (0.6, 1.0), (0.95, 0.7))[slot % 3]
    tones = colorsys.hsv_to_rgb((slot * _GOLDEN) % 1, saturation, value)
    return round(255 * tones[0]), round(255 * tones[1]), round(255 * tones[2])
