"""Checks of a state dictionary before it is loaded into the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from visorvos.errors import VisorVosError, listed

__all__ = ["checked_state"]


def checked_state(
    state: Mapping[str, Tensor], expected: Mapping[str, Tensor], source: str, shown: Callable[[str], str] = str
) -> dict[str, Tensor]:
    """Checks a state dictionary against the network's, name by name and shape by shape.

    Args:
        state: tensors by the network's own names.
        expected: the network's state dictionary; only names, shapes and dtypes are used.
        source: the network and where the tensors come from, for errors.
        shown: from a name of `expected` to the name in the file.

    Returns:
        Copies of the tensors in the network's dtypes: later changes of the file do not reach them.

    Raises:
        VisorVosError: if tensors are missing, unknown, of another shape, or hold values that are not finite.
    """

    def names(found: list[str]) -> str:
        return listed([shown(name) if name in expected else name for name in found], 20)

    # Frozen batch norms do not use this counter, and PyTorch 0.4 did not write it.
    counters = {name: torch.zeros_like(t, device="cpu") for name, t in expected.items() if name.endswith("_tracked")}
    state = {**counters, **state}
    missing = [name for name in expected if name not in state]
    unknown = [name for name in state if name not in expected]
    misshapen = [name for name in expected if name in state and state[name].shape != expected[name].shape]
    faults = []
    if missing:
        faults.append(f"{len(missing)} missing ({names(missing)})")
    if unknown:
        faults.append(f"{len(unknown)} unknown ({names(unknown)})")
    faults += [
        f"{names([name])} must have shape {tuple(expected[name].shape)}, got {tuple(state[name].shape)}"
        for name in misshapen[:20]
    ]
    if faults:
        raise VisorVosError(
            f"The tensors do not fit {source}: {'; '.join(faults)}.",
            "Give a checkpoint of the VISOR-VOS reference implementation or of visorvos.",
        )
    copies = {name: tensor.detach().to(expected[name].dtype, copy=True) for name, tensor in state.items()}
    # A sum is finite only if its terms are, and takes a tenth of the time.
    broken = [name for name, value in copies.items() if not (value.sum().isfinite() or value.isfinite().all())]
    if broken:
        raise VisorVosError(
            f"The tensors for {source} hold values that are not finite: {names(broken)}.",
            "The training run that wrote them diverged; use an earlier checkpoint.",
        )
    return copies
