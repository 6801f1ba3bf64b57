"""Colors of object ids in palette PNGs."""

from __future__ import annotations

# fmt: off
_FIXED = (
    (0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (128, 0, 128), (0, 128, 128),
    (128, 128, 128), (64, 0, 0), (191, 0, 0), (64, 128, 0), (191, 128, 0), (64, 0, 128), (191, 0, 128),
    (64, 128, 128), (191, 128, 128), (0, 64, 0), (128, 64, 0), (0, 191, 0), (128, 191, 0), (0, 64, 128),
    (128, 64, 128),
)
# fmt: on

DAVIS_PALETTE: bytes = bytes(
    value for index in range(256) for value in (_FIXED[index] if index < len(_FIXED) else (index,) * 3)
)
"""256 RGB triples: DAVIS's 22 colors, then gray."""
