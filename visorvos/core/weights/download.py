"""Download of published checkpoints to a cache, verified once and checked against their SHA-256 from then on.

No checksum is published for them, so that of the first good download is recorded beside the file.
"""

from __future__ import annotations

import os
import re
import socket
import sys
import time
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path

from torch.hub import download_url_to_file

from visorvos.core.io.atomic import make_folder, write_file
from visorvos.core.io.paths import HOME_VARIABLE, cache_folder
from visorvos.core.runtime.progress import Progress
from visorvos.core.runtime.run_state import checksum
from visorvos.core.weights.checkpoints import read_checkpoint
from visorvos.core.weights.registry import PublishedWeights
from visorvos.errors import VisorVosError

TIMEOUT = 30.0


def cached_file(weights: PublishedWeights) -> Path:
    """The place of a published checkpoint in the cache, downloaded or not."""
    return cache_folder() / "weights" / f"{weights.name}.pth"


def fetch_published(
    weights: PublishedWeights, file: Path, progress: Progress, delays: Sequence[float] = (0.0, 2.0, 10.0)
) -> Path:
    """Downloads a published checkpoint, or checks the one that was downloaded before.

    Args:
        weights: the checkpoint.
        file: where to put it; its SHA-256 goes to ``FILE.sha256``.
        progress: shows the license before a download, and each failed attempt.
        delays: seconds before each round of attempts; a round tries every link.

    Returns:
        ``file``.

    Raises:
        VisorVosError: if no link gives a checkpoint of the right backbone, or the file is not the one recorded.
    """
    record = file.with_name(f"{file.name}.sha256")
    # Version 0.1.0 recorded it in another file.
    written = next((path for path in (record, file.with_name(f"{file.name}.json")) if path.is_file()), record)
    text = written.read_text(encoding="utf-8", errors="replace") if written.is_file() else ""
    recorded = re.findall(r"\b[0-9a-f]{64}\b", text)[:1]
    if file.exists():
        if recorded != [checksum(file)]:
            raise VisorVosError(
                f"{file} is not the file that visorvos downloaded: {written.name} has another SHA-256 or is missing.",
                "Remove the file and run the command again, or use it by its path: --weights FILE.",
            )
        return file
    progress.say(
        f"{weights.name}: about {weights.megabytes} MB, license {weights.license} ({weights.license_link}): "
        "no commercial use; credit the authors; share alike."
    )
    make_folder(file.parent)
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    faults: list[str] = []
    for delay, link in ((delay, link) for delay in delays for link in weights.links):
        if link == weights.links[0]:
            time.sleep(delay)
        try:
            _download(link, part)
            sha256 = _verified(part, weights, recorded)
            write_file(record, f"{sha256}  {file.name}\n")
            part.replace(file)
            return file
        except (VisorVosError, HTTPException, OSError) as error:
            reason = error.message.replace(str(part), "downloaded") if isinstance(error, VisorVosError) else str(error)
            faults.append(f"{link}: {reason.removeprefix('<urlopen error ').rstrip('.>') or type(error).__name__}.")
            progress.say(f"Download failed. {faults[-1]}")
        finally:
            part.unlink(missing_ok=True)
    raise VisorVosError(
        f"{weights.name} could not be downloaded. {' '.join(dict.fromkeys(faults))}",
        f"Check the connection, HTTPS_PROXY and the room in {file.parent} ({HOME_VARIABLE} names another folder); "
        "or download a link with a browser and give the file's path.",
    )


def _download(link: str, part: Path) -> None:
    before = socket.getdefaulttimeout()
    # torch.hub sets no timeout, and would wait forever for a server that does not answer.
    socket.setdefaulttimeout(TIMEOUT)
    try:
        download_url_to_file(link, str(part), progress=sys.stderr.isatty())
    finally:
        socket.setdefaulttimeout(before)


def _verified(part: Path, weights: PublishedWeights, recorded: list[str]) -> str:
    """The SHA-256 of a download, if it is the checkpoint that it should be."""
    with part.open("rb") as file:
        start = file.read(200).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head")):
        raise OSError("The server sent a web page instead of the file; it may ask for a login")
    backbone = read_checkpoint(part).backbone
    if backbone != weights.backbone:
        raise OSError(f"The backbone must be {weights.backbone}, got {backbone}")
    sha256 = checksum(part)
    if recorded not in ([], [sha256]):
        raise OSError(f"The SHA-256 must be {recorded[0]}, that of the first download, got {sha256}")
    return sha256
