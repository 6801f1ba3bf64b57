"""Even spreads over a sequence."""

from __future__ import annotations


def evenly(length: int, count: int) -> list[int]:
    """Up to ``count`` ascending indices below ``length``, evenly apart, with the first and, from two on, the last."""
    count = min(length, count)
    return [round(step * (length - 1) / max(1, count - 1)) for step in range(count)]
