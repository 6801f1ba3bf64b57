"""The objects of a session. An id is never used twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from visorvos.core.report.colors import bright_palette
from visorvos.errors import VisorVosError

MAX_ID = 255


class BusyError(VisorVosError):
    """The session's state does not allow this now."""


class ObjectEntry(BaseModel):
    """One object, as `annotate.json` and the page know it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: int = Field(ge=1, le=MAX_ID)
    name: str = Field(default="", max_length=100)
    color: str = Field(default="", pattern=r"^(#[0-9a-f]{6})?$")
    hidden: bool = False
    locked: bool = False


class Objects:
    """The list of objects, and the lowest id that is still free.

    Args:
        items: the objects.
        next_id: above every id that was ever used.
    """

    def __init__(self, items: Iterable[ObjectEntry] = (), next_id: int = 1) -> None:
        self.items = list(items)
        self.next_id = next_id

    @property
    def ids(self) -> list[int]:
        return [item.id for item in self.items]

    def names(self) -> dict[int, str]:
        """Names by id."""
        return {item.id: item.name for item in self.items}

    def to_dict(self) -> dict[str, Any]:
        return {"objects": [item.model_dump() for item in self.items], "next_id": self.next_id}

    def find(self, index: int) -> ObjectEntry | None:
        return next((item for item in self.items if item.id == index), None)

    def replace(self, items: Sequence[ObjectEntry], is_shown: Callable[[int], bool]) -> None:
        """Replaces the list.

        Args:
            items: the new list.
            is_shown: whether a mask shows an object.

        Raises:
            BusyError: if an object that masks still show is missing, or an id of a deleted object comes back.
        """
        ids = [item.id for item in items]
        if len(set(ids)) < len(ids):
            raise BusyError(f"Object ids must differ, got {ids}.", "Give each object an id of its own.")
        missing = [index for index in self.ids if index not in ids and is_shown(index)]
        if missing:
            raise BusyError(f"Object {missing[0]} is missing, but masks show it.", "Delete it everywhere first.")
        self._use(set(ids) - set(self.ids))
        self.items = [_with_defaults(item) for item in items]

    def adopt(self, ids: Iterable[int], check: bool = True) -> bool:
        """Makes objects of unknown ids; whether there were any.

        Raises:
            BusyError: if ``check`` is on and an id was used before.
        """
        new = set(ids) - set(self.ids)
        self._use(new, check)
        self.items += [_with_defaults(ObjectEntry(id=index)) for index in sorted(new)]
        return bool(new)

    def restore(self, item: ObjectEntry) -> None:
        """Brings a deleted object back."""
        if item.id not in self.ids:
            self.items = sorted([*self.items, item], key=lambda item: item.id)

    def remove(self, index: int) -> None:
        self.items = [item for item in self.items if item.id != index]

    def _use(self, ids: set[int], check: bool = True) -> None:
        spent = sorted(index for index in ids if index < self.next_id)
        if check and spent:
            raise BusyError(f"The id {spent[0]} was used before.", f"The next id is {self.next_id}.")
        self.next_id = max([self.next_id, *(index + 1 for index in ids)])


def _with_defaults(item: ObjectEntry) -> ObjectEntry:
    defaults = {"name": item.name or f"object {item.id}", "color": item.color or default_color(item.id)}
    return item.model_copy(update=defaults)


def default_color(index: int) -> str:
    """An object's color as "#rrggbb", until the user chooses another."""
    return f"#{bright_palette({})[3 * index : 3 * index + 3].hex()}"
