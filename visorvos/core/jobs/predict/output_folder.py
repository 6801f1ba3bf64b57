"""The output folder of one video: what it must not overwrite."""

from __future__ import annotations

from pathlib import Path

from visorvos.core.io.frames import FrameSource
from visorvos.core.io.masks import SHEET
from visorvos.core.io.paths import real_path
from visorvos.errors import VisorVosError
from visorvos.settings.predict import PredictSettings

__all__ = ["OVERLAY", "VIDEO", "earlier_outputs", "keep_apart", "some_of"]

OVERLAY = "overlay"
VIDEO = "overlay.mp4"


def keep_apart(settings: PredictSettings) -> None:
    """Refuses an output that would overwrite the input."""
    output = real_path(settings.output)
    drawn = {"overlay": output / OVERLAY, "video": output / VIDEO, "sheet": output / SHEET}
    if real_path(settings.frames) in [drawn[kind] for kind in settings.save]:
        raise VisorVosError(
            f"With --save, {settings.frames} would be overwritten, and it is the input.", "Choose another --output."
        )
    for path in (settings.frames, settings.masks):
        read = real_path(path) if path.is_dir() else real_path(path).parent
        if read == output and (path.is_dir() or path.suffix == ".png"):
            raise VisorVosError(
                f"--output must not be the folder that {path} is read from, got {settings.output}.",
                "Choose another --output: masks have the names of their frames and would overwrite them.",
            )


def earlier_outputs(output: Path, source: FrameSource) -> list[Path]:
    """What another run left in the output folder; other PNGs only if a run has written its settings there."""
    is_a_run = (output / "settings.yaml").exists()
    masks = [path for path in output.glob("*.png") if is_a_run or source.number(path.stem) is not None]
    overlays = [*(output / OVERLAY).glob("*.jpg"), output / VIDEO, output / SHEET]
    return sorted(path for path in (*masks, *overlays) if path.is_file())


def some_of(files: list[Path]) -> str:
    """Their number and the first name, for a sentence."""
    return f"{len(files)} file{'s' * (len(files) > 1)} such as {min(files).name}"
