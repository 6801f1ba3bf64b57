"""The result of ``visorvos evaluate``."""

from __future__ import annotations


def show(result: object) -> str:
    return str(result)
