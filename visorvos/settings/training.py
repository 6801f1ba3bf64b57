"""Options that both stages of training share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from visorvos.settings.base import NO_EFFECT, Device, Precision, Settings, Weights

__all__ = ["Accumulate", "Factors", "Iterations", "MaxObjects", "Probability", "TrainingSettings"]

Iterations = Annotated[int, Field(ge=1, description="Clips to train on.")]
Accumulate = Annotated[
    int, Field(ge=1, description="Batches whose gradients are summed for a step of the optimizer, by all processes.")
]
MaxObjects = Annotated[int, Field(ge=1, le=254, description="Objects of a clip; of more, some by chance.")]
Probability = Annotated[float, Field(ge=0, le=1)]


def _is_ordered(values: tuple[float, float]) -> tuple[float, float]:
    if values[0] > values[1]:
        raise ValueError("the least comes first, the greatest second")
    return values


Factors = Annotated[tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]], AfterValidator(_is_ordered)]
"""The least and the greatest of a range of factors."""


class TrainingSettings(Settings):
    """What decides a run of training, but for its data."""

    panels: ClassVar = {
        "Inputs": ("weights", "backbone", "pretrained"),
        "RunFolder": ("output", "save_every", "log_every", "resume"),
        "Clips": ("crop_size", "short_side", "max_objects"),
        "Optimization": (
            *("iterations", "batch_size", "accumulate", "learning_rate"),
            *("warm_up", "schedule", "batch_norm", "seed"),
        ),
        "Validation": ("evaluate_every", "validation_split", "validation_sequences"),
        "Computing": ("compile",),
    }

    output: Annotated[Path, NO_EFFECT] = Field(description="Folder for weights, checkpoints, metrics and plots.")
    weights: Annotated[Weights | None, NO_EFFECT] = Field(
        default=None,
        description="Checkpoint to start from, .pth or .safetensors; or published weights (see download-weights "
        "--list); or hf://USER/NAME.",
    )
    backbone: Literal["resnet50", "resnet18", "resnest101"] | None = Field(
        default=None, description="Network to train. Default: that of --weights, else resnet50."
    )
    pretrained: bool = Field(
        default=True, description="Without --weights, start the encoders from ImageNet weights, downloaded once."
    )
    iterations: Iterations = 800_000
    batch_size: Annotated[
        int, Field(ge=1, description="Clips that go through the network of a process at once."), NO_EFFECT
    ] = 1
    accumulate: Annotated[Accumulate, NO_EFFECT] = 4
    learning_rate: Annotated[float, Field(gt=0, description="Of Adam.")] = 1e-5
    warm_up: Annotated[int, Field(ge=0, description="Clips over which the learning rate rises from nought.")] = 0
    schedule: Literal["constant", "cosine"] = Field(
        default="constant", description="Learning rate after the warm-up: as it is, or falling to nought as a cosine."
    )
    batch_norm: Literal["frozen", "train"] = Field(
        default="frozen",
        description="Batch norms: frozen keeps ImageNet's statistics; train follows the batches, for training "
        "without ImageNet weights.",
    )
    crop_size: Annotated[int, Field(ge=32, le=1024, multiple_of=16, description="Side of a clip, in pixels.")] = 384
    short_side: Annotated[int, Field(ge=32, description="Short side that frames are brought to before the crop.")] = 480
    max_objects: MaxObjects = 15
    workers: Annotated[
        int | None,
        Field(
            ge=0,
            description="Processes that make clips ahead. Default: one a core, at most 8; on a CPU none.",
        ),
        NO_EFFECT,
    ] = None
    seed: Annotated[int, Field(ge=0, description="Of clips, their order and untrained weights.")] = 0
    precision: Precision = "auto"
    compile: Annotated[bool, NO_EFFECT] = Field(
        default=False, description="Compile the network: slow to start, faster after."
    )
    save_every: Annotated[
        int, Field(ge=1, description="Clips between checkpoints; the last two are kept."), NO_EFFECT
    ] = 10_000
    log_every: Annotated[int, Field(ge=1, description="Clips between rows of metrics.csv."), NO_EFFECT] = 400
    evaluate_every: Annotated[int, Field(ge=0, description="Clips between evaluations; 0: none."), NO_EFFECT] = 20_000
    validation_split: Annotated[str, NO_EFFECT] = Field(default="val", description="Split that is evaluated.")
    validation_sequences: Annotated[
        int | None, Field(ge=1, description="Sequences of it to evaluate, spread evenly. Default: all."), NO_EFFECT
    ] = None
    resume: Annotated[bool, NO_EFFECT] = Field(
        default=False, description="Go on from the last checkpoint in --output, if there is one."
    )
    device: Device = "auto"
