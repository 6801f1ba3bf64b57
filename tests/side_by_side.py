"""Speed beside the plain forms of ``tests/plain``, by turns: ``python -m tests.side_by_side [PART ...]``.

Each form has its own process; a ratio is the median over rounds of plain time divided by ours, both on the CPU and in
float32. On a machine that does other work at the same time, only the ratio of CPU time means something.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import cv2
import torch

from tests.plain.instances import ScannedInstances
from tests.plain.loss import plain_clip_loss
from tests.plain.prepare import prepare_plainly
from tests.plain.scores import score_plainly
from tests.plain.video import segment_plainly
from tests.plain.visor_clips import plain_visor_clip
from visorvos.core.datasets.coco.clips import CocoClips
from visorvos.core.datasets.davis.layout import VideoSequence, open_split
from visorvos.core.datasets.synthetic.release import write_synthetic_visor
from visorvos.core.io.images import read_frame
from visorvos.core.io.masks import read_mask, write_mask
from visorvos.core.jobs import benchmark as workloads
from visorvos.core.jobs.prepare import prepare
from visorvos.core.runtime.progress import Progress
from visorvos.core.runtime.worker_pool import start_worker
from visorvos.core.training.clips import coco_clips, visor_clips
from visorvos.settings.finetune import VisorAugmentation
from visorvos.settings.prepare import PrepareSettings
from visorvos.settings.pretrain import PretrainSettings

PARTS = ("inference", "training", "metrics", "prepare", "data")
CPU = torch.device("cpu")
COCO_ANNOTATIONS = 860_001
"""Number in train2017."""

Work = Callable[[], object]
Make = Callable[[], Work]


def contests(part: str, scratch: Path) -> Iterator[tuple[str, str, float, Make, Make]]:
    """What is done, unit, units per turn, ours and the plain form."""
    if part == "inference":
        for objects in (1, 4):
            video = workloads.write_video(scratch / f"video-{objects}", 480, 854, 4, objects)
            ours = partial(workloads.segmenting, "resnet50", CPU, "float32", video, scratch / "ours")
            plain = partial(plain_segmenting, "resnet50", video, scratch / "plain")
            yield f"resnet50, {objects} objects, 854x480", "frames/s", 3, ours, plain
    if part == "training":
        ours = partial(workloads.training, "resnet50", "cpu", "float32", 384, 1, 3)
        yield "resnet50, 3 objects, 384x384", "clips/s", 1, ours, partial(plain_training, "resnet50", 384, 3)
    if part == "metrics":
        folders = workloads.write_masks(scratch, 4, 20, 480, 854)
        ours, plain = partial(workloads.scoring, *folders, 1), partial(plain_scoring, *folders)
        yield "5 objects, 854x480, one process", "object masks/s", 4 * 19 * 5, ours, plain
    if part == "prepare":
        folders = write_synthetic_visor(scratch / "release", {"train": 4}, 12, 0, 1080, 1920)
        ours, plain = (partial(make, *folders, scratch / make.__name__) for make in (preparing, plain_preparing))
        yield "1920x1080, one process", "frames/s", 48, ours, plain
    if part == "data":
        coco, visor = workloads.write_releases(scratch, quick=False)
        plain = partial(plain_coco_loading, coco, COCO_ANNOTATIONS, 24)
        ours = partial(workloads.loading, partial(coco_clips, coco, Progress()), 24)
        yield "stage 1, COCO", "clips/s", 24, ours, plain
        ours = partial(workloads.loading, partial(visor_clips, visor, Progress()), 24)
        yield "stage 2, VISOR", "clips/s", 24, ours, partial(plain_visor_loading, scratch / "VISOR_2022", 24)


def plain_segmenting(backbone: str, video: VideoSequence, output: Path) -> Work:
    stm = workloads.untrained(backbone)

    def work() -> None:
        frames = [read_frame(file) for file in video.frames]
        masks = segment_plainly(stm, frames, read_mask(video.masks[0]).labels)
        for file, mask in zip(video.frames, masks, strict=True):
            write_mask(output / f"{file.stem}.png", mask)

    return work


def plain_training(backbone: str, side: int, objects: int) -> Work:
    stm = workloads.untrained(backbone)
    optimizer = torch.optim.Adam(stm.parameters(), lr=1e-5)
    clip = workloads.synthetic_batch(side, objects)

    def work() -> None:
        optimizer.zero_grad()
        plain_clip_loss(stm, clip.frames, clip.labels).sum().backward()
        optimizer.step()

    return work


def plain_scoring(truth: Path, predictions: Path) -> Work:
    return partial(score_plainly, truth, predictions)


def preparing(annotations: Path, images: Path, output: Path) -> Work:
    settings = PrepareSettings(annotations=annotations, images=images, output=output, split=("train",), workers=1)

    def work() -> None:
        shutil.rmtree(output, ignore_errors=True)
        prepare(settings)

    return work


def plain_preparing(annotations: Path, images: Path, output: Path) -> Work:
    def work() -> None:
        shutil.rmtree(output, ignore_errors=True)
        prepare_plainly(annotations, images, output)

    return work


def scanned_clips(settings: PretrainSettings, filler: int) -> CocoClips:
    """The clips of stage 1 without an index, among ``filler`` more annotations of images that do not exist."""
    clips = coco_clips(settings, Progress())
    content = json.loads((settings.coco / "annotations" / f"instances_{settings.split}.json").read_text())
    own = content["annotations"]
    others = [{**own[number % len(own)], "image_id": -1 - number} for number in range(filler)]
    clips.instances = ScannedInstances(content["images"], own + others, settings.coco / settings.split)
    return clips


def plain_coco_loading(settings: PretrainSettings, filler: int, samples: int) -> Work:
    clips = scanned_clips(settings, filler)

    def work() -> None:
        for number in range(samples):
            clips.clip(number % len(clips), number // len(clips), progress=0.5)

    return work


def plain_visor_loading(root: Path, samples: int) -> Work:
    split = open_split(root, "train")
    videos = [split.sequence(name).annotated for name in split.sequences]

    def work() -> None:
        for number in range(samples):
            epoch, sample = divmod(number, len(videos))
            plain_visor_clip(videos[sample], VisorAugmentation(), 0, sample, epoch)

    return work


def use_one_thread() -> None:
    """OpenCV's threads would measure the machine's cores rather than the code."""
    cv2.setNumThreads(1)


_made: list[Work] = []
"""The work of this process, once prepared."""


def take_turn(make: Make) -> tuple[float, float]:
    """Seconds of doing the work once, by the clock and of the processor; preparing it does not count."""
    if not _made:
        _made.append(make())
    began = time.perf_counter(), time.process_time()
    _made[0]()
    return time.perf_counter() - began[0], time.process_time() - began[1]


def main(parts: list[str], repeats: int) -> None:
    print("| part | what | unit | visorvos | plain | ratio | ratio of CPU time |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: |")
    context = multiprocessing.get_context("spawn")
    for part in parts:
        with TemporaryDirectory(prefix="side-by-side-") as folder:
            for what, unit, amount, *forms in contests(part, Path(folder)):
                # The forms take turns, so that whatever else the machine does affects both; the first does not count.
                with ExitStack() as stack:
                    # As in the commands, our own form keeps the memory that it frees.
                    starts = (start_worker, use_one_thread)
                    pools = [stack.enter_context(ProcessPoolExecutor(1, context, start)) for start in starts]
                    rounds = [
                        [pool.submit(take_turn, form).result() for pool, form in zip(pools, forms, strict=True)]
                        for _ in range(repeats + 1)
                    ][1:]
                ratios = [median(plain[clock] / ours[clock] for ours, plain in rounds) for clock in (0, 1)]
                rates = [amount / median(seconds for seconds, _ in turns) for turns in zip(*rounds, strict=True)]
                figures = [*(f"{rate:.3g}" for rate in rates), *(f"{ratio:.2f}" for ratio in ratios)]
                print(f"| {part} | {what} | {unit} | {' | '.join(figures)} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", choices=[*PARTS, "all"], default="all")
    parser.add_argument("--repeats", type=int, default=3, help="rounds, after one that does not count")
    given = parser.parse_args()
    main(list(PARTS) if "all" in given.part else given.part, given.repeats)
