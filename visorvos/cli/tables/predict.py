"""The result of ``visorvos predict``."""

from __future__ import annotations


def show(result: object) -> str:
    return str(result)
