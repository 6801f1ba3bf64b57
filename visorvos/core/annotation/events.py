"""What happened in a session, numbered, for everyone who follows it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Any

Event = dict[str, Any]

_KEPT = 2000


class EventLog:
    """The newest events. They are numbered from 1 on."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=_KEPT)
        self._version = 0
        self._listeners: list[Callable[[], object]] = []
        self._lock = Lock()
        self.is_closed = False
        """Whether no event will come any more."""

    @property
    def version(self) -> int:
        """The number of the newest event, 0 before the first."""
        return self._version

    def add(self, kind: str, **fields: object) -> None:
        """Adds an event and calls every listener."""
        with self._lock:
            self._version += 1
            self._events.append({"version": self._version, "event": kind, **fields})
        self._call()

    def close(self) -> None:
        """Says that no event will come any more."""
        self.is_closed = True
        self._call()

    def since(self, version: int) -> list[Event]:
        """Events after a version; a single "reset" where some of them are no longer kept."""
        with self._lock:
            oldest = self._events[0]["version"] if self._events else self._version + 1
            if version > self._version or version < oldest - 1:
                return [{"version": self._version, "event": "reset"}]
            return [event for event in self._events if event["version"] > version]

    def listen(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Calls ``listener`` after each event, in the thread that adds it; the returned function ends this."""
        with self._lock:
            self._listeners.append(listener)

        def end() -> None:
            with self._lock, suppress(ValueError):
                self._listeners.remove(listener)

        return end

    def _call(self) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener()
