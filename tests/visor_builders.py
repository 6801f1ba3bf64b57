"""A tiny VISOR release, in every form in which the real one is met."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

RELEASE = "2v6cgv1x04ol22qp9rm9x2j6a7"
SPARSE = "GroundTruth-SparseAnnotations"
DENSE = "Interpolations-DenseAnnotations"


def box(left: int, top: int, right: int, bottom: int) -> list[list[float]]:
    """A rectangle as a polygon; its corners are pixels of it."""
    return [[left + 0.9, top + 0.2], [right, top], [right, bottom], [left, bottom]]


def entity(name: str, *polygons: list[list[float]]) -> dict[str, Any]:
    return {"id": f"id of {name}", "name": name, "class_id": 3, "exhaustive": "y", "segments": list(polygons)}


def frame(video: str, sequence: str, number: int, *entities: dict[str, Any]) -> dict[str, Any]:
    name = f"{video}_frame_{number:010d}.jpg"
    image = {
        "image_path": f"{video.split('_')[0]}/{video}/{name}",
        "name": name,
        "subsequence": f"{video}_{sequence}",
        "video": video,
    }
    return {"image": image, "annotations": list(entities)}


KNIFE, CUP = box(200, 200, 599, 599), box(400, 400, 1199, 799)
HOLE, SPOON = box(300, 300, 399, 399), box(1300, 100, 1500, 900)
OUTSIDE = box(3000, 3000, 3100, 3100)


def tiny_annotations() -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Frames by split and video.

    train P01_01: seq_00001 has a cup over a knife with a hole, then both and a spoon, then a spoon; its frames
    are not in order. seq_00002 is too short.
    val P07_101 (unseen): in seq_00001 a spoon comes in the second frame, alone in the third (an empty mask), and
    a polygon outside of the fourth frame leaves that empty too. seq_00002 starts without an object.
    """
    train, val = "P01_01", "P07_101"
    return {
        "train": {
            train: [
                frame(train, "seq_00001", 30, entity("spoon", SPOON)),
                frame(train, "seq_00001", 10, entity("knife", KNIFE, HOLE), entity("cup", CUP), entity("fork")),
                frame(train, "seq_00001", 20, entity("cup", CUP), entity("knife", KNIFE), entity("spoon", SPOON)),
                frame(train, "seq_00002", 40, entity("knife", KNIFE)),
                frame(train, "seq_00002", 50, entity("knife", KNIFE)),
            ]
        },
        "val": {
            val: [
                frame(val, "seq_00001", 10, entity("knife", KNIFE), entity("cup", CUP)),
                frame(val, "seq_00001", 20, entity("spoon", SPOON), entity("cup", CUP)),
                frame(val, "seq_00001", 30, entity("spoon", SPOON)),
                frame(val, "seq_00001", 40, entity("cup", OUTSIDE)),
                frame(val, "seq_00002", 50, entity("knife")),
                frame(val, "seq_00002", 60, entity("spoon", SPOON), entity("knife", KNIFE)),
                frame(val, "seq_00002", 70, entity("knife", KNIFE), entity("spoon", SPOON)),
            ]
        },
    }


def picture(seed: int, height: int = 108, width: int = 192) -> bytes:
    """A JPEG of smooth colors."""
    small = np.random.default_rng(seed).integers(0, 256, (9, 16, 3), dtype=np.uint8)
    return cv2.imencode(".jpg", cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))[1].tobytes()


@dataclass
class Release:
    """Annotations and frames, to be written in one form or another."""

    annotations: dict[str, dict[str, list[dict[str, Any]]]]
    pictures: dict[str, dict[str, bytes]]
    """JPEG by video and file name."""

    @classmethod
    def tiny(cls, annotations: dict[str, dict[str, list[dict[str, Any]]]] | None = None) -> Release:
        annotations = annotations or tiny_annotations()
        pictures: dict[str, dict[str, bytes]] = {}
        for videos in annotations.values():
            for frames in videos.values():
                for seed, entry in enumerate(frames):
                    image = entry["image"]
                    pictures.setdefault(image["video"], {})[image["name"]] = picture(seed)
        return cls(annotations, pictures)

    def json_files(self) -> dict[str, bytes]:
        """JSON by SPLIT/VIDEO.json."""
        return {
            f"{split}/{video}.json": json.dumps({"video_annotations": frames}).encode()
            for split, videos in self.annotations.items()
            for video, frames in videos.items()
        }

    def split_of(self, video: str) -> str:
        return next(split for split, videos in self.annotations.items() if video in videos)

    def write_folders(self, root: Path) -> tuple[Path, Path]:
        """annotations/SPLIT/VIDEO.json and images/VIDEO/FRAME.jpg."""
        for name, content in self.json_files().items():
            put(root / "annotations" / name, content)
        for video, pictures in self.pictures.items():
            for name, content in pictures.items():
                put(root / "images" / video / name, content)
        return root / "annotations", root / "images"

    def write_release(self, root: Path) -> Path:
        """The release's own folder, with one zip file of frames for each video."""
        for name, content in self.release_files(zipfile.ZIP_DEFLATED).items():
            put(root / RELEASE / name, content)
        return root / RELEASE

    def write_zip(self, root: Path, method: int, inner: int = zipfile.ZIP_DEFLATED) -> Path:
        """The release's one zip of zips, whose members are stored or compressed."""
        files = {f"{RELEASE}/{name}": content for name, content in self.release_files(inner).items()}
        put(root / f"{RELEASE}.zip", zipped(files, method))
        return root / f"{RELEASE}.zip"

    def release_files(self, inner: int) -> dict[str, bytes]:
        files = {f"{SPARSE}/annotations/{name}": content for name, content in self.json_files().items()}
        for video, pictures in self.pictures.items():
            place = f"{SPARSE}/rgb_frames/{self.split_of(video)}/{video.split('_')[0]}/{video}.zip"
            files[place] = zipped(pictures, inner)
        files["frame_mapping.json"] = b"{}"
        return files


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2022, 8, 1, 0, 0, 0)), content, method)
    return buffer.getvalue()


def contents(root: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
