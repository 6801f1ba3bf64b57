"""Options that both stages of training share."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from visorvos.core.network.backbones import BackboneName
from visorvos.settings.base import (
    WEIGHTS_HELP,
    Device,
    Precision,
    Settings,
    Weights,
    computing,
    inputs,
    must,
    option,
    outputs,
    source,
)

_optimization = partial(option, panel="Optimization")
clip_options = partial(option, panel="Clips")
validation = partial(option, panel="Validation", affects_result=False)

Clips = Annotated[int, _optimization(..., "Number of clips to train on.", alias="iterations", ge=1)]
Accumulate = Annotated[
    int,
    _optimization(
        ...,
        "Number of batches, over all processes, whose gradients are summed for one optimizer step.",
        affects_result=False,
        ge=1,
    ),
]
MaxObjects = Annotated[
    int,
    clip_options(..., "Maximum number of objects per clip; a random choice if there are more.", ge=1, le=254),
]
Probability = Annotated[float, Field(ge=0, le=1)]


ordered = must(lambda pair: pair[0] <= pair[1], "be the minimum, then the maximum")
Factors = Annotated[tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]], ordered]
"""The minimum and the maximum of a range of factors."""


class TrainingSettings(Settings):
    """What both stages share: everything but the data.

    The paths, the evaluation and the saving may change when a run is resumed. So may ``batch_size`` and ``accumulate``,
    as long as their product stays.
    """

    output: Path = outputs(..., "Folder for weights, checkpoints, metrics and plots.")
    weights: Weights | None = source(None, f"Weights to start from. {WEIGHTS_HELP}")
    backbone: BackboneName | None = inputs(None, "Backbone of the network. Default: that of --weights, else resnet50.")
    pretrained: bool = inputs(True, "Start the encoders from ImageNet weights if --weights is not given.")
    clips: Clips = 800_000
    batch_size: int = _optimization(1, "Number of clips per batch, in each process.", affects_result=False, ge=1)
    accumulate: Accumulate = 4
    lr: float = _optimization(1e-5, "Adam learning rate.", alias="learning_rate", gt=0)
    warm_up: int = _optimization(0, "Number of clips over which the learning rate rises from zero.", ge=0)
    schedule: Literal["constant", "cosine"] = _optimization(
        "constant", "Learning rate after the warm-up: constant, or cosine decay to zero."
    )
    weight_decay: float = _optimization(0.0, "Decoupled weight decay (AdamW); 0 is plain Adam.", ge=0)
    clip_gradient: float = _optimization(
        0.0, "Maximum norm of the gradient, averaged over the clips of a step; 0 turns clipping off.", ge=0
    )
    batch_norm: Literal["frozen", "train"] = _optimization(
        "frozen",
        "Batch norm statistics: frozen keeps those of ImageNet; train updates them, for training without ImageNet "
        "weights.",
    )
    seed: int = _optimization(0, "Random seed of clips, their order and untrained weights.", ge=0)
    crop_size: int = clip_options(384, "Side of the square crop in pixels.", ge=32, le=1024, multiple_of=16)
    short_side: int = clip_options(480, "Short side in pixels to which frames are resized before the crop.", ge=32)
    max_objects: MaxObjects = 15
    save_every: int = outputs(10_000, "Number of clips between checkpoints; the last two checkpoints are kept.", ge=1)
    log_every: int = outputs(400, "Number of clips between rows of metrics.csv.", ge=1)
    log_with: tuple[Literal["tensorboard", "wandb"], ...] = outputs(
        (), "Tracker to log to, in addition to metrics.csv."
    )
    resume: bool = outputs(False, "Resume from the last checkpoint in --output, if there is one.")
    evaluate_every: int = validation(20_000, "Number of clips between evaluations; 0 turns them off.", ge=0)
    validation_split: str = validation("val", "Split to evaluate.")
    validation_sequences: int | None = validation(
        None, "Number of sequences to evaluate, spread evenly over the split. Default: all.", ge=1
    )
    num_workers: int | None = computing(
        None,
        "Number of processes that load clips. Default: one per core, at most 8; 0 on a CPU.",
        alias="workers",
        ge=0,
    )
    compile: bool = computing(False, "Compile the network (torch.compile): minutes for the first steps, then faster.")
    device: Device = "auto"
    # On an H200, bfloat16 took one and a half times as long.
    precision: Precision = "float32"
