"""Weights from the Hugging Face Hub, by way of its own client: its cache, its token, its offline mode."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import httpx2
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils.tqdm import disable_progress_bars

from visorvos.core.io.paths import is_safe_name
from visorvos.core.weights.hub_name import HubWeights
from visorvos.errors import VisorVosError, listed

__all__ = ["fetch_from_hub"]

_OWN_FILE = "model.safetensors"
_MOST_BYTES = 4 << 30
_LISTED = 5
_TIMEOUT = 30.0


def fetch_from_hub(weights: HubWeights) -> Path:
    """The repository's weights in the Hub client's cache, downloaded unless they are there.

    ``model.safetensors``, or the repository's only other ``.safetensors`` or ``.pth`` file.

    Raises:
        VisorVosError: where there is no such repository, revision or file, it may not be read, it is too large, or
            the Hub cannot be reached and the cache does not have it.
    """
    if not sys.stderr.isatty():
        disable_progress_bars()
    try:
        sizes = _files(weights)
        if sizes is None:
            return _from_cache(weights)
        name = _pick(weights, list(sizes))
        if sizes[name] > _MOST_BYTES:
            raise VisorVosError(f"{weights}: {name} has {sizes[name]:,} bytes, more than can be meant.", "Check it.")
        return Path(hf_hub_download(weights.repo_id, name, revision=weights.revision))
    except (HfHubHTTPError, HFValidationError, OSError, httpx2.HTTPError) as error:
        raise _explain(weights, error) from error


def _files(weights: HubWeights) -> dict[str, int] | None:
    """The repository's files and their sizes in bytes; None where the Hub cannot be asked."""
    try:
        info = HfApi().model_info(weights.repo_id, revision=weights.revision, files_metadata=True, timeout=_TIMEOUT)
    except (OfflineModeIsEnabled, httpx2.TransportError):
        return None
    except HfHubHTTPError as error:
        if error.response.status_code < 500:
            raise
        return None
    except HFValidationError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise VisorVosError(
            f"{weights}: what answered is no Hub: {error}.", "Check HF_ENDPOINT, and whether a proxy wants a login."
        ) from error
    return {entry.rfilename: entry.size or 0 for entry in info.siblings or ()}


def _from_cache(weights: HubWeights) -> Path:
    folder = Path(snapshot_download(weights.repo_id, revision=weights.revision, local_files_only=True))
    return folder / _pick(weights, [path.name for path in folder.iterdir() if path.is_file()])


def _pick(weights: HubWeights, names: Sequence[str]) -> str:
    """The file of a repository that holds its weights."""
    if _OWN_FILE in names:
        return _OWN_FILE
    for suffix in (".safetensors", ".pth"):
        fitting = [name for name in names if name.endswith(suffix) and is_safe_name(name)]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise VisorVosError(
                f"{weights} has no {_OWN_FILE}, and several files that may be meant: {listed(fitting, _LISTED)}.",
                "Download the right one and give its path.",
            )
    raise VisorVosError(
        f"{weights} has no weights: no {_OWN_FILE}, and no other .safetensors or .pth file.",
        "Give a repository that STM.push_to_hub has written.",
    )


def _explain(weights: HubWeights, error: Exception) -> VisorVosError:
    if isinstance(error, GatedRepoError):
        return VisorVosError(
            f"{weights} is gated: the Hub does not let you read it.",
            "Accept its conditions on its page, then log in with `hf auth login` or set HF_TOKEN.",
        )
    if isinstance(error, RepositoryNotFoundError):
        return VisorVosError(
            f"{weights}: the Hub has no such repository, or does not show it to you.",
            "Check the name; for a private one log in with `hf auth login` or set HF_TOKEN.",
        )
    if isinstance(error, RevisionNotFoundError):
        return VisorVosError(f"{weights}: the repository has no such revision.", "Give a branch, tag or commit of it.")
    if isinstance(error, (LocalEntryNotFoundError, OfflineModeIsEnabled)):
        return VisorVosError(
            f"{weights}: the Hub cannot be reached, and its cache does not have these weights.",
            "Check the connection, the proxy, HF_ENDPOINT and HF_HUB_OFFLINE.",
        )
    lines = str(error).strip().splitlines()
    reason = lines[0].rstrip(".:") if lines else type(error).__name__
    return VisorVosError(f"{weights} could not be downloaded: {reason}.", "Try again later, or check the connection.")
