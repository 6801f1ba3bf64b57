"""The checkpoints published with the VISOR benchmark: what they are and where they lie."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PUBLISHED", "PublishedWeights"]


@dataclass(frozen=True)
class PublishedWeights:
    """A published checkpoint."""

    name: str
    backbone: str
    trained_on: str
    scores: tuple[float, float, float]
    """J&F, J and F on VISOR val in percent, as published."""
    file: str
    """Its name there."""
    links: tuple[str, ...]
    """Where it lies, the newest first."""
    license: str = "CC BY-NC-SA 4.0"
    license_link: str = "https://creativecommons.org/licenses/by-nc-sa/4.0/"
    megabytes: int = 156
    """About: its tensors have 155,947,408 bytes."""


_COCO, _VISOR = "coco_res50.pth", "coco_lr_fix_skip_0_1_release_resnet50_400000_32_399999.pth"

PUBLISHED: dict[str, PublishedWeights] = {
    released.name: released
    for released in (
        PublishedWeights(
            "coco-resnet50",
            "resnet50",
            "MS-COCO",
            (56.9, 55.5, 58.2),
            _COCO,
            (
                f"https://www.dropbox.com/scl/fi/6ypsxpm8jw288830r9aqg/{_COCO}?rlkey=50i2inek0fql423mfs64ihwwo&dl=0",
                f"https://www.dropbox.com/s/bsy577kflurboav/{_COCO}?dl=0",
            ),
        ),
        PublishedWeights(
            "visor-resnet50",
            "resnet50",
            "MS-COCO, then VISOR",
            (75.8, 73.6, 78.0),
            _VISOR,
            (
                f"https://www.dropbox.com/scl/fi/ur6w7waov2sy6tbkwjtr6/{_VISOR}?rlkey=rxpirzno2t8zuolbqftm253b6&dl=0",
                f"https://www.dropbox.com/s/6vkkr6vbx7ybku3/{_VISOR}?dl=0",
            ),
        ),
    )
}
"""By name. The scores of visor-resnet50 leave each sequence's last frame out; with it they are 76.4, 74.2, 78.6."""
