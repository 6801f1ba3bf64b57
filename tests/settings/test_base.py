"""What all settings share: second names, and the options that decide whether a run can be resumed."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from visorvos.settings.base import Settings, option
from visorvos.settings.finetune import FinetuneSettings
from visorvos.settings.predict import PredictSettings
from visorvos.settings.prepare import PrepareSettings
from visorvos.settings.pretrain import PretrainSettings


class Warp(Settings):
    rotation: float = option(30, "Degrees.")


class RunSettings(Settings):
    """The settings of an older version."""

    output: str = option(description="Folder.", affects_result=False)
    steps: int = option(10, "Steps.")
    warp: Warp = option(description="Warp.", default_factory=Warp)


class NewWarp(Warp):
    shear: float = option(15, "Degrees.")


class NewRunSettings(RunSettings):
    """The settings of a newer version: an option more, one more inside the section, and one renamed."""

    lr: float = option(1e-5, "Rate.", alias="learning_rate")
    flip: bool = option(False, "Flip.")
    device: str = option("cpu", "Device.", affects_result=False)
    warp: NewWarp = option(description="Warp.", default_factory=NewWarp)


RECORD = RunSettings(output="o").result_options()


def test_a_record_holds_only_options_that_affect_the_result():
    assert RECORD == {"steps": 10, "warp": {"rotation": 30.0}}


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        ({}, []),
        ({"output": "elsewhere", "device": "cuda"}, []),
        ({"steps": 11}, ["steps"]),
        ({"flip": True}, ["flip"]),
        ({"lr": 1.0}, ["lr"]),
        ({"warp": {"shear": 3}}, ["warp.shear"]),
        ({"warp": {"rotation": 3}, "flip": True}, ["flip", "warp.rotation"]),
    ],
)
def test_an_option_that_a_record_lacks_counts_as_its_default(options, changed):
    assert sorted(NewRunSettings(**{"output": "o", **options}).changed_since(RECORD)) == changed


def test_a_record_under_an_older_name_is_understood():
    settings = NewRunSettings(output="o", lr=1.0)
    assert settings.changed_since({**RECORD, "learning_rate": 1.0}) == {}
    assert settings.changed_since({**RECORD, "learning_rate": 2.0}) == {"lr": (2.0, 1.0)}


@pytest.mark.parametrize(
    ("model", "given", "name", "alias", "value"),
    [
        (FinetuneSettings, {"data": "d", "output": "o"}, "lr", "learning_rate", 1e-3),
        (FinetuneSettings, {"data": "d", "output": "o"}, "clips", "iterations", 7),
        (FinetuneSettings, {"data": "d", "output": "o"}, "num_workers", "workers", 2),
        (PretrainSettings, {"coco": "d", "output": "o"}, "clips", "iterations", 7),
        (PrepareSettings, {"release": "d", "output": "o"}, "num_workers", "workers", 2),
        (PredictSettings, {"frames": "f", "masks": "m", "weights": "w", "output": "o"}, "mem_every", "every", 2),
        (PredictSettings, {"frames": "f", "masks": "m", "weights": "w", "output": "o"}, "colors", "colours", "bright"),
    ],
)
def test_an_option_has_a_second_name(model, given, name, alias, value):
    main, second = model.model_validate({**given, name: value}), model.model_validate({**given, alias: value})
    assert main == second
    assert getattr(main, name) == value
    assert name in second.model_dump()
    with pytest.raises(ValidationError):
        model.model_validate({**given, name: value, alias: value})
