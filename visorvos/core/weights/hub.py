"""Weights from the Hugging Face Hub, through its own client: its cache, its token, its offline mode."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils.tqdm import disable_progress_bars

from visorvos.errors import VisorVosError, listed

__all__ = ["SCHEME", "HubWeights", "fetch_from_hub", "parse_hub"]

SCHEME = "hf://"
_OWN_FILE = "model.safetensors"
_LISTED = 5


@dataclass(frozen=True)
class HubWeights:
    """A repository of the Hub."""

    repo_id: str
    """USER/NAME."""
    revision: str | None = None
    """Branch, tag or commit; None: the newest."""

    def __str__(self) -> str:
        return f"{SCHEME}{self.repo_id}" + (f"@{self.revision}" if self.revision else "")


def parse_hub(text: str) -> HubWeights:
    """Reads ``hf://USER/NAME`` or ``hf://USER/NAME@REVISION``.

    Raises:
        VisorVosError: for any other text.
    """
    found = re.fullmatch(r"hf://([\w.-]+/[\w.-]+)(?:@([\w./-]+))?", text)
    if found is None:
        raise VisorVosError(
            f"Weights on the Hub must be hf://USER/NAME or hf://USER/NAME@REVISION, got {text}.",
            "Copy USER/NAME from the address of the model's page.",
        )
    return HubWeights(found[1], found[2])


def fetch_from_hub(weights: HubWeights) -> Path:
    """Downloads a repository's weights to the Hub client's cache; without a connection, the cached ones are used.

    Returns:
        The path of ``model.safetensors``, or of the only other ``.safetensors`` or ``.pth`` file.

    Raises:
        VisorVosError: if repository, revision or weights are missing, access is denied, or the Hub cannot be reached
            and its cache does not have them.
    """
    if not sys.stderr.isatty():
        disable_progress_bars()
    try:
        folder = snapshot_download(
            weights.repo_id, revision=weights.revision, allow_patterns=["*.safetensors", "*.pth"], ignore_patterns="*/*"
        )
    except Exception as error:  # the client passes on whatever a proxy or another server makes of its requests
        raise _explained(weights, error) from error
    files = {path.name: path for path in sorted(Path(folder).glob("*.*"))}
    if _OWN_FILE in files:
        return files[_OWN_FILE]
    for suffix in (".safetensors", ".pth"):
        fitting = [name for name in files if name.endswith(suffix)]
        if len(fitting) == 1:
            return files[fitting[0]]
        if fitting:
            raise VisorVosError(
                f"{weights} has no {_OWN_FILE} but several other weights: {listed(fitting, _LISTED)}.",
                "Download the right file and give its path.",
            )
    raise VisorVosError(
        f"{weights} has no weights: no {_OWN_FILE}, and no other .safetensors or .pth file.",
        "Give a repository that was written by STM.push_to_hub.",
    )


def _explained(weights: HubWeights, error: Exception) -> VisorVosError:
    if isinstance(error, GatedRepoError):
        return VisorVosError(
            f"{weights} is gated: the Hub does not let you read it.",
            "Accept its conditions on its page, then log in with `hf auth login` or set HF_TOKEN.",
        )
    if isinstance(error, RepositoryNotFoundError):
        return VisorVosError(
            f"{weights}: the Hub has no such repository, or it is private.",
            "Check the name; for a private one log in with `hf auth login` or set HF_TOKEN.",
        )
    if isinstance(error, RevisionNotFoundError):
        return VisorVosError(f"{weights}: the repository has no such revision.", "Give a branch, tag or commit of it.")
    if isinstance(error, LocalEntryNotFoundError):
        return VisorVosError(
            f"{weights}: the Hub cannot be reached, and its cache does not have these weights.",
            "Check the connection, the proxy, HF_ENDPOINT and HF_HUB_OFFLINE.",
        )
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")
    return VisorVosError(
        f"{weights} could not be downloaded: {reason}.", "Check the connection, the proxy and HF_ENDPOINT."
    )
