"""Whole propagations and deletions, which are undone and redone in one step. What was drawn since then stays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from visorvos.core.annotation.folder import SessionFolder
from visorvos.core.annotation.known import KnownFrames
from visorvos.core.annotation.objects import BusyError, ObjectEntry, Objects
from visorvos.core.annotation.undo import UndoSteps
from visorvos.core.labels import object_ids


class History:
    """Changes masks in steps.

    Args:
        folder: of the session.
        known: what is known about its masks; kept up to date.
        objects: of the session; a deletion removes one.
    """

    def __init__(self, folder: SessionFolder, known: KnownFrames, objects: Objects) -> None:
        self._folder = folder
        self._known = known
        self._objects = objects
        self._done = UndoSteps(folder.root / ".undo")
        self._undone = UndoSteps(folder.root / ".redo")

    def newest(self) -> dict[str, Any]:
        """The steps that `undo` and `redo` would take, None where there is none."""
        return {"undo": self._done.newest(), "redo": self._undone.newest()}

    def begin_propagation(self, start: int, stop: int) -> None:
        """Begins a step. What was undone before can no longer be redone."""
        self._undone.clear()
        self._done.begin(kind="propagation", start=start, stop=stop)

    def keep(self, number: int) -> None:
        """Keeps a frame's mask before the propagation replaces it."""
        self._keep(self._done, number)

    def delete(self, index: int, start: int | None) -> None:
        """Removes an object from the masks of frame ``start`` and all later ones; None: from everything.

        Raises:
            BusyError: if the object does not exist.
        """
        entry = self._objects.find(index)
        if entry is None:
            raise BusyError(f"Object not found: {index}.", "Reload the page.")
        self._undone.clear()
        self._delete(entry, start)

    def undo(self) -> None:
        """Undoes the newest step.

        Raises:
            BusyError: if nothing can be undone.
        """
        step = self._done.newest()
        if step is None:
            raise BusyError("There is nothing to undo.", "Propagations and deletions can be undone.")
        self._undone.begin(**step)
        if step["kind"] == "deletion":
            self._undelete(ObjectEntry.model_validate(step["object"]))
        else:
            self._swap(self._done, self._undone)
        self._done.drop()

    def redo(self) -> None:
        """Redoes the step that `undo` undid last.

        Raises:
            BusyError: if nothing can be redone.
        """
        step = self._undone.newest()
        if step is None:
            raise BusyError("There is nothing to redo.", "Only what was just undone can be redone.")
        if step["kind"] == "deletion":
            self._delete(ObjectEntry.model_validate(step["object"]), step["start"])
        else:
            self._done.begin(**step)
            self._swap(self._undone, self._done)
        self._undone.drop()

    def _keep(self, steps: UndoSteps, number: int) -> None:
        known = self._known
        steps.keep(number, self._folder.mask_file(number), number in known.stale, number in known.backward)

    def _rewrite(self, number: int, labels: NDArray[np.uint8]) -> None:
        """Replaces a mask and leaves all else that is known about its frame."""
        self._folder.write(number, labels, number in self._known.given)
        self._known.shown[number] = frozenset(object_ids(labels))

    def _delete(self, entry: ObjectEntry, start: int | None) -> None:
        self._done.begin(kind="deletion", object=entry.model_dump(), start=start)
        for number in self._known.showing(entry.id, start or 0):
            self._keep(self._done, number)
            labels = self._folder[number]
            self._rewrite(number, np.where(labels == entry.id, 0, labels).astype(np.uint8))
        if start is None:
            self._objects.remove(entry.id)

    def _undelete(self, entry: ObjectEntry) -> None:
        """Brings a deleted object back wherever nothing was drawn since."""
        self._objects.restore(entry)
        for old in self._done.replaced():
            if old.number in self._known.shown and old.mask.is_file():
                now, was_there = self._folder[old.number], self._folder.read(old.mask) == entry.id
                self._rewrite(old.number, np.where(was_there & (now == 0), entry.id, now).astype(np.uint8))

    def _swap(self, steps: UndoSteps, reverse: UndoSteps) -> None:
        """Restores the masks that a propagation replaced, and keeps those that are there in the reverse step."""
        for old in steps.replaced():
            number = old.number
            if number in self._known.given:
                continue
            self._keep(reverse, number)
            if old.mask.is_file():
                labels = self._folder.read(old.mask)
                self._rewrite(number, np.where(np.isin(labels, self._objects.ids), labels, 0).astype(np.uint8))
                self._known.note(number, self._known.shown[number], False, old.backward, old.stale)
            elif number in self._known.shown:
                self._folder.remove(number, mask=True)
                self._known.forget(number)
