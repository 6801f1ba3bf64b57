"""Routes and security rules, over real connections."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import io
import json
import tracemalloc
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.exceptions import HTTPException
from starlette.requests import Request

from tests.builders import draw_clip, read_labels
from tests.core.annotation.conftest import TOKEN, Serve
from tests.core.annotation.sessions import (
    FRAMES,
    HEIGHT,
    WIDTH,
    Follower,
    Steps,
    box,
    make_frames,
    moved,
    open_session,
    packed,
    start_worker,
)
from visorvos.core.annotation.guard import read_body
from visorvos.core.annotation.propagation import Worker
from visorvos.core.annotation.session import Session
from visorvos.core.io.frames import open_frames
from visorvos.core.io.video import write_video

pytestmark = pytest.mark.network

GZIP = {"Content-Encoding": "gzip"}


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def error(self) -> str:
        return json.loads(self.body)["error"]


@dataclass
class Client:
    """A browser of our own making: it can lie about host and origin."""

    port: int
    session: Session
    steps: Steps
    root: Path
    frames: Path
    open: list[http.client.HTTPConnection] = field(default_factory=list)

    def send(self, method: str, path: str, body: Any = None, token: str | None = TOKEN, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        response = self._send(connection, method, path, body, token, headers)
        answer = Answer(response.status, response.headers, response.read())
        connection.close()
        return answer

    def stream(self, path: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        self.open.append(connection)
        return self._send(connection, "GET", path, None, TOKEN, {})

    def _send(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: Any,
        token: str | None,
        headers: dict[str, str],
    ) -> http.client.HTTPResponse:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        connection.request(method, path, json.dumps(body) if isinstance(body, dict) else body, sent)
        return connection.getresponse()

    def put(self, number: int, labels: np.ndarray, **headers: str) -> Answer:
        return self.send("PUT", f"/api/masks/{number}", packed(labels), Content_Encoding="gzip", **headers)


@pytest.fixture
def client(tmp_path: Path, root: Path, serve: Serve) -> Iterator[Client]:
    frames = make_frames(tmp_path / "clip")
    session, steps = open_session(root, frames), Steps()
    worker = start_worker(session, steps)
    client = Client(serve(session, worker, ("box.example",)), session, steps, root, frames)
    yield client
    for connection in client.open:
        connection.close()
    worker.stop()
    steps.let(FRAMES)
    worker.close()


ROUTES = [
    ("GET", "/api/session"),
    ("GET", "/api/frames/0"),
    ("GET", "/api/masks/0"),
    ("PUT", "/api/masks/0"),
    ("PUT", "/api/objects"),
    ("POST", "/api/delete-object"),
    ("POST", "/api/propagate"),
    ("POST", "/api/stop"),
    ("POST", "/api/undo-propagation"),
    ("GET", "/api/events?since=0"),
    ("POST", "/api/export"),
    ("GET", "/api/no-such-route"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("token", [None, "", "another"])
def test_every_call_needs_the_token(client: Client, method: str, path: str, token: str | None) -> None:
    answer = client.send(method, path, b"", token)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_the_page_needs_no_token(client: Client) -> None:
    page = client.send("GET", "/", token=None)
    assert page.status == 200
    assert page.headers["Content-Type"].startswith("text/html")
    for name, kind in {"main.js": "text/javascript", "style.css": "text/css", "icon.svg": "image/svg+xml"}.items():
        assert client.send("GET", f"/{name}", token=None).headers["Content-Type"].startswith(kind)


@pytest.mark.parametrize("path", ["/..%2fserver.py", "/%2e%2e/server.py", "/../server.py", "/.git", "/__init__.py"])
def test_nothing_but_the_page_is_served(client: Client, path: str) -> None:
    assert client.send("GET", path, token=None).status == 404


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST:1", "127.0.0.1:65535", "[::1]:80", "box.example:9"]
)
@pytest.mark.parametrize("path", ["/", "/api/session"])
def test_allowed_hosts(client: Client, host: str, path: str) -> None:
    assert client.send("GET", path, Host=host).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example:80", "", "127.0.0.2", "::1"],
)
@pytest.mark.parametrize("path", ["/", "/api/session"])
def test_other_hosts_are_refused(client: Client, host: str, path: str) -> None:
    assert client.send("GET", path, Host=host).status == 403


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:8765", 200),
        ("http://localhost:9", 403),
        ("http://localhost", 403),
        ("http://127.0.0.1:8765", 403),
        ("https://evil.example", 403),
        ("null", 403),
        ("", 403),
    ],
)
def test_the_origin_must_be_the_host(client: Client, origin: str, status: int) -> None:
    for path in ("/", "/api/session"):
        answer = client.send("GET", path, Host="localhost:8765", Origin=origin)
        assert answer.status == status
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_no_cross_origin_preflight(client: Client) -> None:
    answer = client.send("OPTIONS", "/api/session", None, Origin="https://evil.example")
    assert answer.status == 403
    assert client.send("OPTIONS", "/api/session", token=None).status == 401


def test_headers_of_every_answer(client: Client) -> None:
    """Also of refusals."""
    for path, token in (
        ("/", None),
        ("/main.js", None),
        ("/api/session", TOKEN),
        ("/api/session", None),
        ("/none", None),
    ):
        headers = client.send("GET", path, token=token).headers
        rules = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
        assert rules["default-src"] == "'none'"
        assert rules["script-src"] == "'self'"
        assert rules["style-src"] == "'self'"
        assert rules["connect-src"] == "'self'"
        assert rules["frame-ancestors"] == "'none'"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"


def test_the_page_has_no_inline_script_or_style(client: Client) -> None:
    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            names = {name for name, _ in attrs}
            assert tag != "style"
            assert tag != "script" or "src" in names
            assert not [name for name in names if name.startswith("on") or name == "style"]

    Reader().feed(client.send("GET", "/").body.decode())


def test_the_session(client: Client) -> None:
    client.send("PUT", "/api/objects", {"objects": [{"id": 1, "name": "cup"}]})
    client.put(2, box(1))
    session = json.loads(client.send("GET", "/api/session").body)
    assert {name: session[name] for name in ("frames", "width", "height", "given")} == {
        "frames": FRAMES,
        "width": WIDTH,
        "height": HEIGHT,
        "given": [2],
    }
    (cup,) = session["objects"]
    assert (cup["id"], cup["name"]) == (1, "cup")
    assert client.send("PUT", "/api/objects", {"objects": session["objects"]}).status == 204


def test_frames_are_the_files(client: Client) -> None:
    answer = client.send("GET", "/api/frames/3")
    assert answer.body == (client.frames / "00003.png").read_bytes()
    assert answer.headers["Content-Type"] == "image/png"
    again = client.send("GET", "/api/frames/3", If_None_Match=answer.headers["ETag"])
    assert (again.status, again.body) == (304, b"")
    Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save(client.frames / "00003.png", format="JPEG")
    changed = client.send("GET", "/api/frames/3", If_None_Match=answer.headers["ETag"])
    assert (changed.status, changed.headers["Content-Type"]) == (200, "image/jpeg")


def test_frames_of_a_video_file_are_jpegs(tmp_path: Path, root: Path, serve: Serve) -> None:
    """Close to what the network sees, in any order."""
    drawn, _ = draw_clip(6, 64, 96, 0)
    path = tmp_path / "clip.mp4"
    with write_video(path, Fraction(24), Fraction(1, 24), Fraction(1)) as sink:
        for number, frame in enumerate(drawn):
            sink(frame, (number, number + 1))
    session = open_session(root, path)
    client = Client(serve(session, Worker(session, None)), session, Steps(), root, path)
    seen = list(open_frames(path).read())
    for number in (4, 0, 5, 2):
        answer = client.send("GET", f"/api/frames/{number}")
        assert answer.headers["Content-Type"] == "image/jpeg"
        shown = np.array(Image.open(io.BytesIO(answer.body))).astype(int)
        assert np.abs(shown - seen[number]).mean() < 6
        if number:
            assert np.abs(shown - seen[number]).mean() < np.abs(shown - seen[number - 1]).mean()
    again = client.send("GET", "/api/frames/2", If_None_Match=answer.headers["ETag"])
    assert again.status == 304


@pytest.mark.parametrize(
    "path", ["frames/8", "frames/-1", "frames/x", "masks/8", "masks/..%2f..%2fannotate.json", "masks/"]
)
def test_frames_go_by_number(client: Client, path: str) -> None:
    assert client.send("GET", f"/api/{path}").status == 404


def test_masks_go_there_and_back_gzipped(client: Client) -> None:
    labels = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH)).astype(np.uint8)
    put = client.put(4, labels)
    assert put.status == 204
    got = client.send("GET", "/api/masks/4")
    assert got.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(got.body) == labels.tobytes()
    assert got.headers["ETag"] == put.headers["ETag"]
    np.testing.assert_array_equal(read_labels(client.root / "masks" / "00004.png"), labels)
    empty = client.send("GET", "/api/masks/5")
    assert gzip.decompress(empty.body) == bytes(HEIGHT * WIDTH)


def test_a_stale_tab_does_not_overwrite(client: Client) -> None:
    old = client.send("GET", "/api/masks/0").headers["ETag"]
    new = client.put(0, box(1), If_Match=old).headers["ETag"]
    stale = client.put(0, box(1, left=9), If_Match=old)
    assert (stale.status, "changed elsewhere" in stale.error) == (412, True)
    np.testing.assert_array_equal(client.session.mask(0), box(1))
    assert client.put(0, box(1, left=9), If_Match=new).status == 204


def test_bodies_are_bounded(client: Client) -> None:
    size = HEIGHT * WIDTH
    cases = [
        (gzip.compress(bytes(1 << 24)), GZIP, 413),  # inflates to far more than a mask
        (gzip.compress(bytes(size + 1)), GZIP, 413),
        (np.random.default_rng(0).bytes(100), GZIP, 400),
        (gzip.compress(np.random.default_rng(0).bytes(1 << 22)), GZIP, 413),  # too long before it is inflated
        (bytes(size + 1), {}, 413),
        (gzip.compress(bytes(size - 1)), GZIP, 400),
        (gzip.compress(bytes(size))[:-9], GZIP, 400),
        (gzip.compress(bytes(size)) + b"more", GZIP, 400),
        (zlib.compress(bytes(size)), {"Content-Encoding": "deflate"}, 415),
        (bytes(size), {}, 204),
    ]
    for body, headers, status in cases:
        assert client.send("PUT", "/api/masks/0", body, **headers).status == status
    objects = {"objects": [{"id": 1, "name": "cup"}], "more": " " * (1 << 19)}
    assert client.send("PUT", "/api/objects", objects).status == 413
    assert client.send("PUT", "/api/objects", gzip.compress(json.dumps(objects).encode()), **GZIP).status == 413


def test_a_bomb_is_not_inflated() -> None:
    """64 MiB of zeros in 64 KiB, arriving at once: refused without room for it."""
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(1 << 6)) + packer.flush()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": bomb, "more_body": False}

    request = Request({"type": "http", "method": "PUT", "headers": [(b"content-encoding", b"gzip")]}, receive)
    tracemalloc.start()
    try:
        with pytest.raises(HTTPException) as refused:
            asyncio.run(read_body(request, 1 << 20))
        assert refused.value.status_code == 413
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_a_body_that_inflates_to_a_mask_can_still_be_too_long(client: Client) -> None:
    """A gzip header has room for a name of any length."""
    body = gzip.compress(bytes(HEIGHT * WIDTH))
    named = body[:3] + b"\x08" + body[4:10] + b"n" * (1 << 20) + b"\0" + body[10:]
    assert gzip.decompress(named) == bytes(HEIGHT * WIDTH)
    assert client.send("PUT", "/api/masks/0", named, **GZIP).status == 413


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "objects", {"objects": [{"id": 0, "name": "x"}]}),
        ("PUT", "objects", {"objects": [{"id": 256, "name": "x"}]}),
        ("PUT", "objects", {"objects": [{"id": 1, "name": "x" * 101}]}),
        ("PUT", "objects", {"objects": [{"id": 1, "color": "red"}]}),
        ("PUT", "objects", {"objects": [{"id": 1, "path": "/etc"}]}),
        ("PUT", "objects", b"["),
        ("POST", "propagate", {"from": 0, "to": 99, "direction": "forward"}),
        ("POST", "propagate", {"from": 3, "to": 1, "direction": "forward"}),
        ("POST", "propagate", {"from": -1, "to": 1, "direction": "forward"}),
        ("POST", "propagate", {"from": 1, "to": 3, "direction": "sideways"}),
        ("POST", "propagate", {"from": 7, "direction": "forward"}),
        ("POST", "export", b""),
        ("GET", "events?since=x", b""),
    ],
)
def test_requests_that_make_no_sense(client: Client, method: str, path: str, body: Any) -> None:
    answer = client.send(method, f"/api/{path}", body)
    assert answer.status == 400
    assert answer.error.endswith(".")


def test_propagation_and_its_events(client: Client) -> None:
    client.put(2, box(1))
    events = client.stream("/api/events?since=0")
    assert client.send("POST", "/api/propagate", {"from": 2, "to": 4, "direction": "forward"}).status == 202
    assert client.send("POST", "/api/propagate", {"from": 2, "direction": "backward"}).status == 409
    client.steps.let(2)
    seen = []
    while not seen or seen[-1].get("propagation") is None or seen[-1]["propagation"]["state"] == "running":
        seen.append(json.loads(events.readline() or b"{}"))
    assert [event["frame"] for event in seen if event["event"] == "mask"] == [2, 3, 4]
    versions = [event["version"] for event in seen]
    assert versions == sorted(set(versions))
    np.testing.assert_array_equal(client.session.mask(4), moved(box(1), 2))
    rest = client.stream(f"/api/events?since={versions[-2]}")
    assert json.loads(rest.readline()) == seen[-1]
    assert client.send("POST", "/api/undo-propagation").status == 204
    assert json.loads(rest.readline())["event"] == "reset"
    assert not client.session.mask(4).any()
    assert client.send("POST", "/api/undo-propagation", {"redo": True}).status == 204
    assert client.session.mask(4).any()


def test_events_that_are_no_longer_kept(client: Client) -> None:
    assert json.loads(client.stream("/api/events?since=999").readline())["event"] == "reset"
    for _ in range(3000):
        client.session.events.add("network")
    assert json.loads(client.stream("/api/events?since=1").readline())["event"] == "reset"


def test_a_closed_tab_stops_nothing_and_stop_does(client: Client) -> None:
    client.put(0, box(1))
    follower = Follower(client.session)
    events = client.stream("/api/events?since=0")
    client.send("POST", "/api/propagate", {"from": 0, "direction": "forward"})
    events.close()
    client.open.pop().close()
    client.steps.let(3)
    follower.until(lambda event: event.get("frame") == 3)
    assert client.send("POST", "/api/stop").status == 204
    client.steps.let(1)
    assert follower.until_ended()["state"] == "stopped"


def test_deleting_an_object(client: Client) -> None:
    for number in (0, 3):
        client.put(number, box(1) + box(2, left=20))
    assert client.send("POST", "/api/delete-object", {"id": 2, "from": 1}).status == 204
    assert client.session.known.showing(2) == [0]
    assert client.send("POST", "/api/delete-object", {"id": 2}).status == 204
    assert [item.id for item in client.session.objects.items] == [1]
    assert client.send("POST", "/api/delete-object", {"id": 2}).status == 409


def test_export(client: Client) -> None:
    client.send("PUT", "/api/objects", {"objects": [{"id": 1, "name": "cup"}]})
    client.put(2, box(1))
    client.put(4, box(1))
    for _ in range(2):  # the second replaces the first
        answer = client.send("POST", "/api/export")
        assert Path(json.loads(answer.body)["path"]) == client.root / "export"
    found = sorted(
        path.relative_to(client.root / "export").as_posix() for path in (client.root / "export").rglob("*.*")
    )
    assert found == [
        "Annotations/480p/clip/00002.png",
        "Annotations/480p/clip/00004.png",
        "ImageSets/2022/train.txt",
        "ImageSets/2022/val.txt",
        "JPEGImages/480p/clip/00002.png",
        "JPEGImages/480p/clip/00004.png",
        "train_data_mapping.json",
        "val_data_mapping.json",
    ]
