"""What the shell offers for an option when Tab is pressed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from typer import Context

from visorvos.errors import VisorVosError

__all__ = ["completion"]

_WEIGHTS = (".pth", ".safetensors")

Complete = Callable[[Context, str], list[str]]
"""Of the options read so far and what was typed of the value. Typer tells the two by these names."""


def completion(name: str, field: FieldInfo) -> Complete | None:
    """How an option is completed, or None where Typer does it by itself (choices, paths) or nothing can."""
    if get_origin(field.annotation) is tuple and get_origin(get_args(field.annotation)[0]) is Literal:
        choices = get_args(get_args(field.annotation)[0])
        return lambda ctx, incomplete: [choice for choice in choices if choice.startswith(incomplete)]
    return {"split": _splits, "weights": _weights}.get(name)


def _splits(ctx: Context, incomplete: str) -> list[str]:
    """The lists of the data set that --data names on the same line; by their last part where that tells them apart."""
    from visorvos.core.datasets.davis.layout import find_splits

    try:
        names = list(find_splits(Path(str(ctx.params.get("data")))))
    except VisorVosError:
        return []
    short = [Path(name).name for name in names]
    shown = [last if short.count(last) == 1 else name for name, last in zip(names, short, strict=True)]
    return [name for name in shown if name.startswith(incomplete)]


def _weights(ctx: Context, incomplete: str) -> list[str]:
    """Published weights, and checkpoints and folders that what was typed may go on to."""
    from visorvos.core.weights.registry import PUBLISHED

    folder, _, begun = incomplete.rpartition("/")
    place = Path(f"{folder}/" if folder or incomplete.startswith("/") else ".").expanduser()
    published = [name for name in PUBLISHED if name.startswith(incomplete)]
    try:
        entries = sorted(place.iterdir())
    except OSError:
        return published
    lead = f"{folder}/" if "/" in incomplete else ""
    return published + [
        f"{lead}{entry.name}{'/' if entry.is_dir() else ''}"
        for entry in entries
        if entry.name.startswith(begun)
        and (begun.startswith(".") or not entry.name.startswith("."))
        and (entry.is_dir() or entry.suffix in _WEIGHTS)
    ]
