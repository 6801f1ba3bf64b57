"""``prepare`` plainly: one frame after another, nothing checked."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from visorvos.core.io.palettes import DAVIS_PALETTE


def prepare_plainly(annotations: Path, images: Path, output: Path) -> None:
    """Writes the frames and masks that ``prepare`` makes of the split train."""
    for file in sorted((annotations / "train").glob("*.json")):
        entries = json.loads(file.read_text())["video_annotations"]
        names = sorted({thing["name"] for entry in entries for thing in entry["annotations"] if thing["segments"]})
        for entry in entries:
            image = entry["image"]
            labels = np.zeros((1080, 1920), np.uint8)
            for thing in entry["annotations"]:
                polygons = [np.array(points).astype(np.int32) for points in thing["segments"]]
                cv2.fillPoly(labels, polygons, (names.index(thing["name"]) + 1,))
            if not labels.any():
                continue
            stem = Path(image["name"]).stem
            for kind in ("Annotations", "JPEGImages"):
                (output / kind / image["subsequence"]).mkdir(parents=True, exist_ok=True)
            mask = Image.fromarray(cv2.resize(labels, (854, 480), interpolation=cv2.INTER_NEAREST))
            mask.putpalette(DAVIS_PALETTE)
            mask.save(output / "Annotations" / image["subsequence"] / f"{stem}.png")
            frame = cv2.imread(str(images / image["video"] / image["name"]))
            assert frame is not None
            small = cv2.resize(frame, (854, 480))
            cv2.imwrite(str(output / "JPEGImages" / image["subsequence"] / image["name"]), small)
