"""Classes, sizes and ages against a computation over a plain list of masks."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from tests.core.metrics.test_scores import make_report
from visorvos.core.metrics.breakdown import by_age, by_class, by_size, overall
from visorvos.core.metrics.scores import MEASURES, ObjectScores, SequenceScores


@pytest.fixture
def sequences():
    random = np.random.default_rng(7)
    names = ["cup", "left hand", "knife", None]
    made = []
    for number in range(30):
        frames = tuple(f"{frame:03d}" for frame in range(random.integers(1, 20)))
        objects = []
        for index in range(1, random.integers(2, 6)):
            region, contour = random.random((2, len(frames)))
            sizes = 10.0 ** random.uniform(-4, 0, len(frames))
            sizes[random.random(len(frames)) < 0.1] = 0
            sizes[random.random(len(frames)) < 0.1] = 0.01
            objects.append(ObjectScores(f"s{number}", index, names[random.integers(4)], frames, region, contour, sizes))
        made.append(SequenceScores(f"s{number}", tuple(objects)))
    return made


def masks(sequences):
    """(sequence, object, name, frames since the first, J, F, size) of every mask."""
    return [
        (sequence.sequence, item.object_id, item.name, number + 1, item.region[number], item.contour[number], size)
        for sequence in sequences
        for item in sequence.objects
        for number, size in enumerate(item.sizes)
    ]


def plain(rows, key):
    groups = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return {
        label: (
            len({row[0] for row in group}),
            len({row[:2] for row in group}),
            len(group),
            pytest.approx(np.mean([(row[4] + row[5]) / 2 for row in group])),
            pytest.approx(np.mean([row[4] for row in group])),
            pytest.approx(np.mean([row[5] for row in group])),
        )
        for label, group in groups.items()
    }


def figures(groups):
    return {
        group.label: (
            group.sequences,
            group.objects,
            group.masks,
            *(group.figures[name].value for name in ("J&F", "J", "F")),
        )
        for group in groups
    }


def size_of(row):
    share = 100 * row[6]
    for label, most in (
        ("under 0.1 %", 0.1),
        ("0.1 to 0.3 %", 0.3),
        ("0.3 to 1 %", 1),
        ("1 to 3 %", 3),
        ("3 to 10 %", 10),
        ("10 to 30 %", 30),
        ("over 30 %", 101),
    ):
        if share < most:
            return label if share else "not visible"
    raise AssertionError(share)


def age_of(row):
    return next(
        label
        for label, last in (("1", 1), ("2", 2), ("3 to 4", 4), ("5 to 8", 8), ("9 to 16", 16), ("17 to 32", 32))
        if row[3] <= last
    )


def test_sizes(sequences):
    found = figures(by_size(sequences))
    assert found == plain(masks(sequences), size_of)
    assert list(found)[:2] == ["not visible", "under 0.1 %"]
    assert list(found)[-1] == "over 30 %"


def test_ages(sequences):
    found = figures(by_age(sequences))
    assert found == plain(masks(sequences), age_of)
    assert list(found) == ["1", "2", "3 to 4", "5 to 8", "9 to 16", "17 to 32"]


def test_classes_are_means_over_objects(sequences):
    found = by_class(sequences)
    assert [group.label for group in found] == ["cup", "knife", "left hand"]
    for group in found:
        objects = [item for sequence in sequences for item in sequence.objects if item.name == group.label]
        assert group.objects == len(objects)
        assert group.masks == sum(len(item.frames) for item in objects)
        assert group.sequences == len({item.sequence for item in objects})
        assert group.figures["J"].value == pytest.approx(np.mean([item.region.mean() for item in objects]))
        assert group.figures["J&F"].value == pytest.approx(np.mean([item.j_and_f for item in objects]))
        assert group.figures["F"].interval[0] < group.figures["F"].value < group.figures["F"].interval[1]


def test_the_whole_is_the_reports(sequences):
    report = make_report(*sequences)
    group = overall("All", report.sequences)
    found = group.figures
    assert (group.label, group.sequences, group.objects) == ("All", 30, len(report.objects))
    assert group.masks == len(masks(sequences))
    region, contour = report.region_statistics, report.contour_statistics
    expected = (report.j_and_f, region.mean, region.recall, region.decay, contour.mean, contour.recall, contour.decay)
    assert [found[name].value for name in MEASURES] == pytest.approx(expected)
    assert all(item.interval[0] < item.value < item.interval[1] for item in found.values())


def test_empty_groups_are_left_out():
    one = ObjectScores("a", 1, None, ("f",), np.array([1.0]), np.array([0.5]), np.array([0.02]))
    sequences = [SequenceScores("a", (one,))]
    assert [group.label for group in by_size(sequences)] == ["1 to 3 %"]
    assert [group.label for group in by_age(sequences)] == ["1"]
    assert by_class(sequences) == []
