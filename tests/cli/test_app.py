from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml

from tests.conftest import Run
from visorvos import __version__
from visorvos.cli.commands import COMMANDS
from visorvos.core.jobs.prepare import Preparation
from visorvos.settings.base import section


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


@pytest.mark.parametrize("name", ["visorvos", "config", *(command.name for command in COMMANDS)])
def test_help_fits_80_columns(run: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("tests.conftest.COLUMNS", "80")
    done = run(*([] if name == "visorvos" else [name]), "--help")
    lines = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert max(map(len, lines)) <= 80
    panels = [line.split()[1] for line in lines if line.startswith("╭")]
    first = [panel for panel in ("Arguments", "Inputs", "Outputs") if panel in panels]
    assert panels[: len(first)] == first
    assert name in ("visorvos", "config") or panels[-1] == "General"
    for unwanted in ("<bool>", "…", "--learning-rate", "--workers", "--iterations", "--colours", " --every"):
        assert unwanted not in done.out
    # Every word of every description is there in one piece.
    command = next((command for command in COMMANDS if command.name == name), None)
    words = {word for line in lines for word in line.replace("│", " ").split()}
    for field in command.settings.model_fields.values() if command else ():
        assert section(field) or set(str(field.description).split()) <= words | {field.description}, field.description


@pytest.mark.parametrize("before", [[], ["--"]])
def test_a_command_has_its_options(run: Run, before: list[str]) -> None:
    assert "--masks" in run(*before, "predict", "--help").out


def test_without_a_command_help_is_shown(run: Run) -> None:
    done = run()
    assert done.code == 2
    assert "prepare" in done.out


@pytest.mark.parametrize("arguments", [["--version"], ["predict", "--help"], ["config", "predict"]])
def test_output_that_cannot_be_written_is_a_sentence(arguments: list[str]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "visorvos", *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "error: Standard output cannot be written: No space left on device."
    assert len(done.stderr.splitlines()) == 2


def test_names_that_the_encoding_of_the_output_lacks_are_replaced(run: Run) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    code = (
        "import sys\nfrom visorvos.cli import app\n"
        "app.__dict__['__version__'] = 'ключ 1'\nsys.argv = ['visorvos', '--version']\napp.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, encoding="cp1252", env=environment, check=False
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "???? 1", "")


@pytest.mark.parametrize("name", [command.name for command in COMMANDS])
def test_hidden_second_names_work(run: Run, name: str) -> None:
    """Each is declared beside its option: the command line takes it, and says which option it is."""
    command = next(command for command in COMMANDS if command.name == name)
    for main, field in command.settings.model_fields.items():
        if field.validation_alias is not None:
            flags = [f"--{part.replace('_', '-')}" for part in (main, str(field.validation_alias))]
            done = run(name, flags[0], "1", flags[1], "1")
            assert done.code == 2
            assert f"{flags[0]} was given twice: {flags[1]} is the same option." in done.err


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


@pytest.mark.parametrize("options", [[], ["--quiet"]])
def test_what_libraries_print_is_no_part_of_the_result(
    run: Run, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    def evaluate(*_: object) -> object:
        sys.stdout.write("Downloading\n")
        sys.stderr.write("100%\n")
        return SimpleNamespace(to_dict=lambda: {"J&F": 1})

    monkeypatch.setattr("visorvos.core.jobs.evaluate.evaluate", evaluate)
    done = run("evaluate", "--data", "d", "--predictions", "p", "--json", *options)
    assert (done.code, json.loads(done.out)) == (0, {"J&F": 1})
    assert done.err == ("" if options else "Downloading\n100%\n")


def test_paths_in_a_result_are_text_in_json(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Preparation(Path("out"), {}, 0, 0, 1.0)
    monkeypatch.setattr("visorvos.core.jobs.prepare.prepare", lambda *_: made)
    done = run("prepare", "--release", "r.zip", "--output", "out", "--json")
    assert (done.code, json.loads(done.out)["data"]) == (0, "out")


def test_the_version(run: Run) -> None:
    assert run("--version").out == f"{__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["predict"], "FRAMES is missing. --masks is missing."),
        (
            ["predict", "f", "--masks", "m", "--weights", "w", "--output", "o", "--every", "0"],
            "--mem-every must be a whole number, at least 1, got 0.",
        ),
        (
            ["predict", "f", "--masks", "m", "--weights", "w", "--output", "o", "--size", "3"],
            "--size must be at least 16 pixels, or -1, got 3.",
        ),
        (["predict", "f", "--masks", "m", "--weights", "w", "--output", "o", "--save", "gif"], "--save"),
        (["evaluate", "--data", "d"], "either --weights"),
        (["evaluate", "--data", "d", "--weights", "w", "--predictions", "p"], "either --weights"),
        (["evaluate", "--data", "d", "--predictions", "p", "--protocol", "voc"], "voc"),
        (["predict", "--no-such-option"], "No such option: --no-such-option"),
        (["predict", "--quik"], "No such option: --quik. Did you mean --quiet?"),
        (["finetune", "--lrr", "1"], "No such option: --lrr. Did you mean --lr?"),
        (["predict", "f", "g"], "Unexpected argument: g. -> List the options: visorvos predict --help"),
        (["predict", "f", "--masks"], "Option --masks requires an argument. -> List the options: visorvos predict -"),
        (["demo", "--quick", "--no-quick"], "--quick was given twice: --no-quick is the same option."),
        (["demo", "--device", "gpu"], "--device must be auto, cpu, cuda, cuda:N or mps, got 'gpu'."),
        (["finetune", "--lr", "1", "--learning-rate", "2"], "--lr was given twice"),
        (["no-such-command"], "No such command: no-such-command."),
        (["evaluat"], "No such command: evaluat. Did you mean evaluate?"),
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
    assert (settings.mem_every, settings.limit, settings.memory) == (2, 4, "every")
    assert settings.frames == Path("a")


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        ("evry: 3", 2, "no such option: evry. Did you mean mem_every?"),
        ("every: often", 2, "mem_every must be a whole number, at least 1, got 'often'."),
        ("- every", 1, "must hold one `name: value`"),
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
            "device is out of memory: CUDA out of memory.",
        ),
        (
            torch.distributed.DistNetworkError("The server socket has failed to listen: EADDRINUSE"),
            "cannot reach the other processes of the run: The server socket has failed to listen: EADDRINUSE",
        ),
        (
            RuntimeError("[/third_party/gloo/gloo/transport/tcp/pair.cc:545] Read error: Connection reset by peer"),
            "Read the error of the process that ended first.",
        ),
    ],
)
def test_an_unforeseen_error_is_a_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("visorvos.core.jobs.evaluate.evaluate", fail)
    monkeypatch.delenv("VISORVOS_DEBUG", raising=False)
    done = run("evaluate", "--data", "d", "--predictions", "p")
    assert (done.code, done.out) == (1, "")
    assert sentence in " ".join(done.err.split())
    assert "Traceback" not in done.err
