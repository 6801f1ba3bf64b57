"""Options of prepare, export and preview that do not go together."""

import pytest
from pydantic import ValidationError

from visorvos.settings.export import ExportSettings
from visorvos.settings.prepare import PrepareSettings
from visorvos.settings.preview import PreviewSettings


@pytest.mark.parametrize(
    ("model", "options", "expected"),
    [
        (PrepareSettings, {"output": "o"}, "Give either --release, or --annotations"),
        (PrepareSettings, {"output": "o", "release": "r", "annotations": "a"}, "Give either --release"),
        (PrepareSettings, {"output": "o", "annotations": "a"}, "--images is missing: frames are needed"),
        (PrepareSettings, {"output": "o", "release": "r", "dense": True}, "--images is missing: the release holds no"),
        (PrepareSettings, {"output": "o", "release": "r", "images": "i"}, "--release brings its own frames"),
        (PrepareSettings, {"output": "o", "release": "r", "split": ()}, "At least one split"),
        (PrepareSettings, {"output": "o", "release": "r", "split": ("test",)}, "'train' or 'val'"),
        (PrepareSettings, {"output": "o", "release": "r", "workers": -1}, "greater than or equal to 0"),
        (ExportSettings, {}, "Give either PREDICTIONS"),
        (ExportSettings, {"predictions": "p", "check": "c"}, "Give either PREDICTIONS"),
        (ExportSettings, {"predictions": "p"}, "--mapping is missing"),
        (ExportSettings, {"predictions": "p", "data": "d", "output": "val.json"}, "--output is a .zip file"),
        (PreviewSettings, {"data": "d", "output": "a.gif"}, "a .jpg or .png file"),
        (PreviewSettings, {"data": "d", "frames": 0}, "greater than or equal to 1"),
    ],
)
def test_options_that_make_no_sense_are_refused(model, options, expected):
    with pytest.raises(ValidationError, match=expected):
        model(**options)


def test_a_split_given_twice_is_prepared_once():
    assert PrepareSettings(output="o", release="r", split=("val", "val")).split == ("val",)
