"""The layouts of DAVIS, YouTube-VOS and plain folders, read without preparing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.builders import write_labels
from tests.layouts import write_sequences, write_youtube
from visorvos.core.datasets.davis.layout import find_splits, note_frames_without_mask, open_split
from visorvos.core.datasets.davis.object_names import read_names
from visorvos.errors import VisorVosError


def files(paths: tuple[Path, ...], root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in paths]


def write_list(root: Path, name: str, text: str) -> None:
    path = root / "ImageSets" / f"{name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_davis_2017(tmp_path: Path) -> None:
    write_sequences(tmp_path, ["bear", "bus", "camel"], level="480p")
    write_list(tmp_path, "2017/train", "bus\nbear\n")
    write_list(tmp_path, "2016/train", "camel")
    split = open_split(tmp_path, "2017/train")
    assert split.sequences == ("bus", "bear")
    assert files(split.sequence("bus").frames, tmp_path) == [f"JPEGImages/480p/bus/0000{n}.jpg" for n in range(3)]
    assert files(split.sequence("bus").masks, tmp_path) == [f"Annotations/480p/bus/0000{n}.png" for n in range(3)]
    assert not split.late_objects
    assert split.note == ""
    with pytest.raises(
        VisorVosError, match=r"several splits named train\. Its splits: 2016/train, 2017/train.*--split 2017/train"
    ):
        open_split(tmp_path, "train")
    with pytest.raises(VisorVosError, match=r"no split named val.*Its splits: 2016/train, 2017/train"):
        open_split(tmp_path, "val")


def test_davis_2016_lists_frames_for_each_resolution(tmp_path: Path) -> None:
    for level in ("480p", "1080p"):
        write_sequences(tmp_path, ["bear", "bus"], level=level)
        lines = [f"/JPEGImages/{level}/bear/0000{n}.jpg /Annotations/{level}/bear/0000{n}.png " for n in range(3)]
        write_list(tmp_path, f"{level}/val", "\n".join(lines))
    assert open_split(tmp_path, "val").sequence("bear").frames[0].parts[-3] == "480p"
    large = open_split(tmp_path, "val", resolution="1080p")
    assert large.sequences == ("bear",)
    assert large.sequence("bear").masks[0].parts[-3] == "1080p"


@pytest.mark.parametrize("levels", [["480p", "Full-Resolution"], ["Full-Resolution"], [""]])
def test_the_resolution_is_480p_or_the_only_one(tmp_path: Path, levels: list[str]) -> None:
    for level in levels:
        write_sequences(tmp_path, ["bear"], level=level)
    frame = open_split(tmp_path, "any").sequence("bear").frames[0]
    assert frame == tmp_path / "JPEGImages" / levels[0] / "bear" / "00000.jpg"


def test_of_several_resolutions_one_must_be_chosen(tmp_path: Path) -> None:
    for level in ("720p", "1080p"):
        write_sequences(tmp_path, ["bear"], level=level)
    with pytest.raises(VisorVosError, match=r"several resolutions: 1080p, 720p.*--resolution 1080p"):
        open_split(tmp_path, "val")
    with pytest.raises(VisorVosError, match=r"no resolution 4K.*It has: 1080p, 720p"):
        open_split(tmp_path, "val", resolution="4K")


def test_folders_without_lists_are_one_split(tmp_path: Path) -> None:
    write_sequences(tmp_path, ["clip10", "clip9"])
    split = open_split(tmp_path, "train")
    assert split.sequences == ("clip9", "clip10")
    assert "no ImageSets: all 2 sequences are used" in split.note
    assert find_splits(tmp_path) == {}


def test_youtube_vos(tmp_path: Path) -> None:
    write_youtube(tmp_path, "train", every=5)
    write_youtube(tmp_path, "valid", every=5, between=False)
    split = open_split(tmp_path, "train")
    assert split.sequences == ("0a", "1b")
    assert split.object_names == {"0a": {1: "penguin", 2: "sedan"}, "1b": {1: "penguin", 2: "sedan"}}
    assert split.late_objects
    video = split.sequence("0a")
    assert [path.stem for path in video.masks] == ["00000", "00005", "00010"]
    assert len(video.frames) == 11
    assert [path.stem for path in video.annotated.frames] == ["00000", "00005", "00010"]
    assert note_frames_without_mask([video]).startswith("8 of 11 frames have no mask")
    assert note_frames_without_mask([video.annotated]) == ""
    assert len(open_split(tmp_path, "valid").sequence("0a").frames) == 3
    # The folder of a split is a data set by itself.
    assert open_split(tmp_path / "valid", "val").object_names["1b"] == {1: "penguin", 2: "sedan"}
    with pytest.raises(VisorVosError, match=r"no split named val.*Its splits: train, valid"):
        open_split(tmp_path, "val")
    shutil.move(tmp_path / "train", tmp_path / "outer" / "inner" / "train")
    with pytest.raises(VisorVosError, match=r"not a data set.*Give the folder .*/inner"):
        open_split(tmp_path / "outer", "train")


def test_mose_has_no_names(tmp_path: Path) -> None:
    write_sequences(tmp_path / "train", ["0a"])
    split = open_split(tmp_path, "train")
    assert (split.object_names, split.late_objects) == ({}, False)


def test_lvos_calls_its_names_otherwise(tmp_path: Path) -> None:
    write_sequences(tmp_path / "valid", ["0a"])
    objects = {"1": {"category": "cat", "frame_range": {"start": "0"}}, "2": {"frame_range": {}}}
    (tmp_path / "valid" / "valid_meta.json").write_text(json.dumps({"videos": {"0a": {"objects": objects}}}))
    assert open_split(tmp_path, "valid").object_names == {"0a": {1: "cat"}}


def test_a_meta_file_of_another_form_is_named(tmp_path: Path) -> None:
    write_sequences(tmp_path, ["0a"])
    (tmp_path / "meta.json").write_text('{"videos": {"0a": {"objects": {"one": {}}}}}')
    with pytest.raises(VisorVosError, match=r"meta\.json: videos\.0a\.objects\.one"):
        _ = open_split(tmp_path, "val").object_names


def test_a_mask_needs_a_frame(tmp_path: Path) -> None:
    write_sequences(tmp_path, ["a"])
    write_labels(tmp_path / "Annotations" / "a" / "00007.png", np.ones((4, 4), np.uint8))
    with pytest.raises(VisorVosError, match=r"Sequence a: 00007 has no frame in .*JPEGImages/a"):
        open_split(tmp_path, "val").sequence("a")


@pytest.mark.parametrize("kind", ["JPEGImages", "Annotations"])
def test_a_sequence_without_frames_or_masks_is_named(tmp_path: Path, kind: str) -> None:
    write_sequences(tmp_path, ["a"])
    for file in (tmp_path / kind / "a").iterdir():
        file.unlink()
    with pytest.raises(VisorVosError, match=rf"No (frames|masks) in .*{kind}/a"):
        open_split(tmp_path, "val").sequence("a")


def test_names_come_from_a_file_of_one_sequence_or_a_mapping(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text('{"1": "cup"}')
    (tmp_path / "all.json").write_text('{"a": {"2": "pan"}}')
    assert read_names(tmp_path / "one.json", "a") == {1: "cup"}
    assert read_names(tmp_path / "all.json", "a") == {2: "pan"}
    with pytest.raises(VisorVosError, match="no sequence b"):
        read_names(tmp_path / "all.json", "b")
