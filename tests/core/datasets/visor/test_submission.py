import json
import zipfile

import numpy as np
import pytest

from tests.visor_builders import put, zipped
from visorvos.core.datasets.visor.submission import SubmittedFrame, read_submission, video_of, write_submission
from visorvos.errors import VisorVosError

SQUARE = [np.array([[0, 0], [853, 0], [853, 479]], np.int32)]
FRAMES = [
    SubmittedFrame("P01_101_seq_00001", "P01_101_frame_0000000020", (("cup", SQUARE),)),
    SubmittedFrame("P01_101_seq_00001", "P01_101_frame_0000000030", ()),
]


def test_a_submission_is_one_json_zipped_flat_and_the_same_every_time(tmp_path):
    assert write_submission(tmp_path / "a.zip", "val", iter(FRAMES)) == 2
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


def test_nothing_is_left_where_a_frame_fails(tmp_path):
    def failing():
        yield FRAMES[0]
        raise VisorVosError("no.", "none.")

    with pytest.raises(VisorVosError, match="no"):
        write_submission(tmp_path / "a.zip", "val", failing())
    assert not list(tmp_path.iterdir())


def test_the_video_is_told_by_the_sequence():
    assert video_of("P01_101_seq_00001") == "P01_101"


def submission():
    return {
        "info": {"Resolution": "854x480"},
        "video_annotations": [json.loads(frame.to_json()) for frame in FRAMES],
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
        (with_field(["info", "Resolution"], "1920x1080"), "info.Resolution.*854x480.*1920x1080"),
        (with_field(["video_annotations"], []), "video_annotations"),
        (with_field([*POINT, 0], 854), r"frame P01_101_frame_0000000020\.png, annotations\.0\.segments\.0\.1\.0.*854"),
        (with_field([*POINT, 1], 480), r"annotations\.0\.segments\.0\.1\.1.*480"),
        (with_field([*POINT, 1], -1), r"annotations\.0\.segments\.0\.1\.1.*0"),
        (with_field([*FIRST, "annotations", 0, "segments"], []), r"annotations\.0\.segments"),
        (with_field([*FIRST, "annotations", 0, "segments", 0], []), r"annotations\.0\.segments\.0"),
        (with_field([*FIRST, "annotations", 0, "name"], ""), r"annotations\.0\.name"),
        (with_field([*FIRST, "image", "subsequence"], "../x"), r"image\.subsequence.*cannot be the name"),
        ({"info": {}}, r"info\.Resolution.*required.*video_annotations.*required"),
    ],
)
def test_a_field_that_is_not_as_it_should_be_is_named(tmp_path, content, expected):
    put(tmp_path / "a.zip", zipped({"val.json": json.dumps(content).encode()}))
    with pytest.raises(VisorVosError, match=rf"a\.zip/val\.json: .*{expected}"):
        read_submission(tmp_path / "a.zip")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, "it holds nothing"),
        ({"sub/val.json": b"{}"}, "it holds sub/val.json"),
        ({"val.json": b"{}", "b.json": b"{}"}, "it holds val.json, b.json"),
        ({"val.txt": b"{}"}, "it holds val.txt"),
        ({"val.json": b"{"}, "no JSON"),
    ],
)
def test_what_is_not_one_json_zipped_flat_is_refused(tmp_path, files, expected):
    put(tmp_path / "a.zip", zipped(files))
    with pytest.raises(VisorVosError, match=expected):
        read_submission(tmp_path / "a.zip")


def test_frames_that_do_not_fit_together_are_told(tmp_path):
    content = submission()
    first, second = content["video_annotations"]
    second["image"] = {**first["image"], "image_path": "P01_101/other.png", "video": "P02_01"}
    first["annotations"] *= 2
    put(tmp_path / "a.json", json.dumps(content).encode())
    assert read_submission(tmp_path / "a.json").faults == (
        "frame P01_101_frame_0000000020.png has two objects of one name",
        "frame P01_101_frame_0000000020.png is in P01_101_seq_00001 twice",
        "frame P01_101_frame_0000000020.png has the image_path P01_101/other.png of another",
        "frame P01_101_frame_0000000020.png is of video P02_01, its sequence is P01_101_seq_00001",
    )
