"""One video of `predict`: from its inputs to its masks, in one run or resumed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
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
from visorvos.core.io.frames import open_frames
from visorvos.core.io.given_masks import GivenMasks
from visorvos.core.io.images import write_picture
from visorvos.core.io.lock import lock_folder
from visorvos.core.io.masks import is_complete_png, read_mask, write_mask
from visorvos.core.io.settings_file import write_settings
from visorvos.core.io.video import VideoSink, write_video
from visorvos.core.jobs.predict.output_folder import OVERLAY, STATE, VIDEO, earlier_outputs, keep_apart, some_of
from visorvos.core.jobs.predict.pictures import choose_style, write_sheet
from visorvos.core.report.overlay import draw_overlay
from visorvos.core.runtime.interruption import StoppedError, catch_signals
from visorvos.core.runtime.progress import Progress
from visorvos.core.runtime.read_ahead import read_ahead, write_behind
from visorvos.core.runtime.run_state import MadeFrom, read_state, write_state
from visorvos.errors import VisorVosError, counted
from visorvos.settings.predict import PredictSettings

Labels = NDArray[np.uint8]

_TOLERATED_SECONDS = 0.5
"""Sound may be longer than the video by this much."""
SECONDS_BETWEEN_STATES = 30.0
"""How much work a killed process can lose."""


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


class VideoRun:
    """One video: its inputs, which are checked when this object is made, and the run over it.

    Raises:
        VisorVosError: for input that cannot be used, or output that would overwrite the input or another run.
    """

    def __init__(self, settings: PredictSettings) -> None:
        self.settings = settings
        self.source = open_frames(settings.frames, settings.fps)
        keep_apart(settings)
        self._find_earlier()
        self.given = GivenMasks(settings.masks, self.source, settings.track_255)
        self.style = choose_style(settings, self.given.palette)

    def predict(self, network: Network, progress: Progress) -> PredictedVideo:
        """Segments the video and writes masks, and overlays if asked for.

        Raises:
            VisorVosError: for frames that cannot be used, or an output that cannot be written.
            StoppedError: if Ctrl-C or SIGTERM stopped the run; ``--resume`` continues it.
        """
        settings, source = self.settings, self.source
        views = settings.panel("Memory")
        kept = {name: views.pop(name) for name in ("memory", "every", "limit")}
        segmenter = Segmenter(network.stm, choose_policy(**kept, count=source.count), **views)
        made_from = self._made_from(network)
        with lock_folder(settings.output):
            self._find_earlier()  # again: another process may have written to the folder
            if settings.resume:
                progress.say(self._restore(segmenter, made_from))
            start, began = segmenter.frames_seen, time.perf_counter()
            if start == 0:
                self._remove_earlier(progress)
            for folder in (settings.output, settings.output / OVERLAY):
                clear_parts(folder)
            write_settings(settings.output, "predict", settings.model_dump(mode="json"))
            self._say_what_is_unusual(progress)
            done = self._segment(segmenter, made_from)
            for _ in progress.track(done, f"Segmenting {settings.frames.name}", "frames", source.expected):
                pass
            frames = segmenter.frames_seen
            self._check_end(frames, progress)
            searched = segmenter.frames_searched
            if frames > start and not searched:
                progress.say("All masks were given: they were copied, and nothing was computed.")
            if "sheet" in settings.save:
                write_sheet(source, settings.output, frames, self.style)
        seconds, ids = time.perf_counter() - began, tuple(sorted(self.given.ids))
        return PredictedVideo(str(settings.output), frames, ids, frames - start, searched, seconds)

    def _find_earlier(self) -> None:
        settings = self.settings
        self.earlier = earlier_outputs(settings, self.source)
        if self.earlier and not settings.overwrite and not settings.resume:
            raise VisorVosError(
                f"{settings.output} already holds {some_of(self.earlier)}.",
                "Add --resume to continue an interrupted run or --overwrite to replace it, or choose another --output.",
            )

    def _restore(self, segmenter: Segmenter, made_from: MadeFrom) -> str:
        """Continues an interrupted run if that gives the same masks. Returns a sentence about what was found.

        Raises:
            VisorVosError: if there is none, and starting over would overwrite another run without being asked to.
        """
        state: dict[str, Any] = {}
        obstacle: str | None = "no interrupted run was found"
        if (self.settings.output / STATE).is_file():
            try:
                state = read_state(self.settings.output / STATE, {"segmenter": dict})
                obstacle = made_from.change_since(state["made_from"])
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
        broken = next((number for number in range(done) if not is_complete_png(self._mask_file(number))), None)
        if broken is not None:
            return f"Starting from the first frame: {self._mask_file(broken)} is missing or incomplete."
        if done == 0:
            return "Starting from the first frame: the interrupted run saved none."
        segmenter.restore(state["segmenter"])
        return f"Resuming after {counted(done, 'frame')}."

    def _remove_earlier(self, progress: Progress) -> None:
        """Removes what an earlier run left: nothing of it is to lie among the files of this one."""
        if self.earlier:
            progress.say(f"Removing {some_of(self.earlier)} of an earlier run from {self.settings.output}.")
        # A state must never describe other masks than those in the folder.
        for path in (self.settings.output / STATE, *self.earlier):
            path.unlink(missing_ok=True)

    def _say_what_is_unusual(self, progress: Progress) -> None:
        given, source, output = self.given, self.source, self.settings.output
        strangers = [path for path in output.glob("*.png") if path not in self.earlier]
        if strangers:
            progress.say(f"{output} also holds {some_of(strangers)}, of no frame.")
        if given.first > 0:
            progress.say(
                f"The first object is in the mask of frame {source.name(given.first)}: earlier frames get empty masks."
            )
        if given.ignores_255:
            progress.say("Pixels of id 255 belong to no object; use --track-255 if they do.")

    def _segment(self, segmenter: Segmenter, made_from: MadeFrom) -> Iterator[int]:
        """Segments frame by frame and yields the number of each; at the end, all masks are written."""
        settings, source, start = self.settings, self.source, segmenter.frames_seen

        def save(state: dict[str, torch.Tensor]) -> None:
            write.wait()  # until the masks that the state describes are written
            count = source.count() if settings.frames.is_dir() else segmenter.frames_seen
            names = [source.name(number) for number in range(count)]
            write_state(settings.output / STATE, made_from, {"segmenter": state, "names": names})

        with ExitStack() as stack:
            sink = None
            if "video" in settings.save:
                timing = (source.rate, source.time_base, source.pixel_aspect)
                sink = stack.enter_context(write_video(settings.output / VIDEO, *timing))
            write = stack.enter_context(write_behind())  # closed before the video is
            stopped = stack.enter_context(catch_signals())
            if start == 0:
                save(segmenter.state())
            saved = time.monotonic()
            # A video file cannot be appended to, so overlays of frames that are done are drawn again.
            redraws = bool({"overlay", "video"} & set(settings.save))
            first = 0 if redraws else start
            try:
                for number, frame in enumerate(read_ahead(source.read(first)), first):
                    if number < start:
                        labels = read_mask(self._mask_file(number)).labels
                    else:
                        labels = self._step(segmenter, number, frame)
                        write(write_mask, self._mask_file(number), labels, self.given.palette)
                    if redraws:
                        write(self._draw, number, frame, labels, sink)
                    yield number
                    if stopped:
                        raise StoppedError(
                            f"Stopped after frame {source.name(number)}; all masks up to it are saved.",
                            "Run the same command with --resume to continue.",
                        )
                    if time.monotonic() - saved > SECONDS_BETWEEN_STATES:
                        save(segmenter.state())
                        saved = time.monotonic()
            except VisorVosError:
                save(segmenter.state())
                raise
            save(segmenter.position())

    def _mask_file(self, number: int) -> Path:
        return self.settings.output / f"{self.source.name(number)}.png"

    def _step(self, segmenter: Segmenter, number: int, frame: NDArray[np.uint8]) -> Labels:
        try:
            return segmenter.step(frame, self.given.get(number), complete=self.settings.masks_are == "complete")
        except VisorVosError as error:
            where = f"{self.source.path}, frame {self.source.name(number)}"
            raise VisorVosError(f"{where}: {error.message}", error.remedy) from error

    def _draw(self, number: int, frame: NDArray[np.uint8], labels: Labels, sink: VideoSink | None) -> None:
        drawn = draw_overlay(frame, labels, self.style)
        if "overlay" in self.settings.save:
            write_picture(self.settings.output / OVERLAY / f"{self.source.name(number)}.jpg", drawn)
        if sink is not None:
            sink(drawn, self.source.span(number))

    def _made_from(self, network: Network) -> MadeFrom:
        """All that the masks follow from."""
        inputs = {
            "the frames": self.source.fingerprint(),
            "the masks": self.given.checksum,
            "the palette": self.given.palette.hex(),
            "the device": network.device.type,
            "the precision": str(network.precision),
            "the version of visorvos": __version__,
            "the version of torch": str(torch.__version__),
            "the weights": network.sha256,
        }
        return MadeFrom(self.settings, inputs)

    def _check_end(self, frames: int, progress: Progress) -> None:
        """Checks what is known only at the end of a video file."""
        source = self.source
        beyond = [number for number in self.given if number >= frames]
        if beyond:
            raise VisorVosError(
                f"The mask {self.given.files[beyond[0]]} belongs to no frame: {source.path} has {frames}.",
                "Name masks by frame number, the first being 00000.",
            )
        if source.missing_seconds() > _TOLERATED_SECONDS:
            progress.say(
                f"{source.path} ends {source.missing_seconds():.1f} seconds before the duration in its header, after "
                f"{frames} frames. It may be cut."
            )
