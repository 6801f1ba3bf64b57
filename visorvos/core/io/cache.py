"""Where files go that can be made or fetched again."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

__all__ = ["HOME_VARIABLE", "cache_folder"]

HOME_VARIABLE = "VISORVOS_HOME"


def cache_folder() -> Path:
    """The folder that the environment variable ``VISORVOS_HOME`` names, else the platform's cache folder."""
    named = os.environ.get(HOME_VARIABLE)
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("visorvos", appauthor=False))
