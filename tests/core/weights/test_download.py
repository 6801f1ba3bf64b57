"""Published weights, downloaded from a local server that fails as servers do."""

from __future__ import annotations

import dataclasses
import io
import json
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
import torch

from tests.builders import draw_clip, write_frames, write_labels
from tests.conftest import Run
from tests.core.weights.test_checkpoints import hollow
from tests.http_server import Request, Server, in_turn, serving
from visorvos import load_weights
from visorvos.core.runtime.progress import Progress
from visorvos.core.weights.download import cached_file, fetch_published
from visorvos.core.weights.registry import PUBLISHED
from visorvos.errors import VisorVosError

pytestmark = pytest.mark.network

Answer = Callable[[Request], None]
NAME = "visor-resnet50"


def checkpoint(backbone: str = "resnet18", bias: float = 0.5) -> bytes:
    """A small file with every name and shape of a published checkpoint."""
    content = io.BytesIO()
    state = hollow(backbone) | {"Decoder.pred2.bias": torch.full((2,), bias)}
    torch.save({f"module.{key}": tensor for key, tensor in state.items()}, content)
    return content.getvalue()


CONTENT = checkpoint()


def sends(content: bytes, **headers: str) -> Answer:
    return lambda request: request.send(200, content, **headers)


def fails(status: int) -> Answer:
    return lambda request: request.send(status)


class Links:
    """Answers of the two links of the published weights, and the requests that they received."""

    def __init__(self) -> None:
        self.first: Answer = sends(CONTENT)
        self.second: Answer = fails(404)
        self.server: Server

    def __call__(self, request: Request) -> None:
        (self.first if request.path == "/first" else self.second)(request)

    @property
    def requests(self) -> list[str]:
        return [path for _, path, _ in self.server.requests]


@pytest.fixture
def links(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Links]:
    """The published weights are on a local server, and the cache is empty."""
    links = Links()
    with serving(links) as server:
        links.server = server
        urls = (f"{server.url}/first", f"{server.url}/second")
        monkeypatch.setitem(PUBLISHED, NAME, dataclasses.replace(PUBLISHED[NAME], backbone="resnet18", links=urls))
        monkeypatch.setenv("VISORVOS_HOME", str(tmp_path / "home"))
        yield links


@pytest.fixture
def file(links: Links) -> Path:
    """The place of the weights in the cache."""
    return cached_file(PUBLISHED[NAME])


def fetch(file: Path, rounds: int = 1) -> Path:
    return fetch_published(PUBLISHED[NAME], file, Progress(), delays=(0.0,) * rounds)


def names(file: Path) -> set[str]:
    return {path.name for path in file.parent.iterdir()}


def test_a_published_name_loads_and_its_checksum_is_recorded(links: Links, file: Path) -> None:
    assert load_weights(NAME).backbone == "resnet18"
    assert file.read_bytes() == CONTENT
    record = file.with_name(f"{file.name}.sha256")
    assert record.read_text() == f"{sha256(CONTENT).hexdigest()}  {file.name}\n"
    assert names(file) == {file.name, record.name}
    assert load_weights(NAME).backbone == "resnet18"
    assert links.requests == ["/first"]


def cut(request: Request) -> None:
    """Ends the connection in the middle of the body."""
    request.send(200, CONTENT[: len(CONTENT) // 2], len(CONTENT))


def other_network() -> bytes:
    content = io.BytesIO()
    torch.save({"conv1.weight": torch.zeros(3)}, content)
    return content.getvalue()


FAILING: dict[str, tuple[Answer, str]] = {
    "not found": (fails(404), "404"),
    "server error": (fails(503), "503"),
    "web page": (sends(b"\n<!DOCTYPE html><title>Log in</title>", Content_Type="text/html"), "a web page instead of"),
    "truncated": (cut, "cannot be read"),
    "stated shorter": (sends(CONTENT[:-1000]), "cannot be read"),
    "empty": (sends(b""), "is empty"),
    "other network": (sends(other_network()), "must be those of a Space-Time Memory network"),
    "other backbone": (sends(checkpoint("resnet50")), "backbone must be resnet18, got resnet50"),
}


@pytest.mark.parametrize("name", FAILING)
def test_the_second_link_is_used_if_the_first_fails(links: Links, file: Path, name: str) -> None:
    links.first, _ = FAILING[name]
    links.second = sends(CONTENT)
    assert fetch(file).read_bytes() == CONTENT
    assert links.requests == ["/first", "/second"]
    assert names(file) == {file.name, f"{file.name}.sha256"}


@pytest.mark.parametrize("name", FAILING)
def test_nothing_is_left_if_both_links_fail(links: Links, file: Path, name: str) -> None:
    links.first, reason = FAILING[name]
    links.second = links.first
    with pytest.raises(VisorVosError, match=reason) as raised:
        fetch(file)
    assert "/first: " in raised.value.message
    assert "/second: " in raised.value.message
    assert ".part" not in raised.value.message
    assert names(file) == set()


def test_both_links_are_tried_again(links: Links, file: Path) -> None:
    links.first = in_turn(fails(500), sends(CONTENT))
    assert fetch(file, rounds=2).read_bytes() == CONTENT
    assert links.requests == ["/first", "/second", "/first"]


def test_no_connection(links: Links, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(links) as gone:
        url = gone.url
    monkeypatch.setitem(PUBLISHED, NAME, dataclasses.replace(PUBLISHED[NAME], links=(url,)))
    with pytest.raises(VisorVosError, match="Connection refused") as raised:
        fetch(file, rounds=2)
    assert raised.value.message.count(url) == 1


def test_a_server_that_does_not_answer(links: Links, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(request: Request) -> None:
        request.connection.settimeout(None)  # the client's timeout is the default of the whole process
        request.rfile.read(1)

    monkeypatch.setattr("visorvos.core.weights.download.TIMEOUT", 0.05)
    links.first = silent
    with pytest.raises(VisorVosError, match="timed out"):
        fetch(file)


def test_a_changed_file_is_refused(links: Links, file: Path) -> None:
    fetch(file)
    changed = bytearray(CONTENT)
    changed[len(changed) // 2] ^= 1
    file.write_bytes(changed)
    with pytest.raises(VisorVosError, match="another SHA-256"):
        load_weights(NAME)
    assert file.read_bytes() == changed


def test_a_file_that_was_not_downloaded_is_left_alone(links: Links, file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    with pytest.raises(VisorVosError, match=f"{NAME}.pth is not the file that visorvos downloaded"):
        load_weights(NAME)
    assert file.read_text() == "mine"
    assert links.requests == []


def test_a_download_of_version_0_1_0_is_used(links: Links, file: Path) -> None:
    fetch(file)
    file.with_name(f"{file.name}.sha256").unlink()
    record = {"sha256": sha256(CONTENT).hexdigest(), "size": len(CONTENT), "modified_ns": 1, "link": "https://first"}
    file.with_name(f"{file.name}.json").write_text(json.dumps(record, indent=1) + "\n")
    assert load_weights(NAME).backbone == "resnet18"
    assert links.requests == ["/first"]
    file.write_bytes(checkpoint(bias=0.25))
    with pytest.raises(VisorVosError, match=rf"{NAME}\.pth\.json has another SHA-256"):
        load_weights(NAME)


def test_a_new_download_must_equal_the_first(links: Links, file: Path) -> None:
    fetch(file).unlink()
    links.first = sends(checkpoint(bias=0.25))
    with pytest.raises(VisorVosError, match=f"SHA-256 must be {sha256(CONTENT).hexdigest()}"):
        fetch(file)
    assert names(file) == {f"{file.name}.sha256"}
    links.first = sends(CONTENT)
    assert fetch(file).read_bytes() == CONTENT


def test_a_cache_that_cannot_be_written(links: Links, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("mine")
    with pytest.raises(VisorVosError, match=str(tmp_path / "home")):
        load_weights(NAME)
    assert links.requests == []
    assert (tmp_path / "home").read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("visor-resnet5", "Did you mean visor-resnet50?"),
        ("nothing.pth", "Weights not found: nothing.pth"),
        ("hf://user", "got hf://user"),
        ("hf://user/name/file", "got hf://user/name/file"),
        ("hf://../..@x y", "got hf://../..@x y"),
        ("hf://user/name@", "got hf://user/name@"),
    ],
)
def test_unknown_names(text: str, sentence: str) -> None:
    with pytest.raises(VisorVosError) as raised:
        load_weights(text)
    assert sentence in str(raised.value)


def test_a_file_of_a_published_name_is_reached_by_its_path(
    links: Links, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAME).write_bytes(CONTENT)
    assert load_weights(f"./{NAME}").backbone == load_weights(Path(NAME)).backbone == "resnet18"
    assert links.requests == []


def test_links_ask_dropbox_for_the_file() -> None:
    assert all(link.endswith("dl=1") for weights in PUBLISHED.values() for link in weights.links)


class TestCommand:
    def test_downloads_and_prints_the_path(self, run: Run, links: Links, tmp_path: Path) -> None:
        done = run("download-weights", NAME)
        assert (done.code, done.out) == (0, f"{tmp_path}/home/weights/{NAME}.pth\n")
        assert "about 156 MB, license CC BY-NC-SA 4.0" in done.err
        again = run("download-weights", NAME)
        assert (again.out, again.err) == (done.out, "")
        assert links.requests == ["/first"]

    @pytest.mark.parametrize(("options", "is_shown"), [([], True), (["--quiet"], False)])
    def test_quiet_silences_the_bar(
        self, run: Run, links: Links, monkeypatch: pytest.MonkeyPatch, options: list[str], is_shown: bool
    ) -> None:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        done = run("download-weights", NAME, *options)
        assert done.code == 0
        assert ("100%" in done.err) == ("license" in done.err) == is_shown
        assert is_shown or not done.err

    @pytest.mark.parametrize(("output", "file"), [("here", f"here/{NAME}.pth"), ("a/mine.pth", "a/mine.pth")])
    def test_to_another_place(self, run: Run, links: Links, tmp_path: Path, output: str, file: str) -> None:
        done = run("download-weights", NAME, "--output", tmp_path / output, "--json")
        assert json.loads(done.out) == {"name": NAME, "file": str(tmp_path / file), "backbone": "resnet18"}
        assert (tmp_path / file).read_bytes() == CONTENT
        assert not (tmp_path / "home").exists()

    def test_an_existing_file_is_left_alone(self, run: Run, links: Links, tmp_path: Path) -> None:
        (tmp_path / "mine.pth").write_text("mine")
        done = run("download-weights", NAME, "--output", tmp_path / "mine.pth")
        assert done.code == 1
        assert "is not the file that visorvos downloaded" in done.err
        assert (tmp_path / "mine.pth").read_text() == "mine"

    def test_list(self, run: Run, links: Links) -> None:
        run("download-weights", NAME)
        table = run("download-weights", "--list").out
        for text in ("coco-resnet50", NAME, "MS-COCO, then VISOR", "75.8", "58.2", "CC BY-NC-SA 4.0", "downloaded: "):
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
            ([], 2, "either NAME, or --list"),
            ([NAME, "--list"], 2, "either NAME, or --list"),
            (["coco"], 1, "NAME must be one of coco-resnet50, visor-resnet50, got coco"),
            (["hf://a/b/c"], 1, "got hf://a/b/c"),
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
