"""A session as a data set in the DAVIS layout, which `evaluate` and `finetune` read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from visorvos.core.annotation.folder import SessionFolder
from visorvos.core.io.atomic import write_file
from visorvos.core.io.frame_reader import FrameReader
from visorvos.core.io.frames import FrameFolder
from visorvos.core.io.images import write_picture
from visorvos.errors import VisorVosError

__all__ = ["EXPORT", "export_session"]

EXPORT = "export"


def export_session(folder: SessionFolder, reader: FrameReader, names: Mapping[int, str]) -> Path:
    """Writes ``OUT/export``: every frame that has a mask, with it, as one sequence of the splits train and val.

    An earlier export is replaced when the new one is complete.

    Args:
        folder: of the session.
        reader: of its frames.
        names: of the objects, by id.

    Returns:
        The folder.

    Raises:
        VisorVosError: if no frame has a mask, or the disk refuses.
    """
    numbers = list(folder)
    if not numbers:
        raise VisorVosError("No frame has a mask to export.", "Draw an object first.")
    part, sequence = folder.root / ".export.part", folder.source.path.stem
    shutil.rmtree(part, ignore_errors=True)
    images, masks = part / "JPEGImages" / "480p" / sequence, part / "Annotations" / "480p" / sequence
    try:
        images.mkdir(parents=True)
        masks.mkdir(parents=True)
        for number in numbers:
            mask = folder.mask_file(number)
            shutil.copyfile(mask, masks / mask.name)
            if isinstance(folder.source, FrameFolder):
                file = folder.source.files[number]
                shutil.copyfile(file, images / file.name)
            else:
                write_picture(images / f"{mask.stem}.jpg", reader[number])
        for split in ("train", "val"):
            write_file(part / "ImageSets" / "2022" / f"{split}.txt", sequence)
            mapping = {sequence: {str(index): name for index, name in names.items()}}
            write_file(part / f"{split}_data_mapping.json", json.dumps(mapping, ensure_ascii=False))
        done, before = folder.root / EXPORT, folder.root / ".export.before"
        shutil.rmtree(before, ignore_errors=True)
        if done.exists():
            done.rename(before)
        part.rename(done)
        shutil.rmtree(before, ignore_errors=True)
    except OSError as error:
        raise VisorVosError(
            f"Cannot write the export in {folder.root}: {error.strerror or error}.", "Check that the disk has room."
        ) from error
    return done
