"""``visorvos download-weights``: published weights, or those of a Hub repository, as a verified file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from visorvos.core.io.atomic import write_file
from visorvos.core.runtime.progress import Progress
from visorvos.core.weights.checkpoints import read_checkpoint
from visorvos.core.weights.download import cached_file, fetch_published
from visorvos.core.weights.hub import SCHEME, fetch_from_hub
from visorvos.core.weights.registry import PUBLISHED, PublishedWeights
from visorvos.errors import VisorVosError
from visorvos.settings.download_weights import DownloadWeightsSettings


@dataclass(frozen=True)
class DownloadedWeights:
    """Weights that were downloaded, now or before."""

    name: str
    file: str
    backbone: str


@dataclass(frozen=True)
class WeightsList:
    """The published weights."""

    published: tuple[PublishedWeights, ...]
    files: dict[str, str]
    """Downloaded files by name."""

    def to_dict(self) -> dict[str, Any]:
        """The content of ``--json``."""
        return {"weights": [asdict(item) | {"cached": self.files.get(item.name)} for item in self.published]}


def download_weights(
    settings: DownloadWeightsSettings, progress: Progress | None = None
) -> DownloadedWeights | WeightsList:
    """Downloads weights, or lists the published ones.

    Raises:
        VisorVosError: for an unknown name, or if the weights cannot be downloaded or are not those of an STM.
    """
    if settings.list:
        files = {name: str(cached_file(item)) for name, item in PUBLISHED.items() if cached_file(item).is_file()}
        return WeightsList(tuple(PUBLISHED.values()), files)
    name, output = settings.name or "", settings.output
    if name.startswith(SCHEME):
        file = fetch_from_hub(name)
        backbone = read_checkpoint(file).backbone
        if output is not None:
            copy = _place(output, f"{name.removeprefix(SCHEME).partition('@')[0].replace('/', '--')}{file.suffix}")
            write_file(copy, file.read_bytes())
            file = copy
        return DownloadedWeights(name, str(file), backbone)
    if name not in PUBLISHED:
        raise VisorVosError(
            f"NAME must be one of {', '.join(PUBLISHED)}, got {name}.",
            "For weights on the Hub give hf://USER/NAME.",
        )
    published = PUBLISHED[name]
    file = cached_file(published) if output is None else _place(output, f"{name}.pth")
    fetch_published(published, file, progress or Progress())
    return DownloadedWeights(name, str(file), published.backbone)


def _place(output: Path, name: str) -> Path:
    """``output`` if it names a weights file, else the file of that name in the folder ``output``."""
    return output if output.suffix in (".pth", ".safetensors") and not output.is_dir() else output / name
