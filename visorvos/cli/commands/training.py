"""``visorvos pretrain`` and ``visorvos finetune``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from visorvos.cli.command import command
from visorvos.core.runtime.progress import Progress
from visorvos.settings.finetune import FinetuneSettings
from visorvos.settings.pretrain import PretrainSettings

if TYPE_CHECKING:
    from visorvos.core.training.loop import Training


def show(training: Training) -> str:
    """What was trained, and where it is."""
    output = escape(training.output)
    lines = [f"{training.clips:,} clips in {training.seconds / 3600:.2f} h, loss {training.loss:.3f}."]
    if training.j_and_f is None:
        lines.append(f"Weights: [bold]{output}/last.safetensors[/]; nothing was evaluated.")
    else:
        lines.append(
            f"Best weights: [bold]{output}/best.safetensors[/] (J&F {100 * training.j_and_f:.1f}); "
            f"last weights: {output}/last.safetensors."
        )
    lines.append(f"Losses and scores: {output}/training.png, {output}/metrics.csv")
    return "\n".join(lines)


@command(PretrainSettings, show, "visorvos pretrain --coco coco --output stage1 --validate-on data/VISOR_2022")
def pretrain(settings: PretrainSettings, progress: Progress) -> Training:
    from visorvos.core.jobs.pretrain import pretrain

    return pretrain(settings, progress)


@command(FinetuneSettings, show, "visorvos finetune --data VISOR_2022 --weights stage1/best.safetensors --output run")
def finetune(settings: FinetuneSettings, progress: Progress) -> Training:
    from visorvos.core.jobs.finetune import finetune

    return finetune(settings, progress)
