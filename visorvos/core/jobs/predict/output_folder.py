"""The output folder of one video: what it must not overwrite."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from visorvos.core.io.frames import FrameSource
from visorvos.core.io.masks import SHEET
from visorvos.core.io.paths import real_path
from visorvos.core.runtime.run_state import read_state
from visorvos.errors import VisorVosError, counted
from visorvos.settings.predict import PredictSettings

OVERLAY = "overlay"
VIDEO = "overlay.mp4"
STATE = ".predict.pt"


def keep_apart(settings: PredictSettings) -> None:
    """Refuses an output that would overwrite the input."""
    output = real_path(settings.output)
    if real_path(settings.frames) in [real_path(output / drawn) for drawn in (OVERLAY, VIDEO, SHEET)]:
        raise VisorVosError(f"{settings.frames} would be overwritten, and it is the input.", "Choose another --output.")
    for path in (settings.frames, settings.masks):
        read = real_path(path) if path.is_dir() else real_path(path).parent
        if read == output and (path.is_dir() or path.suffix == ".png"):
            raise VisorVosError(
                f"--output must not be the folder that {path} is read from, got {settings.output}.",
                "Choose another --output: masks have the names of their frames and would overwrite them.",
            )


def earlier_outputs(settings: PredictSettings, source: FrameSource) -> list[Path]:
    """Masks in the output folder that are named after frames, of this video or of the last run there, and overlays.

    Overlays in a folder that no run has used count only where this one would replace them.
    """
    output = settings.output
    try:
        recorded = set(read_state(output / STATE, {"names": list})["names"])
    except VisorVosError:
        recorded = set()
    count = cache(source.count)  # decodes a video, so only where its header does not tell

    def is_frame(path: Path) -> bool:
        number = source.number(path.stem)
        if path.stem in recorded:
            return True
        if number is None or source.name(number) != path.stem:
            return False
        return number < (source.expected or 0) or number < count()

    found = list(filter(is_frame, output.glob("*.png")))
    replaced = ("overlay", "video", "sheet") if (output / STATE).is_file() else settings.save
    if "overlay" in replaced:
        found += filter(is_frame, (output / OVERLAY).glob("*.jpg"))
    found += [output / name for kind, name in (("video", VIDEO), ("sheet", SHEET)) if kind in replaced]
    return sorted(filter(Path.is_file, found))


def some_of(files: list[Path]) -> str:
    """Their number and the first name, for a sentence."""
    return f"{counted(len(files), 'file')} such as {min(files).name}"
