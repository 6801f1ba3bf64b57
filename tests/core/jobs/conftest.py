"""A data set to train on, and a run on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import write_data_set
from tests.conftest import made_once
from tests.forked import finish, start
from tests.training_runs import arguments, squares


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Squares that move over noise: two videos to train on, one to validate on."""

    def make(root: Path) -> Path:
        write_data_set(root, {f"video{number}": squares(number) for number in range(3)})
        (root / "ImageSets" / "2022" / "val.txt").write_text("video2")
        (root / "ImageSets" / "2022" / "train.txt").write_text("video0\nvideo1")
        return root

    return made_once("squares", make, tmp_path_factory, worker_id)


@pytest.fixture(scope="session")
def undisturbed(data: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder of a run that nothing interrupted."""

    def make(output: Path) -> Path:
        log = output.with_suffix(".log")
        assert finish(start(arguments(data, output, weights), log)) == 0, log.read_text()
        return output

    return made_once("undisturbed", make, tmp_path_factory, worker_id)
