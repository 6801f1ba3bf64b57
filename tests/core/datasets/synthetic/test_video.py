from __future__ import annotations

import cv2
import numpy as np
import pytest

from visorvos.core.datasets.synthetic.video import SyntheticVideo, make_video
from visorvos.core.labels import object_ids


@pytest.fixture(scope="module")
def video() -> SyntheticVideo:
    return make_video(6, 120, 213, seed=3, objects=3)


def test_shapes_types_and_names(video: SyntheticVideo) -> None:
    assert video.frames.shape == (6, 120, 213, 3)
    assert video.frames.dtype == np.uint8
    assert video.labels().shape == (6, 120, 213)
    assert video.outlines.shape[:2] == (6, 3)
    assert len(set(video.names)) == 3


def test_the_seed_decides_every_pixel(video: SyntheticVideo) -> None:
    again, other = make_video(6, 120, 213, seed=3, objects=3), make_video(6, 120, 213, seed=4, objects=3)
    assert np.array_equal(video.frames, again.frames)
    assert np.array_equal(video.outlines, again.outlines)
    assert not np.array_equal(video.frames, other.frames)
    assert not np.array_equal(video.outlines, other.outlines)


@pytest.mark.parametrize("objects", [1, 2, 3, 4])
def test_the_first_frame_shows_every_object(objects: int) -> None:
    for seed in range(20):
        labels = make_video(1, 96, 171, seed, objects).labels()[0]
        assert object_ids(labels) == list(range(1, objects + 1))
        assert np.bincount(labels.ravel())[1:].min() > 300


def test_the_colors_of_an_object_fill_its_outline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to a pixel at the edge, which is smooth in the frame."""
    white = np.full((160, 160, 3), 255, np.float32)
    monkeypatch.setattr("visorvos.core.datasets.synthetic.video.object_texture", lambda *_: white)
    square = np.ones((3, 3), np.uint8)
    for seed in range(6):
        video = make_video(4, 120, 213, seed, objects=1)
        for frame, labels in zip(video.frames, video.labels(), strict=True):
            colored = (frame == 255).all(axis=2).astype(np.uint8)
            assert not np.any(cv2.erode(labels, square, borderValue=0) & (1 - colored))
            assert not np.any(cv2.erode(colored, square) & (1 - labels))


def test_objects_move_turn_overlap_leave_and_return() -> None:
    moved, turned, overlapped, returned = [], [], 0, 0
    for seed in range(12):
        video = make_video(8, 96, 171, seed, objects=2)
        labels = video.labels()
        centers = video.outlines.mean(axis=2)
        moved.append(np.linalg.norm(np.diff(centers, axis=0), axis=2).mean())
        arms = video.outlines[:, :, 0] - centers
        turned.append(np.abs(np.diff(np.unwrap(np.arctan2(arms[..., 1], arms[..., 0]), axis=0), axis=0)).mean())
        for object_id in (1, 2):
            seen = (labels == object_id).any(axis=(1, 2))
            returned += bool(seen[0] and not seen.all() and seen[-1])
        masks = [
            cv2.fillPoly(np.zeros((96, 171), np.uint8), [np.rint(outline).astype(np.int32)], (1,))
            for outline in video.outlines[:, :2].reshape(-1, *video.outlines.shape[2:])
        ]
        overlapped += any(np.any(one & two) for one, two in zip(masks[::2], masks[1::2], strict=True))
    assert np.mean(moved) > 5
    assert np.mean(turned) > 0.05
    assert overlapped > 2
    assert returned > 1


def test_the_background_moves() -> None:
    video = make_video(5, 96, 171, seed=1, objects=1)
    labels = video.labels()
    background = (labels[0] == 0) & (labels[4] == 0)
    difference = np.abs(video.frames[0].astype(int) - video.frames[4])[background]
    assert difference.mean() > 3
