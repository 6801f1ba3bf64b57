"""The state of one annotation session. Knows no HTTP; every method may be called from any thread."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from threading import RLock
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from visorvos._version import __version__
from visorvos.core.annotation.events import EventLog
from visorvos.core.annotation.folder import Record, SessionFolder, SourceRecord
from visorvos.core.annotation.history import History
from visorvos.core.annotation.known import KnownFrames, from_runs, to_runs
from visorvos.core.annotation.objects import MAX_ID, BusyError, ObjectEntry, Objects, default_color
from visorvos.core.annotation.propagation import Propagation
from visorvos.core.labels import object_ids
from visorvos.errors import VisorVosError

Labels = NDArray[np.uint8]

_SECONDS_BETWEEN_RECORDS = 2.0


class StaleMaskError(VisorVosError):
    """A mask was changed elsewhere since the sender read it."""


class Session:
    """Objects, masks and what is known about them, on disk after each change.

    Args:
        folder: of the session.
        source: record of the video.
        settings: of the command, for the record.

    Raises:
        VisorVosError: if the folder belongs to another video or its record cannot be read.
    """

    def __init__(self, folder: SessionFolder, source: SourceRecord, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self.source = source
        self.settings = dict(settings)
        self.events = EventLog()
        self.known = KnownFrames()
        self.objects = Objects()
        self.propagation: Propagation | None = None
        self.network: dict[str, str] = {"state": "none", "message": ""}
        self.warning = ""
        """What is wrong with the video, for the user."""
        self._lock = RLock()
        self._recorded = 0.0
        self.known.given = folder.given_numbers()
        record, recorded = folder.read_record()
        if record is not None:
            self._take_up(record)
        self._history = History(folder, self.known, self.objects)
        self._read_unknown_masks(recorded)
        self._record()

    def state(self) -> dict[str, Any]:
        """All that a page needs to begin with."""
        with self._lock:
            video = self.folder.source
            return {
                "version": self.events.version,
                "title": video.path.name,
                "frames": self.source.frames,
                "width": self.source.width,
                "height": self.source.height,
                "rate": float(video.rate),
                "names": [video.name(number) for number in range(self.source.frames)],
                **self.objects.to_dict(),
                "colors": ["#000000", *(default_color(index) for index in range(1, MAX_ID + 1))],
                "given": sorted(self.known.given),
                "masks": to_runs(self.known.shown),
                "stale": to_runs(self.known.stale),
                "presence": self.known.presence(self.objects.ids),
                "network": self.network,
                "warning": self.warning,
                "propagation": self.propagation.to_dict() if self.propagation else None,
                **self._history.newest(),
            }

    def mask(self, number: int) -> Labels:
        """A frame's mask, uint8 (H, W): all background where there is none."""
        with self._lock:
            if number not in self.known.shown:
                return np.zeros((self.source.height, self.source.width), np.uint8)
            return self.folder[number]

    def save_mask(self, number: int, labels: Labels, expected: str | None = None, given: bool = True) -> str:
        """Takes a mask that a person drew or confirmed.

        Args:
            number: of the frame.
            labels: uint8 (H, W); ids never used before become objects.
            expected: tag of the mask that it replaces (see `mask_tag`), None for any.
            given: False if the frame is not drawn after all, such as after its only stroke was undone.

        Returns:
            The new mask's tag.

        Raises:
            StaleMaskError: if another mask than the expected one is there.
            BusyError: if it shows a deleted object.
        """
        with self._lock:
            before = self.mask(number)
            if expected is not None and expected != mask_tag(before):
                raise StaleMaskError(
                    f"The mask of frame {number} was changed elsewhere.", "Read it again, then apply your change."
                )
            ids = object_ids(labels)
            if self.objects.adopt(ids):
                self._send_objects()
            is_changed = not np.array_equal(before, labels)
            if given or ids:
                self.folder.write(number, labels, given)
                self.known.note(number, ids, given)
            if not given:
                self.folder.remove(number, mask=not ids)
                if not ids and number in self.known.shown:
                    self.known.forget(number)
            if is_changed:
                self.known.outdate_neighbors(number)
                if self.propagation is not None and self.propagation.has_passed(number):
                    self.propagation.outdated = True
            self._record()
            tag = mask_tag(labels)
            self._send_mask(number, tag, stale=to_runs(self.known.stale))
            return tag

    def put_objects(self, objects: Sequence[ObjectEntry]) -> None:
        """Replaces the list of objects.

        Raises:
            BusyError: if an object that masks still show is missing, or an id of a deleted object comes back.
        """
        with self._lock:
            self.objects.replace(objects, lambda index: bool(self.known.showing(index)))
            self._record()
            self._send_objects()

    def delete_object(self, index: int, start: int | None) -> None:
        """See `History.delete`. Raises a BusyError while a propagation runs, as `undo` and `redo` do."""
        self._step(lambda: self._history.delete(index, start))

    def undo(self) -> None:
        """See `History.undo`."""
        self._step(self._history.undo)

    def redo(self) -> None:
        """See `History.redo`."""
        self._step(self._history.redo)

    def begin(self, start: int, stop: int) -> Propagation:
        """Begins a propagation; `accept` takes its masks and `end` ends it.

        Raises:
            BusyError: if one runs, there is no network, or the first frame shows no object.
        """
        with self._lock:
            self._check_idle()
            if self.network["state"] in ("none", "failed"):
                raise BusyError(
                    self.network["message"] or "This session has no network.", "Start annotate again with --weights."
                )
            if not self.known.shown.get(start):
                raise BusyError(f"Frame {start} shows no object.", "Draw one, then propagate.")
            self._history.begin_propagation(start, stop)
            self.propagation = Propagation(start, stop)
            self._send_propagation()
            return self.propagation

    def accept(self, number: int, labels: Labels) -> None:
        """Takes a mask from the network: on disk before its event is sent. A given mask stays as it is."""
        with self._lock:
            running = self.propagation
            if running is None:
                raise RuntimeError("a mask came while no propagation was running")
            running.advance(number)
            if number in self.known.given:
                running.outdated = False
            else:
                self._history.keep(number)
                self.folder.write(number, labels, given=False)
                self.known.note(number, object_ids(labels), False, running.is_backward, running.outdated)
            if time.monotonic() - self._recorded > _SECONDS_BETWEEN_RECORDS:
                self._record()
            self._send_mask(number, "", propagation=running.to_dict())

    def end(self, state: Literal["done", "stopped", "failed"], message: str = "") -> None:
        """Ends the propagation that runs, if any."""
        with self._lock:
            if self.propagation is not None:
                self.propagation.state, self.propagation.message = state, message
                self._record()
                self._send_propagation()
                self.propagation = None

    def set_network(self, state: Literal["loading", "ready", "failed"], message: str = "") -> None:
        """Notes how far the network is."""
        self.network = {"state": state, "message": message}
        self.events.add("network", network=self.network)

    def check_frames(self, files: str) -> str:
        """Compares the frames with those that the session was made from.

        Args:
            files: checksum of the frames' files.

        Returns:
            A sentence for the user, empty if nothing changed or the session has ended.
        """
        with self._lock:
            if self.events.is_closed:
                return ""  # The folder may be another process's by now.
            if self.source.files not in ("", files):
                self.warning = (
                    f"The frames in {self.folder.source.path} changed since this session was made: "
                    "its masks may no longer fit."
                )
                self.events.add("warning", warning=self.warning)
            elif not self.source.files:
                self.source.files = files
                self._record()
            return self.warning

    def _take_up(self, record: Record) -> None:
        """Continues an earlier session."""
        ours, theirs = (one.model_dump(exclude={"path", "files"}) for one in (self.source, record.source))
        if ours != theirs:
            raise VisorVosError(
                f"{self.folder.root} is a session of another video: {record.source.path}, {record.source.frames} "
                f"frames of {record.source.width}x{record.source.height}.",
                "Give its frames, or choose another --output.",
            )
        self.objects = Objects(record.objects, record.next_id)
        self.source.files = record.source.files
        on_disk = set(self.folder)
        shown: dict[int, set[int]] = {number: set() for number in from_runs(record.masks) & on_disk}
        for index, runs in record.presence.items():
            for number in from_runs(runs) & shown.keys():
                shown[number].add(index)
        self.known.shown = {number: frozenset(ids) for number, ids in shown.items()}
        self.known.stale = from_runs(record.stale) & on_disk - self.known.given
        self.known.backward = from_runs(record.backward) & on_disk - self.known.given

    def _read_unknown_masks(self, recorded: float) -> None:
        """Reads the masks that the record, written at that time, does not know: a killed process wrote them."""
        for number in self.folder.newer_than(recorded) | (set(self.folder) - self.known.shown.keys()):
            ids = object_ids(self.folder[number])
            self.objects.adopt(ids, check=False)
            self.known.shown[number] = frozenset(ids)

    def _check_idle(self) -> None:
        if self.propagation is not None:
            raise BusyError("A propagation is running.", "Wait for it, or stop it with Esc.")

    def _record(self) -> None:
        known = self.known
        self.folder.write_record(
            Record(
                visorvos=__version__,
                source=self.source,
                settings=self.settings,
                objects=self.objects.items,
                next_id=self.objects.next_id,
                given=sorted(known.given),
                masks=to_runs(known.shown),
                stale=to_runs(known.stale),
                backward=to_runs(known.backward),
                presence=known.presence(self.objects.ids),
            )
        )
        self._recorded = time.monotonic()

    def _send_mask(self, number: int, tag: str, **more: object) -> None:
        known = self.known
        shown = known.shown.get(number)
        mask = {"objects": None if shown is None else sorted(shown), "given": number in known.given}
        self.events.add("mask", frame=number, tag=tag, **mask, is_stale=number in known.stale, **more)

    def _send_objects(self) -> None:
        self.events.add("objects", **self.objects.to_dict())

    def _send_propagation(self) -> None:
        running = self.propagation
        self.events.add("propagation", propagation=running and running.to_dict(), **self._history.newest())

    def _step(self, act: Callable[[], None]) -> None:
        """Changes masks in one step, and has pages read the whole state again."""
        with self._lock:
            self._check_idle()
            act()
            self._record()
            self.events.add("reset", reason="step")


def mask_tag(labels: Labels) -> str:
    """A text that differs between any two masks: a digest of the ids."""
    return hashlib.blake2b(labels.tobytes(), digest_size=16).hexdigest()
