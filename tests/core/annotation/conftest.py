"""One server for all tests of a module: each test brings its own session."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from visorvos.core.annotation.frame_reader import FrameReader
from visorvos.core.annotation.propagation import Worker
from visorvos.core.annotation.server import make_app
from visorvos.core.annotation.session import Session

TOKEN = "a-token"

Serve = Callable[..., int]


class _Swapped:
    """The application of the test that runs."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
def running() -> Iterator[tuple[_Swapped, int]]:
    swapped = _Swapped()
    server = uvicorn.Server(uvicorn.Config(swapped, log_level="critical", lifespan="off"))
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    yield swapped, listening.getsockname()[1]
    server.should_exit = True
    thread.join(30)
    assert not thread.is_alive()


@pytest.fixture
def serve(running: tuple[_Swapped, int]) -> Iterator[Serve]:
    """Serves a session; gives the port."""
    sessions: list[Session] = []

    def start(session: Session, worker: Worker, hosts: Collection[str] = ()) -> int:
        swapped, port = running
        swapped.app = make_app(session, worker, FrameReader(session.folder.source), TOKEN, hosts)
        sessions.append(session)
        return port

    yield start
    for session in sessions:
        session.events.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The session folder."""
    return tmp_path / "out"
