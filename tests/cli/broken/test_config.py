"""Config files: what any command makes of broken ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.broken.harness import Row, check, endless, folder, loop
from tests.conftest import Run
from visorvos.cli.app import COMMANDS

BILLION = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n"
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)


CONFIG: dict[str, Row] = {
    "nothing there": (lambda p: p.unlink(), "", "not found"),
    "a folder": (folder, "", "is a folder"),
    "a link to itself": (loop, "", "Too many levels"),
    "no end": (endless, "", "not a regular file"),
    "not UTF-8": (lambda p: p.write_bytes(b"every: \xff"), "", "cannot be read"),
    "binary": (lambda p: p.write_bytes(bytes(100)), "", "cannot be read"),
    "cut": (lambda p: p.write_text('every: "5'), "", "cannot be read"),
    "a list": (lambda p: p.write_text("- every"), "", "must hold one `name: value`"),
    "a word": (lambda p: p.write_text("every"), "", "must hold one `name: value`"),
    "numbers for names": (lambda p: p.write_text("5: 5"), "", "must hold one `name: value`"),
    "nested deep": (lambda p: p.write_text("every: " + "[" * 5000), "", "nested too deep"),
    "an object of Python": (lambda p: p.write_text("!!python/object/apply:os.system ['true']"), "", "cannot be read"),
    "an alias to nothing": (lambda p: p.write_text("every: *x"), "", "cannot be read"),
    "a number of 5,000 digits": (lambda p: p.write_text("every: " + "9" * 5000), "", "cannot be read"),
    "an impossible date": (lambda p: p.write_text("every: 2022-99-99"), "", "cannot be read"),
}


# All commands read config files by one function.
@pytest.mark.parametrize(
    ("command", "name"),
    [("predict", name) for name in CONFIG]
    + [(command.name, "an object of Python") for command in COMMANDS if command.name != "predict"],
)
def test_a_config_file_is_refused(run: Run, tmp_path: Path, command: str, name: str) -> None:
    spoil, _, reason = CONFIG[name]
    config = tmp_path / "c.yaml"
    config.touch()
    spoil(config)
    check(run(command, "--config", config), str(config), reason, tmp_path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (BILLION + "every: *j", "mem_every must be a whole number, at least 1, got"),
        ("every: .nan", "every"),
        ("every: [1, [2, [3]]]", "every"),
        ("size: {a: 1}", "size"),
        ("weights: [a]", "weights"),
        ("save: overlays", "save"),
        ("x" * 900 + ": 1", "no such option: xxx"),
    ],
)
def test_a_value_that_cannot_be_is_told_briefly(run: Run, tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "c.yaml").write_text(content)
    done = run("predict", "f", "--masks", "m", "--output", tmp_path / "out", "--config", tmp_path / "c.yaml")
    assert (done.code, done.out) == (2, "")
    assert sentence in " ".join(done.err.split())
    assert "c.yaml" in done.err
    assert len(done.err) < 8000
    assert "Traceback" not in done.err
    assert not (tmp_path / "out").exists()
