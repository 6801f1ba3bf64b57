from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visorvos.core.datasets.clip import Clip
from visorvos.core.datasets.mixture import MixedClips
from visorvos.core.datasets.order import sample_of

EMPTY = np.zeros((3, 1, 1), np.uint8)


class Named:
    """A source whose clips say where they come from."""

    def __init__(self, name: str, samples: int) -> None:
        self.name = name
        self.samples = samples

    def __len__(self) -> int:
        return self.samples

    def describe(self) -> str:
        return f"{self.samples} of {self.name}"

    def clip(self, sample: int, epoch: int, progress: float) -> Clip:
        return Clip(EMPTY[..., None], EMPTY, f"{self.name} {sample} {epoch} {progress}")


def drawn(clips: MixedClips, count: int, seed: int = 0) -> list[str]:
    """The names of the clips that a run sees."""
    found = []
    for number in range(count):
        epoch, sample = sample_of(number, len(clips), seed)
        found.append(clips.clip(sample, epoch, 0.5).name)
    return found


def test_clips_come_in_the_proportions_of_the_weights() -> None:
    clips = MixedClips([Named("a", 60), Named("b", 30), Named("c", 10)], [1, 5, 2], seed=3)
    assert len(clips) == 100
    for epoch in range(3):
        names = Counter(clips.clip(sample, epoch, 0).name.split()[0] for sample in range(100))
        assert names == {"a": 12, "b": 63, "c": 25}


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    weights=st.lists(st.floats(0.1, 10), min_size=4, max_size=4),
)
def test_shares_are_exact_up_to_one_clip(sizes: list[int], weights: list[float]) -> None:
    weights = weights[: len(sizes)]
    clips = MixedClips([Named(str(index), size) for index, size in enumerate(sizes)], weights, seed=0)
    assert len(clips) == sum(sizes)
    names = Counter(clips.clip(sample, 0, 0).name.split()[0] for sample in range(len(clips)))
    for index, weight in enumerate(weights):
        assert abs(names[str(index)] - len(clips) * weight / sum(weights)) <= 1


def test_every_sample_of_a_source_comes_equally_often() -> None:
    clips = MixedClips([Named("a", 7), Named("b", 5)], [1, 3], seed=1)
    names = [name.split() for name in drawn(clips, 12 * 35)]
    for source, size in (("a", 7), ("b", 5)):
        samples = Counter(sample for name, sample, *_ in names if name == source)
        assert len(samples) == size
        assert max(samples.values()) - min(samples.values()) <= 1


def test_no_sample_is_augmented_alike_twice() -> None:
    clips = MixedClips([Named("a", 7), Named("b", 2)], [1, 5], seed=1)
    names = drawn(clips, 9 * 10)
    assert len(set(names)) == len(names), "sample and epoch, from which the augmentation follows"


def test_a_clip_depends_on_seed_epoch_and_sample_only() -> None:
    def make(seed: int) -> MixedClips:
        return MixedClips([Named("a", 20), Named("b", 20)], [1, 2], seed)

    whole = drawn(make(0), 100)
    clips = make(0)
    later = [clips.clip(sample, epoch, 0.5).name for epoch, sample in (sample_of(n, 40, 0) for n in range(60, 100))]
    assert later == whole[60:], "a resumed run sees the same clips"
    assert drawn(make(1), 100) != whole


def test_the_description_holds_weights_and_sources() -> None:
    clips = MixedClips([Named("a", 7), Named("b", 2)], [1, 0.5], seed=0)
    assert clips.describe() == "1 x (7 of a); 0.5 x (2 of b)"


@pytest.mark.parametrize("progress", [0.0, 0.75])
def test_progress_is_passed_on(progress: float) -> None:
    assert MixedClips([Named("a", 1)], [2], seed=0).clip(0, 0, progress).name == f"a 0 0 {progress}"
