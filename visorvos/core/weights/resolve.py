"""From what ``--weights`` was given to a file."""

from __future__ import annotations

import difflib
from pathlib import Path

from visorvos.core.runtime.progress import NoProgress, Progress
from visorvos.core.weights.hub_name import SCHEME, parse_hub
from visorvos.core.weights.registry import PUBLISHED, PublishedWeights
from visorvos.errors import VisorVosError

__all__ = ["download_released", "resolve_weights"]


def resolve_weights(text: str, progress: Progress | None = None) -> Path:
    """The file of some weights, downloaded first where that is needed.

    Args:
        text: the name of a published checkpoint, ``hf://USER/NAME`` or ``hf://USER/NAME@REVISION``, or a path. A
            name goes before a file that is called the same: give that as ``./NAME``.
        progress: hears of downloads.

    Raises:
        VisorVosError: where nothing of that name or path is there, or it cannot be downloaded.
    """
    progress = progress or NoProgress()
    # Clients of servers are imported where one is asked.
    if text in PUBLISHED:
        from visorvos.core.weights.cache import cached_file

        return download_released(PUBLISHED[text], cached_file(PUBLISHED[text]), progress)
    if text.startswith(SCHEME):
        from visorvos.core.weights.hub import fetch_from_hub

        return fetch_from_hub(parse_hub(text))
    path = Path(text)
    if not path.exists():
        near = difflib.get_close_matches(text, PUBLISHED, n=1)
        meant = f"Did you mean {near[0]}? " if near else ""
        raise VisorVosError(
            f"The weights {path}: this does not exist.",
            f"{meant}Give a .pth or .safetensors file, {', '.join(PUBLISHED)}, or hf://USER/NAME.",
        )
    return path


def download_released(released: PublishedWeights, file: Path, progress: Progress) -> Path:
    """Sees that a published checkpoint lies at a place; says its license and size before it is downloaded.

    Raises:
        VisorVosError: where it cannot be downloaded, or what is there is something else.
    """
    from visorvos.core.weights.cache import fetch_released, is_there

    if not is_there(file):
        progress.say(
            f"{released.name}: about {released.megabytes} MB, license {released.license} ({released.license_link}): "
            "no commercial use; name the authors; share alike."
        )
        progress.transfer(fetch_released(released, file, progress.say), f"Downloading {released.name}")
    return file
