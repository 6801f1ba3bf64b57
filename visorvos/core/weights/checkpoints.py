"""Weights of the network on disk: published checkpoints and our own files."""

from __future__ import annotations

import io
import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from visorvos.core.io.atomic import write_file
from visorvos.core.network.backbones import BACKBONES, find_backbone
from visorvos.core.network.encoders import IMAGENET_MEAN, IMAGENET_STD
from visorvos.core.network.stm import STM
from visorvos.core.weights.reference_names import CONSTANTS, from_reference, is_reference, to_reference
from visorvos.errors import VisorVosError, listed


def read_checkpoint(path: Path) -> STM:
    """Reads a published checkpoint (the reference's names) or one of ours.

    Files of ours name their backbone; that of others follows from their keys. Every name and shape is checked, and
    pickles are never executed.

    Args:
        path: a file written by torch or by safetensors; the content decides which.

    Returns:
        The network in evaluation mode, float32, on the CPU.

    Raises:
        VisorVosError: if the file is missing, damaged, or not the weights of an STM.
    """
    state, backbone = _read(path)
    if is_reference(state):
        state = {from_reference(name): tensor for name, tensor in state.items()}
        _remove_constants(state, path)
    remedy = "Give a checkpoint of the VISOR-VOS reference implementation or of visorvos."
    if not any(name.startswith("query_encoder.") for name in state):
        first = ", ".join(list(state)[:3])
        raise VisorVosError(f"The weights {path} must be those of a Space-Time Memory network, got {first}.", remedy)
    backbone = backbone or find_backbone(state)
    if backbone is None or backbone not in BACKBONES:
        found = f"the backbone {backbone}" if backbone else "an encoder with other residual blocks, or incomplete"
        raise VisorVosError(f"The weights {path} must be for {', '.join(BACKBONES)}, got {found}.", remedy)
    return STM.from_state(state, backbone, str(path))


def save_weights(stm: STM, path: str | Path) -> None:
    """Writes weights, whole or not at all.

    Args:
        stm: the network.
        path: ``.safetensors`` for our own form; ``.pth`` for the reference's, with its names and the prefix ``module.``
            that published checkpoints have.

    Raises:
        VisorVosError: for another suffix, or if the file cannot be written.
    """
    path = Path(path)
    if path.suffix == ".safetensors":
        write_file(path, stm.to_safetensors())
    elif path.suffix == ".pth":
        state = {to_reference(name): tensor for name, tensor in stm.state_dict().items()}
        state |= {name: _constant(name) for name in CONSTANTS}
        content = io.BytesIO()
        torch.save({f"module.{name}": tensor.detach().cpu().contiguous() for name, tensor in state.items()}, content)
        write_file(path, content.getvalue())
    else:
        raise VisorVosError(
            f"The suffix of weights must be .safetensors or .pth, got {path}.",
            "Use .safetensors, or .pth for the reference implementation's form.",
        )


def _read(path: Path) -> tuple[dict[str, Tensor], str | None]:
    """The tensors of a file under the names they have there, and the backbone if the file names it."""
    if not path.is_file() or path.stat().st_size == 0:
        what = "is empty" if path.is_file() else "is a folder" if path.is_dir() else "is not a regular file"
        what = what if path.exists() else "does not exist"
        raise VisorVosError(f"The weights {path}: the file {what}.", "Give the path of a .pth or .safetensors file.")
    backbone = None
    try:
        with path.open("rb") as file:
            is_safetensors = file.read(9)[8:] == b"{"  # the length of a JSON header, and the header
        # Tensors are views of the file until they are checked: a false size takes no memory.
        if is_safetensors:
            with safe_open(path, "pt") as opened:
                backbone = (opened.metadata() or {}).get("backbone")
                content: object = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        else:
            is_zip = zipfile.is_zipfile(path)
            # Torch stores without compression; a small compressed part could take all memory.
            if is_zip and any(info.compress_type != zipfile.ZIP_STORED for info in zipfile.ZipFile(path).infolist()):
                raise ValueError("it has compressed parts, which torch does not write")
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    except Exception as error:  # a damaged pickle can make even the restricted unpickler raise anything
        raise VisorVosError(
            f"The weights {path} cannot be read: {_reason(error)}.",
            "The file is damaged, is not a checkpoint, or holds more than tensors; download or copy it again.",
        ) from error
    remedy = "Give a file that holds only the network's state dictionary."
    if not isinstance(content, Mapping) or not content:
        raise VisorVosError(f"The weights {path} must hold tensors by name, got a {type(content).__name__}.", remedy)
    others = [str(name) for name, value in content.items() if not _is_plain(value)]
    if others:
        raise VisorVosError(
            f"The weights {path} must hold only plain tensors, got other entries: {listed(others, 20)}.", remedy
        )
    return {str(name): tensor for name, tensor in content.items()}, backbone


def _reason(error: Exception) -> str:
    if isinstance(error, pickle.UnpicklingError):
        # Torch's own text recommends to switch its protection off.
        return "it is not a pickle that holds only tensors"
    if isinstance(error, SafetensorError):
        return "it is not a complete safetensors file"
    if "PytorchStreamReader" in str(error):
        return "it is not a complete zip archive of torch"
    first_sentence = re.split(r"\.?\s*\n|\.\s", str(error).strip())[0].rstrip(".")
    return first_sentence or type(error).__name__


def _is_plain(value: object) -> bool:
    """Whether a value is a tensor with data, neither sparse nor quantized."""
    return isinstance(value, Tensor) and value.layout == torch.strided and not (value.is_meta or value.is_quantized)


def _constant(name: str) -> Tensor:
    """A buffer of the reference, such as ``Encoder_M.mean``: float32 (1, 3, 1, 1)."""
    return torch.tensor(IMAGENET_MEAN if name.endswith(".mean") else IMAGENET_STD).view(1, 3, 1, 1) / 1000


def _remove_constants(state: dict[str, Tensor], path: Path) -> None:
    """Removes the reference's normalization buffers after checking that they are ImageNet's, which are built in."""
    for name in CONSTANTS:
        found, own = state.pop(name, None), _constant(name)
        # A checkpoint in half precision holds them rounded.
        if found is not None and not (found.shape == own.shape and torch.allclose(found.float(), own, atol=2e-3)):
            raise VisorVosError(
                f"The weights {path} normalize frames with other values than ImageNet's ({name}).",
                "This network was trained on frames of another range and cannot be used here.",
            )
