import json
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from tests.builders import GOLDEN
from tests.visor_builders import Release, put, zipped
from visorvos.core.datasets.visor.rasterize import draw_objects
from visorvos.core.io.masks import write_mask
from visorvos.core.jobs.export import export
from visorvos.core.jobs.prepare import prepare
from visorvos.errors import VisorVosError
from visorvos.settings.export import ExportSettings
from visorvos.settings.prepare import PrepareSettings

SEQUENCE = "P07_101_seq_00001"
FRAMES = ("P07_101_frame_0000000010", "P07_101_frame_0000000020")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The tiny release, prepared."""
    root = tmp_path_factory.mktemp("release")
    annotations, images = Release.tiny().write_folders(root)
    prepare(PrepareSettings(annotations=annotations, images=images, output=root, split=("val",), num_workers=1))
    return root / "VISOR_2022"


@pytest.fixture
def predictions(data, tmp_path):
    """Masks of val, as they were predicted without a fault."""
    return shutil.copytree(data / "Annotations" / "480p", tmp_path / "masks")


def run(tmp_path, **options):
    return export(ExportSettings(**{"output": tmp_path / "val.zip", **options}))


def submitted(tmp_path):
    with zipfile.ZipFile(tmp_path / "val.zip") as archive:
        return json.loads(archive.read("val.json"))


def frames_of(content):
    return [entry["image"]["name"].removesuffix(".png") for entry in content["video_annotations"]]


def test_the_reference_submission_is_reproduced(tmp_path):
    prepared = GOLDEN / "release" / "VISOR_2022"
    for name in (prepared / "ImageSets" / "2022" / "val.txt").read_text().split():
        shutil.copytree(prepared / "Annotations" / "480p" / name, tmp_path / "masks" / name)
    result = run(
        tmp_path, predictions=tmp_path / "masks", mapping=prepared / "val_data_mapping.json", first_frames=True
    )
    assert submitted(tmp_path) == json.loads((GOLDEN / "release" / "val_submission.json").read_text())
    assert (result.sequences, result.frames) == (2, 5)


def test_drawing_a_submission_gives_the_masks_it_was_made_of(tmp_path, data, predictions):
    noise = np.zeros((480, 854), np.uint8)
    noise[:120, :90] = np.random.default_rng(3).integers(0, 3, (120, 90))
    write_mask(predictions / SEQUENCE / f"{FRAMES[1]}.png", noise)
    run(tmp_path, predictions=predictions, data=data, first_frames=True)
    ids = {name: int(i) for i, name in json.loads((data / "val_data_mapping.json").read_text())[SEQUENCE].items()}
    for entry in submitted(tmp_path)["video_annotations"][:2]:
        objects = [(ids[e["name"]], [np.array(s, np.int32) for s in e["segments"]]) for e in entry["annotations"]]
        mask = np.array(Image.open(predictions / SEQUENCE / entry["image"]["name"]))
        np.testing.assert_array_equal(draw_objects(objects, 480, 854), mask)


@pytest.mark.parametrize("source", ["data", "mapping"])
def test_the_given_first_frames_are_left_out_unless_asked_for(tmp_path, data, predictions, source):
    names = {"data": data} if source == "data" else {"mapping": data / "val_data_mapping.json"}
    without = run(tmp_path, predictions=predictions, **names)
    assert frames_of(submitted(tmp_path)) == [FRAMES[1], "P07_101_frame_0000000070"]
    assert (without.first_frames, without.complete) == (False, True if source == "data" else None)
    with_them = run(tmp_path, predictions=predictions, **names, first_frames=True)
    assert with_them.frames == 4
    assert without.objects == 3


def test_with_data_predictions_need_not_hold_the_given_first_frame(tmp_path, data, predictions):
    (predictions / SEQUENCE / f"{FRAMES[0]}.png").unlink()
    run(tmp_path, predictions=predictions, data=data)
    assert frames_of(submitted(tmp_path))[0] == FRAMES[1]


def remove_sequence(masks):
    shutil.rmtree(masks / SEQUENCE)


def remove_frame(masks):
    (masks / SEQUENCE / f"{FRAMES[1]}.png").unlink()


def add_sequence(masks):
    shutil.copytree(masks / SEQUENCE, masks / "P99_01_seq_00001")


def add_frame(masks):
    shutil.copy(masks / SEQUENCE / f"{FRAMES[1]}.png", masks / SEQUENCE / "P07_101_frame_0000000099.png")


def add_id(masks):
    write_mask(masks / SEQUENCE / f"{FRAMES[1]}.png", np.full((480, 854), 9, np.uint8))


def enlarge(masks):
    write_mask(masks / SEQUENCE / f"{FRAMES[1]}.png", np.zeros((1080, 1920), np.uint8))


def damage(masks):
    (masks / SEQUENCE / f"{FRAMES[1]}.png").write_bytes(b"\x89PNG")


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (remove_sequence, f"sequence {SEQUENCE} is missing"),
        (remove_frame, f"frame {SEQUENCE}/{FRAMES[1]} is missing"),
        (add_sequence, "sequence P99_01_seq_00001 is not in the split val"),
        (add_frame, "0000000099 is not in the data set"),
        (add_id, f"mask {SEQUENCE}/{FRAMES[1]} shows the id 9, which has no name"),
        (enlarge, f"mask {SEQUENCE}/{FRAMES[1]} is 1920x1080, not 854x480"),
        (damage, f"mask .*{FRAMES[1]}.png cannot be read"),
    ],
)
def test_masks_that_cannot_be_submitted_are_listed_and_nothing_is_written(tmp_path, data, predictions, spoil, expected):
    spoil(predictions)
    with pytest.raises(VisorVosError, match=expected):
        run(tmp_path, predictions=predictions, data=data)
    assert [path.name for path in tmp_path.iterdir()] == ["masks"]


def test_all_faults_are_listed_at_once(tmp_path, data, predictions):
    add_id(predictions)
    shutil.copy(
        predictions / SEQUENCE / f"{FRAMES[1]}.png", predictions / "P07_101_seq_00002/P07_101_frame_0000000060.png"
    )
    with pytest.raises(VisorVosError, match=r"(?s)seq_00001.*id 9.*seq_00002.*id 9"):
        run(tmp_path, predictions=predictions, data=data, first_frames=True)


def test_a_sequence_that_the_mapping_lacks_is_named(tmp_path, data, predictions):
    add_sequence(predictions)
    with pytest.raises(VisorVosError, match="P99_01_seq_00001 is not in the mapping"):
        run(tmp_path, predictions=predictions, mapping=data / "val_data_mapping.json")


@pytest.mark.parametrize("folder", ["nowhere", "empty"])
def test_a_folder_without_predictions_is_refused(tmp_path, data, folder):
    (tmp_path / "empty").mkdir()
    with pytest.raises(VisorVosError, match=f"not found: .*{folder}|No sequences in .*{folder}"):
        run(tmp_path, predictions=tmp_path / folder, data=data)


@pytest.mark.parametrize("first_frames", [True, False])
def test_a_sound_submission_passes_the_check(tmp_path, data, predictions, first_frames):
    made = run(tmp_path, predictions=predictions, data=data, first_frames=first_frames)
    before = (tmp_path / "val.zip").read_bytes()
    checked = run(tmp_path, check=tmp_path / "val.zip", data=data)
    assert (checked.frames, checked.objects, checked.first_frames) == (made.frames, made.objects, first_frames)
    assert (tmp_path / "val.zip").read_bytes() == before
    alone = run(tmp_path, check=tmp_path / "val.zip")
    assert (alone.first_frames, alone.complete) == (None, None)


def drop_frame(content):
    del content["video_annotations"][1]


def rename_object(content):
    content["video_annotations"][1]["annotations"][0]["name"] = "elephant"


def rename_frame(content):
    content["video_annotations"][1]["image"].update(name="x.png", image_path="P07_101/x.png")


def rename_sequence(content):
    for entry in content["video_annotations"][2:]:
        entry["image"]["subsequence"] = "P07_101_seq_00077"


def drop_first(content):
    del content["video_annotations"][0]


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (drop_frame, f"frame {SEQUENCE}/{FRAMES[1]} is missing"),
        (rename_object, f"frame {SEQUENCE}/{FRAMES[1]} has the object elephant, which the mapping lacks"),
        (rename_frame, f"frame {SEQUENCE}/x is not in the data set"),
        (rename_sequence, "sequence P07_101_seq_00077 is not in the split val"),
        (drop_first, "some sequences include their given first frame, others do not"),
    ],
)
def test_a_submission_made_elsewhere_is_checked_against_the_data_set(tmp_path, data, predictions, spoil, expected):
    run(tmp_path, predictions=predictions, data=data, first_frames=True)
    content = submitted(tmp_path)
    spoil(content)
    put(tmp_path / "other.zip", zipped({"val.json": json.dumps(content).encode()}))
    with pytest.raises(VisorVosError, match=f"(?s)other.zip is not valid:.*{expected}"):
        run(tmp_path, check=tmp_path / "other.zip", data=data)
