"""One video of `predict`: from its inputs to its masks, in one run or resumed."""

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
from visorvos.core.io.atomic import clear_parts
from visorvos.core.io.frames import FrameSource, open_frames
from visorvos.core.io.given_masks import GivenMasks, open_masks
from visorvos.core.io.images import write_picture
from visorvos.core.io.lock import lock_folder
from visorvos.core.io.masks import is_complete_png, read_mask, write_mask
from visorvos.core.io.settings_file import write_settings
from visorvos.core.io.video import VideoSink, write_video
from visorvos.core.jobs.predict.output_folder import OVERLAY, VIDEO, earlier_outputs, keep_apart, some_of
from visorvos.core.jobs.predict.pictures import choose_style, write_sheet
from visorvos.core.report.overlay import Style, draw_overlay
from visorvos.core.runtime.progress import Progress
from visorvos.core.runtime.read_ahead import BackgroundCalls, read_ahead, write_behind
from visorvos.core.runtime.run_state import MadeFrom, read_state, write_state
from visorvos.core.training.interruption import StoppedError, catch_signals
from visorvos.errors import VisorVosError
from visorvos.settings.predict import PredictSettings

__all__ = ["PredictedVideo", "Video", "open_video", "predict_video"]

_TOLERATED_SECONDS = 0.5
"""Sound may be longer than the video by this much."""
_STATE = ".predict.pt"
SECONDS_BETWEEN_STATES = 30.0
"""How much work a killed process can lose."""


@dataclass(frozen=True)
class Video:
    """The checked inputs of one video, and the style of its overlays."""

    settings: PredictSettings
    source: FrameSource
    given: GivenMasks
    style: Style
    earlier: list[Path]
    """Masks, overlays and videos of an earlier run in the output folder."""


@dataclass(frozen=True)
class PredictedVideo:
    """The outcome for one video."""

    output: str
    frames: int
    objects: tuple[int, ...]
    segmented: int
    """Frames done by this run; the others were done by the interrupted run that it resumed."""
    searched: int
    """Frames of these in which the network searched for objects; masks of the others were given."""
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def open_video(settings: PredictSettings) -> Video:
    """Opens and checks the inputs and the output folder of one video.

    Raises:
        VisorVosError: for input that cannot be used, or output that would overwrite the input or another run.
    """
    source = open_frames(settings.frames, settings.fps)
    keep_apart(settings)
    earlier = earlier_outputs(settings.output, source)
    if earlier and not settings.overwrite and not settings.resume:
        raise VisorVosError(
            f"{settings.output} already holds {some_of(earlier)}.",
            "Add --resume to continue an interrupted run or --overwrite to replace it, or choose another --output.",
        )
    given = open_masks(settings.masks, source, settings.track_255)
    return Video(settings, source, given, choose_style(settings, given.palette), earlier)


def predict_video(video: Video, network: Network, progress: Progress) -> PredictedVideo:
    """Segments a video and writes masks, and overlays if asked for.

    Raises:
        VisorVosError: for frames that cannot be used, or an output that cannot be written.
        StoppedError: if Ctrl-C or SIGTERM stopped the run; ``--resume`` continues it.
    """
    settings, source, given = video.settings, video.source, video.given
    length = source.count() if settings.memory == "visor" else None
    policy = choose_policy(settings.memory, settings.mem_every, settings.limit, length)
    with lock_folder(settings.output):
        for folder in (settings.output, settings.output / OVERLAY):
            clear_parts(folder)
        segmenter = Segmenter(network.stm, policy, settings.size, settings.flip, settings.scales, settings.top_k)
        run = _Run(video, network, segmenter)
        if settings.resume:
            progress.say(run.resume())
        elif video.earlier:
            progress.say(f"{settings.output} holds {some_of(video.earlier)}: files of the same names are replaced.")
        write_settings(settings.output, "predict", settings.model_dump(mode="json"))
        strangers = [path for path in settings.output.glob("*.png") if source.number(path.stem) is None]
        if strangers:
            progress.say(f"{settings.output} also holds {some_of(strangers)}, of no frame.")
        if min(given) > 0:
            progress.say(f"The first mask is that of frame {source.name(min(given))}: earlier frames get empty masks.")
        if given.ignores_255:
            progress.say("Pixels of id 255 belong to no object; use --track-255 if they do.")

        start, began = run.segmenter.frames_seen, time.perf_counter()
        frames = start
        for number in progress.track(run.go(), f"Segmenting {settings.frames.name}", "frames", source.expected):
            frames = number + 1
        _check_end(given, source, frames, progress)
        searched = run.segmenter.frames_searched
        if frames > start and not searched:
            progress.say("All masks were given: they were copied, and nothing was computed.")
        if "sheet" in settings.save:
            write_sheet(source, settings.output, frames, video.style)
    seconds = time.perf_counter() - began
    return PredictedVideo(str(settings.output), frames, tuple(sorted(given.ids)), frames - start, searched, seconds)


class _Run:
    """One run over a video, or the rest of an interrupted one."""

    def __init__(self, video: Video, network: Network, segmenter: Segmenter) -> None:
        self.settings = video.settings
        self.source = video.source
        self.given = video.given
        self.style = video.style
        self.earlier = video.earlier
        self.segmenter = segmenter
        self.state_file = video.settings.output / _STATE
        self.made_from = _made_from(video, network)

    def resume(self) -> str:
        """Continues an interrupted run if that gives the same masks. Returns a sentence about what was found.

        Raises:
            VisorVosError: if there is none, and starting over would overwrite another run without being asked to.
        """
        state: dict[str, Any] = {}
        obstacle = None
        if not self.state_file.is_file():
            obstacle = "there is no interrupted run to resume"
        else:
            try:
                state = read_state(self.state_file, {"segmenter": dict})
                obstacle = self.made_from.change_since(state["made_from"])
            except VisorVosError as error:
                obstacle = error.message.rstrip(".")
        if obstacle is not None:
            if self.earlier and not self.settings.overwrite:
                raise VisorVosError(
                    f"{self.settings.output} holds {some_of(self.earlier)} that cannot be resumed: {obstacle}.",
                    "Add --overwrite to start over, or choose another --output.",
                )
            return f"Starting from the first frame: {obstacle}."
        done = int(state["segmenter"]["frames_seen"][0])
        broken = next((number for number in range(done) if not is_complete_png(self.mask_file(number))), None)
        if broken is not None:
            return f"Starting from the first frame: {self.mask_file(broken)} is missing or incomplete."
        self.segmenter.restore(state["segmenter"])
        return f"Resuming after {done} frames."

    def go(self) -> Iterator[int]:
        """Segments frame by frame and yields the number of each; at the end, all masks are written."""
        start = self.segmenter.frames_seen
        if start == 0:
            # A state must never describe other masks than those in the folder.
            self.state_file.unlink(missing_ok=True)
        saved = time.monotonic()
        with ExitStack() as stack:
            draw_into = (
                stack.enter_context(
                    write_video(
                        self.settings.output / VIDEO,
                        self.source.rate,
                        self.source.time_base,
                        self.source.pixel_aspect,
                    )
                )
                if "video" in self.settings.save
                else None
            )
            # Closed before the video is.
            write = stack.enter_context(write_behind())
            stopped = stack.enter_context(catch_signals())
            # A video file cannot be appended to, so overlays of frames that are done are drawn again.
            redraws = bool({"overlay", "video"} & set(self.settings.save))
            first = 0 if redraws else start
            try:
                for number, frame in enumerate(read_ahead(self.source.read(first)), first):
                    labels = self._old_mask(number) if number < start else self._new_mask(number, frame)
                    if number >= start:
                        write(write_mask, self.mask_file(number), labels, self.given.palette)
                    if redraws:
                        write(self._draw, number, frame, labels, draw_into)
                    yield number
                    if stopped:
                        raise StoppedError(
                            f"Stopped after {self.segmenter.frames_seen} frames; all of them are saved.",
                            "Run the same command with --resume to continue.",
                        )
                    if time.monotonic() - saved > SECONDS_BETWEEN_STATES:
                        self._save(write)
                        saved = time.monotonic()
            except VisorVosError:
                self._save(write)
                raise
        write_state(self.state_file, self.made_from, {"segmenter": self.segmenter.position()})

    def _save(self, write: BackgroundCalls) -> None:
        """Saves the state once the masks that it describes are written."""
        write.wait()
        write_state(self.state_file, self.made_from, {"segmenter": self.segmenter.state()})

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
            write_picture(self.settings.output / OVERLAY / f"{self.source.name(number)}.jpg", drawn)
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


def _check_end(given: GivenMasks, source: FrameSource, frames: int, progress: Progress) -> None:
    """Checks what is known only at the end of a video file."""
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
