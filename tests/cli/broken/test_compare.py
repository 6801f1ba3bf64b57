"""``compare``, ``demo``, ``config`` and ``download-weights`` on broken input."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.builders import draw_clip, write_data_set
from tests.cli.broken.harness import (
    Row,
    bomb,
    empty,
    endless,
    fifo,
    folder,
    loop,
    refused,
    truncate,
    unreadable,
)
from tests.conftest import Run, full_disk
from visorvos.core.jobs.evaluate import evaluate
from visorvos.settings.evaluate import EvaluateSettings

JSON = "two/scores-val.json"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set and two evaluations of its own masks."""
    root = tmp_path_factory.mktemp("evaluations")
    data = write_data_set(root / "data", {"p": draw_clip(3, 48, 64, seed=0)})
    shutil.copytree(data / "Annotations" / "480p", root / "masks")
    for name in ("one", "two"):
        evaluate(EvaluateSettings(data=data, predictions=root / "masks", output=root / name, workers=1))
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A copy to be broken."""
    return shutil.copytree(made, tmp_path, dirs_exist_ok=True)


def changed(change: Callable[[Any], object]) -> Callable[[Path], object]:
    def spoil(p: Path) -> None:
        content = json.loads((p / JSON).read_text())
        change(content)
        (p / JSON).write_text(json.dumps(content))

    return spoil


def first_object(content: Any) -> Any:
    return content["sequences"][0]["objects"][0]


COMPARE: dict[str, Row] = {
    "no evaluation": (lambda p: shutil.rmtree(p / "two"), "two", "does not exist"),
    "no scores": (lambda p: (p / JSON).unlink(), "two", "No scores-SPLIT.json in"),
    "several": (lambda p: shutil.copy(p / JSON, p / "two/scores-x.json"), "two", "holds several"),
    "an evaluation that is a link to itself": (
        lambda p: (shutil.rmtree(p / "two"), loop(p / "two")),
        "two",
        "cannot be read",
    ),
    "scores that are a folder": (lambda p: folder(p / JSON), JSON, "cannot be read"),
    "scores that are a link to themselves": (lambda p: loop(p / JSON), JSON, "cannot be read"),
    "scores that cannot be read": (lambda p: unreadable(p / JSON), JSON, "cannot be read"),
    "scores without an end": (lambda p: endless(p / JSON), JSON, "not a regular file"),
    "scores that are a pipe": (lambda p: fifo(p / JSON), JSON, "not a regular file"),
    "empty scores": (lambda p: empty(p / JSON), JSON, "not JSON"),
    "cut scores": (lambda p: truncate(p / JSON), JSON, "not JSON"),
    "scores that are not UTF-8": (lambda p: (p / JSON).write_bytes(b'{"data": "\xff"}'), JSON, "not JSON"),
    "scores that are a web page": (lambda p: (p / JSON).write_text("<html>"), JSON, "not JSON"),
    "scores that are a picture": (lambda p: bomb(p / JSON), JSON, "not JSON"),
    "scores nested deep": (lambda p: (p / JSON).write_text("[" * 500_000), JSON, "not JSON"),
    "scores of no sequence": (changed(lambda c: c.update(sequences=[])), JSON, "sequences"),
    "a sequence of no object": (changed(lambda c: c["sequences"][0].update(objects=[])), JSON, "objects"),
    "an object of no frame": (changed(lambda c: first_object(c).update(frames=[])), JSON, "frames"),
    "a score that is no number": (
        changed(lambda c: first_object(c)["frames"][0].update(J=float("nan"))),
        JSON,
        "got nan",
    ),
    "a score above one": (changed(lambda c: first_object(c)["frames"][0].update(F=1.1)), JSON, "less than or equal"),
    "a score as text": (changed(lambda c: first_object(c)["frames"][0].update(F="x")), JSON, "must be a number"),
    "an object as text": (changed(lambda c: first_object(c).update(object="x")), JSON, "must be a whole number"),
    "a sequence that leads up": (changed(lambda c: c["sequences"][0].update(sequence="../../x")), JSON, "be the name"),
    "a sequence that leads elsewhere": (changed(lambda c: c["sequences"][0].update(sequence="/etc")), JSON, "the name"),
    "a frame that leads up": (changed(lambda c: first_object(c)["frames"][0].update(frame="../x")), JSON, "the name"),
    "another split": (changed(lambda c: c.update(split="test")), "two", "evaluate different splits"),
    "another protocol": (changed(lambda c: c.update(protocol="davis")), "two", "davis"),
    "other objects": (changed(lambda c: first_object(c).update(object=9)), "two", "score different objects"),
    "other sequences": (changed(lambda c: c["sequences"][0].update(sequence="q")), "two", "score different sequences"),
    "the page is a folder": (lambda p: (p / "page.html").mkdir(), "page.html", "Cannot write"),
    "the page is below a file": (lambda p: None, "one/scores-val.json/page.html", "Cannot make the folder"),
}


@pytest.mark.parametrize("name", COMPARE)
def test_compare_refuses(run: Run, root: Path, name: str) -> None:
    spoil, culprit, reason = COMPARE[name]
    spoil(root)
    output = root / "one/scores-val.json/page.html" if "below a file" in name else root / "page.html"
    refused(
        run, root, output, culprit, reason,
        "compare", root / "one", root / "two", "--output", output, "--data", root / "data",
    )  # fmt: skip


def test_compare_on_a_full_disk(run: Run, root: Path) -> None:
    with full_disk(1000):
        refused(
            run, root, root / "page.html", "page.html", "Cannot write",
            "compare", root / "one", root / "two", "--output", root / "page.html",
        )  # fmt: skip
    assert not (root / "page.html").exists()


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}"


def test_what_scores_say_is_escaped_on_the_page(run: Run, root: Path) -> None:
    def change(content: Any) -> None:
        content.update(source=HOSTILE, date=HOSTILE, split=f"{HOSTILE}/val", data=HOSTILE)
        first_object(content).update(name=HOSTILE)
        for row in first_object(content)["frames"]:
            row["J"] = 0.5

    changed(change)(root)
    own = root / f"{HOSTILE.replace('/', '_')}"
    (root / "two").rename(own)
    done = run("compare", own, root / "one", "--output", root / "page.html")
    assert done.code == 0, done.err
    page = (root / "page.html").read_text()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "alert(1)" in page


@pytest.mark.parametrize("path", ["x" * 5000, "\0", "/proc/self/mem", ""])
def test_where_scores_say_that_masks_are_may_be_anything(run: Run, root: Path, path: str) -> None:
    changed(lambda content: content.update(data=path, predictions=path))(root)
    done = run("compare", root / "two", root / "one", "--output", root / "page.html")
    assert done.code == 0, done.err
    assert "No pictures" in (root / "page.html").read_text()


DEMO: dict[str, Row] = {
    "the output is a file": (lambda p: (p / "out").write_text("x"), "out", "Cannot make the folder"),
    "the output is a link to itself": (lambda p: loop(p / "out"), "out", "Cannot make the folder"),
    "settings that are cut": (
        lambda p: ((p / "out").mkdir(), (p / "out/settings.yaml").write_text('a: "')),
        "out/settings.yaml",
        "cannot be read",
    ),
    "settings that run code": (
        lambda p: (
            (p / "out").mkdir(),
            (p / "out/settings.yaml").write_text("!!python/object/apply:os.system ['touch hacked']"),
        ),
        "out/settings.yaml",
        "cannot be read",
    ),
    "settings without an end": (
        lambda p: ((p / "out").mkdir(), endless(p / "out/settings.yaml")),
        "out/settings.yaml",
        "not a regular file",
    ),
    "another demo": (
        lambda p: ((p / "out").mkdir(), (p / "out/settings.yaml").write_text("seed: 5\nquick: true")),
        "out",
        "--seed was 5, now 0",
    ),
    "settings of other types": (
        lambda p: ((p / "out").mkdir(), (p / "out/settings.yaml").write_text("seed: [x]\nquick: {a: 1}")),
        "out",
        "holds another demo",
    ),
    "a file in place of the images": (
        lambda p: ((p / "out").mkdir(), (p / "out/coco").write_text("x")),
        "out/coco",
        "Cannot make the folder",
    ),
    "a file in place of the release": (
        lambda p: ((p / "out").mkdir(), (p / "out/release").write_text("x")),
        "out/release",
        "Cannot make the folder",
    ),
}


@pytest.mark.parametrize("name", DEMO)
def test_demo_refuses(run: Run, tmp_path: Path, name: str) -> None:
    spoil, culprit, reason = DEMO[name]
    spoil(tmp_path)
    refused(run, tmp_path, tmp_path / "out", culprit, reason, "demo", "--quick", "--output", tmp_path / "out")


@pytest.mark.parametrize("room", [0, 200, 2000])
def test_demo_on_a_full_disk(run: Run, tmp_path: Path, room: int) -> None:
    with full_disk(room):
        refused(
            run, tmp_path, tmp_path / "out", str(tmp_path / "out"), "Cannot write",
            "demo", "--quick", "--output", tmp_path / "out",
        )  # fmt: skip


@pytest.mark.parametrize("typed", ["", "../predict", "x" * 5000, "\x1b[2J", "config"])
def test_config_of_no_command(run: Run, typed: str) -> None:
    done = run("config", typed)
    assert (done.code, done.out) == (2, "")
    assert ("No such command" if typed else "COMMAND is missing") in " ".join(done.err.split())
    assert "\x1b" not in done.err
    assert "Traceback" not in done.err
