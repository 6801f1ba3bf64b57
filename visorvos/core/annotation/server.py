"""The routes of `visorvos annotate`."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, Router
from starlette.staticfiles import StaticFiles

from visorvos.core.annotation.export import export_session
from visorvos.core.annotation.frame_reader import FrameReader
from visorvos.core.annotation.guard import HostGuard, TokenGuard, read_body
from visorvos.core.annotation.objects import MAX_ID, BusyError, ObjectEntry
from visorvos.core.annotation.propagation import Worker
from visorvos.core.annotation.session import Session, StaleMaskError, mask_tag
from visorvos.core.io.frames import FrameFolder
from visorvos.core.io.images import encode_jpeg
from visorvos.errors import VisorVosError

_PAGE = Path(__file__).parent / "page"
_MAX_JSON = 1 << 18
_QUIET_SECONDS = 15.0
"""An empty line is sent after as long without events, so that both sides notice a lost connection."""
_FORMATS = {b"\xff\xd8": "image/jpeg", b"\x89P": "image/png", b"BM": "image/bmp", b"RI": "image/webp"}


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Objects(_Body):
    objects: list[ObjectEntry] = Field(max_length=MAX_ID)


class _Range(_Body):
    start: int = Field(alias="from")
    stop: int | None = Field(None, alias="to")
    direction: Literal["forward", "backward"] = "forward"


class _Deletion(_Body):
    id: int
    start: int | None = Field(None, alias="from")
    """None: everywhere."""


class _Undo(_Body):
    redo: bool = False


def make_app(
    session: Session, worker: Worker, reader: FrameReader, token: str, allowed_hosts: Collection[str] = ()
) -> Starlette:
    """The application: the page at /, everything else below /api and only with the token.

    Args:
        session: what is served.
        worker: runs its propagations.
        reader: of its frames.
        token: see `TokenGuard`.
        allowed_hosts: see `HostGuard`.
    """
    routes = _Routes(session, worker, reader)
    api = Router(
        [
            Route("/session", routes.get_session),
            Route("/frames/{number:int}", routes.get_frame),
            Route("/masks/{number:int}", routes.get_mask, methods=["GET"]),
            Route("/masks/{number:int}", routes.put_mask, methods=["PUT"]),
            Route("/objects", routes.put_objects, methods=["PUT"]),
            Route("/delete-object", routes.delete_object, methods=["POST"]),
            Route("/propagate", routes.propagate, methods=["POST"]),
            Route("/stop", routes.stop, methods=["POST"]),
            Route("/undo-propagation", routes.undo, methods=["POST"]),
            Route("/events", routes.get_events),
            Route("/export", routes.export, methods=["POST"]),
        ]
    )
    app = Starlette(
        routes=[
            Mount("/api", TokenGuard(api, token)),
            Mount("/", StaticFiles(directory=_PAGE, html=True)),
        ],
        exception_handlers={HTTPException: _explain_http, VisorVosError: _explain},
    )
    app.add_middleware(HostGuard, allowed=allowed_hosts)
    return app


@dataclass(frozen=True)
class _Routes:
    """One method per route."""

    session: Session
    worker: Worker
    reader: FrameReader

    def get_session(self, request: Request) -> Response:
        return JSONResponse(self.session.state())

    def get_frame(self, request: Request) -> Response:
        number = self._number(request)
        source = self.reader.source
        stat = (source.files[number] if isinstance(source, FrameFolder) else source.path).stat()
        tag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}-{number}"'
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        if isinstance(source, FrameFolder):
            content = source.files[number].read_bytes()
            return Response(content, media_type=_FORMATS.get(content[:2], "image/png"), headers=headers)
        return Response(encode_jpeg(self.reader[number]), media_type="image/jpeg", headers=headers)

    def get_mask(self, request: Request) -> Response:
        labels = self.session.mask(self._number(request))
        headers = {"ETag": f'"{mask_tag(labels)}"', "Content-Encoding": "gzip"}
        content = gzip.compress(labels.tobytes(), compresslevel=1)
        return Response(content, media_type="application/octet-stream", headers=headers)

    async def put_mask(self, request: Request) -> Response:
        number = self._number(request)
        height, width = self.session.source.height, self.session.source.width
        body = await read_body(request, height * width)
        if len(body) != height * width:
            raise HTTPException(400, f"A mask must have {height * width} bytes, one per pixel, got {len(body)}.")
        expected = request.headers.get("if-match", "*").strip()
        labels = np.frombuffer(body, np.uint8).reshape(height, width)
        given = request.query_params.get("given", "true") != "false"
        tag = await run_in_threadpool(
            self.session.save_mask, number, labels, None if expected == "*" else expected.strip('"'), given
        )
        return Response(status_code=204, headers={"ETag": f'"{tag}"'})

    async def put_objects(self, request: Request) -> Response:
        await run_in_threadpool(self.session.put_objects, (await _json(request, _Objects)).objects)
        return Response(status_code=204)

    async def delete_object(self, request: Request) -> Response:
        deletion = await _json(request, _Deletion)
        await run_in_threadpool(self.session.delete_object, deletion.id, deletion.start)
        return Response(status_code=204)

    async def propagate(self, request: Request) -> Response:
        wanted = await _json(request, _Range)
        is_forward = wanted.direction == "forward"
        last = self.session.source.frames - 1
        stop = (last if is_forward else 0) if wanted.stop is None else wanted.stop
        if not (0 <= wanted.start <= last and 0 <= stop <= last) or (stop > wanted.start) != is_forward:
            raise HTTPException(400, f"There is nothing to propagate {wanted.direction} from {wanted.start} to {stop}.")
        await run_in_threadpool(self.worker.propagate, wanted.start, stop)
        return Response(status_code=202)

    async def stop(self, request: Request) -> Response:
        self.worker.stop()
        return Response(status_code=204)

    async def undo(self, request: Request) -> Response:
        is_redo = (await _json(request, _Undo)).redo
        await run_in_threadpool(self.session.redo if is_redo else self.session.undo)
        return Response(status_code=204)

    async def export(self, request: Request) -> Response:
        session = self.session
        path, notes = await run_in_threadpool(
            export_session, session.folder, self.reader, session.objects.names(), session.known
        )
        return JSONResponse({"path": str(path), "notes": notes})

    async def get_events(self, request: Request) -> Response:
        try:
            since = int(request.query_params.get("since", "0"))
        except ValueError:
            raise HTTPException(400, "since must be the number of an event.") from None
        return StreamingResponse(self._events(since), media_type="application/x-ndjson")

    async def _events(self, since: int) -> AsyncIterator[str]:
        """A line per event, from the one after ``since`` on, until the client leaves or the server ends."""
        loop, happened = asyncio.get_running_loop(), asyncio.Event()
        log = self.session.events
        end = log.listen(lambda: loop.call_soon_threadsafe(happened.set))
        try:
            while not log.is_closed:
                happened.clear()
                for event in log.since(since):
                    since = event["version"]
                    yield f"{json.dumps(event)}\n"
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(happened.wait(), _QUIET_SECONDS)
                    continue
                yield "\n"
        finally:
            end()

    def _number(self, request: Request) -> int:
        number: int = request.path_params["number"]
        if number >= self.session.source.frames:
            raise HTTPException(404, f"There is no frame {number}; there are {self.session.source.frames}.")
        return number


async def _json(request: Request, model: type[Any]) -> Any:  # noqa: ANN401 - an instance of the model
    body = await read_body(request, _MAX_JSON) or b"{}"
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        fault = error.errors()[0]
        raise HTTPException(400, f"{'.'.join(map(str, fault['loc'])) or 'body'}: {fault['msg']}.") from error


async def _explain_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _explain(request: Request, error: Exception) -> Response:
    status = 412 if isinstance(error, StaleMaskError) else 409 if isinstance(error, BusyError) else 400
    return JSONResponse({"error": str(error)}, status)
