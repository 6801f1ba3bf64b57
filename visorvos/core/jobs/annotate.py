"""``visorvos annotate``: a session folder, the thread that owns the network, and the server of the page."""

from __future__ import annotations

import os
import socket
import sys
import webbrowser
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import numpy as np
import uvicorn
from numpy.typing import NDArray

from visorvos.core.annotation.access import read_access, write_access
from visorvos.core.annotation.folder import SessionFolder, SourceRecord
from visorvos.core.annotation.frame_reader import FrameReader
from visorvos.core.annotation.propagation import Propagator, Worker
from visorvos.core.annotation.server import make_app
from visorvos.core.annotation.session import Session
from visorvos.core.io.frames import FrameSource, open_frames
from visorvos.core.io.given_masks import GivenMasks
from visorvos.core.io.lock import lock_folder
from visorvos.core.runtime.progress import Progress
from visorvos.core.weights.registry import PUBLISHED
from visorvos.errors import VisorVosError
from visorvos.settings.annotate import AnnotateSettings

Labels = NDArray[np.uint8]

DEFAULT_PORT = 8765
_EVERYWHERE = ("0.0.0.0", "::", "")


@dataclass(frozen=True)
class Annotated:
    """What a session holds when the command ends."""

    output: str
    frames: int
    masks: int
    given: int
    objects: dict[int, str]


def annotate(settings: AnnotateSettings, progress: Progress | None = None) -> Annotated:
    """Serves the page until it is interrupted with Ctrl-C.

    Raises:
        VisorVosError: for input that cannot be used, a folder that another process uses, or a port that is taken.
    """
    progress = progress or Progress()
    source = open_frames(settings.frames)
    _check_weights(settings.weights)
    with lock_folder(settings.output):
        reader = FrameReader(source)
        session = _open_session(settings, source, len(reader), progress)
        worker = Worker(session, _loader(settings, source, progress))
        # Reading every frame takes a while, and the page is useful before.
        Thread(target=_check_frames, args=(session, source, progress), daemon=True).start()
        try:
            _serve(settings, session, worker, reader, progress)
        finally:
            session.events.close()
            worker.close()
            reader.close()
    known = session.known
    return Annotated(
        str(settings.output), session.source.frames, len(known.shown), len(known.given), session.objects.names()
    )


def _check_weights(weights: str | None) -> None:
    """Reports a file that does not exist before the page opens. Whatever else is wrong is reported in the page."""
    if weights is not None and "://" not in weights and weights not in PUBLISHED and not Path(weights).exists():
        from visorvos.core.weights.load import find_weights

        find_weights(weights)


def _open_session(settings: AnnotateSettings, source: FrameSource, frames: int, progress: Progress) -> Session:
    """The session of the folder, continued or new."""
    folder = SessionFolder(settings.output, source)
    if settings.masks is not None and folder.is_new:
        for number, labels in GivenMasks(settings.masks, source).items():
            folder.write(number, labels, given=True)
    elif settings.masks is not None:
        progress.say(f"{settings.output} holds a session, which is opened where it was left: --masks is not read.")
    return Session(folder, SourceRecord.of(source, frames), settings.model_dump(mode="json"))


def _check_frames(session: Session, source: FrameSource, progress: Progress) -> None:
    """Reports frames that changed since the session was made."""
    try:
        warning = session.check_frames(source.fingerprint())
    except (VisorVosError, OSError) as error:
        warning = f"The frames could not be compared with those of the session: {error}"
    if warning:
        progress.say(f"Warning: {warning}")


def _serve(
    settings: AnnotateSettings, session: Session, worker: Worker, reader: FrameReader, progress: Progress
) -> None:
    """Serves until Ctrl-C."""
    access = read_access(settings.output)
    usual = [port for port in (access.port, DEFAULT_PORT) if port is not None]
    listening = _listen(settings.host, [*usual, 0] if settings.port is None else [settings.port])
    port = listening.getsockname()[1]
    write_access(settings.output, access.model_copy(update={"port": port}))
    app = make_app(session, worker, reader, access.token, settings.allow_host)
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", server_header=False)
    server = uvicorn.Server(config)
    # In a thread of its own, so that Ctrl-C stays ours: streams of events must end before the server can.
    thread = Thread(target=server.run, args=([listening],), name="annotate-server", daemon=True)
    thread.start()
    try:
        host = "127.0.0.1" if settings.host in _EVERYWHERE else settings.host
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}/#token={access.token}"
        _announce(settings, address, port, progress)
        if settings.browser and _has_display():
            webbrowser.open(address)
        thread.join()
    except KeyboardInterrupt:
        server.should_exit = True
        worker.stop()
        session.events.close()
        thread.join()


def _announce(settings: AnnotateSettings, address: str, port: int, progress: Progress) -> None:
    progress.announce(address)
    if settings.host not in ("127.0.0.1", "localhost", "::1") and not settings.allow_host:
        progress.say(
            f"Requests to {settings.host} are refused: name the hosts that browsers may use with --allow-host."
        )
    progress.say(f"From another machine: ssh -L {port}:127.0.0.1:{port} {_login()} and open the address there.")
    if settings.weights is None:
        progress.say("Without --weights this is a mask editor only: nothing can be propagated.")
    progress.say("Ctrl-C ends it; everything drawn is on disk.")


def _listen(host: str, ports: Sequence[int]) -> socket.socket:
    """A listening socket on the first port that is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in ports:
        try:
            return socket.create_server((host, port), family=family)
        except OSError as error:
            reason = f"Cannot listen on {host}, port {port}: {error.strerror or error}."
    raise VisorVosError(reason, "Choose another --port; 0 takes any free one.")


def _login() -> str:
    return f"{os.environ.get('USER', 'USER')}@{socket.gethostname()}"


def _has_display() -> bool:
    """Whether a browser would appear before the person who typed the command."""
    has_screen = sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    return has_screen and not os.environ.get("SSH_CONNECTION")


def _loader(settings: AnnotateSettings, source: FrameSource, progress: Progress) -> Callable[[], Propagator] | None:
    """A function that loads the network, None without weights."""
    if settings.weights is None:
        return None
    weights = settings.weights

    def load() -> Propagator:
        # PyTorch takes seconds to import, and the page is useful before.
        from visorvos.core.inference.load_network import load_network
        from visorvos.core.inference.propagate import propagate
        from visorvos.core.weights.load import find_weights

        network = load_network(settings, find_weights(weights, progress))
        frames = FrameReader(source)

        def run(
            start: int, stop: int, masks: Mapping[int, Labels], given: Collection[int]
        ) -> Iterator[tuple[int, Labels]]:
            first = start + (1 if stop > start else -1)
            memory = {"every": settings.mem_every, "limit": settings.limit, "size": settings.size}
            return propagate(network.stm, frames, masks, given, first, stop, **memory)

        return run

    return load
