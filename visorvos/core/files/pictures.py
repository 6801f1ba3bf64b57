"""Pictures for people, on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from visorvos.core.files.atomic import written_whole

__all__ = ["write_picture"]


def write_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """Writes uint8 (H, W, 3) RGB, whole or not at all: JPEG, or PNG where the suffix says so."""
    with written_whole(path) as part:
        if path.suffix.lower() == ".png":
            Image.fromarray(picture).save(part, format="PNG")
        else:
            Image.fromarray(picture).save(part, format="JPEG", quality=92)
