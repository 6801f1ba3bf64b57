"""What the shell offers on Tab, asked as bash asks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def offered(line: str, folder: Path) -> list[str]:
    words = line.split(" ")
    environment = {
        **os.environ,
        "_VISORVOS_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "HOME": str(folder),
        "COMP_CWORD": str(len(words) - 1),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    code = "import sys; from visorvos.cli.app import main; sys.argv = ['visorvos']; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=folder, check=False
    )
    return done.stdout.split()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "runs" / "one").mkdir(parents=True)
    for name in ("stm.pth", "runs/best.safetensors", "runs/notes.txt", ".hidden.pth"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("visorvos evaluate --weights ", ["coco-resnet50", "visor-resnet50", "data/", "runs/", "stm.pth"]),
        ("visorvos finetune --weights v", ["visor-resnet50"]),
        ("visorvos predict f --weights runs/", ["runs/best.safetensors", "runs/one/"]),
        ("visorvos predict f --weights runs/b", ["runs/best.safetensors"]),
        ("visorvos predict f --weights ./runs/", ["./runs/best.safetensors", "./runs/one/"]),
        ("visorvos predict f --weights ~/s", ["~/stm.pth"]),
        ("visorvos predict f --device c", ["cpu", "cuda"]),
        ("visorvos predict f --save o", ["overlay"]),
        ("visorvos prepare --split ", ["train", "val"]),
        ("visorvos config ex", ["export"]),
        ("visorvos eval", ["evaluate"]),
    ],
)
def test_completion(folder: Path, line: str, expected: list[str]) -> None:
    assert sorted(offered(line, folder)) == sorted(expected)
