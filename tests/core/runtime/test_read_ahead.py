from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visorvos.core.runtime.read_ahead import BackgroundCalls, read_ahead, write_behind


@given(st.lists(st.none() | st.integers()))
def test_items_come_as_they_are(items: list[int | None]) -> None:
    assert list(read_ahead(items)) == items


def test_the_next_item_is_made_meanwhile_and_no_more() -> None:
    made: list[int] = []
    second = threading.Event()

    def make() -> Iterator[int]:
        for number in range(5):
            made.append(number)
            if number == 1:
                second.set()
            yield number

    items = read_ahead(make())
    assert next(items) == 0
    assert second.wait(30), "nothing is made unless it is asked for"
    assert made == [0, 1]
    items.close()
    assert made == [0, 1]


def test_an_error_comes_in_its_place() -> None:
    def make() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    items = read_ahead(make())
    assert next(items) == 1
    with pytest.raises(ValueError, match="broken"):
        next(items)


def test_calls_are_made_in_order_and_all_of_them() -> None:
    made: list[int] = []
    with write_behind() as write:
        for number in range(100):
            write(made.append, number)
        write.wait()
        assert made == list(range(100))
        write(made.append, 100)
    assert made == list(range(101))


class Unfinished(Future[object]):
    """A call that is waited for."""

    def __init__(self, waited_for: list[Unfinished]) -> None:
        super().__init__()
        self.waited_for = waited_for

    def result(self, timeout: float | None = None) -> None:
        self.waited_for.append(self)


class Idle(ThreadPoolExecutor):
    """Accepts calls and makes none."""

    def __init__(self) -> None:
        self.accepted: list[Unfinished] = []
        self.waited_for: list[Unfinished] = []

    def submit(self, function: object, /, *arguments: object, **named: object) -> Future[object]:  # type: ignore[override]
        self.accepted.append(Unfinished(self.waited_for))
        return self.accepted[-1]


def test_few_calls_are_pending_at_a_time() -> None:
    thread = Idle()
    calls = BackgroundCalls(thread)
    for number in range(1, 101):
        calls(print)
        assert thread.waited_for == thread.accepted[: max(0, number - 8)]
    calls.wait()
    assert thread.waited_for == thread.accepted


def refuse() -> None:
    raise ValueError("full")


def test_a_call_that_fails_ends_the_block() -> None:
    with pytest.raises(ValueError, match="full"), write_behind() as write:
        write(refuse)


def test_a_call_that_fails_ends_a_long_block_early() -> None:
    handed = 0

    def hand_over() -> None:
        nonlocal handed
        with write_behind() as write:
            for _ in range(1000):
                write(refuse)
                handed += 1

    with pytest.raises(ValueError, match="full"):
        hand_over()
    assert handed < 10


def test_what_was_handed_over_is_made_whatever_ends_the_block() -> None:
    made: list[int] = []

    def fail() -> None:
        with write_behind() as write:
            write(made.append, 1)
            write(refuse)
            raise KeyError("first")

    with pytest.raises(KeyError, match="first"):
        fail()
    assert made == [1]
