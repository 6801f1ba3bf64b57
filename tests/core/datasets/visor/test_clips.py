import multiprocessing
import pickle
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.builders import GOLDEN, changed, draw_clip, write_data_set
from tests.builders import read_labels as png_ids
from tests.plain.visor_clips import augment_plainly
from visorvos.core.datasets.davis.layout import VideoSequence, open_split
from visorvos.core.datasets.order import generator
from visorvos.core.datasets.visor.clips import VisorClips, draw_frames
from visorvos.core.io.images import read_frame
from visorvos.core.io.masks import read_labels
from visorvos.errors import VisorVosError
from visorvos.settings.finetune import VisorAugmentation

RECIPE = VisorAugmentation()
PLAIN = changed(RECIPE, flip=0, warp=0, resize=(1, 1), crop_jitter=0)
COLORS = np.random.default_rng(5).integers(40, 256, (256, 3), dtype=np.uint8)
PREPARED = GOLDEN / "release" / "VISOR_2022"


def video_of(count, name="P01_01_seq_00003", root="."):
    paths = [Path(root, name, f"frame_{number}") for number in range(count)]
    return VideoSequence(name, tuple(p.with_suffix(".jpg") for p in paths), tuple(p.with_suffix(".png") for p in paths))


def clips_of(masks, augmentation=RECIPE, **given):
    """Clips of a video in memory that shows each object in its own color."""
    video = video_of(len(masks))
    labels = dict(zip(video.masks, masks, strict=True))
    options = {"crop_size": 64, "max_objects": 15, "short_side": None, "seed": 0} | given
    return VisorClips(
        [video],
        lambda path: COLORS[labels[path.with_suffix(".png")]],
        lambda path, height, width: labels[path],
        augmentation,
        **options,
    )


def discs(ids, frames=5, height=100, width=170, radius=13):
    """Masks of discs that move."""
    random, masks = np.random.default_rng(1), []
    centers = random.uniform((20, 20), (width - 20, height - 20), (len(ids), 2))
    for number in range(frames):
        mask = np.zeros((height, width), np.uint8)
        for index, center in zip(ids, centers, strict=True):
            cv2.circle(mask, (center + 2 * number).astype(int).tolist(), radius, (index,), -1)
        masks.append(mask)
    return masks


def stored(root, split, augmentation=RECIPE, **given):
    """Clips of a data set on disk."""
    found = open_split(root, split)
    options = {"crop_size": 64, "max_objects": 15, "short_side": None, "seed": 0} | given
    videos = [found.sequence(name) for name in found.sequences]
    return VisorClips(videos, read_frame, read_labels, augmentation, **options)


def eroded(mask, pixels):
    """What lies deeper than that inside, image borders counting as the mask's."""
    padded = np.pad(mask.astype(np.uint8), 1)
    return cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1] > pixels


def numbers_of(clip):
    """The numbers of a clip's frames, and the name of its video."""
    video, _, names = clip.name.partition(" frames ")
    assert video == "P01_01_seq_00003"
    return [int(name.removeprefix("frame_")) for name in names.split(", ")]


def probabilities(count, skip):
    """Of every choice of frames that the rule allows, by enumeration."""
    found = {}
    for n1, n2, n3 in product(range(count), repeat=3):
        firsts = [n for n in range(count) if n <= count - 3]
        seconds = [n for n in range(count) if n1 + 1 <= n <= n1 + 1 + skip and n <= count - 2]
        thirds = [n for n in range(count) if n2 + 1 <= n <= n2 + 1 + skip and n <= count - 1]
        if n1 in firsts and n2 in seconds and n3 in thirds:
            found[n1, n2, n3] = Fraction(1, len(firsts) * len(seconds) * len(thirds))
    assert sum(found.values()) == 1
    return found


@pytest.mark.parametrize(("count", "skip"), [(3, 0), (3, 1), (4, 1), (5, 0), (6, 1), (7, 2), (5, 9)])
def test_frames_are_drawn_as_the_rule_says(count, skip):
    random, times = np.random.default_rng(0), 3000
    drawn = Counter(draw_frames(count, skip, random) for _ in range(times))
    expected = probabilities(count, skip)
    assert drawn.keys() == expected.keys()
    for numbers, share in expected.items():
        deviation = float(times * share * (1 - share)) ** 0.5
        assert abs(drawn[numbers] - times * share) <= 5 * deviation


@pytest.mark.parametrize(
    ("skips", "progress", "max_skip"),
    [((0, 1), 0.0, 0), ((0, 1), 0.499, 0), ((0, 1), 0.5, 1), ((0, 1), 0.999, 1), ((0, 3, 1), 0.34, 3), ((2,), 0.2, 2)],
)
def test_the_progress_of_training_sets_how_many_frames_are_skipped(skips, progress, max_skip):
    clips = clips_of(discs([1], frames=12), PLAIN, skips=skips)
    gaps = np.concatenate([np.diff(numbers_of(clips.clip(0, epoch, progress))) for epoch in range(60)]) - 1
    assert set(gaps) == set(range(max_skip + 1))


def painted(height=300, width=420):
    """A frame of white discs on black, and a mask in which each disc has its own id."""
    labels = np.zeros((height, width), np.uint8)
    places = [(x, y) for x in range(55, width, 100) for y in range(50, height, 100)]
    for object_id, (x, y) in enumerate(places, start=1):
        cv2.circle(labels, (x + 3 * object_id % 11, y), 22, (object_id,), -1)
    return np.repeat(255 * (labels > 0).astype(np.uint8)[..., None], 3, 2), labels


def disc_centers(shown):
    """Centers (x, y) of discs that neither the crop nor the canvas of a warp cuts."""
    _, _, stats, centers = cv2.connectedComponentsWithStats(shown.astype(np.uint8))
    left, top, width, height, area = stats.T
    is_whole = (left > 0) & (top > 0) & (left + width < 256) & (top + height < 256) & (area > 800)
    return centers[1:][is_whole[1:]]


def offsets_to_nearest(points, others):
    offsets = points[:, None] - others[None]
    nearest = offsets[np.arange(len(points)), np.linalg.norm(offsets, axis=2).argmin(axis=1)]
    # A disc that touches the border in one of the two has no partner.
    return nearest[np.linalg.norm(nearest, axis=1) < 10]


@pytest.mark.parametrize("seed", range(12))
def test_marks_land_where_the_chain_of_single_warps_puts_them(seed):
    pairs, video = [painted()] * 3, video_of(3)
    clips = VisorClips(
        [video], lambda path: pairs[0][0], lambda path, height, width: pairs[0][1], RECIPE, 256, 15, None, seed
    )
    clip = clips.clip(0, 0, 0)
    random = generator(seed, 0, 0)
    assert draw_frames(3, 0, random) == (0, 1, 2)
    plain_frames, plain_labels = augment_plainly(pairs, RECIPE, 256, random)
    white, plain_white = clip.frames[..., 0] > 127, plain_frames[..., 0] > 127
    in_frames, in_masks = (
        [offsets_to_nearest(disc_centers(one), disc_centers(other)) for one, other in zip(*shown, strict=True)]
        for shown in ((white, plain_white), (clip.labels > 0, plain_labels > 0))
    )
    # The crop follows the box of all masks, whose sides rounding may move by a pixel.
    moved = np.rint(np.median(np.concatenate(in_frames), axis=0))
    assert (np.abs(moved) <= 1).all()
    for found in (*in_frames, *in_masks):
        assert len(found) > 1
        assert np.linalg.norm(found - moved, axis=1).max() < 0.5
    for shown, mask in zip(white, clip.labels, strict=True):
        assert np.linalg.norm(offsets_to_nearest(disc_centers(mask > 0), disc_centers(shown)), axis=1).max() < 0.5


@pytest.mark.parametrize("seed", range(10))
def test_marks_in_frames_and_masks_land_on_the_same_pixels(seed):
    ids = [3, 7, 41, 90, 200, 255]
    clip = clips_of(discs(ids), seed=seed).clip(0, 0, 0.7)
    # What the frames show, pixel by pixel, where it is the very color of an object.
    shown = sum(np.where((clip.frames == COLORS[index]).all(axis=3), index, 0) for index in ids)
    meant = np.zeros(256, int)
    for number in range(1, clip.labels.max() + 1):
        # An object of which the crop has a sliver alone may show its color nowhere unmixed.
        seen = shown[(clip.labels == number) & (shown > 0)]
        meant[number] = np.bincount(seen).argmax() if len(seen) else 0
    identified = meant[meant > 0].tolist()
    assert len(identified) > 1
    assert identified == sorted(set(identified))
    # Where the masks have an object, but for its edge, the frames have its color, and the other way round.
    for colors, labels in zip(shown, clip.labels, strict=True):
        for number in np.unique(labels[labels > 0]):
            np.testing.assert_array_equal(colors[eroded(labels == number, 4)], meant[number])
    colored = np.isin(shown, identified)
    assert (meant[clip.labels[colored]] == shown[colored]).mean() > 0.99


def test_objects_are_those_of_the_first_frame():
    masks = [np.zeros((64, 64), np.uint8) for _ in range(3)]
    masks[0][10:20, 10:20], masks[0][30:40, 30:40] = 9, 4
    masks[1][10:20, 10:20], masks[1][50:60, 5:15] = 4, 6
    clip = clips_of(masks, PLAIN).clip(0, 0, 0)
    np.testing.assert_array_equal(clip.labels[0], np.select([masks[0] == 4, masks[0] == 9], [1, 2]))
    np.testing.assert_array_equal(clip.labels[1], np.where(masks[1] == 4, 1, 0))
    assert not clip.labels[2].any()
    assert (clip.frames.dtype, clip.labels.dtype) == (np.uint8, np.uint8)


def test_objects_that_the_crop_leaves_out_of_the_first_frame_are_background():
    masks = [np.zeros((32, 200), np.uint8) for _ in range(3)]
    for mask in masks:
        mask[5:25, 5:15], mask[5:25, 185:195] = 1, 2
    clips = clips_of(masks, changed(PLAIN, crop_jitter=20), crop_size=32)
    for epoch in range(40):
        labels = clips.clip(0, epoch, 0).labels
        assert set(np.unique(labels)) <= {0, labels[0].max()}
        assert labels[0].max() < 2


def test_an_empty_first_frame_makes_a_clip_without_objects():
    masks = discs([5, 8], frames=3)
    masks[0][:] = 0
    assert not clips_of(masks).clip(0, 0, 0).labels.any()


def test_of_too_many_objects_a_random_choice_is_kept():
    masks = [np.repeat(np.arange(64, dtype=np.uint8), 64).reshape(64, 64)] * 3
    clips, kept = clips_of(masks, PLAIN, max_objects=4), set()
    for epoch in range(60):
        labels = clips.clip(0, epoch, 0).labels
        assert set(np.unique(labels)) == set(range(5))
        rows = [np.flatnonzero((labels[0] == number).any(axis=1)).tolist() for number in range(1, 5)]
        assert rows == sorted(rows)
        kept |= {row for (row,) in rows}
    assert len(kept) > 55


def test_a_clip_is_mirrored_as_a_whole_or_not_at_all():
    masks = discs([1, 2, 3], frames=3, height=64, width=64, radius=9)
    clips, mirrored = clips_of(masks, changed(PLAIN, flip=0.5)), 0
    for epoch in range(100):
        clip = clips.clip(0, epoch, 0)
        flips = [not np.array_equal(labels, mask) for labels, mask in zip(clip.labels, masks, strict=True)]
        assert len(set(flips)) == 1
        mirrored += flips[0]
        for frame, labels, mask in zip(clip.frames, clip.labels, masks, strict=True):
            expected = mask[:, ::-1] if flips[0] else mask
            np.testing.assert_array_equal(labels, expected)
            np.testing.assert_array_equal(frame, COLORS[expected])
    assert 25 < mirrored < 75


def test_each_frame_of_a_clip_has_its_own_warp():
    masks = discs([1], frames=1) * 3
    augmentation = changed(PLAIN, warp=1, rotation=0, shear=0, scale=(1, 1))
    clip = clips_of(masks, augmentation).clip(0, 0, 0)
    centers = np.array([np.argwhere(labels).mean(axis=0) for labels in clip.labels])
    assert len(np.unique(centers.round(1), axis=0)) == 3


def test_a_clip_has_one_resize_factor_of_the_range():
    masks, widths = [np.zeros((100, 200), np.uint8) for _ in range(3)], []
    for mask in masks:
        mask[40:60, 75:125] = 1
    clips = clips_of(masks, changed(PLAIN, resize=(0.8, 1.1)))
    for epoch in range(60):
        labels = clips.clip(0, epoch, 0).labels
        sizes = labels.any(axis=1).sum(axis=1)
        assert len(set(sizes.tolist())) == 1
        widths.append(sizes[0])
    assert 39 <= min(widths) < 42
    assert 53 < max(widths) <= 56


@pytest.mark.parametrize("size", [32, 48, 384, 480])
@pytest.mark.parametrize("shape", [(20, 31), (50, 40), (100, 170)])
def test_any_crop_of_any_frame(size, shape):
    masks = [np.ones(shape, np.uint8)] * 3
    for epoch in range(2):
        clip = clips_of(masks, crop_size=size).clip(0, epoch, 0.9)
        assert clip.frames.shape == (3, size, size, 3)
        assert clip.labels.shape == (3, size, size)


@pytest.mark.parametrize("axis", [0, 1])
def test_frames_are_resized_to_the_short_side_first(axis):
    mask = np.zeros((60, 100), np.uint8)
    mask[:, 40:60] = 1
    masks = [mask if axis else mask.T.copy()] * 3
    clip = clips_of(masks, PLAIN, crop_size=20, short_side=30).clip(0, 0, 0)
    # The stripe is half as wide.
    assert (clip.labels.sum(axis=1 + axis) == 10).all()


def test_the_same_seed_sample_and_epoch_give_the_same_clip_in_any_process(tmp_path):
    videos = {f"video_{number}": draw_clip(5, 72, 128, number) for number in range(2)}
    clips = stored(write_data_set(tmp_path, videos), "val")
    requests = [(sample, epoch, 0.75) for sample in range(2) for epoch in range(3)]
    here = [clips.clip(*request) for request in requests]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        there = list(pool.map(clips.clip, *zip(*reversed(requests), strict=True)))
    for one, other in zip(here, reversed(there), strict=True):
        assert one.name == other.name
        np.testing.assert_array_equal(one.frames, other.frames)
        np.testing.assert_array_equal(one.labels, other.labels)
    other_seed = [stored(tmp_path, "val", seed=1).clip(*request) for request in requests]
    assert len({clip.frames.tobytes() for clip in here + other_seed}) == 12


def test_many_videos_stay_small():
    root = "/data/VISOR_2022/JPEGImages/480p"
    videos = [video_of(20, f"P01_01_seq_{number:05d}", root) for number in range(300)]
    clips = VisorClips(iter(videos), read_frame, read_labels, RECIPE, 384, 15, 480, 0)
    assert len(clips) == 300
    letters = sum(len(str(path)) for video in videos for path in video.frames + video.masks)
    assert len(pickle.dumps(clips)) < 1.1 * letters


def test_the_description_changes_with_the_samples_and_not_with_their_folder():
    def described(*videos):
        return VisorClips(videos, read_frame, read_labels, RECIPE, 384, 15, 480, 0).describe()

    same = {described(video_of(4, "a"), video_of(5, "b")), described(video_of(4, "a", "/x"), video_of(5, "b", "/x"))}
    others = {
        described(video_of(5, "b"), video_of(4, "a")),
        described(video_of(4, "a"), video_of(4, "b")),
        described(video_of(4, "a"), video_of(5, "c")),
        described(video_of(4, "a")),
    }
    assert len(same) == 1
    assert len(same | others) == 5
    assert next(iter(same)).startswith("2 videos, 9 frames, ")


@pytest.mark.parametrize("count", [0, 2])
def test_a_video_of_too_few_frames_is_named(count):
    with pytest.raises(VisorVosError, match="a clip needs 3 annotated frames, P01_01_seq_00003 has fewer"):
        clips_of([np.zeros((64, 64), np.uint8)] * count)


def test_frames_of_different_sizes_are_named():
    masks = [np.zeros((64, 80), np.uint8), np.zeros((64, 96), np.uint8), np.zeros((64, 80), np.uint8)]
    with pytest.raises(VisorVosError, match=r"seq_00003 frames frame_0, frame_1, frame_2 differ in size: 80x64, 96x64"):
        clips_of(masks).clip(0, 0, 0)


def test_a_mask_of_another_size_is_named(tmp_path):
    frames, masks = draw_clip(3, 72, 128, 0)
    clips = stored(write_data_set(tmp_path, {"video": (frames, [masks[0], masks[1][:60], masks[2]])}), "val")
    with pytest.raises(VisorVosError, match=r"00001\.png must have the size of its frame, 128x72, got 128x60"):
        clips.clip(0, 0, 0)


def test_a_damaged_frame_is_named(tmp_path):
    frames, masks = draw_clip(3, 72, 128, 0)
    clips = stored(write_data_set(tmp_path, {"video": (frames, masks)}), "val")
    (tmp_path / "JPEGImages" / "480p" / "video" / "00002.png").write_bytes(b"no image")
    with pytest.raises(VisorVosError, match=r"00002\.png"):
        clips.clip(0, 0, 0)


class TestVisor:
    def test_frames_and_masks_are_those_of_the_files(self):
        clips, data = stored(PREPARED, "train", PLAIN, crop_size=480), open_split(PREPARED, "train")
        for sample, name in enumerate(data.sequences):
            clip = clips.clip(sample, 0, 0.9)
            stems = clip.name.removeprefix(f"{name} frames ").split(", ")
            files = [
                (data.frames_folder / name / f"{stem}.jpg", data.masks_folder / name / f"{stem}.png") for stem in stems
            ]
            whole = np.stack([read_frame(frame) for frame, _ in files])
            masks = np.stack([png_ids(mask) for _, mask in files])
            column = next(x for x in range(854 - 479) if np.array_equal(whole[:, :, x : x + 480], clip.frames))
            shown = masks[:, :, column : column + 480]
            ids = [index for index in np.unique(shown[0]).tolist() if index]
            expected = sum(((shown == index) * number for number, index in enumerate(ids, 1)), np.zeros_like(shown))
            np.testing.assert_array_equal(clip.labels, expected)
            assert ids

    def test_the_recipe_s_clips_show_objects(self):
        clips = stored(PREPARED, "train", crop_size=384, short_side=480)
        for sample in range(len(clips)):
            clip = clips.clip(sample, 0, 0)
            assert clip.frames.shape == (3, 384, 384, 3)
            shown = set(np.unique(clip.labels[0]).tolist()) - {0}
            assert shown == set(range(1, len(shown) + 1))
            assert set(np.unique(clip.labels)) <= shown | {0}
