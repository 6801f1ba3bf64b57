"""kill -9 of the server at random moments of a story: whatever was answered is on disk, and the folder opens again."""

from __future__ import annotations

import http.client
import json
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.builders import read_labels
from tests.core.annotation.command import Command
from tests.core.annotation.sessions import FRAMES, HEIGHT, WIDTH, make_frames, open_session, packed

pytestmark = pytest.mark.network

KILLS = 7


class Story:
    """Draws, propagates, corrects and undoes over and over; notes what was answered."""

    def __init__(self, server: Command, seed: int) -> None:
        self.connection = server.connect()
        self.token = server.token
        self.random = np.random.default_rng(seed)
        self.drawn: dict[int, np.ndarray] = {}
        self.in_hand: tuple[int, np.ndarray] | None = None

    def send(self, method: str, path: str, body: bytes, **headers: str) -> None:
        sent = {
            "Authorization": f"Bearer {self.token}",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        self.connection.request(method, f"/api/{path}", body, sent)
        answer = self.connection.getresponse()
        answer.read()
        assert answer.status in (202, 204, 409), answer.status

    def tell(self) -> None:
        """Until the connection breaks."""
        try:
            while True:
                number = int(self.random.integers(FRAMES))
                labels = self.random.integers(0, 3, (HEIGHT, WIDTH)).astype(np.uint8)
                self.in_hand = number, labels
                self.send("PUT", f"masks/{number}", packed(labels), Content_Encoding="gzip")
                self.drawn[number] = labels
                self.in_hand = None
                start, direction = (0, "forward") if self.random.random() < 0.5 else (FRAMES - 1, "backward")
                self.send("POST", "propagate", json.dumps({"from": start, "direction": direction}).encode())
                if self.random.random() < 0.3:
                    self.send("POST", "stop", b"")
                    self.send("POST", "undo-propagation", b"")
        except (OSError, http.client.HTTPException):
            pass


def test_kill_at_random_moments(tmp_path: Path, weights: Path) -> None:
    frames, root = make_frames(tmp_path / "clip"), tmp_path / "out"
    random = np.random.default_rng(0)
    drawn: dict[int, np.ndarray] = {}
    for kill in range(KILLS):
        server = Command(tmp_path, frames, "--output", root, "--weights", weights, "--size", 32, "--device", "cpu")
        server.wait_for_network()
        story = Story(server, kill)
        teller = threading.Thread(target=story.tell)
        teller.start()
        teller.join(random.uniform(0.05, 0.6))
        server.kill()
        teller.join(30)
        drawn |= story.drawn

        session = open_session(root, frames)
        for number, labels in drawn.items():
            found = session.mask(number)
            if story.in_hand is not None and story.in_hand[0] == number and not np.array_equal(found, labels):
                np.testing.assert_array_equal(found, story.in_hand[1])
                drawn[number] = found
            else:
                np.testing.assert_array_equal(found, labels)
            np.testing.assert_array_equal(read_labels(root / "given" / f"{number:05d}.png"), found)
        known = session.known
        assert drawn.keys() <= known.given <= drawn.keys() | ({story.in_hand[0]} if story.in_hand else set())
        if known.given - drawn.keys():
            drawn[story.in_hand[0]] = session.mask(story.in_hand[0])
        for number in known.shown:
            assert known.shown[number] == set(np.unique(session.mask(number))) - {0}
        json.loads((root / "names.json").read_text())
    assert len(drawn) > 1
