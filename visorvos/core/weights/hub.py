"""Weights from the Hugging Face Hub, through its own client: its cache, its token, its offline mode."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from huggingface_hub import errors, snapshot_download
from huggingface_hub.utils.tqdm import disable_progress_bars

from visorvos.errors import VisorVosError, listed

SCHEME = "hf://"
_OWN_FILE = "model.safetensors"

_FAULTS: dict[type[Exception], tuple[str, str]] = {
    errors.GatedRepoError: (
        "the Hub does not let you read this gated repository",
        "Accept its conditions on its page, then log in with `hf auth login` or set HF_TOKEN.",
    ),
    errors.RepositoryNotFoundError: (
        "the Hub has no such repository, or it is private",
        "Check the name; for a private one log in with `hf auth login` or set HF_TOKEN.",
    ),
    errors.RevisionNotFoundError: ("the repository has no such revision", "Give one of its branches, tags or commits."),
    errors.LocalEntryNotFoundError: (
        "the Hub cannot be reached, and its cache does not have these weights",
        "Check the connection, the proxy, HF_ENDPOINT and HF_HUB_OFFLINE.",
    ),
}


def fetch_from_hub(name: str) -> Path:
    """Downloads a repository's weights to the Hub client's cache; without a connection, the cached ones are used.

    Args:
        name: ``hf://USER/NAME`` or ``hf://USER/NAME@REVISION``, with a branch, tag or commit.

    Returns:
        The path of ``model.safetensors``, or of the only other ``.safetensors`` or ``.pth`` file.

    Raises:
        VisorVosError: if repository, revision or weights are missing, access is denied, or the Hub cannot be reached
            and its cache does not have them.
    """
    found = re.fullmatch(rf"{SCHEME}([\w.-]+/[\w.-]+)(?:@([\w./-]+))?", name)
    if found is None:
        raise VisorVosError(
            f"Weights on the Hub must be hf://USER/NAME or hf://USER/NAME@REVISION, got {name}.",
            "Copy USER/NAME from the address of the model's page.",
        )
    if not sys.stderr.isatty():
        disable_progress_bars()
    patterns = ["*.safetensors", "*.pth"]
    try:
        folder = snapshot_download(found[1], revision=found[2], allow_patterns=patterns, ignore_patterns="*/*")
    except Exception as error:  # the client passes on whatever a proxy or another server makes of its requests
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")
        unknown = (f"the download failed: {first_line}", "Check the connection, the proxy and HF_ENDPOINT.")
        reason, remedy = next((fault for kind, fault in _FAULTS.items() if isinstance(error, kind)), unknown)
        raise VisorVosError(f"{name}: {reason}.", remedy) from error
    for pattern in (_OWN_FILE, *patterns):
        files = sorted(Path(folder).glob(pattern))
        if len(files) == 1:
            return files[0]
        if files:
            raise VisorVosError(
                f"{name} has no {_OWN_FILE} but several other weights: {listed([f.name for f in files], 5)}.",
                "Download the right file and give its path.",
            )
    raise VisorVosError(
        f"{name} has no weights: no {_OWN_FILE}, and no other .safetensors or .pth file.",
        "Give a repository that was written by STM.push_to_hub.",
    )
