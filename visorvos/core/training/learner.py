"""One step of training: the same whether one process does it or several (Hugging Face accelerate)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator, InitProcessGroupKwargs
from accelerate.state import AcceleratorState
from accelerate.utils import gather_object
from torch import Tensor, nn

from visorvos.core.datasets.loader import Batch
from visorvos.core.network.stm import STM
from visorvos.core.runtime.process_group import PATIENCE, leave_at_exit
from visorvos.core.training.clip_loss import clip_loss
from visorvos.errors import VisorVosError, listed

__all__ = ["Learner", "StepResult", "start_accelerator"]


@dataclass(frozen=True)
class StepResult:
    """What a step of the optimizer found, over all processes."""

    clips: int
    second: float
    """Sum over the clips of the second frame's loss."""
    third: float
    gradient: float
    """Norm of the summed gradient, before it was clipped."""
    stop: bool
    """Whether a process was asked to stop."""


def start_accelerator(device: torch.device, *, bfloat16: bool) -> Accelerator:
    """The processes of this run, one or those that ``torchrun`` or ``accelerate launch`` started, and their devices.

    Args:
        device: "cpu", or any other for the GPU that is this process's.
        bfloat16: compute in mixed precision.
    """
    # Accelerate keeps one state for the whole process: what an earlier run chose here must not stay.
    AcceleratorState._reset_state(reset_partial_state=not torch.distributed.is_initialized())
    leave_at_exit()
    return Accelerator(
        cpu=device.type == "cpu",
        mixed_precision="bf16" if bfloat16 else "no",
        kwargs_handlers=[InitProcessGroupKwargs(timeout=PATIENCE)],
    )


class _ClipLoss(nn.Module):
    """`clip_loss` as a module, for gradients to be shared between processes."""

    def __init__(self, stm: STM, detach: bool, channels: int) -> None:
        super().__init__()
        self.stm = stm
        self.detach = detach
        self.channels = channels

    def forward(self, frames: Tensor, labels: Tensor) -> Tensor:
        return clip_loss(self.stm, frames, labels, self.detach, self.channels)


class Learner:
    """A network and its optimizer.

    Args:
        stm: the network, on any device.
        accelerator: the processes and their devices.
        detach: see `clip_loss`.
        channels: see `clip_loss`.
        freeze_batch_norm: keep the batch norms' statistics; their scale and shift are trained all the same.
        clip_gradient: the largest norm that a step's gradient, as a mean over its clips, may have.
        compiled: compile the network's parts.
    """

    def __init__(
        self,
        stm: STM,
        accelerator: Accelerator,
        *,
        detach: bool,
        channels: int,
        freeze_batch_norm: bool,
        clip_gradient: float | None = None,
        compiled: bool = False,
    ) -> None:
        self.accelerator = accelerator
        self.freeze_batch_norm = freeze_batch_norm
        self.clip_gradient = clip_gradient
        self.stm = stm.to(accelerator.device)
        if accelerator.device.type == "cuda":
            self.stm.to(memory_format=torch.channels_last)
        if compiled:
            for part in (stm.memory_encoder, stm.query_encoder, stm.decoder):
                part.compile()
        # Adam as in the recipe: betas (0.9, 0.999), eps 1e-8, no decay. The rate is set at each step.
        self.optimizer = torch.optim.Adam(stm.parameters(), lr=0.0, fused=True)
        # The gradients of 1x1 kernels come with strides that differ from the buckets', but mean the same.
        warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
        self.model = accelerator.prepare_model(_ClipLoss(stm, detach, channels))

    def step(self, batches: Sequence[Batch], rate: float, seed: int, stop: bool = False) -> StepResult:
        """One step of the optimizer on the summed gradients of all processes' clips.

        Args:
            batches: this process's share.
            rate: the learning rate.
            seed: of what is random in the network itself: dropout.
            stop: whether this process was asked to stop; all processes learn of it.

        Raises:
            VisorVosError: where a clip's loss is not finite, naming the clip; the weights are as before.
        """
        self.train()
        torch.manual_seed(seed + self.accelerator.process_index)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        sums = torch.zeros(2, device=self.accelerator.device)
        for number, batch in enumerate(batches):
            # Processes share their gradients once a step.
            last = number == len(batches) - 1
            with nullcontext() if last else self.accelerator.no_sync(self.model):
                losses = self._losses(batch)
                # Summed over the step's clips; between processes, gradients are averaged.
                self.accelerator.backward(losses.sum() * self.accelerator.num_processes)
                sums += losses.detach()
        clips = sum(0 if batch.idle else len(batch.names) for batch in batches)
        counts = torch.tensor([clips, stop], dtype=sums.dtype, device=sums.device)
        second, third, clips_seen, stops = self._summed(torch.cat((sums, counts))).tolist()
        norm = self._gradient_norm(clips_seen)
        if not all(map(math.isfinite, (second, third, norm))):
            raise self._diverged(batches)
        self.optimizer.step()
        return StepResult(round(clips_seen), second, third, norm, stops > 0)

    def train(self) -> None:
        """Sets the network to training, but for batch norms that are frozen."""
        self.model.train()
        if self.freeze_batch_norm:
            for part in self.stm.modules():
                if isinstance(part, nn.modules.batchnorm._BatchNorm):
                    part.eval()

    def state_dict(self) -> dict[str, Any]:
        """Weights and the optimizer's moments; what is random follows from the steps' seeds."""
        return {"network": self.stm.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from a `state_dict`."""
        self.stm.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])

    def _losses(self, batch: Batch) -> Tensor:
        """(2,): the sums over a batch's clips."""
        device = self.accelerator.device
        frames = batch.frames.to(device, non_blocking=True)
        labels = batch.labels.to(device, non_blocking=True)
        losses: Tensor = self.model(frames, labels) * (0 if batch.idle else len(batch.names))
        return losses

    def _summed(self, values: Tensor) -> Tensor:
        summed: Tensor = self.accelerator.reduce(values, "sum")
        return summed

    def _gradient_norm(self, clips: float) -> float:
        """The norm of the step's gradient, which is cut to the limit."""
        limit = math.inf if self.clip_gradient is None else self.clip_gradient * clips
        return nn.utils.clip_grad_norm_(self.stm.parameters(), limit).item()

    def _diverged(self, batches: Sequence[Batch]) -> VisorVosError:
        """What to say where a loss or gradient is not finite: the clips whose loss it is, else all of the step."""
        names = [name for batch in batches if not batch.idle for name in batch.names]
        bad = [name for batch in batches if not batch.idle for name in self._not_finite(batch)]
        bad, names = gather_object(bad), gather_object(names)
        what = f"The loss of {listed(bad, 3)}" if bad else f"The gradient of {listed(names, 3)}"
        return VisorVosError(
            f"{what} is not a finite number: training has diverged.",
            "Look at the clip and its masks; else go on from the last checkpoint (--resume) "
            "or start over with a lower --learning-rate.",
        )

    @torch.no_grad()
    def _not_finite(self, batch: Batch) -> list[str]:
        device = self.accelerator.device
        found = []
        for number, name in enumerate(batch.names):
            one = slice(number, number + 1)
            losses = clip_loss(self.stm, batch.frames[one].to(device), batch.labels[one].to(device))
            if not losses.isfinite().all():
                found.append(name)
        return found
