"""A local HTTP server whose answers each test decides."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Request(BaseHTTPRequestHandler):
    """One request, and the means to answer it."""

    protocol_version = "HTTP/1.1"

    def send(self, status: int, body: bytes = b"", stated: int | None = None, **headers: str) -> None:
        """Sends an answer; with ``stated`` as Content-Length, the connection closes after the body."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if stated is None else stated))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.close_connection = stated is not None

    def do_GET(self) -> None:
        server: Any = self.server
        server.requests.append((self.command, self.path, dict(self.headers)))
        server.answer(self)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass


class Server(ThreadingHTTPServer):
    """The server; ``requests`` holds method, path and headers of each request."""

    daemon_threads = True

    def __init__(self, answer: Callable[[Request], None]) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.answer = answer
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None:
        """Clients that disconnect early are expected."""


@contextlib.contextmanager
def serving(answer: Callable[[Request], None]) -> Iterator[Server]:
    """Runs a server in a thread."""
    with Server(answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def in_turn(*answers: Callable[[Request], None]) -> Callable[[Request], None]:
    """Gives the first answer to the first request, and so on; the last answer is repeated."""
    left = list(answers)
    return lambda request: (left.pop(0) if len(left) > 1 else left[0])(request)
