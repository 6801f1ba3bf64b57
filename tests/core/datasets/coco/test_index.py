import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import tracemalloc
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.numpy import load_file

from tests.coco_builders import annotation, crowd, picture, scanned, square, write_coco
from visorvos.core.datasets.coco import index as coco_index
from visorvos.core.datasets.coco import index_build as coco_index_build
from visorvos.core.datasets.coco import json_bounds
from visorvos.core.datasets.coco.index import CocoIndex, open_coco
from visorvos.core.datasets.synthetic.release import write_synthetic_coco
from visorvos.errors import VisorVosError

JSON = Path("annotations/instances_train2017.json")
INDEX = JSON.with_suffix(".index")

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


class Track:
    """Counts how often a JSON is read, and how much of it."""

    def __init__(self):
        self.builds = []

    def __call__(self, chunks, total):
        self.builds.append(0)
        for chunk in chunks:
            self.builds[-1] += 1
            yield chunk
        assert self.builds[-1] == total


def test_an_index_holds_what_the_json_says(coco):
    track = Track()
    index = open_coco(coco, track=track)
    assert track.builds == [1]
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
@given(release=releases(), chunk=st.integers(1, 700), batch=st.integers(0, 30))
def test_any_release_is_indexed_as_a_plain_scan_reads_it(release, chunk, batch):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(coco_index_build, "_MIB", chunk)
        patch.setattr(coco_index_build, "_BATCH", batch)
        source, target = Path(folder) / "a.json", Path(folder) / "a.index"
        source.write_text(json.dumps(release))
        stamp = coco_index_build.Stamp.of(source)
        coco_index_build.build_index(source, target, stamp, Track())
        index = CocoIndex(source, target, Path(folder), stamp)
        assert content(index) == scanned(source)
        assert index.instance_starts.flags.aligned
        stored = load_file(target)
        assert [len(stored[name]) for name in ("sizes", "box_areas")] == [
            len(release["images"]),
            sum(len(found) for _, found in scanned(source)),
        ]


def many(count, points):
    """Annotations of three images in turns, none next to another of its image."""
    shapes = np.random.default_rng(0).uniform(0, 30, (count, 2 * points)).round(2).tolist()
    return [annotation(number, PICTURES[number * 7 % 3]["id"], shape) for number, shape in enumerate(shapes)]


def test_instances_of_an_image_keep_the_order_of_the_json(tmp_path):
    coco = write_coco(tmp_path, PICTURES, many(500, 3))
    assert content(open_coco(coco)) == scanned(coco / JSON)


def test_memory_does_not_grow_with_the_points(tmp_path, monkeypatch):
    coco = write_coco(tmp_path, PICTURES, many(900, 60))
    monkeypatch.setattr(coco_index_build, "_MIB", 1 << 14)
    monkeypatch.setattr(coco_index_build, "_BATCH", 1 << 12)
    tracemalloc.start()
    try:
        index = open_coco(coco)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(index.box_areas) == 900
    assert peak < 450 * 60 * 2 * 8, "half of what the points take as numbers"


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
    before = open_coco(coco, track=track)
    open_coco(coco, track=track)
    assert len(track.builds) == 1
    write_coco(coco, PICTURES, ANNOTATIONS[:1])
    after = open_coco(coco, track=track)
    assert len(track.builds) == 2
    assert content(after) == scanned(coco / JSON)
    assert len(before.box_areas) == 3  # its file is gone from the folder, not from under it
    with pytest.raises(VisorVosError, match="no longer"):
        pickle.loads(pickle.dumps(before))
    assert before.describe() != after.describe()


def test_a_json_of_the_same_size_and_another_time_is_read_again(coco):
    track = Track()
    open_coco(coco, track=track)
    stat = (coco / JSON).stat()
    os.utime(coco / JSON, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))
    open_coco(coco, track=track)
    assert len(track.builds) == 2


def zeroed(content, start):
    return content[:start] + bytes(len(content) - start)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:100],
        lambda content: content[:-1],
        lambda content: content + b"\0",
        lambda content: bytes(len(content)),
        lambda content: zeroed(content, 4096),
        lambda content: zeroed(content, 4300),
        lambda content: content[:8] + b"[" * 4088 + content[4096:],
        lambda content: content.replace(b'"version": "1"', b'"version": "0"'),
        lambda content: content.replace(b'"names"', b'"nomes"'),
        lambda content: content.replace(b'"shape": [16, 2]', b'"shape": [15, 2]'),
        lambda content: content.replace(b'"shape": [16, 2]', b'"shape": [-1, 2]'),
        lambda content: content.replace(b'"shape": [16, 2]', b'"shape": [32]   '),
    ],
)
def test_a_damaged_index_is_built_anew(coco, damage):
    open_coco(coco)
    content_before = (coco / INDEX).read_bytes()
    damaged = damage(content_before)
    assert damaged != content_before
    (coco / INDEX).write_bytes(damaged)
    track = Track()
    assert content(open_coco(coco, track=track)) == scanned(coco / JSON)
    assert len(track.builds) == 1
    assert (coco / INDEX).read_bytes() == content_before


@pytest.mark.parametrize("name", ["/etc/0007.jpg", "../../00007.jpg", "\x1b[2J0000007.jpg"])
def test_an_index_from_elsewhere_names_no_file_beyond_the_images(coco, name):
    open_coco(coco)
    content = (coco / INDEX).read_bytes()
    inside = b"000000000007.jpg"
    hostile = content.replace(inside, name.rjust(len(inside), "/").encode())
    assert len(hostile) == len(content)
    assert hostile != content
    (coco / INDEX).write_bytes(hostile)
    with pytest.raises(VisorVosError, match=r"\.index names the image"):
        open_coco(coco)


def test_a_pickled_index_is_its_paths_alone(coco):
    index = open_coco(coco)
    pickled = pickle.dumps(index)
    assert len(pickled) < 1000
    again = pickle.loads(pickled)
    assert content(again) == content(index)
    assert again.describe() == index.describe()


@contextmanager
def without_privileges():
    """As a user who may not write where root may."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="folders cannot be made read-only here")
@pytest.mark.parametrize("is_home_writable", [True, False])
def test_beside_a_json_that_cannot_be_written_to_the_cache_is_used(monkeypatch, is_home_writable):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # for whom root becomes
        coco, home = write_coco(Path(folder) / "coco", PICTURES, ANNOTATIONS), Path(folder) / "home"
        home.mkdir()
        home.chmod(0o777 if is_home_writable else 0o555)
        (coco / "annotations").chmod(0o555)
        monkeypatch.setenv("VISORVOS_HOME", str(home))
        try:
            with without_privileges():
                if is_home_writable:
                    track = Track()
                    assert content(open_coco(coco, track=track)) == scanned(coco / JSON)
                    assert open_coco(coco, track=track).index.is_relative_to(home)
                    assert len(track.builds) == 1
                else:
                    with pytest.raises(VisorVosError, match=str(home)):
                        open_coco(coco)
        finally:
            (coco / "annotations").chmod(0o755)
            home.chmod(0o755)
        assert [path.name for path in (coco / "annotations").iterdir()] == [JSON.name]


def test_where_neither_place_has_room_the_remedy_names_the_variable(coco, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(coco_index, "build_index", full)
    with pytest.raises(VisorVosError, match=r"No space left.*VISORVOS_HOME"):
        open_coco(coco)


def start(coco, code):
    """A process that opens the index, with ``track`` as the code defines it."""
    return subprocess.Popen(
        [sys.executable, "-c", f"{code}\nimport pathlib\nopen_coco(pathlib.Path({str(coco)!r}), track=track)"],
        cwd=Path(__file__).parents[4],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


HALT = """
import sys
from visorvos.core.datasets.coco.index import open_coco
def track(chunks, total):
    for chunk in chunks:
        yield chunk[:len(chunk) // 2]
        print("half", flush=True)
        sys.stdin.readline()
        yield chunk[len(chunk) // 2:]
"""


def test_two_processes_that_build_at_once_do_not_harm_one_another(coco):
    processes = [start(coco, HALT) for _ in range(2)]
    for process in processes:
        assert process.stdout.readline() == "half\n"
    assert len(list((coco / "annotations").glob(".*.part"))) == 2
    for process in processes:
        process.communicate("\n")
        assert process.returncode == 0
    assert sorted(path.name for path in (coco / "annotations").iterdir()) == sorted([JSON.name, INDEX.name])
    track = Track()
    assert content(open_coco(coco, track=track)) == scanned(coco / JSON)
    assert track.builds == []


def test_what_a_killed_process_leaves_is_no_index_and_is_cleared_away_later(coco):
    process = start(coco, HALT)
    assert process.stdout.readline() == "half\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (left,) = (coco / "annotations").glob(".*.part")
    track = Track()
    assert content(open_coco(coco, track=track)) == scanned(coco / JSON)
    assert len(track.builds) == 1
    assert left.exists()  # for all that is known, another process is writing it
    os.utime(left, (0, 0))
    (coco / INDEX).unlink()
    open_coco(coco)
    assert not left.exists()


def test_a_build_that_is_interrupted_leaves_nothing(coco):
    def interrupted(chunks, total):
        yield next(iter(chunks))[:300]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_coco(coco, track=interrupted)
    assert [path.name for path in (coco / "annotations").iterdir()] == [JSON.name]


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


def test_frames_are_not_turned_since_annotations_are_not(tmp_path):
    coco = write_coco(tmp_path, [picture(1, 6, 9)], [annotation(1, 1, square(1, 1, 3))])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(frame(6, 9)).save(coco / "train2017" / "000000000001.jpg", exif=exif)
    assert open_coco(coco).read_frame(0).shape == (6, 9, 3)


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda path: path.unlink(), r"3\.jpg is missing.*Unpack train2017\.zip"),
        (lambda path: path.write_bytes(b""), r"3\.jpg cannot be read"),
        (lambda path: path.write_bytes(path.read_bytes()[:-40]), r"3\.jpg cannot be read: .*truncated"),
        (lambda path: Image.new("RGB", (20, 25)).save(path), r"3\.jpg is 20x25, and 25x20 in .*json"),
        (lambda path: Image.new("I;16", (25, 20)).save(path, "png"), r"3\.jpg has pixels of mode I;16"),
    ],
)
def test_an_image_that_cannot_be_used_is_named(tmp_path, spoil, expected):
    coco = write_coco(tmp_path, PICTURES, ANNOTATIONS, {3: frame(20, 25)})
    spoil(coco / "train2017" / "000000000003.jpg")
    index = open_coco(coco)
    with pytest.raises(VisorVosError, match=expected):
        index.read_frame(1)


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda root: shutil.rmtree(root), r"There is no .*json.*--coco"),
        (lambda root: (root / JSON).unlink(), r"There is no .*json.*--coco"),
        (lambda root: shutil.rmtree(root / "train2017"), r"no folder .*train2017, nor .*images.train2017.*Unpack"),
        (lambda root: (root / "train2017" / "000000000007.jpg").unlink(), r"7\.jpg is missing"),
    ],
)
def test_a_release_that_lacks_something_is_told_so_at_opening(coco, spoil, expected):
    spoil(coco)
    with pytest.raises(VisorVosError, match=expected):
        open_coco(coco)


def test_a_split_is_a_name(coco):
    with pytest.raises(VisorVosError, match=r"'\.\./x' cannot be a split"):
        open_coco(coco, "../x")


LONG = "x" * 300


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("id", None, "image number 1: the field id is missing"),
        ("id", "7", "image number 1, id: '7' is no integer"),
        ("id", True, "image number 1, id: True is no integer"),
        ("id", 3, "two images have the id 3"),
        ("id", 8, "the image 7, which it does not list"),
        ("file_name", None, "image number 1: the field file_name is missing"),
        ("file_name", 7, "image number 1, file_name: 7 is no name"),
        ("file_name", "../a.jpg", "file_name: '../a.jpg' is no name"),
        ("file_name", "/a.jpg", "file_name: '/a.jpg' is no name"),
        ("file_name", "a/../../b.jpg", "is no name"),
        ("file_name", "a\\b.jpg", "is no name"),
        ("file_name", "C:a.jpg", "is no name"),
        ("file_name", "", "is no name"),
        ("file_name", "a\0.jpg", "is no name"),
        ("file_name", f"{LONG}.jpg", "is no name"),
        ("file_name", "ü" * 150, "is no name"),
        ("file_name", "a/" * 2000 + "b.jpg", "is no name"),
        ("file_name", [LONG], r"file_name: \['x{58} is no name"),
        ("height", None, "image number 1: the field height is missing"),
        ("height", 0, "image number 1, height: 0 is not within"),
        ("width", -4, "image number 1, width: -4 is not within"),
        ("width", 10**6, "image number 1, width: 1000000 is not within"),
        ("width", 4.5, "image number 1, width: 4.5 is no integer"),
    ],
)
def test_an_image_that_cannot_be_is_named(coco, field, value, expected):
    check_refused(coco, "images", changed(PICTURES[0], field, value), expected)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("image_id", None, "annotation 11: the field image_id is missing"),
        ("image_id", "5", "annotation 11, image_id: '5' is no integer"),
        ("image_id", 4, "annotations belong to the image 4, which it does not list"),
        ("image_id", 10**15, "annotations belong to the image 1000000000000000, which"),
        ("iscrowd", None, "annotation 11: the field iscrowd is missing"),
        ("iscrowd", 2, "annotation 11, iscrowd: 2 is neither"),
        ("bbox", None, "annotation 11: the field bbox is missing"),
        ("bbox", [1, 2, 3], r"annotation 11, bbox: \[1, 2, 3\] is no list"),
        ("bbox", [1, 2, 3, "4"], "annotation 11, bbox: .* is no list"),
        ("bbox", [1, 2, -3, 4], "annotation 11, bbox: .* has a negative side"),
        ("segmentation", None, "annotation 11: the field segmentation is missing"),
        ("segmentation", {"counts": [1], "size": [1, 1]}, "annotation 11, segmentation: no list of polygons, though"),
        ("segmentation", [[1, 2, 3, 4, 5, 6, 7]], "annotation 11, segmentation: a polygon is no list of an even"),
        ("segmentation", [1, 2, 3, 4, 5, 6], "annotation 11, segmentation: a polygon is no list"),
        ("segmentation", [[1, 2, 3, 4, 5, "6"]], "annotation 11, segmentation: a coordinate is no number"),
        ("segmentation", [[1, 2, 3, 4, 5, None]], "annotation 11, segmentation: a coordinate is no number"),
        ("segmentation", [[1, 2, 3, 4, 5, [6]]], "annotation 11, segmentation: a coordinate is no number"),
        ("segmentation", [[1, 2, 3, 4, 5, 20001]], "annotation 11, segmentation: the coordinate 20001 is no pixel"),
        ("segmentation", [[1, 2, 3, 4, 5, -1e300]], r"annotation 11, segmentation: the coordinate -1e\+300 is no"),
    ],
)
def test_an_annotation_that_cannot_be_is_named(coco, field, value, expected):
    check_refused(coco, "annotations", changed(ANNOTATIONS[0], field, value), expected)


def changed(entry, field, value):
    return {key: old for key, old in entry.items() if key != field} | ({} if value is None else {field: value})


def check_refused(coco, kind, entry, expected):
    release = json.loads((coco / JSON).read_text())
    release[kind][0] = entry
    (coco / JSON).write_text(json.dumps(release))
    refused(coco, expected)


def refused(coco, expected):
    with pytest.raises(VisorVosError, match=rf"instances_train2017\.json: .*{expected}.*download it again"):
        open_coco(coco)
    assert not list((coco / "annotations").glob("*.index"))
    assert not list((coco / "annotations").glob(".*.part"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "it is no JSON"),
        ("no", "it is no JSON"),
        ("[]", "it lists no images"),
        ('{"images": 5, "annotations": 5}', "it lists no images"),
        ('{"images": [], "annotations": []}', "it lists no images"),
        ('{"images": [5], "annotations": []}', "image number 1: 5 is no object"),
        ('{"images": [{"id": 1, "file_name": "a", "height": 1, "width": 1}]}', "it lists no annotations"),
        ('{"annotations": [[]]}', r"annotation that is none: \[\] is no object"),
        ('{"images": [{"id": 11111111111111111111', "it is no JSON: .*overflow"),
        ('{"images": [{"id": NaN}]}', "it is no JSON: .*invalid char"),
        ('{"annotations": [{"id": 1, "image_id": 1, "segmentation": [[NaN, 1]]}]}', "it is no JSON: .*invalid char"),
        ('{"annotations": [{"bbox": [1e999]}]}', "it is no JSON: .*overflow"),
        ('{"images": ["\udcff"]}', "it is no JSON: .*UTF8"),
    ],
)
def test_what_is_no_release_is_told_so(coco, text, expected):
    (coco / JSON).write_text(text, errors="surrogateescape")
    refused(coco, expected)


def test_an_entry_that_would_fill_the_memory_is_refused(coco, monkeypatch):
    monkeypatch.setattr(coco_index_build, "_MIB", 64)
    monkeypatch.setattr(json_bounds, "_LONGEST", 5000)
    entry = changed(ANNOTATIONS[0], "segmentation", [[1] * 4000])
    check_refused(coco, "annotations", entry, "an entry of it is longer than can be meant")


@pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
def test_a_truncated_json_is_told_so(coco, kept):
    whole = (coco / JSON).read_text()
    (coco / JSON).write_text(whole[: int(len(whole) * kept)])
    refused(coco, "it is no JSON: .*premature EOF")


def test_a_release_of_crowds_alone_has_nothing_to_learn_from(tmp_path):
    refused(write_coco(tmp_path, PICTURES, [crowd(1, 7)]), "none of its annotations has a polygon")
