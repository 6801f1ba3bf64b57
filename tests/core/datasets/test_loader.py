from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visorvos import VisorVosError
from visorvos.core.datasets.clip import Clip
from visorvos.core.datasets.loader import Batch, ClipSchedule, load_batches
from visorvos.core.datasets.order import generator, sample_of


class Noise:
    """Random clips, and trouble where asked for."""

    def __init__(self, samples: int, broken: int = -1) -> None:
        self.samples = samples
        self.broken = broken

    def __len__(self) -> int:
        return self.samples

    def describe(self) -> str:
        return "noise"

    def clip(self, sample: int, epoch: int, progress: float) -> Clip:
        if sample == self.broken:
            raise VisorVosError(f"Sample {sample} is broken.", "Fix it.")
        random = generator(0, epoch, sample)
        frames = random.integers(0, 256, (3, 8, 16, 3), dtype=np.uint8)
        labels = random.integers(0, 3, (3, 8, 16), dtype=np.uint8)
        return Clip(frames, labels, f"{epoch}/{sample}/{progress}")


@given(
    iterations=st.integers(1, 60),
    batch_size=st.integers(1, 5),
    accumulate=st.integers(1, 5),
    processes=st.integers(1, 4),
    done=st.integers(0, 5),
)
def test_the_processes_share_every_clip_once(
    iterations: int, batch_size: int, accumulate: int, processes: int, done: int
) -> None:
    schedule = ClipSchedule(iterations, batch_size * accumulate, batch_size, seed=0)
    start = min(done * schedule.step_size, iterations)
    shares = [list(schedule.share(start, rank, processes)) for rank in range(processes)]
    seen = sorted(number for share in shares for part in share if not part.idle for number in part.clips)
    assert seen == list(range(start, iterations))
    steps = [sorted({part.step for part in share}) for share in shares]
    assert all(own == steps[0] for own in steps), "all processes meet at every step"
    for share in shares:
        for part in share:
            assert 1 <= len(part.clips) <= batch_size
            assert {number // schedule.step_size for number in part.clips} == {part.step}


def test_a_batch_holds_its_clips() -> None:
    clips = Noise(5)
    steps = list(load_batches(clips, ClipSchedule(7, step_size=3, batch_size=2, seed=1), start=0, workers=0))
    assert [[len(batch.names) for batch in step] for step in steps] == [[2, 1], [2, 1], [1]]
    batches = [batch for step in steps for batch in step]
    number = 0
    for batch in batches:
        for place, name in enumerate(batch.names):
            epoch, sample = sample_of(number, 5, 1)
            expected = clips.clip(sample, epoch, number / 7)
            assert name == expected.name
            np.testing.assert_array_equal(batch.frames[place].permute(0, 2, 3, 1), expected.frames)
            np.testing.assert_array_equal(batch.labels[place], expected.labels)
            number += 1
    assert number == 7


def same(one: list[list[Batch]], other: list[list[Batch]]) -> bool:
    def flat(steps: list[list[Batch]]) -> list[object]:
        return [
            (b.names, b.step, b.idle, b.frames.numpy().tobytes(), b.labels.numpy().tobytes()) for s in steps for b in s
        ]

    return flat(one) == flat(other)


def test_workers_change_nothing_nor_does_a_later_start() -> None:
    schedule = ClipSchedule(20, step_size=4, batch_size=2, seed=3)
    here = list(load_batches(Noise(6), schedule, start=0, workers=0))
    assert same(list(load_batches(Noise(6), schedule, start=0, workers=2)), here)
    assert same(list(load_batches(Noise(6), schedule, start=8, workers=0)), here[2:])
    assert not same(here[:1], here[1:2])


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_a_worker_is_raised_unchanged(workers: int) -> None:
    steps = load_batches(Noise(4, broken=2), ClipSchedule(4, 1, 1, seed=0), start=0, workers=workers)
    with pytest.raises(VisorVosError, match=r"^Sample 2 is broken\. Fix it\.$"):
        list(steps)
