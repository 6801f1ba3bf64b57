"""Videos segmented, from frames read to masks written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from visorvos.core.benchmark.arithmetic import video_work
from visorvos.core.benchmark.plain_video import segment_plainly
from visorvos.core.datasets.davis.layout import VideoSequence
from visorvos.core.datasets.synthetic.video import make_video
from visorvos.core.inference.segment_split import segment_split
from visorvos.core.io.images import read_frame, write_picture
from visorvos.core.io.masks import read_mask, write_mask
from visorvos.core.jobs.benchmark.computing import prepare_torch, random_network, wait_for
from visorvos.core.jobs.benchmark.contest import Form, compete
from visorvos.core.jobs.benchmark.peak import large_convolution, large_product, peak_work
from visorvos.core.jobs.benchmark.results import Bound, Figure
from visorvos.core.network.for_inference import for_inference
from visorvos.core.runtime.freed_memory import keep_freed_memory
from visorvos.core.runtime.progress import Progress
from visorvos.settings.benchmark import BenchmarkSettings

__all__ = ["measure_inference"]

_MOST_DRAWN = 8


@dataclass(frozen=True)
class _Size:
    """Of a video."""

    height: int
    width: int
    frames: int


def measure_inference(
    settings: BenchmarkSettings, device: torch.device, scratch: Path, progress: Progress
) -> Iterator[Figure]:
    """Frames a second and peak memory for each network, number of objects and precision."""
    size = _Size(48, 64, 3) if settings.quick else _Size(480, 854, 40 if device.type == "cuda" else 4)
    for objects in settings.objects:
        video = _draw(scratch / f"video-{objects}", size, objects)
        for backbone in settings.backbone:
            progress.say(f"Inference: {backbone}, {objects} objects, {size.width}x{size.height}.")
            yield from _measure(settings, device, backbone, objects, video, size, scratch)


def _measure(
    settings: BenchmarkSettings,
    device: torch.device,
    backbone: str,
    objects: int,
    video: VideoSequence,
    size: _Size,
    scratch: Path,
) -> Iterator[Figure]:
    """All precisions and the plain form in turns, with what the machine can do at its best."""
    forms = {"plain": Form(_plain, (backbone, device.type, video, scratch / "plain"))}
    for precision in settings.precision:
        forms[precision] = Form(_ours, (backbone, device.type, precision, video, scratch / precision))
        forms[f"convolution {precision}"] = Form(large_convolution, (device.type, precision, settings.quick))
        forms[f"product {precision}"] = Form(large_product, (device.type, precision, settings.quick))
    found = compete(forms, settings.repeats)
    work = video_work(backbone, size.height, size.width, objects, size.frames)
    convolution, product = peak_work(device, settings.quick)
    for precision in settings.precision:
        bound = Bound(
            work,
            convolution / found[f"convolution {precision}"].median,
            product / found[f"product {precision}"].median,
        )
        what = f"{backbone}, {objects} object{'s' * (objects > 1)}, {precision}"
        yield Figure("inference", what, "frames/s", size.frames - 1, found[precision], found["plain"], bound)


def _draw(folder: Path, size: _Size, objects: int) -> VideoSequence:
    """A drawn video on disk; objects beyond those that can be drawn are squares of the first mask."""
    drawn = make_video(size.frames, size.height, size.width, 0, min(objects, _MOST_DRAWN))
    labels = drawn.labels()
    side = size.height // 8
    for index in range(_MOST_DRAWN + 1, objects + 1):
        left = (index - _MOST_DRAWN - 1) * side
        labels[:, :side, left : left + side] = index
    frames = tuple(folder / "frames" / f"{number:05d}.jpg" for number in range(size.frames))
    masks = tuple(folder / "masks" / f"{number:05d}.png" for number in range(size.frames))
    for path, frame in zip(frames, drawn.frames, strict=True):
        write_picture(path, frame)
    for path, mask in zip(masks, labels, strict=True):
        write_mask(path, mask)
    return VideoSequence(f"drawn-{objects}", frames, masks)


def _ours(backbone: str, device: str, precision: str, video: VideoSequence, output: Path) -> Callable[[], None]:
    keep_freed_memory()
    where, kind = prepare_torch(device, precision)
    stm = for_inference(random_network(backbone), where, kind)

    def work() -> None:
        for _ in segment_split(stm, [video], output):
            pass
        wait_for(where)

    return work


def _plain(backbone: str, device: str, video: VideoSequence, output: Path) -> Callable[[], None]:
    where, _ = prepare_torch(device, "float32")
    stm = random_network(backbone).to(where)

    def work() -> None:
        frames = _Frames(video)
        masks = segment_plainly(stm, frames, read_mask(video.masks[0]).labels)
        for path, mask in zip(video.frames, masks, strict=True):
            write_mask(output / f"{path.stem}.png", mask)
        wait_for(where)

    return work


class _Frames:
    """Frames that are read when they are due, one after another."""

    def __init__(self, video: VideoSequence) -> None:
        self.video = video

    def __len__(self) -> int:
        return len(self.video.frames)

    def __getitem__(self, number: int) -> NDArray[np.uint8]:
        return read_frame(self.video.frames[number])
