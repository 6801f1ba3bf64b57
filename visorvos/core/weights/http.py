"""Large files over HTTP: gone on with after a break, tried again, bounded, and never a web page in their place."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import httpx2

from visorvos._version import __version__
from visorvos.core.io.atomic import make_folder
from visorvos.errors import VisorVosError

__all__ = ["Patience", "ServerError", "Transferred", "download", "remove_partial"]

_LONGEST_WAIT = 60.0
_LONGEST_CALL, _MOST_CALLS = 10.0, 3
"""Seconds to wait for a connection, and attempts to get one: who is offline should hear of it soon."""
_MOST_REDIRECTS = 10
_BY_HAND = "Open the link in a browser, download the file there and give its path."
_TOO_MANY_REQUESTS, _PARTIAL, _NO_SUCH_RANGE = 429, 206, 416


class Transferred(NamedTuple):
    """How far a transfer is."""

    done: int
    """Bytes there so far."""
    total: int | None
    """Bytes in all, where the server says."""


@dataclass(frozen=True)
class Patience:
    """How long to go on with a server that fails."""

    delays: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0)
    """Seconds before each further attempt; a server may ask for up to a minute in their place."""
    timeout: float = 30.0
    """Seconds to wait for the next bytes."""


@dataclass(frozen=True)
class _Source:
    """What the bytes already there are from; the same mark means the same content."""

    url: str
    mark: str
    """The server's ETag or, where it has none, its date of last modification."""
    total: int | None


class ServerError(VisorVosError):
    """The server is at fault: another may do better."""


class _AgainError(Exception):
    """What may be gone by the next attempt."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait
        """Seconds that the server asks for."""


def download(
    url: str, part: Path, most: int, tell: Callable[[str], None], patience: Patience | None = None
) -> Iterator[Transferred]:
    """Fetches a file; the whole of it lies at ``part`` when the iteration ends.

    What is there after a failure is gone on with by the next call, if the server still has the same content: it is
    asked for the rest on that condition. Proxies are taken from the environment.

    Args:
        url: https or http. Dropbox's links to its page of a file are turned into those to the file.
        part: where to write. A file of its name and ``.json`` beside it says what its bytes are from.
        most: number of bytes that the file may have.
        tell: hears of failed attempts, a sentence each.
        patience: how often to try again, and when.

    Yields:
        How far it is, at least once.

    Raises:
        ServerError: where the server has no such file, sends a page or too much, redirects to where it must not,
            or goes on failing.
        VisorVosError: where the file cannot be written.
    """
    patience = patience or Patience()
    url = _direct(url)
    make_folder(part.parent)
    with _client(patience.timeout) as client:
        for attempt, delay in enumerate((*patience.delays, None), start=1):
            try:
                yield from _attempt(client, url, part, most)
                return
            except (httpx2.TransportError, _AgainError) as error:  # noqa: PERF203 - each attempt fails by itself
                unreached = isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout))
                if delay is None or (unreached and attempt == _MOST_CALLS):
                    raise _given_up(url, part, attempt, _reason(error)) from error
                wait = min(max(delay, getattr(error, "wait", 0.0)), _LONGEST_WAIT)
                tell(f"The download stopped: {_reason(error)}. Trying again in {wait:.0f} s.")
                time.sleep(wait)
            except httpx2.InvalidURL as error:
                raise ServerError(f"{url} could not be downloaded: {error}.", _BY_HAND) from error
            except OSError as error:
                remove_partial(part)
                raise VisorVosError(
                    f"Cannot write {part}: {error.strerror or error}.", "Check that the disk has room."
                ) from error


def _client(timeout: float) -> httpx2.Client:
    try:
        headers = {"Accept-Encoding": "identity", "User-Agent": f"visorvos/{__version__}"}
        limits = httpx2.Timeout(timeout, connect=min(timeout, _LONGEST_CALL))
        return httpx2.Client(headers=headers, timeout=limits)
    except (httpx2.InvalidURL, ImportError, OSError, ValueError) as error:
        raise VisorVosError(
            f"The proxy or the certificates that the environment names cannot be used: {error}.",
            "Mend HTTPS_PROXY, ALL_PROXY or SSL_CERT_FILE; a proxy is http://HOST:PORT.",
        ) from error


def _attempt(client: httpx2.Client, url: str, part: Path, most: int) -> Iterator[Transferred]:
    """One request, for what is still missing."""
    source = _source(part, url)
    done = part.stat().st_size if source else 0
    if source and done and done == source.total:
        yield Transferred(done, done)
        return
    conditions = {"Range": f"bytes={done}-", "If-Range": source.mark} if source and done else {}
    with closing(_follow(client, client.build_request("GET", url, headers=conditions))) as response:
        _refuse_status(response, url, part)
        total = _total(response)
        mark = _mark(response)
        if response.status_code == _PARTIAL:
            same = source and mark in ("", source.mark) and (total is None or source.total in (None, total))
            if not same or _start(response) != done:
                remove_partial(part)
                raise _AgainError("the server went on with another file than it began with")
        else:
            done = 0
        _refuse_size(url, part, total, done, most)
        if done == 0:
            remove_partial(part)
            if mark:
                _note(part).write_text(json.dumps(asdict(_Source(url, mark, total))), encoding="utf-8")
        yield Transferred(done, total)
        with part.open("ab") as file:
            for block in response.iter_raw():
                if done == 0:
                    _refuse_page(response, url, part, block)
                if done + len(block) > min(most, total if total is not None else most):
                    file.close()
                    remove_partial(part)
                    raise ServerError(f"{url} sends more bytes than it states or can be meant.", _BY_HAND)
                file.write(block)
                done += len(block)
                yield Transferred(done, total)
    if total is not None and done < total:
        raise _AgainError(f"the connection ended after {done:,} of {total:,} bytes")
    if done == 0:
        raise _AgainError("the server sent nothing")


def _follow(client: httpx2.Client, request: httpx2.Request) -> httpx2.Response:
    """The answer to a request after redirects, whose bodies are not read; they never lead from https elsewhere."""
    first = request.url
    for _ in range(_MOST_REDIRECTS + 1):
        response = client.send(request, stream=True)
        if response.next_request is None:
            return response
        response.close()
        request = response.next_request
        if request.url.scheme != "https" and (request.url.scheme, first.scheme) != ("http", "http"):
            raise ServerError(f"{first} redirects to {request.url}, and only https is followed.", _BY_HAND)
    raise ServerError(f"{first} redirects again and again.", _BY_HAND)


def _refuse_status(response: httpx2.Response, url: str, part: Path) -> None:
    status = response.status_code
    if status == _NO_SUCH_RANGE:
        remove_partial(part)
        raise _AgainError("the server has fewer bytes than before")
    if status == _TOO_MANY_REQUESTS or status >= 500:
        asked = response.headers.get("Retry-After", "")
        wait = float(asked) if asked.isdecimal() else 0.0
        raise _AgainError(f"the server answered {status} {response.reason_phrase}", wait)
    if status not in (200, _PARTIAL):
        raise ServerError(f"{url}: the server answered {status} {response.reason_phrase}.", _BY_HAND)
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise ServerError(f"{url}: the server encodes the file though asked not to.", _BY_HAND)


def _refuse_page(response: httpx2.Response, url: str, part: Path, start: bytes) -> None:
    """Refuses a web page: of a login, a consent, or a file that is gone."""
    is_page = start.lstrip(b"\xef\xbb\xbf \t\r\n")[:14].lower().startswith((b"<!doctype html", b"<html", b"<head"))
    if is_page or response.headers.get("Content-Type", "").lower().startswith("text/html"):
        remove_partial(part)
        raise ServerError(
            f"{url} sends a web page in place of the file: it asks for a login, or the file is gone.", _BY_HAND
        )


def _refuse_size(url: str, part: Path, total: int | None, done: int, most: int) -> None:
    if total is None:
        return
    if total > most:
        remove_partial(part)
        raise ServerError(f"{url} is to have {total:,} bytes, more than can be meant.", _BY_HAND)
    free = shutil.disk_usage(part.parent).free
    if total - done > free:
        raise VisorVosError(
            f"{part.parent} has room for {free:,} bytes; {url} needs {total - done:,}.",
            "Make room, or choose another folder.",
        )


def _direct(url: str) -> str:
    """The link to a file in place of that to Dropbox's page about it."""
    parsed = httpx2.URL(url)
    return str(parsed.copy_set_param("dl", "1")) if parsed.host in ("www.dropbox.com", "dropbox.com") else url


def _total(response: httpx2.Response) -> int | None:
    stated = response.headers.get("Content-Length", "")
    if response.status_code == _PARTIAL:
        stated = response.headers.get("Content-Range", "").rpartition("/")[2]
    return int(stated) if stated.isdecimal() else None


def _mark(response: httpx2.Response) -> str:
    """What changes when the content does; an ETag that is weak does not."""
    tag = response.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")


def _start(response: httpx2.Response) -> int | None:
    unit, _, rest = response.headers.get("Content-Range", "").partition(" ")
    start = rest.partition("-")[0]
    return int(start) if unit == "bytes" and start.isdecimal() else None


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _source(part: Path, url: str) -> _Source | None:
    """What the bytes already there are from; None where they cannot be gone on with."""
    if not part.is_file():
        return None
    try:
        source = _Source(**json.loads(_note(part).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return source if source.url == url and isinstance(source.mark, str) else None


def remove_partial(part: Path) -> None:
    """Removes what a download has written."""
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def _given_up(url: str, part: Path, attempts: int, reason: str) -> ServerError:
    kept = part.stat().st_size if _source(part, url) else 0
    if not kept:
        remove_partial(part)
    again = f": it goes on from {kept / 1e6:.1f} MB" if kept else ""
    return ServerError(
        f"{url} could not be downloaded in {attempts} attempt{'s' * (attempts > 1)}: {reason}.",
        f"Check the connection and the proxy, then start the command again{again}.",
    )


def _reason(error: Exception) -> str:
    if isinstance(error, httpx2.TimeoutException):
        return "the server did not answer in time"
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error)).rstrip(".") or type(error).__name__
