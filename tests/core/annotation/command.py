"""`visorvos annotate` in a process of its own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.forked import finish, start

__all__ = ["Command", "Start", "commands"]


class Command:
    """A server that runs.

    Args:
        folder: for what it prints.
        arguments: of the command line.
        environment: variables to set; with it, the command may open a browser.
        arrange: called in the process first.
    """

    def __init__(
        self,
        folder: Path,
        *arguments: object,
        environment: Mapping[str, str] | None = None,
        arrange: Callable[[], None] | None = None,
    ) -> None:
        self._out, self._log = folder / "printed.txt", folder / "log.txt"
        self._out.write_text("")
        self._log.write_text("")
        browser = () if environment else ("--no-browser",)
        self.process = start(["annotate", *arguments, *browser], self._log, self._out, environment or {}, arrange)
        while not self.printed.endswith("\n"):
            assert self.process.exitcode is None, self.log
            time.sleep(0.01)
        self.address = self.printed.strip()
        rest, self.token = self.address.split("/#token=")
        self.port = int(rest.rpartition(":")[2])

    @property
    def printed(self) -> str:
        """Standard output."""
        return self._out.read_text()

    @property
    def log(self) -> str:
        """Standard error, on one line."""
        return " ".join(self._log.read_text().split())

    def wait_until_told(self, sentence: str = "Ctrl-C ends it") -> None:
        """Waits for a sentence on standard error."""
        while sentence not in self.log:
            assert self.process.exitcode is None, self.log
            time.sleep(0.01)

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def get_session(self) -> dict[str, Any]:
        connection = self.connect()
        connection.request("GET", "/api/session", headers={"Authorization": f"Bearer {self.token}"})
        found = json.load(connection.getresponse())
        connection.close()
        return found

    def wait_for_network(self) -> None:
        while (network := self.get_session()["network"])["state"] != "ready":
            assert network["state"] == "loading", network
            time.sleep(0.05)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.join()

    def interrupt(self) -> int:
        """Ctrl-C; the exit code."""
        os.kill(self.process.pid, signal.SIGINT)
        return finish(self.process)


Start = Callable[..., Command]


@contextmanager
def commands(folder: Path, source: Path, root: Path) -> Iterator[Start]:
    """Starts the command on a source and a session folder, with more options; kills all that were started."""
    started: list[Command] = []

    def start_one(*options: object) -> Command:
        started.append(Command(folder, source, "--output", root, *options))
        return started[-1]

    yield start_one
    for server in started:
        server.kill()
