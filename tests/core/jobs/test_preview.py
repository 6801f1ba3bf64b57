import numpy as np
import pytest
from PIL import Image

from tests.visor_builders import Release
from visorvos.core.jobs.prepare import prepare
from visorvos.core.jobs.preview import preview
from visorvos.errors import VisorVosError
from visorvos.settings.prepare import PrepareSettings
from visorvos.settings.preview import PreviewSettings


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("release")
    annotations, images = Release.tiny().write_folders(root)
    prepare(PrepareSettings(annotations=annotations, images=images, output=root, workers=1))
    return root / "VISOR_2022"


@pytest.mark.parametrize(
    ("options", "frames", "sequences"),
    [
        ({"split": "train"}, 3, 1),
        ({"split": "val"}, 4, 2),
        ({"split": "val", "frames": 3}, 3, 2),
        ({"split": "val", "frames": 1}, 1, 1),
        ({"split": "val_unseen", "sequence": ("P07_101_seq_00002",)}, 2, 1),
    ],
)
def test_as_many_frames_as_asked_for_are_spread_over_the_sequences(tmp_path, data, options, frames, sequences):
    result = preview(PreviewSettings(data=data, output=tmp_path / "sheet.png", width=160, **options))
    assert (result.frames, result.sequences) == (frames, sequences)
    with Image.open(tmp_path / "sheet.png") as picture:
        assert picture.size == (result.width, result.height)
        assert len(np.unique(np.asarray(picture).reshape(-1, 3), axis=0)) > 100


def test_the_suffix_says_the_format(tmp_path, data):
    preview(PreviewSettings(data=data, output=tmp_path / "sheet.jpg", width=160, frames=1))
    with Image.open(tmp_path / "sheet.jpg") as picture:
        assert picture.format == "JPEG"


def test_a_sequence_of_another_split_is_told(tmp_path, data):
    settings = PreviewSettings(data=data, split="train", sequence=("P07_101_seq_00001",), output=tmp_path / "a.png")
    with pytest.raises(VisorVosError, match="no sequence P07_101_seq_00001 in its split train"):
        preview(settings)
