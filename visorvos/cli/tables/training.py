"""The result of ``visorvos pretrain`` and ``visorvos finetune``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

if TYPE_CHECKING:
    from visorvos.core.training.loop import Training

__all__ = ["show"]


def show(training: Training) -> str:
    """What was trained, and where it is."""
    output = escape(training.output)
    lines = [f"{training.clips:,} clips in {training.seconds / 3600:.2f} h, loss {training.loss:.3f}."]
    if training.j_and_f is None:
        lines.append(f"The weights are [bold]{output}/last.safetensors[/]; nothing was evaluated.")
    else:
        lines.append(
            f"The best weights are [bold]{output}/best.safetensors[/] (J&F {100 * training.j_and_f:.1f}), "
            f"the last {output}/last.safetensors."
        )
    lines.append(f"How it went: {output}/training.png, {output}/metrics.csv; tensorboard --logdir {output}")
    return "\n".join(lines)
