"""Published weights, from links that fail in every way to a file that is what it should be."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from tests.builders import draw_clip, write_frames, write_labels
from tests.conftest import Run
from tests.core.weights.test_checkpoints import hollow
from tests.http_server import Request, Server, serving
from visorvos import load_weights
from visorvos.core.weights import cache as weights_cache
from visorvos.core.weights.cache import cached_file, fetch_released
from visorvos.core.weights.http import Patience
from visorvos.core.weights.registry import PUBLISHED
from visorvos.core.weights.resolve import resolve_weights
from visorvos.errors import VisorVosError

Answer = Callable[[Request], None]
NAME = "visor-resnet50"


def checkpoint(value: float = 0.5) -> bytes:
    """A small file with every name and shape of a published one; its backbone is ResNet-18."""
    content = io.BytesIO()
    torch.save({f"module.{key}": tensor for key, tensor in hollow().items()} | other_bias(value), content)
    return content.getvalue()


def other_bias(value: float) -> dict[str, torch.Tensor]:
    return {"module.Decoder.pred2.bias": torch.full((2,), value)}


CONTENT, REPLACED = checkpoint(), checkpoint(0.25)


class Links:
    """What the two links of the published weights answer, and what was asked."""

    def __init__(self) -> None:
        self.newer: Answer = lambda request: request.send_file(CONTENT)
        self.older: Answer = lambda request: request.send(404)
        self.server: Server

    def __call__(self, request: Request) -> None:
        (self.newer if request.path.startswith("/newer") else self.older)(request)

    @property
    def asked(self) -> list[str]:
        return [path for _, path, _ in self.server.requests]


@pytest.fixture
def links(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Links]:
    """The published weights lie on a local server, and the cache is empty."""
    links = Links()
    with serving(links) as server:
        links.server = server
        there = (f"{server.url}/newer", f"{server.url}/older")
        monkeypatch.setitem(PUBLISHED, NAME, dataclasses.replace(PUBLISHED[NAME], backbone="resnet18", links=there))
        monkeypatch.setenv("VISORVOS_HOME", str(tmp_path / "home"))
        quick = Patience((0, 0), timeout=5)
        monkeypatch.setattr("visorvos.core.weights.http.Patience", lambda: quick)
        yield links


@pytest.fixture
def cached(links: Links) -> Path:
    """The weights, downloaded."""
    return resolve_weights(NAME)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.endswith(".lock")}


def test_a_name_becomes_a_file_in_the_cache(links: Links, tmp_path: Path) -> None:
    path = resolve_weights(NAME)
    assert path == tmp_path / "home" / "weights" / f"{NAME}.pth" == cached_file(PUBLISHED[NAME])
    assert path.read_bytes() == CONTENT
    assert load_weights(path).backbone == "resnet18"
    assert names(path.parent) == {f"{NAME}.pth", f"{NAME}.pth.json"}
    assert resolve_weights(NAME) == path
    assert links.asked == ["/newer"]


def page(request: Request) -> None:
    request.send(200, b"<html>Sign in</html>", Content_Type="text/html")


def something_else(request: Request) -> None:
    content = io.BytesIO()
    torch.save({"conv1.weight": torch.zeros(3)}, content)
    request.send_file(content.getvalue())


def cut(request: Request) -> None:
    """States a wrong length, and keeps to it."""
    request.send_file(CONTENT[:-1000])


def another_backbone(request: Request) -> None:
    content = io.BytesIO()
    torch.save(hollow("resnet50"), content)
    request.send_file(content.getvalue())


FAILING: dict[str, tuple[Answer, str]] = {
    "gone": (lambda request: request.send(410), "410 Gone"),
    "a page": (page, "a web page in place of the file"),
    "busy": (lambda request: request.send(503), "3 attempts"),
    "cut": (cut, "is not the checkpoint: The weights coco_lr"),
    "something else": (something_else, "are not those of a Space-Time Memory network"),
    "another backbone": (another_backbone, "backbone is resnet50, not resnet18"),
}


@pytest.mark.parametrize("name", FAILING)
def test_the_older_link_helps_where_the_newer_fails(links: Links, name: str) -> None:
    links.newer, _ = FAILING[name]
    links.older = lambda request: request.send_file(CONTENT)
    path = resolve_weights(NAME)
    assert path.read_bytes() == CONTENT
    assert json.loads(Path(f"{path}.json").read_text())["link"].endswith("/older")
    assert names(path.parent) == {f"{NAME}.pth", f"{NAME}.pth.json"}


@pytest.mark.parametrize("name", FAILING)
def test_nothing_gets_the_name_where_both_fail(links: Links, name: str) -> None:
    links.newer, sentence = FAILING[name]
    links.older = links.newer
    with pytest.raises(VisorVosError, match=sentence) as raised:
        resolve_weights(NAME)
    assert "/newer" in raised.value.message
    assert "/older" in raised.value.message
    assert ".part" not in raised.value.message
    assert names(cached_file(PUBLISHED[NAME]).parent) == set()


def test_an_interrupted_download_goes_on(links: Links) -> None:
    path = cached_file(PUBLISHED[NAME])
    links.newer = lambda request: request.send_file(CONTENT, breaks_after=30_000)
    steps = fetch_released(PUBLISHED[NAME], path, lambda _: None)
    while next(steps).done < 30_000:
        pass
    steps.close()
    assert not path.exists()
    links.newer = lambda request: request.send_file(CONTENT)
    assert resolve_weights(NAME).read_bytes() == CONTENT
    assert links.server.requests[-1][2]["Range"] == "bytes=30000-"


def test_downloads_at_once_do_not_meet(links: Links) -> None:
    started = threading.Barrier(4)
    found: list[bytes] = []
    said: list[str] = []

    def download() -> None:
        started.wait()
        path = cached_file(PUBLISHED[NAME])
        list(fetch_released(PUBLISHED[NAME], path, said.append))
        found.append(path.read_bytes())

    threads = [threading.Thread(target=download) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [CONTENT] * 4
    assert links.asked == ["/newer"]
    assert any("Another process is downloading" in line for line in said)


def test_a_file_that_was_changed_is_refused(cached: Path) -> None:
    changed = bytearray(CONTENT)
    changed[len(changed) // 2] ^= 1
    cached.write_bytes(changed)
    os.utime(cached, ns=(1, 1))
    with pytest.raises(VisorVosError, match="its checksum is another"):
        resolve_weights(NAME)
    assert cached.read_bytes() == changed


def test_a_file_that_was_copied_is_read_once_more(cached: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.utime(cached, ns=(1, 1))
    assert resolve_weights(NAME) == cached
    monkeypatch.setattr(weights_cache, "checksum", lambda _: pytest.fail("read though nothing has changed"))
    assert resolve_weights(NAME) == cached


def test_other_weights_than_the_first_are_refused(links: Links, cached: Path) -> None:
    cached.unlink()
    links.newer = links.older = lambda request: request.send_file(REPLACED)
    with pytest.raises(VisorVosError, match="not the one downloaded before") as raised:
        resolve_weights(NAME)
    assert f"{cached}.json" in raised.value.remedy
    assert names(cached.parent) == {f"{NAME}.pth.json"}
    Path(f"{cached}.json").unlink()
    assert resolve_weights(NAME).read_bytes() == REPLACED


def test_the_same_weights_come_back(cached: Path) -> None:
    cached.unlink()
    assert resolve_weights(NAME).read_bytes() == CONTENT


@pytest.mark.parametrize("record", [None, "", "{}", '{"sha256": 1}', "\x00"])
def test_a_file_of_which_nothing_is_known_is_left_alone(links: Links, cached: Path, record: str | None) -> None:
    Path(f"{cached}.json").unlink()
    if record is not None:
        Path(f"{cached}.json").write_text(record)
    with pytest.raises(VisorVosError, match=f"{NAME}.pth"):
        resolve_weights(NAME)
    assert cached.read_bytes() == CONTENT


def test_a_cache_that_cannot_be_written(links: Links, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("mine")
    with pytest.raises(VisorVosError, match="Cannot write to") as raised:
        resolve_weights(NAME)
    assert "VISORVOS_HOME" in raised.value.remedy
    assert (tmp_path / "home").read_text() == "mine"


def test_paths_are_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.pth").touch()
    assert resolve_weights("a.pth") == Path("a.pth")
    assert resolve_weights(str(tmp_path / "a.pth")) == tmp_path / "a.pth"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("visor-resnet5", "Did you mean visor-resnet50?"),
        ("nothing.pth", "does not exist"),
        ("hf://user", "names no repository"),
        ("hf://user/name/file", "names no repository"),
        ("hf://../..@x y", "names no repository"),
        ("hf://user/name@", "names no repository"),
    ],
)
def test_what_is_neither_is_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(VisorVosError) as raised:
        resolve_weights(text)
    assert sentence in str(raised.value)
    assert text in raised.value.message


class TestCommand:
    def test_downloads_and_says_where(self, run: Run, links: Links, tmp_path: Path) -> None:
        done = run("download-weights", NAME)
        assert (done.code, done.out) == (0, f"{tmp_path}/home/weights/{NAME}.pth\n")
        assert "about 156 MB, license CC BY-NC-SA 4.0" in done.err
        again = run("download-weights", NAME)
        assert (again.out, again.err) == (done.out, "")
        assert links.asked == ["/newer"]

    @pytest.mark.parametrize(("output", "file"), [("here", f"here/{NAME}.pth"), ("a/mine.pth", "a/mine.pth")])
    def test_to_another_place(self, run: Run, links: Links, tmp_path: Path, output: str, file: str) -> None:
        done = run("download-weights", NAME, "--output", tmp_path / output, "--json")
        assert json.loads(done.out) == {"name": NAME, "file": str(tmp_path / file), "backbone": "resnet18"}
        assert (tmp_path / file).read_bytes() == CONTENT
        assert not (tmp_path / "home").exists()

    def test_a_file_in_the_way_stays(self, run: Run, links: Links, tmp_path: Path) -> None:
        (tmp_path / "mine.pth").write_text("mine")
        done = run("download-weights", NAME, "--output", tmp_path / "mine.pth")
        assert done.code == 1
        assert "is in the way" in done.err
        assert (tmp_path / "mine.pth").read_text() == "mine"

    def test_list(self, run: Run, links: Links) -> None:
        run("download-weights", NAME)
        table = run("download-weights", "--list").out
        for text in ("coco-resnet50", NAME, "MS-COCO, then VISOR", "75.8", "58.2", "CC BY-NC-SA 4.0", "is there: "):
            assert text in table
        listed = json.loads(run("download-weights", "--list", "--json").out)["weights"]
        assert [item["name"] for item in listed] == list(PUBLISHED)
        assert [item["cached"] for item in listed] == [None, str(cached_file(PUBLISHED[NAME]))]

    def test_the_list_fits_a_terminal(self, run: Run, links: Links, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tests.conftest.COLUMNS", "80")
        lines = run("download-weights", "--list").out.splitlines()
        assert max(map(len, lines)) <= 80
        assert any("75.8 │ 73.6 │ 78.0" in line and NAME in line for line in lines)

    @pytest.mark.parametrize(
        ("arguments", "code", "sentence"),
        [
            ([], 2, "either NAME, --repo-id"),
            ([NAME, "--list"], 2, "either NAME, --repo-id"),
            ([NAME, "--revision", "v1"], 2, "--revision goes with --repo-id"),
            (["coco"], 1, "No weights named coco are published"),
            (["--repo-id", "a/b/c"], 1, "hf://a/b/c"),
        ],
    )
    def test_wrong_calls(self, run: Run, arguments: list[str], code: int, sentence: str) -> None:
        done = run("download-weights", *arguments)
        assert (done.code, done.out) == (code, "")
        assert sentence in " ".join(done.err.split())
        assert "Traceback" not in done.err

    def test_predict_takes_a_name(self, run: Run, links: Links, tmp_path: Path) -> None:
        images, masks = draw_clip(2, 48, 64, seed=5)
        frames = write_frames(tmp_path / "frames", images)
        mask = write_labels(tmp_path / "first.png", masks[0])
        done = run("predict", frames, "--masks", mask, "--weights", NAME, "--output", tmp_path / "out", "--size", -1)
        assert done.code == 0, done.err
        assert "license CC BY-NC-SA 4.0" in done.err
        assert (tmp_path / "out" / "00001.png").is_file()
        assert f"weights: {NAME}" in (tmp_path / "out" / "settings.yaml").read_text()
