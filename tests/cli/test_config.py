"""``visorvos config``: what it prints is what --config takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.cli.test_options import TrainSettings
from tests.conftest import Run
from visorvos.cli.app import COMMANDS
from visorvos.cli.config_file import commented_yaml
from visorvos.cli.options import resolve
from visorvos.settings.base import section

BY_NAME = {command.name: command for command in COMMANDS}
REQUIRED = {
    "annotate": {"frames": "f", "output": "o"},
    "compare": {"runs": ["a", "b"]},
    "download-weights": {"name": "visor-resnet50"},
    "evaluate": {"data": "d", "predictions": "p"},
    "export": {"predictions": "p", "data": "d"},
    "finetune": {"data": "d", "output": "o"},
    "predict": {"frames": "f", "masks": "m", "weights": "w", "output": "o"},
    "prepare": {"release": "r", "output": "o"},
    "pretrain": {"coco": "c", "output": "o"},
    "preview": {"data": "d"},
}


@pytest.mark.parametrize("name", BY_NAME)
def test_what_is_printed_can_be_fed_back(run: Run, tmp_path: Path, name: str) -> None:
    model = BY_NAME[name].settings
    done = run("config", name)
    assert (done.code, done.err) == (0, "")
    file = tmp_path / "c.yaml"
    file.write_text(done.out)
    given = REQUIRED.get(name, {})
    assert resolve(model, given, file) == model(**given)
    for key, field in model.model_fields.items():
        assert re.search(rf"^(# )?{key}:", done.out, re.MULTILINE), key
        assert field.is_required() == (re.search(rf"^# {key}:$", done.out, re.MULTILINE) is not None), key
        assert section(field) is not None or field.description


@pytest.mark.parametrize("name", BY_NAME)
def test_resolved_settings_repeat_the_run(tmp_path: Path, name: str) -> None:
    from visorvos.core.io.settings_file import write_settings

    model = BY_NAME[name].settings
    settings = model(**REQUIRED.get(name, {}))
    write_settings(tmp_path, name, settings.model_dump(mode="json"))
    file = tmp_path / "settings.yaml"
    assert resolve(model, {}, file) == settings


def test_sections_are_printed_with_their_defaults(tmp_path: Path) -> None:
    text = commented_yaml("train", TrainSettings)
    assert yaml.safe_load(text) == {
        "steps": 10,
        "augmentation": {"rotation": 30.0, "scale": [0.8, 1.2], "flip": True},
        "pasted": {"rotation": 30.0, "scale": [0.8, 1.2], "flip": True},
    }
    assert "# Steps.\n# (a whole number, at least 1)\nsteps: 10\n" in text
    assert "augmentation:\n  # Degrees.\n  # (a number, at least 0)\n  rotation: 30.0\n" in text
    assert "# (2 values, each a number)" in text
    file = tmp_path / "c.yaml"
    file.write_text(f"output: o\n{text}")
    assert resolve(TrainSettings, {}, file) == TrainSettings(output="o")


def test_lines_are_no_wider_than_a_hundred_columns(run: Run) -> None:
    for name in BY_NAME:
        assert max(map(len, run("config", name).out.splitlines())) <= 102


@pytest.mark.parametrize(
    ("typed", "hint"), [("predcit", "Did you mean predict? -> Give one of: "), ("zzz", "-> Give one of: prepare, ")]
)
def test_a_command_that_is_not_there(run: Run, typed: str, hint: str) -> None:
    done = run("config", typed)
    assert (done.code, done.out) == (2, "")
    assert f"No such command: {typed}." in done.err
    assert hint in " ".join(done.err.split())
