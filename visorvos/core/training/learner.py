"""One training step, the same for one process and for several (Hugging Face accelerate)."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, InitProcessGroupKwargs
from accelerate.tracking import get_available_trackers
from accelerate.utils import LoggerType, ProjectConfiguration, gather_object
from torch import Tensor, nn

from visorvos.core.datasets.loader import Batch
from visorvos.core.network.stm import STM
from visorvos.core.runtime.processes import TIMEOUT, leave_at_exit
from visorvos.core.training.clip_loss import clip_loss
from visorvos.errors import VisorVosError, listed

__all__ = ["Learner", "StepResult", "start_accelerator"]


@dataclass(frozen=True)
class StepResult:
    """The result of an optimizer step, over all processes."""

    clips: int
    second: float
    """Loss of the second frame, summed over the clips."""
    third: float
    """Loss of the third frame, summed over the clips."""
    gradient: float
    """Norm of the summed gradient before it is clipped."""
    stop: bool
    """Whether a process was asked to stop."""


def start_accelerator(device: torch.device, output: Path | None = None, log_with: Sequence[str] = ()) -> Accelerator:
    """The processes of this run: one, or those that ``torchrun`` or ``accelerate launch`` started.

    Args:
        device: where to compute. Several processes get a GPU each unless it is the CPU.
        output: folder for the events of TensorBoard.
        log_with: trackers, "tensorboard" and "wandb".

    Raises:
        VisorVosError: for a tracker that is not installed.
    """
    for tracker in log_with:
        if LoggerType(tracker) not in get_available_trackers():
            raise VisorVosError(
                f"--log-with {tracker}: the package {tracker} is not installed.", f"pip install 'visorvos[{tracker}]'"
            )
    leave_at_exit()
    # Accelerate keeps one device per process for good, so it chooses only where there are several processes.
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    return Accelerator(
        cpu=several and device.type == "cpu",
        mixed_precision="no",
        log_with=list(log_with) or None,
        project_config=ProjectConfiguration(logging_dir=None if output is None else str(output / "tensorboard")),
        kwargs_handlers=[InitProcessGroupKwargs(timeout=TIMEOUT)],
    )


class _ClipLoss(nn.Module):
    """`clip_loss` as a module, so that processes can share its gradients."""

    def __init__(self, stm: STM, detach: bool, channels: int, bfloat16: bool) -> None:
        super().__init__()
        self.stm = stm
        self.detach = detach
        self.channels = channels
        self.is_mixed = bfloat16

    def forward(self, frames: Tensor, labels: Tensor) -> Tensor:
        with torch.autocast(frames.device.type, torch.bfloat16, enabled=self.is_mixed):
            return clip_loss(self.stm, frames, labels, self.detach, self.channels)


class Learner:
    """A network and its optimizer.

    Args:
        stm: the network, on any device.
        accelerator: the processes.
        device: where a single process computes.
        detach: see `clip_loss`.
        channels: see `clip_loss`.
        freeze_batch_norm: keep the statistics of the batch norms. Their scale and shift are trained either way.
        bfloat16: compute in mixed precision.
        weight_decay: decoupled weight decay (Loshchilov and Hutter 2019), relative to the learning rate; 0 is Adam.
        clip_gradient: maximum norm of a step's gradient, as a mean over its clips; 0 does not clip.
        compiled: compile the parts of the network.
    """

    def __init__(
        self,
        stm: STM,
        accelerator: Accelerator,
        device: torch.device,
        *,
        detach: bool,
        channels: int,
        freeze_batch_norm: bool,
        bfloat16: bool = False,
        weight_decay: float = 0.0,
        clip_gradient: float = 0.0,
        compiled: bool = False,
    ) -> None:
        self.accelerator = accelerator
        self.device = accelerator.device if accelerator.num_processes > 1 else device
        self.freeze_batch_norm = freeze_batch_norm
        self.clip_gradient = clip_gradient
        self.stm = stm.to(self.device)
        if self.device.type == "cuda":
            self.stm.to(memory_format=torch.channels_last)
        if compiled:
            for part in (stm.memory_encoder, stm.query_encoder, stm.decoder):
                part.compile()
        # As in the recipe: betas (0.9, 0.999), eps 1e-8. The learning rate is set at each step.
        self.optimizer = torch.optim.AdamW(stm.parameters(), lr=0.0, weight_decay=weight_decay, fused=True)
        # The gradients of 1x1 kernels have other strides than the buckets, with the same meaning.
        warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
        loss = _ClipLoss(stm, detach, channels, bfloat16)
        self.model = accelerator.prepare_model(loss, device_placement=False)

    def step(self, batches: Sequence[Batch], rate: float, seed: int, stop: bool = False) -> StepResult:
        """One optimizer step on the summed gradients of all processes' clips.

        Args:
            batches: this process's share of the clips.
            rate: the learning rate.
            seed: seed of the network's own randomness (dropout).
            stop: whether this process was asked to stop; the result says it to all processes.

        Raises:
            VisorVosError: if a clip's loss is not finite; names the clip. The weights stay as before.
        """
        self.train()
        torch.manual_seed(seed + self.accelerator.process_index)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        sums = torch.zeros(2, device=self.device)
        for number, batch in enumerate(batches):
            # Processes exchange gradients once per step.
            last = number == len(batches) - 1
            with nullcontext() if last else self.accelerator.no_sync(self.model):
                losses = self._losses(batch)
                # Summed over the clips of the step; between processes, gradients are averaged.
                self.accelerator.backward(losses.sum() * self.accelerator.num_processes)
                sums += losses.detach()
        clips = sum(0 if batch.idle else len(batch.names) for batch in batches)
        counts = torch.tensor([clips, stop], dtype=sums.dtype, device=sums.device)
        totals: Tensor = self.accelerator.reduce(torch.cat((sums, counts)), "sum")
        second, third, clips_seen, stops = totals.tolist()
        limit = self.clip_gradient * clips_seen if self.clip_gradient else math.inf
        norm = nn.utils.clip_grad_norm_(self.stm.parameters(), limit).item()
        if not all(map(math.isfinite, (second, third, norm))):
            raise self._diverged(batches)
        self.optimizer.step()
        return StepResult(round(clips_seen), second, third, norm, stops > 0)

    def train(self) -> None:
        """Sets the network to training, except frozen batch norms."""
        self.model.train()
        if self.freeze_batch_norm:
            for part in self.stm.modules():
                if isinstance(part, nn.BatchNorm2d):
                    part.eval()

    def state_dict(self) -> dict[str, Any]:
        """Weights and the optimizer's moments. Randomness needs no state: it follows from the seed of each step."""
        return {"network": self.stm.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores a `state_dict`."""
        self.stm.load_state_dict(state["network"])
        # The rate is set at each step; the other options are this run's own.
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state["optimizer"]["state"], "param_groups": groups})

    def _losses(self, batch: Batch) -> Tensor:
        """(2,): the sums over a batch's clips."""
        frames = batch.frames.to(self.device, non_blocking=True)
        labels = batch.labels.to(self.device, non_blocking=True)
        losses: Tensor = self.model(frames, labels) * (0 if batch.idle else len(batch.names))
        return losses

    def _diverged(self, batches: Sequence[Batch]) -> VisorVosError:
        """The error for a loss or gradient that is not finite: names the clips with such a loss, else all clips."""
        names = [name for batch in batches if not batch.idle for name in batch.names]
        bad = [name for batch in batches if not batch.idle for name in self._not_finite(batch)]
        bad, names = gather_object(bad), gather_object(names)
        what = f"The loss of {listed(bad, 3)}" if bad else f"The gradient of {listed(names, 3)}"
        return VisorVosError(
            f"{what} is not a finite number: training has diverged.",
            "Check the clip and its masks, resume from the last checkpoint (--resume), or start again with a lower "
            "--lr or with --clip-gradient.",
        )

    @torch.no_grad()
    def _not_finite(self, batch: Batch) -> list[str]:
        found = []
        for number, name in enumerate(batch.names):
            one = slice(number, number + 1)
            losses = clip_loss(self.stm, batch.frames[one].to(self.device), batch.labels[one].to(self.device))
            if not losses.isfinite().all():
                found.append(name)
        return found
