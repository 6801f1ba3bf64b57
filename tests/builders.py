"""Tiny data for the tests, and weights that follow from names alone."""

from __future__ import annotations

import json
import math
import zlib
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from visorvos import STM
from visorvos.core.datasets.synthetic.video import make_video
from visorvos.core.io.palettes import DAVIS_PALETTE
from visorvos.core.weights.reference_names import CONSTANTS, from_reference
from visorvos.settings.base import Settings

S = TypeVar("S", bound=Settings)

GOLDEN = Path(__file__).parent / "golden"


def golden(name: str) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of one recorded file."""
    with np.load(GOLDEN / f"{name}.npz", allow_pickle=False) as arrays:
        return dict(arrays)


def reference_state(backbone: str) -> dict[str, Tensor]:
    """The reference's state dictionary with the weights that the golden figures were taken with."""
    return {key: tensor.clone() for key, tensor in _reference_state(backbone).items()}


@cache
def _reference_state(backbone: str) -> dict[str, Tensor]:
    shapes: dict[str, list[int]] = json.loads((GOLDEN / f"state_dict_{backbone}.json").read_text())
    return {key: _reference_tensor(key, shape) for key, shape in shapes.items()}


def _reference_tensor(key: str, shape: list[int]) -> Tensor:
    random = np.random.RandomState(zlib.crc32(key.encode()) & 0x7FFFFFFF)
    if key in CONSTANTS:
        constant = (0.485, 0.456, 0.406) if key.endswith("mean") else (0.229, 0.224, 0.225)
        return torch.tensor(constant).view(shape)
    if key.endswith("num_batches_tracked"):
        return torch.tensor(0)
    if key.endswith("running_var"):
        values = 1 + 0.1 * random.rand(*shape)
    elif key.endswith("running_mean"):
        values = 0.1 * random.randn(*shape)
    elif len(shape) == 1 and key.endswith("weight"):
        values = 0.5 + 0.1 * random.randn(*shape)
    elif len(shape) == 1:
        values = 0.02 * random.randn(*shape)
    else:
        values = random.randn(*shape) * math.sqrt(1 / math.prod(shape[1:]))
    return torch.from_numpy(np.asarray(values, dtype=np.float32))


def reference_stm(backbone: str) -> STM:
    """An STM with those weights, in evaluation mode."""
    stm = STM(backbone, pretrained=False)
    state = {from_reference(key): value for key, value in reference_state(backbone).items() if key not in CONSTANTS}
    stm.load_state_dict(state, strict=True)
    return stm.eval()


def planes(labels: np.ndarray[Any, Any], objects: int) -> Tensor:
    """Labels (H, W) as float planes (1, objects, H, W)."""
    return torch.from_numpy(np.stack([labels == index for index in range(1, objects + 1)])).float()[None]


def as_input(frame: np.ndarray[Any, Any]) -> Tensor:
    """A uint8 frame (H, W, 3) as the network takes it: float (1, 3, H, W) in [0, 1]."""
    return torch.from_numpy(frame).permute(2, 0, 1).float()[None] / 255


def write_frames(folder: Path, frames: list[np.ndarray[Any, Any]], suffix: str = ".png") -> Path:
    """Writes frames as 00000.png, 00001.png, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{number:05d}{suffix}")
    return folder


def write_labels(path: Path, labels: np.ndarray[Any, Any], mode: str = "P", palette: bytes | None = None) -> Path:
    """Writes labels as a palette or gray PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(labels)
    if mode == "P":
        image.putpalette(palette or DAVIS_PALETTE)
    image.save(path)
    return path


def read_labels(path: Path) -> np.ndarray[Any, Any]:
    with Image.open(path) as image:
        return np.array(image)


def draw_clip(
    frames: int, height: int, width: int, seed: int
) -> tuple[list[np.ndarray[Any, Any]], list[np.ndarray[Any, Any]]]:
    """Frames of three moving objects, uint8 (H, W, 3), and their masks, uint8 (H, W)."""
    video = make_video(frames, height, width, seed, objects=3)
    return list(video.frames), list(video.labels())


def write_data_set(
    root: Path, sequences: dict[str, tuple[list[np.ndarray[Any, Any]], list[np.ndarray[Any, Any]]]]
) -> Path:
    """A DAVIS-shaped data set with a split val of all sequences."""
    for name, (frames, labels) in sequences.items():
        write_frames(root / "JPEGImages" / "480p" / name, frames)
        for number, mask in enumerate(labels):
            write_labels(root / "Annotations" / "480p" / name / f"{number:05d}.png", mask)
    (root / "ImageSets" / "2022").mkdir(parents=True)
    (root / "ImageSets" / "2022" / "val.txt").write_text("\n".join(sequences))
    return root


def noise(*shape: int, seed: int = 0) -> Tensor:
    """Uniform in [0, 1)."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def changed(settings: S, **fields: object) -> S:
    """Settings with some fields changed, not validated."""
    return settings.model_copy(update=fields)
