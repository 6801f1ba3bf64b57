import json
import zipfile

import numpy as np
import pytest

from tests.visor_builders import put, zipped
from visorvos.core.datasets.visor.submission import INFO, read_submission, submitted_frame, write_submission
from visorvos.errors import VisorVosError

SQUARE = [np.array([[0, 0], [853, 0], [853, 479]], np.int32)]
FRAMES = [
    submitted_frame("P01_101_seq_00001", "P01_101_frame_0000000020", (("cup", SQUARE),)),
    submitted_frame("P01_101_seq_00001", "P01_101_frame_0000000030", ()),
]


def test_a_submission_is_one_json_zipped_flat_and_the_same_every_time(tmp_path):
    assert write_submission(tmp_path / "a.zip", "val", iter(FRAMES)) == 1
    write_submission(tmp_path / "b.zip", "val", FRAMES)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == ["val.json"]
        content = json.loads(archive.read("val.json"))
    assert content["info"]["Resolution"] == "854x480"
    assert content["video_annotations"][0] == {
        "image": {
            "image_path": "P01_101/P01_101_frame_0000000020.png",
            "name": "P01_101_frame_0000000020.png",
            "video": "P01_101",
            "subsequence": "P01_101_seq_00001",
        },
        "annotations": [{"name": "cup", "segments": [[[0, 0], [853, 0], [853, 479]]]}],
    }
    assert read_submission(tmp_path / "a.zip").frames == {
        "P01_101_seq_00001": {"P01_101_frame_0000000020": ("cup",), "P01_101_frame_0000000030": ()}
    }


def test_nothing_is_left_if_a_frame_fails(tmp_path):
    def failing():
        yield FRAMES[0]
        raise VisorVosError("no.", "none.")

    with pytest.raises(VisorVosError, match="no"):
        write_submission(tmp_path / "a.zip", "val", failing())
    assert not list(tmp_path.iterdir())


def submission():
    return {
        "info": dict(INFO),
        "video_annotations": json.loads(json.dumps(FRAMES)),
    }


def with_field(path, value):
    content = submission()
    target = content
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return content


FIRST = ["video_annotations", 0]
POINT = [*FIRST, "annotations", 0, "segments", 0, 1]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (with_field([*POINT, 0], "8"), r"frame P01_101_frame_0000000020\.png, annotations\.0\.segments\.0\.1\.0"),
        (with_field([*FIRST, "annotations", 0, "segments"], None), r"annotations\.0\.segments"),
        (with_field([*FIRST, "annotations", 0, "name"], ""), r"annotations\.0\.name"),
        (with_field([*FIRST, "image", "subsequence"], "../x"), r"image\.subsequence.*cannot be the name"),
        ({"info": {}}, r"video_annotations is missing"),
    ],
)
def test_a_field_that_is_not_as_it_should_be_is_named(tmp_path, content, expected):
    put(tmp_path / "a.zip", zipped({"val.json": json.dumps(content).encode()}))
    with pytest.raises(VisorVosError, match=rf"a\.zip/val\.json: .*{expected}"):
        read_submission(tmp_path / "a.zip")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, "got nothing"),
        ({"sub/val.json": b"{}"}, "got sub/val.json"),
        ({"val.json": b"{}", "b.json": b"{}"}, "got val.json, b.json"),
        ({"val.txt": b"{}"}, "got val.txt"),
        ({"val.json": b"{"}, "not JSON"),
    ],
)
def test_a_zip_of_another_form_is_refused(tmp_path, files, expected):
    put(tmp_path / "a.zip", zipped(files))
    with pytest.raises(VisorVosError, match=expected):
        read_submission(tmp_path / "a.zip")


def test_contradictions_are_faults(tmp_path):
    content = submission()
    first, second = content["video_annotations"]
    second["image"] = {**first["image"], "image_path": "P01_101/other.png", "video": "P02_01"}
    first["annotations"] *= 2
    put(tmp_path / "a.json", json.dumps(content).encode())
    assert read_submission(tmp_path / "a.json").faults == (
        "frame P01_101_frame_0000000020.png has two objects of one name",
        "frame P01_101_frame_0000000020.png is in P01_101_seq_00001 twice",
        "frame P01_101_frame_0000000020.png has the image_path of another frame, P01_101/other.png",
        "frame P01_101_frame_0000000020.png is of the video P02_01, its subsequence is P01_101_seq_00001",
    )


def faults_of(tmp_path, content, files=None):
    put(tmp_path / "val.zip", zipped({"val.json": json.dumps(content).encode(), **(files or {})}))
    return read_submission(tmp_path / "val.zip").faults


def test_a_written_submission_has_no_faults(tmp_path):
    write_submission(tmp_path / "val.zip", "val", FRAMES)
    assert read_submission(tmp_path / "val.zip").faults == ()
    assert faults_of(tmp_path, submission()) == ()


@pytest.mark.parametrize("name", ["__MACOSX/._val.json", ".DS_Store", "__MACOSX\\._val.json", "readme.txt"])
def test_other_files_in_the_zip_are_named(tmp_path, name):
    assert faults_of(tmp_path, submission(), {name: b""}) == (
        f"the zip file must hold nothing but val.json, got {name}",
    )


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("Resolution", "1920x1080", '"1920x1080"'),
        ("Challenge", "hand_object_segmentation", '"hand_object_segmentation"'),
        ("Version", 0.1, "0.1"),
        ("Dataset Name", None, "null"),
    ],
)
def test_another_head_is_named(tmp_path, key, value, shown):
    content = with_field(["info", key], value)
    assert faults_of(tmp_path, content) == (f'info: "{key}" must be "{INFO[key]}", got {shown}',)


def test_no_masks_at_all_are_named(tmp_path):
    assert faults_of(tmp_path, with_field([*FIRST, "annotations"], [])) == ("no frame has an object mask",)


@pytest.mark.parametrize("field", ["name", "image_path"])
def test_jpeg_names_are_named(tmp_path, field):
    path = "P01_101/P01_101_frame_0000000020.jpg"
    value = path if field == "image_path" else path.split("/")[1]
    (fault,) = faults_of(tmp_path, with_field([*FIRST, "image", field], value))
    assert "must end in .png" in fault


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ([*POINT, 0], 854, "object cup has points outside 854x480"),
        ([*POINT, 1], 480, "object cup has points outside 854x480"),
        ([*POINT, 1], -1, "object cup has points outside 854x480"),
        (POINT[:-2], [], "object cup: segments must hold polygons with points"),
        (POINT[:-1], [], "object cup: segments must hold polygons with points"),
    ],
)
def test_impossible_polygons_are_named(tmp_path, path, value, expected):
    assert faults_of(tmp_path, with_field(path, value)) == (f"frame P01_101_frame_0000000020.png, {expected}",)


def test_a_missing_subsequence_is_named(tmp_path):
    content = submission()
    del content["video_annotations"][0]["image"]["subsequence"]
    assert faults_of(tmp_path, content) == (
        "frame P01_101_frame_0000000020.png is of the video P01_101, its subsequence is missing",
    )
