"""The zip files in which torch saves tensors."""

from __future__ import annotations

import zipfile
from pathlib import Path

__all__ = ["MOST_BYTES", "is_archive"]

MOST_BYTES = 4 << 30
"""Of a file of weights or a checkpoint: several times those of the largest network with its optimizer."""


def is_archive(path: Path) -> bool:
    """Whether it is a zip file as torch writes them, else a bare pickle of before; its checksums are verified."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
            raise ValueError("it holds compressed parts, and torch writes none")
        damaged = archive.testzip()
        if damaged is not None:
            raise ValueError(f"its part {damaged} is damaged")
    return True
