import numpy as np
import pytest
import yaml
from PIL import Image

from tests.builders import draw_clip, write_data_set
from tests.visor_builders import Release
from visorvos.core.datasets.order import sample_of
from visorvos.core.datasets.synthetic.release import write_synthetic_coco
from visorvos.core.jobs.prepare import prepare
from visorvos.core.jobs.preview import preview
from visorvos.core.runtime.progress import Progress
from visorvos.core.training.clips import visor_clips
from visorvos.errors import VisorVosError
from visorvos.settings.finetune import FinetuneSettings
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
    assert (result.frames, result.sources) == (frames, sequences)
    with Image.open(tmp_path / "sheet.png") as picture:
        assert picture.size == (result.width, result.height)
        assert len(np.unique(np.asarray(picture).reshape(-1, 3), axis=0)) > 100


def test_white_masks_are_shown_as_they_are_scored(tmp_path):
    """255 is object 1 in black-and-white masks, and a border where the first mask has other ids."""
    frames, labels = draw_clip(2, 48, 64, seed=5)
    shown = {}
    for name, ids in {"ids": (0, 1, 0, 0), "white": (0, 255, 0, 0), "border": (0, 1, 255, 0)}.items():
        masks = [np.array(ids, np.uint8)[mask] for mask in labels]
        root = write_data_set(tmp_path / name, {"a": (frames, masks)})
        preview(PreviewSettings(data=root, split="val", output=tmp_path / f"{name}.png", width=160))
        shown[name] = (tmp_path / f"{name}.png").read_bytes()
    assert shown["ids"] == shown["white"] == shown["border"]


def test_the_suffix_says_the_format(tmp_path, data):
    preview(PreviewSettings(data=data, output=tmp_path / "sheet.jpg", width=160, frames=1))
    with Image.open(tmp_path / "sheet.jpg") as picture:
        assert picture.format == "JPEG"


def test_a_sequence_of_another_split_is_told(tmp_path, data):
    settings = PreviewSettings(data=data, split="train", sequence=("P07_101_seq_00001",), output=tmp_path / "a.png")
    with pytest.raises(VisorVosError, match="no sequence P07_101_seq_00001 in its split train"):
        preview(settings)


CLIPS = {"crop_size": 96, "short_side": 128, "max_objects": 2}


def test_clips_of_videos_are_shown(tmp_path, data, run):
    options = tmp_path / "training.yaml"
    options.write_text(yaml.safe_dump(CLIPS))
    sheet = tmp_path / "clips.png"
    done = run(
        *("preview", "--clips", "--data", data, "--training", options, "--output", sheet),
        *("--frames", 6, "--width", 192),
    )
    assert done.code == 0, done.err
    assert "6 frames of 2 clips" in done.out
    clips = visor_clips(FinetuneSettings(data=(str(data),), output=tmp_path, **CLIPS), Progress())
    epoch, sample = sample_of(0, len(clips), 0)
    first = clips.clip(sample, epoch, 0.0)
    ground = first.labels[0] == 0
    with Image.open(sheet) as picture:
        shown = np.asarray(picture.convert("RGB").crop((4, 4, 196, 196)).resize((96, 96)))
    # Objects are tinted; the ground is as the network gets it.
    assert np.median(np.abs(shown[ground].astype(int) - first.frames[0][ground])) <= 3


def test_clips_of_images_are_shown(tmp_path, run, monkeypatch):
    monkeypatch.setenv("VISORVOS_HOME", str(tmp_path / "cache"))
    coco = tmp_path / "coco"
    write_synthetic_coco(coco, 4, seed=0, height=480, width=640)
    sheet = tmp_path / "clips.png"
    done = run("preview", "--clips", "--coco", coco, "--output", sheet, "--frames", 3, "--width", 160)
    assert done.code == 0, done.err
    assert "3 frames of 1 clip " in done.out
    with Image.open(sheet) as picture:
        assert picture.width == 3 * 160 + 4 * 4


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("rotatoin: 3", "got an unknown or invalid option: rotatoin."),
        ("augmentation: {rotation: -3}", "got an unknown or invalid option: augmentation.rotation."),
        ("- 3", "must hold one `name: value`"),
    ],
)
def test_options_of_training_that_are_wrong_are_told(tmp_path, data, run, content, sentence):
    options = tmp_path / "training.yaml"
    options.write_text(content)
    done = run("preview", "--clips", "--data", data, "--training", options, "--output", tmp_path / "a.png")
    assert done.code == 1
    assert str(options) in done.err.replace("\n", "")
    assert sentence in " ".join(done.err.split())
