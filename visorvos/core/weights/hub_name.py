"""How weights on the Hugging Face Hub are named."""

from __future__ import annotations

import re
from dataclasses import dataclass

from visorvos.errors import VisorVosError

__all__ = ["SCHEME", "HubWeights", "parse_hub"]

SCHEME = "hf://"


@dataclass(frozen=True)
class HubWeights:
    """A repository of the Hub."""

    repo_id: str
    """USER/NAME."""
    revision: str | None = None
    """A branch, tag or commit; None is the newest."""

    def __str__(self) -> str:
        return f"{SCHEME}{self.repo_id}" + (f"@{self.revision}" if self.revision else "")


def parse_hub(text: str) -> HubWeights:
    """Reads ``hf://USER/NAME`` or ``hf://USER/NAME@REVISION``.

    Raises:
        VisorVosError: for another form.
    """
    found = re.fullmatch(r"hf://([\w.-]+/[\w.-]+)(?:@([\w./-]+))?", text)
    if found is None:
        raise VisorVosError(f"{text} names no repository of the Hub.", "Its form is hf://USER/NAME or with @REVISION.")
    return HubWeights(found[1], found[2])
