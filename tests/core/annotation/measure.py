"""Figures of `visorvos annotate` for the benchmarks: ``python -m tests.core.annotation.measure``.

Memory of the server while it propagates through 10,000 frames, and the cost of a stroke in the page at 1920x1080.
"""

from __future__ import annotations

import http.client
import json
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import uvicorn

from tests.browser import Browser, open_browser
from tests.builders import draw_clip, write_frames
from tests.core.annotation.command import Command
from tests.core.annotation.conftest import TOKEN
from tests.core.annotation.pages import Page
from tests.core.annotation.sessions import open_session, packed
from visorvos.core.annotation.frame_reader import FrameReader
from visorvos.core.annotation.propagation import Worker
from visorvos.core.annotation.server import make_app

FRAMES = 10_000
STROKES = 500


def follow(
    start: int, stop: int, masks: Mapping[int, np.ndarray], given: Collection[int]
) -> Iterator[tuple[int, np.ndarray]]:
    """A propagator that moves masks by a pixel per frame."""
    labels = masks[start]
    for number in range(start + 1, stop + 1):
        labels = np.roll(labels, 1, axis=1)
        yield number, labels


def measure_server(folder: Path) -> None:
    """Resident memory while every frame is propagated to, with every tenth read too."""
    clip = folder / "long"
    drawn, masks = draw_clip(50, 90, 160, 0)
    clip.mkdir()
    written = write_frames(folder / "short", drawn)
    for number in range(FRAMES):  # back and forth
        place = number % 98
        (clip / f"{number:05d}.png").hardlink_to(written / f"{min(place, 98 - place):05d}.png")
    session = open_session(folder / "server", clip)
    worker = Worker(session, lambda: follow)
    app = make_app(session, worker, FrameReader(session.folder.source), TOKEN)
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="critical", lifespan="off")
    threading.Thread(target=uvicorn.Server(config).run, args=([listening],), daemon=True).start()
    connection = http.client.HTTPConnection(*listening.getsockname())

    def send(method: str, path: str, body: bytes = b"", **more: str) -> None:
        connection.request(method, f"/api/{path}", body, {"Authorization": f"Bearer {TOKEN}", **more})
        answer = connection.getresponse()
        answer.read()
        assert answer.status < 300, answer.status

    send("PUT", "masks/0", packed(masks[0]), **{"Content-Encoding": "gzip"})
    before = 0
    for frame in (100, 1_000, 5_000, FRAMES - 1):
        send("POST", "propagate", json.dumps({"from": before, "to": frame, "direction": "forward"}).encode())
        for number in range(before, frame + 1, 10):
            send("GET", f"frames/{number}")
            send("GET", f"masks/{number}")
        while session.propagation is not None:
            time.sleep(0.1)
        send("GET", "session")
        size = psutil.Process().memory_info().rss
        sys.stdout.write(f"server, frame {frame:,}: {size / 2**20:.0f} MiB\n")
        sys.stdout.flush()
        before = frame


def measure_page(folder: Path) -> None:
    """Time that scripts and drawing take in each frame of a stroke, after many strokes."""
    random = np.random.default_rng(0)
    frames = [random.integers(0, 256, (1080, 1920, 3), np.uint8) for _ in range(5)]
    server = Command(folder, write_frames(folder / "clip", frames), "--output", folder / "page", "--port", 0)
    with contextmanager(open_browser)() as browsers:
        browser: Browser = browsers(1920)
        browser.resize(1920, 1080)
        browser.visit(server.address)
        page = Page(browser)
        left, top, right, bottom = (*page.client(60, 60), *page.client(1860, 1020))
        for _ in range(STROKES):
            browser.drag(*((int(random.integers(left, right)), int(random.integers(top, bottom))) for _ in range(3)))
        page.wait_until_saved()
        browser.run(
            "window.costs = []; let busy = 0;"
            "const after = window.requestAnimationFrame.bind(window);"
            "const timed = (act) => (...args) => { const began = performance.now(); act(...args); busy += performance.now() - began; };"  # noqa: E501
            # Reading a pixel waits until the canvas is drawn.
            "const pen = document.getElementById('view').getContext('2d');"
            "const draw = (act) => (now) => { act(now); pen.getImageData(0, 0, 1, 1); };"
            "window.requestAnimationFrame = (act) => after(timed(draw(act)));"
            "let began = 0;"
            "addEventListener('pointermove', () => { began = performance.now(); }, true);"
            "addEventListener('pointermove', () => { busy += performance.now() - began; });"
            "const frame = () => { after(frame); setTimeout(() => { if (busy) window.costs.push(busy); busy = 0; }); };"
            "after(frame);"
        )
        way = [
            (int(x), int(y))
            for x, y in zip(np.linspace(left, right, 300), 500 + 300 * np.sin(np.arange(300) / 20), strict=True)
        ]
        browser.drag(*way)
        page.wait_until_saved()
        costs = browser.run("return window.costs")
        held = []
        for frame in (1, 2, 3):
            page.go_to(frame)
            held.append(len(browser.run_module("return (await load('frames')).held();")))
        size = browser.run("return [document.getElementById('view').width, document.getElementById('view').height]")
    server.kill()
    sys.stdout.write(
        f"page, view of {size[0]}x{size[1]}, after {STROKES} strokes, {len(costs)} frames of a stroke: "
        f"median {np.median(costs):.1f} ms, maximum {max(costs):.1f} ms; frames held: at most {max(held)}\n"
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        measure_server(Path(folder))
        measure_page(Path(folder))


if __name__ == "__main__":
    main()
