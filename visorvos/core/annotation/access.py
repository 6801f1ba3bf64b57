"""Token and port of a session's server, kept so that an open page continues when the command is started again."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from pydantic import BaseModel, ValidationError

from visorvos.core.io.atomic import atomic_write

_FILE = ".server.json"


class Access(BaseModel):
    """How a page reaches the server of one session folder."""

    token: str
    port: int | None
    """The port last used; None for a new session."""
    folder: tuple[int, int]
    """Device and inode of the session folder: a copy of it, or one from an archive, gets a token of its own."""


def read_access(root: Path) -> Access:
    """The token and port that a session folder had before, or a new token.

    A token that anybody else could have read or put there is not used.
    """
    place = root.stat()
    folder = (place.st_dev, place.st_ino)
    try:
        with (root / _FILE).open("rb") as file:
            stat = os.fstat(file.fileno())
            access = Access.model_validate_json(file.read())
    except (OSError, ValidationError):
        access = None
    is_private = os.name == "nt" or (access is not None and not stat.st_mode & 0o077 and stat.st_uid == os.getuid())
    if access is not None and is_private and access.folder == folder and len(access.token) >= 32:
        return access
    return Access(token=secrets.token_urlsafe(24), port=None, folder=folder)


def write_access(root: Path, access: Access) -> None:
    """Writes them to a file that only its owner can read."""
    with atomic_write(root / _FILE) as part:
        part.unlink(missing_ok=True)
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(access.model_dump_json())
