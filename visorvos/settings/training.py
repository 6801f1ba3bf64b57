"""Options that both stages of training share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from visorvos.settings.base import WEIGHTS_HELP, Backbone, Device, Precision, Settings, Weights, option

__all__ = ["Accumulate", "Clips", "Factors", "MaxObjects", "Probability", "TrainingSettings"]

Clips = Annotated[
    int, option(description="Number of clips to train on.", panel="Optimization", alias="iterations", ge=1)
]
Accumulate = Annotated[
    int,
    option(
        description="Number of batches, over all processes, whose gradients are summed for one optimizer step.",
        panel="Optimization",
        affects_result=False,
        ge=1,
    ),
]
MaxObjects = Annotated[
    int,
    option(
        description="Maximum number of objects per clip; of more, a random choice is kept.", panel="Clips", ge=1, le=254
    ),
]
Probability = Annotated[float, Field(ge=0, le=1)]


def _is_ordered(values: tuple[float, float]) -> tuple[float, float]:
    if values[0] > values[1]:
        raise ValueError("must be the minimum, then the maximum")
    return values


Factors = Annotated[tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]], AfterValidator(_is_ordered)]
"""The minimum and the maximum of a range of factors."""


class TrainingSettings(Settings):
    """What both stages share: everything but the data.

    The paths, the evaluation and the saving may change when a run is resumed. So may ``batch_size`` and ``accumulate``,
    as long as their product stays.
    """

    output: Path = option(
        description="Folder for weights, checkpoints, metrics and plots.", panel="Outputs", affects_result=False
    )
    weights: Weights | None = option(
        None, f"Weights to start from. {WEIGHTS_HELP}", panel="Inputs", affects_result=False
    )
    backbone: Backbone | None = option(
        None, "Backbone of the network. Default: that of --weights, else resnet50.", panel="Inputs"
    )
    pretrained: bool = option(
        True, "Start the encoders from ImageNet weights if --weights is not given.", panel="Inputs"
    )
    clips: Clips = 800_000
    batch_size: int = option(1, "Clips per batch and process.", panel="Optimization", affects_result=False, ge=1)
    accumulate: Accumulate = 4
    lr: float = option(1e-5, "Adam learning rate.", panel="Optimization", alias="learning_rate", gt=0)
    warm_up: int = option(
        0, "Number of clips over which the learning rate rises from zero.", panel="Optimization", ge=0
    )
    schedule: Literal["constant", "cosine"] = option(
        "constant", "Learning rate after the warm-up: constant, or cosine decay to zero.", panel="Optimization"
    )
    weight_decay: float = option(0.0, "Decoupled weight decay (AdamW); 0 is plain Adam.", panel="Optimization", ge=0)
    clip_gradient: float = option(
        0.0,
        "Maximum gradient norm of a step, as a mean over its clips; 0 turns clipping off.",
        panel="Optimization",
        ge=0,
    )
    batch_norm: Literal["frozen", "train"] = option(
        "frozen",
        "Batch norm statistics: frozen keeps those of ImageNet; train updates them, for training without ImageNet "
        "weights.",
        panel="Optimization",
    )
    seed: int = option(0, "Random seed of clips, their order and untrained weights.", panel="Optimization", ge=0)
    crop_size: int = option(384, "Side of the square crop in pixels.", panel="Clips", ge=32, le=1024, multiple_of=16)
    short_side: int = option(480, "Short side of frames in pixels before the crop.", panel="Clips", ge=32)
    max_objects: MaxObjects = 15
    save_every: int = option(
        10_000, "Clips between checkpoints; the last two are kept.", panel="Outputs", affects_result=False, ge=1
    )
    log_every: int = option(400, "Clips between rows of metrics.csv.", panel="Outputs", affects_result=False, ge=1)
    log_with: tuple[Literal["tensorboard", "wandb"], ...] = option(
        (), "Tracker to log to, beside metrics.csv. Can be given several times.", panel="Outputs", affects_result=False
    )
    resume: bool = option(
        False, "Resume from the last checkpoint in --output, if there is one.", panel="Outputs", affects_result=False
    )
    evaluate_every: int = option(
        20_000, "Clips between evaluations; 0 turns them off.", panel="Validation", affects_result=False, ge=0
    )
    validation_split: str = option("val", "Split to evaluate.", panel="Validation", affects_result=False)
    validation_sequences: int | None = option(
        None,
        "Number of sequences to evaluate, spread evenly over the split. Default: all.",
        panel="Validation",
        affects_result=False,
        ge=1,
    )
    num_workers: int | None = option(
        None,
        "Number of processes that load clips. Default: one per core, at most 8; on a CPU none.",
        panel="Computing",
        alias="workers",
        affects_result=False,
        ge=0,
    )
    compile: bool = option(
        False, "Compile the network: slow to start, faster afterwards.", panel="Computing", affects_result=False
    )
    device: Device = "auto"
    precision: Precision = "auto"
