"""Clips trained on, a step of the optimizer each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from visorvos.core.benchmark.arithmetic import clip_work
from visorvos.core.benchmark.plain_loss import plain_clip_loss
from visorvos.core.datasets.loader import Batch
from visorvos.core.datasets.synthetic.video import make_video
from visorvos.core.jobs.benchmark.computing import prepare_torch, random_network, wait_for
from visorvos.core.jobs.benchmark.contest import Form, compete
from visorvos.core.jobs.benchmark.peak import large_convolution, large_product, peak_work
from visorvos.core.jobs.benchmark.results import Bound, Figure
from visorvos.core.runtime.freed_memory import keep_freed_memory
from visorvos.core.runtime.progress import Progress
from visorvos.core.training.learner import Learner, start_accelerator
from visorvos.settings.benchmark import BenchmarkSettings

__all__ = ["measure_training"]

_OBJECTS = 3
_RATE = 1e-5


def measure_training(settings: BenchmarkSettings, device: torch.device, progress: Progress) -> Iterator[Figure]:
    """Clips a second for each network and precision: three frames, forward and backward, and Adam's step."""
    side = 64 if settings.quick else 384
    clips = 8 if device.type == "cuda" and not settings.quick else 1
    for backbone in settings.backbone:
        progress.say(f"Training: {backbone}, clips of {side}x{side}.")
        forms = {"plain": Form(_plain, (backbone, device.type, side, clips))}
        for precision in settings.precision:
            forms[precision] = Form(_ours, (backbone, device.type, precision, side, clips))
            forms[f"convolution {precision}"] = Form(large_convolution, (device.type, precision, settings.quick))
            forms[f"product {precision}"] = Form(large_product, (device.type, precision, settings.quick))
        found = compete(forms, settings.repeats)
        convolution, product = peak_work(device, settings.quick)
        for precision in settings.precision:
            bound = Bound(
                clips * clip_work(backbone, side, _OBJECTS),
                convolution / found[f"convolution {precision}"].median,
                product / found[f"product {precision}"].median,
            )
            what = f"{backbone}, {_OBJECTS} objects, {precision}"
            yield Figure("training", what, "clips/s", clips, found[precision], found["plain"], bound)


def _clip(side: int) -> Batch:
    video = make_video(3, side, side, 0, _OBJECTS)
    frames = torch.from_numpy(video.frames).permute(0, 3, 1, 2)[None]
    return Batch(frames, torch.from_numpy(video.labels())[None], ("drawn",), step=0)


def _ours(backbone: str, device: str, precision: str, side: int, clips: int) -> Callable[[], None]:
    keep_freed_memory()
    where, kind = prepare_torch(device, precision)
    accelerator = start_accelerator(where, bfloat16=kind == torch.bfloat16)
    learner = Learner(random_network(backbone), accelerator, detach=True, channels=16, freeze_batch_norm=True)
    batches = [_clip(side)] * clips

    def work() -> None:
        learner.step(batches, _RATE, seed=0)
        wait_for(where)

    return work


def _plain(backbone: str, device: str, side: int, clips: int) -> Callable[[], None]:
    where, _ = prepare_torch(device, "float32")
    stm = random_network(backbone).to(where)
    optimizer = torch.optim.Adam(stm.parameters(), lr=_RATE)
    clip = _clip(side)

    def work() -> None:
        optimizer.zero_grad()
        for _ in range(clips):
            plain_clip_loss(stm, clip.frames.to(where), clip.labels.to(where)).sum().backward()
        optimizer.step()
        wait_for(where)

    return work
