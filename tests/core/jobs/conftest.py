"""A data set to train on, and a run on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import write_data_set
from tests.forked import finish, start
from tests.training_runs import arguments, squares


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Squares that move over noise: two videos to train on, one to validate on."""
    root = tmp_path_factory.mktemp("squares")
    videos = {f"video{number}": squares(number) for number in range(3)}
    write_data_set(root, videos)
    (root / "ImageSets" / "2022" / "val.txt").write_text("video2")
    (root / "ImageSets" / "2022" / "train.txt").write_text("video0\nvideo1")
    return root


@pytest.fixture(scope="session")
def undisturbed(data: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing interrupted."""
    output = tmp_path_factory.mktemp("runs") / "undisturbed"
    log = output.with_suffix(".log")
    assert finish(start(arguments(data, output, weights), log)) == 0, log.read_text()
    return output
