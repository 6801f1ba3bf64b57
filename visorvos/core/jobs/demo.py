"""``visorvos demo``: every step from a synthetic release to a trained network, its scores and an overlay."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from visorvos.core.datasets.davis.layout import open_split
from visorvos.core.datasets.synthetic.release import write_synthetic_coco, write_synthetic_visor
from visorvos.core.io.masks import read_mask, write_mask
from visorvos.core.io.settings_file import SETTINGS_FILE, read_settings, write_settings
from visorvos.core.jobs.evaluate import Evaluation, evaluate
from visorvos.core.jobs.finetune import finetune
from visorvos.core.jobs.predict import predict
from visorvos.core.jobs.predict.video import PredictedVideo
from visorvos.core.jobs.prepare import prepare
from visorvos.core.jobs.pretrain import pretrain
from visorvos.core.runtime.device import choose_device
from visorvos.core.runtime.interruption import StoppedError
from visorvos.core.runtime.progress import Progress
from visorvos.core.runtime.run_state import MadeFrom
from visorvos.core.training.loop import initial_network
from visorvos.core.training.run_folder import LAST
from visorvos.core.weights.checkpoints import save_weights
from visorvos.errors import VisorVosError
from visorvos.settings.demo import DemoSettings
from visorvos.settings.evaluate import EvaluateSettings
from visorvos.settings.finetune import FinetuneSettings, VisorAugmentation
from visorvos.settings.predict import PredictSettings
from visorvos.settings.prepare import PrepareSettings
from visorvos.settings.pretrain import CocoAugmentation, PretrainSettings

# Small enough for two cores and a few minutes, without ImageNet weights.
_SHORT_SIDE = 96
"""Short side of frames in pixels, in training and evaluation."""


# Images of stage 1; videos to train on and to evaluate, with other objects, and their frames; clips of both stages.
_FULL = {"images": 120, "train": 48, "val": 12, "frames": 8, "pretrain": 180, "finetune": 300}
_QUICK = {"images": 20, "train": 8, "val": 2, "frames": 5, "pretrain": 4, "finetune": 4}


@dataclass(frozen=True)
class Demo:
    """The results of the demo, on videos that the network was not trained on."""

    untrained: Evaluation
    """The network before training."""
    copied: Evaluation
    """The first mask of each video, copied to all its frames."""
    trained: Evaluation
    """The network after both stages."""
    prediction: PredictedVideo
    weights: Path
    overlay: Path
    """Frames of a video with the predicted masks, on one sheet."""
    seconds: float
    quick: bool
    """Whether it trained for a few clips only: the scores then mean nothing."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "j_and_f_untrained": self.untrained.report.j_and_f,
            "j_and_f_copied": self.copied.report.j_and_f,
            "j_and_f": self.trained.report.j_and_f,
            "weights": str(self.weights),
            "overlay": str(self.overlay),
            "seconds": self.seconds,
            "quick": self.quick,
            "prediction": asdict(self.prediction),
            "evaluation": self.trained.to_dict(),
        }


def demo(settings: DemoSettings, progress: Progress | None = None) -> Demo:
    """Generates data, prepares it, trains in both stages, evaluates and predicts, with the commands' own jobs.

    An interrupted demo is resumed where it stopped.

    Raises:
        VisorVosError: if the folder cannot be written to or holds another demo, this machine lacks the device, or the
            demo was interrupted.
    """
    progress = progress or Progress()
    began = time.perf_counter()
    output = settings.output
    choose_device(settings.device)
    _check_folder(settings)
    write_settings(output, "demo", settings.model_dump(mode="json"))
    size = _QUICK if settings.quick else _FULL
    data = _make_data(settings, size, progress)
    weights = _train(settings, size, data, progress)
    untrained, copied, trained = _evaluate(settings, data, weights, progress)
    prediction = _predict(settings, data, trained, weights, progress)
    sheet = Path(prediction.output) / "sheet.jpg"
    return Demo(untrained, copied, trained, prediction, weights, sheet, time.perf_counter() - began, settings.quick)


def _check_folder(settings: DemoSettings) -> None:
    """Refuses a folder that holds a demo with another seed or size."""
    file = settings.output / SETTINGS_FILE
    if not file.exists():
        return
    change = MadeFrom(settings, {}).change_since({"options": read_settings(file), "inputs": {}})
    if change is not None:
        raise VisorVosError(
            f"{settings.output} holds another demo: {change}.", "Choose another --output, or remove that folder."
        )


def _make_data(settings: DemoSettings, size: dict[str, int], progress: Progress) -> Path:
    """Writes synthetic COCO and VISOR data; the data set that `prepare` makes of the latter."""
    output = settings.output
    progress.say(f"Generating {size['images']} images and {size['train'] + size['val']} videos.")
    write_synthetic_coco(output / "coco", size["images"], settings.seed)
    videos = {"train": size["train"], "val": size["val"]}
    annotations, images = write_synthetic_visor(output / "release", videos, size["frames"], settings.seed)
    prepared = PrepareSettings(annotations=annotations, images=images, output=output / "data", num_workers=1)
    prepare(prepared, progress)
    return output / "data" / "VISOR_2022"


def _train(settings: DemoSettings, size: dict[str, int], data: Path, progress: Progress) -> Path:
    """Runs both stages; the weights of the second."""
    output = settings.output
    first = PretrainSettings(
        coco=output / "coco",
        output=output / "stage1",
        backbone="resnet18",
        # The batch norms learn their statistics, since there are none from ImageNet.
        pretrained=False,
        batch_norm="train",
        warm_up=50,
        max_objects=2,
        # The recipe's values, scaled from frames of 480 pixels to these.
        augmentation=CocoAugmentation(
            min_own=600, max_own=2, pasted=(1, 2), min_pasted_box=1200, drift=(12, 6), min_visible=100
        ),
        **_common(settings, size["pretrain"]),
    )
    second = FinetuneSettings(
        data=(str(data),),
        weights=str(first.output / LAST),
        output=output / "stage2",
        warm_up=20,
        schedule="cosine",
        max_objects=3,
        augmentation=VisorAugmentation(translation=4, crop_jitter=4),
        **_common(settings, size["finetune"]),
    )
    try:
        save_weights(initial_network(first, progress), output / "untrained.safetensors")
        progress.say(f"Stage 1: {first.clips} clips made of images.")
        pretrain(first, progress)
        progress.say(f"Stage 2: {second.clips} clips of videos.")
        finetune(second, progress)
    except StoppedError as error:
        raise VisorVosError(error.message, "Run the demo again: it resumes from there.") from error
    return second.output / LAST


def _common(settings: DemoSettings, clips: int) -> dict[str, Any]:
    """Options of both stages."""
    return {
        "clips": clips,
        "batch_size": 1,
        "accumulate": 1,
        "lr": 3e-4,
        "crop_size": _SHORT_SIDE,
        "short_side": _SHORT_SIDE,
        "log_every": max(1, clips // 20),
        "save_every": max(10, clips // 4),
        "evaluate_every": 0,
        "num_workers": 0,
        "seed": settings.seed,
        "device": settings.device,
        "resume": True,
    }


def _evaluate(
    settings: DemoSettings, data: Path, weights: Path, progress: Progress
) -> tuple[Evaluation, Evaluation, Evaluation]:
    """Scores of the untrained network, of the copied first masks, and of the trained network."""
    output = settings.output

    def score(name: str, **source: Path | str) -> Evaluation:
        return evaluate(
            EvaluateSettings(
                data=data,
                output=output / name,
                size=_SHORT_SIDE,
                num_workers=1,
                device=settings.device,
                **source,  # type: ignore[arg-type]
            ),
            progress,
        )

    _copy_first_masks(data, output / "copied")
    return (
        score("scores-untrained", weights=str(output / "untrained.safetensors")),
        score("scores-copied", predictions=output / "copied"),
        score("scores", weights=str(weights)),
    )


def _copy_first_masks(root: Path, output: Path) -> None:
    """Writes the first mask of each sequence as the prediction for all its frames."""
    split = open_split(root, "val")
    for name in split.sequences:
        masks = split.sequence(name).masks
        first = read_mask(masks[0])
        for path in masks:
            write_mask(output / name / path.name, first.labels)


def _predict(
    settings: DemoSettings, root: Path, evaluation: Evaluation, weights: Path, progress: Progress
) -> PredictedVideo:
    """Masks and overlays of the video with the median score."""
    ranked = sorted(evaluation.report.sequences, key=lambda sequence: sequence.j_and_f)
    sequence = open_split(root, "val").sequence(ranked[len(ranked) // 2].sequence)
    prediction = predict(
        PredictSettings(
            frames=sequence.frames[0].parent,
            masks=sequence.masks[0],
            weights=str(weights),
            output=settings.output / "prediction",
            overwrite=True,
            save=("overlay", "video", "sheet"),
            colors="bright",
            names=root / "val_data_mapping.json",
            size=_SHORT_SIDE,
            device=settings.device,
        ),
        progress,
    )
    assert isinstance(prediction, PredictedVideo)
    return prediction
