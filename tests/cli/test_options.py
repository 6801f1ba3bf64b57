from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from pydantic import Field, model_validator

from visorvos.cli.app import COMMANDS
from visorvos.cli.options import UsageError, resolve, signature
from visorvos.settings.base import Settings, mark, section
from visorvos.settings.export import ExportSettings
from visorvos.settings.finetune import FinetuneSettings
from visorvos.settings.preview import PreviewSettings


class Augmentation(Settings):
    """A section, as the training commands have."""

    rotation: float = Field(30.0, ge=0, description="Degrees.", validation_alias="max_rotation")
    scale: tuple[float, float] = (0.8, 1.2)
    flip: bool = True

    @model_validator(mode="after")
    def _in_order(self) -> Augmentation:
        if self.scale[0] > self.scale[1]:
            raise ValueError("must hold the smaller scale first")
        return self


class TrainSettings(Settings):
    """Train."""

    output: Path = Field(description="Folder.")
    steps: int = Field(10, ge=1, description="Steps.")
    augmentation: Augmentation = Field(default=Augmentation(), description="Of the frames of a clip.")
    pasted: Augmentation = Field(default=Augmentation(), description="Of what is pasted.")


def test_a_section_is_not_a_command_line_option():
    assert set(signature(TrainSettings).parameters) == {"output", "steps", "config", "json", "quiet"}
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in signature(TrainSettings).parameters.values())


def test_a_section_comes_from_the_file_and_keeps_its_other_defaults(tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("output: o\naugmentation:\n  rotation: 5\npasted: {flip: false}\n")
    settings = resolve(TrainSettings, {"steps": 3}, config)
    assert settings.augmentation == Augmentation(rotation=5)
    assert settings.pasted == Augmentation(flip=False)
    assert settings.steps == 3


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "augmentation: {rotation: -1}",
            "augmentation.rotation must be a number, at least 0, got -1.",
        ),
        (
            "augmentation: {rotatoin: 1}",
            "no such option: augmentation.rotatoin. Did you mean augmentation.rotation?",
        ),
        ("augmentation: {zzz: 1}", "no such option: augmentation.zzz."),
        ("augmentatoin: {}", "no such option: augmentatoin. Did you mean augmentation?"),
        ("augmentation: {scale: [2, x]}", "augmentation.scale must be 2 values, each a number, got 'x'."),
        ("augmentation: {scale: [2]}", "augmentation.scale must be 2 values, each a number, got 2."),
        ("augmentation: {max_rotation: -1}", "augmentation.rotation must be a number, at least 0, got -1."),
        ("augmentation: {scale: [2, 1]}", "augmentation must hold the smaller scale first."),
        ("augmentation: 3", "augmentation must be a group of options, one `name: value` per line, got 3."),
        ("pasted: {rotation: far}", "pasted.rotation must be a number, at least 0, got 'far'."),
        ("steps: 0", "steps must be a whole number, at least 1, got 0."),
    ],
)
def test_a_fault_is_named_with_its_section(tmp_path, text, sentence):
    config = tmp_path / "c.yaml"
    config.write_text(f"output: o\n{text}\n")
    with pytest.raises(UsageError) as caught:
        resolve(TrainSettings, {}, config)
    assert caught.value.message.startswith(f"{config}: {sentence}")


def test_a_single_value_in_a_file_is_a_list_of_one(tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("log_with: wandb\ndata: VISOR_2022\n")
    settings = resolve(FinetuneSettings, {"output": "o"}, config)
    assert (settings.log_with, settings.data) == (("wandb",), ("VISOR_2022",))


def test_what_is_typed_is_named_as_typed():
    with pytest.raises(UsageError) as caught:
        resolve(TrainSettings, {"steps": 0}, None)
    assert caught.value.message == ("--output is missing.\n--steps must be a whole number, at least 1, got 0.")


def test_every_option_has_a_panel_and_a_description():
    for command in COMMANDS:
        for name, field in command.settings.model_fields.items():
            assert field.description, f"{command.name}: {name}"
            if section(field) is None and not mark(field, "argument"):
                assert mark(field, "panel"), f"{command.name}: {name}"


def test_the_environment_stands_in_for_what_must_be_given(monkeypatch, tmp_path):
    monkeypatch.setenv("VISORVOS_DATA", "/cluster/VISOR_2022")
    config = tmp_path / "c.yaml"
    config.write_text("data: from-file\n")
    assert resolve(FinetuneSettings, {"output": "o"}, None).data == ("/cluster/VISOR_2022",)
    assert resolve(FinetuneSettings, {"output": "o"}, config).data == ("from-file",)
    assert resolve(FinetuneSettings, {"output": "o", "data": Path("typed")}, config).data == ("typed",)
    assert resolve(PreviewSettings, {}, None).data == Path("/cluster/VISOR_2022")
    assert resolve(PreviewSettings, {"coco": "c", "clips": True}, None).data is None
    assert resolve(ExportSettings, {"predictions": "p"}, None).data == Path("/cluster/VISOR_2022")
    # Where --data is a choice, as a check of completeness, it stays one.
    assert resolve(ExportSettings, {"predictions": "p", "mapping": "m"}, None).data is None
    monkeypatch.setenv("VISORVOS_DATA", "")
    with pytest.raises(UsageError, match="--data is missing"):
        resolve(FinetuneSettings, {"output": "o"}, None)
