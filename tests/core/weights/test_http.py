"""Downloads from a real server that fails in every way that servers do."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import full_disk
from tests.http_server import Request, Server, in_turn, serving
from visorvos.core.weights.http import Patience, ServerError, Transferred, download
from visorvos.errors import VisorVosError

Answer = Callable[[Request], None]
CONTENT = np.random.default_rng(3).bytes(1 << 20)
OTHER = CONTENT[::-1]
QUICK = Patience(delays=(0, 0, 0), timeout=5)


def fetch(url: str, part: Path, most: int = 2 << 20, patience: Patience = QUICK) -> tuple[list[Transferred], list[str]]:
    said: list[str] = []
    return list(download(url, part, most, said.append, patience)), said


def good(request: Request) -> None:
    request.send_file(CONTENT)


def breaks(after: int, content: bytes = CONTENT, tag: str = '"1"') -> Answer:
    return lambda request: request.send_file(content, tag, after)


def answers(status: int, body: bytes = b"", **headers: str) -> Answer:
    return lambda request: request.send(status, body, **headers)


def moves(to: str) -> Answer:
    return lambda request: request.send(302, Location=to)


def resets(request: Request) -> None:
    """Ends the connection without a word."""
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.shutdown(socket.SHUT_RDWR)
    request.close_connection = True


def ignores_range(after: int | None = None) -> Answer:
    def answer(request: Request) -> None:
        del request.headers["Range"]
        request.send_file(CONTENT, breaks_after=after)

    return answer


def untagged(after: int | None = None) -> Answer:
    sent = CONTENT if after is None else CONTENT[:after]
    return lambda request: request.send(200, sent, len(CONTENT))


def goes_on_regardless(request: Request) -> None:
    """Sends the rest of another file, whatever the condition."""
    del request.headers["If-Range"]
    request.send_file(OTHER, '"2"')


def chunked(request: Request) -> None:
    request.send_response(200)
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    for start in range(0, len(CONTENT), 1 << 16):
        piece = CONTENT[start : start + (1 << 16)]
        request.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
    request.wfile.write(b"0\r\n\r\n")


ARRIVES: dict[str, tuple[list[Answer], int]] = {
    "at once": ([good], 1),
    "without a length": ([chunked], 1),
    "after a break": ([breaks(400_000), good], 2),
    "after a break at the start": ([breaks(0), good], 2),
    "after three breaks": ([breaks(300_000), breaks(300_000), breaks(300_000), good], 4),
    "after 503": ([answers(503), good], 2),
    "after 429": ([answers(429, Retry_After="0"), good], 2),
    "after a date in Retry-After": ([answers(503, Retry_After="Wed, 21 Oct 2026 07:28:00 GMT"), good], 2),
    "after a reset": ([resets, resets, good], 3),
    "from a server without ranges": ([ignores_range(400_000), ignores_range()], 2),
    "from a server without marks": ([untagged(400_000), untagged()], 2),
    "after a change between attempts": ([breaks(400_000, OTHER, '"2"'), good], 2),
    "from a server that ignores the condition": ([breaks(400_000), goes_on_regardless, good], 3),
    "after 416": ([breaks(400_000), answers(416), good], 3),
    "after redirects": ([moves("/a"), moves("b?c=1"), good], 3),
}


@pytest.mark.parametrize("name", ARRIVES)
def test_a_file_arrives(name: str, tmp_path: Path) -> None:
    turns, requests = ARRIVES[name]
    with serving(in_turn(*turns)) as server:
        steps, said = fetch(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == CONTENT
    assert len(server.requests) == requests
    assert steps[-1].done == len(CONTENT)
    assert len(said) == requests - 1 or "redirects" in name


def test_only_what_is_missing_is_asked_for(tmp_path: Path) -> None:
    with serving(in_turn(breaks(400_000), good)) as server:
        steps, said = fetch(server.url, tmp_path / "part")
    assert "Range" not in server.requests[0][2]
    assert server.requests[1][2]["Range"] == "bytes=400000-"
    assert server.requests[1][2]["If-Range"] == '"1"'
    assert [step.total for step in steps] == [len(CONTENT)] * len(steps)
    assert said[0].startswith("The download stopped: ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["part", "part.json"]


def test_a_later_call_goes_on(tmp_path: Path) -> None:
    with serving(in_turn(breaks(500_000), resets, resets, resets, good)) as server:
        with pytest.raises(ServerError, match="4 attempts") as raised:
            fetch(server.url, tmp_path / "part")
        assert "it goes on from 0.5 MB" in raised.value.remedy
        steps, _ = fetch(server.url, tmp_path / "part")
    assert steps[0] == (500_000, len(CONTENT))
    assert (tmp_path / "part").read_bytes() == CONTENT


def test_what_another_link_began_is_not_gone_on_with(tmp_path: Path) -> None:
    with serving(breaks(100_000, OTHER)) as server, pytest.raises(ServerError):
        fetch(server.url, tmp_path / "part")
    with serving(good) as server:
        fetch(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == CONTENT


PAGE = b"\n<!DOCTYPE html><html><title>Log in</title></html>"
REFUSED: dict[str, tuple[Answer, str, int]] = {
    "404": (answers(404), "404 Not Found", 1),
    "403": (answers(403), "403 Forbidden", 1),
    "a login page": (answers(200, PAGE, Content_Type="text/html; charset=utf-8"), "web page", 1),
    "a page that claims to be a file": (answers(200, PAGE, Content_Type="application/octet-stream"), "web page", 1),
    "a page behind redirects": (in_turn(moves("/login"), answers(200, PAGE)), "web page", 2),
    "503 for ever": (answers(503), "4 attempts: the server answered 503", 4),
    "resets for ever": (resets, "4 attempts", 4),
    "breaks for ever": (breaks(1000), "4 attempts", 4),
    "nothing": (answers(200), "the server sent nothing", 4),
    "more than can be meant": (lambda r: r.send(200, b"", 1 << 40), "1,099,511,627,776 bytes, more than", 1),
    "more than the disk holds": (lambda r: r.send(200, b"", 1 << 60), "has room for", 1),
    "a compressed file": (answers(200, b"x", Content_Encoding="gzip"), "encodes", 1),
    "a redirect to a file": (moves("file:///etc/passwd"), "only https is followed", 1),
    "a redirect to FTP": (moves("ftp://127.0.0.1/x"), "only https is followed", 1),
    "a redirect to itself": (moves("/"), "again and again", 11),
    "a redirect to nowhere": (moves("http://a b:x/"), "answered 302", 1),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_file_is_refused(name: str, tmp_path: Path) -> None:
    answer, sentence, requests = REFUSED[name]
    most = 1 << 62 if "disk" in name else 2 << 20
    with serving(answer) as server, pytest.raises(VisorVosError, match=sentence) as raised:
        fetch(server.url, tmp_path / "part", most)
    assert server.url in raised.value.message
    assert len(server.requests) == requests
    kept = {"part", "part.json"} if "breaks" in name else set()
    assert {path.name for path in tmp_path.iterdir()} <= kept


def endless(request: Request) -> None:
    request.send_response(200)
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    while True:
        request.wfile.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")


def test_a_file_without_end_does_not_fill_the_disk(tmp_path: Path) -> None:
    with serving(endless) as server, pytest.raises(ServerError, match="more bytes than"):
        fetch(server.url, tmp_path / "part")
    assert not list(tmp_path.iterdir())


def test_the_body_of_a_redirect_is_not_read(tmp_path: Path) -> None:
    def heavy(request: Request) -> None:
        request.send(302, b"x", 1 << 40, Location="/file")

    with serving(in_turn(heavy, good)) as server:
        fetch(server.url, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == CONTENT


def test_a_silent_server_is_given_up(tmp_path: Path) -> None:
    def silent(request: Request) -> None:
        request.rfile.read(1)

    with serving(silent) as server, pytest.raises(ServerError, match="did not answer in time"):
        fetch(server.url, tmp_path / "part", patience=Patience((0,), timeout=0.05))


def test_no_server(tmp_path: Path) -> None:
    with serving(good) as server:
        url = server.url
    with pytest.raises(ServerError, match=r"3 attempts: Connection refused"):
        fetch(url, tmp_path / "part")


def test_a_wait_that_the_server_asks_for_is_kept_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("visorvos.core.weights.http.time.sleep", waited.append)
    with serving(
        in_turn(answers(503, Retry_After="7"), answers(503, Retry_After="99999"), answers(500), good)
    ) as server:
        fetch(server.url, tmp_path / "part", patience=Patience((1, 2, 4)))
    assert waited == [7, 60, 4]


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    with serving(chunked) as server, full_disk(500_000), pytest.raises(VisorVosError, match="Cannot write") as raised:
        fetch(server.url, tmp_path / "part")
    assert str(tmp_path / "part") in raised.value.message
    assert not list(tmp_path.iterdir())


def test_dropbox_pages_become_files() -> None:
    from visorvos.core.weights.http import _direct
    from visorvos.core.weights.registry import PUBLISHED

    for released in PUBLISHED.values():
        for link in released.links:
            assert _direct(link) == link.removesuffix("dl=0") + "dl=1"
    assert _direct("https://example.org/?dl=0") == "https://example.org/?dl=0"


def test_a_proxy_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(good) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        fetch("http://weights.invalid/file", tmp_path / "part")
    assert proxy.requests[0][1] == "http://weights.invalid/file"
    assert (tmp_path / "part").read_bytes() == CONTENT


def test_a_proxy_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://127.0.0.1")
    monkeypatch.setenv("all_proxy", "gopher://127.0.0.1")
    with pytest.raises(VisorVosError, match=r"proxy .* cannot be used"):
        fetch("http://weights.invalid/file", tmp_path / "part")


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Server], Server]:
    """Makes a server one of https, with a certificate that clients trust."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    try:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
             "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
            check=True, capture_output=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("openssl, which makes the test's certificate, is not installed")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    def wrap(server: Server) -> Server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.scheme = "https"
        return server

    return wrap


def test_https_is_never_left(tmp_path: Path, secure: Callable[[Server], Server]) -> None:
    folder = tmp_path / "into"
    with serving(good) as plain, serving(in_turn(good, moves(plain.url))) as server:
        url = secure(server).url
        fetch(url, folder / "part")
        assert (folder / "part").read_bytes() == CONTENT
        (folder / "part").unlink()
        with pytest.raises(ServerError, match="only https is followed"):
            fetch(url, folder / "part")
    assert plain.requests == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            st.builds(breaks, st.integers(0, len(CONTENT))),
            st.builds(lambda n: breaks(n, OTHER, '"2"'), st.integers(0, len(CONTENT) - 1)),
            st.builds(untagged, st.integers(0, len(CONTENT) - 1)),
            st.sampled_from([answers(503), answers(416), resets, goes_on_regardless, moves("/x")]),
        ),
        max_size=6,
    )
)
def test_whatever_fails_before_the_content_is_that_of_one_file(tmp_path: Path, turns: list[Answer]) -> None:
    """However attempts end, what arrives is all of one version: never the start of one and the rest of another."""
    part = tmp_path / os.urandom(8).hex()
    with serving(in_turn(*turns, good)) as server:
        fetch(server.url, part, patience=Patience((0,) * 12, timeout=5))
    assert part.read_bytes() in (CONTENT, OTHER)
