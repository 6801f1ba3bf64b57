import gzip
import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as mask_tools

from tests.coco_builders import annotation, crowd, picture, scanned, square, write_coco
from visorvos.core.datasets.coco.index import open_coco
from visorvos.core.datasets.synthetic.release import write_synthetic_coco
from visorvos.core.runtime.progress import Progress
from visorvos.errors import VisorVosError

JSON = Path("annotations/instances_train2017.json")

PICTURES = [picture(7), picture(3, 20, 25), picture(5)]
ANNOTATIONS = [
    annotation(11, 5, square(1.9, 2, 10)),
    annotation(12, 7, square(0, 0, 5), square(8.5, 8.5, 4)),
    crowd(13, 7),
    annotation(14, 7, square(2, 3, 6), [1.0, 2.0, 3.0, 4.0]),
    annotation(15, 3, [1.0, 2.0, 3.0, 4.0]),
]


@pytest.fixture
def coco(tmp_path, monkeypatch):
    monkeypatch.setenv("VISORVOS_HOME", str(tmp_path / "home"))
    return write_coco(tmp_path / "coco", PICTURES, ANNOTATIONS)


def content(index):
    """What an index holds, in the form of `scanned`."""
    starts = index.instance_starts.tolist()
    return [
        (
            index.name(image),
            [
                (float(index.box_areas[number]), [polygon.tolist() for polygon in index.polygons(number)])
                for number in range(starts[image], starts[image + 1])
            ],
        )
        for image in range(len(index))
    ]


class Track(Progress):
    """Counts how often an index is built, and keeps what else is said."""

    def __init__(self):
        self.builds, self.said = 0, []

    def say(self, message):
        if message.startswith("Indexing"):
            self.builds += 1
        else:
            self.said.append(message)


def test_an_index_holds_what_the_json_says(coco):
    track = Track()
    index = open_coco(coco, progress=track)
    assert track.builds == 1
    assert content(index) == scanned(coco / JSON)
    assert [index.name(image) for image in range(3)] == ["000000000007.jpg", "000000000003.jpg", "000000000005.jpg"]
    assert index.instance_starts.tolist() == [0, 2, 2, 3]
    assert index.polygons(2)[0].tolist() == [[1, 2], [11, 2], [11, 12], [1, 12]]
    assert index.polygons(0)[0].dtype == np.int32


coordinates = st.floats(-20_000, 20_000, allow_nan=False, width=32) | st.integers(-20_000, 20_000)
flat = st.lists(coordinates, max_size=12).map(lambda values: values[: len(values) // 2 * 2])


@st.composite
def releases(draw):
    ids = draw(st.lists(st.integers(0, 2**40), min_size=1, max_size=6, unique=True))
    entries = [
        annotation(number, draw(st.sampled_from(ids)), *draw(st.lists(flat, max_size=3)), iscrowd=draw(st.booleans()))
        for number in range(draw(st.integers(0, 8)))
    ]
    entries.append(annotation(99, draw(st.sampled_from(ids)), square(1, 1, 3)))
    lists = [
        ("info", {"images": [{"id": 1}], "annotations": {}}),
        ("images", [picture(index, file_name=f"{draw(st.sampled_from(['a/', 'é', '']))}{index}.jpg") for index in ids]),
        ("annotations", entries),
        ("licenses", [[], {}, "images"]),
    ]
    return dict(draw(st.permutations(lists)))


@settings(max_examples=60, deadline=None)
@given(release=releases())
def test_any_release_is_indexed_as_a_plain_scan_reads_it(release):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for entry in release["images"]:
            file = root / "train2017" / entry["file_name"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        (root / "annotations").mkdir()
        (root / JSON).write_text(json.dumps(release))
        track = Track()
        index = open_coco(root, progress=track)
        assert content(index) == scanned(root / JSON)
        without = [entry for entry in release["annotations"] if not entry["iscrowd"]]
        unusable = sum(not any(len(flat) > 4 for flat in entry["segmentation"]) for entry in without)
        usable = [[len(flat) > 4 for flat in entry["segmentation"]] for entry in without]
        cut = sum(of_one.count(False) for of_one in usable if any(of_one))
        said = "".join(track.said)
        assert (f"without a polygon of three points: {unusable} " in said) == bool(unusable)
        assert (f"polygons of fewer than three points, or with half a point: {cut} " in said) == bool(cut)


def many(count, points):
    """Annotations of three images in turns, none next to another of its image."""
    shapes = np.random.default_rng(0).uniform(0, 30, (count, 2 * points)).round(2).tolist()
    return [annotation(number, PICTURES[number * 7 % 3]["id"], shape) for number, shape in enumerate(shapes)]


def test_instances_of_an_image_keep_the_order_of_the_json(tmp_path):
    coco = write_coco(tmp_path, PICTURES, many(500, 3))
    assert content(open_coco(coco)) == scanned(coco / JSON)


def test_a_release_of_coco_shape(tmp_path):
    coco = tmp_path / "coco"
    write_synthetic_coco(coco, images=24, seed=0)
    index = open_coco(coco)
    assert content(index) == scanned(coco / JSON)
    assert len(index) == 24
    for image in range(3):
        with Image.open(index.images / index.name(image)) as expected:
            np.testing.assert_array_equal(index.read_frame(image), np.array(expected.convert("RGB")))


def test_an_index_is_built_once_and_again_when_the_json_changes(coco):
    track = Track()
    before = open_coco(coco, progress=track)
    open_coco(coco, progress=track)
    assert track.builds == 1
    write_coco(coco, PICTURES, ANNOTATIONS[:1])
    after = open_coco(coco, progress=track)
    assert track.builds == 2
    assert content(after) == scanned(coco / JSON)
    assert len(before.box_areas) == 3
    assert before.describe() != after.describe()


def test_an_index_of_a_changed_json_takes_the_place_of_the_old_one(coco):
    before = open_coco(coco)
    write_coco(coco, PICTURES, ANNOTATIONS[:1])
    after = open_coco(coco)
    assert after.folder != before.folder
    if os.name != "nt":  # where mapped files cannot be removed
        assert [path for path in after.folder.parent.iterdir() if path.is_dir()] == [after.folder]
    # A running training continues with the arrays that it has mapped.
    assert before.polygons(2)[0].tolist() == [[1, 2], [11, 2], [11, 12], [1, 12]]


def test_a_json_of_the_same_size_and_another_time_is_read_again(coco):
    track = Track()
    open_coco(coco, progress=track)
    stat = (coco / JSON).stat()
    os.utime(coco / JSON, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))
    open_coco(coco, progress=track)
    assert track.builds == 2


def test_an_index_that_was_not_written_to_the_end_is_built_again(coco, monkeypatch):
    save, saved = np.save, []

    def interrupted(path, array):
        saved.append(path)
        if len(saved) == 3:
            raise KeyboardInterrupt
        save(path, array)

    monkeypatch.setattr(np, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        open_coco(coco)
    monkeypatch.undo()
    monkeypatch.setenv("VISORVOS_HOME", str(coco.parent / "home"))
    track = Track()
    assert content(open_coco(coco, progress=track)) == scanned(coco / JSON)
    assert track.builds == 1


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(path.read_bytes()[:-1]), Path.unlink])
def test_an_index_that_was_damaged_says_so(coco, damage):
    damage(open_coco(coco).folder / "box_areas.npy")
    with pytest.raises(VisorVosError, match=r"index .* is damaged\. Delete that folder"):
        open_coco(coco)


def test_a_pickled_index_is_its_paths_alone(coco):
    index = open_coco(coco)
    pickled = pickle.dumps(index)
    assert len(pickled) < 1000
    again = pickle.loads(pickled)
    assert content(again) == content(index)
    assert again.describe() == index.describe()


def test_if_the_index_cannot_be_written_the_remedy_names_the_variable(coco, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "save", full)
        with pytest.raises(VisorVosError, match=r"No space left.*VISORVOS_HOME"):
            open_coco(coco)
    (coco.parent / "file").touch()
    monkeypatch.setenv("VISORVOS_HOME", str(coco.parent / "file"))
    with pytest.raises(VisorVosError, match=r"Not a directory.*VISORVOS_HOME"):
        open_coco(coco)


def start(coco, code):
    """A process that opens the index, with ``track`` as the code defines it."""
    return subprocess.Popen(
        [sys.executable, "-c", f"{code}\nopen_coco(pathlib.Path({str(coco)!r}), progress=Halt())"],
        cwd=Path(__file__).parents[4],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


HALT = """
import pathlib, sys
from visorvos.core.datasets.coco.index import open_coco
from visorvos.core.runtime.progress import Progress
class Halt(Progress):
    def say(self, message):
        print(message, flush=True)
        sys.stdin.readline()
print("ready", flush=True)
"""


def test_of_two_processes_that_open_at_once_one_builds_the_index(coco):
    first = start(coco, HALT)
    assert first.stdout.readline() == "ready\n"
    assert first.stdout.readline().startswith("Indexing")
    second = start(coco, HALT)
    assert second.stdout.readline() == "ready\n"
    first.communicate("\n")
    assert "Indexing" not in second.communicate("\n")[0]
    assert (first.returncode, second.returncode) == (0, 0)
    track = Track()
    assert content(open_coco(coco, progress=track)) == scanned(coco / JSON)
    assert track.builds == 0


def test_images_may_lie_one_folder_deeper_and_splits_have_other_names(tmp_path):
    coco = write_coco(tmp_path, PICTURES, ANNOTATIONS, split="val2017")
    (coco / "images").mkdir()
    (coco / "val2017").rename(coco / "images" / "val2017")
    index = open_coco(coco, "val2017")
    assert index.read_frame(1).shape == (20, 25, 3)


def frame(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_frames_come_as_rgb_whatever_they_are_on_disk(tmp_path):
    names = ["rgb.png", "gray.png", "palette.png", "cmyk.jpg", "deep/alpha.png"]
    entries = [picture(number, 6, 9, file_name=name) for number, name in enumerate(names)]
    coco = write_coco(tmp_path, [], [annotation(1, 0, square(1, 1, 3))])
    (coco / JSON).write_text(json.dumps(json.loads((coco / JSON).read_text()) | {"images": entries}))
    source = Image.fromarray(frame(6, 9))
    (coco / "train2017" / "deep").mkdir()
    for name, mode in zip(names, ("RGB", "L", "P", "CMYK", "RGBA"), strict=True):
        source.convert(mode).save(coco / "train2017" / name)
    index = open_coco(coco)
    np.testing.assert_array_equal(index.read_frame(0), frame(6, 9))
    for image, name in enumerate(names):
        with Image.open(coco / "train2017" / name) as expected:
            np.testing.assert_array_equal(index.read_frame(image), np.array(expected.convert("RGB")))


def test_frames_are_not_rotated_by_exif_since_annotations_are_not(tmp_path):
    coco = write_coco(tmp_path, [picture(1, 6, 9)], [annotation(1, 1, square(1, 1, 3))])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(frame(6, 9)).save(coco / "train2017" / "000000000001.jpg", exif=exif)
    assert open_coco(coco).read_frame(0).shape == (6, 9, 3)


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda path: path.unlink(), r"3\.jpg does not exist"),
        (lambda path: path.write_bytes(b""), r"3\.jpg cannot be read"),
        (lambda path: path.write_bytes(path.read_bytes()[:-40]), r"3\.jpg cannot be read: .*truncated"),
        (
            lambda path: Image.new("RGB", (20, 25)).save(path),
            r"3\.jpg must be 25x20 as in .*json, got 20x25",
        ),
        (
            lambda path: Image.new("I;16", (25, 20)).save(path, "png"),
            r"must have 8 bits per channel, got Pillow mode I;16",
        ),
    ],
)
def test_an_image_that_cannot_be_used_is_named(tmp_path, spoil, expected):
    coco = write_coco(tmp_path, PICTURES, ANNOTATIONS, {3: frame(20, 25)})
    index = open_coco(coco)
    spoil(coco / "train2017" / "000000000003.jpg")
    with pytest.raises(VisorVosError, match=expected):
        index.read_frame(1)


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda root: shutil.rmtree(root), r"Annotations not found: .*json.*--coco"),
        (lambda root: (root / JSON).unlink(), r"Annotations not found: .*json.*--coco"),
        (
            lambda root: shutil.rmtree(root / "train2017"),
            r"Images not found: .*train2017.*--coco",
        ),
        (
            lambda root: [file.unlink() for file in (root / "train2017").iterdir()],
            r"no annotation that can be used \(images that are missing: 3 \(first: .*7\.jpg\)",
        ),
    ],
)
def test_a_release_that_lacks_something_is_refused(coco, spoil, expected):
    spoil(coco)
    with pytest.raises(VisorVosError, match=expected):
        open_coco(coco)


LONG = "x" * 300


def changed(entry, field, value):
    return {key: old for key, old in entry.items() if key != field} | ({} if value is None else {field: value})


def rewritten(coco, **lists):
    """The release with other entries."""
    path = coco / JSON
    path.write_text(json.dumps(json.loads(path.read_text()) | lists))
    return coco


def opened(coco):
    """The index, and what was said while it was built."""
    track = Track()
    return open_coco(coco, progress=track), " ".join(track.said)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("id", None, "images that cannot be read: 1 (first: number 1, Object missing required field `id`)"),
        ("id", [7], "images that cannot be read: 1"),
        ("file_name", None, "images that cannot be read: 1"),
        ("file_name", 7, "images that cannot be read: 1"),
        ("file_name", "../a.jpg", "images that cannot be read: 1 (first: number 1, unsafe file name '../a.jpg'"),
        ("file_name", "/a.jpg", "images that cannot be read: 1 (first: number 1, unsafe file name "),
        ("file_name", "a/../../b.jpg", "images that cannot be read: 1 (first: number 1, unsafe file name "),
        ("file_name", "C:a.jpg", "images that cannot be read: 1 (first: number 1, unsafe file name "),
        ("file_name", "", "images that cannot be read: 1 (first: number 1, unsafe file name "),
        ("file_name", "a\0.jpg", "images that cannot be read: 1 (first: number 1, unsafe file name "),
        ("file_name", f"{LONG}.jpg", "images that cannot be read: 1 (first: number 1, unsafe file name "),
        ("file_name", "b.jpg", "images that are missing: 1 (first: "),
        ("height", "many", "images that cannot be read: 1"),
    ],
)
def test_an_image_that_cannot_be_used_is_left_out_and_counted(coco, field, value, reason):
    index, said = opened(rewritten(coco, images=[changed(PICTURES[0], field, value), *PICTURES[1:]]))
    assert reason in said
    kept = [name for name, _ in content(index)]
    assert kept == ["000000000003.jpg", "000000000005.jpg"]
    assert "annotations of images that are not listed or missing: 2 (first: 12)" in said


def test_an_image_whose_name_is_not_utf_8_is_left_out_and_counted(coco):
    path = coco / JSON
    path.write_bytes(path.read_bytes().replace(b"000000000003.jpg", "für.jpg".encode("latin-1")))
    index, said = opened(coco)
    assert "images that cannot be read: 1 (first: number 2, 'utf-8' codec" in said
    assert len(index) == 2


def test_of_two_images_with_one_id_the_first_is_used(coco):
    index, said = opened(rewritten(coco, images=[*PICTURES, picture(3, file_name="000000000005.jpg")]))
    assert "images with the id of another: 1 (first: 000000000005.jpg, id 3)" in said
    assert len(index) == 3


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("image_id", None, "annotations that cannot be read: 1 (first: number 1, Object missing required field"),
        ("image_id", 4, "annotations of images that are not listed or missing: 1 (first: 11)"),
        ("image_id", 10**15, "annotations of images that are not listed or missing: 1 (first: 11)"),
        ("iscrowd", "many", "annotations that cannot be read: 1"),
        ("bbox", [1, 2, 3, "4"], "annotations that cannot be read: 1"),
        ("segmentation", None, "annotations without a polygon of three points: 2 (first: 11)"),
        ("segmentation", [], "annotations without a polygon of three points: 2 (first: 11)"),
        ("segmentation", {"counts": [1], "size": [1, 2]}, "annotations that cannot be read: 1 (first: number 1, a run"),
        ("segmentation", {"counts": [-1, 3], "size": [1, 2]}, "annotations that cannot be read: 1"),
        ("segmentation", {"counts": [], "size": [0, 0]}, "annotations that cannot be read: 1"),
        ("segmentation", {"counts": [1], "size": [-1, -1]}, "annotations that cannot be read: 1"),
        ("image_id", "5" * 5000, "annotations of images that are not listed or missing: 1 (first: 11)"),
        ("segmentation", [[1, 2, 3, 4, 5, 6, 7]], "annotations without a polygon of three points: 2 (first: 11)"),
        ("segmentation", [1, 2, 3, 4, 5, 6], "annotations that cannot be read: 1"),
        ("segmentation", [[1, 2, 3, 4, 5, "6"]], "annotations that cannot be read: 1"),
        ("segmentation", [[1, 2, 3, 4, 5, float("nan")]], "annotations that cannot be read: 1"),
    ],
)
def test_an_annotation_that_cannot_be_used_is_left_out_and_counted(coco, field, value, reason):
    index, said = opened(rewritten(coco, annotations=[changed(ANNOTATIONS[0], field, value), *ANNOTATIONS[1:]]))
    assert reason in said
    assert index.instance_starts.tolist() == [0, 2, 2, 2]
    # It is said again whenever the index is opened.
    assert opened(coco)[1] == said


@pytest.mark.parametrize(
    ("field", "value", "area"),
    [
        ("iscrowd", None, 100),
        ("iscrowd", False, 100),
        ("bbox", None, 100),
        ("bbox", [1, 2, 3], 100),
        ("bbox", [1, 2, -3, 4], 100),
        ("bbox", [1, 2, float("nan"), 4], 100),
        ("bbox", [1, 2, 5, 4], 20),
        ("area", float("nan"), 100),
        ("area", float("-inf"), 100),
        ("image_id", 5.0, 100),
        ("image_id", "5", 100),
        ("id", "a name", 100),
    ],
)
def test_what_labelling_tools_write_is_used(coco, field, value, area):
    index, said = opened(rewritten(coco, annotations=[changed(ANNOTATIONS[0], field, value)]))
    assert said == ""
    assert index.box_areas.tolist() == [area]
    assert index.polygons(0)[0].tolist() == [[1, 2], [11, 2], [11, 12], [1, 12]]


@pytest.mark.parametrize("polygon", [[], [1, 2], [1, 2, 3, 4], [1, 2, 3, 4, 5, 6, 7]])
def test_of_an_annotation_only_the_polygons_that_cannot_be_used_are_left_out(coco, polygon):
    shown = [square(1.9, 2, 10), polygon, polygon]
    index, said = opened(rewritten(coco, annotations=[changed(ANNOTATIONS[0], "segmentation", shown)]))
    assert "polygons of fewer than three points, or with half a point: 2 (first: in 11)" in said
    assert [points.tolist() for points in index.polygons(0)] == [[[1, 2], [11, 2], [11, 12], [1, 12]]]


@pytest.mark.parametrize("image_id", ["a1", 5.0, "5", 5])
@pytest.mark.parametrize("owner", ["a1", 5.0, "5", 5])
def test_ids_of_any_kind_are_compared_by_value(coco, image_id, owner):
    release = {"images": [picture(5, id=image_id)], "annotations": [annotation(1, 0, square(1, 1, 9), image_id=owner)]}
    if (image_id == "a1") == (owner == "a1"):
        assert len(open_coco(rewritten(coco, **release)).box_areas) == 1
    else:
        with pytest.raises(VisorVosError, match="not listed or missing: 1"):
            open_coco(rewritten(coco, **release))


def test_a_negative_id_is_the_same_as_text(coco):
    release = {"images": [picture(5, id=-5)], "annotations": [annotation(1, 0, square(1, 1, 9), image_id="-5")]}
    assert len(open_coco(rewritten(coco, **release)).box_areas) == 1


def test_a_finished_index_needs_no_lock(coco):
    before = open_coco(coco)
    lock = before.folder.parent / ".lock"
    lock.unlink()
    open_coco(coco)
    assert not lock.exists()


def test_an_image_listed_twice_is_one_image(coco):
    twice = [*PICTURES, picture(5), picture(5, id=50)]
    more = annotation(16, 50, square(3, 3, 9))
    index, said = opened(rewritten(coco, images=twice, annotations=[*ANNOTATIONS[:4], more]))
    assert "image" not in said
    assert index.instance_starts.tolist() == [0, 2, 2, 4]


@pytest.mark.parametrize(
    "write",
    [
        lambda path, text: path.write_text("\ufeff" + text, encoding="utf-8"),
        lambda path, text: path.rename(path.with_name("instances_default.json")),
        lambda path, text: (path.unlink(), path.with_suffix(".json.gz").write_bytes(gzip.compress(text.encode()))),
        lambda path, text: path.write_text(text.replace('"file_name": "', '"file_name": ".\\\\')),
    ],
)
def test_files_as_labelling_tools_write_them_are_read(coco, write):
    expected = scanned(coco / JSON)
    write(coco / JSON, (coco / JSON).read_text())
    assert content(open_coco(coco)) == expected


def test_backslashes_in_file_names_are_separators(coco):
    (coco / "train2017" / "deep").mkdir()
    (coco / "train2017" / "000000000007.jpg").rename(coco / "train2017" / "deep" / "7.jpg")
    index = open_coco(rewritten(coco, images=[picture(7, file_name="deep\\7.jpg"), *PICTURES[1:]]))
    assert index.read_frame(0).shape == (30, 40, 3)


def test_images_of_unknown_size_are_read(coco):
    entries = [changed(changed(entry, "height", None), "width", None) for entry in PICTURES]
    assert open_coco(rewritten(coco, images=entries)).read_frame(1).shape == (20, 25, 3)


def run_lengths(mask):
    """Run lengths of a mask, column by column, zeros first: the definition."""
    flat = [0, *mask.T.ravel().tolist(), 2]
    ends = [place for place in range(1, len(flat)) if flat[place] != flat[place - 1]]
    counts = [end - start for start, end in zip([1, *ends], ends, strict=False)]
    return counts


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), compressed=st.booleans(), blur=st.integers(0, 3))
def test_run_length_encoded_masks_are_drawn_again_as_they_were(seed, compressed, blur):
    mask = np.random.default_rng(seed).random((30, 40))
    mask = (cv2.GaussianBlur(mask, (0, 0), blur) if blur else mask) > 0.5
    if not mask.any():
        return
    counts = run_lengths(mask)
    if compressed:
        encoded = mask_tools.frPyObjects({"counts": counts, "size": [30, 40]}, 30, 40)
        counts = encoded["counts"].decode()
    entry = annotation(1, 7, segmentation={"counts": counts, "size": [30, 40]})
    with tempfile.TemporaryDirectory() as folder:
        root = write_coco(Path(folder), PICTURES, [entry, annotation(2, 7, square(1, 1, 9)), crowd(3, 7)])
        index = open_coco(root)
    assert index.instance_starts.tolist() == [0, 2, 2, 2]
    drawn = cv2.fillPoly(np.zeros((30, 40), np.uint8), index.polygons(0), (1,))
    np.testing.assert_array_equal(drawn, mask)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "must be a JSON"),
        ("no", "must be a JSON"),
        ("[]", "must be a JSON"),
        ('{"images": 5, "annotations": 5}', "must be a JSON"),
        ('{"images": []}', "must be a JSON"),
        ('{"images": [], "annotations": []}', "no annotation that can be used"),
        ('{"images": [5], "annotations": [[]]}', "images that cannot be read: 1"),
        ('{"images": ' + "[" * 100_000, "must be a JSON"),
        ('{"images": ["\udcff"]}', "must be a JSON"),
    ],
)
def test_what_is_not_a_release_is_refused(coco, text, expected):
    (coco / JSON).write_text(text, errors="surrogateescape")
    refused(coco, expected)


def refused(coco, expected):
    with pytest.raises(VisorVosError, match=rf"instances_train2017\.json .*{expected}"):
        open_coco(coco)
    assert [path.name for path in (coco / "annotations").iterdir()] == [JSON.name]


@pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
def test_a_truncated_json_is_refused(coco, kept):
    whole = (coco / JSON).read_text()
    (coco / JSON).write_text(whole[: int(len(whole) * kept)])
    refused(coco, "must be a JSON ")


def test_a_release_of_crowds_alone_has_nothing_to_learn_from(tmp_path):
    refused(write_coco(tmp_path, PICTURES, [crowd(1, 7)]), "no annotation that can be used")


def test_annotations_without_any_image_are_refused_at_opening(coco):
    shutil.rmtree(coco / "train2017")
    (coco / "train2017").mkdir()
    refused(coco, r"images that are missing: 3 \(first: .*000000000007\.jpg\)")
