"""Every command line of the README runs, in a folder laid out as the README says."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.builders import draw_clip, reference_stm, write_data_set, write_frames, write_labels
from tests.coco_builders import write_coco
from tests.conftest import Run
from tests.visor_builders import RELEASE, Release
from visorvos import save_weights
from visorvos.core.io.video import written_video

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

ELSEWHERE = {
    "visorvos demo": "the README's first command, run by hand and in tests/core/jobs/test_demo.py",
    "visorvos demo --quick": "tests/core/jobs/test_demo.py",
}
SHORTENED = {
    "pretrain": "--backbone resnet18 --no-pretrained --clips 1 --accumulate 1 --crop-size 64 --evaluate-every 0",
    "finetune": "--clips 1 --accumulate 1 --crop-size 64 --evaluate-every 0",
}
"""A few clips in place of hundreds of thousands."""


def command_lines() -> list[str]:
    """The lines of bash blocks and the examples of the table of commands, without comments."""
    blocks = "\n".join(re.findall(r"```bash\n(.*?)```", README, re.DOTALL)).replace("\\\n", " ")
    lines = [line.split("#")[0].strip() for line in blocks.splitlines()]
    rows = re.findall(r"^\| `[a-z-]+`.*\| `(visorvos [^`]+)` \|$", README, re.MULTILINE)
    return list(dict.fromkeys(line for line in [*lines, *rows] if line.startswith(("visorvos ", "torchrun "))))


def test_the_lines_are_found() -> None:
    assert len(command_lines()) >= 15


def test_the_readme_takes_ten_minutes() -> None:
    assert len(README.split()) <= 1_800


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data that the README names."""
    root = tmp_path_factory.mktemp("readme")
    frames, labels = draw_clip(4, 48, 64, seed=1)
    write_frames(root / "judo" / "frames", frames)
    write_labels(root / "judo" / "masks" / "00000.png", labels[0])
    write_labels(root / "first.png", labels[0])
    with written_video(root / "clip.mp4", 24) as video:
        for frame in frames:
            video.write(frame)
    Release.tiny().write_zip(root, zipfile.ZIP_STORED)
    write_coco(root / "coco")
    names = ("P01_01_seq_00001",)
    for run in ("scores-before", "scores-after"):
        write_data_set(root / "own", {name: (frames, labels) for name in names})
        shutil.move(root / "own" / "Annotations" / "480p", root / run)
        shutil.rmtree(root / "own")
    cache = root / "cache" / "weights"
    cache.mkdir(parents=True)
    stm = reference_stm("resnet50")
    for name in ("visor-resnet50", "coco-resnet50"):
        save_weights(stm, cache / f"{name}.pth")
    return root
