from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.builders import read_labels
from tests.visor_builders import contents
from visorvos.core.datasets.synthetic.release import write_synthetic_coco, write_synthetic_visor
from visorvos.core.datasets.synthetic.video import SyntheticVideo, make_video
from visorvos.core.io.images import read_frame
from visorvos.core.jobs.prepare import prepare
from visorvos.settings.prepare import PrepareSettings

VIDEOS = {"train": 2, "val": 1}


@pytest.fixture(scope="module")
def visor(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_synthetic_visor(tmp_path_factory.mktemp("visor"), VIDEOS, frames=6, seed=7, height=180, width=320)


def test_prepare_makes_of_a_release_what_was_drawn(tmp_path: Path, visor: tuple[Path, Path]) -> None:
    annotations, images = visor
    prepare(PrepareSettings(annotations=annotations, images=images, output=tmp_path, workers=1))
    data = tmp_path / "VISOR_2022"
    for split, kitchen in (("train", 1), ("val", 2)):
        mapping = json.loads((data / f"{split}_data_mapping.json").read_text())
        assert list(mapping) == [f"P0{kitchen}_00{number + 1}_seq_00001" for number in range(VIDEOS[split])]
        for number, (sequence, names) in enumerate(mapping.items()):
            drawn = make_video(6, 180, 320, (7, kitchen, number), objects=(2, 3)[number])
            assert sorted(names.values()) == sorted(drawn.names)
            compare(drawn, data, sequence, names)


def compare(drawn: SyntheticVideo, data: Path, sequence: str, names: dict[str, str]) -> None:
    """Frames and masks of a prepared sequence against the video itself, at twice and more its size."""
    ids = np.array([0, *(int(next(key for key, name in names.items() if name == thing)) for thing in drawn.names)])
    masks = sorted((data / "Annotations" / "480p" / sequence).iterdir())
    frames = sorted((data / "JPEGImages" / "480p" / sequence).iterdir())
    shown = [number for number, labels in enumerate(drawn.labels()) if labels.any()]
    assert [int(mask.stem[-10:]) for mask in masks] == shown
    for number, mask, frame in zip(shown, masks, frames, strict=True):
        expected = cv2.resize(
            ids[drawn.labels()[number]].astype(np.uint8), (854, 480), interpolation=cv2.INTER_NEAREST_EXACT
        )
        assert np.mean(read_labels(mask) != expected) < 0.03
        assert np.abs(read_frame(frame).mean(axis=(0, 1)) - drawn.frames[number].mean(axis=(0, 1))).max() < 3


def test_splits_and_seeds_share_no_drawing(tmp_path: Path, visor: tuple[Path, Path]) -> None:
    write_synthetic_visor(tmp_path / "same", VIDEOS, frames=6, seed=7, height=180, width=320)
    write_synthetic_visor(tmp_path / "other", VIDEOS, frames=6, seed=8, height=180, width=320)
    drawn, same = contents(visor[0].parent), contents(tmp_path / "same")
    other = contents(tmp_path / "other")
    assert drawn == same
    pictures = [content for files in (drawn, other) for name, content in files.items() if name.endswith(".jpg")]
    assert len(set(pictures)) == len(pictures) == 2 * 3 * 6


def test_coco_instances_outline_what_is_seen(tmp_path: Path) -> None:
    write_synthetic_coco(tmp_path, images=3, seed=2)
    instances = json.loads((tmp_path / "annotations" / "instances_train2017.json").read_text())
    assert len(instances["images"]) == 3
    for number, image in enumerate(instances["images"]):
        frame = read_frame(tmp_path / "train2017" / image["file_name"])
        assert frame.shape == (image["height"], image["width"], 3) == (96, 128, 3)
        labels = make_video(1, 96, 128, (2, 0, number), objects=(2, 3, 2)[number]).labels()[0]
        own = [entry for entry in instances["annotations"] if entry["image_id"] == image["id"]]
        assert len(own) == labels.max()
        for index, entry in enumerate(own, start=1):
            polygons = [np.array(points, np.int32).reshape(-1, 2) for points in entry["segmentation"]]
            mask = cv2.fillPoly(np.zeros_like(labels), polygons, (1,))
            assert np.array_equal(mask > 0, labels == index)
            assert entry["area"] == np.count_nonzero(mask)
            left, top, width, height = entry["bbox"]
            assert mask[top : top + height, left : left + width].sum() == mask.sum()
            assert entry["iscrowd"] == 0
    kinds = {entry["id"] for entry in instances["categories"]}
    assert {entry["category_id"] for entry in instances["annotations"]} <= kinds
