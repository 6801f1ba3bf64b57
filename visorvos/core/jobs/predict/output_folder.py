"""The output folder of one video: what it must not overwrite."""

from __future__ import annotations

from pathlib import Path

from visorvos.core.io.frames import FrameSource
from visorvos.core.io.masks import SHEET
from visorvos.core.io.paths import real_path
from visorvos.core.runtime.run_state import read_state
from visorvos.errors import VisorVosError
from visorvos.settings.predict import PredictSettings

OVERLAY = "overlay"
VIDEO = "overlay.mp4"
STATE = ".predict.pt"


def keep_apart(settings: PredictSettings) -> None:
    """Refuses an output that would overwrite the input."""
    output = real_path(settings.output)
    if real_path(settings.frames) in (output / OVERLAY, output / VIDEO, output / SHEET):
        raise VisorVosError(f"{settings.frames} would be overwritten, and it is the input.", "Choose another --output.")
    for path in (settings.frames, settings.masks):
        read = real_path(path) if path.is_dir() else real_path(path).parent
        if read == output and (path.is_dir() or path.suffix == ".png"):
            raise VisorVosError(
                f"--output must not be the folder that {path} is read from, got {settings.output}.",
                "Choose another --output: masks have the names of their frames and would overwrite them.",
            )


def earlier_outputs(output: Path, source: FrameSource) -> list[Path]:
    """Masks and overlays in the output folder that are named after frames, of this video or of the last run there."""
    try:
        recorded = set(read_state(output / STATE, {"names": list})["names"])
    except VisorVosError:
        recorded = set()

    def is_frame(name: str) -> bool:
        number = source.number(name)
        return name in recorded or (number is not None and source.name(number) == name)

    pictures = [path for path in (*output.glob("*.png"), *(output / OVERLAY).glob("*.jpg")) if is_frame(path.stem)]
    return sorted(path for path in (*pictures, output / VIDEO, output / SHEET) if path.is_file())


def some_of(files: list[Path]) -> str:
    """Their number and the first name, for a sentence."""
    return f"{len(files)} file{'s' * (len(files) > 1)} such as {min(files).name}"
