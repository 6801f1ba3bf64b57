from __future__ import annotations

import inspect
from collections.abc import Sequence
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from visorvos import segment_video
from visorvos.core.inference.memory_bank import ObjectGroup
from visorvos.core.inference.policy import GIVEN_LIMIT, POLICIES, EveryFrames, MemoryPolicy, VisorFrames, choose_policy
from visorvos.core.inference.segmenter import Segmenter
from visorvos.settings.evaluate import EvaluateSettings
from visorvos.settings.predict import PredictSettings

ITEM = torch.zeros(1, 1, 1, 1)


def remembered(policy: MemoryPolicy, length: int, given_at: Sequence[int] = (), start: int = 0) -> list[list[int]]:
    """The frames that objects of frame ``start`` remember after each frame from there on."""
    group = ObjectGroup(1, policy)
    after = []
    for frame in range(start, length):
        is_given = frame in given_at
        keep = policy.adds(frame, is_given) or frame == start
        group.remember(frame, ITEM, ITEM, keep, is_given)
        after.append(list(group.frames))
    return after


def gaps(frames: Sequence[int]) -> list[int]:
    return [later - earlier for earlier, later in pairwise(frames)]


videos = st.fixed_dictionaries(
    {
        "policy": st.builds(EveryFrames, every=st.integers(1, 7), limit=st.integers(1, 10)),
        "length": st.integers(1, 150),
        "given_at": st.lists(st.integers(0, 150), max_size=20),
        "start": st.integers(0, 20),
    }
)


@settings(max_examples=60, deadline=None)
@given(videos)
def test_first_newest_and_given_frames_and_no_more_than_the_limit_beside(video: dict) -> None:
    policy, given_at, start = video["policy"], set(video["given_at"]), video["start"]
    newest_due = start
    for frame, frames in enumerate(remembered(**video), start):
        if frame % policy.every == 0:
            newest_due = frame
        assert sorted(set(frames)) == sorted(frames)
        assert frames[0] == start
        assert frames[-1] == frame
        given_so_far = {number for number in given_at if start < number <= frame}
        assert len(given_so_far & set(frames)) >= min(len(given_so_far), GIVEN_LIMIT)
        assert len(given_so_far & set(frames)) <= GIVEN_LIMIT + 1
        regular = [number for number in frames if number not in given_so_far]
        assert len(regular) <= policy.limit + 1
        assert all(number == start or number % policy.every == 0 for number in regular if number != frame)
        assert policy.limit == 1 or newest_due in frames or newest_due in given_at


@settings(max_examples=60, deadline=None)
@given(videos)
def test_no_gap_is_wider_than_any_two_neighbors(video: dict) -> None:
    """The spread of the regular frames, whatever masks are given; a gap of one period is never too wide."""
    policy, given_at, start = video["policy"], video["given_at"], video["start"]
    if policy.limit < 3:
        return
    # A given frame that is also due leaves a hole of two periods.
    periods = 1 + max((len(run) for run in runs_of_due(given_at, policy.every)), default=0)
    for frames in remembered(**video):
        regular = [number for number in frames if number == start or number not in given_at]
        if regular[-1] % policy.every and regular[-1] != start:
            regular.pop()
        between = gaps(regular)
        for first, second in pairwise(between):
            assert max(between) <= max(periods * policy.every, first + second)


def runs_of_due(frames: Sequence[int], every: int) -> list[list[int]]:
    """Due frames among these, in runs of neighbors."""
    runs: list[list[int]] = []
    for frame in sorted({frame for frame in frames if frame % every == 0}):
        if runs and runs[-1][-1] == frame - every:
            runs[-1].append(frame)
        else:
            runs.append([frame])
    return runs


@pytest.mark.parametrize("limit", range(3, 17))
def test_gaps_before_the_newest_differ_by_less_than_a_factor_of_three(limit: int) -> None:
    """Measured over three million due frames: below 3 for every limit up to 16, 3.22 at most up to 40."""
    worst = 0.0
    for frames in remembered(EveryFrames(every=1, limit=limit), 700):
        kept = frames[:limit] if len(frames) > limit else frames
        # The newest gap starts at one period and grows; the others only merge.
        settled = gaps(kept)[:-1]
        if settled:
            worst = max(worst, max(settled) / min(settled))
    assert 1 <= worst < 3


def test_default_spread_worked_by_hand() -> None:
    after = remembered(EveryFrames(), 100)
    spread = {due: [gap // 5 for gap in gaps(after[5 * due])] for due in (7, 8, 14, 15, 16, 17, 18, 19)}
    assert spread == {
        7: [1, 1, 1, 1, 1, 1, 1],
        8: [2, 1, 1, 1, 1, 1, 1],
        14: [2, 2, 2, 2, 2, 2, 2],
        15: [2, 2, 2, 2, 2, 2, 3],
        16: [4, 2, 2, 2, 2, 3, 1],
        17: [4, 2, 2, 2, 2, 3, 2],
        18: [4, 2, 2, 2, 2, 3, 3],
        19: [4, 4, 2, 2, 3, 3, 1],
    }


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (1, [[0], [0, 1], [0, 2], [0, 3], [0, 4], [0, 5], [0, 6]]),
        (2, [[0], [0, 1], [0, 2], [0, 2, 3], [0, 4], [0, 4, 5], [0, 6]]),
        (3, [[0], [0, 1], [0, 2], [0, 2, 3], [0, 2, 4], [0, 2, 4, 5], [0, 4, 6]]),
    ],
)
def test_small_limits(limit: int, expected: list[list[int]]) -> None:
    assert remembered(EveryFrames(every=2, limit=limit), 7) == expected


@settings(max_examples=100)
@given(st.lists(st.integers(0, 1000), min_size=4, max_size=12, unique=True).map(sorted))
def test_the_dropped_frame_leaves_the_smallest_hole(frames: list[int]) -> None:
    def hole(place: int) -> int:
        return frames[place + 1] - frames[place - 1]

    place = EveryFrames(limit=len(frames) - 1).drops(frames, [False] * len(frames))
    assert place is not None
    assert 0 < place < len(frames) - 1
    assert all(hole(place) < hole(other) for other in range(1, place))
    assert all(hole(place) <= hole(other) for other in range(place, len(frames) - 1))
    assert EveryFrames(limit=len(frames)).drops(frames, [False] * len(frames)) is None


@settings(max_examples=100)
@given(st.integers(1, 2000), st.booleans())
def test_visor_frames_are_those_of_the_protocol(length: int, is_given: bool) -> None:
    due = {frame for frame in range(length + 2) if VisorFrames(length).adds(frame, is_given)}
    assert due == {0, round(length / 3), round(2 * length / 3)}
    assert len(due) <= VisorFrames(length).limit


def test_visor_frames_of_known_lengths() -> None:
    """Worked by hand: rounding to the nearest; a third of a whole number is never half way."""
    expected = {1: {0, 1}, 2: {0, 1}, 3: {0, 1, 2}, 4: {0, 1, 3}, 5: {0, 2, 3}, 11: {0, 4, 7}, 100: {0, 33, 67}}
    for length, due in expected.items():
        assert {frame for frame in range(200) if VisorFrames(length).adds(frame, given=False)} == due


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(0, 59))
def test_visor_policy_drops_nothing_due(length: int, start: int) -> None:
    """Also for objects that come later and have a first frame of their own."""
    due = {0, round(length / 3), round(2 * length / 3)}
    for frame, frames in enumerate(remembered(VisorFrames(length), length, start=start), start):
        assert set(frames) == {start, frame} | {number for number in due if start <= number <= frame}


def test_a_long_video_forgets_no_given_frame() -> None:
    after = remembered(EveryFrames(every=5, limit=2), 500, given_at=[0, 3, 50, 51, 200])
    assert after[-1] == [0, 3, 50, 51, 200, 495, 499]


def test_given_frames_past_their_limit_stay_spread() -> None:
    """Every tenth frame is given, four times as many as fit."""
    limit = 4 * GIVEN_LIMIT
    after = remembered(EveryFrames(every=1000), 10 * limit + 1, given_at=range(10, 10 * limit + 1, 10))
    kept = after[-1][1:]
    assert len(kept) == GIVEN_LIMIT
    assert (kept[0], kept[-1]) == (10, 10 * limit)
    assert max(gaps(kept)) < 10 * limit / 4


@pytest.mark.parametrize("name", POLICIES)
def test_options_offer_every_policy(name: str) -> None:
    assert PredictSettings(frames="x", masks="y", weights="z", output="o", memory=name).memory == name  # type: ignore[arg-type]
    assert EvaluateSettings(data="x", weights="z", memory=name).memory == name  # type: ignore[arg-type]
    assert POLICIES[name][0] in str(PredictSettings.model_fields["memory"].description)


def test_one_entry_adds_a_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(POLICIES, "all", ("all frames", lambda every, limit, count: EveryFrames(1, 10**6)))
    assert remembered(choose_policy("all", 5, 8), 20)[-1] == list(range(20))


def test_options_of_memory_reach_the_segmenter() -> None:
    """So that a new one needs no more than its declaration and its effect."""
    predict = PredictSettings(frames="x", masks="y", weights="z", output="o", every=3)  # type: ignore[arg-type, call-arg]
    evaluate = EvaluateSettings(data="x", weights="z", every=3)  # type: ignore[arg-type, call-arg]
    for command, functions in ((predict, (choose_policy, Segmenter)), (evaluate, (segment_video,))):
        accepted = {name for function in functions for name in inspect.signature(function).parameters}
        given = command.panel("Memory")
        assert {"memory", "every", "limit", "size", "flip", "scales"} <= given.keys() <= accepted
        assert given["every"] == 3
