from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Shallow folders first: the README's lines take long, and started last they would keep one process busy alone."""
    items.sort(key=lambda item: len(item.path.parts))


@pytest.fixture
def no_plot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training in this process draws no plot, which on tiny data takes longer than the training."""
    _draw_no_plot(monkeypatch)


def _draw_no_plot(patch: pytest.MonkeyPatch) -> None:
    from visorvos.core.training import run_folder

    patch.setattr(run_folder, "training_plot", lambda rows: b"")


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

    def make(folder: Path) -> Demo:
        with pytest.MonkeyPatch.context() as patch:
            _draw_no_plot(patch)
            return demo(DemoSettings(output=folder, quick=True, device="cpu"))

    return made_once("demo", make, tmp_path_factory, worker_id)


T = TypeVar("T")


def made_once(name: str, make: Callable[[Path], T], factory: pytest.TempPathFactory, worker_id: str) -> T:
    """What ``make`` makes in a folder of that name, by the first process of the tests that asks for it."""
    shared = factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent
    made = shared / f"{name}.pickle"
    with FileLock(shared / f"{name}.lock"):
        if not made.exists():
            made.write_bytes(pickle.dumps(make(shared / name)))
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


@pytest.fixture(scope="session")
def application() -> Any:
    """Typer's commands, made once for all tests."""
    from visorvos.cli.app import application

    return application()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], application: Any) -> Run:
    """Runs the command line in this process."""
    from visorvos.cli import app

    monkeypatch.setattr(app, "application", lambda: application)

    def call(*arguments: object) -> Finished:
        monkeypatch.setattr(sys, "argv", ["visorvos", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", COLUMNS)
        capsys.readouterr()
        try:
            app.main()
            code: object = 0
        except SystemExit as end:
            code = end.code or 0
        captured = capsys.readouterr()
        assert isinstance(code, int)
        return Finished(code, captured.out, captured.err)

    return call
