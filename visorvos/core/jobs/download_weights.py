"""``visorvos download-weights``: published weights, or those of a Hub repository, to a verified file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from visorvos.core.runtime.progress import NoProgress, Progress
from visorvos.core.weights.cache import cached_file, copy_weights
from visorvos.core.weights.checkpoints import load_weights
from visorvos.core.weights.hub import fetch_from_hub
from visorvos.core.weights.hub_name import SCHEME, HubWeights, parse_hub
from visorvos.core.weights.registry import PUBLISHED, PublishedWeights
from visorvos.core.weights.resolve import download_released
from visorvos.errors import VisorVosError
from visorvos.settings.download_weights import DownloadWeightsSettings

__all__ = ["DownloadedWeights", "WeightsList", "download_weights"]


@dataclass(frozen=True)
class DownloadedWeights:
    """Weights that are there now."""

    name: str
    file: str
    backbone: str

    def to_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


@dataclass(frozen=True)
class WeightsList:
    """What is published."""

    released: tuple[PublishedWeights, ...]
    files: dict[str, str]
    """Those that are in the cache, by name."""

    def to_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {"weights": [asdict(item) | {"cached": self.files.get(item.name)} for item in self.released]}


def download_weights(
    settings: DownloadWeightsSettings, progress: Progress | None = None
) -> DownloadedWeights | WeightsList:
    """Downloads weights, or lists those that are published.

    Raises:
        VisorVosError: where there are none of that name, they cannot be downloaded, or are not an STM's.
    """
    progress = progress or NoProgress()
    if settings.list:
        files = {name: str(cached_file(item)) for name, item in PUBLISHED.items() if cached_file(item).is_file()}
        return WeightsList(tuple(PUBLISHED.values()), files)
    if settings.repo_id is not None:
        return _from_hub(HubWeights(settings.repo_id, settings.revision), settings.output)
    name = settings.name or ""
    if name.startswith(SCHEME):
        return _from_hub(parse_hub(name), settings.output)
    released = PUBLISHED.get(name)
    if released is None:
        raise VisorVosError(
            f"No weights named {name} are published.", f"Choose one of {', '.join(PUBLISHED)}, or give --repo-id."
        )
    file = cached_file(released) if settings.output is None else _place(settings.output, f"{released.name}.pth")
    download_released(released, file, progress)
    return DownloadedWeights(released.name, str(file), released.backbone)


def _from_hub(weights: HubWeights, output: Path | None) -> DownloadedWeights:
    file = fetch_from_hub(weights)
    backbone = load_weights(file).backbone
    if output is not None:
        place = _place(output, f"{weights.repo_id.replace('/', '--')}{file.suffix}")
        copy_weights(file, place)
        file = place
    return DownloadedWeights(str(weights), str(file), backbone)


def _place(output: Path, name: str) -> Path:
    """A file's path as given, or in the folder that was given."""
    return output if output.suffix in (".pth", ".safetensors") and not output.is_dir() else output / name
