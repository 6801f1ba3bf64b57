from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visorvos.core.runtime.read_ahead import read_ahead, write_behind


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


def test_few_wait_to_be_made() -> None:
    go, handed = threading.Event(), 0

    def hand_over() -> None:
        nonlocal handed
        with write_behind() as write:
            for _ in range(100):
                write(go.wait)
                handed += 1

    thread = threading.Thread(target=hand_over)
    thread.start()
    try:
        thread.join(0.2)
        assert thread.is_alive()
        assert handed < 10
    finally:
        go.set()
        thread.join()
    assert handed == 100


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
