"""What every request must satisfy before a route sees it."""

from __future__ import annotations

import hmac
import re
import zlib
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class HostGuard:
    """Refuses requests for other hosts (DNS rebinding) and from pages of other origins; adds security headers.

    Args:
        app: what it guards.
        allowed: host names beside those of this machine.
    """

    def __init__(self, app: ASGIApp, allowed: Collection[str] = ()) -> None:
        self._app = app
        self._allowed = LOCAL_HOSTS | {name.lower() for name in allowed}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._refusal(Headers(scope=scope))
        answer = self._app if refusal is None else JSONResponse({"error": refusal}, 403)
        await answer(scope, receive, send_with_headers)

    def _refusal(self, headers: Headers) -> str | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or re.sub(r":[0-9]+$", "", hosts[0].lower()) not in self._allowed:
            return "This host is not allowed. Name it with --allow-host."
        origins = headers.getlist("origin")
        if any(re.sub(r"^https?://", "", origin.lower()) != hosts[0].lower() for origin in origins):
            return "Requests from pages of other origins are not allowed."
        return None


class TokenGuard:
    """Answers 401 without ``Authorization: Bearer TOKEN``."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._app
        if scope["type"] == "http":
            sent = Headers(scope=scope).get("authorization", "")
            if not hmac.compare_digest(sent.encode("latin-1"), self._expected):
                refusal = "The token is missing or wrong. Open the address that visorvos annotate printed."
                answer = JSONResponse({"error": refusal}, 401, {"WWW-Authenticate": "Bearer"})
        await answer(scope, receive, send)


async def read_body(request: Request, max_bytes: int) -> bytes:
    """A request's body, inflated where it is gzipped.

    Args:
        request: whose body to read.
        max_bytes: of the content. A gzipped body may have as many, and some for the format, before it is inflated.

    Raises:
        HTTPException: 413 if it is longer, before or after inflating; 400 if it is not gzip though it says so;
            415 for any other encoding.
    """
    encoding = request.headers.get("content-encoding", "identity")
    if encoding not in ("gzip", "identity"):
        raise HTTPException(415, "Bodies must be gzipped or plain.")
    max_sent = max_bytes if encoding == "identity" else max_bytes + max_bytes // 1000 + 1024
    too_long = HTTPException(413, f"The body must have at most {max_bytes} bytes.")
    inflater = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    sent, body = 0, bytearray()
    async for chunk in request.stream():
        sent += len(chunk)
        if sent > max_sent:
            raise too_long
        try:
            body += chunk if inflater is None else inflater.decompress(chunk, max_bytes + 1 - len(body))
        except zlib.error as error:
            raise HTTPException(400, f"The body is not gzip: {error}.") from error
        if len(body) > max_bytes:
            raise too_long
    if inflater is not None and (not inflater.eof or inflater.unused_data):
        raise HTTPException(400, "The gzipped body is incomplete or has something behind it.")
    return bytes(body)
