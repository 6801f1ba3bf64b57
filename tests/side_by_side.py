"""Speed beside the plain forms of ``tests/plain``, by turns: ``python -m tests.side_by_side [PART ...]``.

Parts: inference, training, metrics, prepare, data; all by default. Each form has its own process; the ratio is the
median over rounds of plain time divided by ours, both on the CPU and in float32.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
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
from visorvos.core.jobs.benchmark import workloads
from visorvos.core.jobs.benchmark.measure import measure
from visorvos.core.jobs.prepare import prepare
from visorvos.core.runtime.progress import NoProgress
from visorvos.core.training.clips import coco_clips
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
        ours = partial(workloads.training, "resnet50", CPU, "float32", 384, 1, 3)
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
        settings = workloads.write_releases(scratch, quick=False)
        plain = partial(plain_coco_loading, settings, COCO_ANNOTATIONS, 24)
        yield "stage 1, COCO", "clips/s", 24, partial(workloads.coco_loading, settings, 24), plain
        root = scratch / "VISOR_2022"
        ours, plain = partial(workloads.visor_loading, root, 24), partial(plain_visor_loading, root, 24)
        yield "stage 2, VISOR", "clips/s", 24, ours, plain


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
    clips = coco_clips(settings, NoProgress())
    content = json.loads((settings.coco / "annotations" / f"instances_{settings.split}.json").read_text())
    own = content["annotations"]
    others = [{**own[number % len(own)], "image_id": -1 - number} for number in range(filler)]
    clips.instances = ScannedInstances(content["images"], own + others)
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


def main(parts: list[str], repeats: int = 3) -> None:
    print("| part | what | unit | visorvos | plain | ratio |\n| --- | --- | --- | ---: | ---: | ---: |")
    for part in parts:
        with TemporaryDirectory(prefix="side-by-side-") as folder:
            for what, unit, amount, ours, plain in contests(part, Path(folder)):
                found = measure({"ours": ours, "plain": plain}, repeats, use_one_thread)
                fast, slow = found["ours"].seconds, found["plain"].seconds
                ratio = median(one / other for one, other in zip(slow, fast, strict=True))
                rates = " | ".join(f"{amount / median(seconds):.3g}" for seconds in (fast, slow))
                print(f"| {part} | {what} | {unit} | {rates} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    unknown = set(sys.argv[1:]) - set(PARTS)
    if unknown:
        sys.exit(f"Unknown part: {', '.join(sorted(unknown))}. Parts are {', '.join(PARTS)}.")
    main(sys.argv[1:] or list(PARTS))
