from __future__ import annotations

import pickle
import resource
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.cli.broken.harness import endless, fifo, folder, large, loop
from visorvos import VisorVosError
from visorvos.core.training.training_state import read_training_state, training_states, write_training_state


def test_the_last_two_are_kept_in_order(tmp_path: Path) -> None:
    for clips in (96, 104, 1000, 12):
        write_training_state(tmp_path, clips, {"clips": clips})
    assert [read_training_state(path, {})["clips"] for path in training_states(tmp_path)] == [104, 1000]
    assert not [path for path in (tmp_path / "checkpoints").iterdir() if path.name.startswith(".")]


def test_all_comes_back(tmp_path: Path) -> None:
    state = {"a": torch.arange(5), "b": {"c": [1.5, None, "text"], 3: {"step": torch.tensor(2.0)}}}
    read = read_training_state(write_training_state(tmp_path, 1, state), {})
    assert torch.equal(read["a"], state["a"])  # type: ignore[arg-type]
    assert read["b"]["c"] == [1.5, None, "text"]
    assert read["b"][3]["step"] == 2


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return (print, ("executed",))


def of_bytes(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def flipped(path: Path) -> None:
    """A damaged bit in a tensor, which torch itself does not notice."""
    torch.save({"weights": torch.zeros(1000)}, path)
    content = bytearray(path.read_bytes())
    content[content.index(bytes(2000)) + 1000] ^= 1
    path.write_bytes(content)


def compressed(path: Path) -> None:
    """Zeros that take no room in the file, and all the room in memory."""
    torch.save({"weights": torch.zeros(1000)}, path)
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in parts.items():
            new.writestr(name, content)


@pytest.mark.parametrize(
    "spoil",
    [
        of_bytes(b""),
        of_bytes(b"PK\x03\x04 cut"),
        of_bytes(pickle.dumps(Evil())),
        lambda path: torch.save(Evil(), path),
        large,
        fifo,
        endless,
        loop,
        folder,
        flipped,
        compressed,
    ],
    ids=[
        "empty",
        "cut",
        "evil",
        "evil in a zip",
        "large",
        "pipe",
        "endless",
        "loop",
        "folder",
        "flipped",
        "compressed",
    ],
)
def test_what_is_no_checkpoint_is_refused(
    tmp_path: Path, spoil: Callable[[Path], object], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "000000001.pt"
    spoil(path)
    with pytest.raises(VisorVosError, match=r"000000001\.pt cannot be read"):
        read_training_state(path, {})
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize("state", [[1], {"weights": 5}, {}])
def test_what_lacks_a_part_is_refused(tmp_path: Path, state: object) -> None:
    path = tmp_path / "000000001.pt"
    torch.save(state, path)
    with pytest.raises(VisorVosError, match=r"000000001\.pt is none of a run"):
        read_training_state(path, {"weights": dict})


def test_a_full_disk_leaves_the_one_before(tmp_path: Path) -> None:
    write_training_state(tmp_path, 1, {"clips": 1})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(VisorVosError, match=r"Cannot write .*000000002\.pt"):
            write_training_state(tmp_path, 2, {"weights": torch.zeros(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [read_training_state(path, {})["clips"] for path in training_states(tmp_path)] == [1]
    assert len(list((tmp_path / "checkpoints").iterdir())) == 1
