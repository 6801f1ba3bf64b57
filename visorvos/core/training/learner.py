"""One training step, the same for one process and for several (Hugging Face accelerate)."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator, InitProcessGroupKwargs
from accelerate.tracking import get_available_trackers
from accelerate.utils import LoggerType, ProjectConfiguration, gather_object
from torch import Tensor, nn

from visorvos.core.datasets.loader import Batch
from visorvos.core.network.stm import STM
from visorvos.core.runtime.device import choose_device, choose_precision
from visorvos.core.runtime.processes import TIMEOUT, leave_at_exit
from visorvos.core.training.clip_loss import clip_loss
from visorvos.errors import VisorVosError, listed
from visorvos.settings.training import TrainingSettings


@dataclass(frozen=True)
class Stage:
    """The differences between the two stages of training, except their clips."""

    command: str
    detach: bool
    """Whether the soft prediction of frame 2 is cut from the graph."""
    channels: int
    """Channels of the loss, background included."""


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
    rate: float
    """The learning rate."""
    stop: bool
    """Whether a process was asked to stop."""


def start_accelerator(settings: TrainingSettings) -> Accelerator:
    """The processes of this run: one, or those that ``torchrun`` or ``accelerate launch`` started.

    Several processes get a GPU each unless the device is the CPU.

    Raises:
        VisorVosError: for a tracker that is not installed, or a device that this machine lacks.
    """
    for tracker in settings.log_with:
        if LoggerType(tracker) not in get_available_trackers():
            raise VisorVosError(
                f"--log-with {tracker}: the package {tracker} is not installed.", f"pip install 'visorvos[{tracker}]'"
            )
    leave_at_exit()
    # Accelerate keeps one device per process for good, so it chooses only where there are several processes.
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    return Accelerator(
        cpu=choose_device(settings.device).type == "cpu" and several,
        mixed_precision="no",
        log_with=list(settings.log_with) or None,
        project_config=ProjectConfiguration(logging_dir=str(settings.output / "tensorboard")),
        kwargs_handlers=[InitProcessGroupKwargs(timeout=TIMEOUT)],
    )


def learning_rate(settings: TrainingSettings, clips: int) -> float:
    """The rate of the step that begins after ``clips`` clips.

    It rises linearly, then is constant or falls to zero along half a cosine (Loshchilov and Hutter 2017).
    """
    if clips < settings.warm_up:
        return settings.lr * (clips + 1) / (settings.warm_up + 1)
    if settings.schedule == "constant":
        return settings.lr
    part = (clips - settings.warm_up) / max(settings.clips - settings.warm_up, 1)
    return settings.lr * (1 + math.cos(math.pi * part)) / 2


class _ClipLoss(nn.Module):
    """`clip_loss` as a module, so that processes can share its gradients."""

    def __init__(self, stm: STM, stage: Stage, bfloat16: bool) -> None:
        super().__init__()
        self.stm = stm
        self.stage = stage
        self.is_mixed = bfloat16

    def forward(self, frames: Tensor, labels: Tensor) -> Tensor:
        with torch.autocast(frames.device.type, torch.bfloat16, enabled=self.is_mixed):
            return clip_loss(self.stm, frames, labels, self.stage.detach, self.stage.channels)


class Learner:
    """A network and its optimizer.

    Args:
        stm: the network, on any device.
        accelerator: the processes.
        settings: the options of the panels "Optimization" and "Computing".
        stage: see `clip_loss`.
    """

    def __init__(self, stm: STM, accelerator: Accelerator, settings: TrainingSettings, stage: Stage) -> None:
        self.accelerator = accelerator
        several = accelerator.num_processes > 1
        self.device = accelerator.device if several else choose_device(settings.device)
        self.settings = settings
        self.stm = stm.to(self.device)
        if self.device.type == "cuda":
            self.stm.to(memory_format=torch.channels_last)
        if settings.compile:
            for part in (stm.memory_encoder, stm.query_encoder, stm.decoder):
                part.compile()
        # As in the recipe: betas (0.9, 0.999), eps 1e-8. The learning rate is set at each step.
        self.optimizer = torch.optim.AdamW(stm.parameters(), lr=0.0, weight_decay=settings.weight_decay, fused=True)
        # The gradients of 1x1 kernels have other strides than the buckets, with the same meaning.
        warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
        loss = _ClipLoss(stm, stage, choose_precision(settings.precision, self.device) == torch.bfloat16)
        self.model = accelerator.prepare_model(loss, device_placement=False)

    def step(self, batches: Sequence[Batch], seen: int, stop: bool = False) -> StepResult:
        """One optimizer step on the summed gradients of all processes' clips.

        Args:
            batches: this process's share of the clips.
            seen: clips seen before, on which the learning rate and the seed of the network's dropout depend.
            stop: whether this process was asked to stop; the result says it to all processes.

        Raises:
            VisorVosError: if a clip's loss is not finite; names its batch. The weights stay as before.
        """
        self.train()
        torch.manual_seed(self.settings.seed + seen + self.accelerator.process_index)
        rate = learning_rate(self.settings, seen)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        losses = []
        for number, batch in enumerate(batches):
            # Processes exchange gradients once per step.
            last = number == len(batches) - 1
            with nullcontext() if last else self.accelerator.no_sync(self.model):
                frames = batch.frames.to(self.device, non_blocking=True)
                labels = batch.labels.to(self.device, non_blocking=True)
                losses.append(self.model(frames, labels) * (0 if batch.idle else len(batch.names)))
                # Summed over the clips of the step; between processes, gradients are averaged.
                self.accelerator.backward(losses[-1].sum() * self.accelerator.num_processes)
                losses[-1] = losses[-1].detach()
        own_clips = sum(0 if batch.idle else len(batch.names) for batch in batches)
        sums = sum(losses, start=torch.zeros(2, device=self.device))
        totals: Tensor = self.accelerator.reduce(torch.cat((sums, sums.new_tensor([own_clips, stop]))), "sum")
        second, third, clips, stops = totals.tolist()
        limit = self.settings.clip_gradient * clips or math.inf
        norm = nn.utils.clip_grad_norm_(self.stm.parameters(), limit).item()
        if not all(map(math.isfinite, (second, third, norm))):
            raise self._diverged(batches, losses)
        self.optimizer.step()
        return StepResult(round(clips), second, third, norm, rate, stops > 0)

    def train(self) -> None:
        """Sets the network to training, except frozen batch norms. Their scale and shift are trained either way."""
        self.model.train()
        if self.settings.batch_norm == "frozen":
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

    def _diverged(self, batches: Sequence[Batch], losses: Sequence[Tensor]) -> VisorVosError:
        """The error for a loss or gradient that is not finite: names the batches with such a loss, else all clips."""
        own = [(batch.names, loss) for batch, loss in zip(batches, losses, strict=True) if not batch.idle]
        bad = gather_object([name for names, loss in own if not loss.isfinite().all() for name in names])
        all_names = gather_object([name for names, _ in own for name in names])
        what = f"The loss of {listed(bad, 8)}" if bad else f"The gradient of {listed(all_names, 3)}"
        return VisorVosError(
            f"{what} is not a finite number: training has diverged.",
            "Check the clip and its masks, resume from the last checkpoint (--resume), or start again with a lower "
            "--lr or with --clip-gradient.",
        )
