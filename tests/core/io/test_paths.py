from __future__ import annotations

import sys
from pathlib import Path

import pytest

from visorvos.core.io.paths import cache_folder


def test_the_environment_names_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VISORVOS_HOME", str(tmp_path / "here"))
    assert cache_folder() == tmp_path / "here"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("VISORVOS_HOME", "~/there")
    assert cache_folder() == tmp_path / "there"


@pytest.mark.skipif(sys.platform != "linux", reason="other platforms keep caches elsewhere")
def test_else_it_is_the_platforms(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("VISORVOS_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "visorvos"
