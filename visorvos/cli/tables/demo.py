"""The result of ``visorvos demo``."""

from __future__ import annotations


def show(result: object) -> str:
    return str(result)
