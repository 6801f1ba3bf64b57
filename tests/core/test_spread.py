from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from visorvos.core.spread import evenly


@given(st.integers(0, 2000), st.integers(0, 60))
def test_indices_are_distinct_and_evenly_apart(length: int, count: int) -> None:
    found = evenly(length, count)
    assert len(found) == min(length, count)
    assert found == sorted(set(found))
    assert set(found) <= set(range(length))
    gaps = [later - earlier for earlier, later in pairwise(found)]
    assert not gaps or max(gaps) - min(gaps) <= 2
    if len(found) > 1:
        assert (found[0], found[-1]) == (0, length - 1)


def test_known_spreads() -> None:
    assert evenly(9, 3) == [0, 4, 8]
    assert evenly(5, 1) == [0]
    assert evenly(3, 8) == [0, 1, 2]
