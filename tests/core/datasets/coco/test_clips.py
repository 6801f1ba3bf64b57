import pickle
from collections import Counter
from itertools import pairwise

import cv2
import numpy as np
import pytest

from tests.builders import changed
from visorvos.core.datasets.coco import clips as coco_clips
from visorvos.core.datasets.coco.clips import CocoClips
from visorvos.core.datasets.coco.index import open_coco
from visorvos.core.datasets.synthetic.release import write_synthetic_coco
from visorvos.errors import VisorVosError
from visorvos.settings.pretrain import CocoAugmentation

RECIPE = CocoAugmentation()
SMALL = changed(RECIPE, min_own=60, min_pasted_box=100, drift=(8, 4), min_visible=20)
"""For images of about a hundred pixels."""
UNMOVED = changed(SMALL, flip=0, corner_shift=0, rotation=0, shear=0, scale=(1, 1))


class Painted:
    """Images whose objects are discs, each in a color that no other object has, on gray."""

    def __init__(self, *images, height=90, width=120):
        self.shape = (height, width)
        self.discs = list(images)
        self.instance_starts = np.cumsum([0, *(len(discs) for discs in images)])
        self.flat = [disc for discs in images for disc in discs]
        self.box_areas = np.array([(2.0 * radius) ** 2 for _, _, radius in self.flat])

    def __len__(self):
        return len(self.discs)

    def name(self, image):
        return f"image {image}"

    def describe(self):
        return f"{len(self)} painted images"

    def polygons(self, instance):
        x, y, radius = self.flat[instance]
        return [cv2.ellipse2Poly((x, y), (radius, radius), 0, 0, 360, 10)]

    def color(self, instance):
        return (instance // 16 * 16, instance % 16 * 16, 255 - instance % 250)

    def read_frame(self, image):
        frame = np.full((*self.shape, 3), 8, np.uint8)
        for instance in range(self.instance_starts[image], self.instance_starts[image + 1]):
            cv2.fillPoly(frame, self.polygons(instance), self.color(instance))
        return frame


THREE = ((30, 30, 14), (70, 50, 15), (95, 70, 16))
SCENES = Painted(THREE, ((35, 45, 20), (90, 45, 12)), (), ((20, 20, 3), (50, 40, 9)))


def clips(painted=SCENES, augmentation=SMALL, crop_size=64, max_objects=5, short_side=90, seed=0):
    return CocoClips(painted, augmentation, crop_size, max_objects, short_side, seed)


def inside(mask):
    """Pixels over four away from where the mask ends, and from the border: even two warps mix no colors there."""
    return cv2.erode(mask.astype(np.uint8), np.ones((9, 9), np.uint8), borderType=0, borderValue=0) > 0


def shown(clip, painted=SCENES):
    """The instance that each id of a clip is, by the color that it has wherever it is; at most one color each."""
    found = {}
    for index in range(1, clip.labels.max() + 1):
        pixels = [frame[inside(labels == index)] for frame, labels in zip(clip.frames, clip.labels, strict=True)]
        colors = {tuple(pixel) for pixel in np.concatenate(pixels).tolist()}
        if colors:  # else too little of it is visible
            (color,) = colors
            (found[index],) = [number for number in range(len(painted.flat)) if painted.color(number) == color]
    return found


@pytest.mark.parametrize("short_side", [90, 64, 137])
@pytest.mark.parametrize("sample", range(4))
def test_frames_and_labels_agree_after_all_that_is_done_to_them(sample, short_side):
    source = clips(short_side=short_side, augmentation=changed(SMALL, min_visible=80))
    kept = 0
    for epoch in range(15):
        clip = source.clip(sample, epoch, 0.5)
        assert (clip.frames.shape, clip.labels.shape, clip.name) == ((3, 64, 64, 3), (3, 64, 64), f"image {sample}")
        assert clip.frames.dtype == clip.labels.dtype == np.uint8
        instances = shown(clip)
        kept += len(instances)
        assert np.unique(clip.labels[0]).tolist() == list(range(clip.labels.max() + 1))
        for frame, labels in zip(clip.frames, clip.labels, strict=True):
            for index, instance in instances.items():
                if list(instances.values()).count(instance) == 1 and instance < SCENES.instance_starts[sample]:
                    there = inside((frame == SCENES.color(instance)).all(2))
                    assert (labels[there] == index).all(), "a color of an object is labeled wherever it is"
    assert kept > 7


def test_the_same_arguments_give_the_same_clip_in_any_process():
    source, other = clips(), pickle.loads(pickle.dumps(clips()))
    assert source.describe() == other.describe() == SCENES.describe()
    for sample in range(4):
        first, second = source.clip(sample, 3, 0.1), other.clip(sample, 3, 0.9)
        np.testing.assert_array_equal(first.frames, second.frames)
        np.testing.assert_array_equal(first.labels, second.labels)
    reference = source.clip(0, 3, 0.1).frames
    for different in (source.clip(0, 4, 0.1), source.clip(1, 3, 0.1), clips(seed=1).clip(0, 3, 0.1)):
        assert (different.frames != reference).any()


def test_half_of_the_clips_have_one_to_three_objects_of_other_images():
    source = clips(augmentation=changed(UNMOVED, min_visible=0, drift=(0, 0)), crop_size=90)
    pasted = Counter()
    for epoch in range(200):
        foreign = [number for number in shown_in_first(source.clip(0, epoch, 0)) if number >= len(THREE)]
        pasted[len(foreign)] += 1
    # Objects of the image itself among the pasted, and those that are covered, are not counted.
    assert 95 < pasted[0] < 140
    assert pasted.keys() == {0, 1, 2, 3}
    assert pasted[1] > pasted[2] > pasted[3] > 0


def shown_in_first(clip):
    return [
        number
        for number in range(len(SCENES.flat))
        if (clip.frames[0] == SCENES.color(number)).all(2)[clip.labels[0] > 0].any()
    ]


@pytest.mark.parametrize("pasting", [0, 1])
def test_how_many_objects_are_pasted(monkeypatch, pasting):
    pasted = []
    monkeypatch.setattr(coco_clips, "paste", lambda *arguments: pasted.append(arguments[3]))
    source = clips(augmentation=changed(SMALL, pasting=pasting))
    counts = Counter()
    for epoch in range(120):
        pasted.clear()
        source.clip(0, epoch, 0)
        assert set(Counter(pasted).values()) <= {3}, "each into all three frames"
        counts[len(set(pasted))] += 1
    assert counts.keys() == ({1, 2, 3} if pasting else {0})
    assert all(22 < count < 60 for count in counts.values()) or not pasting


def test_an_image_without_large_objects_gets_pasted_ones():
    source = clips(augmentation=changed(UNMOVED, pasting=0, min_visible=0))
    for sample, own in ((0, True), (1, True), (2, False), (3, True)):
        found = [set(shown(source.clip(sample, epoch, 0)).values()) for epoch in range(20)]
        start, end = SCENES.instance_starts[sample : sample + 2]
        assert all(one <= set(range(start, end)) for one in found) == own
    assert all(5 not in shown(source.clip(3, epoch, 0)).values() for epoch in range(20)), "under 60 pixels"


def test_an_objects_own_pixels_decide_whether_it_is_large_enough():
    pixels = np.count_nonzero(cv2.fillPoly(np.zeros((90, 120), np.uint8), SCENES.polygons(6), 1))
    for min_own, count in ((pixels, 1), (pixels + 1, 0)):
        augmentation = changed(UNMOVED, pasting=0, min_own=min_own, pasted=(0, 0), min_visible=0)
        assert len(shown(clips(augmentation=augmentation).clip(3, 0, 0))) == count


def test_only_objects_with_large_boxes_are_pasted_evenly():
    augmentation = changed(UNMOVED, pasting=1, max_own=0, pasted=(1, 1), min_pasted_box=28.0**2, min_visible=0)
    source = clips(augmentation=augmentation, max_objects=1)
    counts = Counter(number for epoch in range(160) for number in shown(source.clip(2, epoch, 0)).values())
    assert set(counts) == {0, 1, 2, 3}
    assert max(counts.values()) < 2.5 * min(counts.values())


def test_pasted_objects_drift_to_the_right_and_down():
    augmentation = changed(UNMOVED, pasting=1, max_own=0, pasted=(1, 1), drift=(8, 4), min_visible=150)
    source = clips(augmentation=augmentation)
    steps = []
    for epoch in range(150):
        clip = source.clip(2, epoch, 0)
        boxes = [cv2.boundingRect(labels) for labels in clip.labels]
        if all(x > 0 and y > 0 and x + w < 64 and y + h < 64 for x, y, w, h in boxes):
            steps += [(after[0] - before[0], after[1] - before[1]) for before, after in pairwise(boxes)]
            shapes = [clip.labels[i][y : y + h, x : x + w] for i, (x, y, w, h) in enumerate(boxes)]
            assert all((shape == shapes[0]).all() for shape in shapes)
    assert len(steps) > 40
    assert {x for x, _ in steps} == set(range(9))
    assert {y for _, y in steps} == set(range(5))


def test_a_pasted_object_stays_in_the_frame():
    augmentation = changed(UNMOVED, pasting=1, max_own=0, pasted=(1, 1), drift=(90, 90), min_visible=0)
    for epoch in range(20):
        clip = clips(augmentation=augmentation).clip(2, epoch, 0)
        assert (clip.labels[2] > 0).any() or not clip.labels.any()


def test_each_warp_comes_on_top_of_the_one_before(monkeypatch):
    seen = []

    def warp(given, augmentation, random):
        seen.append((given, given + 1, augmentation))
        return seen[-1][1]

    monkeypatch.setattr(coco_clips, "warp_cut_out", warp)
    augmentation = changed(SMALL, pasting=1, pasted=(1, 1))
    clips(augmentation=augmentation).clip(2, 0, 0)
    (_, first, given), (second, _, _) = seen
    assert second is first
    assert given is augmentation


def test_at_most_five_of_its_own_objects_stay_beside_pasted_ones():
    many = Painted([(x, y, 8) for x in range(12, 110, 20) for y in range(12, 80, 20)])
    few = changed(UNMOVED, pasting=1, pasted=(0, 0), min_visible=0)
    for augmentation, expected in ((few, 5), (changed(few, max_own=2), 2), (changed(few, pasting=0), 20)):
        source = clips(many, augmentation, crop_size=90, max_objects=254)
        found = [frozenset(shown(source.clip(0, epoch, 0), many).values()) for epoch in range(6)]
        assert {len(one) for one in found} <= set(range(expected - 8, expected + 1))
        assert max(map(len, found)) <= expected
        if expected < 20:
            assert len(set(found)) > 3, "which ones is random"
        else:
            assert min(map(len, found)) > 10


@pytest.mark.parametrize("count", [20, 300])
def test_images_with_many_instances_work(count):
    random = np.random.default_rng(0)
    crowd = Painted([(int(x), int(y), 5) for x, y in random.integers(6, 84, (count, 2))])
    source = clips(crowd, changed(UNMOVED, pasting=0, min_visible=10), crop_size=90)
    labels = [source.clip(0, epoch, 0).labels for epoch in range(4)]
    assert [int(one.max()) for one in labels] == [5] * 4
    assert any((labels[0] != one).any() for one in labels[1:]), "which five is random"


@pytest.mark.parametrize(("offset", "expected"), [(-1, 1), (0, 0)])
def test_objects_of_too_few_pixels_in_the_first_frame_become_background(offset, expected):
    one = Painted([(60, 45, 10)])
    pixels = np.count_nonzero(clips(one, changed(UNMOVED, pasting=0, min_visible=0)).clip(0, 0, 0).labels[0])
    clip = clips(one, changed(UNMOVED, pasting=0, min_visible=pixels + offset)).clip(0, 0, 0)
    assert clip.labels.max() == expected


def test_half_of_the_clips_are_mirrored_left_to_right():
    one = Painted([(60, 45, 12), (100, 45, 12)])
    source = clips(one, changed(UNMOVED, flip=0.5, pasting=0), crop_size=90)
    mirrored = 0
    for epoch in range(200):
        clip = source.clip(0, epoch, 0)
        columns = {number: np.nonzero(clip.labels[0] == index)[1].mean() for index, number in shown(clip, one).items()}
        if len(columns) == 2:
            mirrored += columns[0] > columns[1]
    assert 65 < mirrored < 135


def test_the_image_moves_from_frame_to_frame_and_otherwise_in_each_epoch():
    one = Painted([(45, 45, 20)], width=90)
    source = clips(one, changed(UNMOVED, pasting=0, corner_shift=0.1), crop_size=90)
    seen = [source.clip(0, epoch, 0).frames for epoch in range(3)]
    moved = [frames[number].tobytes() for frames in seen for number in (1, 2)]
    assert all((frames[0] == one.read_frame(0)).all() for frames in seen)
    assert len({*moved, one.read_frame(0).tobytes()}) == 7


def test_later_objects_lie_over_earlier_ones_and_pasted_ones_over_all():
    both = Painted([(60, 45, 15), (70, 45, 15)])
    for epoch in range(5):
        clip = clips(both, changed(UNMOVED, pasting=0, min_visible=0), crop_size=90).clip(0, epoch, 0)
        assert np.count_nonzero(clip.labels[0] == 2) == np.count_nonzero(draw(both, 1)) > (clip.labels[0] == 1).sum()


def draw(painted, instance):
    return cv2.fillPoly(np.zeros(painted.shape, np.uint8), painted.polygons(instance), 1)


def test_a_crop_larger_than_the_images_is_refused():
    with pytest.raises(VisorVosError, match=r"short side of the images, 90, got 91"):
        clips(crop_size=91)
    clips(crop_size=90)


def test_images_without_any_large_object_are_refused():
    with pytest.raises(VisorVosError, match="No object has a box of 1e\\+06 pixels"):
        clips(augmentation=changed(SMALL, min_pasted_box=1e6))


def test_the_recipe_on_a_release_of_coco_shape(tmp_path):
    write_synthetic_coco(tmp_path, images=12, seed=0, height=480, width=640)
    index = open_coco(tmp_path)
    source = CocoClips(index, RECIPE, 384, 5, 480, 0)
    for sample in range(0, len(source), 4):
        clip = source.clip(sample, 0, 0)
        assert clip.frames.shape == (3, 384, 384, 3)
        ids, counts = np.unique(clip.labels[0], return_counts=True)
        assert ids.tolist() == list(range(clip.labels.max() + 1))
        assert clip.labels.max() <= 5
        assert (counts[1:] > 350).all()
