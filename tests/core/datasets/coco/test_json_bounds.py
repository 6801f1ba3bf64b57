"""Nesting and length against a plain parse, and against what tries to hide them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visorvos.core.datasets.coco import json_bounds
from visorvos.core.datasets.coco.json_bounds import JsonBounds

TEXTS = st.text(st.sampled_from('[]{}"\\n\u00e9'), max_size=6)
VALUES = st.recursive(
    TEXTS | st.integers(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
)


def depth(value: Any) -> int:
    if isinstance(value, dict | list):
        return 1 + max(map(depth, value.values() if isinstance(value, dict) else value), default=0)
    return 0


def fault(text: str, size: int) -> str | None:
    bounds, content = JsonBounds(), text.encode()
    chunks = [content[start : start + size] for start in range(0, len(content), size)]
    return next(filter(None, map(bounds.fault, chunks)), None)


@given(value=VALUES, size=st.integers(1, 20), deepest=st.integers(0, 4), escaped=st.booleans())
def test_what_is_nested_too_deep_is_told_whatever_its_texts_hold(
    value: Any, size: int, deepest: int, escaped: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_bounds, "_DEEPEST", deepest)
        found = fault(json.dumps(value, ensure_ascii=escaped), size)
    assert (found is not None) == (depth(value) > deepest)


@pytest.mark.parametrize(
    ("entry", "is_long"),
    [
        ("1," * 400 + "1", False),
        ("1," * 600 + "1", True),
        ("[1]," * 300 + "[1]", True),
        ('"' + "]}" * 600 + '"', True),
    ],
)
def test_an_entry_that_would_fill_the_memory_is_told(
    entry: str, is_long: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_bounds, "_LONGEST", 1000)
    many = '{"images": [' + ", ".join(['{"id": 1}'] * 400) + '], "annotations": [{"a": [' + entry + "]}]}"
    json.loads(many)
    assert (fault(many, 50) is not None) == is_long
