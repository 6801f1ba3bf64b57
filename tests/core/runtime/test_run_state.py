from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from pydantic import Field

from tests.cli.broken.harness import endless, fifo, folder, large, loop
from tests.conftest import full_disk
from visorvos import VisorVosError
from visorvos.core.runtime.run_state import MadeFrom, read_state, write_state
from visorvos.settings.base import Settings, option


class Warp(Settings):
    rotation: int = 30


class Options(Settings):
    output: Path = option(affects_result=False)
    data: str
    size: int = 480
    skips: tuple[int, ...] = (0, 1)
    workers: int = option(0, affects_result=False)
    warp: Warp = Field(default_factory=Warp)


def made_from(checksum: str = "abc", **options: object) -> MadeFrom:
    return MadeFrom(Options(**{"output": "out", "data": "x", **options}), {"the frames": checksum})


def recorded(origin: MadeFrom) -> dict:
    return json.loads(json.dumps(origin.record()))


@pytest.mark.parametrize("same", [{}, {"output": "elsewhere"}, {"workers": 4}])
def test_options_without_effect_may_change(same: dict[str, object]) -> None:
    assert made_from(**same).change_since(recorded(made_from())) is None


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"size": 240}, "--size was 480, now 240"),
        ({"data": "y"}, "--data was x, now y"),
        ({"skips": (5, 10)}, "--skips was 0,1, now 5,10"),
        ({"warp": {"rotation": 5}}, "warp.rotation was 30, now 5"),
        ({"checksum": "def"}, "the frames changed: was abc, now def"),
    ],
)
def test_a_change_that_counts_is_named(changed: dict[str, object], sentence: str) -> None:
    assert made_from(**changed).change_since(recorded(made_from())) == sentence


class NewerWarp(Warp):
    shear: int = 15


class Newer(Options):
    """The options of a later version: two more, and one that is gone."""

    flip: bool = False
    warp: NewerWarp = Field(default_factory=NewerWarp)


def test_an_option_that_the_old_record_lacks_counts_as_its_default() -> None:
    before = recorded(made_from())
    before["options"]["gone"] = 5
    before["options"]["warp"]["gone"] = 5

    def change(**options: object) -> str | None:
        given = {"output": "out", "data": "x", **options}
        return MadeFrom(Newer(**given), {"the frames": "abc"}).change_since(before)

    assert change() is None
    assert change(flip=True) == "--flip was off, now on"
    assert change(warp={"shear": 20}) == "warp.shear was 15, now 20"


class Narrower(Options):
    size: int = Field(default=480, ge=400)


def test_an_old_value_that_is_no_longer_allowed_is_a_change() -> None:
    now = MadeFrom(Narrower(output=Path("out"), data="x"), {"the frames": "abc"})
    assert now.change_since(recorded(made_from(size=100))) == "--size was 100, now 480"


def test_all_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    state = {"a": torch.arange(5), "b": {"c": [1.5, None, "text"], 3: {"step": torch.tensor(2.0)}}}
    write_state(path, made_from(), state)
    read = read_state(path, {"b": dict})
    assert made_from().change_since(read["made_from"]) is None
    assert torch.equal(read["a"], state["a"])  # type: ignore[arg-type]
    assert read["b"]["c"] == [1.5, None, "text"]
    assert read["b"][3]["step"] == 2


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return (print, ("executed",))


def of_bytes(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


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
    ],
    ids=["empty", "cut", "evil", "evil in a zip", "large", "pipe", "endless", "loop", "folder"],
)
def test_other_files_are_refused(
    tmp_path: Path, spoil: Callable[[Path], object], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "state.pt"
    spoil(path)
    with pytest.raises(VisorVosError, match=r"state\.pt cannot be read"):
        read_state(path, {})
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize("state", [[1], {"weights": {}}, {"made_from": {}, "weights": 5}, {}])
def test_a_file_that_lacks_a_part_is_refused(tmp_path: Path, state: object) -> None:
    path = tmp_path / "state.pt"
    torch.save(state, path)
    with pytest.raises(VisorVosError, match=r"state\.pt is not one of this command"):
        read_state(path, {"weights": dict})


def test_a_full_disk_leaves_the_file_before(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    write_state(path, made_from(), {"clips": 1})
    with full_disk(10_000), pytest.raises(VisorVosError, match=r"Cannot write .*state\.pt"):
        write_state(path, made_from(), {"weights": torch.zeros(100_000)})
    assert read_state(path, {})["clips"] == 1
    assert list(tmp_path.iterdir()) == [path]
