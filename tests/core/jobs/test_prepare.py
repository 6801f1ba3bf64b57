import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from dataclasses import asdict
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.builders import GOLDEN
from tests.forked import finish, start
from tests.visor_builders import CUP, KNIFE, SPOON, Release, box, contents, entity, frame, picture, put, zipped
from visorvos.core.datasets.davis.layout import open_split
from visorvos.core.io.palettes import DAVIS_PALETTE
from visorvos.core.jobs import prepare as job
from visorvos.core.jobs.prepare import prepare
from visorvos.errors import VisorVosError
from visorvos.settings.prepare import PrepareSettings


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The tiny release, unpacked."""
    annotations, images = Release.tiny().write_folders(tmp_path_factory.mktemp("release"))
    return {"annotations": annotations, "images": images}


def run(output, source, **options):
    return prepare(PrepareSettings(**{"output": output, "num_workers": 1, **source, **options}))


def labels(output, sequence, number, data="VISOR_2022"):
    name = f"{'_'.join(sequence.split('_')[:2])}_frame_{number:010d}.png"
    return np.array(Image.open(output / data / "Annotations" / "480p" / sequence / name))


def drawn(*boxes):
    """A mask of boxes, drawn by slicing at full size and taken at every pixel that nearest neighbor takes."""
    full = np.zeros((1080, 1920), np.uint8)
    for index, polygon in boxes:
        xs, ys = [int(x) for x, _ in polygon], [int(y) for _, y in polygon]
        full[min(ys) : max(ys) + 1, min(xs) : max(xs) + 1] = index
    rows = np.minimum(np.floor(np.arange(480) * (1080 / 480)).astype(int), 1079)
    columns = np.minimum(np.floor(np.arange(854) * (1920 / 854)).astype(int), 1919)
    return full[rows][:, columns]


def test_the_tiny_release_becomes_the_data_set_that_its_rules_ask_for(tmp_path, source):
    result = run(tmp_path, source)
    data = tmp_path / "VISOR_2022"
    files = contents(data)
    lists = {name: files[f"ImageSets/2022/{name}.txt"].decode() for name in ("train", "val", "val_unseen")}
    unseen = "P07_101_seq_00001\nP07_101_seq_00002"
    assert lists == {"train": "P01_01_seq_00001", "val": unseen, "val_unseen": unseen}
    assert files["train_data_mapping.json"].decode() == (
        '{"P01_01_seq_00001": {"1": "cup", "2": "knife", "3": "spoon"}, "P01_01_seq_00002": {"1": "knife"}}'
    )
    assert json.loads(files["val_data_mapping.json"]) == {
        "P07_101_seq_00001": {"1": "cup", "2": "knife"},
        "P07_101_seq_00002": {"1": "knife", "2": "spoon"},
    }
    masks = {f"{Path(name).parent.name}/{Path(name).stem}" for name in files if name.endswith(".png")}
    frames = {f"{Path(name).parent.name}/{Path(name).stem}" for name in files if name.endswith(".jpg")}
    kept = {("P01_01", 1): (10, 20, 30), ("P07_101", 1): (10, 20), ("P07_101", 2): (60, 70)}
    assert (
        masks
        == frames
        == {
            f"{video}_seq_0000{sequence}/{video}_frame_{number:010d}"
            for (video, sequence), numbers in kept.items()
            for number in numbers
        }
    )
    assert (result.converted, result.reused) == (7, 0)
    assert not list(tmp_path.rglob("*.part"))


def test_masks_are_drawn_in_order_with_holes_and_the_davis_palette(tmp_path, source):
    run(tmp_path, source)
    first = labels(tmp_path, "P01_01_seq_00001", 10)
    inside = box(301, 301, 398, 398)
    np.testing.assert_array_equal(first, drawn((2, KNIFE), (0, inside), (1, CUP)))
    np.testing.assert_array_equal(labels(tmp_path, "P01_01_seq_00001", 20), drawn((1, CUP), (2, KNIFE), (3, SPOON)))
    np.testing.assert_array_equal(labels(tmp_path, "P07_101_seq_00001", 20), drawn((1, CUP)))
    png = tmp_path / "VISOR_2022/Annotations/480p/P01_01_seq_00001/P01_01_frame_0000000010.png"
    with Image.open(png) as image:
        assert (image.mode, image.size) == ("P", (854, 480))
        assert bytes(image.getpalette()) == DAVIS_PALETTE


def test_frames_are_those_of_opencv(tmp_path, source):
    run(tmp_path, source)
    name = "P01_01_frame_0000000020.jpg"
    expected = cv2.resize(cv2.imread(str(source["images"] / "P01_01" / name)), (854, 480))
    written = tmp_path / "VISOR_2022/JPEGImages/480p/P01_01_seq_00001" / name
    assert written.read_bytes() == cv2.imencode(".jpg", expected)[1].tobytes()


@pytest.mark.parametrize("workers", [1, 2])
def test_the_golden_release_becomes_byte_for_byte_what_the_reference_makes_of_it(tmp_path, workers):
    release = GOLDEN / "release"
    run(tmp_path, {"annotations": release / "annotations", "images": release / "images"}, num_workers=workers)
    ours, theirs = contents(tmp_path / "VISOR_2022"), contents(release / "VISOR_2022")
    assert ours.keys() == theirs.keys()
    assert [name for name, content in theirs.items() if ours[name] != content] == []


def test_the_report_says_what_was_kept_and_what_was_not_and_why(tmp_path, source):
    result = run(tmp_path, source)
    report = json.loads((tmp_path / "prepare_report.json").read_text())
    train, val = report["splits"]["train"], report["splits"]["val"]
    assert report["splits"] == json.loads(json.dumps(asdict(result)["splits"]))
    assert train["dropped"] == {"P01_01_seq_00002": "2 masks where train needs 3"}
    unremarkable = {"lost_objects": {}, "never_shown": [], "stretched_frames": []}
    assert train["kept"]["P01_01_seq_00001"] == {
        "frames": 3,
        "objects": 3,
        "empty_frames": [],
        "late_objects": [3],
        **unremarkable,
    }
    assert val["empty_first_frames"] == ["P07_101_seq_00002"]
    assert val["kept"]["P07_101_seq_00001"] == {
        "frames": 2,
        "objects": 2,
        "empty_frames": ["P07_101_frame_0000000030", "P07_101_frame_0000000040"],
        "late_objects": [],
        **unremarkable,
    }
    assert val["totals"] == {
        "sequences_kept": 2,
        "sequences_dropped": 0,
        "frames_kept": 4,
        "frames_empty": 3,
        "frames_dropped": 0,
        "frames_broken": 0,
    }
    assert val["published"] == {"videos": 43, "sequences": 1244, "full_release": False, "equal": None}


def test_the_objects_option_overrides_the_rule_of_the_split(tmp_path, source):
    run(tmp_path / "all", source, split=("val",), objects="all")
    assert json.loads((tmp_path / "all/VISOR_2022/val_data_mapping.json").read_text())["P07_101_seq_00001"] == {
        "1": "cup",
        "2": "knife",
        "3": "spoon",
    }
    report = run(tmp_path / "first", source, split=("train",), objects="first-frame").splits["train"]
    assert report.dropped["P01_01_seq_00001"] == "2 masks where train needs 3, 1 empty frame"


def test_without_an_object_in_the_first_frame_the_next_one_numbers_unless_the_reference_is_asked_for(tmp_path, source):
    run(tmp_path / "ours", source)
    run(tmp_path / "theirs", source, reference_ids=True)
    name = "P07_101_seq_00002"
    both = drawn((1, KNIFE), (2, SPOON))
    np.testing.assert_array_equal(labels(tmp_path / "ours", name, 60), both)
    np.testing.assert_array_equal(labels(tmp_path / "ours", name, 70), both)
    np.testing.assert_array_equal(labels(tmp_path / "theirs", name, 60), drawn((1, SPOON), (2, KNIFE)))
    np.testing.assert_array_equal(labels(tmp_path / "theirs", name, 70), both)
    assert json.loads((tmp_path / "theirs/VISOR_2022/val_data_mapping.json").read_text())[name] == {}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_the_zip_of_zips_gives_the_same_files_and_nothing_is_extracted(tmp_path, source, method):
    archive = Release.tiny().write_zip(tmp_path / "download", method)
    run(tmp_path / "zip", {"release": archive})
    run(tmp_path / "folders", source)
    assert contents(tmp_path / "zip/VISOR_2022") == contents(tmp_path / "folders/VISOR_2022")
    assert [path.name for path in archive.parent.iterdir()] == [archive.name]


def dense_release(root):
    annotations = {"train": {"P01_01_interpolations": []}}
    for number in range(1, 4):
        entry = frame("P01_01", "seq_00009", number, entity("cup", box(100, 50, 300, 200 + number)))
        entry["image"]["interpolation"] = "P01_01_interpolation_0007"
        entry["image"]["name"] = entry["image"]["name"].replace(".jpg", ".png")
        annotations["train"]["P01_01_interpolations"].append(entry)
    pictures = {f"P01_01_frame_{number:010d}.jpg": picture(number, 480, 854) for number in range(1, 4)}
    release = Release(annotations, {"P01_01": pictures})
    for name, content in release.json_files().items():
        put(root / "dense" / name.replace(".json", ".zip"), zipped({Path(name).name: content}))
    return {"annotations": root / "dense", "images": release.write_folders(root)[1]}


def test_dense_annotations_are_drawn_at_their_own_size(tmp_path):
    run(tmp_path / "out", dense_release(tmp_path), dense=True, split=("train",))
    mask = labels(tmp_path / "out", "P01_01_interpolation_0007", 2, "VISOR_2022_dense")
    expected = np.zeros((480, 854))
    expected[50:203, 100:301] = 1
    np.testing.assert_array_equal(mask, expected)
    assert (tmp_path / "out/VISOR_2022_dense/ImageSets/2022/train.txt").read_text() == "P01_01_interpolation_0007"
    assert not (tmp_path / "out/VISOR_2022").exists()


def test_a_second_run_has_nothing_to_convert(tmp_path, source):
    run(tmp_path, source)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*_frame_*")}
    files = contents(tmp_path)
    result = run(tmp_path, source)
    assert (result.converted, result.reused) == (0, 7)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*_frame_*")} == before
    assert contents(tmp_path) == files


def test_splits_may_be_prepared_one_after_the_other(tmp_path, source):
    run(tmp_path / "both", source)
    for split in ("train", "val"):
        run(tmp_path / "each", source, split=(split,))
    both, each = contents(tmp_path / "both"), contents(tmp_path / "each")
    both.pop("settings.yaml"), each.pop("settings.yaml")
    assert each == both


REMOVED = ("*.png", "*.jpg", "*_mapping.json", "val.txt", "val_unseen.txt", "prepare_report.json")


@pytest.mark.parametrize("pattern", REMOVED)
def test_what_is_missing_from_the_output_is_made_again(tmp_path, source, pattern):
    run(tmp_path, source)
    before = contents(tmp_path)
    sorted(tmp_path.rglob(pattern))[0].unlink()
    run(tmp_path, source)
    assert contents(tmp_path) == before


def test_nothing_half_written_is_taken_for_done(tmp_path, source):
    run(tmp_path, source)
    before = contents(tmp_path)
    (tmp_path / "prepare_report.json").unlink()
    jpeg = sorted(tmp_path.rglob("*.jpg"))[0]
    jpeg.rename(jpeg.with_name(f".{jpeg.name}.part"))
    png = sorted(tmp_path.rglob("*.png"))[1]
    png.write_bytes(png.read_bytes()[:-40])
    assert run(tmp_path, source).reused == 5
    assert contents(tmp_path) == before


def test_two_processes_make_the_same_as_one(tmp_path, source):
    run(tmp_path / "one", source)
    run(tmp_path / "two", source, num_workers=2)
    assert contents(tmp_path / "one/VISOR_2022") == contents(tmp_path / "two/VISOR_2022")


def long_release(root):
    """Enough frames at full size that a run lasts for a moment."""
    frames = [
        frame("P01_01", f"seq_{number // 4:05d}", number, entity("cup", CUP), entity("knife", KNIFE))
        for number in range(72)
    ]
    pictures = dict.fromkeys((entry["image"]["name"] for entry in frames), picture(1, 1080, 1920))
    annotations, images = Release({"train": {"P01_01": frames}}, {"P01_01": pictures}).write_folders(root)
    return {"annotations": annotations, "images": images, "split": ("train",), "num_workers": 2}


def kill_after_results(number):
    """Kills this process after the results of a number of tasks of its workers."""
    spread, seen = job.spread, iter(range(1, 10_000))

    def counted(*given):
        for result in spread(*given):
            yield result
            if next(seen) == number:
                os.kill(os.getpid(), signal.SIGKILL)

    job.spread = counted


def test_a_run_that_was_killed_at_any_moment_ends_with_the_files_of_an_undisturbed_one(tmp_path):
    options = long_release(tmp_path)
    output = tmp_path / "out"
    run(output, options)
    undisturbed = contents(output)
    shutil.rmtree(output)
    command = ["prepare", "--output", output, "--split", "train", "--workers", 2]
    command += ["--annotations", options["annotations"], "--images", options["images"]]
    # The first result is the survey of the video; nine batches of frames follow.
    for results in (2, 5, 8):
        process = start(command, tmp_path / "log", arrange=partial(kill_after_results, results))
        assert finish(process) == -signal.SIGKILL
        assert not list(output.rglob("*.txt")), "lists come last"
    run(output, options)
    assert contents(output) == undisturbed


def copied(source, root):
    return {name: Path(shutil.copytree(folder, root / name)) for name, folder in source.items()}


def break_frames(images):
    """Two frames missing, one empty, one truncated, one no image; one missing that no mask needs."""
    number = {int(path.stem[-4:]): path for path in (images / "P07_101").iterdir()}
    number[10].unlink()
    number[60].write_bytes(b"")
    number[70].write_bytes(number[70].read_bytes()[:-200])
    number[30].unlink()
    first, second, third = sorted((images / "P01_01").iterdir())[:3]
    first.unlink()
    second.write_bytes(b"\xff\xd8\xff no picture")
    third.write_bytes(third.read_bytes()[:500])


def test_all_broken_frames_are_listed_at_once_and_can_be_restored(tmp_path, source):
    own = copied(source, tmp_path)
    break_frames(own["images"])
    with pytest.raises(VisorVosError) as raised:
        run(tmp_path / "out", own)
    message = raised.value.message
    assert message.startswith("6 frames are missing, damaged or not 16:9")
    for text in (
        "P07_101_seq_00001/P07_101_frame_0000000010: No such frame in ",
        "P07_101_frame_0000000060.jpg cannot be read: the file is empty",
        "P07_101_frame_0000000070.jpg cannot be read: image file is truncated",
        "P01_01_seq_00001/P01_01_frame_0000000010: No such frame in ",
        "P01_01_frame_0000000020.jpg cannot be read: not an image",
        "P01_01_frame_0000000030.jpg cannot be read: ",
    ):
        assert text in message
    assert len((tmp_path / "out/broken_frames.txt").read_text().splitlines()) == 6
    assert not list((tmp_path / "out").rglob("ImageSets"))
    assert not (tmp_path / "out/prepare_report.json").exists()

    shutil.copytree(source["images"], own["images"], dirs_exist_ok=True)
    run(tmp_path / "out", own)
    run(tmp_path / "whole", source)
    assert contents(tmp_path / "out/VISOR_2022") == contents(tmp_path / "whole/VISOR_2022")
    assert not (tmp_path / "out/broken_frames.txt").exists()


def test_lists_and_report_go_as_soon_as_the_data_is_no_longer_whole(tmp_path, source):
    own = copied(source, tmp_path)
    run(tmp_path / "out", own)
    break_frames(own["images"])
    with pytest.raises(VisorVosError, match="6 frames are missing"):
        run(tmp_path / "out", own)
    left = {Path(name).suffix for name in contents(tmp_path / "out/VISOR_2022")}
    assert left == {".jpg", ".png"}
    assert not (tmp_path / "out/prepare_report.json").exists()
    # And nothing stays of the frames that were whole before.
    run(tmp_path / "out", own, skip_broken=True)
    run(tmp_path / "fresh", own, skip_broken=True)
    assert contents(tmp_path / "out/VISOR_2022") == contents(tmp_path / "fresh/VISOR_2022")


def test_broken_frames_are_skipped_on_request_and_the_report_lists_them(tmp_path, source):
    own = copied(source, tmp_path)
    break_frames(own["images"])
    report = run(tmp_path / "out", own, skip_broken=True).splits
    assert report["train"].dropped["P01_01_seq_00001"] == "0 masks where train needs 3, 3 broken frames"
    assert [entry.frame for entry in report["val"].broken] == [f"P07_101_frame_00000000{n}" for n in (10, 60, 70)]
    assert (tmp_path / "out/VISOR_2022/ImageSets/2022/val.txt").read_text() == ""
    with pytest.raises(VisorVosError, match="6 frames are missing"):
        run(tmp_path / "out", own)


def test_a_damaged_frame_in_a_zip_is_named_with_the_zip(tmp_path):
    archive = Release.tiny().write_zip(tmp_path, zipfile.ZIP_STORED, zipfile.ZIP_STORED)
    content = bytearray(archive.read_bytes())
    content[content.index(b"\xff\xda") + 40] ^= 255
    archive.write_bytes(content)
    with pytest.raises(VisorVosError, match=r"(?s)1 frame is .*rgb_frames/train/P01/P01_01.zip/P01_01_frame_.*CRC"):
        run(tmp_path / "out", {"release": archive})


def test_videos_whose_frames_have_changed_are_done_again(tmp_path, source):
    own = copied(source, tmp_path)
    run(tmp_path / "out", own)
    for path in (own["images"] / "P01_01").iterdir():
        path.write_bytes(picture(99))
    result = run(tmp_path / "out", own)
    assert (result.converted, result.reused) == (3, 4)
    run(tmp_path / "fresh", own)
    assert contents(tmp_path / "out/VISOR_2022") == contents(tmp_path / "fresh/VISOR_2022")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"objects": "all"}, "prepared differently: --objects was not given, now all"),
        ({"reference_ids": True}, "--reference-ids was off, now on"),
        ({"dense": True}, "--dense was off, now on"),
    ],
)
def test_data_of_other_options_is_not_mixed(tmp_path, source, change, expected):
    run(tmp_path, source)
    before = contents(tmp_path)
    with pytest.raises(VisorVosError, match=expected):
        run(tmp_path, source, **change)
    assert contents(tmp_path) == before


def test_data_of_other_annotations_is_not_mixed(tmp_path, source):
    run(tmp_path / "out", source)
    own = copied(source, tmp_path)
    file = own["annotations"] / "val" / "P07_101.json"
    file.write_text(file.read_text().replace('"cup"', '"mug"'))
    with pytest.raises(VisorVosError, match="prepared differently: val annotations changed"):
        run(tmp_path / "out", own)


def test_a_folder_of_unknown_origin_is_left_alone(tmp_path, source):
    put(tmp_path / "VISOR_2022" / "mine.txt", b"")
    with pytest.raises(VisorVosError, match=r"VISOR_2022 exists, but not .*prepare_inputs\.json"):
        run(tmp_path, source)


def twice(annotations):
    annotations["val"]["P08_01"] = annotations["val"]["P07_101"]


def climbing(annotations):
    annotations["train"]["P01_01"][0]["image"]["subsequence"] = "../../climbed"


def crowded(annotations):
    annotations["train"]["P01_01"][0]["annotations"] = [entity(f"thing {n}", KNIFE) for n in range(256)]


def no_polygon_list(annotations):
    annotations["val"]["P07_101"][1]["annotations"][0]["segments"] = [[[1, 2], [3]]]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (twice, r"sequence P07_101_seq_00001 is in .*P07_101\.json and in .*P08_01\.json"),
        (climbing, r"P01_01\.json: frame P01_01_frame_0000000030\.jpg, image\.subsequence.*'\.\./\.\./climbed'"),
        (crowded, r"P01_01\.json: sequence P01_01_seq_00001 has 259 objects; a mask can hold 255"),
        (no_polygon_list, r"P07_101\.json: frame P07_101_frame_0000000020\.jpg, annotations\.0\.segments\.0\.1"),
    ],
)
def test_bad_annotations_are_refused_before_anything_is_written(tmp_path, spoil, expected, workers):
    release = Release.tiny()
    spoil(release.annotations)
    annotations, images = release.write_folders(tmp_path)
    with pytest.raises(VisorVosError, match=expected):
        run(tmp_path / "out", {"annotations": annotations, "images": images}, num_workers=workers)
    assert not (tmp_path / "out").exists()


def test_a_folder_without_any_of_the_frames_is_refused_at_once(tmp_path, source):
    (tmp_path / "empty").mkdir()
    with pytest.raises(VisorVosError, match="empty has no frames of 2 of 2 videos: P01_01, P07_101"):
        run(tmp_path / "out", {**source, "images": tmp_path / "empty"})
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_written_is_named_by_a_worker_too(tmp_path, source):
    run(tmp_path, source, split=("train",))
    put(tmp_path / "VISOR_2022" / "Annotations" / "480p" / "P07_101_seq_00001", b"in the way")
    with pytest.raises(VisorVosError, match=r"Cannot (make|write).*P07_101_seq_00001"):
        run(tmp_path, source, num_workers=2)


def one_sequence(root, *, entities, height=1080, width=1920, frames=3):
    """A train release of one sequence, all frames with the same entities."""
    entries = [frame("P01_01", "seq_00001", number, *entities) for number in range(frames)]
    pictures = {entry["image"]["name"]: picture(1, height, width) for entry in entries}
    annotations, images = Release({"train": {"P01_01": entries}}, {"P01_01": pictures}).write_folders(root)
    return {"annotations": annotations, "images": images, "split": ("train",)}


def test_objects_that_the_resize_removes_are_reported(tmp_path):
    # Nearest neighbor takes every 2.25th column: never column 1.
    speck, hidden = entity("speck", box(1, 1, 1, 1)), entity("hidden", box(300, 300, 310, 310))
    release = one_sequence(tmp_path, entities=[speck, hidden, entity("knife", KNIFE)])
    (kept,) = run(tmp_path / "out", release).splits["train"].kept.values()
    stems = [f"P01_01_frame_{number:010d}" for number in range(3)]
    assert kept.lost_objects == {"3": stems}
    assert kept.never_shown == (1, 3)
    assert kept.objects == 1


@pytest.mark.parametrize(("height", "width"), [(480, 640), (1920, 1080)])
def test_frames_that_are_not_16_to_9_are_refused_unless_stretched(tmp_path, height, width):
    release = one_sequence(tmp_path, entities=[entity("knife", KNIFE)], height=height, width=width)
    with pytest.raises(
        VisorVosError, match=rf"(?s)3 frames are.*The frame is {width}x{height}, not 16:9; --stretch converts it"
    ):
        run(tmp_path / "out", release)
    assert run(tmp_path / "out", release, stretch=True).converted == 3
    (kept,) = run(tmp_path / "out", release, stretch=True).splits["train"].kept.values()
    assert len(kept.stretched_frames) == 3
    assert labels(tmp_path / "out", "P01_01_seq_00001", 1).shape == (480, 854)


@pytest.mark.parametrize(("height", "width"), [(256, 456), (720, 1280)])
def test_smaller_frames_of_the_same_aspect_ratio_are_converted(tmp_path, height, width):
    release = one_sequence(tmp_path, entities=[entity("knife", KNIFE)], height=height, width=width)
    assert run(tmp_path / "out", release).splits["train"].kept["P01_01_seq_00001"].stretched_frames == ()


def test_the_resolution_can_be_chosen(tmp_path, source):
    run(tmp_path, source, resolution="427x240")
    data = open_split(tmp_path / "VISOR_2022", "train")
    video = data.sequence("P01_01_seq_00001")
    assert video.frames[0].parts[-3] == "240p"
    with Image.open(video.frames[0]) as image, Image.open(video.masks[0]) as mask:
        assert image.size == mask.size == (427, 240)
    with pytest.raises(VisorVosError, match="--resolution was 427x240, now 854x480"):
        run(tmp_path, source)


def test_videos_can_be_chosen_and_others_are_not_opened(tmp_path):
    release = Release.tiny().write_release(tmp_path)
    for archive in release.rglob("P07_101.zip"):
        archive.write_bytes(b"no zip")
    result = run(tmp_path / "out", {"release": release}, videos=("P01_01",))
    assert list(result.splits) == ["train"]
    with pytest.raises(VisorVosError, match=r"no annotations of P09_09 in train or val"):
        run(tmp_path / "out", {"release": release}, videos=("P09_09",))


def test_a_damaged_zip_of_frames_can_be_skipped(tmp_path):
    release = Release.tiny().write_release(tmp_path)
    for archive in release.rglob("P07_101.zip"):
        archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(VisorVosError, match=r"(?s)4 frames are missing.*P07_101\.zip cannot be read"):
        run(tmp_path / "out", {"release": release})
    report = run(tmp_path / "out", {"release": release}, skip_broken=True).splits
    assert len(report["train"].kept) == 1
    assert {entry.frame[:7] for entry in report["val"].broken} == {"P07_101"}


@pytest.mark.parametrize("is_there", [True, False])
def test_videos_without_frames_are_named_before_the_conversion(tmp_path, source, is_there):
    own = copied(source, tmp_path)
    shutil.rmtree(own["images"] / "P07_101")
    if is_there:
        (own["images"] / "P07_101").mkdir()
    with pytest.raises(VisorVosError, match=r"no frames of 1 of 2 videos: P07_101\. Expected P07_101/.*--videos"):
        run(tmp_path / "out", own)
    assert not (tmp_path / "out").exists()
    assert run(tmp_path / "out", own, skip_broken=True).splits["train"].totals["frames_broken"] == 0


def test_zips_with_backslashes_are_read(tmp_path, source):
    release = Release.tiny()
    files = {name.replace("/", "\\"): content for name, content in release.release_files(zipfile.ZIP_STORED).items()}
    for video, pictures in release.pictures.items():
        place = next(name for name in files if name.endswith(f"{video}.zip"))
        files[place] = zipped({f"{video}\\{name}": content for name, content in pictures.items()})
    put(tmp_path / "windows.zip", zipped(files))
    run(tmp_path / "zip", {"release": tmp_path / "windows.zip"})
    run(tmp_path / "folders", source)
    assert contents(tmp_path / "zip/VISOR_2022") == contents(tmp_path / "folders/VISOR_2022")


@pytest.mark.parametrize("video", ["P01_01", "P07_101"])
@pytest.mark.parametrize("name", ["frame_{:010d}.jpg", "frame_{:06d}.jpg"])
def test_names_of_epic_kitchens_are_recognized(tmp_path, source, name, video):
    own = copied(source, tmp_path)
    for path in (own["images"] / video).iterdir():
        path.rename(path.with_name(name.format(int(path.stem[-10:]))))
    with pytest.raises(VisorVosError, match=r"names of EPIC-KITCHENS, such as frame_.*VISOR.*frame_mapping\.json"):
        run(tmp_path / "out", own)


def test_dense_annotations_are_not_taken_for_sparse_ones(tmp_path, source):
    with pytest.raises(VisorVosError, match=r"P01_01\.json holds sparse annotations\. Prepare them without --dense"):
        run(tmp_path / "out", source, dense=True)
    with pytest.raises(VisorVosError, match=r"holds dense annotations\. Prepare them with --dense"):
        run(tmp_path / "out", dense_release(tmp_path), split=("train",))


def test_an_option_of_a_later_version_does_not_break_the_resume(tmp_path, source):
    run(tmp_path, source)
    path = tmp_path / "prepare_inputs.json"
    record = json.loads(path.read_text())
    del record["options"]["resolution"]
    path.write_text(json.dumps(record))
    assert run(tmp_path, source).converted == 0


def test_prepare_export_and_preview_do_without_torch():
    script = "import sys; from visorvos.core.jobs import prepare, export, preview; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
