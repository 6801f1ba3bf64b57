"""What size a picture may have before it is decoded."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from visorvos import VisorVosError
from visorvos.core.io.images import read_frame


@pytest.mark.parametrize("size", [(64, 1), (2, 128), (1, 1)])
def test_a_strip_may_be_long(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("RGB", size).save(tmp_path / "a.png")
    assert read_frame(tmp_path / "a.png").shape == (size[1], size[0], 3)


@pytest.mark.parametrize("size", [(65, 1), (2, 130)])
def test_but_not_as_long_as_to_fill_the_memory_once_it_is_made_higher(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("RGB", size).save(tmp_path / "a.png")
    with pytest.raises(VisorVosError, match=f"{size[0]}x{size[1]} pixels are more than can be meant"):
        read_frame(tmp_path / "a.png")
