from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders import draw_clip, write_frames, write_labels
from tests.conftest import Run

NAMES = ("video10", "video9", "b")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three sequences of three, four and five frames, with masks of the first and one more."""
    for index, name in enumerate(NAMES):
        frames, masks = draw_clip(3 + index, 48, 64, index)
        write_frames(tmp_path / "frames" / name, frames)
        for number in (0, 2):
            write_labels(tmp_path / "masks" / name / f"{number:05d}.png", masks[number])
    return tmp_path


def command(root: Path, weights: Path, output: str, name: str = "") -> list[object]:
    given = ["predict", root / "frames" / name, "--masks", root / "masks" / name, "--weights", weights]
    return [
        *given,
        "--output",
        root / output / name,
        "--size",
        -1,
        "--device",
        "cpu",
        "--precision",
        "float32",
        "--json",
    ]


def masks(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.png")}


@pytest.fixture(scope="module")
def known() -> dict[str, bytes]:
    """The masks of each sequence on its own; filled by the first test that needs them."""
    return {}


@pytest.fixture
def separate(run: Run, root: Path, weights: Path, known: dict[str, bytes]) -> dict[str, bytes]:
    """The masks of each sequence on its own."""
    if not known:
        for name in NAMES:
            assert run(*command(root, weights, "separate", name)).code == 0
        known |= masks(root / "separate")
    return known


def test_a_folder_of_sequences_is_each_of_them(run: Run, root: Path, weights: Path, separate: dict[str, bytes]) -> None:
    done = run(*command(root, weights, "out"))
    assert done.code == 0, done.err
    assert masks(root / "out") == separate
    assert len(separate) == 12
    found = json.loads(done.out)
    assert (found["frames"], found["segmented"]) == (12, 12)
    assert [Path(one["output"]).name for one in found["sequences"]] == ["b", "video9", "video10"]
    assert [one["frames"] for one in found["sequences"]] == [5, 4, 3]
    again = run(*command(root, weights, "out"), "--resume")
    assert json.loads(again.out)["segmented"] == 0
    assert masks(root / "out") == separate


def test_two_processes_share_the_sequences(root: Path, weights: Path, separate: dict[str, bytes]) -> None:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    launcher += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0", "-m", "visorvos"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    given = [*launcher, *map(str, command(root, weights, "out"))]
    done = subprocess.run(given, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [Path(one["output"]).name for one in found["sequences"]] == ["b", "video9", "video10"]
    assert masks(root / "out") == separate


def test_a_bad_sequence_is_named_at_the_end_and_the_others_are_done(
    run: Run, root: Path, weights: Path, separate: dict[str, bytes]
) -> None:
    (root / "masks" / "video9" / "00002.png").write_bytes(b"")
    (root / "frames" / "b" / "00001.png").write_bytes(b"")
    done = run(*command(root, weights, "out"))
    assert done.code == 1
    text = " ".join(done.err.split())
    assert "2 of 3 sequences failed, the others are done. b: " in text
    assert "frames/b/00001.png" in text
    assert "masks/video9/00002.png" in text
    found = masks(root / "out")
    assert {name.split("/")[0] for name in found} == {"video10", "b"}
    assert {name: content for name, content in separate.items() if name.startswith("video10/")}.items() <= found.items()


def test_the_output_may_lie_among_the_sequences(
    run: Run, root: Path, weights: Path, separate: dict[str, bytes]
) -> None:
    (root / "masks").rename(root / "frames" / "masks")
    given = ["predict", root / "frames", "--masks", root / "frames" / "masks", "--weights", weights]
    given += ["--output", root / "frames" / "out", "--size", -1, "--device", "cpu"]
    for extra in ([], ["--overwrite"]):
        done = run(*given, *extra)
        assert done.code == 0, done.err
        assert masks(root / "frames" / "out") == separate


def test_a_sequence_without_masks_is_named_at_the_end(
    run: Run, root: Path, weights: Path, separate: dict[str, bytes]
) -> None:
    (root / "masks" / "b").rename(root / "masks" / "c")
    done = run(*command(root, weights, "out"))
    assert done.code == 1
    text = " ".join(done.err.split())
    assert f"1 of 3 sequences failed, the others are done. b: Masks not found: {root / 'masks' / 'b'} " in text
    assert masks(root / "out") == {name: content for name, content in separate.items() if not name.startswith("b/")}


def test_a_sequence_whose_folder_cannot_be_locked_is_named_at_the_end(run: Run, root: Path, weights: Path) -> None:
    lock = root / "out" / "b" / ".lock"
    lock.mkdir(parents=True)
    done = run(*command(root, weights, "out"))
    assert done.code == 1
    text = " ".join(done.err.split())
    assert f"1 of 3 sequences failed, the others are done. b: Cannot write {lock}: " in text
    assert {name.split("/")[0] for name in masks(root / "out")} == {"video9", "video10"}


def test_a_folder_without_any_masks_is_refused_at_once(run: Run, root: Path, weights: Path) -> None:
    for name in NAMES:
        (root / "masks" / name).rename(root / "masks" / f"other-{name}")
    done = run(*command(root, weights, "out"))
    assert done.code == 1
    assert "no folder of masks for any of them, such as b, video9, video10." in " ".join(done.err.split())
    assert not (root / "out").exists()


def test_masks_of_other_sequences_in_the_output_are_named(run: Run, root: Path, weights: Path) -> None:
    assert run(*command(root, weights, "out")).code == 0
    (root / "frames" / "b").rename(root / "away")
    done = run(*command(root, weights, "out"), "--overwrite")
    assert done.code == 0, done.err
    assert "also holds masks of other sequences: b." in done.err
