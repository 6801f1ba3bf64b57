"""What a user reads after a typical mistake, as one file to read from top to bottom: ``messages.txt``.

After sentences have changed on purpose, write the file again and read the difference::

    VISORVOS_WRITE_MESSAGES=1 python -m pytest -n0 tests/cli/test_messages.py
    git diff tests/cli/messages.txt
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.builders import draw_clip, write_data_set, write_frames, write_labels
from tests.conftest import Run
from visorvos.core.network.backbones import BACKBONES

SNAPSHOT = Path(__file__).with_name("messages.txt")

MISTAKES = """
# The command line
visorvos predct
visorvos predict frames more
visorvos predict frames --quik
visorvos finetune --lrr 1e-4
visorvos finetune --data data --output
visorvos demo --quick=3
visorvos finetune --data data --output out --lr 1e-4 --learning-rate 1e-5
visorvos config
visorvos config predcit

# Config files
visorvos finetune --config nowhere.yaml
visorvos finetune --config unknown.yaml --data data --output out
visorvos finetune --config section.yaml --data data --output out
visorvos finetune --config values.yaml --data data --output out
visorvos finetune --config kinds.yaml --data data --output out
visorvos finetune --config list.yaml --data data --output out
visorvos finetune --config broken.yaml --data data --output out
visorvos finetune --config frames/00000.png --data data --output out

# predict
visorvos predict
visorvos predict nowhere --masks first.png --weights w.safetensors --output out
visorvos predict empty --masks first.png --weights w.safetensors --output out
visorvos predict notes.txt --masks first.png --weights w.safetensors --output out
visorvos predict frames --masks nowhere.png --weights w.safetensors --output out
visorvos predict frames --masks blank.png --weights w.safetensors --output out
visorvos predict frames --masks small.png --weights w.safetensors --output out
visorvos predict frames --masks photo.png --weights w.safetensors --output out
visorvos predict frames --masks notes.txt --weights w.safetensors --output out
visorvos predict frames --masks strangers --weights w.safetensors --output out
visorvos predict frames --masks first.png --weights nowhere.pth --output out
visorvos predict frames --masks first.png --weights visor-resnet5 --output out
visorvos predict frames --masks first.png --weights notes.pth --output out
visorvos predict frames --masks first.png --weights broken.safetensors --output out
visorvos predict frames --masks first.png --weights broken.zip --output out
visorvos predict frames --masks first.png --weights w.safetensors --output frames
visorvos predict frames --masks first.png --weights w.safetensors --output notes.txt
visorvos predict frames --masks first.png --weights w.safetensors --output out --device cuda
visorvos predict frames --masks first.png --weights w.safetensors --output out --device gpu
visorvos predict frames --masks first.png --weights w.safetensors --output out --mem-every 0 --size 3 --opacity 2
visorvos predict frames --masks first.png --weights w.safetensors --output out --save gif --colors pink --limit few
visorvos predict frames --masks first.png --weights w.safetensors --output out --names nowhere.json
visorvos predict frames --masks first.png --weights w.safetensors --output out --names notes.txt
visorvos predict frames --masks first.png --weights w.safetensors --output out --names keys.json

# evaluate
visorvos evaluate --data data
visorvos evaluate --data data --weights w.safetensors --predictions masks
visorvos evaluate --data nowhere --predictions masks
visorvos evaluate --data empty --predictions masks
visorvos evaluate --data data --split vall --predictions masks
visorvos evaluate --data data --predictions nowhere
visorvos evaluate --data data --predictions empty
visorvos evaluate --data data --predictions fewer
visorvos evaluate --data data --predictions smaller
visorvos evaluate --data data --predictions masks --protocol voc

# prepare
visorvos prepare
visorvos prepare --release release.zip --output out
visorvos prepare --release empty --output out
visorvos prepare --release notes.txt --output out
visorvos prepare --annotations empty --output out
visorvos prepare --annotations empty --images empty --output out
visorvos prepare --annotations json --images empty --output out
visorvos prepare --release empty --output out --split test --num-workers -1

# pretrain and finetune
visorvos pretrain --output out
visorvos pretrain --coco nowhere --output out
visorvos pretrain --coco empty --output out
visorvos finetune --data nowhere --output out
visorvos finetune --data data --output out --split trian
visorvos finetune --data data --output out --backbone resnet51 --clips 0 --lr zero --crop-size 100 --schedule linear
visorvos finetune --data data --output run --weights w.safetensors
visorvos finetune --data data --output out --weights nowhere.pth
visorvos finetune --data data --output out --weights w.safetensors --backbone resnet50

# compare
visorvos compare scores
visorvos compare nowhere empty
visorvos compare data masks --output page.txt

# export
visorvos export
visorvos export masks
visorvos export masks --mapping nowhere.json --output val.json
visorvos export nowhere --mapping names.json
visorvos export masks --mapping notes.txt
visorvos export --check nowhere.zip
visorvos export --check notes.txt

# download-weights
visorvos download-weights
visorvos download-weights visor-resnet5
visorvos download-weights hf://name

# preview
visorvos preview
visorvos preview --data data --output page.gif
visorvos preview --coco empty
visorvos preview --data data --split val --frames 0 --width wide
visorvos preview --data data --split val --sequence nowhere

# demo, benchmark, annotate
visorvos demo --device cuda
visorvos demo --seed -1
visorvos benchmark --only speed --objects 0 --repeats 0
visorvos annotate
visorvos annotate nowhere --output session
visorvos annotate frames --output session --port 99999
"""

_FOREIGN = re.compile(
    "Traceback|Unexpected error|Value error|PosixPath|unicode string|Input should|Errno|unable to parse|StreamReader|"
    "deserializing|Invalid data|File is not"
)


@pytest.fixture
def world(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the command lines name, as the working directory."""
    frames, masks = draw_clip(4, 48, 64, seed=5)
    write_frames(tmp_path / "frames", frames)
    write_data_set(tmp_path / "data", {"cup": (frames, masks)})
    (tmp_path / "data" / "ImageSets" / "2022" / "train.txt").write_text("cup")
    for name, size in (("masks", (64, 48)), ("smaller", (32, 24)), ("fewer", (64, 48)), ("strangers", (64, 48))):
        for number in range(4 if name != "fewer" else 2):
            path = tmp_path / name / "cup" / f"{number:05d}.png"
            if name == "strangers":
                path = tmp_path / name / f"clip_{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(masks[number]).resize(size).save(path)
    write_labels(tmp_path / "first.png", masks[0])
    write_labels(tmp_path / "blank.png", 0 * masks[0])
    write_labels(tmp_path / "small.png", masks[0][:24, :32])
    Image.fromarray(frames[0]).save(tmp_path / "photo.png")
    files = {
        "notes.txt": "To do: train.",
        "notes.pth": "To do: train.",
        "names.json": '{"cup": {"1": "cup", "2": "hand", "3": "lid"}}',
        "json/val/P01_01.json": '{"video": ',
        "unknown.yaml": "learning-rate: 1e-4\nlrr: 1",
        "section.yaml": "augmentation: {rotatoin: 3, shear: 90}",
        "values.yaml": "lr: fast\nclips: -3\nresume: maybe\nmax_objects: 2.5\naugmentation: 3",
        "kinds.yaml": "lr: {a: 1}\nclips: 2024-01-01\nseed: [1, 2]\nwarm_up: !!binary aGVsbG8=\nlog_with: wand",
        "list.yaml": "- lr\n- clips",
        "broken.yaml": "lr: [1e-4",
        "run/last.safetensors": "",
        "broken.safetensors": "\x10" + 7 * "\0" + '{"a": 1}        ',
        "broken.zip": "PK\3\4" + 50 * "x",
        "keys.json": '{"cup": {"first": "cup"}}',
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    (tmp_path / "empty").mkdir()
    (tmp_path / "w.safetensors").symlink_to(weights)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VISORVOS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("VISORVOS_DATA", raising=False)
    monkeypatch.delenv("VISORVOS_COCO", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    return tmp_path


def test_typical_mistakes_are_answered_with_these_sentences(run: Run, world: Path) -> None:
    faults: list[str] = []
    *others, last = BACKBONES
    names = f"{', '.join(others)} or {last}"
    parts = ["What visorvos answers to typical mistakes. See test_messages.py for how to write this file again.\n"]
    for line in MISTAKES.strip().splitlines():
        if not line.startswith("visorvos"):
            parts.append(f"\n{line}\n" if line else "")
            continue
        done = run(*shlex.split(line)[1:])
        said = done.err.replace(f"{world}{os.sep}", "").replace(str(world), ".").replace(names, "BACKBONES")
        parts.append(f"\n$ {line}\n{said}")
        # One error with one remedy, nothing on standard output, and no words of the libraries below.
        if done.code not in (1, 2) or done.out or "See --help" in said or _FOREIGN.search(said):
            faults.append(f"{line}: {done.code} {said}")
        if len(re.findall("^error: ", said, re.MULTILINE)) != 1 or len(re.findall("^  -> ", said, re.MULTILINE)) != 1:
            faults.append(f"{line}: {said}")
    found = "".join(parts)
    if os.environ.get("VISORVOS_WRITE_MESSAGES"):
        SNAPSHOT.write_text(found)
    assert faults == []
    assert found == SNAPSHOT.read_text()
