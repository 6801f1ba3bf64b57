from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from filelock import FileLock

from tests.builders import reference_stm
from visorvos import STM, save_weights
from visorvos.core.io.paths import HOME_VARIABLE
from visorvos.core.network.for_inference import for_inference

if TYPE_CHECKING:
    from visorvos.core.jobs.demo import Demo

# The tests' tensors are small: a second thread costs more in waiting than it saves, most of all on busy cores.
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _processor_without_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a processor that has it, `predict` computes in bfloat16 unless told otherwise."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict, raising=False)


@pytest.fixture(scope="session", autouse=True)
def _cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests write nothing into the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session", params=["resnet18", "resnet50"])
def golden_stm(request: pytest.FixtureRequest) -> STM:
    """The network that the golden figures were taken with, in each recorded backbone."""
    return reference_stm(request.param)


@pytest.fixture(scope="session")
def small_stm() -> STM:
    """A ResNet-18 network with fixed weights."""
    return reference_stm("resnet18")


@pytest.fixture(scope="session")
def ready_stm(small_stm: STM) -> STM:
    """That network as the commands make it ready to segment."""
    return for_inference(copy.deepcopy(small_stm), torch.device("cpu"), torch.float32)


@pytest.fixture(scope="session")
def weights(small_stm: STM, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of that network's weights."""
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_weights(small_stm, path)
    return path


@pytest.fixture(scope="session")
def quick_demo(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Demo:
    """What `visorvos demo --quick` makes, once for all processes of the tests."""
    from visorvos.core.jobs.demo import demo
    from visorvos.settings.demo import DemoSettings

    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent
    made = shared / "demo.pickle"
    with FileLock(shared / "demo.lock"):
        if not made.exists():
            result = demo(DemoSettings(output=shared / "demo", quick=True, device="cpu"))
            made.write_bytes(pickle.dumps(result))
    return pickle.loads(made.read_bytes())


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """No file can grow beyond so many bytes: to a program that writes, the disk is full."""
    resource = pytest.importorskip("resource", reason="this system has no limit of a file's size")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@dataclass(frozen=True)
class Finished:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Finished]
COLUMNS = "200"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command line in this process."""
    from visorvos.cli.app import main

    def call(*arguments: object) -> Finished:
        monkeypatch.setattr(sys, "argv", ["visorvos", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", COLUMNS)
        capsys.readouterr()
        try:
            main()
            code: object = 0
        except SystemExit as end:
            code = end.code or 0
        captured = capsys.readouterr()
        assert isinstance(code, int)
        return Finished(code, captured.out, captured.err)

    return call
