"""The checkpoints published with the VISOR benchmark: names, links, scores and license."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedWeights:
    """A published checkpoint."""

    name: str
    backbone: str
    trained_on: str
    scores: tuple[float, float, float]
    """J&F, J and F on VISOR val in percent, as published."""
    links: tuple[str, ...]
    """Download links, tried in this order."""
    license: str = "CC BY-NC-SA 4.0"
    license_link: str = "https://creativecommons.org/licenses/by-nc-sa/4.0/"
    megabytes: int = 156


_DROPBOX = "https://www.dropbox.com"
_COCO, _VISOR = "coco_res50.pth", "coco_lr_fix_skip_0_1_release_resnet50_400000_32_399999.pth"

# dl=1 asks Dropbox for the file; dl=0 gives its web page about the file.
PUBLISHED: dict[str, PublishedWeights] = {
    "coco-resnet50": PublishedWeights(
        "coco-resnet50",
        "resnet50",
        "MS-COCO",
        (56.9, 55.5, 58.2),
        (
            f"{_DROPBOX}/scl/fi/6ypsxpm8jw288830r9aqg/{_COCO}?rlkey=50i2inek0fql423mfs64ihwwo&dl=1",
            f"{_DROPBOX}/s/bsy577kflurboav/{_COCO}?dl=1",
        ),
    ),
    "visor-resnet50": PublishedWeights(
        "visor-resnet50",
        "resnet50",
        "MS-COCO, then VISOR",
        (75.8, 73.6, 78.0),
        (
            f"{_DROPBOX}/scl/fi/ur6w7waov2sy6tbkwjtr6/{_VISOR}?rlkey=rxpirzno2t8zuolbqftm253b6&dl=1",
            f"{_DROPBOX}/s/6vkkr6vbx7ybku3/{_VISOR}?dl=1",
        ),
    ),
}
"""By name. The scores of visor-resnet50 exclude each sequence's last frame; with it they are 76.4, 74.2 and 78.6."""
