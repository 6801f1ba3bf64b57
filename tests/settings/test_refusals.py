"""Options that contradict each other or are out of range, and the defaults of the recipe."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from visorvos.settings.compare import CompareSettings
from visorvos.settings.export import ExportSettings
from visorvos.settings.finetune import FinetuneSettings
from visorvos.settings.prepare import PrepareSettings
from visorvos.settings.pretrain import PretrainSettings
from visorvos.settings.preview import PreviewSettings

STAGE_1 = {"coco": "c", "output": "o"}
STAGE_2 = {"data": "d", "output": "o"}


@pytest.mark.parametrize(
    ("model", "options", "expected"),
    [
        (PrepareSettings, {"output": "o"}, "Give either --release, or --annotations and --images"),
        (PrepareSettings, {"output": "o", "release": "r", "annotations": "a"}, "Give either --release"),
        (PrepareSettings, {"output": "o", "annotations": "a"}, "--images is missing: --annotations has no frames"),
        (PrepareSettings, {"output": "o", "release": "r", "dense": True}, "--images is missing: the release has no"),
        (PrepareSettings, {"output": "o", "release": "r", "images": "i"}, "--release contains its frames"),
        (PrepareSettings, {"output": "o", "release": "r", "split": ()}, "must be train, val or both"),
        (PrepareSettings, {"output": "o", "release": "r", "split": ("test",)}, "'train' or 'val'"),
        (PrepareSettings, {"output": "o", "release": "r", "num_workers": -1}, "greater than or equal to 0"),
        (ExportSettings, {}, "Give either PREDICTIONS"),
        (ExportSettings, {"predictions": "p", "check": "c"}, "Give either PREDICTIONS"),
        (ExportSettings, {"predictions": "p"}, "--mapping is missing"),
        (
            ExportSettings,
            {"predictions": "p", "data": "d", "output": "val.json"},
            "must end in .zip",
        ),
        (CompareSettings, {"runs": ("a",)}, "must be two or more evaluations"),
        (CompareSettings, {"runs": ("a", "b"), "output": "page.txt"}, "must end in .html"),
        (PreviewSettings, {"data": "d", "output": "a.gif"}, "must end in .jpg, .png or .jpeg"),
        (PreviewSettings, {"data": "d", "frames": 0}, "greater than or equal to 1"),
        (PreviewSettings, {}, "Give either --data, or --coco"),
        (PreviewSettings, {"coco": "c"}, "--coco and --training need --clips"),
        (
            PreviewSettings,
            {"data": "d", "clips": True, "sequence": ("s",)},
            "--sequence cannot be combined",
        ),
        (PretrainSettings, {**STAGE_1, "augmentation": {"pasted": (3, 1)}}, "must be the minimum, then the maximum"),
        (PretrainSettings, {**STAGE_1, "augmentation": {"max_own": 300}}, "less than or equal to 100"),
        (PretrainSettings, {**STAGE_1, "augmentation": {"scale": (1.2, 0.8)}}, "must be the minimum, then the maximum"),
        (PretrainSettings, {**STAGE_1, "lr": 0}, "greater than 0"),
        (PretrainSettings, {**STAGE_1, "crop_size": 100}, "multiple of 16"),
        (FinetuneSettings, {**STAGE_2, "augmentation": {"resize": (0, 1)}}, "greater than 0"),
        (FinetuneSettings, {**STAGE_2, "augmentation": {"flip": 2}}, "less than or equal to 1"),
        (FinetuneSettings, {**STAGE_2, "max_objects": 255}, "less than or equal to 254"),
        (FinetuneSettings, {**STAGE_2, "data": ("d", "e:0")}, "must have weights above 0"),
        (FinetuneSettings, {**STAGE_2, "max_skip": "1,-1"}, "greater than or equal to 0"),
        (FinetuneSettings, {**STAGE_2, "max_skip": "1,,2"}, "valid integer"),
        (FinetuneSettings, {**STAGE_2, "device": "gpu"}, "must be auto, cpu, cuda, cuda:N or mps"),
        (FinetuneSettings, {**STAGE_2, "device": "cuda:x"}, "must be auto, cpu, cuda, cuda:N or mps"),
    ],
)
def test_invalid_options_are_refused(model, options, expected):
    with pytest.raises(ValidationError, match=expected):
        model(**options)


@pytest.mark.parametrize("name", ["page.html", "page.htm", "PAGE.HTM"])
def test_a_page_may_have_either_suffix(name):
    assert CompareSettings(runs=("a", "b"), output=name).output == Path(name)


def test_a_split_given_twice_is_prepared_once():
    assert PrepareSettings(output="o", release="r", split=("val", "val")).split == ("val",)


def test_the_recipes_numbers_are_the_defaults():
    stage_1, stage_2 = PretrainSettings(**STAGE_1), FinetuneSettings(**STAGE_2)
    for settings in (stage_1, stage_2):
        assert (settings.weight_decay, settings.clip_gradient, settings.device) == (0, 0, "auto")
        assert (settings.crop_size, settings.short_side, settings.lr) == (384, 480, 1e-5)
        assert (settings.batch_norm, settings.schedule, settings.warm_up, settings.pretrained) == (
            *("frozen", "constant", 0, True),
        )
    assert (stage_1.clips, stage_1.batch_size * stage_1.accumulate, stage_1.max_objects) == (800_000, 4, 5)
    assert (stage_2.clips, stage_2.batch_size * stage_2.accumulate, stage_2.max_objects) == (400_000, 32, 15)
    coco, visor = stage_1.augmentation, stage_2.augmentation
    assert (coco.flip, coco.corner_shift, coco.pasting, coco.pasted, coco.drift) == (0.5, 0.1, 0.5, (1, 3), (40, 20))
    assert (coco.min_own, coco.max_own, coco.min_pasted_box, coco.min_visible) == (2000, 5, 3000, 350)
    assert (coco.rotation, coco.shear, coco.scale) == (30, 20, (0.8, 1.2))
    assert (visor.flip, visor.warp, visor.rotation, visor.shear, visor.translation) == (0.5, 0.5, 30, 15, 15)
    assert (visor.scale, visor.resize, visor.crop_jitter, stage_2.max_skip) == ((0.8, 1.2), (0.8, 1.1), 20, (0, 1))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("VISOR_2022", [("VISOR_2022", 1)]),
        (Path("VISOR_2022"), [("VISOR_2022", 1)]),
        (
            ("VISOR_2022", "DAVIS:5", "/data/YouTubeVOS:0.5"),
            [("VISOR_2022", 1), ("DAVIS", 5), ("/data/YouTubeVOS", 0.5)],
        ),
        (r"C:\data\DAVIS", [(r"C:\data\DAVIS", 1)]),
        (r"C:\data\DAVIS:2", [(r"C:\data\DAVIS", 2)]),
        ("a:b", [("a:b", 1)]),
    ],
)
def test_data_sets_have_weights(given, expected):
    settings = FinetuneSettings(data=given, output="o")
    assert [(str(root), weight) for root, weight in settings.data_sets] == expected
    assert FinetuneSettings(**settings.model_dump(mode="json")) == settings


@pytest.mark.parametrize("given", ["5,10,15", ("5,10,15",), ("5", "10", "15"), [5, 10, 15]])
def test_max_skip_is_a_schedule(given):
    settings = FinetuneSettings(**STAGE_2, max_skip=given)
    assert settings.max_skip == (5, 10, 15)
    assert FinetuneSettings(**settings.model_dump(mode="json")) == settings
    assert FinetuneSettings(**STAGE_2, max_skip="5").max_skip == (5,)
