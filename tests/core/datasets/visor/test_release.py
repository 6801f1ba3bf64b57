import zipfile

import pytest

from tests.visor_builders import DENSE, Release, put, zipped
from visorvos.core.datasets.visor.release import FrameFiles, find_annotations
from visorvos.core.io.archives import read_bytes
from visorvos.errors import VisorVosError
from visorvos.settings.prepare import PrepareSettings

BOTH = ("train", "val")


def annotations_of(root, splits=BOTH, release=False, dense=False, videos=()):
    source = {"release" if release else "annotations": root, "images": root if dense or not release else None}
    return find_annotations(PrepareSettings(output=root, split=splits, dense=dense, videos=videos, **source))


def found(root, splits=BOTH, **kinds):
    files = annotations_of(root, splits, **kinds)
    return {split: {file.name: read_bytes(file.location) for file in files[split]} for split in files}


def expected(release):
    by_split = {"train": {}, "val": {}}
    for name, content in release.json_files().items():
        split, file = name.split("/")
        by_split[split][file] = content
    return by_split


@pytest.fixture(scope="module")
def release():
    return Release.tiny()


def write_flat_zip(release, root):
    put(root / "annotations.zip", zipped({f"some/{n}": c for n, c in release.json_files().items()}))
    pictures = {f"img/{v}/{n}": c for v, files in release.pictures.items() for n, c in files.items()}
    put(root / "images.zip", zipped(pictures))
    return root / "annotations.zip", root / "images.zip"


def write_by_kitchen(release, root):
    annotations, _ = release.write_folders(root)
    for video, pictures in release.pictures.items():
        for name, content in pictures.items():
            put(root / "frames" / release.split_of(video) / video.split("_")[0] / video / name, content)
    return annotations, root / "frames"


def write_loose(release, root):
    annotations, _ = release.write_folders(root)
    for pictures in release.pictures.values():
        for name, content in pictures.items():
            put(root / "loose" / name, content)
    return annotations, root / "loose"


def write_loose_zip(release, root):
    annotations, _ = release.write_folders(root)
    put(root / "loose.zip", zipped({n: c for files in release.pictures.values() for n, c in files.items()}))
    return annotations, root / "loose.zip"


FORMS = {
    "folders": (Release.write_folders, False),
    "zips": (write_flat_zip, False),
    "by kitchen": (write_by_kitchen, False),
    "loose frames": (write_loose, False),
    "loose frames in a zip": (write_loose_zip, False),
    "release folder": (lambda r, root: (r.write_release(root),) * 2, True),
    "folder above the release": (lambda r, root: (r.write_release(root).parent,) * 2, True),
    "zip of zips, stored": (lambda r, root: (r.write_zip(root, zipfile.ZIP_STORED),) * 2, True),
    "zip of zips, compressed": (lambda r, root: (r.write_zip(root, zipfile.ZIP_DEFLATED),) * 2, True),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_holds_the_same_annotations_and_frames(tmp_path, release, form):
    write, whole = FORMS[form]
    annotations, images = write(release, tmp_path)
    assert found(annotations, release=whole) == expected(release)
    frames = FrameFiles(images, release.pictures)
    for video, pictures in release.pictures.items():
        read = {str(location).rpartition("/")[2]: read_bytes(location) for location in frames.of(video).values()}
        assert {name: read[name] for name in pictures} == pictures


def test_checksums_of_annotations_are_the_same_on_disk_and_in_zips(tmp_path, release):
    folder, _ = release.write_folders(tmp_path)
    archive = release.write_zip(tmp_path, zipfile.ZIP_STORED)
    on_disk = annotations_of(folder)
    in_zip = annotations_of(archive, release=True)
    assert [f.checksum for f in on_disk["val"]] == [f.checksum for f in in_zip["val"]]


def test_checksum_of_frames_follows_their_names_and_sizes(tmp_path, release):
    _, images = release.write_folders(tmp_path)
    before = FrameFiles(images, ["P01_01", "P07_101"])
    frame = next((images / "P01_01").iterdir())
    marks = before.checksum("P01_01"), before.checksum("P07_101")
    frame.write_bytes(frame.read_bytes() + b"x")
    after = FrameFiles(images, ["P01_01", "P07_101"])
    assert after.checksum("P01_01") != marks[0]
    assert after.checksum("P07_101") == marks[1]


def test_frames_are_found_whatever_their_suffix_and_unpacked_ones_before_zipped_ones(tmp_path):
    put(tmp_path / "P01_01" / "a.png", b"on disk")
    put(tmp_path / "P01_01.zip", zipped({"a.jpg": b"", "b.JPG": b"", "notes.txt": b""}))
    frames = FrameFiles(tmp_path, ["P01_01", "P02_02"]).of("P01_01")
    assert frames["a"].path.name == "a.png"
    assert sorted(frames) == ["a", "b"]


@pytest.mark.parametrize("separator", ["/", "\\"])
def test_what_macos_adds_to_a_zip_is_no_frame(tmp_path, separator):
    names = ("__MACOSX/._a.jpg", "__MACOSX/P01_01/._a.jpg", "P01_01/._b.jpg", ".hidden/c.jpg", "P01_01/a.jpg")
    put(tmp_path / "P01_01.zip", zipped({name.replace("/", separator): b"" for name in names}))
    assert list(FrameFiles(tmp_path, ["P01_01"]).of("P01_01")) == ["a"]


def test_a_video_that_is_not_there_has_no_frames(tmp_path):
    put(tmp_path / "P01_01" / "a.jpg", b"")
    assert FrameFiles(tmp_path, ["P02_02"]).of("P02_02") == {}


def test_flat_annotations_are_those_of_the_one_split_asked_for(tmp_path):
    put(tmp_path / "P01_01.json", b"{}")
    assert found(tmp_path, ["val"]) == {"val": {"P01_01.json": b"{}"}}
    with pytest.raises(VisorVosError, match=r"JSON files outside folders named train or val.*--split"):
        found(tmp_path)


def test_a_split_that_is_not_there_is_named(tmp_path):
    put(tmp_path / "train" / "P01_01.json", b"{}")
    with pytest.raises(VisorVosError, match="no annotations of the split val; it has those of train"):
        found(tmp_path)


@pytest.mark.parametrize("release", [True, False])
def test_a_folder_without_annotations_is_refused(tmp_path, release):
    put(tmp_path / "frame_mapping.json", b"{}")
    with pytest.raises(VisorVosError, match="no JSON file"):
        found(tmp_path, release=release)


def test_a_missing_root_is_named(tmp_path):
    with pytest.raises(VisorVosError, match="nowhere does not exist"):
        found(tmp_path / "nowhere")


def test_a_zip_file_may_be_named_after_its_split(tmp_path, release):
    for split, files in expected(release).items():
        put(tmp_path / "annotations" / f"{split}.zip", zipped(files))
    assert found(tmp_path) == found(tmp_path, release=True) == expected(release)


@pytest.mark.parametrize("is_zip", [True, False])
def test_other_folders_of_the_release_are_left_out(tmp_path, is_zip):
    files = {"annotations/train/P01_01.json": b"", "rgb_frames/train/P01_02.json": b"other"}
    files |= {"rgb_frames/train/P01_01/a.jpg": b"", f"{DENSE}/P01_01/b.jpg": b""}
    for name, content in {"release.zip": zipped(files)}.items() if is_zip else files.items():
        put(tmp_path / name, content)
    assert found(tmp_path, ["train"]) == {"train": {"P01_01.json": b""}}
    assert list(FrameFiles(tmp_path, ["P01_01"]).of("P01_01")) == ["a"]


def test_the_error_names_the_splits_that_are_there(tmp_path, release):
    for name, content in release.json_files().items():
        if name.startswith("val/"):
            put(tmp_path / name, content)
    with pytest.raises(VisorVosError, match="no annotations of the split train; it has those of val"):
        found(tmp_path, ["train"])


def test_a_zip_file_may_be_named_after_the_annotations(tmp_path, release):
    put(tmp_path / "annotations.zip", zipped(release.json_files()))
    assert found(tmp_path, release=True) == expected(release)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_dense_annotations_are_found_zipped_in_the_release(tmp_path, release, method):
    files = {f"top/{name}": content for name, content in release.release_files(method).items()}
    json_zip = zipped({"P07_101_interpolations.json": b"dense"}, method)
    files[f"top/{DENSE}/val/P07_101_interpolations.zip"] = json_zip
    put(tmp_path / "r.zip", zipped(files, method))
    assert found(tmp_path / "r.zip", ["val"], dense=True, release=True) == {
        "val": {"P07_101_interpolations.json": b"dense"}
    }
    assert found(tmp_path / "r.zip", release=True) == expected(release)
    put(tmp_path / "dense" / "val" / "P07_101_interpolations.zip", json_zip)
    assert found(tmp_path / "dense", ["val"], dense=True)["val"] == {"P07_101_interpolations.json": b"dense"}


def test_zip_files_of_other_videos_are_not_opened(tmp_path, release):
    files = release.release_files(zipfile.ZIP_STORED)
    for split, video in (("train", "P01_01"), ("val", "P07_101")):
        json_zip = zipped({f"{video}_interpolations.json": b"dense"})
        files[f"{DENSE}/{split}/{video}_interpolations.zip"] = json_zip if split == "train" else b"damaged"
    put(tmp_path / "r.zip", zipped(files))
    kinds = {"dense": True, "release": True}
    chosen = annotations_of(tmp_path / "r.zip", BOTH, videos=("P01_01",), **kinds)
    assert {split: [file.video for file in own] for split, own in chosen.items()} == {"train": ["P01_01"]}
    assert list(annotations_of(tmp_path / "r.zip", ("train",), **kinds)) == ["train"]
    with pytest.raises(VisorVosError, match=r"P07_101_interpolations\.zip cannot be read"):
        annotations_of(tmp_path / "r.zip", BOTH, **kinds)
