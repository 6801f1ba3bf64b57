"""The command: what it prints, whom it serves, and how a session folder is opened again."""

from __future__ import annotations

import json
import os
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.builders import read_labels, write_labels
from tests.conftest import Run
from tests.core.annotation.command import Command, Start, commands
from tests.core.annotation.sessions import FRAMES, box, make_frames, packed
from visorvos import __version__

pytestmark = pytest.mark.network


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    return make_frames(tmp_path / "clip")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def start(frames: Path, root: Path, tmp_path: Path) -> Iterator[Start]:
    with commands(tmp_path, frames, root) as run:
        yield run


def put(server: Command, number: int, labels: np.ndarray, **headers: str) -> int:
    sent = {"Authorization": f"Bearer {server.token}", "Content-Encoding": "gzip", **headers}
    connection = server.connect()
    connection.request("PUT", f"/api/masks/{number}", packed(labels), sent)
    return connection.getresponse().status


def status_for(server: Command, host: str) -> int:
    connection = server.connect()
    connection.request("GET", "/", headers={"Host": host})
    return connection.getresponse().status


def test_from_start_to_ctrl_c(start: Start, root: Path, frames: Path) -> None:
    server = start("--port", 0)
    assert server.address.startswith(f"http://127.0.0.1:{server.port}/#token=")
    server.wait_until_told()
    assert f"ssh -L {server.port}:127.0.0.1:{server.port}" in server.log
    assert "Without --weights this is a mask editor only" in server.log
    assert put(server, 0, box(1)) == 204
    assert server.interrupt() == 0
    first, *rest = server.printed.splitlines()
    assert first == server.address
    assert f"1 mask of {FRAMES} frames, 1 of them drawn or confirmed, 1 object" in " ".join(rest)
    record = json.loads((root / "annotate.json").read_text())
    assert (record["version"], record["visorvos"], record["given"]) == (1, __version__, [0])
    assert record["source"]["path"] == str(frames)
    assert record["settings"]["size"] == 480


@pytest.mark.skipif(os.name == "nt", reason="the browser is a shell script")
@pytest.mark.parametrize("display", [":1", ""])
def test_a_browser_is_opened_where_there_is_one(frames: Path, root: Path, tmp_path: Path, display: str) -> None:
    script, opened = tmp_path / "browser", tmp_path / "opened.txt"
    script.write_text(f'#!/bin/sh\necho "$1" > "{opened}.part" && mv "{opened}.part" "{opened}"\n')
    script.chmod(0o755)
    variables = {"BROWSER": f"{script} %s", "DISPLAY": display, "WAYLAND_DISPLAY": "", "SSH_CONNECTION": ""}
    server = Command(tmp_path, frames, "--output", root, "--port", 0, environment=variables)
    while display and not opened.exists():
        assert server.process.exitcode is None
        time.sleep(0.01)
    assert server.interrupt() == 0
    assert opened.exists() == bool(display)
    if display:
        assert opened.read_text().strip() == server.address


def test_it_listens_on_this_machine_only(start: Start) -> None:
    server = start("--port", 0)
    for other in ("127.0.0.2", "::1"):
        family = socket.AF_INET6 if ":" in other else socket.AF_INET
        with socket.socket(family) as connection:
            connection.settimeout(5)
            assert connection.connect_ex((other, server.port)) != 0


def test_other_addresses_and_names_when_asked_for(start: Start) -> None:
    server = start("--port", 0, "--host", "0.0.0.0")
    server.wait_until_told("name the hosts that browsers may use with --allow-host")
    assert status_for(server, "127.0.0.2") == 403
    server.kill()
    server = start("--port", 0, "--host", "0.0.0.0", "--allow-host", "box.example", "--allow-host", "127.0.0.2")
    server.wait_until_told()
    assert "--allow-host" not in server.log
    assert [status_for(server, host) for host in ("box.example", "127.0.0.2", "other.example")] == [200, 200, 403]


def test_a_session_keeps_its_token_and_port(start: Start, root: Path, tmp_path: Path, frames: Path) -> None:
    first = start("--port", 0)
    first.kill()
    file = root / ".server.json"
    assert os.name == "nt" or stat.S_IMODE(file.stat().st_mode) == 0o600
    second = start()
    assert second.address == first.address
    second.kill()
    with socket.create_server(("127.0.0.1", first.port)):
        third = start()
    assert (third.port != first.port, third.token) == (True, first.token)
    third.kill()
    root.rename(tmp_path / "moved")
    (tmp_path / "moved").rename(root)
    kept = start("--port", 0)
    assert kept.token == first.token
    kept.kill()


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no permissions for others")
def test_a_token_that_others_know_is_replaced(start: Start, root: Path, tmp_path: Path) -> None:
    first = start("--port", 0)
    first.kill()
    (root / ".server.json").chmod(0o644)
    second = start("--port", 0)
    assert second.token != first.token
    second.kill()
    content = (root / ".server.json").read_bytes()  # as an archive would bring it, with the permissions
    root.rename(tmp_path / "before")
    root.mkdir()
    (root / ".server.json").write_bytes(content)
    (root / ".server.json").chmod(0o600)
    assert start("--port", 0).token != second.token


def test_masks_start_a_session_and_are_not_read_again(start: Start, root: Path, tmp_path: Path) -> None:
    write_labels(tmp_path / "masks" / "00002.png", box(3))
    server = start("--port", 0, "--masks", tmp_path / "masks")
    session = server.get_session()
    assert (session["given"], [item["id"] for item in session["objects"]]) == ([2], [3])
    put(server, 2, box(3, left=9))
    server.kill()
    again = start("--port", 0, "--masks", tmp_path / "masks")
    again.wait_until_told("holds a session, which is opened where it was left: --masks is not read")
    np.testing.assert_array_equal(read_labels(root / "given" / "00002.png"), box(3, left=9))


def test_a_second_process_on_the_folder_is_refused(start: Start, frames: Path, root: Path, run: Run) -> None:
    start("--port", 0)
    done = run("annotate", frames, "--output", root, "--port", 0, "--no-browser")
    assert done.code == 1
    assert f"Another process is writing to {root}" in " ".join(done.err.split())


def test_a_port_that_is_taken(frames: Path, root: Path, run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("annotate", frames, "--output", root, "--port", port, "--no-browser")
    assert done.code == 1
    assert f"Cannot listen on 127.0.0.1, port {port}" in " ".join(done.err.split())


def test_frames_that_changed_since(start: Start, frames: Path, root: Path) -> None:
    first = start("--port", 0)
    while not json.loads((root / "annotate.json").read_text())["source"]["files"]:
        time.sleep(0.01)
    first.kill()
    Image.fromarray(np.zeros_like(np.array(Image.open(frames / "00003.png")))).save(frames / "00003.png")
    second = start("--port", 0)
    second.wait_until_told("changed since this session was made")
    assert "changed since this session was made" in second.get_session()["warning"]
    assert second.interrupt() == 0


def test_given_masks_may_begin_without_an_object(
    start: Start, frames: Path, root: Path, run: Run, weights: Path, tmp_path: Path
) -> None:
    """The first frame is confirmed as empty; an object enters in frame 3."""
    server = start("--port", 0)
    for number, labels in ((0, box(1) * 0), (3, box(1))):
        assert put(server, number, labels) == 204
    server.kill()
    given = ("--masks", root / "given", "--masks-are", "complete")
    options = ("--weights", weights, "--size", 32, "--device", "cpu")
    done = run("predict", frames, *given, *options, "--output", tmp_path / "predicted")
    assert done.code == 0, done.err
    assert "The first object is in the mask of frame 00003: earlier frames get empty masks." in done.err
    for number in range(3):
        assert not read_labels(tmp_path / "predicted" / f"{number:05d}.png").any()
    np.testing.assert_array_equal(read_labels(tmp_path / "predicted" / "00003.png"), box(1))
