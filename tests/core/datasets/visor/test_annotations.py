import json

import numpy as np
import pytest

from tests.visor_builders import box, entity, frame
from visorvos.core.datasets.visor.annotations import read_annotations
from visorvos.errors import VisorVosError

SQUARE = box(1, 1, 5, 5)


def video(*frames):
    return json.dumps({"info": {}, "video_annotations": list(frames)}).encode()


def test_frames_come_in_the_order_of_their_paths_with_points_cut_to_integers():
    late, early = frame("P01_01", "seq_1", 20), frame("P01_01", "seq_1", 3, entity("cup", [[1.9, -0.9], [5, 6.5]], []))
    frames = read_annotations(video(late, early), "a.json")
    assert [entry.image.stem for entry in frames] == ["P01_01_frame_0000000003", "P01_01_frame_0000000020"]
    first, second = frames[0].annotations[0].polygons
    assert first.dtype == np.int32
    assert first.tolist() == [[1, 0], [5, 6]]
    assert second.shape == (0, 2)


def test_dense_sequences_are_named_by_interpolation():
    entry = frame("P01_01", "seq_1", 1)
    entry["image"]["interpolation"] = "P01_01_inter_7"
    (read,) = read_annotations(video(entry), "a.json", dense=True)
    assert read.sequence(dense=True) == "P01_01_inter_7"


def changed(path, value):
    """A good frame with one field replaced, or removed where the value is None."""
    entry = json.loads(json.dumps(frame("P01_01", "seq_1", 10, entity("knife", SQUARE), entity("cup", SQUARE))))
    target = entry
    for key in path[:-1]:
        target = target[key]
    if value is None:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    return entry


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (["image", "subsequence"], None, r"image\.subsequence"),
        (["image", "subsequence"], "../up", r"image\.subsequence.*'\.\./up' cannot be the name"),
        (["image", "subsequence"], "/etc", r"image\.subsequence.*cannot be the name"),
        (["image", "subsequence"], "a\\b", r"image\.subsequence.*cannot be the name"),
        (["image", "subsequence"], "C:", r"image\.subsequence.*cannot be the name"),
        (["image", "subsequence"], "..", r"image\.subsequence.*cannot be the name"),
        (["image", "subsequence"], "", r"image\.subsequence.*cannot be the name"),
        (["image", "subsequence"], ".hidden", r"image\.subsequence.*cannot be the name"),
        (["image", "subsequence"], "a\0b", r"image\.subsequence.*cannot be the name"),
        (["image", "subsequence"], "a" * 300, r"image\.subsequence.*cannot be the name"),
        (["image", "subsequence"], 7, r"image\.subsequence.*text"),
        (["image", "video"], "../P01", r"image\.video.*cannot be the name"),
        (["image", "image_path"], None, r"image\.image_path"),
        (["annotations"], "none", r"annotations.*a list"),
        (["annotations", 1, "name"], None, r"annotations\.1\.name"),
        (["annotations", 1, "name"], "", r"annotations\.1\.name"),
        (["annotations", 1, "segments"], None, r"annotations\.1\.segments"),
        (["annotations", 1, "segments", 0, 2], [1], r"annotations\.1\.segments\.0\.2"),
        (["annotations", 1, "segments", 0, 2], [1, 2, 3], r"annotations\.1\.segments\.0\.2"),
        (["annotations", 1, "segments", 0, 2], [1, "5"], r"annotations\.1\.segments\.0\.2\.1"),
        (["annotations", 1, "segments", 0, 2], [1, float("nan")], r"annotations\.1\.segments\.0\.2\.1.*finite"),
        (["annotations", 1, "segments", 0, 2], [1e9, 1], r"annotations\.1\.segments\.0\.2\.0.*20000"),
    ],
)
def test_an_error_names_file_frame_and_field(path, value, expected):
    with pytest.raises(VisorVosError, match=rf"some\.json: frame P01_01_frame_0000000010\.jpg, {expected}"):
        read_annotations(video(changed(path, value)), "some.json")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "not JSON"),
        (b'{"video_annotations": [', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "the file"),
        (b"{}", "video_annotations"),
        (b'{"video_annotations": []}', "video_annotations has no frame"),
        (video({"image": {}, "annotations": []}), r"video_annotations\.0\.image\.name is missing"),
        (video(changed(["image", "name"], "../x.jpg")), r"image\.name.*cannot be the name"),
        (video(frame("P01_01", "a", 1), frame("P01_01", "a", 1)), "frame_0000000001.jpg, image.name.*twice"),
        (video({"annotations": [], "image": {"name": "a.jpg", "image_path": "", "video": "v"}}), r"image\.subsequence"),
        (b"[" * 100_000, "not JSON|the file"),
    ],
)
def test_other_files_are_refused(content, expected):
    with pytest.raises(VisorVosError, match=rf"some\.json.*{expected}"):
        read_annotations(content, "some.json")


@pytest.mark.parametrize("dense", [True, False])
def test_annotations_of_the_other_kind_are_recognized(dense):
    entry = frame("P01_01", "seq_1", 1)
    if not dense:
        entry["image"]["interpolation"] = "P01_01_inter_7"
    kind, remedy = ("sparse", "without --dense") if dense else ("dense", "with --dense")
    with pytest.raises(VisorVosError, match=rf"some\.json holds {kind} annotations\. Prepare them {remedy}"):
        read_annotations(video(entry), "some.json", dense=dense)
