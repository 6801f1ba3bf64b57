from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from tests.conftest import Run
from visorvos import __version__


def python(code: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(path or "")}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize("arguments", [["--help"], ["predict", "--help"], ["evaluate", "--help"], ["--version"]])
def test_help_imports_no_heavy_library(arguments: list[str]) -> None:
    done = python(
        "import sys\nfrom visorvos.cli.app import main\n"
        f"sys.argv = ['visorvos', *{arguments}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "print([name for name in ('torch', 'torchvision', 'cv2', 'pandas', 'av') if name in sys.modules])"
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_importing_the_package_imports_no_torch() -> None:
    done = python("import visorvos, sys; print('torch' in sys.modules, visorvos.STM.__name__, 'torch' in sys.modules)")
    assert done.stdout == "False STM True\n"


def test_garbage_is_collected_while_a_command_works() -> None:
    done = python(
        "import gc, sys\nfrom visorvos.__main__ import main\n"
        "sys.argv = ['visorvos', 'compare', 'no-scores', 'none', '--output', 'none.html']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 1\n"
        "print(gc.isenabled(), gc.get_freeze_count() > 0)"
    )
    assert done.stdout == "True True\n", done.stderr


@pytest.mark.parametrize("before", [[], ["--"]])
def test_a_command_has_its_options(run: Run, before: list[str]) -> None:
    assert "--masks" in run(*before, "predict", "--help").out


def test_a_missing_libgl_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "cv2.py").write_text(
        "raise ImportError('libGL.so.1: cannot open shared object file: No such file or directory')"
    )
    command = python(
        "import sys\nfrom visorvos.cli.app import main\n"
        "sys.argv = ['visorvos', 'evaluate', '--data', 'x', '--predictions', 'y']\nmain()",
        tmp_path,
    )
    assert command.returncode == 1
    assert "apt-get install libgl1" in command.stderr
    assert "Traceback" not in command.stderr
    library = python("from visorvos import contour_accuracy", tmp_path)
    assert "VisorVosError: OpenCV cannot be loaded: libGL.so.1" in library.stderr


def test_the_version(run: Run) -> None:
    assert run("--version").out == f"{__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["predict"], "FRAMES is missing. --masks is missing."),
        (
            ["predict", "f", "--masks", "m", "--weights", "w", "--output", "o", "--every", "0"],
            "--every: input should be",
        ),
        (
            ["predict", "f", "--masks", "m", "--weights", "w", "--output", "o", "--size", "3"],
            "the short side in pixels is at least 16",
        ),
        (["predict", "f", "--masks", "m", "--weights", "w", "--output", "o", "--save", "gif"], "--save"),
        (["evaluate", "--data", "d"], "either --weights"),
        (["evaluate", "--data", "d", "--weights", "w", "--predictions", "p"], "either --weights"),
        (["evaluate", "--data", "d", "--predictions", "p", "--protocol", "voc"], "voc"),
        (["predict", "--no-such-option"], "--no-such-option"),
        (["no-such-command"], "no-such-command"),
    ],
)
def test_a_wrong_call_ends_with_two(run: Run, arguments: list[str], sentence: str) -> None:
    done = run(*arguments)
    assert done.code == 2
    assert sentence in " ".join(done.err.split())
    assert done.out == ""


def test_command_line_over_file_over_default(tmp_path: Path) -> None:
    from visorvos.cli.options import resolve
    from visorvos.settings.predict import PredictSettings

    config = tmp_path / "c.yaml"
    config.write_text(
        yaml.safe_dump({"frames": "a", "masks": "b", "weights": "c", "output": "d", "every": 3, "limit": 4})
    )
    settings = resolve(PredictSettings, {"every": 2, "save": [], "frames": None}, config)
    assert (settings.every, settings.limit, settings.memory) == (2, 4, "every")
    assert settings.frames == Path("a")


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        ("evry: 3", 2, "there is no option named evry. Did you mean mem_every?"),
        ("every: often", 2, "mem_every: input should be a valid integer"),
        ("- every", 1, "must hold option names"),
        ("every: [", 1, "cannot be read"),
        ("!!python/object/apply:os.system ['true']", 1, "cannot be read"),
        ("\x00", 1, "cannot be read"),
    ],
)
def test_a_wrong_config_file_is_a_sentence(run: Run, tmp_path: Path, text: str, code: int, sentence: str) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(text)
    done = run("predict", "f", "--masks", "m", "--weights", "w", "--output", "o", "--config", config)
    assert done.code == code
    assert sentence in done.err
    assert str(config) in done.err


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ZeroDivisionError("division by zero"), "ZeroDivisionError"),
        (
            torch.OutOfMemoryError("CUDA out of memory.\nTried much."),
            "device has run out of memory: CUDA out of memory.",
        ),
        (
            torch.distributed.DistNetworkError("The server socket has failed to listen: EADDRINUSE"),
            "cannot reach the others of its run: The server socket has failed to listen: EADDRINUSE",
        ),
        (
            RuntimeError("[/third_party/gloo/gloo/transport/tcp/pair.cc:545] Read error: Connection reset by peer"),
            "Where one of them has ended, see what it said.",
        ),
    ],
)
def test_an_unforeseen_error_is_a_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("visorvos.core.jobs.evaluate.job.evaluate", fail)
    monkeypatch.delenv("VISORVOS_DEBUG", raising=False)
    done = run("evaluate", "--data", "d", "--predictions", "p")
    assert (done.code, done.out) == (1, "")
    assert sentence in " ".join(done.err.split())
    assert "Traceback" not in done.err
