"""``visorvos demo``: the whole way on a video that is drawn here, with a network that has learnt nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from visorvos.core.datasets.drawn_video import draw_video
from visorvos.core.files.atomic import write_text
from visorvos.core.files.checkpoints import save_weights
from visorvos.core.files.images import write_picture
from visorvos.core.files.masks import write_mask
from visorvos.core.files.settings_file import write_settings
from visorvos.core.jobs.evaluate import Evaluation, evaluate
from visorvos.core.jobs.predict import Prediction, predict
from visorvos.core.jobs.progress import Progress, Silent
from visorvos.core.network.stm import STM
from visorvos.settings.demo import DemoSettings
from visorvos.settings.evaluate import EvaluateSettings
from visorvos.settings.predict import PredictSettings

__all__ = ["Demo", "demo"]

_SEQUENCE = "shapes"
_FRAMES, _HEIGHT, _WIDTH = 12, 192, 344


@dataclass(frozen=True)
class Demo:
    """What the demo made."""

    prediction: Prediction
    evaluation: Evaluation
    overlay: Path
    """The last frame with the masks found."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "untrained": True,
            "prediction": self.prediction.to_dict(),
            "evaluation": self.evaluation.to_dict(),
            "overlay": str(self.overlay),
        }


def demo(settings: DemoSettings, progress: Progress | None = None) -> Demo:
    """Draws a data set of one video, segments it with random weights, and scores the masks."""
    progress = progress or Silent()
    write_settings(settings.output, "demo", settings.model_dump(mode="json"))
    data, weights = settings.output / "data", settings.output / "untrained.safetensors"
    frames = data / "JPEGImages" / "480p" / _SEQUENCE
    truth = data / "Annotations" / "480p" / _SEQUENCE
    images, masks = draw_video(_FRAMES, _HEIGHT, _WIDTH, settings.seed)
    for number, (image, labels) in enumerate(zip(images, masks, strict=True)):
        write_picture(frames / f"{number:05d}.jpg", image)
        write_mask(truth / f"{number:05d}.png", labels)
    write_text(data / "ImageSets" / "2022" / "val.txt", _SEQUENCE)
    write_text(data / "val_data_mapping.json", f'{{"{_SEQUENCE}": {{"1": "disc", "2": "square", "3": "triangle"}}}}')
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        save_weights(STM("resnet18", pretrained=False), weights)

    predictions = settings.output / "masks"
    prediction = predict(
        PredictSettings(
            frames=frames,
            masks=truth / "00000.png",
            weights=str(weights),
            output=predictions / _SEQUENCE,
            save=("overlay", "video"),
            size=-1,
            device=settings.device,
        ),
        progress,
    )
    evaluation = evaluate(
        EvaluateSettings(data=data, predictions=predictions, output=settings.output / "scores", workers=1), progress
    )
    return Demo(prediction, evaluation, predictions / _SEQUENCE / "overlay" / f"{_FRAMES - 1:05d}.jpg")
