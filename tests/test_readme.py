"""Every command line of the README runs, in a folder laid out as the README says."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import zipfile
from functools import partial
from pathlib import Path

import av
import pytest

from tests.builders import draw_clip, reference_stm, write_frames, write_labels
from tests.coco_builders import annotation, picture, square, write_coco
from tests.conftest import Run
from tests.core.annotation.command import Command
from tests.visor_builders import Release
from visorvos import save_weights

pytestmark = pytest.mark.usefixtures("no_plot")

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

ELSEWHERE = ("visorvos demo --quick",)
"""Run by tests/core/jobs/test_demo.py."""
SHORTENED = {
    "pretrain": "--backbone resnet18 --no-pretrained --clips 1 --accumulate 1 --crop-size 64 --short-side 64 "
    "--evaluate-every 1",
    "predict": "--size 64",
    "evaluate": "--size 64",
    "finetune": "--clips 1 --accumulate 1 --crop-size 64 --short-side 64 --evaluate-every 0",
}
"""One clip instead of hundreds of thousands, and small frames."""


def command_lines() -> list[str]:
    """The lines of bash blocks that call visorvos, and the examples in the table of commands."""
    text = README.split("## Coming from")[0]
    blocks = "\n".join(re.findall(r"```bash\n(.*?)```", text, re.DOTALL)).replace("\\\n", " ")
    lines = [line.split("#")[0].strip() for line in blocks.splitlines()]
    examples = re.findall(r"^\| `.*\| `(visorvos [^`]+)` \|$", text, re.MULTILINE)
    found = [line for line in [*lines, *examples] if line.startswith("visorvos ")]
    return [line for line in dict.fromkeys(found) if line not in ELSEWHERE]


def test_every_command_has_a_line() -> None:
    from visorvos.cli.app import COMMANDS

    named = {line.split()[1] for line in [*command_lines(), *ELSEWHERE]}
    assert {command.name for command in COMMANDS} <= named | {"benchmark"}


def test_the_readme_takes_ten_minutes() -> None:
    assert len(README.split()) <= 1_800


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data that the README names."""
    root = tmp_path_factory.mktemp("readme")
    frames, labels = draw_clip(4, 48, 64, seed=1)
    write_frames(root / "judo" / "frames", frames, ".jpg")
    write_labels(root / "judo" / "masks" / "00000.png", labels[0])
    write_labels(root / "first.png", labels[0])
    with av.open(str(root / "clip.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    Release.tiny().write_zip(root, zipfile.ZIP_STORED)
    write_coco(root / "coco", [picture(1, 480, 640)], [annotation(1, 1, square(100, 100, 200))])
    stm = reference_stm("resnet50")
    for name in ("visor-resnet50", "coco-resnet50"):
        file = root / "cache" / "weights" / f"{name}.pth"
        file.parent.mkdir(parents=True, exist_ok=True)
        save_weights(stm, file)
        file.with_name(f"{file.name}.sha256").write_text(hashlib.sha256(file.read_bytes()).hexdigest())
    return root


@pytest.mark.parametrize("line", command_lines())
def test_the_line_runs(line: str, folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("VISORVOS_HOME", str(folder / "cache"))
    _, command, *arguments = shlex.split(line)
    if command == "annotate":
        annotate(arguments, folder)
        return
    for before in ("scores-before", "scores-after"):
        if before in arguments and not (folder / before).exists():
            data = ["--data", "data/VISOR_2022", "--predictions", "data/VISOR_2022/Annotations/480p"]
            assert run("evaluate", *data, "--output", before).code == 0
    if "--output" in arguments and command in ("pretrain", "finetune", "predict"):
        shutil.rmtree(folder / arguments[arguments.index("--output") + 1], ignore_errors=True)
    smaller = SHORTENED.get(command, "") if "--predictions" not in arguments else ""
    done = run(command, *arguments, *smaller.split())
    assert done.code == 0, done.err


def annotate(arguments: list[str], folder: Path) -> None:
    """Starts the server as a user would, asks for the session, and stops it with Ctrl-C."""
    home = {"VISORVOS_HOME": str(folder / "cache")}
    options = (*arguments, "--no-browser", "--port", "0")
    server = Command(folder, *options, environment=home, arrange=partial(os.chdir, folder))
    assert server.get_session()["frames"] == 4
    assert server.interrupt() == 0, server.log
