"""Weights of the network on disk: published checkpoints and our own."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from visorvos.core.io.atomic import write_file
from visorvos.core.network.stm import STM
from visorvos.core.weights.reference_names import CONSTANTS, from_reference, is_reference, to_reference
from visorvos.core.weights.torch_archive import MOST_BYTES, is_archive
from visorvos.errors import VisorVosError, listed

__all__ = ["load_weights", "save_weights"]

_LISTED = 20


def load_weights(path: str | Path) -> STM:
    """Reads a published checkpoint (``.pth``, the reference's names) or one of ours (``.safetensors``).

    The backbone is read off the tensors. Every name and shape is checked, and pickles are never executed.

    Args:
        path: the file.

    Returns:
        The network in evaluation mode, float32, on the CPU.

    Raises:
        VisorVosError: where the file is missing, broken, or not the weights of an STM.
    """
    path = Path(path)
    state = _read(path)
    reference = is_reference(state)
    if reference:
        state = _renamed(state, path)
    backbone = _backbone(state, path)
    with torch.device("meta"):
        stm = STM(backbone, pretrained=False)
    if reference:
        _take_constants(state, stm, path)
    expected = stm.state_dict()
    _check(state, expected, path, backbone, reference)
    stm.load_state_dict(state, assign=True)
    return stm.eval()


def save_weights(stm: STM, path: str | Path) -> None:
    """Writes weights, whole or not at all.

    Args:
        stm: the network.
        path: ``.safetensors`` for our own form; ``.pth`` for the
            reference's, with its names and the ``module.`` that published checkpoints carry.

    Raises:
        VisorVosError: for another suffix, or where the file cannot be written.
    """
    path = Path(path)
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in stm.state_dict().items()}
    if path.suffix == ".safetensors":
        # One entry alone: of several, the order would differ from file to file, and so the checksum.
        write_file(path, save(state, metadata={"format": "pt"}))
    elif path.suffix == ".pth":
        theirs = {f"module.{to_reference(name)}": tensor for name, tensor in state.items()}
        theirs |= {f"module.{name}": _constant(name, stm) for name in CONSTANTS}
        # By way of memory: torch tells of a full disk in words of its own.
        content = io.BytesIO()
        torch.save(theirs, content)
        write_file(path, content.getvalue())
    else:
        raise VisorVosError(
            f"Weights cannot be saved as {path}: the suffix {path.suffix!r} is unknown.",
            "Use .safetensors, or .pth for the reference implementation's form.",
        )


def _read(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, under the names they have there."""
    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "does not exist"
        raise VisorVosError(f"The weights {path}: this {what}.", "Give the path of a .pth or .safetensors file.")
    if path.stat().st_size == 0:
        raise VisorVosError(f"The weights {path}: the file is empty.", "Download or copy it again.")
    if path.stat().st_size > MOST_BYTES:
        raise VisorVosError(
            f"The weights {path} have {path.stat().st_size:,} bytes, more than can be meant.", "Check the file."
        )
    try:
        # Tensors are views of the file until they are checked: sizes that are not true take no memory.
        if path.suffix == ".safetensors":
            content: object = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=is_archive(path))
    except Exception as error:  # a broken pickle can make even the restricted unpickler raise anything
        raise VisorVosError(
            f"The weights {path} cannot be read: {_reason(error)}.",
            "The file is damaged, is no checkpoint, or holds more than tensors; get it anew from its source.",
        ) from error
    if not isinstance(content, Mapping) or not content:
        raise VisorVosError(
            f"The weights {path} hold a {type(content).__name__}, not tensors by name.",
            "Give a file that holds the network's state dictionary.",
        )
    others = [str(name) for name, value in content.items() if not _is_plain(value)]
    if others:
        raise VisorVosError(
            f"The weights {path} hold entries that are not plain tensors: {listed(others, _LISTED)}.",
            "Give a file that holds the network's state dictionary alone.",
        )
    return {str(name): tensor for name, tensor in content.items()}


def _reason(error: Exception) -> str:
    if isinstance(error, pickle.UnpicklingError):
        # Torch's own words advise to switch its protection off.
        return "it is no pickle of tensors alone"
    text = str(error).strip()
    return text.splitlines()[0].rstrip(".") if text else type(error).__name__


def _is_plain(value: object) -> bool:
    """Whether it is a tensor with values, neither sparse nor quantized."""
    return isinstance(value, Tensor) and value.layout == torch.strided and not (value.is_meta or value.is_quantized)


def _constant(name: str, stm: STM) -> Tensor:
    """A buffer of the reference, such as ``Encoder_M.mean``: float32 (1, 3, 1, 1)."""
    encoder = stm.memory_encoder if name.startswith("Encoder_M.") else stm.query_encoder
    return (encoder.mean if name.endswith(".mean") else encoder.std).cpu()


def _take_constants(state: dict[str, Tensor], stm: STM, path: Path) -> None:
    """Removes the reference's normalization buffers, having seen that they are the ones built in here."""
    for name in CONSTANTS:
        found = state.pop(name, None)
        own = _constant(name, stm)
        # A checkpoint in half precision holds them rounded.
        if found is not None and not (found.shape == own.shape and torch.allclose(found.float(), own, atol=2e-3)):
            raise VisorVosError(
                f"The weights {path} normalize frames by other values than ImageNet's ({name}).",
                "This network was trained for frames of another range and cannot be used here.",
            )


def _renamed(state: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Tensors of the reference under our names."""
    ours = {from_reference(name): tensor for name, tensor in state.items()}
    if len(ours) < len(state):
        raise VisorVosError(
            f"The weights {path} hold some tensors twice, with and without the prefix module.",
            "Give a file that holds each once.",
        )
    return ours


def _backbone(state: dict[str, Tensor], path: Path) -> str:
    """The backbone, told by the parts that only one of them has."""
    if not any(name.startswith("query_encoder.") for name in state):
        raise VisorVosError(
            f"The weights {path} are not those of a Space-Time Memory network: "
            f"their first tensors are {', '.join(list(state)[:3])}.",
            "Give a checkpoint of the VISOR-VOS reference implementation or of visorvos.",
        )
    if "decoder.context.merge.weight" in state:
        return "resnest101"
    # ResNet-50's blocks have three convolutions, ResNet-18's two.
    return "resnet50" if any(".conv3." in name for name in state) else "resnet18"


def _check(state: dict[str, Tensor], expected: dict[str, Tensor], path: Path, backbone: str, reference: bool) -> None:
    """Refuses a state that is not, name by name and shape by shape, that of the network; brings it to its types."""

    def shown(names: list[str]) -> str:
        return listed([to_reference(n) if reference and n in expected else n for n in names], _LISTED)

    missing = [name for name in expected if name not in state]
    surplus = [name for name in state if name not in expected]
    misshapen = [name for name in expected if name in state and state[name].shape != expected[name].shape]
    faults = []
    if missing:
        faults.append(f"{len(missing)} missing ({shown(missing)})")
    if surplus:
        faults.append(f"{len(surplus)} too many ({shown(surplus)})")
    for name in misshapen[:_LISTED]:
        found, wanted = tuple(state[name].shape), tuple(expected[name].shape)
        faults.append(f"{shown([name])} has shape {found} in place of {wanted}")
    if faults:
        raise VisorVosError(
            f"The weights {path} do not fit an STM with {backbone}: {'; '.join(faults)}.",
            "Give a checkpoint of the VISOR-VOS reference implementation or of visorvos.",
        )
    for name, tensor in state.items():
        # A copy: nothing may happen to the weights when the file is replaced or cut.
        state[name] = tensor.detach().to(expected[name].dtype, copy=True)
    # A sum is finite only of finite numbers, and takes a tenth of the time to make.
    broken = [name for name, value in state.items() if not (value.sum().isfinite() or value.isfinite().all())]
    if broken:
        raise VisorVosError(
            f"The weights {path} hold values that are not finite: {shown(broken)}.",
            "The training that wrote them had diverged; use an earlier checkpoint.",
        )
