"""The plain implementations agree with the package, so that each checks the other."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import torch

from tests.builders import draw_clip, golden, read_labels
from tests.coco_builders import annotation, crowd, picture, square, write_coco
from tests.plain.instances import ScannedInstances
from tests.plain.loss import plain_clip_loss
from tests.plain.network import memorize, segment
from tests.plain.prepare import prepare_plainly
from tests.plain.scores import plain_contour, plain_region, score_plainly
from tests.plain.video import segment_plainly
from tests.side_by_side import scanned_clips
from visorvos import STM, clip_loss, contour_accuracy, evaluate_masks, region_similarity, segment_video
from visorvos.core.datasets.coco.index import open_coco
from visorvos.core.datasets.synthetic.release import write_synthetic_visor
from visorvos.core.jobs.benchmark import write_masks, write_releases
from visorvos.core.jobs.prepare import prepare
from visorvos.core.runtime.progress import Progress
from visorvos.core.training.clips import coco_clips
from visorvos.settings.prepare import PrepareSettings


def test_masks_are_the_same(golden_stm: STM) -> None:
    recorded = golden(f"propagation_{golden_stm.backbone}")
    frames, first = list(recorded["frames"])[:6], recorded["first_label"]
    plain = np.stack(list(segment_plainly(golden_stm, frames, first)))
    ours = np.stack(list(segment_video(golden_stm, frames, first, memory="visor")))
    assert set(np.unique(ours)) == {0, 1, 2, 3}
    # Where two labels are equally likely up to rounding, either is right; random weights have many such pixels.
    assert np.mean(plain == ours) >= 0.9995


def test_logits_are_the_same(golden_stm: STM) -> None:
    random = torch.Generator().manual_seed(0)
    frames = torch.rand(2, 3, 45, 70, generator=random)
    masks = torch.softmax(3 * torch.randn(1, 4, 45, 70, generator=random), dim=1)[:, 1:]
    with torch.inference_mode():
        keys, values = memorize(golden_stm, frames[:1], masks)
        plain = segment(golden_stm, frames[1:], keys, values, objects=3)
        keys, values = golden_stm.memorize(frames[:1], masks)
        ours = golden_stm.segment(frames[1:], keys.unsqueeze(3), values.unsqueeze(3))
    torch.testing.assert_close(plain[:, :4], ours, rtol=1e-4, atol=1e-4)
    assert plain[:, 4:].unique().numel() == 1


def test_losses_are_the_same(golden_stm: STM) -> None:
    frames, labels = draw_clip(3, 64, 64, 5)
    clip = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2)[None]
    truth = torch.from_numpy(np.stack(labels))[None]
    plain, ours = plain_clip_loss(golden_stm, clip, truth), clip_loss(golden_stm, clip, truth)
    torch.testing.assert_close(plain, ours, rtol=1e-5, atol=1e-6)


def test_scores_are_the_same() -> None:
    random = np.random.default_rng(3)
    masks = [np.zeros((60, 90), bool), np.ones((60, 90), bool)]
    for _ in range(30):
        mask = np.zeros((60, 90), np.uint8)
        x, y, radius = random.integers((0, 0, 1), (90, 60, 40)).tolist()
        cv2.circle(mask, (x, y), radius, (1,), -1)
        masks.append(mask.astype(bool))
    pairs = [(masks[a], masks[b]) for a, b in random.integers(0, len(masks), (150, 2))]
    plain = np.array([[plain_region(*pair), plain_contour(*pair)] for pair in pairs])
    truth, found = (np.stack(side) for side in zip(*pairs, strict=True))
    np.testing.assert_allclose(plain[:, 0], region_similarity(truth, found), rtol=0, atol=1e-12)
    np.testing.assert_allclose(plain[:, 1], contour_accuracy(truth, found), rtol=0, atol=1e-12)
    assert len(np.unique(plain)) > 100


def test_objects_found_by_scanning_are_those_of_the_index(tmp_path: Path) -> None:
    annotations = [
        annotation(7, 2, square(1, 2, 10), square(20, 3, 5)),
        annotation(3, 9, square(0.7, 2, 10)),
        crowd(4, 2),
        annotation(5, 2, [1, 1, 2, 2]),
        annotation(6, 2, square(4, 4, 20)),
    ]
    root = write_coco(tmp_path, [picture(2), picture(5), picture(9)], annotations)
    content = json.loads((root / "annotations" / "instances_train2017.json").read_text())
    scanned, index = ScannedInstances(content["images"], content["annotations"], root / "train2017"), open_coco(root)
    assert len(scanned) == len(index) == 3
    assert [scanned.name(image) for image in range(3)] == [index.name(image) for image in range(3)]
    np.testing.assert_array_equal(scanned.instance_starts, index.instance_starts)
    np.testing.assert_array_equal(scanned.box_areas, index.box_areas)
    for instance in (1, 0, 2, 1):
        for one, other in zip(scanned.polygons(instance), index.polygons(instance), strict=True):
            np.testing.assert_array_equal(one, other)


def test_masks_are_scored_alike(tmp_path: Path) -> None:
    truth, predictions = write_masks(tmp_path, 2, 4, 48, 64)
    plain = score_plainly(truth, predictions)
    report = evaluate_masks(truth, predictions)
    assert {(item.sequence, item.object_id) for item in report.objects} == plain.keys()
    for item in report.objects:
        region, contour = plain[item.sequence, item.object_id]
        np.testing.assert_allclose(item.region, region, rtol=0, atol=1e-12)
        np.testing.assert_allclose(item.contour, contour, rtol=0, atol=1e-12)
    assert 0.1 < report.j_and_f < 0.9


def test_frames_are_prepared_alike(tmp_path: Path) -> None:
    annotations, images = write_synthetic_visor(tmp_path / "release", {"train": 2}, 3, 0, 1080, 1920)
    prepare(PrepareSettings(annotations=annotations, images=images, output=tmp_path, split=("train",), workers=1))
    prepare_plainly(annotations, images, tmp_path / "plain")
    files = [path for path in (tmp_path / "plain").rglob("*") if path.is_file()]
    assert len(files) == 12
    for file in files:
        kind, *rest = file.relative_to(tmp_path / "plain").parts
        ours = (tmp_path / "VISOR_2022" / kind / "480p").joinpath(*rest)
        if file.suffix == ".jpg":
            assert file.read_bytes() == ours.read_bytes()
        else:
            np.testing.assert_array_equal(read_labels(file), read_labels(ours))


def test_coco_clips_are_made_alike(tmp_path: Path) -> None:
    options, _ = write_releases(tmp_path, quick=True)
    plain, ours = scanned_clips(options, 50), coco_clips(options, Progress())
    for number in range(6):
        one, other = (clips.clip(number % 3, number // 3, 0.5) for clips in (plain, ours))
        np.testing.assert_array_equal(one.frames, other.frames)
        np.testing.assert_array_equal(one.labels, other.labels)
