"""One video that `predict` segments: from its inputs to its masks, all at once or gone on with."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from visorvos._version import __version__
from visorvos.core.inference.load_network import Network
from visorvos.core.inference.policy import choose_policy
from visorvos.core.inference.segmenter import Segmenter
from visorvos.core.io.atomic import clear_parts, make_folder
from visorvos.core.io.frames import FrameSource, open_frames
from visorvos.core.io.given_masks import GivenMasks, open_masks
from visorvos.core.io.images import write_picture
from visorvos.core.io.masks import SHEET, read_mask, write_mask
from visorvos.core.io.paths import real_path
from visorvos.core.io.settings_file import write_settings
from visorvos.core.io.video import VideoSink, write_video
from visorvos.core.jobs.predict.pictures import choose_style, write_sheet
from visorvos.core.report.overlay import Style, draw_overlay
from visorvos.core.runtime.progress import Progress
from visorvos.core.runtime.read_ahead import read_ahead, write_behind
from visorvos.core.runtime.run_state import MadeFrom, read_state, write_state
from visorvos.errors import VisorVosError
from visorvos.settings.predict import PredictSettings

__all__ = ["PredictedVideo", "Video", "open_video", "predict_video"]

_TOLERATED_SECONDS = 0.5
"""Sound may be longer than the video by this much."""
_STATE = ".predict.pt"
_OVERLAY = "overlay"
_VIDEO = "overlay.mp4"
SECONDS_BETWEEN_STATES = 30.0
"""How much work an interruption may cost."""


@dataclass(frozen=True)
class Video:
    """A video's inputs, seen to be usable, and what is to be made of them."""

    settings: PredictSettings
    source: FrameSource
    given: GivenMasks
    style: Style


@dataclass(frozen=True)
class PredictedVideo:
    """What was done for one video."""

    output: str
    frames: int
    objects: tuple[int, ...]
    segmented: int
    """Frames segmented by this run; the others stood there from the one it went on from."""
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def open_video(settings: PredictSettings) -> Video:
    """Opens and checks the inputs of one video.

    Raises:
        VisorVosError: for input that cannot be used, or that the output would write over.
    """
    source = open_frames(settings.frames, settings.fps)
    _keep_apart(settings)
    given = open_masks(settings.masks, source)
    return Video(settings, source, given, choose_style(settings, given.palette))


def predict_video(video: Video, network: Network, progress: Progress) -> PredictedVideo:
    """Segments a video and writes masks, and overlays where asked for.

    Raises:
        VisorVosError: for frames that cannot be used, or an output that cannot be written.
    """
    settings, source, given = video.settings, video.source, video.given
    length = source.count() if settings.memory == "visor" else None
    policy = choose_policy(settings.memory, settings.mem_every, settings.limit, length)
    make_folder(settings.output)
    for folder in (settings.output, settings.output / _OVERLAY):
        clear_parts(folder)
    run = _Run(video, network, Segmenter(network.stm, policy, settings.size))
    if settings.resume:
        progress.say(run.resume())
    write_settings(settings.output, "predict", settings.model_dump(mode="json"))
    strangers = sorted(path.name for path in settings.output.glob("*.png") if source.number(path.stem) is None)
    if strangers:
        progress.say(f"{settings.output} also holds {len(strangers)} masks of no frame, such as {strangers[0]}.")
    first = min(given)
    if first > 0:
        progress.say(f"The first mask is that of frame {source.name(first)}: the masks of those before it are empty.")

    start, began = run.segmenter.frames_seen, time.perf_counter()
    frames = start
    for number in progress.track(run.go(), f"Segmenting {settings.frames.name}", "frames", source.expected):
        frames = number + 1
    _check_end(given, source, frames, progress)
    if "sheet" in settings.save:
        write_sheet(source, settings.output, frames, video.style)
    return PredictedVideo(
        str(settings.output), frames, tuple(sorted(given.ids)), frames - start, time.perf_counter() - began
    )


class _Run:
    """One run over a video, or the rest of an interrupted one."""

    def __init__(self, video: Video, network: Network, segmenter: Segmenter) -> None:
        self.settings = video.settings
        self.source = video.source
        self.given = video.given
        self.style = video.style
        self.segmenter = segmenter
        self.state_file = video.settings.output / _STATE
        self.made_from = _made_from(video, network)

    def resume(self) -> str:
        """Takes up an interrupted run where that gives the same masks; says what was found."""
        if not self.state_file.is_file():
            return "Starting from the first frame: there is no interrupted run to resume."
        try:
            found = read_state(self.state_file, {"segmenter": dict})
        except VisorVosError as error:
            return f"Starting from the first frame: {error.message}"
        change = self.made_from.change_since(found["made_from"])
        if change is not None:
            return f"Starting from the first frame: {change}."
        state = found["segmenter"]
        done = int(state["frames_seen"][0])
        missing = next((n for n in range(done) if not self.mask_file(n).is_file()), None)
        if missing is not None:
            return f"Starting from the first frame: {self.mask_file(missing)} of the interrupted run is missing."
        self.segmenter.restore(state)
        return f"Resuming after {done} frames."

    def go(self) -> Iterator[int]:
        """Segments frame by frame and yields the number of each; at the end, all masks are written."""
        start = self.segmenter.frames_seen
        if start == 0:
            # Else a state of other masks than those about to be written would stay behind.
            self.state_file.unlink(missing_ok=True)
        saved = time.monotonic()
        with ExitStack() as stack:
            draw_into = (
                stack.enter_context(
                    write_video(
                        self.settings.output / _VIDEO,
                        self.source.rate,
                        self.source.time_base,
                        self.source.pixel_aspect,
                    )
                )
                if "video" in self.settings.save
                else None
            )
            # Ends before the video does.
            write = stack.enter_context(write_behind())
            # Overlays of frames done before are drawn again: a video cannot be gone on with.
            drawn_again = {"overlay", "video"} & set(self.settings.save)
            first = 0 if drawn_again else start
            for number, frame in enumerate(read_ahead(self.source.read(first)), first):
                labels = self._old_mask(number) if number < start else self._new_mask(number, frame)
                if number >= start:
                    write(write_mask, self.mask_file(number), labels, self.given.palette)
                if drawn_again:
                    write(self._draw, number, frame, labels, draw_into)
                yield number
                if time.monotonic() - saved > SECONDS_BETWEEN_STATES:
                    # A state speaks of masks that are there.
                    write.wait()
                    write_state(self.state_file, self.made_from, {"segmenter": self.segmenter.state()})
                    saved = time.monotonic()
        write_state(self.state_file, self.made_from, {"segmenter": self.segmenter.position()})

    def mask_file(self, number: int) -> Path:
        return self.settings.output / f"{self.source.name(number)}.png"

    def _new_mask(self, number: int, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        try:
            complete = self.settings.masks_are == "complete"
            return self.segmenter.step(frame, self.given.get(number), complete=complete)
        except VisorVosError as error:
            where = f"{self.source.path}, frame {self.source.name(number)}"
            raise VisorVosError(f"{where}: {error.message}", error.remedy) from error

    def _draw(
        self, number: int, frame: NDArray[np.uint8], labels: NDArray[np.uint8], draw_into: VideoSink | None
    ) -> None:
        drawn = draw_overlay(frame, labels, self.style)
        if "overlay" in self.settings.save:
            write_picture(self.settings.output / _OVERLAY / f"{self.source.name(number)}.jpg", drawn)
        if draw_into is not None:
            draw_into(drawn, self.source.span(number))

    def _old_mask(self, number: int) -> NDArray[np.uint8]:
        return read_mask(self.mask_file(number)).labels


def _made_from(video: Video, network: Network) -> MadeFrom:
    """All that the masks follow from."""
    inputs = {
        "the frames": video.source.fingerprint(),
        "the masks": video.given.checksum,
        "the palette": video.given.palette.hex(),
        "the device": network.device.type,
        "the precision": str(network.precision),
        "the version of visorvos": __version__,
        "the version of torch": str(torch.__version__),
        "the weights": network.sha256,
    }
    return MadeFrom(video.settings, inputs)


def _keep_apart(settings: PredictSettings) -> None:
    """Refuses to write over what is read."""
    output = real_path(settings.output)
    drawn = {"overlay": output / _OVERLAY, "video": output / _VIDEO, "sheet": output / SHEET}
    if real_path(settings.frames) in [drawn[kind] for kind in settings.save]:
        raise VisorVosError(
            f"With --save, {settings.frames} would be written over, and it is read.", "Choose another --output."
        )
    for path in (settings.frames, settings.masks):
        read = real_path(path) if path.is_dir() else real_path(path).parent
        if read == output and (path.is_dir() or path.suffix == ".png"):
            raise VisorVosError(
                f"--output must not be the folder that {path} is read from, got {settings.output}.",
                "Choose another --output: masks are named as their frames and would take their place.",
            )


def _check_end(given: GivenMasks, source: FrameSource, frames: int, progress: Progress) -> None:
    """What only the end of a video file tells."""
    if frames == 0:
        raise VisorVosError(f"{source.path} holds no frames.", "Check the file with a player.")
    beyond = [number for number in given if number >= frames]
    if beyond:
        raise VisorVosError(
            f"The mask {given.files[beyond[0]]} belongs to no frame: {source.path} has {frames}.",
            "Name masks by frame number, the first being 00000.",
        )
    if source.missing_seconds() > _TOLERATED_SECONDS:
        progress.say(
            f"{source.path} ends {source.missing_seconds():.1f} seconds before the duration in its header, after "
            f"{frames} frames. It may be cut."
        )
